"""What the what-if calculator accepts and refuses, and how it says so."""

from __future__ import annotations

import io
import json

import pytest

from marketplace.awards.cases import run_file, run_path
from tests.awards.calculator import award_of, complaint_about, complaint_of, result_of, run

ROW = {"year": 2015, "mode": "b2c", "yuan": 1}
ORDER = {"buyer": "consumer", "completed": "2015-12-10", "yuan": 100}
FACTOR = {"factor": "0.5", "from": "2015-01-01"}
TABLE = {"mode": "b2c", "yuan": [1, 2, 3], "from": "2015-01-01"}

EVERY_FIELD = {
    "kind": "sole_trader",
    "nexus": [
        {"kind": "operations", "from": "2015-01-01", "to": None, "evidence": True, "place": "信丰县"},
        {"kind": "settlement"},
    ],
    "applied_on": {"2015": "2016-02-01"},
    "revenue": [
        {"year": 2015, "buyer": "consumer", "yuan": "1.500", "class": "primary"},
        {"year": 2015, "mode": "unclassified", "yuan": 1e1, "source": "declared", "evidence": False},
    ],
    "orders": [
        {
            "buyer": "consumer",
            "goods_yuan": "100",
            "class": "processed",
            "paid": "2015-12-01T08:00Z",
            "completed": "2015-12-31T23:59:59.999+08:00",
            "seller_discount_yuan": 1,
            "vat_yuan": "2.00",
            "freight_yuan": 12,
            "platform_coupon_yuan": 3,
            "refunds": [{"on": "2016-01-02", "yuan": 97}],
            "sham": "suspected",
            "offline": False,
        }
    ],
    "frozen": {"2015": "2016-03-31"},
    "history": [{"year": 2014, "mode": "b2b", "yuan": 5, "class": "not_agri"}],
    "history_known": False,
    "predecessors": [
        {"name": "old", "documented": False, "revenue": [{"year": 2013, "mode": "c2c", "yuan": 1}]},
        {},
    ],
    "affiliates": [{"name": "other", "revenue": []}, {}],
    "incidents": [
        {"kind": "safety_accident", "on": "2015-05-05", "status": "overturned", "grade": "larger"},
        {"kind": "bribery", "on": "2015-05-05", "status": "alleged"},
    ],
    "agri_thresholds": [
        {
            "factor": 0.4,
            "modes": ["b2c"],
            "from": "2016-01-01",
            "to": None,
            "confirmed": False,
            "source": "x",
        },
        {"mode": "c2c", "yuan": ["1", 2, 10000000], "from": "2016-01-01"},
    ],
    "settings": {
        "threshold_operator": "gte",
        "first_scope": "policy",
        "unknown_history": "assume_none",
        "same_year_tiers": "sum",
        "cross_year": "top_up",
        "across_modes": "sum",
        "disqualified_first": "deferred",
        "recognition_event": "paid",
        "declared": "counted",
        "natural_persons": "accepted",
        "sole_trader_side": "person",
        "nexus_kinds": ["settlement"],
        "agri_scope": "primary_and_processed",
        "agri_share_min": "0.123456",
        "agri_basis": "all",
        "indicative_factor": None,
        "effective_from": "2015-01-01",
        "effective_to": None,
        "force_confirmed_until": None,
        "above_scale_wholesale_yuan": 1,
        "above_scale_retail_yuan": "2.5",
        "rent_rate_basis": "month",
        "rent_cap_scope": "year",
        "rent_start": "recognition",
        "fibre_fee_basis": "contracted",
    },
    "as_of": "2016-06-01",
    "above_scale": "by_revenue",
    "key_industry": "2015-06-01",
    "rent": [{"start": "2015-06-01", "m2": 800.25, "paid": [96000], "other_use_on": None}],
    "fibre": [{"start": "2015-06-01", "fees": [1], "contracted_yuan": 2, "new": False}],
    "brands": [{"product": "甲", "level": "national", "year": 2016, "kind": "organic"}],
    "recognitions": [
        {"title": "base", "level": "provincial", "year": 2016, "new": False, "county_match_yuan": 1}
    ],
    "other_benefits": [
        {"year": 2016, "basis": basis, "yuan": 1, "level": "nation", "name": "n"}
        for basis in (
            "ecom_annual_revenue",
            "office_rent",
            "fibre_fee",
            "brand:甲",
            "demo:enterprise",
            "demo:base",
        )
    ],
    "tax": [
        {
            "year": 2016,
            "taxable_income_yuan": 1,
            "western_conditions": True,
            "rd_expensed_yuan": 1,
            "rd_capitalised_yuan": 1,
            "rd_years": 50,
        }
    ],
    "note": "everything",
}


