"""The desk of each office: what it says to do next, settings with their history, reference data."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask, url_for

from marketplace import settings
from marketplace.staff import area
from marketplace.staff.queries import TABLES
from tests.browsing import Visitor
from tests.people import PEOPLE

SignIn = Callable[[str], Visitor]


@pytest.mark.parametrize(
    ("key", "place", "present", "absent"),
    [
        ("staff_xinfeng", "信丰县电商服务中心", ["商家", "奖励对照", "订单"], ["人员和角色", "账簿", "设置"]),
        ("staff_anyuan", "安远县电商服务中心", ["商家"], ["人员和角色"]),
        ("bureau", "赣州市商务局", ["奖励对照", "商家"], ["订单", "账簿", "人员和角色"]),
        ("finance", "平台财务", ["付款和退款", "账簿", "等核实的采购单位"], ["人员和角色", "设置"]),
        ("admin", "平台运营", ["人员和角色", "停住的后台工作", "没发出去的消息", "设置"], ["账簿"]),
    ],
)
def test_each_office_is_told_what_it_can_do(
    sign_in: SignIn, key: str, place: str, present: list[str], absent: list[str]
) -> None:
    page = sign_in(key).get("/staff/")
    assert PEOPLE[key].name in page.text
    assert place in page.soup.get_text()
    for words in present:
        assert words in page.text
    for words in absent:
        assert words not in page.text


@pytest.mark.parametrize("key", ["buyer", "farmer", "coop_owner"])
def test_who_has_no_role_does_not_enter(sign_in: SignIn, key: str) -> None:
    sign_in(key).get("/staff/", 403)


@pytest.mark.parametrize("key", ["staff_xinfeng", "bureau", "finance", "admin"])
def test_every_entry_of_the_menu_opens(sign_in: SignIn, key: str) -> None:
    visitor = sign_in(key)
    links = visitor.get("/staff/").soup.select(".onav a")
    assert len(links) > 1
    for link in links:
        page = visitor.get(str(link["href"]))
        [current] = page.soup.select(".onav [aria-current]")
        assert current.get_text(strip=True) == link.get_text(strip=True)


@pytest.mark.parametrize("key", ["staff_xinfeng", "bureau", "finance", "admin"])
def test_menu_and_work_show_all_that_the_role_opens_and_no_more(
    app: Flask, sign_in: SignIn, key: str
) -> None:
    visitor = sign_in(key)
    shown = {link for link in visitor.get("/staff/").links() if link.startswith("/staff/")}
    for link in shown:
        visitor.get(link)
    with app.test_request_context():
        others = {url_for(entry.endpoint) for entry in area.MENU} - shown
    for link in others:
        visitor.get(link, 403)


def test_office_speaks_english_too(sign_in: SignIn) -> None:
    page = sign_in("admin").get("/en/staff/")
    assert all(link.startswith(("/en/", "/staff", "#")) for link in page.links() if link.startswith("/"))


# Settings


def test_setting_is_changed_at_once_with_its_history(app: Flask, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    page = admin.get("/staff/settings/orders.hold_minutes")
    assert page.form().fields["value"] == "30"
    admin.submit("/staff/settings/orders.hold_minutes", {"value": "45"})
    admin.submit("/staff/settings/orders.hold_minutes", {"value": "20"})
    page = admin.get("/staff/settings/orders.hold_minutes")
    cells = [cell.get_text(strip=True) for cell in page.soup.select("tbody td")]
    assert cells == ["20", PEOPLE["admin"].name, "45", PEOPLE["admin"].name]
    with app.app_context():
        assert settings.get("orders.hold_minutes") == 20


@pytest.mark.parametrize("value", ["", "4", "121", "30.5", "３０", "many"])
def test_value_out_of_bounds_is_refused_at_its_field_and_kept(sign_in: SignIn, value: str) -> None:
    page = sign_in("admin").submit("/staff/settings/orders.hold_minutes", {"value": value}, 422)
    assert page.errors() == {"value": "填 5 到 120 之间的整数"}
    assert page.form().fields["value"] == value


def test_footer_shows_what_was_entered(sign_in: SignIn, visitor: Visitor) -> None:
    admin = sign_in("admin")
    admin.submit("/staff/settings/footer.operator", {"value": "<b>赣州某某公司"})
    assert "<b>赣州某某公司" in visitor.get("/pages/licences").text


def test_unknown_setting_is_not_found(sign_in: SignIn) -> None:
    sign_in("admin").get("/staff/settings/no.such", 404)


@pytest.mark.parametrize("key", ["finance", "bureau", "staff_xinfeng"])
@pytest.mark.parametrize("path", ["/staff/settings", "/staff/settings/cod.enabled", "/staff/reference"])
def test_others_neither_read_nor_change_settings(sign_in: SignIn, key: str, path: str) -> None:
    sign_in(key).get(path, 403)


# Reference data


@pytest.mark.parametrize("name", sorted(TABLES))
def test_reference_data_is_shown_with_its_sources(sign_in: SignIn, name: str) -> None:
    admin = sign_in("admin")
    page = admin.get(f"/staff/reference/{name}")
    assert admin.get(f"/en/staff/reference/{name}").status == 200
    if name in {"categories", "varieties", "grades", "size-classes", "carriers", "areas"}:
        assert page.soup.select("tbody tr")


def test_unknown_table_is_not_found(sign_in: SignIn) -> None:
    sign_in("admin").get("/staff/reference/users", 404)
