"""A real Chromium for the journeys: tabs that notice every complaint of the browser and every page that is too wide."""

from __future__ import annotations

import os
import shutil
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Response, expect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--no-default-browser-check",
)
PATIENCE = 20_000  # milliseconds; a busy machine is no fault
PHONE = (360, 800)
DESKTOP = (1280, 900)
ANDROID = "Mozilla/5.0 (Linux; Android 12; HUAWEI) AppleWebKit/537.36 Chrome/114 Mobile Safari/537.36"
OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
Language = Literal["zh", "en"]

expect.set_options(timeout=PATIENCE)


def find_chromium() -> str:
    """Its path; without one the test is skipped, or fails where CI=true."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    reason = "there is no Chromium (Debian: apt-get install chromium fonts-noto-cjk)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def new_context(
    browser: Browser,
    size: tuple[int, int] = DESKTOP,
    *,
    scripts: bool = True,
    phone: bool = False,
    **options: Any,
) -> BrowserContext:
    """A browser of its own: no cookies yet."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        java_script_enabled=scripts,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        has_touch=phone,
        is_mobile=phone,
        user_agent=ANDROID if phone else None,
        **options,
    )
    context.set_default_timeout(PATIENCE)
    return context


class Tab:
    """One person's tab. Selectors name fields, values and addresses, so that they hold in both languages."""

    def __init__(
        self, context: BrowserContext, address: str, language: Language = "zh", *, scripts: bool = True
    ):
        self.context = context
        self.address = address
        self.language = language
        self.scripts = scripts
        self.page: Page = context.new_page()
        self.troubles: list[str] = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.troubles.append(f"{self.page.url}: {error}"))
        self.page.on("response", self._look_at)
        self.page.on("dialog", lambda dialog: dialog.accept())

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:  # violations of the policy are errors
            self.troubles.append(f"{self.page.url}: {message.text}")

    def _look_at(self, answer: Response) -> None:
        if answer.status >= 400:
            self.troubles.append(f"{answer.request.method} {answer.url}: {answer.status}")

    def check(self) -> None:
        """The browser had nothing to complain of."""
        found, self.troubles = self.troubles, []
        assert not found, "\n".join(found)

    def enter(self, cookies: dict[str, str]) -> None:
        """Go on as somebody who signed in before."""
        self.context.add_cookies(
            [{"name": name, "value": value, "url": self.address} for name, value in cookies.items()]
        )

    def resize(self, size: tuple[int, int]) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})

    def go(self, path: str) -> None:
        """Open one of the shop's pages, in the tab's language."""
        prefix = "/en" if self.language == "en" else ""
        self.page.goto(self.address + prefix + path)
        self.look()

    def look(self) -> None:
        """What holds on each page: the language, one heading, nothing beyond the right edge."""
        if not self.page.url.startswith(self.address):
            return  # the provider's
        html = self.page.locator("html")
        assert html.get_attribute("lang") == ("en" if self.language == "en" else "zh-CN"), self.page.url
        assert self.page.locator("h1").count() == 1, f"{self.page.url}: headings"
        if self.scripts:
            assert self.page.evaluate(OVERHANG) <= 0, f"{self.page.url}: scrolls sideways"

    def find(self, selector: str) -> Locator:
        """The first visible thing."""
        return self.page.locator(selector).locator("visible=true").first

    def follow(self, selector: str) -> None:
        """Press a link or button that leads to another page."""
        with self.page.expect_navigation():
            self.find(selector).click()
        self.look()

    def fill(self, **fields: str) -> None:
        """Type into fields by their names."""
        for name, text in fields.items():
            self.find(f"[name='{name}']").fill(text)

    def tick(self, name: str, value: str | None = None) -> None:
        """Choose a tile, radio or box: the field itself lies under its picture."""
        chosen = self.page.locator(f"[name='{name}']" + (f"[value='{value}']" if value is not None else ""))
        chosen.first.check(force=True)

    def choose(self, name: str, value: str) -> None:
        """Choose from a list; it may still be on its way."""
        self.page.locator(f"select[name='{name}'] option[value='{value}']").wait_for(state="attached")
        self.page.locator(f"select[name='{name}']").select_option(value)

    def says(self, *words: str) -> None:
        """What a person can read, in Chinese; on English pages the words wait for their translation."""
        if self.language == "en":
            return
        for one in words:
            expect(self.page.locator("body")).to_contain_text(one)

    def shows(self, *figures: str) -> None:
        """Figures, codes and names, which no language changes."""
        text = self.page.locator("body").inner_text()
        for figure in figures:
            assert figure in text.replace(" ", "").replace("\n", ""), f"{self.page.url}: no {figure}"
