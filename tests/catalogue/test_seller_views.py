"""A seller lists goods through the page: whole stories, and everything that is refused with what was typed kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage

from marketplace.catalogue import seller_queries
from marketplace.catalogue.models import PriceChange, Product, ProductStatus, SearchTerm, Variant
from marketplace.database import db, run_in_transaction
from marketplace.inventory.models import StockPool
from marketplace.jobs import services as jobs
from marketplace.media import rules as media_rules
from marketplace.media import services as media_services
from marketplace.media.models import Image
from marketplace.provenance import services as provenance
from marketplace.provenance.models import Batch, Certificate
from tests.browsing import Visitor
from tests.factories import actor, make_goods, shop
from tests.listing_form import TYPED
from tests.media import samples
from tests.page import Page

NEW = "/seller/products/new"
CERTIFICATE = {"certificate": "new", "certificate_quantity": "2500"}

SignIn = Callable[[str], Visitor]


@pytest.fixture
def farmer(sign_in: SignIn) -> Visitor:
    return sign_in("farmer")


@pytest.fixture
def coop(sign_in: SignIn) -> Visitor:
    return sign_in("coop_owner")


def send(
    visitor: Visitor,
    data: dict[str, Any] | None = None,
    *,
    photos: list[FileStorage] | None = None,
    status: int = 303,
    path: str = NEW,
    base: Page | None = None,
    act: str = "publish",
) -> Page:
    """Fill the form as a person would and press a button."""
    page = base or visitor.get(path)
    form = page.form("/new?category=" + ("tea_oil" if "tea_oil" in path else "navel"))
    fields = form.fields | TYPED | {"act": act} | (data or {})
    if photos:
        fields["photos"] = photos
    return visitor.post(form.action, fields, status=status, content_type="multipart/form-data")


HERE: list[Flask] = []


@pytest.fixture(autouse=True)
def _here(app: Flask) -> Iterator[None]:
    HERE.append(app)
    yield
    HERE.clear()


def look(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call it in an application context of its own, which no request shares."""
    with HERE[0].app_context():
        return function(*arguments)


def product_of(page: Page) -> Product:
    return look(_product_of, page)


def _product_of(page: Page) -> Product:
    code = page.location.split("/")[3]
    return db.session.execute(select(Product).where(Product.code == code)).scalar_one()


def tight(page: Page) -> str:
    """The text without blanks: a price is printed in pieces."""
    return page.text.replace(" ", "")


def count(model: type[Any]) -> int:
    return int(look(lambda: db.session.execute(select(func.count()).select_from(model)).scalar_one()))


def only(column: Any) -> Any:
    """The one value of a column."""
    return look(lambda: db.session.execute(select(column)).scalar_one())


def row(model: type[Any], row_id: int) -> Any:
    return look(lambda: db.session.get(model, row_id))


def images_of(product: Product) -> list[int]:
    return look(lambda: seller_queries.image_ids_of(product.seller_id, product.id))


def packs_of(product: Product) -> list[seller_queries.OwnPack]:
    return look(lambda: seller_queries.packs_of(product.seller_id, [product.id])[product.id])


def act(function: Callable[[], Any]) -> None:
    look(lambda: run_in_transaction(function))


def work() -> None:
    """What the worker does."""
    look(lambda: jobs.run_due(100))


def test_farmer_lists_with_a_phone_photo_and_is_not_asked_for_a_certificate(farmer: Visitor) -> None:
    page = farmer.get(NEW)
    assert not page.soup.find(attrs={"name": "certificate_quantity"})
    made = send(farmer, photos=[samples.upload(samples.phone_jpeg(), "IMG_0001.JPG")])
    product = product_of(made)
    assert product.status == ProductStatus.PUBLISHED
    assert product.title == "信丰纽荷尔脐橙 一等 75–80mm"
    assert "产自江西省赣州市信丰县" in product.description
    assert "屋后坡" in product.description
    assert (product.county_code, product.area_code) == ("360722", "360722105")
    assert count(SearchTerm) > 0

    done = farmer.follow(made)
    assert "已经在卖了" in done.text
    assert "照片正在处理" in done.text
    work()
    done = farmer.get(made.location)
    assert "照片正在处理" not in done.text
    image = done.soup.select_one(".prev img")
    assert image is not None
    assert str(image["src"]).startswith("/media/")
    picture = farmer.client.get(str(image["src"]), buffered=True)
    assert picture.status_code == 200
    assert samples.GPS_MARK not in picture.data

    public = farmer.get(f"/p/{product.code}")
    assert "49.90" in tight(public)
    assert "4.99元/斤" in tight(public)
    assert "信丰县安西镇" in public.text


