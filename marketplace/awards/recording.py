"""`flask awards record FILE`: evidence, history, incidents, thresholds and freezes, one JSON object a line.

Every line has `kind` and `by`, the mobile of the member of staff whose act it is (or --by for all lines), and except
for the policy's own figures `seller`, the shop's public code. Money is in yuan as in the what-if calculator.

    nexus         nexus (registered, headquarters, operations, settlement), document; from, to
    history_state known (true or false), document
    history       year, mode, class, yuan, document; predecessor (an id or a name given by `as`)
    declared      year, mode, class, yuan; document
    predecessor   name; document, former (the code of a shop that it had here), as (a name for later lines)
    incident      incident (infringement, fraud, bribery, safety_accident), on, status; grade, decided_by, document, as
    decision      incident (an id or name), status; decided_by, document
    application   year, on, document
    withdraw      record (nexus, predecessor, history, declared), id, reason
    threshold     factor, or yuan (three amounts) and modes (one); modes, from, to, source, as
    parameter     key, value, from; to, source, status, reason, as
    confirm       threshold or parameter (an id or name): by another person than the one who entered it
    freeze        year

`source` is an object: number, title, issuer, issued_on, clause, and url or scan.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import select

from marketplace.accounts.queries import find_by_phone, load_viewer
from marketplace.audit import Actor
from marketplace.awards import services
from marketplace.awards.case_values import (
    Fields,
    Malformed,
    anything,
    day,
    decimal,
    flag,
    many,
    member,
    one_of,
    optional_day,
    parse,
    text,
    year,
    yuan,
)
from marketplace.awards.facts import TIER_MODES, AccidentGrade, IncidentKind, IncidentStatus, Mode, NexusKind
from marketplace.awards.models import SourceStatus
from marketplace.awards.policy_entry import Source
from marketplace.database import db, run_in_transaction
from marketplace.errors import DomainError, NotFoundError
from marketplace.permissions import Viewer
from marketplace.revenue.models import AgriClass
from marketplace.routing import row_id
from marketplace.sellers.models import Seller
from marketplace.sellers.queries import of_counties

FINE, REFUSED = 0, 2


class UnknownPersonError(DomainError):
    """No account has this mobile, or its role does not allow the act."""


def run_path(path: str, by: str | None, out: TextIO, err: TextIO) -> int:
    """Record every line of a file (`-`: standard input) in one transaction, or none of them; the exit status.

    0: a sentence a line on `out`. 2: nothing was recorded, and `err` says for the first bad line what is wrong.
    """
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        lines = content.decode("utf-8-sig").split("\n")
    except (OSError, ValueError) as error:
        print(f"{path}: cannot be read: {error}", file=err)
        return REFUSED
    try:
        said = run_in_transaction(lambda: record_lines(lines, by))
    except RefusedLine as refused:
        print(f"{refused} Nothing was recorded.", file=err)
        return REFUSED
    for sentence in said:
        print(sentence, file=out)
    return FINE


class RefusedLine(Exception):
    """The first line that cannot be recorded, and why."""


def record_lines(lines: list[str], by: str | None = None) -> list[str]:
    """Record each line in the caller's transaction and say what was done; RefusedLine names the first bad one."""
    recorder = Recorder(by)
    said = []
    for number, written in enumerate(lines, start=1):
        if not written.strip():
            continue
        try:
            said.append(f"line {number}: {recorder.record(written)}")
        except Malformed as fault:
            raise RefusedLine(f"line {number}: {fault}.") from fault
        except NotFoundError as error:
            raise RefusedLine(f"line {number}: there is no such record, shop or person.") from error
        except DomainError as error:
            where = f"{error.field}: " if error.field else ""
            raise RefusedLine(f"line {number}: {where}{error}.") from error
    return said


