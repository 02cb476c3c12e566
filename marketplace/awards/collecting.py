"""What the database knows, in the form that the engine asks for: the policy in force, and the facts of sellers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import or_, select

from marketplace.awards import facts as engine
from marketplace.awards import models
from marketplace.awards.facts import Facts, OrderYear, RevenueFact, RevenueSource
from marketplace.awards.models import PolicyDocument, RevenueOrigin
from marketplace.awards.parameters import parameter_value
from marketplace.awards.policy import AgriThreshold, Document, Parameter, Policy, Record, RowStatus, Tier
from marketplace.database import db
from marketplace.revenue import queries as revenue
from marketplace.sellers.models import SellerKind
from marketplace.sellers.rules import legal_kind

OPINION = "opinion"  # the key of the document that the whole policy is about
REFERENCE = "reference"  # who entered what came with the product

Row = TypeVar("Row", models.PolicyTier, models.AgriThreshold, models.PolicyParameter)


def get_policy() -> Policy:
    """The policy with every row that may be used, in three statements.

    A parameter that staff entered counts from its confirmation on; a lowered threshold is handed over as it is,
    since the engine itself tells that one awaits its confirmation. LookupError without reference data.
    """
    tiers = [
        (Tier(engine.Mode(row.mode), row.tier, row.threshold_amount, row.award_amount, record), document)
        for row, record, document in _rows(models.PolicyTier)
    ]
    parameters = [
        Parameter(row.key, parameter_value(row.key, row.value), record)
        for row, record, _document in _rows(models.PolicyParameter)
        if row.entered_by is None or row.confirmed_by is not None
    ]
    thresholds = [
        AgriThreshold(
            modes=tuple(engine.Mode(mode) for mode in row.modes),
            record=record,
            factor=Decimal(row.factor) if row.factor is not None else None,
            thresholds_fen=tuple(row.threshold_amounts) if row.threshold_amounts is not None else None,
        )
        for row, record, _document in _rows(models.AgriThreshold)
    ]
    opinion = next((document for _tier, document in tiers if document.key == OPINION), None)
    if opinion is None or opinion.issued_on is None:
        raise LookupError("the policy's reference data is missing: run `flask seed reference`")
    return Policy(
        number=opinion.number,
        title=opinion.title,
        issuer=opinion.issuer,
        issued_on=opinion.issued_on,
        tiers=tuple(tier for tier, _document in tiers),
        parameters=tuple(parameters),
        agri_thresholds=tuple(thresholds),
    )


def _rows(model: type[Row]) -> Iterable[tuple[Row, Record, PolicyDocument]]:
    """Rows in the order of entry: among equal starts the later entry applies."""
    query = (
        select(model, PolicyDocument)
        .join(PolicyDocument, PolicyDocument.id == model.document_id)
        .order_by(model.id)
    )
    return [(row, record_of(row, document), document) for row, document in db.session.execute(query)]


def record_of(row: models.PolicyRow, document: PolicyDocument) -> Record:
    """Source, time and people of a row as the engine reads them; people are named by their ids."""
    return Record(
        document=Document(
            number=document.number,
            issuer=document.issuer,
            issued_on=document.issued_on,
            clause=row.clause,
            url=document.url,
            scan=document.scan,
        ),
        status=RowStatus(row.status),
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        entered_by=REFERENCE if row.entered_by is None else str(row.entered_by),
        confirmed_by="" if row.confirmed_by is None else str(row.confirmed_by),
        reason=row.reason,
    )


def engine_kind(kind: SellerKind, registered_as: SellerKind | None) -> engine.SellerKind:
    """The legal kind; a family farm is what its registration says (policy section 4)."""
    return engine.SellerKind(legal_kind(kind, registered_as))


def collect_facts(kinds: Mapping[int, engine.SellerKind], as_of: date) -> dict[int, Facts]:
    """The facts of the given sellers as known on a day, in nine statements whatever their number."""
    sellers = set(kinds)
    predecessors = _by_seller(models.Predecessor, sellers)
    former = {row.former_seller_id for rows in predecessors.values() for row in rows} - {None}
    everyone = sellers | {seller_id for seller_id in former if seller_id is not None}
    own = _revenue_facts(everyone)
    adjusted = revenue.adjusted_years_of(sellers)
    recorded = _by_seller(models.RecordedRevenue, everyone)
    nexus = _by_seller(models.NexusEvidence, sellers)
    incidents = _by_seller(models.Incident, sellers)
    known, applied = _history_known(sellers), _applications(sellers)
    return {
        seller_id: Facts(
            kind=kind,
            revenue=(*own.get(seller_id, ()), *_declared(recorded.get(seller_id, ()))),
            order_years=tuple(
                OrderYear(year, is_adjusted=True) for year in sorted(adjusted.get(seller_id, ()))
            ),
            history=_history(recorded.get(seller_id, ()), None),
            history_known=known.get(seller_id, False),
            predecessors=tuple(_predecessor(row, own, recorded) for row in predecessors.get(seller_id, ())),
            incidents=tuple(_incident(row) for row in incidents.get(seller_id, ())),
            nexus=tuple(_evidence(row) for row in nexus.get(seller_id, ())),
            applied_on=applied.get(seller_id, {}),
            as_of=as_of,
        )
        for seller_id, kind in kinds.items()
    }


def asked_about(facts: Facts, year: int) -> Facts:
    """The same facts with a year of no sales here counted as one that is assessed."""
    if year in facts.assessed_years:
        return facts
    return replace(facts, order_years=(*facts.order_years, OrderYear(year)))


def with_seasons(facts: Facts, seller_id: int, year: int) -> Facts:
    """The same facts with the season lines, which a page of one seller shows; two statements more."""
    marks = {row.year: row for row in facts.order_years}
    if revenue.has_season_sales(seller_id, year):
        marks[year] = replace(marks.get(year, OrderYear(year)), has_season_sales=True)
    return replace(
        facts,
        seasons=revenue.season_facts(seller_id),
        order_years=tuple(marks[marked] for marked in sorted(marks)),
    )


def _by_seller(model: Any, seller_ids: set[int]) -> dict[int, list[Any]]:
    query = select(model).where(model.seller_id.in_(seller_ids)).order_by(model.id)
    if hasattr(model, "withdrawn_at"):
        query = query.where(model.withdrawn_at.is_(None))
    found: dict[int, list[Any]] = defaultdict(list)
    for row in db.session.execute(query).scalars():
        found[row.seller_id].append(row)
    return found


def _revenue_facts(seller_ids: set[int]) -> dict[int, tuple[RevenueFact, ...]]:
    """A class that was sold and given back in full stays as a zero; one that only bears adjustments does not."""
    found = {}
    for seller_id, figures in revenue.year_facts_of(seller_ids).items():
        rows = []
        for figure in figures:
            mode, agri_class = engine.Mode(figure.mode), engine.AgriClass(figure.agri_class)
            if figure.amount or not figure.adjustment_amount:
                rows.append(RevenueFact(figure.year, mode, figure.amount, agri_class))
            if figure.adjustment_amount:
                rows.append(
                    RevenueFact(figure.year, mode, figure.adjustment_amount, agri_class, adjustment=True)
                )
        found[seller_id] = tuple(rows)
    return found


def _declared(rows: Iterable[models.RecordedRevenue]) -> tuple[RevenueFact, ...]:
    return tuple(
        replace(_fact(row), source=RevenueSource.DECLARED, evidence=bool(row.document))
        for row in rows
        if row.origin == RevenueOrigin.DECLARED
    )


def _history(rows: Iterable[models.RecordedRevenue], predecessor_id: int | None) -> tuple[RevenueFact, ...]:
    return tuple(
        _fact(row)
        for row in rows
        if row.origin == RevenueOrigin.HISTORY and row.predecessor_id == predecessor_id
    )


def _fact(row: models.RecordedRevenue) -> RevenueFact:
    return RevenueFact(row.year, engine.Mode(row.mode), row.amount, engine.AgriClass(row.agri_class))


def _predecessor(
    row: models.Predecessor,
    own: Mapping[int, tuple[RevenueFact, ...]],
    recorded: Mapping[int, list[models.RecordedRevenue]],
) -> engine.Predecessor:
    """What staff recorded for it and, when it sold here, its own figures and its own history."""
    facts = _history(recorded.get(row.seller_id, ()), row.id)
    if row.former_seller_id is not None:
        here = own.get(row.former_seller_id, ())
        facts = (*facts, *here, *_history(recorded.get(row.former_seller_id, ()), None))
    return engine.Predecessor(name=row.name, documented=bool(row.document), revenue=facts)


def _incident(row: models.Incident) -> engine.Incident:
    return engine.Incident(
        kind=engine.IncidentKind(row.kind),
        on=row.occurred_on,
        status=engine.IncidentStatus(row.status),
        grade=engine.AccidentGrade(row.grade) if row.grade else None,
    )


def _evidence(row: models.NexusEvidence) -> engine.NexusEvidence:
    return engine.NexusEvidence(
        kind=engine.NexusKind(row.kind),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        evidence=bool(row.document),
    )


def _history_known(seller_ids: set[int]) -> dict[int, bool]:
    query = select(models.HistoryState.seller_id, models.HistoryState.is_known).where(
        models.HistoryState.seller_id.in_(seller_ids)
    )
    return dict(db.session.execute(query).tuples().all())


def _applications(seller_ids: set[int]) -> dict[int, dict[int, date]]:
    query = select(models.AwardApplication).where(models.AwardApplication.seller_id.in_(seller_ids))
    found: dict[int, dict[int, date]] = defaultdict(dict)
    for row in db.session.execute(query).scalars():
        found[row.seller_id][row.year] = row.applied_on
    return found


def documents_of(seller_id: int) -> dict[str, list[Any]]:
    """Every live record about one seller with its paper, and the state of its history: for a report's lists."""
    own = _by_seller(models.Predecessor, {seller_id}).get(seller_id, [])
    former = {row.former_seller_id for row in own if row.former_seller_id is not None}
    recorded = select(models.RecordedRevenue).where(
        models.RecordedRevenue.withdrawn_at.is_(None),
        or_(
            models.RecordedRevenue.seller_id == seller_id,
            models.RecordedRevenue.seller_id.in_(former) & models.RecordedRevenue.predecessor_id.is_(None),
        ),
    )
    state = db.session.get(models.HistoryState, seller_id)
    return {
        "predecessors": own,
        "recorded": list(db.session.execute(recorded.order_by(models.RecordedRevenue.year)).scalars()),
        "nexus": _by_seller(models.NexusEvidence, {seller_id}).get(seller_id, []),
        "incidents": _by_seller(models.Incident, {seller_id}).get(seller_id, []),
        "history_state": [] if state is None else [state],
    }
