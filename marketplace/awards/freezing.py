"""Keeping a year as it stands (policy section 10): result, facts and parameters, for good."""

from __future__ import annotations

from sqlalchemy import select

from marketplace import audit, clock
from marketplace.audit import Actor
from marketplace.awards import queries
from marketplace.awards.models import FrozenAssessment
from marketplace.awards.policy import year_end
from marketplace.database import db
from marketplace.errors import DomainError, NotFoundError
from marketplace.revenue import services as revenue
from marketplace.sellers.models import Seller


class YearOpenError(DomainError):
    """A year may be frozen from 1 January of the following one."""


class NothingToFreezeError(DomainError):
    """The year is none that is assessed here: no order counts in it."""


def freeze_assessment(actor: Actor, seller_id: int, year: int) -> int:
    """Keep a year's result, facts and parameters as they stand, for good, and return the version.

    Permitted from 1 January of the following year; a second freeze makes a new version beside the first, whose day
    goes on deciding which refunds restate the year. YearOpenError, NothingToFreezeError.
    """
    today = clock.today()
    if today <= year_end(year):
        raise YearOpenError(f"{year} may be frozen from {year + 1}-01-01", field="year")
    # Locked, so that two freezes at once make two versions, one after the other.
    seller = db.session.execute(
        select(Seller).where(Seller.id == seller_id).with_for_update()
    ).scalar_one_or_none()
    if seller is None:
        raise NotFoundError
    snapshot = queries.take_snapshot(
        seller.id, kind=seller.kind, registered_as=seller.registered_as, year=year
    )
    is_known = any(row["year"] == year and row["is_assessed"] for row in snapshot.facts["years"])
    if snapshot.result["is_history"] or not (is_known and snapshot.facts["parts"]):
        raise NothingToFreezeError(f"no order counts in {year}", field="year")
    versions = select(FrozenAssessment.version).where(
        FrozenAssessment.seller_id == seller.id, FrozenAssessment.year == year
    )
    version = max(db.session.execute(versions).scalars(), default=0) + 1
    db.session.add(
        FrozenAssessment(
            seller_id=seller.id,
            year=year,
            version=version,
            frozen_on=today,
            result=snapshot.result,
            facts=snapshot.facts,
            parameters=snapshot.parameters,
            frozen_by=actor.user_id,
            frozen_at=clock.now(),
        )
    )
    db.session.flush()
    award = snapshot.result["award"]
    changes = {"version": [None, version], "result": [None, award["result"]]}
    audit.record(
        actor, "award_year.frozen", "award_year", f"{seller.id}/{year}", seller_id=seller.id, changes=changes
    )
    return version


# Revenue stands below this package and asks it whether a refund may still restate its year.
revenue.set_freeze_lookup(queries.first_frozen_on)
