"""The people console: what an administrator can do, what nobody can do to themselves, who sees nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.accounts import queries, services
from marketplace.accounts.models import UserStatus
from marketplace.audit import SYSTEM, AuditEntry
from marketplace.database import db, run_in_transaction
from marketplace.permissions import Role
from tests.browsing import Visitor
from tests.people import PEOPLE

SignIn = Callable[[str], Visitor]


def user_id(app: Flask, key: str) -> int:
    with app.app_context():
        user = queries.find_by_phone(PEOPLE[key].phone)
        assert user
        return user.id


def actions(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.execute(select(AuditEntry.action).order_by(AuditEntry.id)).scalars())


@pytest.mark.parametrize("key", ["buyer", "farmer", "staff_xinfeng", "bureau", "finance"])
def test_only_administrators_see_people(sign_in: SignIn, key: str) -> None:
    sign_in(key).get("/staff/people/", 403)


def test_signed_out_is_sent_to_sign_in(visitor: Visitor) -> None:
    assert visitor.get("/staff/people/", 303).location == "/sign-in?next=/staff/people/"


def test_people_are_found_by_phone_and_name_and_shown_masked(sign_in: SignIn) -> None:
    admin = sign_in("admin")
    buyer = PEOPLE["buyer"]
    for text in (buyer.phone, "+86 " + buyer.phone, buyer.phone[:9], buyer.name):
        page = admin.get("/staff/people/", query_string={"q": text})
        assert buyer.name in page.text
        assert buyer.phone not in page.text
    assert "没找到" in admin.get("/staff/people/", query_string={"q": "%"}).text
    assert "没找到" in admin.get("/staff/people/", query_string={"q": "查无此人"}).text


def test_unknown_person_is_not_found(sign_in: SignIn) -> None:
    admin = sign_in("admin")
    admin.get("/staff/people/1", 404)
    admin.get(f"/staff/people/{10**25}", 404)
    admin.get("/staff/people/", query_string={"after": "9" * 30})


def test_role_acts_at_the_next_request_and_so_does_its_end(app: Flask, sign_in: SignIn) -> None:
    admin, bureau = sign_in("admin"), sign_in("bureau")
    page = f"/staff/people/{user_id(app, 'bureau')}"
    bureau.get("/staff/jobs/", 403)
    admin.submit(page, {"role": "admin", "area_code": ""}, form="/roles")
    bureau.get("/staff/jobs/")
    with app.app_context():
        grants = queries.list_grants([user_id(app, "bureau")])[user_id(app, "bureau")]
        newest = next(one.id for one in grants if one.role == Role.ADMIN)
    admin.submit(page, form=f"/roles/{newest}/revoke")
    bureau.get("/staff/jobs/", 403)
    assert actions(app)[-2:] == ["role.granted", "role.revoked"]


def test_new_staff_see_nothing_until_they_have_a_second_factor(app: Flask, sign_in: SignIn) -> None:
    admin, buyer = sign_in("admin"), sign_in("buyer")
    admin.submit(
        f"/staff/people/{user_id(app, 'buyer')}", {"role": "finance", "area_code": ""}, form="/roles"
    )
    asked = buyer.get("/staff/", 303)
    assert asked.location.startswith("/sign-in/second-factor")
    assert buyer.follow(asked, 303).location.startswith("/sign-in/second-factor/new")


def test_centre_staff_are_given_exactly_one_county(app: Flask, sign_in: SignIn) -> None:
    admin, page = sign_in("admin"), f"/staff/people/{user_id(app, 'buyer')}"
    refused = admin.submit(page, {"role": "centre_staff", "area_code": ""}, 422, form="/roles")
    assert refused.errors() == {"area_code": "服务中心的人要选一个县（市、区）"}
    refused = admin.submit(page, {"role": "bureau", "area_code": "360722"}, 422, form="/roles")
    assert list(refused.errors()) == ["area_code"]
    refused = admin.submit(page, {"role": "centre_staff", "area_code": "440305"}, 422, form="/roles")
    assert list(refused.errors()) == ["area_code"]
    admin.submit(page, {"role": "centre_staff", "area_code": "360726"}, form="/roles")
    with app.app_context():
        viewer = queries.load_viewer(user_id(app, "buyer"))
        assert viewer.counties("sellers:read") == {"360726"}
    refused = admin.submit(page, {"role": "centre_staff", "area_code": "360726"}, 422, form="/roles")
    assert list(refused.errors()) == ["role"]


def test_administrators_cannot_take_their_own_rights(app: Flask, sign_in: SignIn) -> None:
    admin, mine = sign_in("admin"), user_id(app, "admin")
    page = admin.get(f"/staff/people/{mine}")
    token = page.form("/roles").fields["csrf_token"]
    with app.app_context():
        grant_id = queries.list_grants([mine])[mine][0].id
    for path, data in (
        (f"/staff/people/{mine}/roles/{grant_id}/revoke", {}),
        (f"/staff/people/{mine}/suspend", {"reason": "x"}),
        (f"/staff/people/{mine}/reset-second-factor", {}),
    ):
        answer = admin.post(path, data | {"csrf_token": token})
        assert "自己" in admin.follow(answer).text
    admin.get("/staff/people/")


def test_grant_of_one_person_is_not_revoked_through_another(app: Flask, sign_in: SignIn) -> None:
    admin, buyer, bureau = sign_in("admin"), user_id(app, "buyer"), user_id(app, "bureau")
    with app.app_context():
        grant_id = queries.list_grants([bureau])[bureau][0].id
    token = admin.get(f"/staff/people/{buyer}").form("/roles").fields["csrf_token"]
    admin.post(f"/staff/people/{buyer}/roles/{grant_id}/revoke", {"csrf_token": token}, 404)


def test_suspending_needs_a_reason_and_ends_every_session(app: Flask, sign_in: SignIn) -> None:
    admin, buyer = sign_in("admin"), sign_in("buyer")
    page = f"/staff/people/{user_id(app, 'buyer')}"
    assert list(admin.submit(page, {"reason": " "}, 422, form="/suspend").errors()) == ["reason"]
    buyer.get("/account")
    admin.submit(page, {"reason": "冒用他人手机号"}, form="/suspend")
    buyer.get("/account", 303)
    with app.app_context():
        assert queries.get_user(user_id(app, "buyer")).status == UserStatus.SUSPENDED
    admin.submit(page, form="/reinstate")
    sign_in("buyer").get("/account")
    assert actions(app)[-2:] == ["user.suspended", "user.reinstated"]


def test_sessions_can_be_ended_for_somebody(app: Flask, sign_in: SignIn) -> None:
    admin, buyer = sign_in("admin"), sign_in("buyer")
    admin.submit(f"/staff/people/{user_id(app, 'buyer')}", form="/end-sessions")
    buyer.get("/account", 303)


# Companies


def waiting_company(app: Flask) -> int:
    buyer = user_id(app, "buyer")
    with app.app_context():
        return run_in_transaction(
            lambda: services.set_company(SYSTEM, buyer, name="演示食堂", credit_code="91350100M000100Y43").id
        )


@pytest.mark.parametrize("key", ["finance", "admin"])
def test_company_is_verified_once(app: Flask, sign_in: SignIn, key: str) -> None:
    company_id = waiting_company(app)
    staff = sign_in(key)
    answer = staff.submit("/staff/people/companies", form=f"/{company_id}/verify")
    assert "核实了" in staff.follow(answer).text
    token = staff.get("/staff/people/companies").soup
    assert not token.select(f"form[action$='/{company_id}/verify']")
    with app.app_context():
        company = queries.company_of(user_id(app, "buyer"))
        assert company
        assert company.verified_by == user_id(app, key)


def test_company_changed_since_it_was_looked_at_is_not_verified(app: Flask, sign_in: SignIn) -> None:
    company_id = waiting_company(app)
    finance = sign_in("finance")
    fields = finance.get("/staff/people/companies").form(f"/{company_id}/verify").fields
    buyer = user_id(app, "buyer")
    with app.app_context():
        run_in_transaction(
            lambda: services.set_company(SYSTEM, buyer, name="演示食堂", credit_code="91360702MA00000230").id
        )
    answer = finance.post(f"/staff/people/companies/{company_id}/verify", fields)
    assert "再看一遍" in finance.follow(answer).text
    with app.app_context():
        company = queries.company_of(buyer)
        assert company
        assert company.verified_at is None


@pytest.mark.parametrize("key", ["bureau", "staff_xinfeng"])
def test_others_do_not_verify_companies(app: Flask, sign_in: SignIn, key: str) -> None:
    sign_in(key).get("/staff/people/companies", 403)


def test_staff_do_not_verify_their_own_company(app: Flask, sign_in: SignIn) -> None:
    finance_id = user_id(app, "finance")
    with app.app_context():
        company_id = run_in_transaction(
            lambda: (
                services.set_company(SYSTEM, finance_id, name="自己的", credit_code="91350100M000100Y43").id
            )
        )
    finance = sign_in("finance")
    answer = finance.submit("/staff/people/companies", form=f"/{company_id}/verify")
    assert "请别人核实" in finance.follow(answer).text