def test_every_field_is_read():
    status, out, err = run(json.dumps({"id": "all", "note": 1, "expect": [], "case": EVERY_FIELD}))
    assert status == 0, err
    # Counted by the day of payment, with the refund before the freeze taken off.
    assert json.loads(out)["years"]["2015"]["revenue"]["verified_yuan"]["c2c"] == "1.50"


@pytest.mark.parametrize("field", sorted(EVERY_FIELD))
def test_null_stands_for_no_field_but_the_date_of_the_question(field):
    if field == "as_of":
        assert run(json.dumps({"case": {field: None}}))[0] == 0
    else:
        assert complaint_about(**{field: None}).startswith(f"case.{field}: ")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("[]", "line: is no JSON object"),
        ("{", "line: is no JSON object"),
        ("NaN", "line: is no JSON object"),
        (
            '{"case": {"revenue": [{"year": 2015, "mode": "b2c", "yuan": Infinity}]}}',
            "line: is no JSON object",
        ),
        ("[" * 200_000, "line: is nested too deeply"),
        ('{"case": {"note": ' + "[" * 200_000 + "]" * 200_000 + "}}", "line: is nested too deeply"),
        (b'{"case": {"note": "\xff"}}', "line: is not UTF-8"),
        ("\ufeff\ufeff{}", "line: is no JSON object"),
        ("{}", "case: is missing"),
        ('{"case": []}', "case: must be an object"),
        ('{"case": null}', "case: must be an object"),
        ('{"case": {}, "case": {}}', "case: given twice"),
        ('{"case": {}, "id": 3}', "id: must be a text"),
        ('{"case": {}, "id": null}', "id: must be a text"),
        ('{"case": {}, "extra": 1}', "extra: unknown field"),
        ('{"case": {"kind": "company", "kind": "company"}}', "case.kind: given twice"),
        (
            '{"case": {"frozen": {"2015": "2016-01-01", "2015": "2016-01-01"}}}',
            "case.frozen.2015: given twice",
        ),
        ('{"case": {"a\\nb": 1}}', "case.a\\u000ab: unknown field"),
    ],
)
def test_line_that_is_no_case_is_refused_with_its_path(line, complaint):
    assert complaint_of(line) == complaint


