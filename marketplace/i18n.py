"""Language by address (D15): Chinese at /, English under /en, never by header or cookie."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from babel import Locale
from flask import Flask, has_request_context, request
from flask_babel import get_locale, get_translations

from marketplace.extensions import babel

LANGUAGES = ("zh", "en")
LOCALES = {"zh": "zh_Hans_CN", "en": "en"}
_HAN = r"[\u3000-\u303f\u3400-\u9fff\uff01-\uff65]"
CHINESE = re.compile(
    f"{_HAN}(?:.*{_HAN})?", re.DOTALL
)  # from the first character or mark of Chinese to the last


class LanguagePrefix:
    """WSGI middleware: /en becomes part of the script name, so that url_for keeps the language by itself."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/en" or path.startswith("/en/"):
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + "/en"
            environ["PATH_INFO"] = path[3:] or "/"
            environ["marketplace.language"] = "en"
        return self.app(environ, start_response)


def language() -> str:
    """zh or en; zh outside a request."""
    return str(request.environ.get("marketplace.language", "zh")) if has_request_context() else "zh"


def switch_language_url() -> str:
    """The same page in the other language."""
    path = request.full_path.rstrip("?") if request.method in {"GET", "HEAD"} else "/"
    return path if language() == "en" else "/en" + path


def choose(zh: str, en: str | None) -> str:
    """One of two names that stand in the database, by the reader's language."""
    return en if en and language() == "en" else zh


def lang_of(words: object) -> str | None:
    """zh-CN for Chinese words that stand on an English page, such as a name that has no English form."""
    is_chinese = language() == "en" and isinstance(words, str) and CHINESE.fullmatch(words)
    return "zh-CN" if is_chinese else None


@lru_cache(maxsize=len(LANGUAGES) + 1)
def _catalogue(_locale: Locale | None) -> Any:
    """The texts of a language, found in one step: a page asks for up to a hundred of them."""
    return get_translations()


def init_app(app: Flask) -> None:
    app.config["BABEL_DEFAULT_LOCALE"] = LOCALES["zh"]
    app.config["BABEL_DEFAULT_TIMEZONE"] = "Asia/Shanghai"
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "translations"
    babel.init_app(app, locale_selector=lambda: LOCALES[language()])
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # the extension's own
        gettext=lambda words: _catalogue(get_locale()).ugettext(words),
        ngettext=lambda one, many, count: _catalogue(get_locale()).ungettext(one, many, count),
        newstyle=True,
    )
    app.wsgi_app = LanguagePrefix(app.wsgi_app)  # type: ignore[method-assign]
