"""The main pages of every role, once: what axe reads, what is weighed, what the screenshots show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["product", "list", "home", "buying", "seller", "office", "plain"]


@dataclass(frozen=True)
class MainPage:
    """A page, who sees it (one of the cast, or nobody in particular), and its kind in the table of budgets.

    Braces in the path are filled from the stage, as in {product}, {orders[shipped]}.
    """

    name: str
    path: str
    who: str | None = None
    kind: Kind = "plain"


PAGES = (
    MainPage("home", "/", kind="home"),
    MainPage("list", "/c/navel", kind="list"),
    MainPage("search", "/search?q=脐橙", kind="list"),
    MainPage("product", "/p/{product}", kind="product"),
    MainPage("batch", "/batch/{coop_shop}/{batch}"),
    MainPage("shop", "/shop/{coop_shop}", kind="list"),
    MainPage("sign-in", "/sign-in"),
    MainPage("guest-order", "/o/{guest_token}", kind="buying"),
    MainPage("rules", "/pages/rules"),
    MainPage("basket", "/basket", "buyer", "buying"),
    MainPage("checkout", "/checkout", "buyer", "buying"),
    MainPage("orders", "/orders", "buyer", "buying"),
    MainPage("order", "/orders/{orders[shipped]}", "buyer", "buying"),
    MainPage("account", "/account", "buyer"),
    MainPage("today", "/seller/", "coop_owner", "seller"),
    MainPage("new-listing", "/seller/products/new?category=navel", "coop_owner", "seller"),
    MainPage("listing", "/seller/products/{product}", "coop_owner", "seller"),
    MainPage("to-ship", "/seller/orders/", "coop_owner", "seller"),
    MainPage("packing", "/seller/orders/packing", "coop_owner", "seller"),
    MainPage("part", "/seller/orders/{parts[to_ship]}", "coop_owner", "seller"),
    MainPage("waybill", "/seller/parcels/ship/{parts[to_ship]}", "coop_owner", "seller"),
    MainPage("freight", "/seller/parcels/freight", "coop_owner", "seller"),
    MainPage("certificate", "/seller/batches/{batch}/certificates/{certificate_id}", "coop_owner", "seller"),
    MainPage("money", "/seller/money/", "coop_owner", "seller"),
    MainPage("own-report", "/seller/awards/", "coop_owner", "seller"),
    MainPage("award-list", "/staff/awards/", "bureau", "office"),
    MainPage("award-report", "/staff/awards/{coop_shop}", "bureau", "office"),
    MainPage("award-lines", "/staff/awards/{coop_shop}/{year}/lines", "bureau", "office"),
    MainPage("desk", "/staff/", "staff_xinfeng", "office"),
    MainPage("seller-file", "/staff/sellers/{coop_shop}", "staff_xinfeng", "office"),
    MainPage("payments", "/staff/payments/", "finance", "office"),
    MainPage("refunds", "/staff/payments/refunds", "finance", "office"),
    MainPage("books", "/staff/books/", "finance", "office"),
    MainPage("people", "/staff/people/{user_id}", "admin", "office"),
    MainPage("settings", "/staff/settings", "admin", "office"),
)