@pytest.mark.parametrize(
    ("case", "path"),
    [
        ({"unknown": 1}, "case.unknown"),
        ({"kind": "farmer"}, "case.kind"),
        ({"nexus": [{"kind": "here"}]}, "case.nexus[0].kind"),
        ({"nexus": [{}]}, "case.nexus[0].kind"),
        ({"nexus": [{"kind": "registered", "evidence": 1}]}, "case.nexus[0].evidence"),
        ({"nexus": [{"kind": "registered", "from": "1.1.2015"}]}, "case.nexus[0].from"),
        ({"applied_on": {"15": "2015-01-01"}}, "case.applied_on.15"),
        ({"applied_on": {"1999": "2015-01-01"}}, "case.applied_on.1999"),
        ({"applied_on": {"2015": None}}, "case.applied_on.2015"),
        ({"applied_on": []}, "case.applied_on"),
        ({"frozen": {"2015": "2015-12-31"}}, "case.frozen.2015"),
        ({"revenue": {}}, "case.revenue"),
        ({"revenue": [1]}, "case.revenue[0]"),
        ({"revenue": [{"year": 2015, "yuan": 1}]}, "case.revenue[0]"),
        ({"revenue": [{**ROW, "buyer": "consumer"}]}, "case.revenue[0]"),
        ({"revenue": [ROW, {"mode": "b2c", "yuan": 1}]}, "case.revenue[1].year"),
        ({"revenue": [{"mode": "b2c", "year": 2015}]}, "case.revenue[0].yuan"),
        ({"revenue": [{**ROW, "mode": "B2C"}]}, "case.revenue[0].mode"),
        ({"revenue": [{**ROW, "class": "fresh"}]}, "case.revenue[0].class"),
        ({"revenue": [{**ROW, "source": "bank"}]}, "case.revenue[0].source"),
        ({"revenue": [{**ROW, "goods_yuan": 1}]}, "case.revenue[0].goods_yuan"),
        ({"history": [{**ROW, "source": "platform"}]}, "case.history[0].source"),
        ({"revenue": [ROW], "history": [{**ROW, "year": 2014}, ROW]}, "case.history[1].year"),
        (
            {"predecessors": [{"revenue": [{**ROW, "evidence": True}]}]},
            "case.predecessors[0].revenue[0].evidence",
        ),
        ({"affiliates": [{"documented": True}]}, "case.affiliates[0].documented"),
        ({"history_known": "no"}, "case.history_known"),
        ({"orders": [{"buyer": "consumer"}]}, "case.orders[0]"),
        ({"orders": [{**ORDER, "goods_yuan": 1}]}, "case.orders[0]"),
        ({"orders": [{**ORDER, "mode": "b2c"}]}, "case.orders[0]"),
        (
            {"orders": [{**ORDER, "refunds": [{"on": "2015-12-11", "yuan": "100.01"}]}]},
            "case.orders[0].refunds",
        ),
        ({"orders": [{**ORDER, "vat_yuan": 101}]}, "case.orders[0].vat_yuan"),
        ({"orders": [{**ORDER, "refunds": [{"yuan": 1}]}]}, "case.orders[0].refunds[0].on"),
        ({"orders": [{**ORDER, "refunds": [{"on": None, "yuan": 1}]}]}, "case.orders[0].refunds[0].on"),
        ({"orders": [{**ORDER, "sham": True}]}, "case.orders[0].sham"),
        ({"orders": [{**ORDER, "offline": "yes"}]}, "case.orders[0].offline"),
        ({"orders": [{**ORDER, "year": 2015}]}, "case.orders[0].year"),
        ({"incidents": [{"kind": "fraud", "on": "2015-01-01"}]}, "case.incidents[0].status"),
        (
            {"incidents": [{"kind": "fraud", "on": "2015-01-01", "status": "alleged", "grade": "larger"}]},
            "case.incidents[0].grade",
        ),
        (
            {"incidents": [{"kind": "safety_accident", "on": "2015-01-01", "status": "alleged"}]},
            "case.incidents[0].grade",
        ),
        ({"agri_thresholds": [{"from": "2015-01-01"}]}, "case.agri_thresholds[0]"),
        ({"agri_thresholds": [{**FACTOR, "yuan": [1, 2, 3]}]}, "case.agri_thresholds[0]"),
        ({"agri_thresholds": [{**FACTOR, "mode": "b2c"}]}, "case.agri_thresholds[0].mode"),
        ({"agri_thresholds": [{**TABLE, "modes": ["b2c"]}]}, "case.agri_thresholds[0].modes"),
        ({"agri_thresholds": [{"factor": 1}]}, "case.agri_thresholds[0].from"),
        ({"agri_thresholds": [{**FACTOR, "modes": []}]}, "case.agri_thresholds[0].modes"),
        ({"agri_thresholds": [{**FACTOR, "modes": ["unclassified"]}]}, "case.agri_thresholds[0].modes[0]"),
        ({"agri_thresholds": [{**FACTOR, "factor": 0}]}, "case.agri_thresholds[0].factor"),
        ({"agri_thresholds": [{**FACTOR, "factor": 1.0001}]}, "case.agri_thresholds[0].factor"),
        ({"agri_thresholds": [{**FACTOR, "factor": "0.12345"}]}, "case.agri_thresholds[0].factor"),
        ({"agri_thresholds": [{**TABLE, "yuan": [1, 2]}]}, "case.agri_thresholds[0].yuan"),
        ({"agri_thresholds": [{**TABLE, "yuan": []}]}, "case.agri_thresholds[0].yuan"),
        ({"agri_thresholds": [{**TABLE, "yuan": [0, 2, 3]}]}, "case.agri_thresholds[0].yuan"),
        ({"agri_thresholds": [{**TABLE, "yuan": [1, 2, 2]}]}, "case.agri_thresholds[0].yuan"),
        (
            {"agri_thresholds": [{**TABLE, "yuan": ["50000000.01", 60000000, 70000000]}]},
            "case.agri_thresholds[0].yuan",
        ),
        ({"agri_thresholds": [{**TABLE, "yuan": [1, 2, -3]}]}, "case.agri_thresholds[0].yuan[2]"),
        ({"settings": {"theshold_operator": "gt"}}, "case.settings.theshold_operator"),
        ({"settings": {"threshold_operator": ">"}}, "case.settings.threshold_operator"),
        ({"settings": {"threshold_operator": None}}, "case.settings.threshold_operator"),
        ({"settings": {"nexus_kinds": []}}, "case.settings.nexus_kinds"),
        ({"settings": {"nexus_kinds": ["there"]}}, "case.settings.nexus_kinds[0]"),
        ({"settings": {"agri_share_min": 1.1}}, "case.settings.agri_share_min"),
        ({"settings": {"agri_share_min": "0.1234567"}}, "case.settings.agri_share_min"),
        ({"settings": {"agri_share_min": None}}, "case.settings.agri_share_min"),
        ({"settings": {"indicative_factor": 0}}, "case.settings.indicative_factor"),
        ({"settings": {"indicative_factor": True}}, "case.settings.indicative_factor"),
        ({"settings": {"effective_from": None}}, "case.settings.effective_from"),
        ({"settings": {"above_scale_retail_yuan": -1}}, "case.settings.above_scale_retail_yuan"),
        ({"above_scale": "no"}, "case.above_scale"),
        ({"key_industry": 2015}, "case.key_industry"),
        ({"key_industry": "yes"}, "case.key_industry"),
        ({"rent": [{"start": "2016-01-01"}]}, "case.rent[0].m2"),
        ({"rent": [{"start": "2016-01-01", "m2": 0}]}, "case.rent[0].m2"),
        ({"rent": [{"start": "2016-01-01", "m2": 1.234}]}, "case.rent[0].m2"),
        ({"rent": [{"start": "2016-01-01", "m2": 1, "paid": [None]}]}, "case.rent[0].paid[0]"),
        ({"fibre": [{"start": "2016-01-01", "fees": []}]}, "case.fibre[0].fees"),
        ({"fibre": [{"start": "2016-01-01"}]}, "case.fibre[0].fees"),
        ({"brands": [{"product": 1, "year": 2016}]}, "case.brands[0].product"),
        ({"brands": [{"product": "甲", "year": 2016, "level": "city"}]}, "case.brands[0].level"),
        ({"recognitions": [{"title": "base", "year": 2016}]}, "case.recognitions[0].level"),
        (
            {"recognitions": [{"title": "base", "level": "national", "year": 2016}]},
            "case.recognitions[0].level",
        ),
        ({"other_benefits": [{"year": 2016, "basis": "rent", "yuan": 1}]}, "case.other_benefits[0].basis"),
        ({"other_benefits": [{"year": 2016, "basis": "brand:", "yuan": 1}]}, "case.other_benefits[0].basis"),
        ({"tax": [{"year": 2016}, {"year": 2016}]}, "case.tax[1].year"),
        ({"tax": [{"year": 2016, "rd_years": 51}]}, "case.tax[0].rd_years"),
        ({"tax": [{"year": 2016, "rd_years": 1.0}]}, "case.tax[0].rd_years"),
        ({"note": 1}, "case.note"),
    ],
)
def test_malformed_field_is_refused_at_its_path(case, path):
    assert complaint_about(**case).startswith(f"{path}: ")


