"""赣橙集: a marketplace for Gannan navel oranges and other produce of Ganzhou."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from flask import Flask, request
from werkzeug.exceptions import BadRequest

from config import Config
from marketplace import (
    blueprints,
    caching,
    cli,
    connections,
    database,
    errors,
    health,
    i18n,
    logs,
    overload,
    permissions,
    routing,
    security,
    sessions,
    statements,
    templating,
)
from marketplace.accounts import identity
from marketplace.database import db
from marketplace.extensions import csrf, login_manager, migrate

ROOT = Path(__file__).parent.parent
MAX_REQUEST = 64 * 1024 * 1024  # five photos as a phone takes them; forms without files are far smaller
MAX_FORM_FIELDS = 1000

mimetypes.add_type("image/webp", ".webp")


def create_app(settings: Config | None = None) -> Flask:
    """The application with everything bound; settings default to the environment's."""
    settings = settings or Config.from_environment()
    app = Flask("marketplace", template_folder=str(ROOT / "templates"), static_folder=None)
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        TESTING=settings.testing,
        SQLALCHEMY_DATABASE_URI=settings.database,
        SQLALCHEMY_ENGINE_OPTIONS=database.engine_options(
            settings.database, settings.web_threads, serving=settings.serving
        ),
        SESSION_COOKIE_SECURE=settings.secure,
        TRUSTED_HOSTS=list(settings.trusted_hosts),
        MAX_CONTENT_LENGTH=MAX_REQUEST,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        MAX_FORM_PARTS=MAX_FORM_FIELDS,
        WTF_CSRF_TIME_LIMIT=None,  # a form may lie open on a hillside for a day; the session bounds it
        WTF_CSRF_SSL_STRICT=False,  # the token decides; some in-app browsers send no Referer
    )
    settings.data_dir.mkdir(parents=True, exist_ok=True)

    app.url_map.converters["int"] = routing.RowIdConverter
    logs.init_app(app)
    overload.init_app(app)
    db.init_app(app)
    with app.app_context():
        connections.ask_rested(db.engine)
        statements.watch(db.engine, slow_ms=settings.slow_statement_ms, tell=logs.log().warning)
    blueprints.load_models()
    migrate.init_app(app, db, directory=str(ROOT / "migrations"), render_as_batch=True, compare_type=True)
    sessions.init_app(app)
    i18n.init_app(app)
    login_manager.init_app(app)
    identity.init_app(app)
    security.init_app(app)
    permissions.init_app(app)
    csrf.init_app(app)  # after who it is and what they may: a refused token is told on a page that knows
    errors.init_app(app)
    templating.init_app(app)
    health.init_app(app)
    blueprints.register(app)
    cli.init_app(app)
    caching.init_app(app)
    if settings.proxy_hops:
        from werkzeug.middleware.proxy_fix import ProxyFix  # only where there are proxies

        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]

    @app.before_request
    def _bound_input() -> None:
        # A text of a NUL byte is refused by PostgreSQL and stored by SQLite: neither may happen.
        if "\x00" in request.path or b"%00" in request.query_string:
            raise errors.NotFoundError
        sent = request.form.items(multi=True) if request.method == "POST" else ()
        if any("\x00" in name or "\x00" in value for name, value in sent):
            raise BadRequest

    return app