class Recorder:
    """Reads lines one after the other; remembers what `as` named."""

    def __init__(self, by: str | None) -> None:
        self.by = by
        self.names: dict[str, int] = {}

    def record(self, written: str) -> str:
        """Do what one line says, in the caller's transaction, and say what was done."""
        try:
            fields = Fields(parse(written), "")
        except (ValueError, RecursionError) as error:
            raise Malformed("line", "is no JSON object") from error
        kind = fields.take("kind", one_of(*KINDS))
        permission, act = KINDS[kind]
        viewer, actor = self._person(fields, permission)
        name = fields.take("as", text, "")
        done, found = act(self, fields, viewer, actor)
        fields.finish()
        if name and found is not None:
            self.names[name] = found
        return done if found is None else f"{done}, id {found}"

    def _person(self, fields: Fields, permission: str) -> tuple[Viewer, Actor]:
        phone = fields.take("by", text, self.by or "")
        user = find_by_phone(phone) if phone else None
        if user is None:
            raise UnknownPersonError("name the person who records this by mobile", field="by")
        viewer = load_viewer(user.id)
        if not viewer.can(permission):
            raise UnknownPersonError(f"{user.name} may not do this ({permission})", field="by")
        return viewer, Actor(user.id, user.name)

    def _id(self, value: Any, path: str) -> int:
        if isinstance(value, str) and value in self.names:
            return self.names[value]
        try:
            return row_id(str(value))
        except ValueError:
            raise Malformed(path, "is neither an id nor a name given by as") from None

    # -- about a seller --

    def nexus(self, fields: Fields, viewer: Viewer, actor: Actor) -> tuple[str, int | None]:
        seller = _seller(fields, viewer)
        found = services.record_nexus(
            actor,
            seller_id=seller.id,
            kind=fields.take("nexus", member(NexusKind)),
            document=fields.take("document", _paper, ""),
            valid_from=fields.take("from", optional_day, None),
            valid_to=fields.take("to", optional_day, None),
        )
        return f"nexus of {seller.code} recorded", found

    def history_state(self, fields: Fields, viewer: Viewer, actor: Actor) -> tuple[str, int | None]:
        seller = _seller(fields, viewer)
        is_known = fields.take("known", flag)
        document = fields.take("document", _paper, "")
        services.set_history_state(actor, seller_id=seller.id, is_known=is_known, document=document)
        return f"history of {seller.code} is {'known' if is_known else 'not known'}", None

    def history(self, fields: Fields, viewer: Viewer, actor: Actor) -> tuple[str, int | None]:
        seller = _seller(fields, viewer)
        found = services.record_history(
            actor,
            seller_id=seller.id,
            predecessor_id=fields.take("predecessor", self._id, None),
            document=fields.take("document", _paper),
            **_amount(fields),
        )
        return f"history of {seller.code} recorded", found

    def declared(self, fields: Fields, viewer: Viewer, actor: Actor) -> tuple[str, int | None]:
        seller = _seller(fields, viewer)
        document = fields.take("document", _paper, "")
        found = services.record_declared(actor, seller_id=seller.id, document=document, **_amount(fields))
        return f"declared revenue of {seller.code} recorded", found

    def predecessor(self, fields: Fields, viewer: Viewer, actor: Actor) -> tuple[str, int | None]:
        seller = _seller(fields, viewer)
        former = _seller(fields, viewer, "former") if fields.has("former") else None
        found = services.link_predecessor(
            actor,
            seller_id=seller.id,
            name=fields.take("name", _paper),
            document=fields.take("document", _paper, ""),
            former_seller_id=former.id if former else None,
        )
        return f"predecessor of {seller.code} linked", found

    def incident(self, fields: Fields, viewer: Viewer, actor: Actor) -> tuple[str, int | None]:
        seller = _seller(fields, viewer)
        found = services.record_incident(
            actor,
            seller_id=seller.id,
            kind=fields.take("incident", member(IncidentKind)),
            occurred_on=fields.take("on", day),
            status=fields.take("status", member(IncidentStatus)),
            grade=fields.take("grade", member(AccidentGrade)) if fields.has("grade") else None,
            decided_by=fields.take("decided_by", _paper, ""),
            document=fields.take("document", _paper, ""),
        )
        return f"incident of {seller.code} recorded", found

    def decision(self, fields: Fields, viewer: Viewer, actor: Actor) -> tuple[str, int | None]:
        status = fields.take("status", member(IncidentStatus))
        services.decide_incident(
            actor,
            incident_id=fields.take("incident", self._id),
            status=status,
            decided_by=fields.take("decided_by", _paper, ""),
            document=fields.take("document", _paper, ""),
        )
        return f"incident is {status}", None

    def application(self, fields: Fields, viewer: Viewer, actor: Actor) -> tuple[str, int | None]:
        seller = _seller(fields, viewer)
        services.record_application(
            actor,
            seller_id=seller.id,
            year=fields.take("year", year),
            applied_on=fields.take("on", day),
            document=fields.take("document", _paper),
        )
        return f"application of {seller.code} recorded", None

    def withdraw(self, fields: Fields, viewer: Viewer, actor: Actor) -> tuple[str, int | None]:
        record = fields.take("record", one_of(*services.WITHDRAWABLE))
        services.withdraw(
            actor,
            record=record,
            record_id=fields.take("id", self._id),
            reason=fields.take("reason", _paper),
        )
        return f"{record} withdrawn", None

    def freeze(self, fields: Fields, viewer: Viewer, actor: Actor) -> tuple[str, int | None]:
        seller = _seller(fields, viewer)
        frozen = fields.take("year", year)
        version = services.freeze_assessment(actor, seller.id, frozen)
        return f"{frozen} of {seller.code} frozen, version {version}", None

    # -- about the policy --

    def threshold(self, fields: Fields, viewer: Viewer, actor: Actor) -> tuple[str, int | None]:
        is_factor = fields.exactly_one("factor", "yuan") == "factor"
        found = services.enter_threshold(
            actor,
            source=fields.take("source", _source),
            effective_from=fields.take("from", day),
            effective_to=fields.take("to", optional_day, None),
            modes=fields.take("modes", many(member(Mode), at_least=1), TIER_MODES),
            factor=fields.take("factor", decimal) if is_factor else None,
            threshold_amounts=None if is_factor else fields.take("yuan", many(yuan)),
        )
        return "threshold entered, it waits for a second person", found

    def parameter(self, fields: Fields, viewer: Viewer, actor: Actor) -> tuple[str, int | None]:
        key = fields.take("key", text)
        found = services.enter_parameter(
            actor,
            key=key,
            value=fields.take("value", anything),
            source=fields.take("source", _source),
            effective_from=fields.take("from", day),
            effective_to=fields.take("to", optional_day, None),
            status=fields.take("status", member(SourceStatus), SourceStatus.INTERPRETATION),
            reason=fields.take("reason", _paper, ""),
        )
        return f"parameter {key} entered, it waits for a second person", found

    def confirm(self, fields: Fields, viewer: Viewer, actor: Actor) -> tuple[str, int | None]:
        what = fields.exactly_one("threshold", "parameter")
        row_id = fields.take(what, self._id)
        if what == "threshold":
            services.confirm_threshold(actor, threshold_id=row_id)
        else:
            services.confirm_parameter(actor, parameter_id=row_id)
        return f"{what} {row_id} confirmed, it is used from now on", None


