"""`flask awards record` and `flask awards assess`: lines in, a sentence or a refusal out, all or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from marketplace.audit import AuditEntry
from marketplace.awards.collecting import get_policy
from marketplace.awards.facts import Mode
from marketplace.awards.models import (
    FrozenAssessment,
    HistoryState,
    Incident,
    NexusEvidence,
    RecordedRevenue,
)
from marketplace.database import db
from tests import factories
from tests.awards import sales
from tests.people import PEOPLE

BUREAU, FINANCE = PEOPLE["bureau"].phone, PEOPLE["finance"].phone
XINFENG, ANYUAN = PEOPLE["staff_xinfeng"].phone, PEOPLE["staff_anyuan"].phone
SOURCE = {
    "number": "赣商务发〔2026〕9号",
    "title": "通知",
    "issuer": "赣州市商务局",
    "issued_on": "2026-06-01",
    "clause": "第二条",
    "scan": "9.pdf",
}


@pytest.fixture
def code(app: Flask) -> str:
    with app.app_context():
        return factories.shop("coop_owner").code


def record(app: Flask, *lines: dict[str, Any] | str, by: str | None = None) -> Result:
    """The command with these lines on standard input."""
    content = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    arguments = ["awards", "record", "-", *(["--by", by] if by else [])]
    return app.test_cli_runner().invoke(args=arguments, input=content)


def count(app: Flask, model: Any) -> int:
    with app.app_context():
        return db.session.execute(select(func.count()).select_from(model)).scalar_one()


def test_a_file_of_evidence_is_recorded_with_who_did_it(app: Flask, code: str) -> None:
    done = record(
        app,
        {"kind": "nexus", "seller": code, "nexus": "registered", "document": "营业执照"},
        {"kind": "history_state", "seller": code, "known": True, "document": "审计报告"},
        "",
        {"kind": "predecessor", "seller": code, "name": "老合作社", "document": "合并协议", "as": "old"},
        {
            "kind": "history",
            "seller": code,
            "predecessor": "old",
            "year": 2024,
            "mode": "b2c",
            "class": "primary",
            "yuan": "17320000.50",
            "document": "审计报告",
        },
        {"kind": "declared", "seller": code, "year": 2026, "mode": "b2c", "class": "primary", "yuan": 5},
        {"kind": "application", "seller": code, "year": 2026, "on": "2026-11-01", "document": "来函"},
        by=XINFENG,
    )
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith(f"line 1: nexus of {code} recorded, id ")
    assert [count(app, model) for model in (NexusEvidence, HistoryState, RecordedRevenue)] == [1, 1, 2]
    with app.app_context():
        labels = db.session.execute(
            select(AuditEntry.actor_label).where(AuditEntry.action.like("award_%"))
        ).scalars()
        assert set(labels) == {PEOPLE["staff_xinfeng"].name}
        amounts = db.session.execute(select(RecordedRevenue.amount)).scalars()
        assert set(amounts) == {17_320_000_50, 500}


def test_a_file_that_is_read_twice_counts_once(app: Flask, code: str) -> None:
    figure = {"seller": code, "year": 2024, "mode": "b2c", "class": "primary", "yuan": 5, "document": "审计"}
    lines = (
        {"kind": "history"} | figure,
        {"kind": "nexus", "seller": code, "nexus": "registered", "document": "营业执照"},
        {"kind": "predecessor", "seller": code, "name": "老合作社"},
    )
    assert record(app, *lines, by=BUREAU).exit_code == 0
    for line in lines:
        again = record(app, line, by=BUREAU)
        assert again.exit_code == 2
        assert again.stderr.startswith("line 1: it is recorded already, id ")
    assert count(app, RecordedRevenue) == count(app, NexusEvidence) == 1


def test_a_threshold_takes_two_people(app: Flask) -> None:
    threshold = {"kind": "threshold", "by": BUREAU, "factor": "0.4", "from": "2026-06-01", "source": SOURCE}
    alone = record(app, threshold | {"as": "t"}, {"kind": "confirm", "by": BUREAU, "threshold": "t"})
    assert alone.exit_code == 2
    assert alone.stderr == "line 2: by: whoever entered it cannot confirm it. Nothing was recorded.\n"
    both = record(app, threshold | {"as": "t"}, {"kind": "confirm", "by": FINANCE, "threshold": "t"})
    assert both.exit_code == 0, both.stderr
    with app.app_context():
        assert get_policy().agri_threshold_of(Mode.B2C, 2026) is not None


def test_a_parameter_and_a_table_are_confirmed_by_their_ids(app: Flask) -> None:
    entered = record(
        app,
        {
            "kind": "parameter",
            "key": "agri_share_min",
            "value": "0.6",
            "from": "2026-01-01",
            "source": SOURCE,
        },
        {
            "kind": "threshold",
            "yuan": [30000000, 60000000, 300000000],
            "modes": ["b2c"],
            "from": "2026-01-01",
            "source": SOURCE,
        },
        by=BUREAU,
    )
    parameter, threshold = (line.rsplit(" ", 1)[1] for line in entered.stdout.splitlines())
    confirmed = record(
        app,
        {"kind": "confirm", "parameter": parameter},
        {"kind": "confirm", "threshold": int(threshold)},
        by=FINANCE,
    )
    assert confirmed.exit_code == 0, confirmed.stderr
    with app.app_context():
        policy = get_policy()
        assert str(policy.readings(2026).agri_share_min) == "0.6"
        lowered = policy.agri_threshold_of(Mode.B2C, 2026)
        assert lowered is not None
        assert lowered.thresholds_fen == (3_000_000_000, 6_000_000_000, 30_000_000_000)


def test_an_incident_is_decided_later_and_a_record_withdrawn(app: Flask, code: str) -> None:
    incident = {
        "kind": "incident",
        "seller": code,
        "incident": "fraud",
        "on": "2026-05-01",
        "status": "alleged",
    }
    decision = {
        "kind": "decision",
        "incident": "i",
        "status": "decided",
        "decided_by": "市监局",
        "document": "17号",
    }
    nexus = {"kind": "nexus", "seller": code, "nexus": "settlement", "document": "开户许可", "as": "n"}
    withdraw = {"kind": "withdraw", "record": "nexus", "id": "n", "reason": "写错了"}
    done = record(app, incident | {"as": "i"}, decision, nexus, withdraw, by=BUREAU)
    assert done.exit_code == 0, done.stderr
    with app.app_context():
        assert db.session.execute(select(Incident.status)).scalar_one() == "decided"
        assert db.session.execute(select(NexusEvidence.withdrawn_at)).scalar_one() is not None


def test_a_year_is_frozen_by_the_bureau_only_when_it_is_over(app: Flask, code: str) -> None:
    with app.app_context():
        sales.sell(100_00)
    freeze = {"kind": "freeze", "seller": code, "year": 2026}
    early = record(app, freeze, by=BUREAU)
    assert early.stderr == "line 1: year: 2026 may be frozen from 2027-01-01. Nothing was recorded.\n"
    centre = record(app, freeze, by=XINFENG)
    assert "may not do this (awards:record)" in centre.stderr
    assert count(app, FrozenAssessment) == 0


NEXUS = {"kind": "nexus", "nexus": "registered", "document": "x"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: line: is no JSON object."),
        ("[]", "line 2: : must be an object."),
        ({"kind": "gift"}, "line 2: kind: must be one of"),
        (NEXUS, "line 2: seller: is missing."),
        (NEXUS | {"seller": "NOSHOP"}, "line 2: seller: there is no shop NOSHOP"),
        (NEXUS | {"seller": "CODE", "extra": 1}, "line 2: extra: unknown field."),
        (NEXUS | {"seller": "CODE", "nexus": "seat"}, "line 2: nexus: must be one of"),
        (NEXUS | {"seller": "CODE", "from": "2026-13-01"}, "line 2: from: must be a date"),
        (NEXUS | {"seller": "CODE", "document": "长" * 101}, "line 2: document: must have at most 100"),
        (NEXUS | {"seller": "CODE", "by": "13999999999"}, "line 2: by: name the person"),
        (NEXUS | {"seller": "CODE", "by": ANYUAN}, "line 2: seller: there is no shop"),
        (NEXUS | {"seller": "CODE", "by": PEOPLE["buyer"].phone}, "line 2: by: 陈晓 may not do this"),
        ({"kind": "confirm", "threshold": "t", "by": FINANCE}, "line 2: threshold: is neither an id"),
        ({"kind": "confirm", "threshold": 5, "by": FINANCE}, "line 2: there is no such record"),
    ],
)
def test_the_first_bad_line_is_named_and_nothing_is_recorded(
    app: Flask, code: str, line: dict[str, Any] | str, said: str
) -> None:
    bad = json.loads(json.dumps(line).replace("CODE", code)) if isinstance(line, dict) else line
    refused = record(app, NEXUS | {"seller": code, "nexus": "operations"}, bad, by=XINFENG)
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert refused.stderr.startswith(said)
    assert refused.stderr.endswith("Nothing was recorded.\n")
    assert "Traceback" not in refused.output
    assert count(app, NexusEvidence) == 0


def test_a_file_that_cannot_be_read_is_said(app: Flask, tmp_path: Any) -> None:
    runner = app.test_cli_runner()
    missing = runner.invoke(args=["awards", "record", str(tmp_path / "none.jsonl")])
    assert (missing.exit_code, "cannot be read" in missing.stderr) == (2, True)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    assert runner.invoke(args=["awards", "record", str(binary)]).exit_code == 2


def test_assess_reads_a_file_and_standard_input_and_stores_nothing(app: Flask, tmp_path: Any) -> None:
    case = {"id": "a", "case": {"revenue": [{"year": 2015, "mode": "b2c", "yuan": "50000000.01"}]}}
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(case), encoding="utf-8")
    runner = app.test_cli_runner()
    from_file = runner.invoke(args=["awards", "assess", str(path)])
    from_input = runner.invoke(args=["awards", "assess", "-"], input=json.dumps(case))
    assert from_file.exit_code == from_input.exit_code == 0
    assert from_file.stdout == from_input.stdout
    assert json.loads(from_file.stdout)["years"]["2015"]["award"]["result"] == "firm"
    bad = runner.invoke(args=["awards", "assess", "-"], input="{")
    assert (bad.exit_code, bad.stdout) == (2, "")
    assert bad.stderr.startswith("line 1: ")
