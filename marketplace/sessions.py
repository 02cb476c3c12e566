"""Sign-in sessions: a signed cookie carries small state; who you are is a row that can be ended (D3, D14)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from flask import Flask, g, session
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import ForeignKey, String, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import clock
from marketplace.database import Base, UtcDateTime, db, id_column, write_by_the_way
from marketplace.security import EncryptedText

LIFETIME = timedelta(days=30)
STAFF_LIFETIME = timedelta(hours=10)
SEEN_EVERY = timedelta(minutes=10)


class WebSession(Base):
    """One signed-in browser (user_id), or a stranger's that proved a phone; only the token's hash is kept."""

    __tablename__ = "web_sessions"

    id: Mapped[int] = id_column()
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    guest_phone: Mapped[str | None] = mapped_column(String(20))
    device: Mapped[str] = mapped_column(String(120), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    second_factor_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    totp_secret: Mapped[str | None] = mapped_column(EncryptedText)  # being set up here, and seen here alone


class CookieSessions(SecureCookieSessionInterface):
    """The cookie's name is __Host- under TLS; a request that changes nothing sets nothing."""

    def get_cookie_name(self, app: Flask) -> str:
        return "__Host-session" if app.config["SESSION_COOKIE_SECURE"] else "session"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def start(*, user_id: int | None, guest_phone: str | None = None, device: str = "", staff: bool = False) -> WebSession:
    """Make a fresh row and token in the caller's transaction; remember() puts it into the cookie."""
    moment = clock.now()
    token = secrets.token_urlsafe(32)
    row = WebSession(
        token_hash=_digest(token),
        user_id=user_id,
        guest_phone=guest_phone,
        device=device[:120],
        created_at=moment,
        seen_at=moment,
        expires_at=moment + (STAFF_LIFETIME if staff else LIFETIME),
    )
    db.session.add(row)
    db.session.flush()
    g.new_session_token = token
    return row


def remember() -> None:
    """After the transaction: carry the new token in the cookie, and drop what was before but the basket."""
    kept = {name: session[name] for name in ("basket", "basket_count", "province", "_flashes") if name in session}
    session.clear()
    session.update(kept)
    session["sid"] = g.pop("new_session_token")
    session.permanent = True


def current() -> WebSession | None:
    """The live row of this request's cookie, else None; asked once per request."""
    if "web_session" not in g:
        g.web_session = _load()
    found: WebSession | None = g.web_session
    return found


def _load() -> WebSession | None:
    token = session.get("sid")
    if not isinstance(token, str):
        return None
    row = db.session.execute(
        select(WebSession).where(WebSession.token_hash == _digest(token), WebSession.expires_at > clock.now())
    ).scalar_one_or_none()
    if row and clock.now() - row.seen_at > SEEN_EVERY:
        row_id, moment = row.id, clock.now()
        write_by_the_way(
            lambda: db.session.execute(update(WebSession).where(WebSession.id == row_id).values(seen_at=moment))
        )
    return row


def end(session_id: int) -> None:
    """End one session, in the caller's transaction."""
    db.session.execute(delete(WebSession).where(WebSession.id == session_id))


def end_all(user_id: int, *, but: int | None = None) -> None:
    """End a person's sessions, in the caller's transaction: password changed, suspended, or wished."""
    query = delete(WebSession).where(WebSession.user_id == user_id)
    db.session.execute(query.where(WebSession.id != but) if but else query)


def list_of(user_id: int) -> list[WebSession]:
    """A person's live sessions, newest first."""
    return list(
        db.session.execute(
            select(WebSession)
            .where(WebSession.user_id == user_id, WebSession.expires_at > clock.now())
            .order_by(WebSession.seen_at.desc())
        ).scalars()
    )


def init_app(app: Flask) -> None:
    app.session_interface = CookieSessions()
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",  # the buyer comes back from the provider by a plain link
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=LIFETIME,
        SESSION_REFRESH_EACH_REQUEST=False,
    )