Act = Callable[[Recorder, Fields, Viewer, Actor], tuple[str, int | None]]

# What each kind asks of the person, and what it does. A centre prepares its county's material; the bureau records
# the policy's figures, decisions and freezes; whoever confirms may be of the bureau or of finance.
KINDS: dict[str, tuple[str, Act]] = {
    "nexus": ("awards:prepare", Recorder.nexus),
    "history_state": ("awards:prepare", Recorder.history_state),
    "history": ("awards:prepare", Recorder.history),
    "declared": ("awards:prepare", Recorder.declared),
    "predecessor": ("awards:prepare", Recorder.predecessor),
    "application": ("awards:prepare", Recorder.application),
    "incident": ("awards:record", Recorder.incident),
    "decision": ("awards:record", Recorder.decision),
    "withdraw": ("awards:record", Recorder.withdraw),
    "freeze": ("awards:record", Recorder.freeze),
    "threshold": ("awards:record", Recorder.threshold),
    "parameter": ("awards:record", Recorder.parameter),
    "confirm": ("awards:confirm", Recorder.confirm),
}


def _paper(value: Any, path: str) -> str:
    """A text as it fits into its column."""
    found = text(value, path).strip()
    if len(found) > 100:
        raise Malformed(path, "must have at most 100 characters")
    return found


def _amount(fields: Fields) -> dict[str, Any]:
    return {
        "year": fields.take("year", year),
        "mode": fields.take("mode", member(Mode)),
        "agri_class": fields.take("class", member(AgriClass)),
        "amount": fields.take("yuan", yuan),
    }


def _source(value: Any, path: str) -> Source:
    row = Fields(value, path)
    issued_on: date | None = row.take("issued_on", optional_day, None)
    texts = {
        name: row.take(name, _paper, "") for name in ("number", "title", "issuer", "clause", "url", "scan")
    }
    row.finish()
    return Source(issued_on=issued_on, **texts)


def _seller(fields: Fields, viewer: Viewer, name: str = "seller") -> Seller:
    """The shop of that code, within the counties of the person who records."""
    code = fields.take(name, text)
    query = of_counties(select(Seller).where(Seller.code == code), viewer, "awards:prepare")
    seller = db.session.execute(query).scalar_one_or_none()
    if seller is None:
        raise Malformed(name, f"there is no shop {code} in the counties of this person")
    return seller
