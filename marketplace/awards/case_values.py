"""Single values of a what-if file: each is read exactly or refused with the path at which it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from marketplace.awards.parameters import has_places

FIRST_YEAR, LAST_YEAR = 2000, 2100
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)
MOST_YUAN = 10**13
LONGEST_INTEGER = 40
GANZHOU = timezone(timedelta(hours=8))

_PLAIN_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
Reader = Callable[[Any, str], T]
REQUIRED: Any = object()


class Malformed(Exception):
    """What is wrong in a line, and at which path."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path
        self.what = what


class Unreadable:
    """A number beyond what the decimal type can hold: no field accepts it."""


class Item(dict[str, Any]):
    """A JSON object that remembers the keys it was given twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__()
        self.twice: str | None = None
        for key, value in pairs:
            if key in self and self.twice is None:
                self.twice = key
            self[key] = value


def parse(text: str) -> Any:
    """JSON without a binary float anywhere; raises ValueError or RecursionError for what is none."""
    return json.loads(
        text,
        object_pairs_hook=Item,
        parse_float=_decimal,
        parse_int=lambda digits: int(digits) if len(digits) <= LONGEST_INTEGER else _decimal(digits),
        parse_constant=_refuse_constant,
    )


def _decimal(text: str) -> Decimal | Unreadable:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Unreadable()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


class Fields:
    """The fields of one JSON object, taken one by one; `finish` refuses what nobody asked for."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, Item):
            raise Malformed(path, "must be an object")
        if value.twice is not None:
            raise Malformed(join(path, value.twice), "given twice")
        self.path = path
        self.item = value
        self._asked: set[str] = set()

    def has(self, name: str) -> bool:
        return name in self.item

    def take(self, name: str, read: Reader[T], default: Any = REQUIRED) -> T:
        """The field read at its own path; the default when it is missing, a refusal when there is none."""
        self._asked.add(name)
        path = join(self.path, name)
        if name in self.item:
            return read(self.item[name], path)
        if default is REQUIRED:
            raise Malformed(path, "is missing")
        return default

    def exactly_one(self, first: str, second: str) -> str:
        """The name of the one that is given; both or none are refused at the object's own path."""
        if self.has(first) == self.has(second):
            raise Malformed(self.path, f"must have exactly one of {first}, {second}")
        return first if self.has(first) else second

    def finish(self) -> None:
        for name in self.item:
            if name not in self._asked:
                raise Malformed(join(self.path, name), "unknown field")


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def anything(value: Any, path: str) -> Any:
    return value


def text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise Malformed(path, "must be a text")
    return value


def flag(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise Malformed(path, "must be true or false")
    return value


def one_of(*options: str) -> Reader[str]:
    def read(value: Any, path: str) -> str:
        if not isinstance(value, str) or value not in options:
            raise Malformed(path, f"must be one of {', '.join(options)}")
        return value

    return read


def member(enum: type[E]) -> Reader[E]:
    choose = one_of(*enum)
    return lambda value, path: enum(choose(value, path))


def many(read: Reader[T], *, at_least: int = 0) -> Reader[tuple[T, ...]]:
    def read_list(value: Any, path: str) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise Malformed(path, "must be a list")
        if len(value) < at_least:
            raise Malformed(path, "must not be empty")
        return tuple(read(one, f"{path}[{index}]") for index, one in enumerate(value))

    return read_list


def nullable(read: Reader[T]) -> Reader[T | None]:
    return lambda value, path: None if value is None else read(value, path)


def decimal(value: Any, path: str) -> Decimal:
    """A finite number, or a plain decimal text such as "50000000.01"; never through a binary float."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _PLAIN_DECIMAL.fullmatch(value):
        return Decimal(value)
    raise Malformed(path, "must be a number or a plain decimal text")


def yuan(value: Any, path: str) -> int:
    """An amount in fen: 0 to 10^13 yuan, at most two decimals by value."""
    amount = decimal(value, path)
    if amount < 0 or amount > MOST_YUAN:
        raise Malformed(path, "must be from 0 to 10000000000000")
    if not has_places(amount, 2):
        raise Malformed(path, "must have at most two decimals")
    return round(amount.scaleb(2)) if amount else 0


def square_metres(value: Any, path: str) -> Decimal:
    area = decimal(value, path)
    if area <= 0 or area > MOST_YUAN or not has_places(area, 2):
        raise Malformed(path, "must be above 0, with at most two decimals")
    return area


def year(value: Any, path: str) -> int:
    """A whole number written without a point."""
    if not isinstance(value, int) or isinstance(value, bool) or not FIRST_YEAR <= value <= LAST_YEAR:
        raise Malformed(path, f"must be a whole year from {FIRST_YEAR} to {LAST_YEAR}")
    return value


def whole(least: int, most: int) -> Reader[int]:
    def read(value: Any, path: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Malformed(path, f"must be a whole number from {least} to {most}")
        return value

    return read


def day(value: Any, path: str) -> date:
    """A date, or a time with offset taken as the date in Ganzhou."""
    found = _day_in_ganzhou(value) if isinstance(value, str) else None
    if found is None:
        raise Malformed(path, "must be a date (2015-12-31) or a time with offset (2015-12-31T16:00:00Z)")
    if not FIRST_DAY <= found <= LAST_DAY:
        raise Malformed(path, f"must lie from {FIRST_DAY} to {LAST_DAY}")
    return found


def _day_in_ganzhou(written: str) -> date | None:
    try:
        if _DAY.fullmatch(written):
            return date.fromisoformat(written)
        moment = _MOMENT.fullmatch(written)
        if moment is None:
            return None
        minutes, seconds, offset = moment.groups()
        stamp = datetime.fromisoformat(f"{minutes}:{seconds or '00'}{'+00:00' if offset == 'Z' else offset}")
        return stamp.astimezone(GANZHOU).date()
    except (ValueError, OverflowError):
        return None


optional_day = nullable(day)


def by_year(read: Reader[T]) -> Reader[dict[int, T]]:
    """An object whose keys are years as text."""

    def read_years(value: Any, path: str) -> dict[int, T]:
        fields = Fields(value, path)
        found = {}
        for key in value:
            if not re.fullmatch(r"[0-9]{4}", key) or not FIRST_YEAR <= int(key) <= LAST_YEAR:
                raise Malformed(join(path, key), f"must be a year from {FIRST_YEAR} to {LAST_YEAR}")
            found[int(key)] = fields.take(key, read)
        return found

    return read_years
