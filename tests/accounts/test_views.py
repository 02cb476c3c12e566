"""A person's own pages: one's own and nobody else's."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from sqlalchemy import select

from marketplace import sessions
from marketplace.accounts import queries, services
from marketplace.audit import AuditEntry
from marketplace.database import db, run_in_transaction
from tests.browsing import Visitor
from tests.people import PEOPLE

SignIn = Callable[[str], Visitor]
ADDRESS = {
    "name": "王芳",
    "phone": "139 1111 2222",
    "province_code": "310000",
    "city_code": "310100",
    "county_code": "310115",
    "detail": "世纪大道 1 号",
}


def user_id(app: Flask, key: str) -> int:
    with app.app_context():
        user = queries.find_by_phone(PEOPLE[key].phone)
        assert user
        return user.id


def addresses(app: Flask, key: str) -> list[tuple[str, str, bool]]:
    with app.app_context():
        found = queries.list_addresses(user_id(app, key))
        return [(one.detail, one.county_code, one.is_default) for one in found]


def test_stranger_is_sent_to_sign_in(visitor: Visitor) -> None:
    for path in (
        "/account",
        "/account/addresses",
        "/account/company",
        "/account/sessions",
        "/account/password",
    ):
        assert visitor.get(path, 303).location == f"/sign-in?next={path}"


def test_own_page_shows_shop_and_office_to_those_who_have_them(sign_in: SignIn) -> None:
    assert "我的店" not in sign_in("buyer").get("/account").text
    assert "我的店" in sign_in("farmer").get("/account").text
    assert "工作台" in sign_in("bureau").get("/account").text


def test_name_can_be_changed(sign_in: SignIn) -> None:
    visitor = sign_in("buyer")
    visitor.submit("/account/name", {"name": " 陈晓晓 "})
    assert "陈晓晓" in visitor.get("/account").text
    visitor.submit("/account/name", {"name": ""}, 422)


def test_password_change_needs_the_old_one_and_a_good_new_one(sign_in: SignIn) -> None:
    visitor = sign_in("buyer")
    page = visitor.submit("/account/password", {"old_password": "wrong", "password": "一个很长的新密码"}, 422)
    assert page.errors() == {"old_password": "现在的密码不对"}
    page = visitor.submit(
        "/account/password", {"old_password": PEOPLE["buyer"].password, "password": "12345678"}, 422
    )
    assert list(page.errors()) == ["password"]


def test_guessing_the_old_password_is_limited_like_a_sign_in(sign_in: SignIn) -> None:
    visitor = sign_in("buyer")
    for _ in range(10):
        visitor.submit("/account/password", {"old_password": "wrong", "password": "一个很长的新密码"}, 422)
    page = visitor.submit(
        "/account/password", {"old_password": PEOPLE["buyer"].password, "password": "一个很长的新密码"}, 422
    )
    assert "分钟" in page.text


# Addresses


def test_address_is_kept_and_the_new_usual_one_replaces_the_old(app: Flask, sign_in: SignIn) -> None:
    visitor = sign_in("buyer")
    before = addresses(app, "buyer")
    assert [one[2] for one in before] == [True]
    visitor.submit("/account/addresses/new", ADDRESS | {"is_default": "y"})
    assert addresses(app, "buyer") == [("世纪大道 1 号", "310115", True), (*before[0][:2], False)]
    assert "上海市浦东新区" in visitor.get("/account/addresses").text


def test_county_is_found_step_by_step_without_scripts(sign_in: SignIn) -> None:
    visitor = sign_in("buyer")
    typed = {"name": "王芳", "province_code": "360000", "list_areas": "1"}
    page = visitor.submit("/account/addresses/new", typed, 200)
    assert page.form().fields["name"] == "王芳"
    assert page.errors() == {}
    assert page.soup.select_one('select[name=city_code] option[value="360700"]')
    page = visitor.submit("/account/addresses/new", typed | {"city_code": "360700"}, 200)
    assert page.soup.select_one('select[name=county_code] option[value="360722"]')
    page = visitor.submit("/account/addresses/new", {"province_code": "310000", "list_areas": "1"}, 200)
    assert page.form().fields["city_code"] == "310100"  # the only one is chosen


def test_address_form_says_what_is_missing_at_each_field(sign_in: SignIn) -> None:
    empty = dict.fromkeys(ADDRESS, "")
    page = sign_in("buyer").submit("/account/addresses/new", empty, 422)
    assert set(page.errors()) == {"name", "phone", "county_code", "detail"}
    page = sign_in("company_buyer").submit(
        "/account/addresses/new", ADDRESS | {"province_code": "360000"}, 422
    )
    assert set(page.errors()) == {"county_code"}


def test_address_can_be_changed_and_deleted(app: Flask, sign_in: SignIn) -> None:
    visitor = sign_in("buyer")
    visitor.submit("/account/addresses/new", ADDRESS)
    [mine] = [link for link in visitor.get("/account/addresses").links() if link.split("/")[-1].isdigit()][
        -1:
    ]
    assert visitor.get(mine).form().fields["county_code"] == "310115"
    visitor.submit(mine, {"detail": "改到这里"})
    assert "改到这里" in visitor.get("/account/addresses").text
    visitor.submit("/account/addresses", form=f"{mine}/delete")
    assert "改到这里" not in visitor.get("/account/addresses").text
    assert len(addresses(app, "buyer")) == 1


def test_deleting_the_usual_address_makes_another_the_usual_one(app: Flask, sign_in: SignIn) -> None:
    visitor = sign_in("buyer")
    visitor.submit("/account/addresses/new", ADDRESS)
    first = next(link for link in visitor.get("/account/addresses").links() if link.split("/")[-1].isdigit())
    visitor.submit("/account/addresses", form=f"{first}/delete")
    assert addresses(app, "buyer") == [("世纪大道 1 号", "310115", True)]


def test_nobody_reads_changes_or_deletes_anothers_address(app: Flask, sign_in: SignIn) -> None:
    theirs = user_id(app, "buyer")
    with app.app_context():
        address_id = queries.list_addresses(theirs)[0].id
    stranger = sign_in("company_buyer")
    stranger.get(f"/account/addresses/{address_id}", 404)
    token = stranger.get("/account/addresses/new").form().fields["csrf_token"]
    stranger.post(f"/account/addresses/{address_id}", ADDRESS | {"csrf_token": token}, 404)
    stranger.post(f"/account/addresses/{address_id}/delete", {"csrf_token": token}, 404)
    stranger.get(f"/account/addresses/{10**30}", 404)
    assert len(addresses(app, "buyer")) == 1


def test_twenty_first_address_is_refused(app: Flask, sign_in: SignIn) -> None:
    buyer = user_id(app, "buyer")
    with app.app_context():
        for n in range(19):
            run_in_transaction(
                lambda n=n: (
                    services.save_address(  # type: ignore[misc]
                        buyer, name="王芳", phone="13911112222", county_code="310115", detail=f"{n} 号"
                    ).id
                )
            )
    page = sign_in("buyer").submit("/account/addresses/new", ADDRESS, 422)
    assert "最多存 20 个地址" in page.text


# Company


def test_company_waits_for_verification_and_a_change_needs_a_new_one(app: Flask, sign_in: SignIn) -> None:
    visitor = sign_in("company_buyer")
    assert "核实了" in visitor.get("/account/company").text
    visitor.submit("/account/company", {"name": "另一家公司"})
    assert "等工作人员核实" in visitor.get("/account/company").text
    with app.app_context():
        company = queries.company_of(user_id(app, "company_buyer"))
        assert company
        assert company.verified_at is None


def test_saving_the_same_company_again_keeps_its_verification(app: Flask, sign_in: SignIn) -> None:
    sign_in("company_buyer").submit("/account/company")
    with app.app_context():
        company = queries.company_of(user_id(app, "company_buyer"))
        assert company
        assert company.verified_at


def test_credit_code_of_wrong_shape_is_refused_at_its_field_and_kept(sign_in: SignIn) -> None:
    page = sign_in("buyer").submit("/account/company", {"name": "公司", "credit_code": "91350100M000100Y4"}, 422)
    assert list(page.errors()) == ["credit_code"]
    assert page.form().fields["credit_code"] == "91350100M000100Y4"


def test_credit_code_with_a_wrong_check_character_is_taken_with_a_warning(sign_in: SignIn) -> None:
    buyer = sign_in("buyer")
    saved = buyer.submit("/account/company", {"name": "公司", "credit_code": "91350100M000100Y44"})
    assert "校验位对不上" in buyer.follow(saved).text


def test_company_can_be_removed(app: Flask, sign_in: SignIn) -> None:
    sign_in("company_buyer").submit("/account/company", form="/company/remove")
    with app.app_context():
        assert queries.company_of(user_id(app, "company_buyer")) is None


# Sessions


def test_other_sessions_are_listed_and_ended(sign_in: SignIn) -> None:
    here, there, elsewhere = sign_in("buyer"), sign_in("buyer"), sign_in("buyer")
    page = here.get("/account/sessions")
    assert len(page.soup.select("form[action$='/end']")) == 2
    here.submit("/account/sessions", form="/end")
    states = {there.client.get("/account").status_code, elsewhere.client.get("/account").status_code}
    assert states == {200, 303}
    here.submit("/account/sessions", form="/end-others")
    there.get("/account", 303)
    elsewhere.get("/account", 303)
    here.get("/account")


def test_nobody_ends_anothers_session(app: Flask, sign_in: SignIn) -> None:
    victim, stranger = sign_in("buyer"), sign_in("company_buyer")
    with app.app_context():
        session_id = sessions.list_of(user_id(app, "buyer"))[0].id
    token = stranger.get("/account").form("/sign-out").fields["csrf_token"]
    stranger.post(f"/account/sessions/{session_id}/end", {"csrf_token": token}, 404)
    victim.get("/account")


def test_signed_in_page_asks_two_statements_for_who_it_is(
    app: Flask, sign_in: SignIn, count_statements: Callable[[], object]
) -> None:
    visitor = sign_in("buyer")
    visitor.get("/account/name")
    with count_statements() as seen:  # type: ignore[attr-defined]
        visitor.get("/account/name")
    assert len(seen) == 2
    with count_statements() as seen:  # type: ignore[attr-defined]
        Visitor(app).get("/sign-in")
    assert seen == []


def test_own_acts_are_in_the_log(app: Flask, sign_in: SignIn) -> None:
    sign_in("buyer").submit("/account/name", {"name": "陈晓晓"})
    with app.app_context():
        entry = db.session.execute(select(AuditEntry).order_by(AuditEntry.id.desc())).scalars().first()
        assert entry
        assert (entry.action, entry.actor_label) == ("user.renamed", "陈晓")
        assert entry.changes == {"name": ["陈晓", "陈晓晓"]}
