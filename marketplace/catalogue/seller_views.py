"""A seller's listings: list, new, published, change."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import clock, places
from marketplace.catalogue import listing, rules, services
from marketplace.catalogue import seller_queries as queries
from marketplace.catalogue.forms import ListingForm, PackChangeForm, PicturesForm, WordsForm
from marketplace.catalogue.models import Category, ProductStatus
from marketplace.database import run_in_transaction
from marketplace.errors import DomainError, NotFoundError
from marketplace.logistics import queries as logistics
from marketplace.media import tray as trays
from marketplace.permissions import member_can, requires_member
from marketplace.provenance import queries as provenance
from marketplace.routing import row_id

bp = Blueprint("catalogue", __name__)


@bp.get("/")
@requires_member("listing:read")
def index() -> ResponseReturnValue:
    """One's own listings in every state."""
    status = request.args.get("status")
    chosen = ProductStatus(status) if status in set(ProductStatus) else None
    after = request.args.get("after", type=row_id)
    listings, more = queries.list_listings(g.seller.id, after=after, status=chosen)
    return render_template(
        "catalogue/seller/index.html",
        tab="sell",
        listings=listings,
        chosen=chosen,
        may_write=member_can(g.member, "listing:write"),
        next_url=url_for(".index", status=chosen, after=more) if more else None,
    )


@bp.route("/new", methods=["GET", "POST"])
@requires_member("listing:write")
def new() -> ResponseReturnValue:
    """Photos, kind, packs, batch and words on one page; everything typed and stored stays when it is refused.

    Enter in a field presses the form's first button, which only shows the page once more.
    """
    category = _category()
    category_code = category.code
    act = request.form.get("act")
    is_draft = act == "draft"
    form = listing.make_form(g.seller, category, request.args.get("batch"))
    asks_certificate = listing.ask_certificate(form, g.seller, category, is_draft=is_draft)
    tray = trays.open_tray(
        g.seller.id, form.kept.data, request.form.getlist("drop"), request.form.get("main")
    )
    if form.is_submitted():
        trays.take(tray, request.files.getlist("photos"))
        if act != "look" and not form.is_choosing():
            valid = form.validate()
            form.photos.errors = [*form.photos.errors, *tray.errors]
            if valid and not tray.errors:
                code = _carry_out(form, category_code, tray.image_ids, is_draft=is_draft)
                if code:
                    return redirect(url_for(".done", code=code), 303)
    return _show_form(
        form, category_code, tray, asks_certificate=asks_certificate, is_looked_at=act == "look"
    )


def _category() -> Category:
    """The category of the address, else of the last listing, else the first."""
    code = request.args.get("category")
    if code:
        return queries.get_category(code)
    batch_code = request.args.get("batch")
    if batch_code:
        return queries.get_category(provenance.get_batch(g.seller.id, batch_code).category_code)
    last = queries.find_last_listing(g.seller.id)
    return queries.get_category(last.category_code if last else rules.NAVEL)


def _carry_out(form: ListingForm, category_code: str, image_ids: list[int], *, is_draft: bool) -> str | None:
    actor, shop = g.actor, g.seller
    try:
        return run_in_transaction(
            lambda: listing.carry_out(actor, shop, category_code, form, image_ids, is_draft=is_draft)
        )
    except services.RepeatedListingError as repeated:
        flash(_("这一页已经提交过，下面是那时做好的；要改，请到“我的货”里改"), "warning")
        return repeated.code
    except NotFoundError:
        raise
    except DomainError as error:
        form.refuse(error)
        return None


def _show_form(
    form: ListingForm,
    category_code: str,
    tray: trays.Tray,
    *,
    asks_certificate: bool,
    is_looked_at: bool = False,
) -> ResponseReturnValue:
    form.kept.data = tray.signed
    category = queries.get_category(category_code)
    sizes = {size.code: size for size in queries.list_sizes()}
    return render_template(
        "catalogue/seller/new.html",
        tab="sell",
        form=form,
        category=category,
        categories=queries.list_categories(),
        is_fresh=listing.is_fresh(category),
        pictures=tray.pictures(),
        sizes=sizes,
        asks_certificate=asks_certificate,
        is_looked_at=is_looked_at,
        today=clock.today(),
    ), 422 if form.errors else 200


@bp.get("/<code>/done")
@requires_member("listing:read")
def done(code: str) -> ResponseReturnValue:
    """What was just made, and what can be done with it."""
    own = queries.get_listing(g.seller.id, code)
    has_freight = g.seller.id in logistics.templates_for([g.seller.id])
    return render_template("catalogue/seller/done.html", tab="sell", listing=own, has_freight=has_freight)


@bp.get("/<code>")
@requires_member("listing:read")
def detail(code: str) -> ResponseReturnValue:
    """One listing with its packs, words, pictures and state."""
    return _show_detail(code)


