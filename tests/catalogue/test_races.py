"""The same form sent several times at the same moment, on a database that really commits."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import func, select

from marketplace.catalogue import services
from marketplace.catalogue.models import Product
from marketplace.catalogue.rules import ListingDraft, Pack
from marketplace.database import db, run_in_transaction
from marketplace.inventory.models import StockPool
from marketplace.media import services as media
from marketplace.media.models import Image
from tests.factories import actor, make_goods, shop
from tests.media import samples
from tests.racing import at_once

TAPS = 6


def test_one_form_sent_many_times_at_once_is_one_listing_and_one_stock(fresh_app: Flask) -> None:
    with fresh_app.app_context():
        goods = make_goods("coop_owner", stock=10_000)
        by, seller_id = actor("coop_owner"), shop("coop_owner").id
        batch_id = db.session.get_one(Product, goods.product_id).batch_id
        draft = ListingDraft(
            category_code="navel",
            batch_id=batch_id,
            packs=[Pack(5000, 4990)],
            stock_amount=5000,
            variety_code="newhall",
            grade_code="first",
            size_code="d75_80",
            client_id="one-form-0001",
        )

        def tap() -> str:
            try:
                return run_in_transaction(
                    lambda: services.create_listing(by, seller_id=seller_id, draft=draft).code
                )
            except services.RepeatedListingError as repeated:
                return repeated.code

        answers = at_once(fresh_app, [tap] * TAPS)
        assert len(set(answers)) == 1, answers
        assert db.session.execute(select(func.count()).select_from(Product)).scalar_one() == 2
        assert db.session.execute(select(StockPool.on_hand)).scalar_one() == 15_000


def test_one_photo_sent_many_times_at_once_is_one_picture(fresh_app: Flask) -> None:
    with fresh_app.app_context():
        seller_id = shop("farmer").id

        def send() -> int:
            received = media.receive(samples.upload(samples.jpeg(80, 60)))
            return run_in_transaction(lambda: media.store(seller_id=seller_id, received=received).id)

        answers = at_once(fresh_app, [send] * TAPS)
        assert len(set(answers)) == 1, answers
        assert db.session.execute(select(func.count()).select_from(Image)).scalar_one() == 1
