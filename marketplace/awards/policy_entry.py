"""Putting figures of the policy on record: the product's own once, staff's with a second person's confirmation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update

from marketplace import audit, clock
from marketplace.audit import Actor
from marketplace.awards.collecting import get_policy
from marketplace.awards.facts import TIER_MODES, Mode
from marketplace.awards.models import AgriThreshold, PolicyDocument, PolicyParameter, PolicyTier, SourceStatus
from marketplace.awards.parameters import ParameterValue, parameter_value
from marketplace.awards.policy import AgriThreshold as LoweredThreshold
from marketplace.awards.policy import Document, Record, RowStatus
from marketplace.awards.policy_data import REFERENCE_FILE
from marketplace.database import count_changed, db, new_id
from marketplace.errors import DomainError, NotFoundError


class IncompleteSourceError(DomainError):
    """A figure needs number, issuer, date, clause and an address or scan of its document."""


class RaisedThresholdError(DomainError):
    """A lowered threshold may only lower: its factor or table does not."""


class NoReadingError(DomainError):
    """The setting does not exist, or does not allow the value."""


class SamePersonError(DomainError):
    """What one person entered, another has to confirm."""


class NobodyError(DomainError):
    """Figures of the policy are entered and confirmed by people, never by the system."""


class ConfirmedAlreadyError(DomainError):
    """The row was confirmed before and stays as it is."""


@dataclass(frozen=True)
class Source:
    """Where a figure stands, as staff read it in the paper before them."""

    number: str
    title: str
    issuer: str
    issued_on: date | None
    clause: str
    url: str = ""
    scan: str = ""

    @property
    def is_complete(self) -> bool:
        return bool(
            self.number and self.issuer and self.issued_on and self.clause and (self.url or self.scan)
        )


def load_policy_reference() -> int:
    """Write the Opinion's figures and our readings of it, once: the rows that were missing are counted.

    Rows are told apart by what they say and since when, so a new version of the file adds its new rows only.
    """
    data = json.loads(REFERENCE_FILE.read_text(encoding="utf-8"))
    documents, added = _reference_documents(data["documents"])
    moment = clock.now()

    def source(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "document_id": documents[row["document"]],
            "clause": row["clause"],
            "status": SourceStatus(row["status"]),
            "reason": row.get("reason", ""),
            "effective_from": date.fromisoformat(row["effective_from"]),
            "effective_to": date.fromisoformat(row["effective_to"]) if row["effective_to"] else None,
            "entered_at": moment,
        }

    tiers = set(
        db.session.execute(select(PolicyTier.mode, PolicyTier.tier, PolicyTier.effective_from)).tuples()
    )
    for row in data["tiers"]:
        values = source(row)
        if (row["mode"], row["tier"], values["effective_from"]) not in tiers:
            db.session.add(
                PolicyTier(
                    mode=row["mode"],
                    tier=row["tier"],
                    threshold_amount=row["threshold_fen"],
                    award_amount=row["award_fen"],
                    **values,
                )
            )
            added += 1
    known = select(PolicyParameter.key, PolicyParameter.effective_from).where(
        PolicyParameter.entered_by.is_(None)
    )
    keys = set(db.session.execute(known).tuples())
    for row in data["parameters"]:
        values = source(row)
        if (row["key"], values["effective_from"]) not in keys:
            parameter_value(row["key"], row["value"])  # raises ValueError for a file that is wrong
            db.session.add(PolicyParameter(key=row["key"], value=row["value"], **values))
            added += 1
    db.session.flush()
    return added


def _reference_documents(documents: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, int], int]:
    """Ids by key, and how many were new."""
    query = select(PolicyDocument.key, PolicyDocument.id).where(PolicyDocument.key.is_not(None))
    ids: dict[str, int] = {key: found for key, found in db.session.execute(query).tuples() if key}
    added = 0
    for key, row in documents.items():
        if key not in ids:
            ids[key] = new_id()
            issued_on = date.fromisoformat(row["issued_on"]) if row["issued_on"] else None
            texts = {name: row[name] for name in ("number", "title", "issuer", "url", "scan")}
            db.session.add(PolicyDocument(id=ids[key], key=key, issued_on=issued_on, **texts))
            added += 1
    db.session.flush()
    return ids, added


def enter_threshold(
    actor: Actor,
    *,
    source: Source,
    effective_from: date,
    effective_to: date | None = None,
    modes: Sequence[Mode] = TIER_MODES,
    factor: Decimal | None = None,
    threshold_amounts: Sequence[int] | None = None,
) -> int:
    """Put a published lowered threshold for produce on record and return its id; it waits for confirm_threshold.

    A factor on the standard thresholds, or three amounts in fen for one mode. IncompleteSourceError,
    RaisedThresholdError, NobodyError.
    """
    if not source.is_complete:
        raise IncompleteSourceError(
            "a published threshold needs number, issuer, date, clause and url or scan", field="document"
        )
    if (factor is None) == (threshold_amounts is None) or (threshold_amounts is not None and len(modes) != 1):
        raise RaisedThresholdError("give a factor, or a table for one mode", field="factor")
    lowered = LoweredThreshold(
        modes=tuple(modes),
        factor=factor,
        thresholds_fen=None if threshold_amounts is None else tuple(threshold_amounts),
        record=_preview(source, effective_from, effective_to),
    )
    policy = get_policy()
    refusal = lowered.refusal({mode: policy.tiers_of(mode, effective_from.year) for mode in modes})
    if refusal is not None:
        raise RaisedThresholdError(refusal, field="factor" if factor is not None else "threshold_amounts")
    row = AgriThreshold(
        id=new_id(),
        modes=[mode.value for mode in modes],
        factor=None if factor is None else str(factor),
        threshold_amounts=None if threshold_amounts is None else list(threshold_amounts),
        **_entered(actor, source, SourceStatus.PUBLISHED, effective_from, effective_to),
    )
    db.session.add(row)
    db.session.flush()
    audit.record(
        actor, "award_threshold.entered", "award_threshold", row.id, changes={"document": source.number}
    )
    return row.id


def enter_parameter(
    actor: Actor,
    *,
    key: str,
    value: Any,
    source: Source,
    effective_from: date,
    effective_to: date | None = None,
    status: SourceStatus = SourceStatus.INTERPRETATION,
    reason: str = "",
) -> int:
    """Put another reading of the text on record and return its id; it waits for confirm_parameter.

    The value in its stored form: texts for choices, days, decimals and amounts in yuan. NoReadingError, NobodyError.
    """
    try:
        typed: ParameterValue = parameter_value(key, value)
    except ValueError as error:
        raise NoReadingError(str(error), field="value") from error
    if key == "recognition_event" and typed != "completed":
        raise NoReadingError(
            "sales are recognised on completion here; paid is for what-if cases", field="value"
        )
    row = PolicyParameter(
        id=new_id(),
        key=key,
        value=value,
        **_entered(actor, source, status, effective_from, effective_to),
    )
    row.reason = reason
    db.session.add(row)
    db.session.flush()
    audit.record(actor, "award_parameter.entered", "award_parameter", row.id, changes={key: [None, value]})
    return row.id


def confirm_threshold(actor: Actor, *, threshold_id: int) -> None:
    """The second person: from now on the threshold is used. SamePersonError, ConfirmedAlreadyError, NobodyError."""
    _confirm(actor, AgriThreshold, threshold_id, "award_threshold")


def confirm_parameter(actor: Actor, *, parameter_id: int) -> None:
    """The second person: from now on the reading is used. SamePersonError, ConfirmedAlreadyError, NobodyError."""
    _confirm(actor, PolicyParameter, parameter_id, "award_parameter")


def _confirm(
    actor: Actor, model: type[AgriThreshold] | type[PolicyParameter], row_id: int, subject: str
) -> None:
    row: Any = db.session.get(model, row_id)
    if row is None:
        raise NotFoundError
    if actor.user_id is None:
        raise NobodyError("a person confirms, not the system", field="by")
    if row.entered_by == actor.user_id:
        raise SamePersonError("whoever entered it cannot confirm it", field="by")
    confirmed = count_changed(
        update(model)
        .where(model.id == row_id, model.confirmed_by.is_(None), model.entered_by.is_not(None))
        .values(confirmed_by=actor.user_id, confirmed_at=clock.now())
    )
    if not confirmed:
        raise ConfirmedAlreadyError("it is in force already", field="id")
    audit.record(actor, f"{subject}.confirmed", subject, row_id)


def _entered(
    actor: Actor, source: Source, status: SourceStatus, effective_from: date, effective_to: date | None
) -> dict[str, Any]:
    if actor.user_id is None:
        raise NobodyError("a person enters, not the system", field="by")
    if effective_to is not None and effective_to < effective_from:
        raise IncompleteSourceError("the last day lies before the first", field="effective_to")
    document = PolicyDocument(
        id=new_id(),
        number=source.number,
        title=source.title,
        issuer=source.issuer,
        issued_on=source.issued_on,
        url=source.url,
        scan=source.scan,
    )
    db.session.add(document)
    db.session.flush()
    return {
        "document_id": document.id,
        "clause": source.clause,
        "status": status,
        "effective_from": effective_from,
        "effective_to": effective_to,
        "entered_by": actor.user_id,
        "entered_at": clock.now(),
    }


def _preview(source: Source, effective_from: date, effective_to: date | None) -> Record:
    """The record that the row will have, for the engine's own check."""
    return Record(
        document=Document(
            source.number, source.issuer, source.issued_on, source.clause, source.url, source.scan
        ),
        status=RowStatus.PUBLISHED,
        effective_from=effective_from,
        effective_to=effective_to,
    )
