"""A seller's stock: what each pool holds, what moved, and setting it to what was counted."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from marketplace.catalogue import seller_queries as catalogue
from marketplace.catalogue.packs import litres
from marketplace.inventory import queries, services
from marketplace.inventory.forms import FORM_OF, CorrectionForm
from marketplace.inventory.models import MovementKind, StockPool, Unit
from marketplace.permissions import member_can, requires_member
from marketplace.provenance import queries as provenance
from marketplace.provenance.models import Batch
from marketplace.routing import row_id
from marketplace.templating import kilos

bp = Blueprint("inventory", __name__)


def amount_words(unit: Unit, amount: int) -> str:
    """2,500 kg, 30 L, 400 个: an amount of a pool, with its sign."""
    sign = "−" if amount < 0 else ""
    size = abs(amount)
    if unit == Unit.GRAM:
        return sign + kilos(size)
    if unit == Unit.MILLILITRE:
        return sign + litres(size)
    return sign + str(ngettext("%(count)s 个", "%(count)s 个", size, count=size))


@dataclass(frozen=True)
class PoolLine:
    """A pool in words."""

    pool_id: int
    name: str
    batch: Batch
    on_hand: str
    held: str
    available: str
    has_held: bool


def _line(pool: StockPool, batch: Batch, words: catalogue.Words) -> PoolLine:
    size = f"{words.size_mm[0]}–{words.size_mm[1]}mm" if words.size_mm else ""
    return PoolLine(
        pool_id=pool.id,
        name=" ".join(part for part in (words.variety, words.grade, size) if part) or batch.code,
        batch=batch,
        on_hand=amount_words(pool.unit, pool.on_hand),
        held=amount_words(pool.unit, pool.held),
        available=amount_words(pool.unit, pool.on_hand - pool.held),
        has_held=pool.held > 0,
    )


def _lines(pools: list[StockPool]) -> list[PoolLine]:
    batches = provenance.batches_by_id(g.seller.id, [pool.batch_id for pool in pools])
    lines = []
    for pool in pools:
        batch = batches[pool.batch_id]
        words = catalogue.words_of(batch.variety_code, pool.grade_code, pool.size_code) or catalogue.Words()
        lines.append(_line(pool, batch, words))
    return lines


@bp.get("/")
@requires_member("listing:read")
def index() -> ResponseReturnValue:
    """The shop's pools, newest first."""
    pools, more = queries.list_pools(g.seller.id, request.args.get("after", type=row_id))
    return render_template(
        "inventory/seller/index.html",
        tab="sell",
        lines=_lines(pools),
        may_write=member_can(g.member, "listing:write"),
        next_url=url_for(".index", after=more) if more else None,
    )


@bp.get("/<int:pool_id>")
@requires_member("listing:read")
def detail(pool_id: int) -> ResponseReturnValue:
    """One pool with its movements and the count form."""
    pool = queries.get_pool(g.seller.id, pool_id)
    form = FORM_OF[pool.unit](None)
    form.on_hand.data = pool.on_hand
    return _show(pool, form)


def _show(pool: StockPool, form: CorrectionForm) -> ResponseReturnValue:
    kinds = {
        MovementKind.RECEIVED: _("进货"),
        MovementKind.SOLD: _("卖出"),
        MovementKind.RETURNED: _("退回"),
        MovementKind.SPOILED: _("坏了"),
        MovementKind.CORRECTED: _("盘点"),
    }
    movements = [
        (kinds[moved.kind], amount_words(pool.unit, moved.amount), moved.note, moved.at)
        for moved in queries.list_movements(g.seller.id, pool.id)
    ]
    return render_template(
        "inventory/seller/detail.html",
        tab="sell",
        line=_lines([pool])[0],
        unit={Unit.GRAM: _("公斤"), Unit.MILLILITRE: _("升"), Unit.PIECE: _("个")}[pool.unit],
        movements=movements,
        form=form,
        may_write=member_can(g.member, "listing:write"),
    ), 422 if form.errors else 200


@bp.post("/<int:pool_id>")
@requires_member("listing:write")
def correct(pool_id: int) -> ResponseReturnValue:
    """Set a pool to what was counted."""
    pool = queries.get_pool(g.seller.id, pool_id)
    form, actor, seller_id = FORM_OF[pool.unit](), g.actor, g.seller.id
    if form.validate() and form.carry_out(
        lambda: services.correct(
            actor,
            seller_id=seller_id,
            pool_id=pool_id,
            on_hand=form.on_hand.data,
            note=form.note.data or "",
        )
    ):
        flash(_("库存改好了"), "success")
        return redirect(url_for(".detail", pool_id=pool_id), 303)
    return _show(queries.get_pool(g.seller.id, pool_id), form)
