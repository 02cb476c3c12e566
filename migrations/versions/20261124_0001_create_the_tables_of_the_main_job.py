"""Create the tables of the main job

Revision: 20261124_0001
Before it:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from marketplace import append_only

revision = "20261124_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "areas",
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("parent_code", sa.String(length=12), nullable=True),
        sa.Column("level", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("name_en", sa.String(length=60), nullable=True),
        sa.Column("is_zone", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["parent_code"], ["areas.code"], name=op.f("fk_areas_parent_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_areas")),
    )
    op.create_index("ix_areas_parent_code", "areas", ["parent_code"], unique=False)

    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_label", sa.String(length=80), nullable=False),
        sa.Column("on_behalf_of", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject_type", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=True),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_entries_day_number", "audit_entries", ["day", "number"], unique=True)
    op.create_index("ix_audit_entries_seller_id", "audit_entries", ["seller_id"], unique=False)
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject_type", "subject_id"], unique=False)

    op.create_table(
        "carriers",
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("name_en", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_carriers")),
    )
    op.create_table(
        "categories",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("parent_code", sa.String(length=40), nullable=True),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("name_en", sa.String(length=60), nullable=False),
        sa.Column("agri_class", sa.String(length=32), nullable=False),
        sa.Column("measure", sa.String(length=32), nullable=False),
        sa.Column("return_rule", sa.String(length=32), nullable=False),
        sa.Column("certificate_required", sa.Boolean(), nullable=False),
        sa.Column("needs_sc_licence", sa.Boolean(), nullable=False),
        sa.Column("scene", sa.String(length=20), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["parent_code"], ["categories.code"], name=op.f("fk_categories_parent_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_categories")),
    )
    op.create_table(
        "commission_rates",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rate_ppm", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("entered_by", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commission_rates")),
    )
    op.create_table(
        "daily_revenue",
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.Column("agri_class", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seller_id", "day", "mode", "agri_class", name=op.f("pk_daily_revenue")),
    )
    op.create_table(
        "failures",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failures")),
    )
    op.create_index("ix_failures_key_at", "failures", ["key", "at"], unique=False)

    op.create_table(
        "grades",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("name_en", sa.String(length=60), nullable=False),
        sa.Column("needs_confirmation", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_grades")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "images",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("upload_key", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("credit", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        sa.UniqueConstraint("name", name=op.f("uq_images_name")),
        sa.UniqueConstraint("seller_id", "upload_key", name=op.f("uq_images_seller_id_upload_key")),
    )
    op.create_index("ix_images_seller_id", "images", ["seller_id"], unique=False)

    op.create_table(
        "installation",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("run_at", sa.DateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claimed_until", sa.DateTime(), nullable=True),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_due", "jobs", ["status", "run_at"], unique=False)

    op.create_table(
        "journal_entries",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("book", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("seller_order_id", sa.BigInteger(), nullable=True),
        sa.Column("transfer_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entries")),
    )
    op.create_index("ix_journal_entries_book", "journal_entries", ["book", "id"], unique=False)
    op.create_index(
        "ix_journal_entries_seller_order_id", "journal_entries", ["seller_order_id"], unique=False
    )
    op.create_index("ix_journal_entries_transfer_id", "journal_entries", ["transfer_id"], unique=False)
    op.create_index("uq_journal_entries_once", "journal_entries", ["book", "kind", "reference"], unique=True)

    op.create_table(
        "outbox_messages",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=200), nullable=False),
        sa.Column("template", sa.String(length=60), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(), nullable=False),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_messages")),
    )
    op.create_index("ix_outbox_messages_due", "outbox_messages", ["status", "next_try_at"], unique=False)

    op.create_table(
        "platform_settings",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("value", sa.String(length=2000), nullable=False),
        sa.Column("set_at", sa.DateTime(), nullable=False),
        sa.Column("set_by", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_settings")),
    )
    op.create_index("ix_platform_settings_key_id", "platform_settings", ["key", "id"], unique=False)

    op.create_table(
        "policy_documents",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=40), nullable=True),
        sa.Column("number", sa.String(length=100), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("issuer", sa.String(length=100), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("url", sa.String(length=300), nullable=False),
        sa.Column("scan", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_documents")),
        sa.UniqueConstraint("key", name=op.f("uq_policy_documents_key")),
    )
    op.create_table(
        "price_changes",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("price_amount", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_changes")),
    )
    op.create_index(
        "ix_price_changes_variant", "price_changes", ["seller_id", "variant_id", "id"], unique=False
    )

    op.create_table(
        "revenue_entries",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("seller_order_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.Column("agri_class", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("is_adjustment", sa.Boolean(), nullable=False),
        sa.Column("adjusts_year", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revenue_entries")),
    )
    op.create_index(
        "ix_revenue_entries_adjusted",
        "revenue_entries",
        ["seller_id"],
        unique=False,
        sqlite_where=sa.text("adjusts_year IS NOT NULL"),
        postgresql_where=sa.text("adjusts_year IS NOT NULL"),
    )
    op.create_index(
        "ix_revenue_entries_year",
        "revenue_entries",
        ["seller_id", "year", "mode", "agri_class"],
        unique=False,
    )
    op.create_index(
        "uq_revenue_entries_once",
        "revenue_entries",
        ["seller_id", "seller_order_id", "agri_class", "reference"],
        unique=True,
    )

    op.create_table(
        "search_terms",
        sa.Column("term", sa.String(length=30), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("term", "product_id", name=op.f("pk_search_terms")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_search_terms_product", "search_terms", ["product_id"], unique=False)

    op.create_table(
        "seasons",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("category_code", sa.String(length=40), nullable=False),
        sa.Column("variety_code", sa.String(length=40), nullable=True),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("earliest_ship_on", sa.Date(), nullable=False),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.Column("entered_by", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seasons")),
    )
    op.create_index("ix_seasons_category", "seasons", ["category_code", "year"], unique=False)

    op.create_table(
        "sellers",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("registered_as", sa.String(length=32), nullable=True),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("legal_name", sa.String(length=100), nullable=False),
        sa.Column("credit_code", sa.String(length=18), nullable=True),
        sa.Column("own_produce_declared_on", sa.Date(), nullable=True),
        sa.Column("county_code", sa.String(length=12), nullable=False),
        sa.Column("area_code", sa.String(length=12), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("story", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("approved_at", sa.DateTime(), nullable=True),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sellers")),
        sa.UniqueConstraint("code", name=op.f("uq_sellers_code")),
        sa.UniqueConstraint("credit_code", name=op.f("uq_sellers_credit_code")),
    )
    op.create_index("ix_sellers_county", "sellers", ["county_code", "id"], unique=False)

    op.create_table(
        "size_classes",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("min_mm", sa.Integer(), nullable=False),
        sa.Column("max_mm", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_size_classes")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("totp_secret", sa.String(length=400), nullable=True),
        sa.Column("totp_confirmed_at", sa.DateTime(), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=True),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("phone", name=op.f("uq_users_phone")),
    )
    op.create_table(
        "verification_codes",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_codes")),
    )
    op.create_index(
        "ix_verification_codes_phone", "verification_codes", ["phone", "purpose", "created_at"], unique=False
    )

    op.create_table(
        "webhook_events",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("object_ref", sa.String(length=120), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.Column("outcome", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_events")),
    )
    op.create_index("ix_webhook_events_object_ref", "webhook_events", ["object_ref"], unique=False)

    op.create_table(
        "year_revenue",
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.Column("agri_class", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seller_id", "year", "mode", "agri_class", name=op.f("pk_year_revenue")),
    )
    op.create_index("ix_year_revenue_year", "year_revenue", ["year", "seller_id"], unique=False)

    op.create_table(
        "acceptances",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=20), nullable=False),
        sa.Column("accepted_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_acceptances_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acceptances")),
        sa.UniqueConstraint(
            "user_id", "document", "version", name=op.f("uq_acceptances_user_id_document_version")
        ),
    )
    op.create_table(
        "addresses",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("county_code", sa.String(length=12), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_addresses_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
    )
    op.create_index("ix_addresses_user_id", "addresses", ["user_id"], unique=False)

    op.create_table(
        "agri_thresholds",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("modes", sa.JSON(), nullable=False),
        sa.Column("factor", sa.String(length=10), nullable=True),
        sa.Column("threshold_amounts", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("clause", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("entered_by", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.DateTime(), nullable=False),
        sa.Column("confirmed_by", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["policy_documents.id"], name=op.f("fk_agri_thresholds_document_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agri_thresholds")),
    )
    op.create_table(
        "authorisations",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("checked_by", sa.BigInteger(), nullable=True),
        sa.Column("checked_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_authorisations_seller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorisations")),
    )
    op.create_index("ix_authorisations_seller", "authorisations", ["seller_id", "mark"], unique=False)

    op.create_table(
        "award_applications",
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("applied_on", sa.Date(), nullable=False),
        sa.Column("document", sa.String(length=200), nullable=False),
        sa.Column("entered_by", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_award_applications_seller_id")),
        sa.PrimaryKeyConstraint("seller_id", "year", name=op.f("pk_award_applications")),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("category_code", sa.String(length=40), nullable=False),
        sa.Column("variety_code", sa.String(length=40), nullable=True),
        sa.Column("area_code", sa.String(length=12), nullable=False),
        sa.Column("picked_on", sa.Date(), nullable=True),
        sa.Column("orchard", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_batches_seller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("seller_id", "code", name=op.f("uq_batches_seller_id_code")),
        sa.UniqueConstraint("seller_id", "id", name=op.f("uq_batches_seller_id_id")),
    )
    op.create_table(
        "buyer_companies",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("credit_code", sa.String(length=18), nullable=False),
        sa.Column("verified_at", sa.DateTime(), nullable=True),
        sa.Column("verified_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_buyer_companies_user_id")),
        sa.ForeignKeyConstraint(["verified_by"], ["users.id"], name=op.f("fk_buyer_companies_verified_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_buyer_companies")),
        sa.UniqueConstraint("user_id", name=op.f("uq_buyer_companies_user_id")),
    )
    op.create_table(
        "carts",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_carts_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carts")),
        sa.UniqueConstraint("token", name=op.f("uq_carts_token")),
        sa.UniqueConstraint("user_id", name=op.f("uq_carts_user_id")),
    )
    op.create_index("ix_carts_updated_at", "carts", ["updated_at"], unique=False)

    op.create_table(
        "freight_templates",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("free_from_amount", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_freight_templates_seller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_freight_templates")),
        sa.UniqueConstraint("seller_id", "id", name=op.f("uq_freight_templates_seller_id_id")),
        sa.UniqueConstraint("seller_id", name=op.f("uq_freight_templates_seller_id")),
    )
    op.create_table(
        "frozen_assessments",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("frozen_on", sa.Date(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("frozen_by", sa.BigInteger(), nullable=True),
        sa.Column("frozen_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_frozen_assessments_seller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frozen_assessments")),
        sa.UniqueConstraint(
            "seller_id", "year", "version", name=op.f("uq_frozen_assessments_seller_id_year_version")
        ),
    )
    op.create_table(
        "history_states",
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("is_known", sa.Boolean(), nullable=False),
        sa.Column("document", sa.String(length=200), nullable=False),
        sa.Column("entered_by", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_history_states_seller_id")),
        sa.PrimaryKeyConstraint("seller_id", name=op.f("pk_history_states")),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("grade", sa.String(length=10), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=False),
        sa.Column("document", sa.String(length=200), nullable=False),
        sa.Column("entered_by", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_incidents_seller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index("ix_incidents_seller", "incidents", ["seller_id"], unique=False)

    op.create_table(
        "nexus_evidence",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("document", sa.String(length=200), nullable=False),
        sa.Column("entered_by", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.DateTime(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_nexus_evidence_seller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nexus_evidence")),
    )
    op.create_index("ix_nexus_evidence_seller", "nexus_evidence", ["seller_id"], unique=False)

    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        sa.Column("access_token", sa.String(length=64), nullable=False),
        sa.Column("buyer_id", sa.BigInteger(), nullable=True),
        sa.Column("contact_phone", sa.String(length=20), nullable=False),
        sa.Column("buyer_kind", sa.String(length=32), nullable=False),
        sa.Column("buyer_credit_code", sa.String(length=18), nullable=True),
        sa.Column("invoice_title", sa.String(length=100), nullable=False),
        sa.Column("mode_rule", sa.String(length=20), nullable=False),
        sa.Column("payment_method", sa.String(length=32), nullable=False),
        sa.Column("payment_state", sa.String(length=32), nullable=False),
        sa.Column("goods_amount", sa.BigInteger(), nullable=False),
        sa.Column("freight_amount", sa.BigInteger(), nullable=False),
        sa.Column("recipient_name", sa.String(length=60), nullable=False),
        sa.Column("recipient_phone", sa.String(length=20), nullable=False),
        sa.Column("county_code", sa.String(length=12), nullable=False),
        sa.Column("area_name", sa.String(length=120), nullable=False),
        sa.Column("address_detail", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("placed_at", sa.DateTime(), nullable=False),
        sa.Column("hold_until", sa.DateTime(), nullable=False),
        sa.Column("paid_at", sa.DateTime(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("goods_amount >= 0 AND freight_amount >= 0", name=op.f("ck_orders_amounts")),
        sa.ForeignKeyConstraint(["buyer_id"], ["users.id"], name=op.f("fk_orders_buyer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("access_token", name=op.f("uq_orders_access_token")),
        sa.UniqueConstraint("code", name=op.f("uq_orders_code")),
        sa.UniqueConstraint("form_key", name=op.f("uq_orders_form_key")),
    )
    op.create_index("ix_orders_buyer", "orders", ["buyer_id", "id"], unique=False)
    op.create_index("ix_orders_contact_phone", "orders", ["contact_phone", "id"], unique=False)
    op.create_index("ix_orders_unpaid", "orders", ["payment_state", "hold_until"], unique=False)

    op.create_table(
        "policy_parameters",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("value", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("clause", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("entered_by", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.DateTime(), nullable=False),
        sa.Column("confirmed_by", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["policy_documents.id"], name=op.f("fk_policy_parameters_document_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_parameters")),
    )
    op.create_index("ix_policy_parameters_key", "policy_parameters", ["key", "effective_from"], unique=False)

    op.create_table(
        "policy_tiers",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("threshold_amount", sa.BigInteger(), nullable=False),
        sa.Column("award_amount", sa.BigInteger(), nullable=False),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("clause", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("entered_by", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.DateTime(), nullable=False),
        sa.Column("confirmed_by", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["policy_documents.id"], name=op.f("fk_policy_tiers_document_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_tiers")),
    )
    op.create_table(
        "postings",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("book", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["journal_entries.id"], name=op.f("fk_postings_entry_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postings")),
    )
    op.create_index("ix_postings_book_account", "postings", ["book", "account"], unique=False)
    op.create_index("ix_postings_entry_id", "postings", ["entry_id"], unique=False)

    op.create_table(
        "predecessors",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("former_seller_id", sa.BigInteger(), nullable=True),
        sa.Column("document", sa.String(length=200), nullable=False),
        sa.Column("entered_by", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.DateTime(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["former_seller_id"], ["sellers.id"], name=op.f("fk_predecessors_former_seller_id")
        ),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_predecessors_seller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_predecessors")),
    )
    op.create_index("ix_predecessors_seller", "predecessors", ["seller_id"], unique=False)

    op.create_table(
        "role_grants",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("area_code", sa.String(length=12), nullable=True),
        sa.Column("granted_by", sa.BigInteger(), nullable=True),
        sa.Column("granted_at", sa.DateTime(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["granted_by"], ["users.id"], name=op.f("fk_role_grants_granted_by")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_role_grants_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grants")),
    )
    op.create_index("ix_role_grants_user", "role_grants", ["user_id", "revoked_at"], unique=False)

    op.create_table(
        "seller_members",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_seller_members_seller_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_seller_members_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seller_members")),
    )
    op.create_index("ix_seller_members_user", "seller_members", ["user_id", "until"], unique=False)
    op.create_index(
        "uq_seller_members_seller_id_user_id", "seller_members", ["seller_id", "user_id"], unique=True
    )

    op.create_table(
        "varieties",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("category_code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("name_en", sa.String(length=60), nullable=False),
        sa.Column("ripe", sa.String(length=60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_code"], ["categories.code"], name=op.f("fk_varieties_category_code")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_varieties")),
    )
    op.create_table(
        "web_sessions",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("guest_phone", sa.String(length=20), nullable=True),
        sa.Column("device", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("second_factor_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_web_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_web_sessions_token_hash")),
    )
    op.create_index("ix_web_sessions_expires_at", "web_sessions", ["expires_at"], unique=False)
    op.create_index("ix_web_sessions_user_id", "web_sessions", ["user_id"], unique=False)

    op.create_table(
        "certificates",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("product", sa.String(length=60), nullable=False),
        sa.Column("quantity_grams", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.String(length=100), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("promised_by", sa.String(length=100), nullable=False),
        sa.Column("contact", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["seller_id", "batch_id"],
            ["batches.seller_id", "batches.id"],
            name=op.f("fk_certificates_seller_id_batch_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificates")),
        sa.UniqueConstraint("seller_id", "number", name=op.f("uq_certificates_seller_id_number")),
    )
    op.create_index("ix_certificates_batch", "certificates", ["seller_id", "batch_id"], unique=False)

    op.create_table(
        "freight_rules",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("template_id", sa.BigInteger(), nullable=False),
        sa.Column("group_position", sa.Integer(), nullable=False),
        sa.Column("province_code", sa.String(length=6), nullable=False),
        sa.Column("first_amount", sa.BigInteger(), nullable=False),
        sa.Column("next_amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("first_amount >= 0 AND next_amount >= 0", name=op.f("ck_freight_rules_amounts")),
        sa.ForeignKeyConstraint(
            ["seller_id", "template_id"],
            ["freight_templates.seller_id", "freight_templates.id"],
            name=op.f("fk_freight_rules_seller_id_template_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_freight_rules")),
        sa.UniqueConstraint(
            "seller_id", "province_code", name=op.f("uq_freight_rules_seller_id_province_code")
        ),
    )
    op.create_table(
        "order_events",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor_label", sa.String(length=80), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_events_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_events")),
    )
    op.create_index("ix_order_events_order", "order_events", ["order_id", "id"], unique=False)

    op.create_table(
        "payments",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("idempotency_key", sa.String(length=80), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("session_ref", sa.String(length=120), nullable=True),
        sa.Column("intent_ref", sa.String(length=120), nullable=True),
        sa.Column("pay_url", sa.Text(), nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=True),
        sa.Column("fee_amount", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(), nullable=True),
        sa.Column("checked_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_payments_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_payments_idempotency_key")),
        sa.UniqueConstraint("intent_ref", name=op.f("uq_payments_intent_ref")),
        sa.UniqueConstraint("session_ref", name=op.f("uq_payments_session_ref")),
    )
    op.create_index("ix_payments_order", "payments", ["order_id", "id"], unique=False)
    op.create_index("ix_payments_status", "payments", ["status", "created_at"], unique=False)

    op.create_table(
        "products",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=True),
        sa.Column("category_code", sa.String(length=40), nullable=False),
        sa.Column("variety_code", sa.String(length=40), nullable=True),
        sa.Column("grade_code", sa.String(length=40), nullable=True),
        sa.Column("size_code", sa.String(length=40), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("county_code", sa.String(length=12), nullable=False),
        sa.Column("area_code", sa.String(length=12), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("published_at", sa.DateTime(), nullable=True),
        sa.Column("listed_rank", sa.BigInteger(), nullable=False),
        sa.Column("shelf_price_amount", sa.BigInteger(), nullable=True),
        sa.Column("sc_number", sa.String(length=20), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_code"], ["categories.code"], name=op.f("fk_products_category_code")
        ),
        sa.ForeignKeyConstraint(["grade_code"], ["grades.code"], name=op.f("fk_products_grade_code")),
        sa.ForeignKeyConstraint(
            ["seller_id", "batch_id"],
            ["batches.seller_id", "batches.id"],
            name=op.f("fk_products_seller_id_batch_id"),
        ),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_products_seller_id")),
        sa.ForeignKeyConstraint(["size_code"], ["size_classes.code"], name=op.f("fk_products_size_code")),
        sa.ForeignKeyConstraint(["variety_code"], ["varieties.code"], name=op.f("fk_products_variety_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("code", name=op.f("uq_products_code")),
        sa.UniqueConstraint("seller_id", "client_id", name=op.f("uq_products_seller_id_client_id")),
        sa.UniqueConstraint("seller_id", "id", name=op.f("uq_products_seller_id_id")),
    )
    op.create_index(
        "ix_products_listed", "products", ["status", "category_code", "listed_rank"], unique=False
    )
    op.create_index("ix_products_newest", "products", ["status", "listed_rank"], unique=False)
    op.create_index("ix_products_seller", "products", ["seller_id", "status", "id"], unique=False)

    op.create_table(
        "recorded_revenue",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("predecessor_id", sa.BigInteger(), nullable=True),
        sa.Column("origin", sa.String(length=32), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.Column("agri_class", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.String(length=200), nullable=False),
        sa.Column("entered_by", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.DateTime(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["predecessor_id"], ["predecessors.id"], name=op.f("fk_recorded_revenue_predecessor_id")
        ),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_recorded_revenue_seller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recorded_revenue")),
    )
    op.create_index("ix_recorded_revenue_seller", "recorded_revenue", ["seller_id", "year"], unique=False)

    op.create_table(
        "seller_orders",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("seller_kind", sa.String(length=32), nullable=False),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.Column("goods_amount", sa.BigInteger(), nullable=False),
        sa.Column("freight_amount", sa.BigInteger(), nullable=False),
        sa.Column("freight_reason", sa.JSON(), nullable=False),
        sa.Column("commission_ppm", sa.Integer(), nullable=False),
        sa.Column("commission_amount", sa.BigInteger(), nullable=False),
        sa.Column("refunded_goods_amount", sa.BigInteger(), nullable=False),
        sa.Column("refunded_freight_amount", sa.BigInteger(), nullable=False),
        sa.Column("ship_by", sa.DateTime(), nullable=True),
        sa.Column("shipped_at", sa.DateTime(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(), nullable=True),
        sa.Column("confirm_at", sa.DateTime(), nullable=True),
        sa.Column("completed_at", sa.DateTime(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "refunded_goods_amount >= 0 AND refunded_goods_amount <= goods_amount AND refunded_freight_amount >= 0 AND refunded_freight_amount <= freight_amount",
            name=op.f("ck_seller_orders_refunds_bounded"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_seller_orders_order_id")),
        sa.ForeignKeyConstraint(["seller_id"], ["sellers.id"], name=op.f("fk_seller_orders_seller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seller_orders")),
        sa.UniqueConstraint("code", name=op.f("uq_seller_orders_code")),
        sa.UniqueConstraint("seller_id", "id", name=op.f("uq_seller_orders_seller_id_id")),
        sa.UniqueConstraint("seller_id", "order_id", name=op.f("uq_seller_orders_seller_id_order_id")),
    )
    op.create_index("ix_seller_orders_confirm", "seller_orders", ["status", "confirm_at"], unique=False)
    op.create_index("ix_seller_orders_list", "seller_orders", ["seller_id", "status", "id"], unique=False)
    op.create_index("ix_seller_orders_order", "seller_orders", ["order_id"], unique=False)

    op.create_table(
        "stock_pools",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("grade_code", sa.String(length=40), nullable=True),
        sa.Column("size_code", sa.String(length=40), nullable=True),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("held >= 0 AND on_hand >= held", name=op.f("ck_stock_pools_never_below_zero")),
        sa.ForeignKeyConstraint(
            ["seller_id", "batch_id"],
            ["batches.seller_id", "batches.id"],
            name=op.f("fk_stock_pools_seller_id_batch_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_pools")),
        sa.UniqueConstraint("seller_id", "id", name=op.f("uq_stock_pools_seller_id_id")),
    )
    op.create_index("ix_stock_pools_batch", "stock_pools", ["seller_id", "batch_id"], unique=False)

    op.create_table(
        "holds",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("pool_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_holds_amount_positive")),
        sa.ForeignKeyConstraint(
            ["seller_id", "pool_id"],
            ["stock_pools.seller_id", "stock_pools.id"],
            name=op.f("fk_holds_seller_id_pool_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
        sa.UniqueConstraint(
            "seller_id", "order_id", "pool_id", name=op.f("uq_holds_seller_id_order_id_pool_id")
        ),
    )
    op.create_index("ix_holds_order_id", "holds", ["order_id"], unique=False)

    op.create_table(
        "order_lines",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("seller_order_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("pool_id", sa.BigInteger(), nullable=False),
        sa.Column("pool_amount", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("price_amount", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("vat_amount", sa.BigInteger(), nullable=False),
        sa.Column("refunded_amount", sa.BigInteger(), nullable=False),
        sa.Column("agri_class", sa.String(length=32), nullable=False),
        sa.Column("needs_confirmation", sa.Boolean(), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("pack", sa.JSON(), nullable=False),
        sa.Column("snapshot", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "count > 0 AND refunded_amount >= 0 AND refunded_amount <= amount",
            name=op.f("ck_order_lines_bounded"),
        ),
        sa.ForeignKeyConstraint(
            ["seller_id", "seller_order_id"],
            ["seller_orders.seller_id", "seller_orders.id"],
            name=op.f("fk_order_lines_seller_id_seller_order_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_lines")),
        sa.UniqueConstraint("seller_id", "id", name=op.f("uq_order_lines_seller_id_id")),
    )
    op.create_index(
        "ix_order_lines_seller_order", "order_lines", ["seller_id", "seller_order_id"], unique=False
    )

    op.create_table(
        "payment_parts",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("seller_order_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("provider_ref", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_payment_parts_payment_id")),
        sa.ForeignKeyConstraint(
            ["seller_id", "seller_order_id"],
            ["seller_orders.seller_id", "seller_orders.id"],
            name=op.f("fk_payment_parts_seller_id_seller_order_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_parts")),
        sa.UniqueConstraint("seller_id", "payment_id", name=op.f("uq_payment_parts_seller_id_payment_id")),
    )
    op.create_index(
        "ix_payment_parts_seller_order", "payment_parts", ["seller_id", "seller_order_id"], unique=False
    )

    op.create_table(
        "product_images",
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_product_images_image_id")),
        sa.ForeignKeyConstraint(
            ["seller_id", "product_id"],
            ["products.seller_id", "products.id"],
            name=op.f("fk_product_images_seller_id_product_id"),
        ),
        sa.PrimaryKeyConstraint("product_id", "image_id", name=op.f("pk_product_images")),
    )
    op.create_table(
        "refunds",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("seller_order_id", sa.BigInteger(), nullable=True),
        sa.Column("order_line_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", sa.String(length=80), nullable=False),
        sa.Column("goods_amount", sa.BigInteger(), nullable=False),
        sa.Column("freight_amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("provider_ref", sa.String(length=120), nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        sa.Column("requested_by", sa.BigInteger(), nullable=True),
        sa.Column("requested_at", sa.DateTime(), nullable=False),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("goods_amount >= 0 AND freight_amount >= 0", name=op.f("ck_refunds_amounts")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_refunds_idempotency_key")),
        sa.UniqueConstraint("provider_ref", name=op.f("uq_refunds_provider_ref")),
        sa.UniqueConstraint("seller_id", "form_key", name=op.f("uq_refunds_seller_id_form_key")),
    )
    op.create_index("ix_refunds_seller_order", "refunds", ["seller_id", "seller_order_id"], unique=False)
    op.create_index("ix_refunds_status", "refunds", ["status", "requested_at"], unique=False)

    op.create_table(
        "shipments",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("seller_order_id", sa.BigInteger(), nullable=False),
        sa.Column("carrier_code", sa.String(length=10), nullable=False),
        sa.Column("waybill", sa.String(length=40), nullable=False),
        sa.Column("shipped_at", sa.DateTime(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["carrier_code"], ["carriers.code"], name=op.f("fk_shipments_carrier_code")),
        sa.ForeignKeyConstraint(
            ["seller_id", "seller_order_id"],
            ["seller_orders.seller_id", "seller_orders.id"],
            name=op.f("fk_shipments_seller_id_seller_order_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipments")),
        sa.UniqueConstraint(
            "seller_id",
            "seller_order_id",
            "waybill",
            name=op.f("uq_shipments_seller_id_seller_order_id_waybill"),
        ),
    )
    op.create_index("ix_shipments_waybill", "shipments", ["seller_id", "waybill"], unique=False)

    op.create_table(
        "stock_movements",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("pool_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(length=100), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["seller_id", "pool_id"],
            ["stock_pools.seller_id", "stock_pools.id"],
            name=op.f("fk_stock_movements_seller_id_pool_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_movements")),
    )
    op.create_index(
        "ix_stock_movements_pool", "stock_movements", ["seller_id", "pool_id", "id"], unique=False
    )

    op.create_table(
        "variants",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("pool_id", sa.BigInteger(), nullable=False),
        sa.Column("pool_amount", sa.BigInteger(), nullable=False),
        sa.Column("measure", sa.String(length=32), nullable=False),
        sa.Column("net_amount", sa.BigInteger(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=True),
        sa.Column("gross_grams", sa.Integer(), nullable=False),
        sa.Column("price_amount", sa.BigInteger(), nullable=False),
        sa.Column("is_offered", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "price_amount > 0 AND pool_amount > 0 AND net_amount > 0", name=op.f("ck_variants_positive")
        ),
        sa.ForeignKeyConstraint(
            ["seller_id", "pool_id"],
            ["stock_pools.seller_id", "stock_pools.id"],
            name=op.f("fk_variants_seller_id_pool_id"),
        ),
        sa.ForeignKeyConstraint(
            ["seller_id", "product_id"],
            ["products.seller_id", "products.id"],
            name=op.f("fk_variants_seller_id_product_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variants")),
        sa.UniqueConstraint("seller_id", "id", name=op.f("uq_variants_seller_id_id")),
    )
    op.create_index("ix_variants_product", "variants", ["seller_id", "product_id", "position"], unique=False)
    op.create_index("ix_variants_product_only", "variants", ["product_id", "position"], unique=False)

    op.create_table(
        "cart_items",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("cart_id", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("seen_price_amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("count > 0 AND count <= 100000", name=op.f("ck_cart_items_count_bounded")),
        sa.ForeignKeyConstraint(
            ["cart_id"], ["carts.id"], name=op.f("fk_cart_items_cart_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["seller_id", "variant_id"],
            ["variants.seller_id", "variants.id"],
            name=op.f("fk_cart_items_seller_id_variant_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cart_items")),
        sa.UniqueConstraint("cart_id", "variant_id", name=op.f("uq_cart_items_cart_id_variant_id")),
    )
    op.create_index("ix_cart_items_cart", "cart_items", ["cart_id", "id"], unique=False)
    for statement in append_only.statements(op.get_bind().dialect.name, sealed=["audit_entries"]):
        op.execute(statement)


def downgrade() -> None:
    for statement in append_only.drop_statements(op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_index("ix_cart_items_cart", table_name="cart_items")

    op.drop_table("cart_items")
    op.drop_index("ix_variants_product_only", table_name="variants")
    op.drop_index("ix_variants_product", table_name="variants")

    op.drop_table("variants")
    op.drop_index("ix_stock_movements_pool", table_name="stock_movements")

    op.drop_table("stock_movements")
    op.drop_index("ix_shipments_waybill", table_name="shipments")

    op.drop_table("shipments")
    op.drop_index("ix_refunds_status", table_name="refunds")
    op.drop_index("ix_refunds_seller_order", table_name="refunds")

    op.drop_table("refunds")
    op.drop_table("product_images")
    op.drop_index("ix_payment_parts_seller_order", table_name="payment_parts")

    op.drop_table("payment_parts")
    op.drop_index("ix_order_lines_seller_order", table_name="order_lines")

    op.drop_table("order_lines")
    op.drop_index("ix_holds_order_id", table_name="holds")

    op.drop_table("holds")
    op.drop_index("ix_stock_pools_batch", table_name="stock_pools")

    op.drop_table("stock_pools")
    op.drop_index("ix_seller_orders_order", table_name="seller_orders")
    op.drop_index("ix_seller_orders_list", table_name="seller_orders")
    op.drop_index("ix_seller_orders_confirm", table_name="seller_orders")

    op.drop_table("seller_orders")
    op.drop_index("ix_recorded_revenue_seller", table_name="recorded_revenue")

    op.drop_table("recorded_revenue")
    op.drop_index("ix_products_seller", table_name="products")
    op.drop_index("ix_products_newest", table_name="products")
    op.drop_index("ix_products_listed", table_name="products")

    op.drop_table("products")
    op.drop_index("ix_payments_status", table_name="payments")
    op.drop_index("ix_payments_order", table_name="payments")

    op.drop_table("payments")
    op.drop_index("ix_order_events_order", table_name="order_events")

    op.drop_table("order_events")
    op.drop_table("freight_rules")
    op.drop_index("ix_certificates_batch", table_name="certificates")

    op.drop_table("certificates")
    op.drop_index("ix_web_sessions_user_id", table_name="web_sessions")
    op.drop_index("ix_web_sessions_expires_at", table_name="web_sessions")

    op.drop_table("web_sessions")
    op.drop_table("varieties")
    op.drop_index("uq_seller_members_seller_id_user_id", table_name="seller_members")
    op.drop_index("ix_seller_members_user", table_name="seller_members")

    op.drop_table("seller_members")
    op.drop_index("ix_role_grants_user", table_name="role_grants")

    op.drop_table("role_grants")
    op.drop_index("ix_predecessors_seller", table_name="predecessors")

    op.drop_table("predecessors")
    op.drop_index("ix_postings_entry_id", table_name="postings")
    op.drop_index("ix_postings_book_account", table_name="postings")

    op.drop_table("postings")
    op.drop_table("policy_tiers")
    op.drop_index("ix_policy_parameters_key", table_name="policy_parameters")

    op.drop_table("policy_parameters")
    op.drop_index("ix_orders_unpaid", table_name="orders")
    op.drop_index("ix_orders_contact_phone", table_name="orders")
    op.drop_index("ix_orders_buyer", table_name="orders")

    op.drop_table("orders")
    op.drop_index("ix_nexus_evidence_seller", table_name="nexus_evidence")

    op.drop_table("nexus_evidence")
    op.drop_index("ix_incidents_seller", table_name="incidents")

    op.drop_table("incidents")
    op.drop_table("history_states")
    op.drop_table("frozen_assessments")
    op.drop_table("freight_templates")
    op.drop_index("ix_carts_updated_at", table_name="carts")

    op.drop_table("carts")
    op.drop_table("buyer_companies")
    op.drop_table("batches")
    op.drop_table("award_applications")
    op.drop_index("ix_authorisations_seller", table_name="authorisations")

    op.drop_table("authorisations")
    op.drop_table("agri_thresholds")
    op.drop_index("ix_addresses_user_id", table_name="addresses")

    op.drop_table("addresses")
    op.drop_table("acceptances")
    op.drop_index("ix_year_revenue_year", table_name="year_revenue")

    op.drop_table("year_revenue")
    op.drop_index("ix_webhook_events_object_ref", table_name="webhook_events")

    op.drop_table("webhook_events")
    op.drop_index("ix_verification_codes_phone", table_name="verification_codes")

    op.drop_table("verification_codes")
    op.drop_table("users")
    op.drop_table("size_classes")
    op.drop_index("ix_sellers_county", table_name="sellers")

    op.drop_table("sellers")
    op.drop_index("ix_seasons_category", table_name="seasons")

    op.drop_table("seasons")
    op.drop_index("ix_search_terms_product", table_name="search_terms")

    op.drop_table("search_terms")
    op.drop_index("uq_revenue_entries_once", table_name="revenue_entries")
    op.drop_index("ix_revenue_entries_year", table_name="revenue_entries")
    op.drop_index("ix_revenue_entries_adjusted", table_name="revenue_entries")

    op.drop_table("revenue_entries")
    op.drop_index("ix_price_changes_variant", table_name="price_changes")

    op.drop_table("price_changes")
    op.drop_table("policy_documents")
    op.drop_index("ix_platform_settings_key_id", table_name="platform_settings")

    op.drop_table("platform_settings")
    op.drop_index("ix_outbox_messages_due", table_name="outbox_messages")

    op.drop_table("outbox_messages")
    op.drop_index("uq_journal_entries_once", table_name="journal_entries")
    op.drop_index("ix_journal_entries_transfer_id", table_name="journal_entries")
    op.drop_index("ix_journal_entries_seller_order_id", table_name="journal_entries")
    op.drop_index("ix_journal_entries_book", table_name="journal_entries")

    op.drop_table("journal_entries")
    op.drop_index("ix_jobs_due", table_name="jobs")

    op.drop_table("jobs")
    op.drop_table("installation")
    op.drop_index("ix_images_seller_id", table_name="images")

    op.drop_table("images")
    op.drop_table("heartbeats")
    op.drop_table("grades")
    op.drop_index("ix_failures_key_at", table_name="failures")

    op.drop_table("failures")
    op.drop_table("daily_revenue")
    op.drop_table("commission_rates")
    op.drop_table("categories")
    op.drop_table("carriers")
    op.drop_index("ix_audit_entries_subject", table_name="audit_entries")
    op.drop_index("ix_audit_entries_seller_id", table_name="audit_entries")
    op.drop_index("ix_audit_entries_day_number", table_name="audit_entries")

    op.drop_table("audit_entries")
    op.drop_index("ix_areas_parent_code", table_name="areas")

    op.drop_table("areas")
