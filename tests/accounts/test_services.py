"""What holds below the screens: one account a phone, counting under races, rights as rows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import clock, limits
from marketplace.accounts import codes, queries, services
from marketplace.accounts.models import CodePurpose, VerificationCode
from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.errors import DomainError, TooManyTriesError
from marketplace.permissions import Grant, Role, Viewer
from tests.accounts.codes import last_code, messages_to
from tests.people import PEOPLE

PHONE = "13900004321"
PASSWORD = "山上的橙子 2026"

pytestmark = pytest.mark.usefixtures("app_context")


def act(body: Callable[[], object]) -> None:
    run_in_transaction(lambda: bool(body()))


def test_one_phone_has_one_account() -> None:
    act(lambda: services.register(phone=PHONE, name="甲", password=PASSWORD))
    with pytest.raises(services.PhoneTakenError):
        act(lambda: services.register(phone=PHONE, name="乙", password=PASSWORD))


def test_invited_person_is_the_one_who_is_there_already() -> None:
    known = run_in_transaction(lambda: services.invite_user(SYSTEM, PEOPLE["buyer"].phone, "别的名字").id)
    assert queries.get_user(known).name == PEOPLE["buyer"].name


def test_invited_person_cannot_sign_in_by_password() -> None:
    act(lambda: services.invite_user(SYSTEM, PHONE, "新人"))
    attempt = run_in_transaction(lambda: services.begin_sign_in(PHONE, "192.0.2.1"))
    assert not services.verify_password(attempt, "")
    assert not services.verify_password(attempt, "None")


def test_second_administrator_code_replaces_the_first_and_grants_no_second_role() -> None:
    first = run_in_transaction(lambda: services.create_admin(PHONE, "管理员"))
    second = run_in_transaction(lambda: services.create_admin(PHONE, "管理员"))
    user = queries.find_by_phone(PHONE)
    assert user
    assert queries.load_viewer(user.id).grants == (Grant(Role.ADMIN),)
    if first != second:
        assert not run_in_transaction(lambda: services.use_code(PHONE, CodePurpose.FIRST_SIGN_IN, first))
    assert run_in_transaction(lambda: services.use_code(PHONE, CodePurpose.FIRST_SIGN_IN, second))


def test_code_is_not_in_the_database_as_it_was_sent(app: Flask) -> None:
    run_in_transaction(lambda: services.request_code(PHONE, CodePurpose.FIND_ORDER, "192.0.2.1"))
    stored = db.session.execute(
        select(VerificationCode.code_hash).where(VerificationCode.phone == PHONE)
    ).scalar_one()
    assert last_code(app, PHONE) not in stored
    assert len(stored) == 64


def test_old_codes_are_forgotten_and_live_ones_kept() -> None:
    code = run_in_transaction(lambda: services.create_admin(PHONE, "管理员"))
    assert codes.forget_old() == 0
    with clock.at(clock.now() + timedelta(hours=26)):
        assert codes.forget_old() == 1
        assert not run_in_transaction(lambda: services.use_code(PHONE, CodePurpose.FIRST_SIGN_IN, code))


def test_wrong_codes_are_counted_where_no_code_was_ever_sent() -> None:
    for _ in range(5):
        assert not run_in_transaction(lambda: services.use_code(PHONE, CodePurpose.RESET_PASSWORD, "123456"))
    with pytest.raises(TooManyTriesError):
        run_in_transaction(lambda: services.use_code(PHONE, CodePurpose.RESET_PASSWORD, "123456"))


def test_find_order_code_goes_to_any_phone_known_or_not(app: Flask) -> None:
    for phone in (PHONE, PEOPLE["buyer"].phone):
        run_in_transaction(
            lambda phone=phone: services.request_code(phone, CodePurpose.FIND_ORDER, "192.0.2.1")
        )  # type: ignore[misc]
        assert [message.template for message in messages_to(app, phone)] == ["code"]


def test_message_goes_out_in_the_readers_language(app: Flask) -> None:
    run_in_transaction(lambda: services.request_code(PHONE, CodePurpose.SIGN_UP, "192.0.2.1", language="en"))
    assert messages_to(app, PHONE)[0].language == "en"


def test_limit_forgets_what_lies_behind_it() -> None:
    limit = limits.Limit("test", 2, timedelta(minutes=5))
    for _ in range(2):
        run_in_transaction(lambda: limits.take(limit, "x"))
    with pytest.raises(TooManyTriesError):
        run_in_transaction(lambda: limits.take(limit, "x"))
    run_in_transaction(lambda: limits.give_back(limit, "x"))
    run_in_transaction(lambda: limits.take(limit, "x"))
    run_in_transaction(lambda: limits.take(limit, "y"))
    with clock.at(clock.now() + timedelta(minutes=5)):
        run_in_transaction(lambda: limits.take(limit, "x"))


def test_county_scope_of_a_viewer_is_the_union_of_the_grants() -> None:
    user_id = run_in_transaction(lambda: services.register(phone=PHONE, name="甲", password=PASSWORD).id)
    act(lambda: services.grant_role(SYSTEM, user_id, Role.CENTRE_STAFF, "360722"))
    act(lambda: services.grant_role(SYSTEM, user_id, Role.CENTRE_STAFF, "360726"))
    viewer = queries.load_viewer(user_id)
    assert viewer.counties("sellers:read") == {"360722", "360726"}
    assert viewer.counties("users:read") == frozenset()
    act(lambda: services.grant_role(SYSTEM, user_id, Role.BUREAU))
    assert queries.load_viewer(user_id).counties("sellers:read") is None


def test_revoked_grant_cannot_be_revoked_again() -> None:
    user_id = run_in_transaction(lambda: services.register(phone=PHONE, name="甲", password=PASSWORD).id)
    grant_id = run_in_transaction(lambda: services.grant_role(SYSTEM, user_id, Role.BUREAU).id)
    run_in_transaction(lambda: services.revoke_role(SYSTEM, user_id, grant_id))
    with pytest.raises(services.GrantError):
        run_in_transaction(lambda: services.revoke_role(SYSTEM, user_id, grant_id))


def test_lists_of_people_are_empty_for_who_may_not_read_them() -> None:
    assert queries.list_users(Viewer(1, (Grant(Role.FINANCE),))) == ([], None)
    assert queries.list_companies(Viewer(1, (Grant(Role.BUREAU),)), waiting=False) == []
    assert queries.list_users(Viewer(1, (Grant(Role.ADMIN),)))[0]


def test_guesses_at_the_same_moment_do_not_pass_the_limit_together(fresh_app: Flask) -> None:
    assert _race(fresh_app, limits.take) == limits.SIGN_IN_PAIR.most


def _race(app: Flask, take: Callable[[limits.Limit, str], None]) -> int:
    moment = clock.now()

    def guess(_number: int) -> bool:
        with app.app_context(), clock.at(moment):
            try:
                run_in_transaction(lambda: take(limits.SIGN_IN_PAIR, "somebody"))
            except DomainError:
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(8) as pool:
        return sum(pool.map(guess, range(20)))


def test_right_code_is_used_by_one_of_two_at_the_same_moment(fresh_app: Flask) -> None:
    with fresh_app.app_context():
        run_in_transaction(lambda: services.request_code(PHONE, CodePurpose.SIGN_UP, "192.0.2.1"))
    code = last_code(fresh_app, PHONE)
    moment = clock.now()

    def use(_number: int) -> bool:
        with fresh_app.app_context(), clock.at(moment):
            try:
                return run_in_transaction(lambda: services.use_code(PHONE, CodePurpose.SIGN_UP, code))
            finally:
                db.session.remove()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(use, range(4))) == [False, False, False, True]
