"""A seller's batches and their certificates."""

from __future__ import annotations

from typing import Any

import segno
from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from marketplace import clock, places
from marketplace.catalogue import listing
from marketplace.catalogue import seller_queries as catalogue
from marketplace.forms import options
from marketplace.i18n import choose
from marketplace.permissions import member_can, requires_member
from marketplace.provenance import queries, services
from marketplace.provenance.forms import BatchForm, CertificateForm
from marketplace.provenance.models import Batch
from marketplace.provenance.rules import certificate_needed
from marketplace.routing import row_id

bp = Blueprint("provenance", __name__)


@bp.get("/")
@requires_member("listing:read")
def index() -> ResponseReturnValue:
    """One's own batches, newest first, and the rights to marks."""
    batches, more = queries.list_batches(g.seller.id, after=request.args.get("after", type=row_id))
    return render_template(
        "provenance/seller/index.html",
        tab="account",
        batches=batches,
        certificates=queries.certificates_of(g.seller.id, [batch.id for batch in batches]),
        categories={category.code: category for category in catalogue.list_categories()},
        origins=queries.origins_of(batches),
        authorisations=queries.list_authorisations(g.seller.id),
        today=clock.today(),
        may_write=member_can(g.member, "listing:write"),
        next_url=url_for(".index", after=more) if more else None,
    )


@bp.route("/new", methods=["GET", "POST"])
@requires_member("listing:write")
def new() -> ResponseReturnValue:
    """A new batch: what, where, when."""
    form = BatchForm(origin=g.seller.area_code)
    categories = catalogue.list_categories()
    form.category_code.choices = options((one.code, choose(one.name, one.name_en)) for one in categories)
    varieties = [pair for one in categories for pair in catalogue.list_varieties(one.code)]
    form.variety_code.choices = options([("", _("不分品种")), *varieties])
    if not form.is_submitted():
        form.picked_on.data = clock.today()
    elif not form.is_choosing() and form.validate():
        target = _create(form)
        if target:
            return redirect(target, 303)
    return render_template("provenance/seller/new.html", tab="account", form=form, today=clock.today()), (
        422 if form.errors else 200
    )


def _create(form: BatchForm) -> str | None:
    """The address of the new batch, or of all of them when this form made its batch before; None when refused."""
    codes: list[str] = []
    actor, seller_id = g.actor, g.seller.id
    known = {code for code, _name in catalogue.list_varieties(form.category_code.data)}
    variety = form.variety_code.data if form.variety_code.data in known else None

    def create() -> None:
        batch = services.create_batch(
            actor,
            seller_id=seller_id,
            category_code=form.category_code.data,
            variety_code=variety,
            area_code=form.area_code.data,
            picked_on=form.picked_on.data,
            orchard=form.orchard.data or "",
        )
        codes[:] = [batch.code]

    if not form.carry_out(create):
        return None
    return url_for(".detail", code=codes[0]) if codes else url_for(".index")


@bp.get("/<code>")
@requires_member("listing:read")
def detail(code: str) -> ResponseReturnValue:
    """One batch with its certificates."""
    return _show(queries.get_batch(g.seller.id, code), CertificateForm(None))


def _show(batch: Batch, form: CertificateForm) -> ResponseReturnValue:
    category = catalogue.get_category(batch.category_code)
    words = catalogue.words_of(batch.variety_code, None, None) or catalogue.Words()
    return render_template(
        "provenance/seller/detail.html",
        tab="account",
        batch=batch,
        category=category,
        place=places.shown_name(batch.area_code),
        words=listing.certificate_words(g.seller, batch, category.name, words.variety),
        certificates=queries.list_certificates(g.seller.id, batch.id),
        is_needed=certificate_needed(g.seller, category),
        form=form,
        today=clock.today(),
        may_write=member_can(g.member, "listing:write"),
    ), 422 if form.errors else 200


@bp.post("/<code>/certificate")
@requires_member("listing:write")
def issue(code: str) -> ResponseReturnValue:
    """Issue the batch's certificate, or note the one that exists."""
    form = CertificateForm()
    batch = queries.get_batch(g.seller.id, code)
    if form.validate() and _issue(batch, form):
        flash(_("合格证开好了，可以打印"), "success")
        return redirect(url_for(".detail", code=code), 303)
    return _show(queries.get_batch(g.seller.id, code), form)


def _issue(batch: Batch, form: CertificateForm) -> bool:
    category = catalogue.get_category(batch.category_code)
    words = catalogue.words_of(batch.variety_code, None, None) or catalogue.Words()
    says: dict[str, Any] = listing.certificate_words(g.seller, batch, category.name, words.variety)
    actor, seller_id, batch_id = g.actor, g.seller.id, batch.id
    return form.carry_out(
        lambda: services.issue_certificate(
            actor,
            seller_id=seller_id,
            batch_id=batch_id,
            number=form.number,
            quantity_grams=form.certificate_quantity.data,
            **says,
        )
    )


@bp.get("/<code>/certificates/<int:certificate_id>")
@requires_member("listing:read")
def certificate(code: str, certificate_id: int) -> ResponseReturnValue:
    """The certificate on A6, for the parcel; its QR code leads to the batch's public page."""
    batch = queries.get_batch(g.seller.id, code)
    found = queries.get_certificate(g.seller.id, batch.id, certificate_id)
    address = f"{current_app.config['SETTINGS'].site_url}/batch/{g.seller.code}/{batch.code}"
    # Made by segno of an address of ours alone: no text of anybody's is in the markup.
    drawing = Markup(segno.make(address, error="m").svg_inline(scale=4, border=2, omitsize=True))  # noqa: S704
    return render_template(
        "provenance/seller/certificate.html", certificate=found, batch=batch, address=address, drawing=drawing
    )
