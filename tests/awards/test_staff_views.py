"""The comparison as bureau, finance and centres read it: scope, wording, sums, cost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest
from flask import Flask

from marketplace import clock
from marketplace.awards import services, wording
from marketplace.database import run_in_transaction
from tests import factories
from tests.awards import sales
from tests.browsing import Visitor
from tests.people import PEOPLE

SignIn = Callable[[str], Visitor]
JANUARY = datetime(2027, 1, 15, 4, tzinfo=UTC)
LATER = datetime(2027, 1, 20, 4, tzinfo=UTC)


@pytest.fixture
def market(app: Flask) -> str:
    """A cooperative one fen above the assumed threshold, and a farmer with a box sold; the cooperative's code."""
    with app.app_context():
        sales.establish()
        sales.sell(25_000_000_01)
        sales.sell(99_80, seller="farmer")
        return factories.shop("coop_owner").code


@pytest.fixture
def codes(app: Flask) -> dict[str, str]:
    with app.app_context():
        return {key: factories.shop(key).code for key in ("coop_owner", "farmer", "second_farmer")}


def test_the_bureau_sees_every_seller_and_a_centre_its_county(sign_in: SignIn, market: str) -> None:
    page = sign_in("bureau").get("/staff/awards/?year=2026")
    assert "石坳脐橙合作社" in page.text
    assert "秀兰果园" in page.text
    assert "可能符合（门槛未公布）" in page.text
    assert "¥25,000,000.01" in page.text
    assert "平台不发放奖励；奖励资金由受益财政安排" in page.text
    page = sign_in("staff_anyuan").get("/staff/awards/?year=2026")
    assert "秀兰果园" in page.text
    assert "石坳脐橙合作社" not in page.text


@pytest.mark.parametrize(
    ("reader", "status"),
    [
        ("bureau", 200),
        ("finance", 200),
        ("staff_xinfeng", 200),
        ("staff_anyuan", 404),
        ("admin", 403),
        ("buyer", 403),
        ("coop_owner", 403),
    ],
)
def test_who_may_open_a_sellers_report(sign_in: SignIn, market: str, reader: str, status: int) -> None:
    visitor = sign_in(reader)
    visitor.get(f"/staff/awards/{market}?year=2026", status)
    visitor.get(f"/staff/awards/{market}/2026/lines?mode=b2c&class=primary", status)


def test_nobody_signed_out_reads_it(visitor: Visitor, market: str) -> None:
    assert visitor.get(f"/staff/awards/{market}", 303).location.startswith("/sign-in")


def test_the_label_stands_above_every_possible_amount(sign_in: SignIn, market: str) -> None:
    page = sign_in("bureau").get(f"/staff/awards/{market}?year=2026")
    label = wording.LABEL % {"percent": "50%"}
    assert label in page.text
    assert "该文件现行效力未核实。" in page.text
    before, after = page.text.split(label, 1)
    for words in ("最高可达", "¥50,000.00", "测算 2,500万"):
        assert words not in before
        assert words in after


def test_nothing_is_promised_and_nothing_to_apply_for(sign_in: SignIn, market: str) -> None:
    page = sign_in("bureau").get(f"/staff/awards/{market}?year=2026")
    for never in ("您已获得", "已获得", "申请奖励", "立即申领", "核定通过"):
        assert never not in page.text
    assert "平台不发放奖励；奖励资金由受益财政安排" in page.text
    assert not page.soup.select("main form")


def test_a_smallholder_sees_the_distance_and_no_promise(
    sign_in: SignIn, market: str, codes: dict[str, str]
) -> None:
    page = sign_in("bureau").get(f"/staff/awards/{codes['farmer']}?year=2026")
    assert "C2C 尚差 ¥9,999,900.21" in page.text
    assert "缺赣州关联材料" in page.text
    assert "自然人是否适用，由人认定" in page.text


def test_a_seller_without_sales_has_a_report_too(sign_in: SignIn, market: str, codes: dict[str, str]) -> None:
    visitor = sign_in("bureau")
    page = visitor.get(f"/staff/awards/{codes['second_farmer']}?year=2026")
    assert "这一年还没有确认收货的订单" in page.text
    assert "尚差 ¥10,000,000.01" in page.text
    page = visitor.get(f"/staff/awards/{codes['second_farmer']}/2026/lines")
    assert "这一年没有明细" in page.text


