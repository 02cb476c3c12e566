"""Putting on record what was established about a seller; each in the caller's transaction."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select, update

from marketplace import audit, clock
from marketplace.audit import Actor
from marketplace.awards.facts import (
    AccidentGrade,
    IncidentKind,
    IncidentStatus,
    Mode,
    NexusKind,
)
from marketplace.awards.freezing import freeze_assessment as freeze_assessment
from marketplace.awards.models import (
    AwardApplication,
    HistoryState,
    Incident,
    NexusEvidence,
    Predecessor,
    RecordedRevenue,
    RevenueOrigin,
)
from marketplace.awards.policy_entry import confirm_parameter as confirm_parameter
from marketplace.awards.policy_entry import confirm_threshold as confirm_threshold
from marketplace.awards.policy_entry import enter_parameter as enter_parameter
from marketplace.awards.policy_entry import enter_threshold as enter_threshold
from marketplace.awards.policy_entry import load_policy_reference as load_policy_reference
from marketplace.database import count_changed, db, new_id
from marketplace.errors import DomainError, NotFoundError
from marketplace.revenue.models import AgriClass
from marketplace.sellers.models import Seller


class MissingDocumentError(DomainError):
    """What is recorded about a seller needs the paper that shows it."""


class WrongPeriodError(DomainError):
    """A period that ends before it begins, or a year that is not over or does not exist."""


class WrongGradeError(DomainError):
    """Safety accidents have a grade; other incidents have none."""


class RecordedAlreadyError(DomainError):
    """The same record stands already: a file that is read twice must not count twice."""


class PredecessorChainError(DomainError):
    """An entity is linked directly to the seller that took it over, and never to itself."""


def record_nexus(
    actor: Actor,
    *,
    seller_id: int,
    kind: NexusKind,
    document: str = "",
    valid_from: date | None = None,
    valid_to: date | None = None,
) -> int:
    """Put a tie to Ganzhou on record and return its id; without a document it is a claim that does not count.

    WrongPeriodError when it ends before it begins; RecordedAlreadyError.
    """
    if valid_from is not None and valid_to is not None and valid_to < valid_from:
        raise WrongPeriodError("the last day lies before the first", field="valid_to")
    seller = _seller(seller_id)
    tie = {"seller_id": seller.id, "kind": kind.value, "valid_from": valid_from, "valid_to": valid_to}
    _refuse_twice(NexusEvidence, document=document, **tie)
    row = NexusEvidence(id=new_id(), **tie, **_entered(actor, document))
    return _keep(
        actor, row, "award_nexus", seller, {"kind": [None, kind.value], "document": [None, document]}
    )


def set_history_state(actor: Actor, *, seller_id: int, is_known: bool, document: str) -> None:
    """Say whether the revenue before the first year here is established. MissingDocumentError when it is."""
    if is_known:
        _require(document)
    seller = _seller(seller_id)
    row = db.session.get(HistoryState, seller.id)
    before = None if row is None else row.is_known
    if row is None:
        row = HistoryState(seller_id=seller.id)
        db.session.add(row)
    row.is_known, row.document = is_known, document
    row.entered_by, row.entered_at = actor.user_id, clock.now()
    db.session.flush()
    changes = {"is_known": [before, is_known], "document": [None, document]}
    audit.record(actor, "award_history.stated", "seller", seller.id, seller_id=seller.id, changes=changes)


def record_history(
    actor: Actor,
    *,
    seller_id: int,
    year: int,
    mode: Mode,
    agri_class: AgriClass,
    amount: int,
    document: str,
    predecessor_id: int | None = None,
) -> int:
    """Put annual revenue in fen of a year before the seller joined, or of a predecessor, on record; its id.

    It uses tiers up and earns nothing. MissingDocumentError, WrongPeriodError, RecordedAlreadyError; NotFoundError
    for a predecessor of another seller.
    """
    _require(document)
    seller = _seller(seller_id)
    if predecessor_id is not None:
        _predecessor(seller.id, predecessor_id)
    return _record_revenue(
        actor, seller, RevenueOrigin.HISTORY, year, mode, agri_class, amount, document, predecessor_id
    )


def record_declared(
    actor: Actor,
    *,
    seller_id: int,
    year: int,
    mode: Mode,
    agri_class: AgriClass,
    amount: int,
    document: str = "",
) -> int:
    """Put annual revenue in fen that the seller declares of other channels on record; its id.

    It stays beside the verified figures, and without a document counts nothing. WrongPeriodError, RecordedAlreadyError.
    """
    seller = _seller(seller_id)
    return _record_revenue(
        actor, seller, RevenueOrigin.DECLARED, year, mode, agri_class, amount, document, None
    )


def _record_revenue(
    actor: Actor,
    seller: Seller,
    origin: RevenueOrigin,
    year: int,
    mode: Mode,
    agri_class: AgriClass,
    amount: int,
    document: str,
    predecessor_id: int | None,
) -> int:
    if not 2000 <= year <= clock.today().year:
        raise WrongPeriodError(f"{year} is no year of the past", field="year")
    if amount < 0:
        raise WrongPeriodError("an amount of a year is never below zero", field="amount")
    figure = {
        "seller_id": seller.id,
        "predecessor_id": predecessor_id,
        "origin": origin,
        "year": year,
        "mode": mode.value,
        "agri_class": agri_class.value,
    }
    _refuse_twice(RecordedRevenue, document=document, **figure)
    row = RecordedRevenue(id=new_id(), amount=amount, **figure, **_entered(actor, document))
    changes = {"year": [None, year], mode.value: [None, amount], "document": [None, document]}
    return _keep(actor, row, f"award_{origin.value}", seller, changes)


def link_predecessor(
    actor: Actor, *, seller_id: int, name: str, document: str = "", former_seller_id: int | None = None
) -> int:
    """Treat another entity's revenue as the seller's own (merger, new credit code) and return the link's id.

    Without a document it is ignored and named in the reasons. An entity that sold here is given by its seller id,
    then its own figures and history count by themselves. PredecessorChainError for one that has predecessors of its
    own, or whose successor this seller precedes: link each of them directly.
    """
    seller = _seller(seller_id)
    if former_seller_id is not None:
        _seller(former_seller_id)
        chained = select(Predecessor.id).where(
            Predecessor.withdrawn_at.is_(None),
            (Predecessor.seller_id == former_seller_id) | (Predecessor.former_seller_id == seller.id),
        )
        if former_seller_id == seller.id or db.session.execute(chained.limit(1)).first():
            raise PredecessorChainError(
                "link each predecessor to the present seller directly", field="former"
            )
    link = {"seller_id": seller.id, "name": name, "former_seller_id": former_seller_id}
    _refuse_twice(Predecessor, **link)
    row = Predecessor(id=new_id(), **link, **_entered(actor, document))
    return _keep(
        actor, row, "award_predecessor", seller, {"name": [None, name], "document": [None, document]}
    )


def record_incident(
    actor: Actor,
    *,
    seller_id: int,
    kind: IncidentKind,
    occurred_on: date,
    status: IncidentStatus,
    grade: AccidentGrade | None = None,
    decided_by: str = "",
    document: str = "",
) -> int:
    """Put a matter of 四（五）3 on record and return its id; only a decided one stops its year.

    WrongGradeError; MissingDocumentError for a decision without deciding body and document; WrongPeriodError for a
    day to come. Complaints of buyers alone are never incidents.
    """
    if grade is not None and kind is not IncidentKind.SAFETY_ACCIDENT:
        raise WrongGradeError("only safety accidents have a grade", field="grade")
    if occurred_on > clock.today():
        raise WrongPeriodError("it lies in the future", field="occurred_on")
    _check_decision(status, decided_by, document)
    seller = _seller(seller_id)
    matter = {"seller_id": seller.id, "kind": kind.value, "occurred_on": occurred_on}
    _refuse_twice(Incident, document=document, **matter)
    row = Incident(
        id=new_id(),
        **matter,
        grade=None if grade is None else grade.value,
        status=status.value,
        decided_by=decided_by,
        document=document,
        entered_by=actor.user_id,
        entered_at=clock.now(),
    )
    return _keep(
        actor, row, "award_incident", seller, {"kind": [None, kind.value], "status": [None, status.value]}
    )


def decide_incident(
    actor: Actor, *, incident_id: int, status: IncidentStatus, decided_by: str = "", document: str = ""
) -> None:
    """Change what became of an incident: decided, overturned, or alleged again. MissingDocumentError."""
    _check_decision(status, decided_by, document)
    row = db.session.get(Incident, incident_id)
    if row is None:
        raise NotFoundError
    changes = {"status": [row.status, status.value], "document": [row.document, document]}
    row.status, row.decided_by, row.document = status.value, decided_by, document
    db.session.flush()
    audit.record(
        actor, "award_incident.decided", "award_incident", row.id, seller_id=row.seller_id, changes=changes
    )


def record_application(actor: Actor, *, seller_id: int, year: int, applied_on: date, document: str) -> None:
    """Record the day on which the seller asked the authority for a year's award: the nexus has to hold then too.

    A later record replaces the day. MissingDocumentError, WrongPeriodError.
    """
    _require(document)
    if applied_on > clock.today() or applied_on.year < year:
        raise WrongPeriodError("the day lies in the future, or before its year", field="applied_on")
    seller = _seller(seller_id)
    row = db.session.get(AwardApplication, (seller.id, year))
    before = None if row is None else row.applied_on.isoformat()
    if row is None:
        row = AwardApplication(seller_id=seller.id, year=year)
        db.session.add(row)
    row.applied_on, row.document = applied_on, document
    row.entered_by, row.entered_at = actor.user_id, clock.now()
    db.session.flush()
    changes = {"applied_on": [before, applied_on.isoformat()], "document": [None, document]}
    audit.record(
        actor, "award_application.recorded", "seller", seller.id, seller_id=seller.id, changes=changes
    )


WITHDRAWABLE: dict[str, type[NexusEvidence | Predecessor | RecordedRevenue]] = {
    "nexus": NexusEvidence,
    "predecessor": Predecessor,
    "history": RecordedRevenue,
    "declared": RecordedRevenue,
}


def withdraw(actor: Actor, *, record: str, record_id: int, reason: str) -> None:
    """Take back what was recorded in error: it counts no more from now on, and stays readable.

    NotFoundError for a record that does not exist or was withdrawn; MissingDocumentError without a reason.
    """
    if not reason:
        raise MissingDocumentError("say why it is withdrawn", field="reason")
    model: Any = WITHDRAWABLE[record]
    taken = count_changed(
        update(model)
        .where(model.id == record_id, model.withdrawn_at.is_(None))
        .values(withdrawn_at=clock.now())
    )
    if not taken:
        raise NotFoundError
    row: Any = db.session.get(model, record_id)
    audit.record(
        actor,
        f"award_{record}.withdrawn",
        f"award_{record}",
        record_id,
        seller_id=row.seller_id,
        changes={"reason": [None, reason]},
    )


def _seller(seller_id: int) -> Seller:
    seller = db.session.execute(
        select(Seller).where(Seller.id == seller_id).with_for_update()
    ).scalar_one_or_none()
    if seller is None:
        raise NotFoundError
    return seller


def _predecessor(seller_id: int, predecessor_id: int) -> None:
    row = db.session.get(Predecessor, predecessor_id)
    if row is None or row.seller_id != seller_id or row.withdrawn_at is not None:
        raise NotFoundError


def _require(document: str) -> None:
    if not document:
        raise MissingDocumentError("name the document that shows it", field="document")


def _check_decision(status: IncidentStatus, decided_by: str, document: str) -> None:
    if status is not IncidentStatus.ALLEGED and not (decided_by and document):
        raise MissingDocumentError("a decision needs its body and document", field="document")


def _refuse_twice(model: Any, **same: Any) -> None:
    query = select(model.id).filter_by(**same).limit(1)
    if hasattr(model, "withdrawn_at"):
        query = query.where(model.withdrawn_at.is_(None))
    found = db.session.execute(query).scalar_one_or_none()
    if found is not None:
        raise RecordedAlreadyError(f"it is recorded already, id {found}")


def _entered(actor: Actor, document: str) -> dict[str, Any]:
    return {"document": document, "entered_by": actor.user_id, "entered_at": clock.now()}


def _keep(actor: Actor, row: Any, subject: str, seller: Seller, changes: dict[str, Any]) -> int:
    db.session.add(row)
    db.session.flush()
    audit.record(actor, f"{subject}.recorded", subject, row.id, seller_id=seller.id, changes=changes)
    found: int = row.id
    return found
