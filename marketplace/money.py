"""Money in integer fen: reading, writing, dividing. No float ever touches it."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_FEN = 10**15  # 10 trillion yuan: far above any order, far below 64 bits
_YUAN = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,2}))?", re.ASCII)
_GROUPED = re.compile(r"(?<![0-9,])[0-9]{1,3}(,[0-9]{3})+(?![0-9,])", re.ASCII)
_FULL_WIDTH = str.maketrans("０１２３４５６７８９．，", "0123456789.,")


def plain_digits(text: str) -> str:
    """Full-width digits made plain, and commas between thousands taken away; any other comma stays, and is refused."""
    plain = text.strip().translate(_FULL_WIDTH)
    return plain.replace(",", "") if _GROUPED.search(plain) else plain


def bare_amount(text: str) -> str:
    """A typed amount of yuan without its sign of money."""
    return plain_digits(text).removeprefix("¥").removesuffix("元").strip()


def parse_yuan(text: str) -> int:
    """Fen from a typed amount of yuan such as 49.9; ValueError for anything else."""
    found = _YUAN.fullmatch(bare_amount(text))
    if not found:
        raise ValueError(text)
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def format_fen(fen: int, grouping: bool = True) -> str:
    """49.90, or 1,234.50: always two decimals, the sign in front."""
    sign = "-" if fen < 0 else ""
    yuan, rest = divmod(abs(fen), 100)
    return f"{sign}{yuan:,}.{rest:02d}" if grouping else f"{sign}{yuan}.{rest:02d}"


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Divide fen by weights so that the parts sum to the total; leftover fen go to the largest remainders."""
    if not weights:
        raise ValueError("nothing to divide among")
    whole = sum(weights)
    if whole == 0:
        return allocate(total, [1] * len(weights))
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def share_half_up(total: int, part: int, whole: int) -> int:
    """total × part ÷ whole, rounded half up to the fen; for amounts that are not negative."""
    return (2 * total * part + whole) // (2 * whole)
