"""Money is read, written and divided to the fen, whatever is typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.money import MAX_FEN, allocate, format_fen, parse_yuan, share_half_up

FEN = st.integers(0, MAX_FEN)


@pytest.mark.parametrize(
    ("typed", "fen"),
    [
        ("49.90", 4990),
        ("49.9", 4990),
        ("49", 4900),
        ("0", 0),
        ("0.01", 1),
        ("007.5", 750),
        (" 58 ", 5800),
        ("1,234.50", 123450),
        ("１２．５", 1250),
        ("１，２３４", 123400),
        ("¥49.90", 4990),
        ("49.9元", 4990),
        ("¥ 49.90 元", 4990),
        ("9999999999999.99", 999999999999999),
    ],
)
def test_typed_amount_is_read(typed: str, fen: int) -> None:
    assert parse_yuan(typed) == fen


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "-1", "+1", "1.234", "1.", ".5", "1e3", "NaN", "inf", "1_000", "0x10", "٣", "१२", "1..2", "1.2.3",
        "1 000", "12345678901234", "9" * 4000, "四十九", "49;90", "49.90\x00", "½", "²", "--1", "¥", "元",
    ],
)  # fmt: skip
def test_unreadable_amount_is_refused(typed: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the text itself is all there is to say
        parse_yuan(typed)


@given(st.text())
def test_whatever_is_typed_is_an_amount_or_refused(typed: str) -> None:
    try:
        fen = parse_yuan(typed)
    except ValueError:
        return
    assert 0 <= fen < 10**15


@given(FEN)
def test_a_written_amount_is_read_as_the_same(fen: int) -> None:
    if fen < 10**15:
        assert parse_yuan(format_fen(fen)) == fen
        assert parse_yuan(format_fen(fen, grouping=False)) == fen


@pytest.mark.parametrize(
    ("fen", "shown"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (-5, "-0.05"),
        (4990, "49.90"),
        (-123456, "-1,234.56"),
        (2_500_000_000, "25,000,000.00"),
    ],
)
def test_amount_is_written_with_two_decimals_and_its_sign_in_front(fen: int, shown: str) -> None:
    assert format_fen(fen) == shown


@given(FEN, st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_parts_sum_to_the_whole_and_none_is_a_fen_off(total: int, weights: list[int]) -> None:
    parts = allocate(total, weights)
    assert sum(parts) == total
    whole = sum(weights) or len(weights)
    for part, weight in zip(parts, weights if sum(weights) else [1] * len(weights), strict=True):
        exact = total * weight
        assert abs(part * whole - exact) < whole


@given(st.integers(-MAX_FEN, -1), st.lists(st.integers(1, 10**6), min_size=1, max_size=9))
def test_what_is_taken_back_is_divided_to_the_fen_as_well(total: int, weights: list[int]) -> None:
    assert sum(allocate(total, weights)) == total


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (1, [1, 1], [1, 0]),
        (10, [0, 0], [5, 5]),
        (7, [0, 1], [0, 7]),
        (0, [3, 4], [0, 0]),
        (1000, [9980, 5800], [632, 368]),
    ],
)
def test_leftover_fen_go_to_the_largest_remainders_first_come_first(
    total: int, weights: list[int], parts: list[int]
) -> None:
    assert allocate(total, weights) == parts


def test_nothing_is_divided_among_nobody() -> None:
    with pytest.raises(ValueError, match="nothing to divide among"):
        allocate(100, [])


@given(st.integers(0, 10**12), st.integers(0, 10**6), st.integers(1, 10**6))
def test_shares_are_rounded_as_they_say(total: int, part: int, whole: int) -> None:
    half = share_half_up(total, part, whole)
    assert 2 * abs(half * whole - total * part) <= whole


def test_half_a_fen_is_rounded_up() -> None:
    assert share_half_up(1, 1, 2) == 1
    assert share_half_up(3, 1, 2) == 2
    assert share_half_up(1, 1, 3) == 0


@pytest.mark.parametrize("typed", ["49,90", "1,5", "1,23,456", ",5", "1,", "１，２", "1,2345"])
def test_a_comma_that_is_none_between_thousands_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_yuan(typed)


def test_commas_between_thousands_are_read() -> None:
    assert parse_yuan("1,234,567.80") == 123_456_780
    assert parse_yuan("１，２３４") == 123_400
