"""Reads one line of a what-if file into the policy and the facts it asks about; refuses with `Malformed`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from marketplace.awards.case_claims import read_claims
from marketplace.awards.case_values import (
    Fields,
    Item,
    Malformed,
    anything,
    by_year,
    day,
    decimal,
    flag,
    join,
    many,
    member,
    one_of,
    optional_day,
    parse,
    text,
    year,
    yuan,
)
from marketplace.awards.claims import Claims
from marketplace.awards.facts import (
    TIER_MODES,
    AccidentGrade,
    Affiliate,
    AgriClass,
    Buyer,
    Facts,
    Incident,
    IncidentKind,
    IncidentStatus,
    Mode,
    NexusEvidence,
    NexusKind,
    Predecessor,
    RevenueFact,
    RevenueSource,
    SellerKind,
)
from marketplace.awards.parameters import PARAMETERS, Form, ParameterForm, ParameterValue
from marketplace.awards.policy import AgriThreshold, Document, Policy, Record, RowStatus, year_end
from marketplace.awards.revenue import Refund, Sale, Sham, decide_mode, recognise

ModeReader = Callable[[Fields], Mode]

# A company in the case is registered here, always, unless it says otherwise.
REGISTERED_HERE = (NexusEvidence(NexusKind.REGISTERED),)


@dataclass(frozen=True, slots=True)
class Line:
    """The outer object of a line, its case still unread."""

    id: str
    case: Item


@dataclass(frozen=True, slots=True)
class Case:
    """A question: the policy as the case reads it, and the facts."""

    policy: Policy
    facts: Facts
    claims: Claims


def read_line(written: str, number: int) -> Line:
    """The outer object; its id is the line's number as text unless given."""
    try:
        value = parse(written)
    except RecursionError as error:
        raise Malformed("line", "is nested too deeply") from error
    except ValueError as error:
        raise Malformed("line", "is no JSON object") from error
    if not isinstance(value, Item):
        raise Malformed("line", "is no JSON object")
    fields = Fields(value, "")
    line_id = fields.take("id", text, str(number))
    fields.take("note", anything, None)
    fields.take("expect", anything, None)
    case = fields.take("case", _object)
    fields.finish()
    return Line(line_id, case)


def read_case(value: Item, policy: Policy) -> Case:
    """The case of a line, with its settings and published thresholds laid over the given policy."""
    case = Fields(value, "case")
    settings = case.take("settings", _settings, {})
    asked = policy.with_settings(settings)
    thresholds = case.take("agri_thresholds", many(lambda row, path: _agri_threshold(row, path, asked)), ())
    asked = replace(asked, agri_thresholds=(*asked.agri_thresholds, *thresholds))
    facts = _facts(case, asked)
    claims = read_claims(case)
    case.take("note", text, "")
    case.finish()
    return Case(asked, facts, claims)


def _object(value: Any, path: str) -> Item:
    return Fields(value, path).item


def _settings(value: Any, path: str) -> dict[str, ParameterValue]:
    fields = Fields(value, path)
    found = {key: fields.take(key, _setting(form)) for key, form in PARAMETERS.items() if fields.has(key)}
    fields.finish()
    return found


def _setting(form: ParameterForm) -> Callable[[Any, str], ParameterValue]:
    def read(value: Any, path: str) -> ParameterValue:
        typed = None if value is None and form.nullable else _typed_setting(form, value, path)
        refusal = form.refusal(typed)
        if refusal is not None:
            raise Malformed(path, refusal)
        return typed

    return read


def _typed_setting(form: ParameterForm, value: Any, path: str) -> ParameterValue:
    match form.form:
        case Form.CHOICE:
            return one_of(*form.options)(value, path)
        case Form.CHOICES:
            return many(one_of(*form.options), at_least=1)(value, path)
        case Form.FACTOR | Form.SHARE:
            return decimal(value, path)
        case Form.DAY:
            return day(value, path)
        case Form.AMOUNT:
            return yuan(value, path)


def _agri_threshold(value: Any, path: str, policy: Policy) -> AgriThreshold:
    row = Fields(value, path)
    if row.exactly_one("factor", "yuan") == "factor":
        which, factor, table = "factor", row.take("factor", decimal), None
        modes = row.take("modes", many(_tier_mode, at_least=1), TIER_MODES)
    else:
        which, factor, table = "yuan", None, row.take("yuan", many(yuan))
        modes = (row.take("mode", _tier_mode),)
    source = row.take("source", text, "") or "what-if"
    start = row.take("from", day)
    threshold = AgriThreshold(
        modes=modes,
        factor=factor,
        thresholds_fen=table,
        record=Record(
            document=Document(source, issuer=source, issued_on=start, clause=source, url=source),
            status=RowStatus.PUBLISHED,
            effective_from=start,
            effective_to=row.take("to", optional_day, None),
            entered_by="what-if",
            confirmed_by="what-if, second person" if row.take("confirmed", flag, True) else "",
        ),
    )
    row.finish()
    refusal = threshold.refusal({mode: policy.tiers_of(mode, start.year) for mode in modes})
    if refusal is not None:
        raise Malformed(join(path, which), refusal)
    return threshold


def _tier_mode(value: Any, path: str) -> Mode:
    return Mode(one_of(*TIER_MODES)(value, path))


