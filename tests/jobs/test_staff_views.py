"""Parked jobs as operations see them, and nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from marketplace import clock
from marketplace.database import db, run_in_transaction
from marketplace.jobs.models import Job, JobStatus
from tests.browsing import Visitor

SignIn = Callable[[str], Visitor]


def park(app: Flask) -> None:
    with app.app_context():
        moment = clock.now()
        run_in_transaction(
            lambda: db.session.add(
                Job(
                    kind="media.encode",
                    payload={"image_id": 1},
                    status=JobStatus.PARKED,
                    tries=3,
                    run_at=moment,
                    created_at=moment,
                    last_error="ValueError: <b>broken</b>",
                )
            )
        )


@pytest.mark.parametrize("key", ["buyer", "farmer", "finance", "bureau", "staff_xinfeng"])
def test_others_do_not_see_jobs(sign_in: SignIn, key: str) -> None:
    sign_in(key).get("/staff/jobs/", 403)


def test_parked_job_shows_its_reason_and_is_queued_again(app: Flask, sign_in: SignIn) -> None:
    park(app)
    admin = sign_in("admin")
    page = admin.get("/staff/jobs/")
    assert "ValueError: <b>broken</b>" in page.text
    answer = admin.submit("/staff/jobs/", form="/retry")
    assert "排上队" in admin.follow(answer).text
    assert "media.encode" in admin.get("/staff/jobs/", query_string={"status": "waiting"}).text


def test_list_is_empty_with_a_sentence(sign_in: SignIn) -> None:
    assert "没有" in sign_in("admin").get("/staff/jobs/", query_string={"status": "running"}).text


def test_unknown_state_or_job_is_not_found(sign_in: SignIn) -> None:
    admin = sign_in("admin")
    admin.get("/staff/jobs/", 404, query_string={"status": "lost"})
    token = admin.get("/account").form("/sign-out").fields["csrf_token"]
    admin.post("/staff/jobs/1/retry", {"csrf_token": token}, 404)