def amount(written: str) -> str:
    return f'{{"case": {{"revenue": [{{"year": 2015, "mode": "b2c", "yuan": {written}}}]}}}}'


@pytest.mark.parametrize(
    ("written", "yuan"),
    [
        ("0", "0.00"),
        ("-0", "0.00"),
        ("0.1", "0.10"),
        ("1.500", "1.50"),
        ('"1.500"', "1.50"),
        ('"007"', "7.00"),
        ("1e3", "1000.00"),
        ("1.234e2", "123.40"),
        ("10000000000000", "10000000000000.00"),
        ("9999999999999.99", "9999999999999.99"),
        ('"1.' + "0" * 100 + '"', "1.00"),
        ("0e999999999", "0.00"),
    ],
)
def test_amount_is_read_exactly(written, yuan):
    status, out, err = run(amount(written))
    assert status == 0, err
    assert json.loads(out)["years"]["2015"]["revenue"]["total_yuan"] == yuan


@pytest.mark.parametrize(
    "written",
    [
        "-0.01",
        "10000000000000.01",
        "1e14",
        "1e999999999",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "1e-400",
        "9" * 5000,
        "0.001",
        "1." + "0" * 40 + "1",
        '"1e3"',
        '"+1"',
        '" 1"',
        '"1,000"',
        '"１"',
        '""',
        '"NaN"',
        "true",
        "null",
        "[]",
        "{}",
    ],
)
def test_what_is_no_amount_is_refused(written):
    assert complaint_of(amount(written)).startswith("case.revenue[0].yuan: ")