def test_every_figure_links_to_the_lines_that_sum_to_it(sign_in: SignIn, market: str) -> None:
    visitor = sign_in("staff_xinfeng")
    report = visitor.get(f"/staff/awards/{market}?year=2026")
    links = [link for link in report.links() if "/lines" in link]
    assert len(set(links)) == 4  # of the class, of produce, of the mode, of the year
    figures = [tag for tag in report.soup.find_all("a") if "25,000,000.01" in tag.get_text()]
    assert len(figures) == 7
    assert (
        report.text.count("¥25,000,000.01") == 8
    )  # the one without lines says what the figure beside it is made of
    for link in set(links):
        page = visitor.get(link)
        assert page.text.count("¥25,000,000.01") >= 3
        assert "差额 ¥0.00 对得上" in page.text
        for private in (PEOPLE["buyer"].phone, PEOPLE["buyer"].name, "示例路", "13900000000"):
            assert private not in page.text


def test_a_season_opens_to_its_sales_and_their_refunds(app: Flask, sign_in: SignIn, market: str) -> None:
    with app.app_context():
        sale = sales.sell(500_000, clock.now())
        sales.refund(sale, 100_00, clock.now())
    visitor = sign_in("bureau")
    report = visitor.get(f"/staff/awards/{market}?year=2026")
    [link] = [link for link in report.links() if "season=" in link]
    lines = visitor.get(link).text
    assert "明细合计 ¥4,900.00 报告里的数字 ¥4,900.00 差额 ¥0.00 对得上" in lines
    assert "25,000,000" not in lines  # sold before the season


def test_parameters_stand_with_status_and_source(sign_in: SignIn, market: str) -> None:
    page = sign_in("bureau").get(f"/staff/awards/{market}?year=2026")
    for words in (
        "公布门槛三档 B2C：5,000万／1亿／5亿，奖 5万／10万／20万。",
        "农产品门槛：普通门槛 × 0.5。文件没有公布数",
        "仅供测算",
        "超过才算突破，等于不算",
        "突破测算门槛，公布数额尚无 四（二）1",
    ):
        assert words in page.text


def test_a_frozen_year_is_shown_from_its_snapshot_with_what_changed(
    app: Flask, sign_in: SignIn, market: str
) -> None:
    with app.app_context(), clock.at(JANUARY):
        seller_id = factories.shop("coop_owner").id
        by = factories.actor("bureau")
        run_in_transaction(lambda: services.freeze_assessment(by, seller_id, 2026))
        from tests.awards.test_services import adopt_threshold

        adopt_threshold()
    with clock.at(JANUARY):
        visitor = sign_in("bureau")
        page = visitor.get(f"/staff/awards/{market}?year=2026")
        assert "2027年1月15日 定稿" in page.text
        assert "和现在的测算比" in page.text
        assert "已超过公布门槛" in page.text
        now = visitor.get(f"/staff/awards/{market}?year=2026&version=now")
        assert "依据：赣商务发〔2026〕9号 自2026年6月1日起" in now.text
        assert "现在的测算，不是定稿" in now.text
        visitor.get(f"/staff/awards/{market}?year=2026&version=7", 404)


def test_a_freeze_confirms_nothing_for_the_seller(app: Flask, sign_in: SignIn, market: str) -> None:
    """The line of steps and the table of conditions are one truth."""
    with app.app_context(), clock.at(JANUARY):
        seller_id, by = factories.shop("coop_owner").id, factories.actor("bureau")
        run_in_transaction(lambda: services.freeze_assessment(by, seller_id, 2026))
    with clock.at(JANUARY):
        page = sign_in("bureau").get(f"/staff/awards/{market}?year=2026")
    steps = [(step["class"], step.get_text(" ", strip=True)) for step in page.soup.select(".doing li")]
    assert [step[0] for step in steps] == [["done"], ["now"], ["todo"], ["todo"]]
    assert "等卖家确认" in steps[1][1]
    assert page.text.count("等卖家确认") == 2


def test_a_refund_after_the_freeze_is_told_without_contradiction(
    app: Flask, sign_in: SignIn, market: str
) -> None:
    with app.app_context():
        sale = sales.sell(500_000)
    with app.app_context(), clock.at(JANUARY):
        seller_id, by = factories.shop("coop_owner").id, factories.actor("bureau")
        run_in_transaction(lambda: services.freeze_assessment(by, seller_id, 2026))
        sales.refund(sale, 100, LATER)
    with clock.at(LATER):
        page = sign_in("bureau").get(f"/staff/awards/{market}?year=2026")
    assert "定稿后有退款" in page.text
    assert "定稿后的退款 -¥1.00 记在后来的年度，这一年的数字不变" in page.text.replace("−", "-")
    assert "这一年的结果、销售额和参数，定稿和现在的测算一样" in page.text
    assert "2026 年没有销售额" in page.text
    assert "今年没有" not in page.text


