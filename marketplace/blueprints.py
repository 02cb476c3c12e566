"""One table: which area, address prefix and blueprint; and the modules that hold tables and job handlers."""

from __future__ import annotations

from importlib import import_module

from flask import Blueprint, Flask

# Alembic and the house tests see only models that were imported.
MODELS = (
    "marketplace.audit",
    "marketplace.caching",
    "marketplace.health",
    "marketplace.limits",
    "marketplace.once",
    "marketplace.places",
    "marketplace.sessions",
    "marketplace.settings",
    "marketplace.accounts.models",
    "marketplace.notifications.models",
    "marketplace.jobs.models",
    "marketplace.media.models",
    "marketplace.sellers.models",
    "marketplace.ledger.models",
    "marketplace.revenue.models",
    "marketplace.provenance.models",
    "marketplace.inventory.models",
    "marketplace.catalogue.models",
    "marketplace.cart.models",
    "marketplace.orders.models",
    "marketplace.payments.models",
    "marketplace.logistics.models",
    "marketplace.awards.models",
)

# Modules whose import registers job handlers.
HANDLERS = ("marketplace.media.handlers", "marketplace.catalogue.handlers")

# Modules whose import puts a table of theirs under seal.
SEALED = ("marketplace.ledger.sealed",)

# Area, address prefix below the area, module:blueprint. The areas themselves are made in register().
STOREFRONT = (
    ("", "marketplace.places:bp"),
    ("", "marketplace.accounts.views:bp"),
    ("", "marketplace.media.views:bp"),
    ("", "marketplace.sellers.views:bp"),
    ("", "marketplace.catalogue.views:bp"),
    ("", "marketplace.cart.views:bp"),
    ("", "marketplace.checkout.views:bp"),
    ("", "marketplace.orders.views:bp"),
    ("", "marketplace.payments.views:bp"),
    ("", "marketplace.payments.webhooks:bp"),
    ("", "marketplace.staff.page_views:bp"),
    ("", "marketplace.staff.metrics_views:bp"),
)
SELLER = (
    ("", "marketplace.sellers.seller_views:bp"),
    ("/products", "marketplace.catalogue.seller_views:bp"),
    ("/stock", "marketplace.inventory.seller_views:bp"),
    ("/batches", "marketplace.provenance.seller_views:bp"),
    ("/orders", "marketplace.orders.seller_views:bp"),
    ("/refunds", "marketplace.payments.seller_views:bp"),
    ("/parcels", "marketplace.logistics.seller_views:bp"),
    ("/money", "marketplace.ledger.seller_views:bp"),
    ("/awards", "marketplace.awards.seller_views:bp"),
)
STAFF = (
    ("", "marketplace.staff.staff_views:bp"),
    ("/people", "marketplace.accounts.staff_views:bp"),
    ("/sellers", "marketplace.sellers.staff_views:bp"),
    ("/operations", "marketplace.staff.operations_views:bp"),
    ("/jobs", "marketplace.jobs.staff_views:bp"),
    ("/messages", "marketplace.notifications.staff_views:bp"),
    ("/seasons", "marketplace.provenance.staff_views:bp"),
    ("/orders", "marketplace.orders.staff_views:bp"),
    ("/payments", "marketplace.payments.staff_views:bp"),
    ("/books", "marketplace.ledger.staff_views:bp"),
    ("/awards", "marketplace.awards.staff_views:bp"),
)


def load_models() -> None:
    """Import every module that holds tables or job handlers, or seals a table."""
    for name in MODELS + HANDLERS + SEALED:
        import_module(name)


def _blueprint(path: str) -> Blueprint:
    module, name = path.split(":")
    found: Blueprint = getattr(import_module(module), name)
    return found


def register(app: Flask) -> None:
    """Bind the storefront's blueprints, and the seller's and staff's under their areas."""
    for prefix, path in STOREFRONT:
        app.register_blueprint(_blueprint(path), url_prefix=prefix or None)
    for area_path, table, address in (
        ("marketplace.sellers.area:make_area", SELLER, "/seller"),
        ("marketplace.staff.area:make_area", STAFF, "/staff"),
    ):
        module, name = area_path.split(":")
        area: Blueprint = getattr(import_module(module), name)()
        for prefix, path in table:
            area.register_blueprint(_blueprint(path), url_prefix=prefix or None)
        app.register_blueprint(area, url_prefix=address)
