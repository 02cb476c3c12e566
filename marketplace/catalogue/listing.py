"""The listing form put together for one category and shop, and what it says as one act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from marketplace import clock, places
from marketplace.audit import Actor
from marketplace.catalogue import rules, services
from marketplace.catalogue import seller_queries as queries
from marketplace.catalogue.forms import FORM_OF, MIXED, NEW, USUAL_NET, ListingForm
from marketplace.catalogue.models import Category, ReturnRule
from marketplace.catalogue.packs import pack_name
from marketplace.catalogue.rules import ListingDraft
from marketplace.forms import options
from marketplace.provenance import queries as provenance
from marketplace.provenance import rules as provenance_rules
from marketplace.provenance import services as provenance_services
from marketplace.provenance.models import Batch
from marketplace.sellers.rules import Shop
from marketplace.templating import short_day

RECENT_BATCHES = 5
FRESH_DAYS = 14  # a batch picked within them is probably the one that is being sold
USUAL_GRADE, USUAL_SIZE = "first", "d75_80"  # of a seller's first listing


def is_fresh(category: Category) -> bool:
    return category.return_rule == ReturnRule.EXEMPT


def make_form(shop: Shop, category: Category, batch_code: str | None = None) -> ListingForm:
    """The category's form with its choices; at first it holds what this seller listed last, never a stock."""
    form = FORM_OF[category.measure](origin=shop.area_code)
    form.needs_picking_day = is_fresh(category)
    _set_choices(form, category)
    _set_batches(form, shop, category, batch_code)
    if not form.is_submitted():
        _set_defaults(form, shop, category)
    return form


def _set_choices(form: ListingForm, category: Category) -> None:
    varieties = queries.list_varieties(category.code)
    if varieties:
        form.variety_code.choices = options([*varieties, ("", _("别的品种"))])
    else:
        del form.variety_code
    if category.code in rules.GRADED:
        form.grade_code.choices = options(queries.list_grades())
    else:
        del form.grade_code
    if category.code in rules.SIZED:
        sizes = [(size.code, f"{size.min_mm}–{size.max_mm}") for size in queries.list_sizes()]
        form.size_code.choices = options([*sizes, (MIXED, _("大小混装"))])
    else:
        del form.size_code
    if not category.needs_sc_licence:
        del form.sc_number
    for row in form.packs:
        _set_tiles(row.form, category, row.form.net.data if row.form.net_pick.data else None)
    form.packs[0].form.net.label.text = _("或者自己写")


def _set_tiles(row: Any, category: Category, chosen: int | None) -> None:
    """What packs usually hold, and what this one holds."""
    nets = list(_usual_net(category))
    if chosen and chosen not in nets:
        nets.append(chosen)
    row.net_pick.choices = options((row.net.show(net), _net_words(category, net)) for net in nets)


def _usual_net(category: Category) -> tuple[int, ...]:
    return USUAL_NET.get((category.measure, is_fresh(category))) or USUAL_NET[(category.measure, False)]


def _net_words(category: Category, net: int) -> str:
    """10斤, 500 g, 1 L, 2 个: what a tile says."""
    return pack_name(category.measure, net, dry=not is_fresh(category))


def _set_batches(form: ListingForm, shop: Shop, category: Category, batch_code: str | None) -> None:
    batches, _more = provenance.list_batches(shop.id, category_code=category.code, limit=RECENT_BATCHES)
    wanted = batch_code or (form.batch.data if form.is_submitted() else None)
    if wanted and wanted != NEW and wanted not in {batch.code for batch in batches}:
        batches.insert(0, provenance.get_batch(shop.id, wanted))  # another seller's: 404
    origins = provenance.origins_of(batches)
    certified = provenance.certificates_of(shop.id, [batch.id for batch in batches])
    varieties = (
        {one.value: str(one.label) for one in form.variety_code.choices} if "variety_code" in form else {}
    )
    form.batch.choices = options(
        [
            *(
                (
                    batch.code,
                    _batch_words(batch, varieties, origins[batch.id], is_certified=batch.id in certified),
                )
                for batch in batches
            ),
            (NEW, _("新摘的一批")),
        ]
    )
    if form.is_submitted():
        return
    form.picked_on.data = clock.today() if is_fresh(category) else None
    recent = [b for b in batches if b.picked_on and (clock.today() - b.picked_on).days <= FRESH_DAYS]
    form.batch.data = batch_code or (recent[0].code if recent else NEW)


def _batch_words(batch: Batch, varieties: Mapping[str, str], origin: str, *, is_certified: bool) -> str:
    """What tells a batch from the others: two of one day and place differ by their code at least."""
    picked = _("%(day)s摘", day=short_day(batch.picked_on)) if batch.picked_on else ""
    variety = varieties.get(batch.variety_code or "", "")
    words = [picked, variety, origin, batch.orchard, *([_("有合格证")] if is_certified else []), batch.code]
    return str(_("，")).join(word for word in words if word)


