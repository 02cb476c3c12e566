"""How an expected part is held against a result: only what it names is compared."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any


def differences(expected: Any, found: Any, path: str = "") -> list[str]:
    """What differs, one sentence each; empty when the result is as expected."""
    if expected is None:
        return [] if found is None else [f"{path}: {found!r} instead of nothing"]
    if path.endswith(".reasons"):
        codes = {reason["code"] for reason in found or []}
        return [f"{path}: {code} is missing from {sorted(codes)}" for code in expected if code not in codes]
    if isinstance(expected, dict):
        if not isinstance(found, dict) or (not expected and found):
            return [f"{path}: {found!r} instead of {expected!r}"]
        return [
            line
            for key, part in expected.items()
            for line in differences(part, found.get(key), f"{path}.{key}")
        ]
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return [f"{path}: {found!r} instead of {expected!r}"]
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for index, (one, other) in pairs for line in differences(one, other, f"{path}[{index}]")]
    same = expected == found or (_number(expected) is not None and _number(expected) == _number(found))
    return [] if same else [f"{path}: {found!r} instead of {expected!r}"]


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
