"""The worked examples, row by row; rows of benefits that are not assessed yet wait, counted and named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.awards.calculator import result_of, run
from tests.awards.comparing import differences

CASES_FILE = Path(__file__).with_name("cases.jsonl")
LINES = CASES_FILE.read_text(encoding="utf-8").splitlines()
ROWS = [json.loads(line, parse_float=str) for line in LINES]
LINE_OF = {row["id"]: line for row, line in zip(ROWS, LINES, strict=True)}
LATER_FIELDS = {"rent", "fibre", "brands", "recognitions", "other_benefits", "tax"}
COMPLETE = [row for row in ROWS if not LATER_FIELDS & row["case"].keys()]
WAITING = [row for row in ROWS if LATER_FIELDS & row["case"].keys()]
# Non-duplication, which is not assessed yet, changes the award of this row.
AWARD_GIVES_WAY = {"H03"}


def rows(chosen: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("row", chosen, ids=lambda row: row["id"])


def result(row: dict[str, Any]) -> dict[str, Any]:
    status, out, err = run(LINE_OF[row["id"]])
    assert status == 0, err
    return json.loads(out)  # type: ignore[no-any-return]


def test_every_row_is_either_complete_or_waiting_by_name():
    assert len(ROWS) == 66
    assert [row["id"] for row in WAITING] == [
        "W5",
        "C01",
        "C02",
        "C05-early",
        "C05-due",
        "C06",
        "C07-scale",
        "C07-recognition",
        "D03-renewal",
        "D03-second",
        "D04",
        "E02",
        "E04",
        "F03",
        "F05",
        "G01",
        "G03-15",
        "G03-25",
        "H01",
        "H03",
    ]
    assert len(COMPLETE) == 46


@rows(COMPLETE)
def test_complete_row_comes_out_as_expected(row):
    assert differences(row["expect"], result(row)) == []


@rows(WAITING)
def test_waiting_row_is_read_and_its_award_is_right(row):
    found = result(row)
    assert found["id"] == row["id"]
    if row["id"] in AWARD_GIVES_WAY:
        return
    for year, expected in row["expect"]["years"].items():
        if expected and "award" in expected:
            assert differences(expected["award"], found["years"][year]["award"], year) == []


def test_what_waits_is_said_and_not_left_out_silently():
    _, _, err = run(LINE_OF["W5"])
    assert err == "W5: read but not assessed yet: rent, fibre, recognitions, other_benefits\n"


def test_smallest_useful_case_gives_its_whole_result():
    amounts = {"firm_yuan": "50000.00", "possible_yuan": "50000.00"}
    side = {
        "broken": [1],
        "used_up": [],
        "yuan": "50000.00",
        "next": {
            "tier": 2,
            "basis": "standard",
            "threshold_yuan": "100000000.00",
            "distance_yuan": "50000000.00",
        },
    }
    nothing = {"b2b": "0.00", "b2c": "0.00", "c2c": "0.00", "unclassified": "0.00"}
    assert result_of(revenue=[{"year": 2015, "mode": "b2c", "yuan": "50000000.01"}]) == {
        "id": "x",
        "years": {
            "2015": {
                "award": {
                    **amounts,
                    "result": "firm",
                    "states": [],
                    "payer": "benefiting_treasury",
                    "clause": "四（二）1",
                    "reasons": [{"code": "first_break", "clause": "四（二）1"}],
                    "counted": {"firm": {"b2c": [1]}, "possible": {"b2c": [1]}},
                    "modes": {
                        "b2c": {
                            "measured_yuan": "50000000.01",
                            "agri_yuan": "0.00",
                            "firm": side,
                            "possible": side,
                        }
                    },
                    "with_declared": None,
                    "indicative_label": False,
                    "force": "confirmed",
                },
                "revenue": {
                    "verified_yuan": {**nothing, "b2c": "50000000.01"},
                    "declared_yuan": nothing,
                    "total_yuan": "50000000.01",
                    "agri_yuan": "0.00",
                    "agri_share": "0.0000",
                    "agri_seller": False,
                    "by_class_yuan": {"primary": "0.00", "processed": "0.00", "not_agri": "50000000.01"},
                    "platform_coupon_yuan": "0.00",
                    "excluded_yuan": "0.00",
                    "adjustment_yuan": "0.00",
                },
                "totals": {**amounts, "clawback_yuan": "0.00", "by_payer": {"benefiting_treasury": amounts}},
            }
        },
        "used_up": {"firm": {"b2c": {"1": 2015}}, "possible": {"b2c": {"1": 2015}}},
        "seasons": {},
        "totals": {**amounts, "clawback_yuan": "0.00"},
    }


def test_an_empty_case_has_no_year():
    assert result_of() == {
        "id": "x",
        "years": {},
        "used_up": {"firm": {}, "possible": {}},
        "seasons": {},
        "totals": {"firm_yuan": "0.00", "possible_yuan": "0.00", "clawback_yuan": "0.00"},
    }