def _set_defaults(form: ListingForm, shop: Shop, category: Category) -> None:
    """This seller's last listing of the category, else the usual; the price only if it is the seller's own."""
    last = queries.find_last_listing(shop.id, category.code)
    packs = queries.packs_of(shop.id, [last.id]).get(last.id, []) if last else []
    if "variety_code" in form:
        form.variety_code.data = (last.variety_code or "") if last else form.variety_code.choices[0].value
    if "grade_code" in form:
        form.grade_code.data = last.grade_code if last and last.grade_code else USUAL_GRADE
    if "size_code" in form:
        form.size_code.data = (last.size_code or MIXED) if last else USUAL_SIZE
    if "sc_number" in form and last:
        form.sc_number.data = last.sc_number
    usual = list(_usual_net(category))
    middle = usual.pop(1)
    rows = [row.form for row in form.packs]
    rows[0].net_pick.data = rows[0].net.show(middle)
    for row, net in zip(rows[1:], usual, strict=False):
        row.net.data = net
    if packs:
        _repeat_pack(rows[0], category, packs[0])
    rows[0].remember_prefill()


def _repeat_pack(row: Any, category: Category, pack: queries.OwnPack) -> None:
    """Always as a tile, so that another tapped tile takes its place; the box is only ever the person's own."""
    _set_tiles(row, category, pack.net_amount)
    row.net_pick.data = row.net.show(pack.net_amount)
    row.price.data, row.pieces.data = pack.price_amount, pack.pieces


def ask_certificate(form: ListingForm, shop: Shop, category: Category, *, is_draft: bool) -> bool:
    """Whether the form asks for a certificate at all; marks it as needed when publishing a batch that has none."""
    if not provenance_rules.certificate_needed(shop, category):
        for name in ("certificate", "certificate_number", "certificate_quantity"):
            if name in form:
                del form[name]
        return False
    has_one = False
    if not form.is_new_batch:
        batch = provenance.get_batch(shop.id, form.batch.data)
        has_one = batch.id in provenance.certificates_of(shop.id, [batch.id])
    form.needs_certificate = form.is_submitted() and not is_draft and not has_one
    return True


def carry_out(
    actor: Actor, shop: Shop, category_code: str, form: ListingForm, image_ids: list[int], *, is_draft: bool
) -> str:
    """Batch, certificate, listing and publishing as one act, inside the caller's transaction; the listing's code.

    A form that was carried out before changes nothing: RepeatedListingError. Refuses what the services refuse.
    """
    repeated = queries.find_by_client_id(shop.id, form.client_id.data)
    if repeated is not None:
        raise services.RepeatedListingError(repeated.code)
    category = queries.get_category(category_code)
    words = queries.words_of(*_codes(form)) or queries.Words()
    batch = _batch(actor, shop, category_code, form)
    _certificate(actor, shop, category, batch, form, words)
    variety_code, grade_code, size_code = _codes(form)
    draft = ListingDraft(
        category_code=category_code,
        variety_code=variety_code,
        grade_code=grade_code,
        size_code=size_code,
        batch_id=batch.id,
        packs=form.packs_value(),
        stock_amount=form.stock_value(),
        title=form.title.data or "",
        description=form.description.data or "",
        image_ids=image_ids,
        sc_number=form.sc_number.data if "sc_number" in form else None,
        client_id=form.client_id.data,
    )
    product = services.create_listing(actor, seller_id=shop.id, draft=draft)
    if not is_draft:
        services.publish(actor, seller_id=shop.id, product_id=product.id)
    return product.code


def _codes(form: ListingForm) -> tuple[str | None, str | None, str | None]:
    variety = form.variety_code.data if "variety_code" in form else None
    grade = form.grade_code.data if "grade_code" in form else None
    size = form.size_code.data if "size_code" in form else None
    return variety or None, grade or None, None if size == MIXED else size or None


def _batch(actor: Actor, shop: Shop, category_code: str, form: ListingForm) -> Batch:
    if not form.is_new_batch:
        return provenance.get_batch(shop.id, form.batch.data)
    return provenance_services.create_batch(
        actor,
        seller_id=shop.id,
        category_code=category_code,
        variety_code=_codes(form)[0],
        area_code=form.area_code.data,
        picked_on=form.picked_on.data,
        orchard=form.orchard.data or "",
    )


def _certificate(
    actor: Actor, shop: Shop, category: Category, batch: Batch, form: ListingForm, words: queries.Words
) -> None:
    """Issue what was asked for, unless the chosen batch has its certificate already."""
    if "certificate_quantity" not in form or not form.certificate_quantity.data:
        return
    if batch.id in provenance.certificates_of(shop.id, [batch.id]):
        return
    provenance_services.issue_certificate(
        actor,
        seller_id=shop.id,
        batch_id=batch.id,
        number=form.number,
        quantity_grams=form.certificate_quantity.data,
        **certificate_words(shop, batch, category.name, words.variety),
    )


def certificate_words(shop: Shop, batch: Batch, category: str, variety: str) -> dict[str, Any]:
    """What a certificate says without being asked: product, origin, promising party, contact."""
    return {
        "product": variety if category in variety else variety + category,
        "origin": places.full_name(batch.area_code) + batch.orchard,
        "promised_by": shop.legal_name,
        "contact": shop.phone,
    }
