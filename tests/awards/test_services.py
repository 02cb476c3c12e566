"""Evidence, the policy's figures and freezes: what is recorded, refused, and left in the operation log."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from marketplace import clock
from marketplace.audit import SYSTEM, AuditEntry
from marketplace.awards import collecting, freezing, policy_entry, services
from marketplace.awards.collecting import get_policy
from marketplace.awards.facts import (
    AccidentGrade,
    AgriClass,
    IncidentKind,
    IncidentStatus,
    Mode,
    NexusKind,
    SellerKind,
)
from marketplace.awards.models import FrozenAssessment, PolicyParameter
from marketplace.awards.policy_entry import Source
from marketplace.database import db, run_in_transaction
from marketplace.errors import NotFoundError
from marketplace.revenue.services import frozen_on
from tests import factories
from tests.awards.sales import establish, sell

pytestmark = pytest.mark.usefixtures("app_context")

NOTICE = Source(
    number="赣商务发〔2026〕9号",
    title="关于农产品电商门槛的通知",
    issuer="赣州市商务局",
    issued_on=date(2026, 6, 1),
    clause="第二条",
    url="https://example.test/9",
)
JANUARY = datetime(2027, 1, 10, 4, tzinfo=UTC)


def adopt_threshold(factor: str = "0.4") -> int:
    """A published lowered threshold, entered by the bureau and confirmed by finance."""

    def enter() -> int:
        found = services.enter_threshold(
            factories.actor("bureau"), source=NOTICE, effective_from=date(2026, 6, 1), factor=Decimal(factor)
        )
        services.confirm_threshold(factories.actor("finance"), threshold_id=found)
        return found

    return run_in_transaction(enter)


def facts(seller: str = "coop_owner") -> collecting.Facts:
    seller_id = factories.shop(seller).id
    return collecting.collect_facts({seller_id: SellerKind.COOPERATIVE}, clock.today())[seller_id]


def actions() -> set[str]:
    return set(db.session.execute(select(AuditEntry.action)).scalars())


def test_reference_data_is_loaded_once() -> None:
    assert run_in_transaction(services.load_policy_reference) == 0
    rows = db.session.execute(select(PolicyParameter.key)).scalars().all()
    assert len(rows) == len(set(rows)) == 25


def test_a_threshold_is_used_only_after_a_second_person_confirmed_it() -> None:
    bureau = factories.actor("bureau")
    found = run_in_transaction(
        lambda: services.enter_threshold(
            bureau, source=NOTICE, effective_from=date(2026, 6, 1), factor=Decimal("0.4")
        )
    )
    assert get_policy().agri_threshold_of(Mode.B2C, 2026) is None
    assert get_policy().has_unadopted_threshold(2026)
    with pytest.raises(policy_entry.SamePersonError):
        run_in_transaction(lambda: services.confirm_threshold(bureau, threshold_id=found))
    with pytest.raises(policy_entry.NobodyError):
        run_in_transaction(lambda: services.confirm_threshold(SYSTEM, threshold_id=found))
    finance = factories.actor("finance")
    run_in_transaction(lambda: services.confirm_threshold(finance, threshold_id=found))
    adopted = get_policy().agri_threshold_of(Mode.B2C, 2026)
    assert adopted is not None
    assert adopted.lowered(get_policy().tiers_of(Mode.B2C, 2026))[0] == 20_000_000_00
    assert get_policy().agri_threshold_of(Mode.B2C, 2025) is None
    with pytest.raises(policy_entry.ConfirmedAlreadyError):
        run_in_transaction(lambda: services.confirm_threshold(finance, threshold_id=found))
    assert {"award_threshold.entered", "award_threshold.confirmed"} <= actions()


@pytest.mark.parametrize("missing", ["number", "issuer", "issued_on", "clause", "url"])
def test_a_threshold_without_its_whole_source_is_refused(missing: str) -> None:
    from dataclasses import replace

    source = replace(NOTICE, **{missing: None if missing == "issued_on" else ""})
    with pytest.raises(policy_entry.IncompleteSourceError):
        run_in_transaction(
            lambda: services.enter_threshold(
                factories.actor("bureau"),
                source=source,
                effective_from=date(2026, 6, 1),
                factor=Decimal("0.4"),
            )
        )


@pytest.mark.parametrize(
    "values",
    [
        {"factor": Decimal("1.1")},
        {"factor": Decimal(0)},
        {"factor": Decimal("0.4"), "threshold_amounts": [1, 2, 3]},
        {},
        {"threshold_amounts": [1, 2, 3]},
        {"threshold_amounts": [3, 2, 1], "modes": [Mode.B2C]},
        {"threshold_amounts": [1, 2], "modes": [Mode.B2C]},
        {"threshold_amounts": [1, 2, 60_000_000_000], "modes": [Mode.B2C]},
    ],
)
def test_a_threshold_that_does_not_lower_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(policy_entry.RaisedThresholdError):
        run_in_transaction(
            lambda: services.enter_threshold(
                factories.actor("bureau"),
                source=NOTICE,
                effective_from=date(2026, 6, 1),
                **values,  # type: ignore[arg-type]
            )
        )


def test_a_parameter_counts_from_its_confirmation_on() -> None:
    found = run_in_transaction(
        lambda: services.enter_parameter(
            factories.actor("bureau"),
            key="force_confirmed_until",
            value="2026-12-31",
            source=NOTICE,
            effective_from=date(2026, 6, 1),
        )
    )
    assert get_policy().readings(2026).force_confirmed_until == date(2015, 12, 31)
    finance = factories.actor("finance")
    run_in_transaction(lambda: services.confirm_parameter(finance, parameter_id=found))
    assert get_policy().readings(2026).force_confirmed_until == date(2026, 12, 31)
    assert get_policy().readings(2025).force_confirmed_until == date(2015, 12, 31)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("no_such_key", "x"),
        ("threshold_operator", "lt"),
        ("agri_share_min", "2"),
        ("recognition_event", "paid"),
        ("indicative_factor", 0.5),
    ],
)
def test_a_reading_that_the_setting_does_not_allow_is_refused(key: str, value: object) -> None:
    with pytest.raises(policy_entry.NoReadingError):
        run_in_transaction(
            lambda: services.enter_parameter(
                factories.actor("bureau"),
                key=key,
                value=value,
                source=NOTICE,
                effective_from=date(2026, 6, 1),
            )
        )


def test_evidence_becomes_facts_and_a_withdrawn_record_none() -> None:
    seller_id, by = factories.shop("coop_owner").id, factories.actor("staff_xinfeng")

    def record() -> tuple[int, int]:
        nexus = services.record_nexus(
            by,
            seller_id=seller_id,
            kind=NexusKind.OPERATIONS,
            document="租赁合同",
            valid_from=date(2026, 1, 1),
            valid_to=date(2026, 12, 31),
        )
        services.record_nexus(by, seller_id=seller_id, kind=NexusKind.REGISTERED)
        services.set_history_state(by, seller_id=seller_id, is_known=True, document="审计报告")
        services.record_application(
            by, seller_id=seller_id, year=2026, applied_on=date(2026, 11, 1), document="来函"
        )
        declared = services.record_declared(
            by, seller_id=seller_id, year=2026, mode=Mode.B2C, agri_class=AgriClass.PRIMARY, amount=5
        )
        return nexus, declared

    nexus, declared = run_in_transaction(record)
    found = facts()
    assert [(one.kind, one.evidence) for one in found.nexus] == [
        (NexusKind.OPERATIONS, True),
        (NexusKind.REGISTERED, False),
    ]
    assert found.history_known
    assert found.applied_on == {2026: date(2026, 11, 1)}
    assert [(row.is_declared, row.counts) for row in found.revenue] == [(True, False)]

    def take_back() -> None:
        services.withdraw(by, record="nexus", record_id=nexus, reason="写错了")
        services.withdraw(by, record="declared", record_id=declared, reason="写错了")

    run_in_transaction(take_back)
    assert [one.kind for one in facts().nexus] == [NexusKind.REGISTERED]
    assert facts().revenue == ()
    with pytest.raises(NotFoundError):
        run_in_transaction(lambda: services.withdraw(by, record="nexus", record_id=nexus, reason="再来"))
    assert {"award_nexus.recorded", "award_nexus.withdrawn", "award_history.stated"} <= actions()


def test_a_predecessor_counts_with_its_own_sales_and_history_once_documented() -> None:
    farmer, coop = factories.shop("farmer").id, establish()
    by = factories.actor("bureau")
    sell(700_00, seller="farmer")

    def link() -> int:
        services.record_history(
            by,
            seller_id=farmer,
            year=2024,
            mode=Mode.C2C,
            agri_class=AgriClass.PRIMARY,
            amount=300_00,
            document="账本",
        )
        found = services.link_predecessor(by, seller_id=coop, name="刘长根", former_seller_id=farmer)
        services.record_history(
            by,
            seller_id=coop,
            year=2023,
            mode=Mode.C2C,
            agri_class=AgriClass.PRIMARY,
            amount=200_00,
            document="账本",
            predecessor_id=found,
        )
        return found

    first = run_in_transaction(link)
    assert facts().inherited == ()

    def document() -> None:
        services.withdraw(by, record="predecessor", record_id=first, reason="补上文件")
        services.link_predecessor(
            by, seller_id=coop, name="刘长根", document="合并协议", former_seller_id=farmer
        )

    run_in_transaction(document)
    assert sorted((row.year, row.fen) for row in facts().inherited) == [(2024, 300_00), (2026, 700_00)]
    with pytest.raises(services.PredecessorChainError):
        run_in_transaction(
            lambda: services.link_predecessor(by, seller_id=farmer, name="环", former_seller_id=coop)
        )
    with pytest.raises(services.PredecessorChainError):
        run_in_transaction(
            lambda: services.link_predecessor(by, seller_id=coop, name="自己", former_seller_id=coop)
        )


def test_only_a_decided_incident_with_its_paper_stops_a_year() -> None:
    seller_id = establish()
    sell(60_000_000_00)
    by = factories.actor("bureau")

    def states() -> tuple[str, ...]:
        found = facts()
        from marketplace.awards.rules import assess

        return tuple(assess(get_policy(), found).years[2026].award.states)

    incident = run_in_transaction(
        lambda: services.record_incident(
            by,
            seller_id=seller_id,
            kind=IncidentKind.SAFETY_ACCIDENT,
            grade=AccidentGrade.LARGER,
            occurred_on=date(2026, 5, 1),
            status=IncidentStatus.ALLEGED,
        )
    )
    assert "review" in states()
    with pytest.raises(services.MissingDocumentError):
        run_in_transaction(
            lambda: services.decide_incident(by, incident_id=incident, status=IncidentStatus.DECIDED)
        )
    run_in_transaction(
        lambda: services.decide_incident(
            by,
            incident_id=incident,
            status=IncidentStatus.DECIDED,
            decided_by="应急管理局",
            document="2026-17",
        )
    )
    assert "disqualified" in states()
    with pytest.raises(services.WrongGradeError):
        run_in_transaction(
            lambda: services.record_incident(
                by,
                seller_id=seller_id,
                kind=IncidentKind.FRAUD,
                grade=AccidentGrade.LARGER,
                occurred_on=date(2026, 5, 1),
                status=IncidentStatus.ALLEGED,
            )
        )
    with pytest.raises(services.WrongPeriodError):
        run_in_transaction(
            lambda: services.record_incident(
                by,
                seller_id=seller_id,
                kind=IncidentKind.FRAUD,
                occurred_on=date(2027, 5, 1),
                status=IncidentStatus.ALLEGED,
            )
        )


def test_what_is_recorded_of_a_seller_needs_its_paper() -> None:
    seller_id, by = factories.shop("coop_owner").id, factories.actor("staff_xinfeng")
    with pytest.raises(services.MissingDocumentError):
        run_in_transaction(
            lambda: services.set_history_state(by, seller_id=seller_id, is_known=True, document="")
        )
    with pytest.raises(services.MissingDocumentError):
        run_in_transaction(
            lambda: services.record_history(
                by,
                seller_id=seller_id,
                year=2024,
                mode=Mode.B2C,
                agri_class=AgriClass.PRIMARY,
                amount=1,
                document="",
            )
        )
    with pytest.raises(services.WrongPeriodError):
        run_in_transaction(
            lambda: services.record_history(
                by,
                seller_id=seller_id,
                year=2099,
                mode=Mode.B2C,
                agri_class=AgriClass.PRIMARY,
                amount=1,
                document="x",
            )
        )
    with pytest.raises(NotFoundError):
        run_in_transaction(lambda: services.record_nexus(by, seller_id=1, kind=NexusKind.REGISTERED))


def test_a_year_is_frozen_from_the_first_of_january_on_and_never_changes() -> None:
    seller_id, bureau = establish(), factories.actor("bureau")
    sell(25_000_000_01)
    with pytest.raises(freezing.YearOpenError):
        run_in_transaction(lambda: services.freeze_assessment(bureau, seller_id, 2026))
    with clock.at(datetime(2026, 12, 31, 16, tzinfo=UTC)):  # midnight in Shanghai
        assert run_in_transaction(lambda: services.freeze_assessment(bureau, seller_id, 2026)) == 1
    assert frozen_on(seller_id, 2026) == date(2027, 1, 1)
    assert frozen_on(seller_id, 2025) is None
    row = db.session.execute(select(FrozenAssessment)).scalar_one()
    assert row.result["award"]["possible_yuan"] == "50000.00"
    factor = next(one for one in row.parameters if one.get("key") == "indicative_factor")
    assert (factor["value"], factor["status"], factor["clause"]) == ("0.5", "indicative", "四（二）1")
    assert row.facts["given"]["revenue"][0]["fen"] == 25_000_000_01
    with clock.at(JANUARY):
        assert run_in_transaction(lambda: services.freeze_assessment(bureau, seller_id, 2026)) == 2
    assert frozen_on(seller_id, 2026) == date(2027, 1, 1)
    assert "award_year.frozen" in actions()


def test_a_year_without_orders_is_not_frozen() -> None:
    seller_id, bureau = establish(), factories.actor("bureau")
    with clock.at(JANUARY), pytest.raises(freezing.NothingToFreezeError):
        run_in_transaction(lambda: services.freeze_assessment(bureau, seller_id, 2026))