def test_cooperative_needs_the_certificate_at_its_field_and_keeps_what_was_typed(coop: Visitor) -> None:
    before = count(Product)
    refused = send(
        coop,
        {"certificate_quantity": "", "title": "石坳脐橙"},
        photos=[samples.upload(samples.jpeg(300, 200))],
        status=422,
    )
    assert refused.title.startswith("要改：")
    assert "承诺达标合格证" in refused.errors()["certificate_quantity"]
    assert count(Product) == before
    assert count(Batch) == 0, "nothing half saved"
    fields = refused.form("category=navel").fields
    assert fields["title"] == "石坳脐橙"
    assert fields["packs-0-price"] == "49.90"
    assert fields["orchard"] == "屋后坡"
    assert len(refused.soup.select("input[name=drop]")) == 1, "the accepted picture is on the tray"

    made = send(coop, fields | CERTIFICATE, base=refused)
    product = product_of(made)
    assert product.status == ProductStatus.PUBLISHED
    assert len(images_of(product)) == 1, "the picture was not sent again"
    certificate = only(Certificate)
    assert (certificate.batch_id, certificate.quantity_grams) == (product.batch_id, 2_500_000)
    assert certificate.product == "纽荷尔脐橙"
    assert "信丰县" in certificate.origin
    assert certificate.promised_by == look(shop, "coop_owner").legal_name


def test_cooperative_is_asked_once_per_batch(coop: Visitor) -> None:
    first = product_of(send(coop, CERTIFICATE))
    batch = row(Batch, first.batch_id)
    assert batch is not None
    page = coop.get(NEW)
    assert page.form("category=navel").fields["batch"] == batch.code, "the fresh batch is proposed"
    second = product_of(send(coop, {"batch": batch.code, "grade_code": "second"}))
    assert second.batch_id == first.batch_id
    assert count(Certificate) == 1


def test_cooperative_may_name_the_certificate_it_has(coop: Visitor) -> None:
    refused = send(coop, CERTIFICATE | {"certificate": "have"}, status=422)
    assert "编号" in refused.errors()["certificate_number"]
    send(coop, CERTIFICATE | {"certificate": "have", "certificate_number": "XF-2026-0007"})
    assert only(Certificate.number) == "XF-2026-0007"
    taken = send(
        coop, CERTIFICATE | {"certificate": "have", "certificate_number": "XF-2026-0007"}, status=422
    )
    assert "另一批" in taken.errors()["certificate_number"]


def test_draft_needs_no_certificate_and_is_published_later(coop: Visitor) -> None:
    made = send(coop, {"certificate_quantity": ""}, act="draft")
    product = product_of(made)
    assert product.status == ProductStatus.DRAFT
    detail = f"/seller/products/{product.code}"
    coop.submit(detail, {}, form="/status")
    assert "承诺达标合格证" in coop.get(detail).text
    assert product_of(made).status == ProductStatus.DRAFT
    batch = row(Batch, product.batch_id)
    assert batch is not None
    coop.submit(f"/seller/batches/{batch.code}", CERTIFICATE, form="/certificate")
    coop.submit(detail, {}, form="/status")
    assert product_of(made).status == ProductStatus.PUBLISHED


def test_double_post_makes_one_product(farmer: Visitor) -> None:
    page = farmer.get(NEW)
    first = send(farmer, base=page)
    second = send(farmer, base=page)
    assert first.location == second.location
    assert count(Product) == 1
    assert count(Batch) == 1
    assert only(StockPool.on_hand) == 250_000