def _show_detail(code: str, refused: Any = None) -> ResponseReturnValue:
    """The page with fresh forms, but for the one that was refused."""
    own = queries.get_listing(g.seller.id, code)
    product = queries.get_product(g.seller.id, code)
    batch = provenance.get_batch_by_id(g.seller.id, product.batch_id)
    image_ids = queries.image_ids_of(g.seller.id, product.id)
    tray = trays.Tray(g.seller.id, image_ids)
    forms: dict[str, Any] = {
        "words": WordsForm(None, obj=product, prefix="words-"),
        "pictures": PicturesForm(None),
    }
    for pack in own.packs:
        forms[f"pack-{pack.variant_id}"] = PackChangeForm(None, prefix=f"pack-{pack.variant_id}-")
    if refused is not None:
        forms[refused.key] = refused
    forms["pictures"].kept.data = tray.signed
    return render_template(
        "catalogue/seller/detail.html",
        tab="sell",
        listing=own,
        product=product,
        batch=batch,
        place=places.full_name(batch.area_code),
        forms=forms,
        refused=refused,
        pictures=tray.pictures(),
        may_write=member_can(g.member, "listing:write"),
    ), 422 if refused is not None else 200


def _change(code: str, form: Any, key: str, act: Any, said: str) -> ResponseReturnValue:
    """Validate, carry out and go back; a refusal shows the page with what was typed."""
    form.key = key
    if form.validate() and form.carry_out(act):
        flash(said, "success")
        return redirect(url_for(".detail", code=code), 303)
    return _show_detail(code, form)


@bp.post("/<code>/packs/<int:variant_id>")
@requires_member("listing:write")
def change_pack(code: str, variant_id: int) -> ResponseReturnValue:
    """A new price for one pack, more boxes of it, or both in one act: one button never loses the other's box."""
    _own_pack(code, variant_id)
    key = f"pack-{variant_id}"
    form, actor, shop = PackChangeForm(prefix=f"{key}-"), g.actor, {"seller_id": g.seller.id}
    price, boxes = form.price.data, form.boxes.data

    def change() -> None:
        if price is not None:
            services.change_price(actor, **shop, variant_id=variant_id, price_amount=price)
        if boxes is not None:
            services.add_stock(actor, **shop, variant_id=variant_id, count=boxes)

    said = {"price": _("价钱改好了，已下的单不变"), "boxes": _("箱数加上了")}
    done = [said[name] for name, value in (("price", price), ("boxes", boxes)) if value is not None]
    return _change(code, form, key, change, str(_("；")).join(done))


def _own_pack(code: str, variant_id: int) -> None:
    """404 for a pack of another product or seller."""
    own = queries.get_listing(g.seller.id, code)
    if variant_id not in {pack.variant_id for pack in own.packs}:
        raise NotFoundError


@bp.post("/<code>/words")
@requires_member("listing:write")
def change_words(code: str) -> ResponseReturnValue:
    """Another title or description."""
    product_id = queries.get_product(g.seller.id, code).id
    form, actor, seller_id = WordsForm(prefix="words-"), g.actor, g.seller.id
    return _change(
        code,
        form,
        "words",
        lambda: services.change_words(
            actor,
            seller_id=seller_id,
            product_id=product_id,
            title=form.title.data or "",
            description=form.description.data or "",
        ),
        _("文字改好了"),
    )


@bp.post("/<code>/pictures")
@requires_member("listing:write")
def change_pictures(code: str) -> ResponseReturnValue:
    """More pictures, fewer, or another main one; good files are kept even when another is refused.

    A form that does not say which pictures it kept changes nothing.
    """
    product_id = queries.get_product(g.seller.id, code).id
    form, actor, seller_id = PicturesForm(), g.actor, g.seller.id
    tray = trays.open_tray(seller_id, form.kept.data, request.form.getlist("drop"), request.form.get("main"))
    if not form.kept.data:
        tray = trays.lost(seller_id)
    if not tray.is_lost:
        trays.take(tray, request.files.getlist("photos"))
        run_in_transaction(
            lambda: services.set_pictures(
                actor, seller_id=seller_id, product_id=product_id, image_ids=tray.image_ids
            )
        )
    if tray.errors:
        form.photos.errors = tray.errors
        form.key = "pictures"
        return _show_detail(code, form)
    flash(_("照片存好了"), "success")
    return redirect(url_for(".detail", code=code), 303)


@bp.post("/<code>/status")
@requires_member("listing:write")
def change_status(code: str) -> ResponseReturnValue:
    """Publish a draft, pause, sell on."""
    verbs = {"publish": services.publish, "pause": services.pause, "resume": services.resume}
    verb = verbs.get(request.form.get("act", ""))
    if verb is None:
        raise NotFoundError
    product_id = queries.get_product(g.seller.id, code).id
    actor, seller_id = g.actor, g.seller.id
    try:
        run_in_transaction(lambda: verb(actor, seller_id=seller_id, product_id=product_id))
    except NotFoundError:
        raise
    except DomainError as error:
        flash(str(error.message), "error")
    else:
        said = {"publish": _("已经在卖了"), "pause": _("先不卖了，随时可以再开"), "resume": _("又在卖了")}
        flash(said[request.form["act"]], "success")
    return redirect(url_for(".detail", code=code), 303)
