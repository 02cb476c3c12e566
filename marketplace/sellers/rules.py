"""What each kind of seller needs to be a shop (domain law: e-commerce law art. 10, 15)."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l

from marketplace.errors import DomainError
from marketplace.sellers.models import SellerKind

REGISTERED = frozenset({SellerKind.SOLE_TRADER, SellerKind.COOPERATIVE, SellerKind.COMPANY})
# Who must issue a 承诺达标合格证 for each batch (agriculture order 2025-4, in force 2026-02-01).
CERTIFYING = frozenset({SellerKind.COOPERATIVE, SellerKind.COMPANY})


class MissingLicenceError(DomainError):
    """A registered kind of seller came without a credit code."""


class MissingDeclarationError(DomainError):
    """A natural person did not declare that the produce is their own."""


@dataclass(frozen=True)
class Shop:
    """A seller as its own pages and people need it."""

    id: int
    code: str
    name: str
    legal_name: str
    kind: SellerKind
    registered_as: SellerKind | None
    county_code: str
    area_code: str
    phone: str
    is_open: bool

    @property
    def must_certify(self) -> bool:
        """Whether a batch needs a conformity certificate before it is sold."""
        return legal_kind(self.kind, self.registered_as) in CERTIFYING


def legal_kind(kind: SellerKind, registered_as: SellerKind | None) -> SellerKind:
    """A family farm is what its registration says; without registration it is a person (policy section 4)."""
    return (registered_as or SellerKind.PERSON) if kind == SellerKind.FAMILY_FARM else kind


def check_identity(
    kind: SellerKind, registered_as: SellerKind | None, credit_code: str | None, declared: bool
) -> None:
    """Refuse a registered seller without a credit code, and a person without the own-produce declaration."""
    if legal_kind(kind, registered_as) in REGISTERED:
        if not credit_code:
            raise MissingLicenceError(_l("这类商家要填统一社会信用代码"), field="credit_code")
    elif not declared:
        raise MissingDeclarationError(_l("自然人只能卖自产农产品，请先作出自产承诺"), field="own_produce")
