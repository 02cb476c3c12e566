"""The watch over statements on sellers' tables (tests/scoping.py), and its list of functions that need no seller."""

from __future__ import annotations

import ast

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.database import db, run_in_transaction
from marketplace.inventory import queries as inventory
from marketplace.inventory.models import StockPool
from tests import scoping

MOST = 48  # functions on the list; a number that only falls


@pytest.mark.parametrize(
    ("statement", "unscoped"),
    [
        ("SELECT stock_pools.id, stock_pools.seller_id FROM stock_pools WHERE stock_pools.id = ?", True),
        ("SELECT stock_pools.id FROM stock_pools WHERE stock_pools.seller_id = ?", False),
        ("SELECT areas.code FROM areas WHERE areas.code = ?", False),
        ("SELECT carts.id FROM carts JOIN cart_items ON cart_items.cart_id = carts.id", True),
        ("SELECT carts.id \nFROM carts, \n cart_items WHERE cart_items.cart_id = carts.id", True),
        ("UPDATE stock_pools SET seller_id=? WHERE stock_pools.id = ?", True),
        ("UPDATE stock_pools SET held=? WHERE stock_pools.seller_id = ? AND stock_pools.id = ?", False),
        ("DELETE FROM holds WHERE holds.id = ?", True),
        ("INSERT INTO holds (id, seller_id) VALUES (?, ?)", False),
    ],
)
def test_statement_without_its_seller_is_noticed(app: Flask, statement: str, unscoped: bool) -> None:
    assert scoping.is_unscoped(statement) is unscoped


def test_function_that_is_not_on_the_list_fails(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoping, "allowed", list)
    with (
        app.app_context(),
        scoping.scoped_statements(),
        pytest.raises(scoping.UnscopedStatementError, match="available"),
    ):
        inventory.available([1])


def test_a_tests_own_question_needs_no_seller(app: Flask) -> None:
    with app.app_context():
        assert run_in_transaction(lambda: db.session.execute(select(StockPool.id)).first()) is None


def test_list_names_functions_that_exist_and_only_becomes_shorter() -> None:
    names = scoping.allowed()
    assert len(names) == len(set(names))
    for name in names:
        path, _colon, function = name.partition(":")
        tree = ast.parse((scoping.ROOT / path).read_text(encoding="utf-8"))
        there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert function.split(".")[-1] in there, name
    assert len(names) <= MOST
