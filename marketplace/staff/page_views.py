"""Pages of information for everybody, and two that only the demo has: the component gallery and sent messages."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from marketplace import clock
from marketplace.accounts import rules
from marketplace.accounts.models import Document
from marketplace.errors import NotFoundError
from marketplace.notifications.models import Channel
from marketplace.notifications.senders import FolderSender, sender_for
from marketplace.permissions import public
from marketplace.sellers.area import whole_menu
from marketplace.staff.forms import GalleryForm

bp = Blueprint("pages", __name__)

CREDITS = Path(__file__).parents[2] / "seed" / "demo" / "photos" / "SOURCES.csv"
SHOWN_MESSAGES = 30
GALLERY = {"index": "gallery/index.html", "seller": "gallery/seller.html", "office": "gallery/office.html"}


def _demo_only() -> None:
    if not current_app.config["SETTINGS"].demo:
        raise NotFoundError


@bp.get("/pages/rules")
@public
def rules_page() -> ResponseReturnValue:
    """The rules of the platform in the version to which people consent."""
    return render_template("pages/rules.html", version=rules.VERSIONS[Document.RULES])


@bp.get("/pages/privacy")
@public
def privacy() -> ResponseReturnValue:
    """The privacy policy in the version to which people consent."""
    return render_template("pages/privacy.html", version=rules.VERSIONS[Document.PRIVACY])


@bp.get("/pages/licences")
@public
def licences() -> ResponseReturnValue:
    """Who runs the platform, and the licences that the law wants shown."""
    return render_template("pages/licences.html")


@bp.get("/pages/accessibility")
@public
def accessibility() -> ResponseReturnValue:
    """What was done so that everybody can use the shop, and what is missing."""
    return render_template("pages/accessibility.html")


@bp.get("/pages/contact")
@public
def contact() -> ResponseReturnValue:
    """A person to ask."""
    return render_template("pages/contact.html")


@bp.get("/pages/credits")
@public
def credits_page() -> ResponseReturnValue:
    """Where the demo's photographs come from; production has none."""
    shown = _credits() if current_app.config["SETTINGS"].demo else []
    return render_template("pages/credits.html", credits=shown)


def _credits() -> list[dict[str, str]]:
    if not CREDITS.is_file():
        return []
    with CREDITS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@bp.get("/gallery")
@bp.get("/gallery/<name>")
@public
def gallery(name: str = "index") -> ResponseReturnValue:
    """Every component in its states; in the demo alone."""
    _demo_only()
    template = GALLERY.get(name)
    if template is None:
        raise NotFoundError
    form, wrong = GalleryForm(formdata=None), GalleryForm(formdata=None, prefix="wrong-")
    wrong.price.errors = wrong.stock.errors = [str(wrong.price.wrong)]
    shown = {"form": form, "wrong": wrong, "items": [], "at": clock.now(), "seller_menu": whole_menu}
    return render_template(template, **shown)


@bp.get("/demo/messages")
@public
def demo_messages() -> ResponseReturnValue:
    """The last messages that the demo wrote to its folder, so that a visitor can read the codes."""
    _demo_only()
    return render_template("notifications/demo_messages.html", messages=_sent_messages())


def _sent_messages() -> list[dict[str, Any]]:
    config = current_app.config["SETTINGS"]
    folders = {
        sender.folder
        for channel in Channel
        if isinstance(sender := sender_for(channel, config), FolderSender)
    }
    files = sorted((file for folder in folders for file in folder.glob("*.json")), key=lambda file: file.name)
    found = [json.loads(file.read_text(encoding="utf-8")) for file in reversed(files[-SHOWN_MESSAGES:])]
    return [message | {"at": datetime.fromisoformat(message["created_at"])} for message in found]
