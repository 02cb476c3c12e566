"""Jobs are written with their act, done by one worker, tried three times, parked for a person."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.jobs import registry, services
from marketplace.jobs.models import Job, JobStatus


class Work:
    """A handler that notes what it did, fails when it is told to, and dies when it is told to."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.error: BaseException | None = None

    def __call__(self, payload: dict[str, Any]) -> None:
        if self.error:
            raise self.error
        self.done.append(payload["number"])


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    found = Work()
    monkeypatch.setitem(registry._handlers, "test.work", found)
    return found


def enqueue(number: int = 1, **options: Any) -> None:
    run_in_transaction(lambda: services.enqueue("test.work", {"number": number}, **options))


def only() -> Job:
    db.session.rollback()
    return db.session.execute(select(Job).where(Job.kind == "test.work")).scalar_one()


@pytest.mark.usefixtures("app_context")
class TestOneWorker:
    def test_job_is_done_once(self, work: Work) -> None:
        enqueue()
        assert services.run_due() == 1
        assert services.run_due() == 0
        assert work.done == [1]
        assert only().status == JobStatus.DONE

    def test_job_of_an_act_that_failed_is_never_done(self, work: Work) -> None:
        def act() -> None:
            services.enqueue("test.work", {"number": 1})
            raise LookupError

        with pytest.raises(LookupError):
            run_in_transaction(act)
        assert services.run_due() == 0

    def test_job_waits_for_its_time(self, work: Work) -> None:
        enqueue(run_at=clock.now() + timedelta(hours=1))
        assert services.run_due() == 0
        with clock.at(clock.now() + timedelta(hours=1)):
            assert services.run_due() == 1

    def test_unknown_kind_is_refused_where_it_is_asked_for(self) -> None:
        with pytest.raises(registry.UnknownKindError):
            run_in_transaction(lambda: services.enqueue("test.nothing", {}))

    def test_two_handlers_of_one_kind_are_a_mistake(self, work: Work) -> None:
        def first(payload: dict[str, Any]) -> None: ...
        def second(payload: dict[str, Any]) -> None: ...

        registry.handler("test.twice")(first)
        with pytest.raises(ValueError, match=r"test\.twice"):
            registry.handler("test.twice")(second)
        del registry._handlers["test.twice"]

    def test_third_failure_parks_and_a_person_may_try_again(self, work: Work) -> None:
        enqueue()
        work.error = ValueError("broken picture")
        moment = clock.now()
        for pause in (*services.PAUSES, timedelta()):
            with clock.at(moment):
                assert services.run_due() == 0
                assert services.run_due() == 0
            moment += pause
        found = only()
        assert (found.status, found.tries) == (JobStatus.PARKED, 3)
        assert found.last_error == "ValueError: broken picture"
        work.error, job_id = None, found.id
        with clock.at(moment):
            run_in_transaction(lambda: services.retry(SYSTEM, job_id))
            assert services.run_due() == 1
            with pytest.raises(services.JobNotParkedError):
                run_in_transaction(lambda: services.retry(SYSTEM, job_id))

    def test_one_failing_job_does_not_stop_the_next(self, work: Work) -> None:
        enqueue(1)
        work.error = ValueError()
        services.run_due()
        work.error = None
        enqueue(2)
        assert services.run_due() == 1
        assert work.done == [2]

    def test_job_of_a_dead_worker_is_done_by_another_after_the_lease(self, work: Work) -> None:
        enqueue()
        work.error = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            services.run_due()
        work.error = None
        assert services.run_due() == 0
        with clock.at(clock.now() + services.LEASE):
            assert services.run_due() == 1
        assert work.done == [1]

    def test_job_that_kills_its_worker_three_times_is_parked(self, work: Work) -> None:
        enqueue()
        work.error = KeyboardInterrupt()
        for _ in range(3):
            with clock.at(clock.now() + services.LEASE * only().tries), pytest.raises(KeyboardInterrupt):
                services.run_due()
        with clock.at(clock.now() + services.LEASE * 3):
            assert services.run_due() == 0
        assert only().status == JobStatus.PARKED

    def test_worker_that_comes_back_late_changes_nothing(self, work: Work) -> None:
        enqueue()
        job_id = only().id
        claimed = run_in_transaction(lambda: services._claim(job_id))
        assert claimed
        with clock.at(clock.now() + services.LEASE):
            run_in_transaction(lambda: services._claim(job_id))
            run_in_transaction(lambda: services._finish(job_id, claimed.until, status=JobStatus.DONE))
        assert only().status == JobStatus.RUNNING


def test_two_workers_do_each_job_once(fresh_app: Flask, work: Work) -> None:
    with fresh_app.app_context():
        for number in range(20):
            enqueue(number)
    moment = clock.now()

    def run(_worker: int) -> int:
        with fresh_app.app_context(), clock.at(moment):
            try:
                return sum(services.run_due() for _ in range(4))
            finally:
                db.session.remove()

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(run, range(3))) == 20
    assert sorted(work.done) == list(range(20))
