"""Pages by key: each thing stands on exactly one of them, whatever the size."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.accounts.models import User
from marketplace.paging import page_of, page_of_rows


@pytest.mark.parametrize("size", [1, 3, 100])
def test_pages_put_together_are_the_whole_list_in_falling_order(app: Flask, size: int) -> None:
    with app.app_context():
        whole, none = page_of(select(User), User.id, None, 1000)
        ids: list[int] = []
        following: int | None = None
        while True:
            page, following = page_of(select(User), User.id, following, size)
            assert 0 < len(page) <= size
            ids += [user.id for user in page]
            if following is None:
                break
    assert none is None
    assert len(ids) > 3
    assert ids == sorted((user.id for user in whole), reverse=True)


def test_page_that_is_just_full_has_none_after_it(app: Flask) -> None:
    with app.app_context():
        whole, _none = page_of(select(User), User.id, None, 1000)
        assert page_of(select(User), User.id, None, len(whole))[1] is None


def test_rows_bring_their_columns_and_their_key(app: Flask) -> None:
    with app.app_context():
        rows, following = page_of_rows(select(User.name, User.phone), User.id, None, 2)
    assert [len(row) for row in rows] == [3, 3]
    assert following == rows[-1][2]


def test_nothing_is_an_empty_last_page(app: Flask) -> None:
    with app.app_context():
        assert page_of(select(User), User.id, 0, 5) == ([], None)
