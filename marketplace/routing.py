"""Numbers in addresses: what no row and no year can be is no number, instead of one too large for the database."""

from __future__ import annotations

import re
from typing import Any

from werkzeug.routing import IntegerConverter, Map

LARGEST = 2**63 - 1


class RowIdConverter(IntegerConverter):
    """<int:…> up to 63 bits, in ASCII digits; anything longer is 404."""

    regex = r"[0-9]{1,19}"

    def __init__(self, map: Map, *args: Any, **options: Any) -> None:  # noqa: A002  the name that Werkzeug passes
        options.setdefault("max", LARGEST)
        super().__init__(map, *args, **options)


def row_id(text: str) -> int:
    """For request.args.get(…, type=row_id): a row id as typed, ValueError (so the default) for anything else."""
    if not re.fullmatch(r"[0-9]{1,19}", text, re.ASCII) or int(text) > LARGEST:
        raise ValueError(text)
    return int(text)


def calendar_year(text: str) -> int:
    """For request.args.get(…, type=calendar_year): a year of four digits, ValueError for anything else."""
    if not re.fullmatch(r"[12][0-9]{3}", text, re.ASCII):
        raise ValueError(text)
    return int(text)