@pytest.mark.parametrize("written", ["1999", "2101", "2015.0", "2.015e3", '"2015"', "true", "9" * 5000])
def test_what_is_no_year_is_refused(written):
    line = f'{{"case": {{"revenue": [{{"year": {written}, "mode": "b2c", "yuan": 1}}]}}}}'
    assert complaint_of(line).startswith("case.revenue[0].year: ")


@pytest.mark.parametrize(
    ("written", "year"),
    [
        ("2015-12-31", "2015"),
        ("2015-12-31T15:59:59.999Z", "2015"),
        ("2015-12-31T16:00:00Z", "2016"),
        ("2015-12-31T16:10Z", "2016"),
        ("2016-01-01T00:10+08:00", "2016"),
        ("2015-12-31T23:00-05:30", "2016"),
    ],
)
def test_time_is_taken_as_the_day_in_ganzhou(written, year):
    assert list(result_of(orders=[{**ORDER, "completed": written}])["years"]) == [year]


@pytest.mark.parametrize(
    "written",
    [
        "2015-02-29",
        "2015-1-1",
        "20150101",
        "2015-01-01T00:00:00",
        "2015-01-01 00:00:00Z",
        "2015-01-01T24:00Z",
        "2015-01-01T00:00:00.Z",
        "2015-01-01T00:00+8",
        "2015-01-01T00:00+24:00",
        "1899-12-31",
        "2200-12-31T16:00Z",
        "9999-12-31T23:59-08:00",
        "0000-01-01",
        "２０15-01-01",
        "",
        2015,
    ],
)
def test_what_is_no_date_is_refused(written):
    assert complaint_about(as_of=written).startswith("case.as_of: ")


