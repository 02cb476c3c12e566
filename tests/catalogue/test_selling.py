"""A pack as basket, checkout and order line see it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from marketplace.catalogue import packs
from marketplace.catalogue import services as catalogue
from marketplace.catalogue.models import Measure, ReturnRule
from marketplace.catalogue.selling import origin_name, sale_items
from marketplace.database import run_in_transaction
from tests import factories

pytestmark = pytest.mark.usefixtures("app_context")


def test_packs_of_several_sellers_come_in_one_statement(
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    wanted = [
        *factories.make_goods(packs=[(2500, 2790), (5000, 4990)]).variants,
        *factories.make_goods("second_farmer").variants,
    ]
    with count_statements() as seen:
        found = sale_items([*wanted, 1])
    assert len(seen) == 1
    assert set(found) == set(wanted)
    assert sale_items([]) == {}


def test_an_item_tells_price_stock_and_what_was_promised() -> None:
    goods = factories.make_goods(price=4990, grams=5000, stock=14_999)
    item = sale_items(goods.variants)[goods.variants[0]]
    assert (item.price_amount, item.pool_amount, item.available, item.left) == (4990, 5000, 14_999, 2)
    assert item.is_for_sale
    assert item.seller_is_enterprise
    assert item.gross_grams > item.net_amount
    assert item.snapshot["variety"] == "纽荷尔"
    assert item.snapshot["grade"] == "一等"
    assert item.snapshot["size"] == [75, 80]
    assert item.snapshot["certificate"]
    assert item.snapshot["origin"].startswith("江西省赣州市信丰县")
    assert item.snapshot["return_rule"] == "exempt"
    assert item.pack == {
        "measure": "mass",
        "net_amount": 5000,
        "pieces": None,
        "gross_grams": item.gross_grams,
        "dry": False,
    }
    assert packs.label_of(item.pack) == item.pack_label == "10斤装（5 kg）"


def test_a_paused_listing_is_known_but_not_for_sale() -> None:
    goods = factories.make_goods()
    by = factories.actor("coop_owner")
    run_in_transaction(lambda: catalogue.pause(by, seller_id=goods.seller_id, product_id=goods.product_id))
    item = sale_items(goods.variants)[goods.variants[0]]
    assert not item.is_for_sale
    assert item.left == 0


def test_blemished_fruit_needs_its_tick() -> None:
    goods = factories.make_goods(grade="blemished")
    assert sale_items(goods.variants)[goods.variants[0]].needs_confirmation


@pytest.mark.parametrize(
    ("measure", "net", "price", "dry", "label", "units"),
    [
        (Measure.MASS, 5000, 4990, False, "10斤装（5 kg）", ("合 4.99 元/斤", "9.98 元/kg")),
        (Measure.MASS, 2500, 2790, False, "5斤装（2.5 kg）", ("合 5.58 元/斤", "11.16 元/kg")),
        (Measure.MASS, 4250, 1000, False, "8.5斤装（4.25 kg）", ("合 1.18 元/斤", "2.35 元/kg")),
        (Measure.MASS, 500, 5800, True, "500 g 装", ("合 58.00 元/500g",)),
        (Measure.VOLUME, 1000, 9800, False, "1 L 装", ("合 98.00 元/升", "49.00 元/500ml")),
        (Measure.VOLUME, 500, 5200, False, "500 ml 装", ("合 104.00 元/升", "52.00 元/500ml")),
        (Measure.COUNT, 2, 2680, False, "2 个装", ("合 13.40 元/个",)),
        (Measure.COUNT, 3, 1000, False, "3 个装", ("合 3.33 元/个",)),
    ],
)
def test_every_measure_has_its_own_unit_price(
    measure: Measure, net: int, price: int, dry: bool, label: str, units: tuple[str, ...]
) -> None:
    assert packs.pack_label(measure, net, dry=dry) == label
    assert packs.unit_price_labels(measure, net, price, dry=dry) == units


def test_dry_goods_are_what_may_be_returned_by_weight() -> None:
    assert packs.is_dry(Measure.MASS, ReturnRule.ALLOWED)
    assert not packs.is_dry(Measure.MASS, ReturnRule.EXEMPT)
    assert not packs.is_dry(Measure.VOLUME, ReturnRule.ALLOWED)


@pytest.mark.parametrize(
    ("places", "written"),
    [
        (("嘉定镇", "信丰县", "信丰县"), "江西省赣州市信丰县嘉定镇"),
        (("某村委会", "嘉定镇", "信丰县"), "江西省赣州市信丰县嘉定镇某村委会"),
        (("信丰县", "赣州市", "信丰县"), "江西省赣州市信丰县"),
        ((None, None, None), "江西省赣州市"),
    ],
)
def test_an_origin_is_written_like_an_address(places: tuple[str | None, ...], written: str) -> None:
    assert origin_name(*places) == written