def test_several_packs_draw_from_one_pool(farmer: Visitor) -> None:
    made = send(
        farmer,
        {
            "packs-1-net": "2.5",
            "packs-1-price": "27.90",
            "packs-1-boxes": "10",
            "packs-2-net": "10",
            "packs-2-price": "９５",
        },
    )
    product = product_of(made)
    packs = packs_of(product)
    assert [(pack.net_amount, pack.price_amount) for pack in packs] == [
        (5000, 4990),
        (2500, 2790),
        (10_000, 9500),
    ]
    assert len({pack.pool_id for pack in packs}) == 1
    assert packs[0].available == 50 * 5000 + 10 * 2500
    assert [pack.left for pack in packs] == [55, 110, 27]
    assert product.shelf_price_amount == 4990
    assert count(PriceChange) == 3


def test_tiles_count_where_nothing_was_typed(farmer: Visitor) -> None:
    """Without scripts a tapped tile is all there is."""
    made = send(
        farmer,
        {"packs-0-net": "", "packs-0-net_pick": "10", "packs-0-boxes": "", "packs-0-boxes_pick": "100"},
    )
    pack = packs_of(product_of(made))[0]
    assert (pack.net_amount, pack.left) == (10_000, 100)


def test_next_form_starts_from_the_last_listing_but_never_from_its_stock(farmer: Visitor) -> None:
    fields = farmer.get(NEW).form("category=navel").fields
    assert fields["packs-0-price"] == ""
    send(
        farmer, {"grade_code": "special", "size_code": "mixed", "packs-0-net": "", "packs-0-net_pick": "2.5"}
    )
    fields = farmer.get(NEW).form("category=navel").fields
    assert (fields["grade_code"], fields["size_code"], fields["packs-0-net_pick"]) == (
        "special",
        "mixed",
        "2.5",
    )
    assert fields["packs-0-price"] == "49.90"
    assert fields["packs-0-boxes"] == ""
    assert "packs-0-boxes_pick" not in fields


def test_last_content_of_ones_own_is_a_tile_that_another_tile_replaces(farmer: Visitor) -> None:
    """Without scripts nothing prefilled may stand against what is tapped."""
    send(farmer, {"packs-0-net": "1000", "packs-0-price": "8000", "packs-0-boxes": "2"})
    page = farmer.get(NEW)
    fields = page.form("category=navel").fields
    assert (fields["packs-0-net"], fields["packs-0-net_pick"]) == ("", "1000")
    tapped = {"packs-0-net": "", "packs-0-net_pick": "5"}
    refused = send(farmer, tapped | {"packs-0-price": "8000"}, base=page, status=422)
    assert "原来那种箱子" in refused.errors()["packs-0-price"]
    made = send(farmer, tapped | {"packs-0-price": "49.90"}, base=page)
    pack = packs_of(product_of(made))[0]
    assert (pack.net_amount, pack.price_amount) == (5000, 4990)


def test_price_that_was_looked_at_again_is_taken(farmer: Visitor) -> None:
    send(farmer)
    page = farmer.get(NEW)
    tapped = {"packs-0-net": "", "packs-0-net_pick": "10"}
    refused = send(farmer, tapped, base=page, status=422)
    shown = refused.form("category=navel").fields
    assert (shown["packs-0-net_pick"], shown["packs-0-price"]) == ("10", "49.90")
    made = send(farmer, tapped, base=refused)
    assert packs_of(product_of(made))[0].net_amount == 10_000


@pytest.mark.parametrize(
    ("box", "tile", "typed"), [("packs-0-net", "10", "7"), ("packs-0-boxes", "100", "30")]
)
def test_tapped_tile_against_a_typed_value_is_asked_about(
    farmer: Visitor, box: str, tile: str, typed: str
) -> None:
    refused = send(farmer, {f"{box}_pick": tile, box: typed}, status=422)
    assert typed in refused.errors()[box]
    shown = refused.form("category=navel").fields
    assert shown[box] == typed
    assert f"{box}_pick" not in shown
    # Sent again as it stands, what was typed counts; cleared and tapped, the tile does.
    tapped = send(farmer, {f"{box}_pick": tile, box: ""}, base=refused)
    pack = packs_of(product_of(tapped))[0]
    assert (pack.net_amount, pack.left) == ((10_000, 50) if box == "packs-0-net" else (5000, 100))