def _facts(case: Fields, policy: Policy) -> Facts:
    # The settings of a case hold for all years, so any year tells them.
    readings = policy.readings(policy.issued_on.year)
    kind = case.take("kind", member(SellerKind), SellerKind.COMPANY)

    def read_mode(row: Fields) -> Mode:
        if row.exactly_one("mode", "buyer") == "mode":
            return row.take("mode", member(Mode))
        return decide_mode(kind, row.take("buyer", member(Buyer)), readings.sole_trader_side)

    rows = many(lambda value, path: _known_row(value, path, read_mode))
    revenue = case.take("revenue", many(lambda value, path: _own_row(value, path, read_mode)), ())
    event = readings.recognition_event
    sales = case.take("orders", many(lambda value, path: _order(value, path, read_mode, event)), ())
    history = case.take("history", rows, ())
    _refuse_years_twice(history, revenue, join(case.path, "history"))
    as_of = case.take("as_of", optional_day, None)
    frozen_on = case.take("frozen", by_year(day), {})
    for frozen_year, on in frozen_on.items():
        if on <= year_end(frozen_year):
            raise Malformed(f"{case.path}.frozen.{frozen_year}", "must lie after its 31 December")
    recognised = recognise(sales, frozen_on, as_of)
    return Facts(
        kind=kind,
        revenue=(*revenue, *recognised.revenue),
        order_years=recognised.order_years,
        seasons=recognised.seasons,
        history=history,
        history_known=case.take("history_known", flag, True),
        predecessors=case.take("predecessors", many(lambda value, path: _predecessor(value, path, rows)), ()),
        affiliates=case.take("affiliates", many(lambda value, path: _affiliate(value, path, rows)), ()),
        incidents=case.take("incidents", many(_incident), ()),
        nexus=case.take("nexus", many(_nexus), REGISTERED_HERE),
        applied_on=case.take("applied_on", by_year(day), {}),
        as_of=as_of,
    )


def _refuse_years_twice(
    history: tuple[RevenueFact, ...], revenue: tuple[RevenueFact, ...], path: str
) -> None:
    years = {row.year for row in revenue}
    for index, row in enumerate(history):
        if row.year in years:
            raise Malformed(f"{path}[{index}].year", "is a year of revenue rows")


def _known_row(value: Any, path: str, read_mode: ModeReader) -> RevenueFact:
    row = Fields(value, path)
    fact = RevenueFact(
        mode=read_mode(row),
        year=row.take("year", year),
        fen=row.take("yuan", yuan),
        agri_class=row.take("class", member(AgriClass), AgriClass.NOT_AGRI),
    )
    row.finish()
    return fact


def _own_row(value: Any, path: str, read_mode: ModeReader) -> RevenueFact:
    row = Fields(value, path)
    fact = RevenueFact(
        mode=read_mode(row),
        year=row.take("year", year),
        fen=row.take("yuan", yuan),
        agri_class=row.take("class", member(AgriClass), AgriClass.NOT_AGRI),
        source=row.take("source", member(RevenueSource), RevenueSource.PLATFORM),
        evidence=row.take("evidence", flag, True),
    )
    row.finish()
    return fact


def _order(value: Any, path: str, read_mode: ModeReader, event: str) -> Sale:
    row = Fields(value, path)
    mode = read_mode(row)
    left = row.take(row.exactly_one("yuan", "goods_yuan"), yuan)
    for name in ("seller_discount_yuan", "vat_yuan"):
        left -= row.take(name, yuan, 0)
        if left < 0:
            raise Malformed(join(path, name), "takes the revenue below zero")
    refunds = row.take("refunds", many(_refund), ())
    if sum(refund.fen for refund in refunds) > left:
        raise Malformed(join(path, "refunds"), "take the revenue below zero")
    days = {name: row.take(name, optional_day, None) for name in ("paid", "completed")}
    row.take("freight_yuan", yuan, 0)
    sale = Sale(
        counts_on=days[event],
        mode=mode,
        fen=left,
        agri_class=row.take("class", member(AgriClass), AgriClass.NOT_AGRI),
        refunds=refunds,
        platform_coupon_fen=row.take("platform_coupon_yuan", yuan, 0),
        sham=row.take("sham", member(Sham), None),
        is_offline=row.take("offline", flag, False),
    )
    row.finish()
    return sale


def _refund(value: Any, path: str) -> Refund:
    row = Fields(value, path)
    refund = Refund(on=row.take("on", day), fen=row.take("yuan", yuan))
    row.finish()
    return refund


def _predecessor(value: Any, path: str, rows: Callable[[Any, str], tuple[RevenueFact, ...]]) -> Predecessor:
    row = Fields(value, path)
    predecessor = Predecessor(
        name=row.take("name", text, ""),
        documented=row.take("documented", flag, True),
        revenue=row.take("revenue", rows, ()),
    )
    row.finish()
    return predecessor


def _affiliate(value: Any, path: str, rows: Callable[[Any, str], tuple[RevenueFact, ...]]) -> Affiliate:
    row = Fields(value, path)
    affiliate = Affiliate(name=row.take("name", text, ""), revenue=row.take("revenue", rows, ()))
    row.finish()
    return affiliate


def _incident(value: Any, path: str) -> Incident:
    row = Fields(value, path)
    kind = row.take("kind", member(IncidentKind))
    if kind is not IncidentKind.SAFETY_ACCIDENT and row.has("grade"):
        raise Malformed(join(path, "grade"), "is for safety accidents only")
    incident = Incident(
        kind=kind,
        on=row.take("on", day),
        status=row.take("status", member(IncidentStatus)),
        grade=row.take("grade", member(AccidentGrade)) if kind is IncidentKind.SAFETY_ACCIDENT else None,
    )
    row.finish()
    return incident


def _nexus(value: Any, path: str) -> NexusEvidence:
    row = Fields(value, path)
    nexus = NexusEvidence(
        kind=row.take("kind", member(NexusKind)),
        valid_from=row.take("from", optional_day, None),
        valid_to=row.take("to", optional_day, None),
        evidence=row.take("evidence", flag, True),
        place=row.take("place", text, ""),
    )
    row.finish()
    return nexus