def test_dates_reach_from_1900_to_2200():
    for written in ("1900-01-01", "1899-12-31T16:00Z", "2200-12-31", "2200-12-31T15:59Z"):
        assert run(json.dumps({"case": {"as_of": written}}))[0] == 0


def test_empty_file_blank_lines_and_byte_order_mark_are_no_fault():
    assert run(b"") == (0, "", "")
    assert run(b"\xef\xbb\xbf\r\n  \n\t\n") == (0, "", "")
    status, out, _ = run(b'\xef\xbb\xbf\n{"case": {}}\r\n\n{"case": {}}')
    assert status == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["2", "4"]


def test_line_separator_inside_a_text_does_not_split_the_line():
    status, out, _ = run('{"id": "a\u2028b\x85", "case": {}}\n')
    assert status == 0
    assert json.loads(out)["id"] == "a\u2028b\x85"


def test_id_occurs_once_defaulted_ones_included():
    assert run('{"id": "a", "case": {}}\n{"id": "a", "case": {}}')[2] == 'line 2: id: "a" occurs twice\n'
    assert run('{"id": "2", "case": {}}\n{"case": {}}')[2] == 'line 2: id: "2" occurs twice\n'


def test_one_bad_line_keeps_the_whole_file_from_standard_output():
    status, out, err = run('{"case": {}}\n{"case": {"kind": 1}}\n{"case": {}}\n7\n')
    assert (status, out) == (2, "")
    assert [line.split(": ")[0] for line in err.splitlines()] == ["line 2", "line 4"]


def test_message_reads_as_the_description_of_the_form_says():
    line = '{"case": {"revenue": [{"year": 2015, "mode": "x", "yuan": 1}]}}'
    assert run(f"\n\n{line}")[2] == (
        "line 3: case.revenue[0].mode: must be one of b2b, b2c, c2c, unclassified\n"
    )


def test_id_with_half_a_surrogate_pair_is_written_escaped():
    status, out, _ = run(r'{"id": "\ud800", "case": {}}')
    assert status == 0
    assert r"\ud800" in out
    assert json.loads(out.encode())["id"] == "\ud800"


def test_note_and_expectation_are_not_checked():
    line = '{"note": {"a": 1, "a": 2}, "expect": 1e99999999999999999999, "case": {}}'
    assert run(line)[0] == 0


def test_output_is_utf8_whatever_the_terminal():
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, encoding="ascii")
    case = b'{"id": "\xe6\xa9\x99", "case": {}}'
    assert run_file(io.BytesIO(case), terminal, io.StringIO()) == 0
    assert json.loads(raw.getvalue().decode())["id"] == "橙"


def test_file_that_cannot_be_read_is_one_message_and_status_2(tmp_path):
    for path in (tmp_path, tmp_path / "missing", "nul\0byte"):
        out, err = io.StringIO(), io.StringIO()
        assert run_path(str(path), out, err) == 2
        assert out.getvalue() == ""
        assert err.getvalue().count("\n") == 1


def test_file_and_standard_input_give_the_same(tmp_path, monkeypatch):
    content = b'{"case": {}}'
    (tmp_path / "cases.jsonl").write_bytes(content)
    outs = [io.StringIO(), io.StringIO()]
    assert run_path(str(tmp_path / "cases.jsonl"), outs[0], io.StringIO()) == 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert run_path("-", outs[1], io.StringIO()) == 0
    assert outs[0].getvalue() == outs[1].getvalue() != ""


def test_settings_of_a_case_hold_for_years_before_the_document_too():
    case = {"revenue": [{"year": 2010, "mode": "b2c", "yuan": 50000000}]}
    settings = {"threshold_operator": "gte", "effective_from": "2010-06-01"}
    assert award_of(2010, **case, settings=settings)["firm_yuan"] == "50000.00"