def test_a_borrowed_value_names_the_clause_and_who_lent_it(sign_in: SignIn, market: str) -> None:
    visitor = sign_in("bureau")
    page = visitor.get(f"/staff/awards/{market}?year=2026")
    assert "赣市府发〔2015〕2号 四（二）1 没有写明，取值来自：杭州市" in page.text
    english = visitor.get(f"/en/staff/awards/{market}?year=2026")
    boxes = " ".join(box.get_text() for box in english.soup.select("[lang=zh-CN].mb2"))
    assert english.text.count("四（二）1") == boxes.count("四（二）1")  # only in the label, which is quoted
    assert "4(2)1" in english.text


def test_the_list_says_in_which_mode_a_seller_is_short(sign_in: SignIn, market: str) -> None:
    page = sign_in("bureau").get("/staff/awards/?year=2026")
    assert "C2C 尚差" in page.text


def test_what_nobody_offered_is_not_found(sign_in: SignIn, market: str) -> None:
    visitor = sign_in("bureau")
    for path in (
        "/staff/awards/?year=1999",
        "/staff/awards/NOSHOP",
        f"/staff/awards/{market}?year=2014",
        f"/staff/awards/{market}?version=x",
        f"/staff/awards/{market}/2026/lines?mode=b2x",
        f"/staff/awards/{market}/2026/lines?class=fruit",
        f"/staff/awards/{market}/1999/lines",
    ):
        visitor.get(path, 404)
    visitor.get("/staff/awards/?after=rubbish&county=&q=%25")
    visitor.get("/staff/awards/?after=99999999999999999999.1")
    visitor.get(f"/staff/awards/{market}/2026/lines?after=rubbish")


def test_english_pages_carry_the_chinese_label_beside_its_translation(sign_in: SignIn, market: str) -> None:
    page = sign_in("bureau").get(f"/en/staff/awards/{market}?year=2026")
    boxes = page.soup.select(".label-box")
    assert len(boxes) == 2
    assert wording.LABEL % {"percent": "50%"} in boxes[0].get_text()


def test_the_list_costs_the_same_for_all_sellers_as_for_one(
    sign_in: SignIn, market: str, count_statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    bureau = sign_in("bureau")
    with count_statements() as for_all:
        assert "石坳脐橙合作社" in bureau.get("/staff/awards/?year=2026").text
    with count_statements() as for_one:
        assert "石坳脐橙合作社" not in bureau.get("/staff/awards/?year=2026&q=秀兰").text
    # 15 of the list, 1 of the years, and the session and the person of every page; the process knows the counties.
    assert len(for_all) == len(for_one) == 18


def test_every_figure_of_the_list_opens_to_its_lines(sign_in: SignIn, market: str) -> None:
    """The year's sum, a mode's, and a class's: the lines behind each sum to it."""
    bureau = sign_in("bureau")
    page = bureau.get("/staff/awards/?year=2026")
    row = next(one for one in page.soup.select("[role=row], tr") if "石坳脐橙合作社" in one.get_text())
    opened = [link for link in (str(a["href"]) for a in row.select("a")) if "/lines" in link]
    assert [link.partition("?")[2] for link in opened] == ["", "mode=b2c", "mode=b2c&class=primary"]
    for link in opened:
        assert "明细合计 ¥25,000,000.01" in bureau.get(link).text


def test_the_english_line_of_tiers_is_short_and_a_list_on_phones(sign_in: SignIn, market: str) -> None:
    page = sign_in("bureau").get(f"/en/staff/awards/{market}?year=2026")
    words = [text.get_text() for text in page.soup.select(".track text")]
    assert max(map(len, words)) <= len("Published ¥100M")
    marks = [one.get_text(" ", strip=True) for one in page.soup.select(".marks li")]
    assert any("¥50M · Award ¥50k" in mark for mark in marks)
    assert "value taken from: 赣橙集" not in page.text


@pytest.mark.parametrize(
    ("fen", "short"),
    [
        (10_000_000_00, "¥10M"), (100_000_000_00, "¥100M"), (1_000_000_000_00, "¥1bn"), (50_000_00, "¥50k"),
        (2_500_000_00, "¥2.5M"), (1_234_567_00, "¥1,234,567"), (123_45, "¥123.45"),
    ],
)  # fmt: skip
def test_a_short_amount_is_exact(app: Flask, fen: int, short: str) -> None:
    with app.test_request_context(environ_overrides={"marketplace.language": "en"}):
        assert wording.short_amount(fen) == short
