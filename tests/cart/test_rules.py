"""What a basket takes and what it says about a changed price."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marketplace.cart import rules
from marketplace.catalogue.models import Measure, ReturnRule
from marketplace.catalogue.selling import SaleItem
from marketplace.revenue.models import AgriClass
from marketplace.sellers.models import SellerKind

pytestmark = pytest.mark.usefixtures("app_context")

ITEM = SaleItem(
    variant_id=1,
    seller_id=1,
    seller_code="S",
    seller_name="石坳",
    seller_kind=SellerKind.COOPERATIVE,
    seller_is_enterprise=True,
    seller_county="信丰县",
    seller_county_code="360722",
    product_id=1,
    product_code="P",
    title="脐橙",
    price_amount=4990,
    pool_id=7,
    pool_amount=5000,
    available=12_500,
    is_for_sale=True,
    gross_grams=5500,
    net_amount=5000,
    measure=Measure.MASS,
    pieces=24,
    agri_class=AgriClass.PRIMARY,
    return_rule=ReturnRule.EXEMPT,
    needs_confirmation=False,
    image_id=None,
    scene="crate",
    category_code="navel",
    snapshot={},
)


@pytest.mark.parametrize("count", [0, -1, rules.MOST_OF_ONE + 1])
def test_a_count_beyond_reason_is_refused(count: int) -> None:
    with pytest.raises(rules.CountError):
        rules.check_count(count)


@pytest.mark.parametrize(
    ("wanted", "others", "left"),
    [(2, 0, None), (3, 0, 2), (2, 2500, None), (2, 2501, 1), (1, 12_500, 0), (1, 99_999, 0)],
)
def test_other_packs_of_the_same_pool_count_too(wanted: int, others: int, left: int | None) -> None:
    if left is None:
        rules.check_available(ITEM, wanted, taken_by_others=others)
        return
    with pytest.raises(rules.NotEnoughError) as refusal:
        rules.check_available(ITEM, wanted, taken_by_others=others)
    assert refusal.value.left == left


def test_what_is_not_for_sale_is_refused_whatever_the_stock() -> None:
    with pytest.raises(rules.NotForSaleError):
        rules.check_available(replace(ITEM, is_for_sale=False), 1, taken_by_others=0)


def test_only_other_lines_of_the_same_pool_are_summed() -> None:
    lines = [
        rules.BasketLine(ITEM, 1, 4990),
        rules.BasketLine(replace(ITEM, variant_id=2, pool_amount=2500), 2, 2790),
        rules.BasketLine(replace(ITEM, variant_id=3, pool_id=8), 5, 2790),
    ]
    assert rules.taken_by_others(lines, ITEM) == 5000


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (4990, ""),
        (4500, "涨价了：放进来时 ¥45.00，现在 ¥49.90"),
        (5990, "降价了：放进来时 ¥59.90，现在 ¥49.90"),
    ],
)
def test_a_changed_price_is_told(seen: int, says: str) -> None:
    assert rules.BasketLine(ITEM, 1, seen).price_change == says


@pytest.mark.parametrize(
    ("one", "other", "both"), [(1, 3, 3), (5, 2, 5), (rules.MOST_OF_ONE + 9, 1, rules.MOST_OF_ONE)]
)
def test_the_same_wish_in_two_baskets_is_not_doubled(one: int, other: int, both: int) -> None:
    assert rules.merged_count(one, other) == both