def test_what_is_typed_over_an_untouched_tile_counts(farmer: Visitor) -> None:
    made = send(farmer, {"packs-0-net": "7"})
    assert packs_of(product_of(made))[0].net_amount == 7000


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"packs-0-price": ""}, "packs-0-price"),
        ({"packs-0-price": "一百"}, "packs-0-price"),
        ({"packs-0-price": "0"}, "packs-0-price"),
        ({"packs-0-price": "-5"}, "packs-0-price"),
        ({"packs-0-price": "4990000"}, "packs-0-price"),
        ({"packs-0-price": "99999999999999999999"}, "packs-0-price"),
        ({"packs-0-net": "0"}, "packs-0-net"),
        ({"packs-0-net": "5000"}, "packs-0-net"),
        ({"packs-0-boxes": "", "packs-0-boxes_pick": ""}, "packs-0-boxes"),
        ({"packs-0-boxes": "0"}, "packs-0-boxes"),
        ({"packs-0-boxes": "999999999"}, "packs-0-boxes"),
        ({"packs-0-boxes": "1.5"}, "packs-0-boxes"),
        ({"packs-1-net": "5", "packs-1-price": "50"}, "packs-1-net"),
        ({"packs-1-net": "", "packs-1-price": "50"}, "packs-1-net"),
        ({"packs-0-gross": "4"}, "packs-0-gross"),
        ({"area_code": ""}, "area_code"),
        ({"area_code": "310115001"}, "area_code"),
        ({"county_code": "310115", "area_code": ""}, "county_code"),
        ({"picked_on": ""}, "picked_on"),
        ({"picked_on": "2026-11-21"}, "picked_on"),
        ({"picked_on": "昨天"}, "picked_on"),
        ({"picked_on": "2006-11-18"}, "picked_on"),
        ({"title": "字" * 61}, "title"),
        ({"title": "正宗 赣南·脐橙"}, "title"),
        ({"description": "这是赣南脐橙。"}, "description"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_lost(
    farmer: Visitor, data: dict[str, str], field: str
) -> None:
    refused = send(farmer, data, status=422)
    assert field in refused.errors(), refused.errors()
    assert refused.soup.select_one(".errsum")
    assert count(Product) == count(Batch) == count(StockPool) == 0
    fields = refused.form("category=navel").fields
    kept = TYPED | data
    for name in ("packs-0-net", "packs-0-price", "packs-0-boxes", "orchard", "variety_code", "grade_code"):
        assert fields[name] == kept[name], name


@pytest.mark.parametrize("name", [name for name in samples.BAD if name != "more than 25 MB"])
def test_bad_picture_is_refused_at_the_field_and_the_form_is_kept(farmer: Visitor, name: str) -> None:
    content, word = samples.BAD[name]
    refused = send(
        farmer,
        photos=[samples.upload(samples.jpeg(200, 150), "good.jpg"), samples.upload(content, "bad.jpg")],
        status=422,
    )
    message = refused.soup.select_one("#photos-error")
    assert message is not None
    assert word in message.get_text()
    assert "第 2 张" in message.get_text()
    assert refused.form("category=navel").fields["packs-0-price"] == "49.90"
    assert count(Product) == 0
    assert count(Image) == 1, "the good one is stored"
    made = send(farmer, base=refused)
    assert len(images_of(product_of(made))) == 1


def test_too_large_a_picture_and_too_many_are_refused_at_the_field(
    farmer: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        for module in (media_rules, media_services):
            patch.setattr(module, "MAX_BYTES", 500)
        refused = send(farmer, photos=[samples.upload(samples.jpeg(200, 150))], status=422)
    assert "25 MB" in str(refused.soup.select_one("#photos-error"))
    many = [samples.upload(samples.jpeg(60 + number, 50)) for number in range(10)]
    refused = send(farmer, photos=many, status=422)
    assert "最多 9 张" in str(refused.soup.select_one("#photos-error"))
    assert len(refused.soup.select("input[name=drop]")) == 9


def test_kept_pictures_may_be_dropped_or_come_first_and_cannot_be_forged(
    farmer: Visitor, coop: Visitor
) -> None:
    refused = send(
        farmer,
        {"packs-0-price": ""},
        photos=[samples.upload(samples.jpeg(61, 50)), samples.upload(samples.jpeg(62, 50))],
        status=422,
    )
    first, second = (str(box["value"]) for box in refused.soup.select("input[name=drop]"))
    made = send(farmer, {"main": second}, base=refused)
    assert images_of(product_of(made)) == [int(second), int(first)]

    kept = refused.form("category=navel").fields["kept"]
    for visitor, unusable in (
        (coop, kept),
        (farmer, kept[::-1]),
    ):  # another seller's, and one that was changed
        again = send(visitor, CERTIFICATE | {"kept": unusable, "client_id": "another-form"}, status=422)
        assert "失效" in str(again.soup.select_one("#photos-error"))
        assert not again.soup.select("input[name=drop]")


def test_listing_townships_without_scripts_keeps_the_form_and_the_pictures(farmer: Visitor) -> None:
    shown = send(
        farmer,
        {"county_code": "360726", "list_areas": "1", "packs-0-price": ""},
        photos=[samples.upload(samples.jpeg(63, 50))],
        status=200,
    )
    assert not shown.soup.select(".msg"), "nobody is told off before sending"
    options = [str(option["value"]) for option in shown.soup.select("#area_code option")]
    assert all(code.startswith("360726") for code in options if code)
    assert len(options) > 10
    assert len(shown.soup.select("input[name=drop]")) == 1


def test_mark_needs_an_authorisation_and_a_truthful_origin_does_not(farmer: Visitor) -> None:
    refused = send(farmer, {"title": "赣南脐橙 一等"}, status=422)
    assert "授权" in refused.errors()["title"]
    send(farmer, {"title": "产自赣南的脐橙", "client_id": "truthful-1"})
    act(
        lambda: provenance.authorise(
            actor("farmer"),
            seller_id=shop("farmer").id,
            mark="赣南脐橙",
            number="GN-2026-001",
            valid_from=date(2026, 9, 1),
            valid_to=date(2027, 8, 31),
        )
    )
    made = send(farmer, {"title": "赣南脐橙 一等", "client_id": "authorised-1"})
    assert product_of(made).title == "赣南脐橙 一等"


def test_before_the_season_only_a_draft_is_possible(farmer: Visitor) -> None:
    act(
        lambda: provenance.record_season(
            actor("farmer"),
            category_code="navel",
            variety_code=None,
            year=2026,
            earliest_ship_on=date(2026, 11, 25),
            source="赣南脐橙协会 2026-10-20 公告（测试）",
        )
    )
    refused = send(farmer, status=422)
    assert "11月25日" in refused.errors()["picked_on"]
    assert product_of(send(farmer, act="draft")).status == ProductStatus.DRAFT


def test_processed_food_asks_for_the_makers_number_and_sells_by_the_litre(farmer: Visitor) -> None:
    path = f"{NEW}?category=tea_oil"
    litre = {"packs-0-net": "1", "packs-0-price": "88", "variety_code": "camellia"}
    refused = send(farmer, litre | {"sc_number": ""}, path=path, status=422)
    assert "SC" in refused.errors()["sc_number"]
    refused = send(farmer, litre | {"sc_number": "SC123"}, path=path, status=422)
    assert "14" in refused.errors()["sc_number"]
    made = product_of(send(farmer, litre | {"sc_number": "SC10136072200000"}, path=path))
    assert made.title == "信丰赣南茶油"
    assert "88.00元/升" in tight(farmer.get(f"/p/{made.code}"))


def test_another_sellers_batch_product_pack_and_pool_are_404(farmer: Visitor) -> None:
    goods = look(make_goods, "coop_owner")
    product = row(Product, goods.product_id)
    assert product is not None
    batch = row(Batch, product.batch_id)
    assert batch is not None
    variant = goods.variants[0]
    for path in (
        f"/seller/products/{product.code}",
        f"/seller/products/{product.code}/done",
        f"/seller/batches/{batch.code}",
        f"{NEW}?batch={batch.code}",
        f"/seller/stock/{goods.pool_id}",
        f"{NEW}?category=none",
    ):
        farmer.get(path, 404)
    token = farmer.get(NEW).form("category=navel").fields["csrf_token"]
    for path in (
        f"/seller/products/{product.code}/packs/{variant}",
        f"/seller/products/{product.code}/words",
        f"/seller/products/{product.code}/pictures",
        f"/seller/products/{product.code}/status",
        f"/seller/batches/{batch.code}/certificate",
        f"/seller/stock/{goods.pool_id}",
    ):
        farmer.post(
            path, {"csrf_token": token, "act": "pause", "boxes": "5", "certificate_quantity": "5"}, 404
        )
    send(farmer, {"batch": batch.code}, status=404)
    own = product_of(send(farmer))
    farmer.post(f"/seller/products/{own.code}/packs/{variant}", {"csrf_token": token}, 404)
    assert row(Variant, variant).price_amount == 4990


def test_clerk_may_list_and_grower_may_not(sign_in: SignIn) -> None:
    product_of(send(sign_in("coop_clerk"), CERTIFICATE))
    sign_in("coop_grower").get(NEW, 403)


def test_signed_out_person_is_sent_to_sign_in(visitor: Visitor) -> None:
    assert "/sign-in" in visitor.get(NEW, 303).location


def test_price_stock_words_and_state_change_from_the_listings_page(farmer: Visitor) -> None:
    product = product_of(send(farmer))
    detail = f"/seller/products/{product.code}"
    variant = packs_of(product)[0].variant_id
    pack, price, boxes = f"/packs/{variant}", f"pack-{variant}-price", f"pack-{variant}-boxes"
    page = farmer.follow(farmer.submit(detail, {price: "52.5", boxes: "20"}, form=pack))
    assert "价钱改好了，已下的单不变；箱数加上了" in page.text
    assert "52.50" in tight(page)
    assert "还剩70箱" in tight(page)
    assert "52.50" in tight(farmer.get("/seller/products/"))
    assert "52.50" in tight(farmer.get(f"/p/{product.code}"))

    refused = farmer.submit(detail, {price: "一百", boxes: "5"}, 422, form=pack)
    assert refused.errors()[price]
    assert (refused.form(pack).fields[price], refused.form(pack).fields[boxes]) == ("一百", "5")
    refused = farmer.submit(detail, {price: "60", boxes: "0"}, 422, form=pack)
    assert refused.errors()[boxes]
    assert farmer.submit(detail, {}, 422, form=pack).errors()[price] == "写上新价钱，或者再加几箱"
    page = farmer.get(detail)
    assert "52.50" in tight(page)
    assert "还剩70箱" in tight(page)

    farmer.submit(detail, {"words-title": "屋后坡的脐橙"}, form="/words")
    assert "屋后坡的脐橙" in farmer.get(f"/p/{product.code}").text
    refused = farmer.submit(detail, {"words-title": "赣南脐橙"}, 422, form="/words")
    assert "授权" in refused.errors()["words-title"]

    farmer.submit(detail, {"act": "pause"}, form="/status")
    assert "屋后坡的脐橙" not in farmer.get("/c/navel").text
    farmer.submit(detail, {"act": "resume"}, form="/status")
    assert "屋后坡的脐橙" in farmer.get("/c/navel").text


@pytest.mark.parametrize("kept", ["", "nonsense", None])
def test_a_form_that_does_not_say_what_it_kept_leaves_the_pictures(farmer: Visitor, kept: str | None) -> None:
    product = product_of(send(farmer, photos=[samples.upload(samples.jpeg(70, 50))]))
    before = images_of(product)
    form = farmer.get(f"/seller/products/{product.code}").form("/pictures")
    fields = {name: value for name, value in form.fields.items() if name != "kept"}
    if kept is not None:
        fields["kept"] = kept
    refused = farmer.post(form.action, fields, status=422, content_type="multipart/form-data")
    assert "失效" in str(refused.soup.select_one("#photos-error"))
    assert images_of(product) == before != []


def test_boxes_are_added_once_for_each_form(farmer: Visitor) -> None:
    """Pressed twice; sent again by Back with another number: what was added is what was said."""
    product = product_of(send(farmer))
    detail = f"/seller/products/{product.code}"
    pack = f"/packs/{packs_of(product)[0].variant_id}"
    form = farmer.get(detail).form(pack)
    boxes = next(name for name in form.fields if name.endswith("boxes"))
    for _press in range(3):
        assert "箱数加上了" in farmer.follow(farmer.post(form.action, form.fields | {boxes: "20"})).text
    assert "还剩70箱" in tight(farmer.get(detail))
    other = farmer.post(form.action, form.fields | {boxes: "5"}, 422)
    assert "已经提交过" in other.text
    assert "还剩70箱" in tight(farmer.get(detail))
    farmer.submit(detail, {boxes: "5"}, form=pack)
    assert "还剩75箱" in tight(farmer.get(detail))
    without = {name: value for name, value in form.fields.items() if not name.endswith("form_key")}
    farmer.post(form.action, without | {boxes: "5"}, 422)


def test_a_listing_sent_again_says_that_it_stood_already(farmer: Visitor) -> None:
    page = farmer.get(NEW)
    first = send(farmer, base=page)
    again = farmer.follow(send(farmer, {"title": "另一个名字"}, base=page))
    assert "已经提交过" in again.text
    assert count(Product) == 1
    assert product_of(first).title != "另一个名字"


@pytest.mark.parametrize("row", ["²", "٣", "9" * 5000, "-1", "999999999999", "0x1", ""])
def test_a_row_by_another_name_is_no_row(farmer: Visitor, row: str) -> None:
    product_of(send(farmer, {f"packs-{row}-net": "5", f"packs-{row}-price": "1"}))


def test_pictures_are_added_put_aside_and_reordered(farmer: Visitor) -> None:
    product = product_of(send(farmer, photos=[samples.upload(samples.jpeg(70, 50))]))
    detail = f"/seller/products/{product.code}"
    form = farmer.get(detail).form("/pictures")
    photos = [samples.upload(samples.jpeg(71, 50)), samples.upload(samples.SVG, "drawing.jpg")]
    refused = farmer.post(
        form.action, form.fields | {"photos": photos}, status=422, content_type="multipart/form-data"
    )
    assert "SVG" in str(refused.soup.select_one("#photos-error"))
    first, second = images_of(product)
    form = farmer.get(detail).form("/pictures")
    farmer.post(form.action, form.fields | {"drop": str(first)})
    assert images_of(product) == [second]


def test_failed_picture_is_said_on_the_page(farmer: Visitor) -> None:
    made = send(farmer, photos=[samples.upload(samples.png_of_size(800, 800))])
    work()
    product = product_of(made)
    assert "请换一张" in farmer.get(made.location).text
    assert "照片用不了" in farmer.get(f"/seller/products/{product.code}").text


@pytest.mark.parametrize(
    "path", ["/seller/products/", NEW, f"{NEW}?category=pomelo", f"{NEW}?category=lotus"]
)
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_pages_stand_in_both_languages_before_anything_is_listed(
    farmer: Visitor, prefix: str, path: str
) -> None:
    farmer.get(prefix + path)


def test_list_costs_the_same_statements_for_one_and_for_many(
    farmer: Visitor, count_statements: Callable[[], Any]
) -> None:
    for _number in range(2):
        look(lambda: make_goods("farmer"))
    with count_statements() as few:
        farmer.get("/seller/products/")
    for _number in range(6):
        look(lambda: make_goods("farmer"))
    with count_statements() as many:
        farmer.get("/seller/products/")
    assert len(few) == len(many)


def test_enter_in_a_field_publishes_nothing_and_keeps_what_is_typed(farmer: Visitor) -> None:
    """A browser presses the form's first button then."""
    page = farmer.get(NEW)
    first = page.soup.select_one("#listing button")
    assert first is not None
    shown = send(farmer, {"packs-0-price": "61.20"}, base=page, act=str(first["value"]), status=200)
    assert "还没有发布" in shown.text
    assert shown.form("category=navel").fields["packs-0-price"] == "61.20"
    assert count(Product) == 0
    send(farmer, base=shown)
    assert count(Product) == 1


def test_two_batches_of_one_day_and_place_can_be_told_apart(farmer: Visitor) -> None:
    for _batch in range(2):
        send(farmer)
    page = farmer.get(NEW)
    tiles = [tile.get_text(" ", strip=True) for tile in page.soup.select("#batch .tile")]
    assert len(set(tiles)) == len(tiles) == 3
    assert all("纽荷尔" in tile for tile in tiles[:2])
