"""Every main page: axe finds nothing on a phone and on a desktop, nothing is wider than 320 px, nothing complains."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.journeys.chromium import OVERHANG, Tab, new_context
from tests.journeys.pages import PAGES, MainPage
from tests.journeys.stage import Stage
from tests.live import Live
from tests.people import PEOPLE

pytestmark = pytest.mark.browser

SIZES = ((1280, 900), (360, 800))
NARROWEST = (320, 640)


@pytest.fixture(scope="module")
def tab_of(chromium: Browser, live: Live) -> Iterator[Callable[[str | None], Tab]]:
    """One tab for each of the cast, kept from page to page."""
    tabs: dict[str | None, Tab] = {}

    def find(who: str | None) -> Tab:
        if who not in tabs:
            tabs[who] = Tab(new_context(chromium), live.address)
            if who:
                tabs[who].enter(live.cookies_of(PEOPLE[who]))
        return tabs[who]

    yield find
    for tab in tabs.values():
        tab.context.close()


@pytest.mark.parametrize("main_page", PAGES, ids=lambda one: one.name)
def test_page_reads_well_for_everybody(
    main_page: MainPage, tab_of: Callable[[str | None], Tab], stage: Stage
) -> None:
    tab = tab_of(main_page.who)
    if main_page.name == "basket":
        put_something_in(tab, stage)
    tab.resize(SIZES[0])
    tab.go(stage.address(main_page))
    # What is folded away counts too.
    tab.page.locator("details").evaluate_all("all => all.forEach((e) => { e.open = true; })")
    for size in SIZES:
        tab.resize(size)
        results = Axe().run(tab.page)
        assert not results.violations_count, f"{size[0]} px: {results.generate_report()}"
    tab.resize(NARROWEST)
    assert tab.page.evaluate(OVERHANG) <= 0, "320 px: scrolls sideways"
    tab.check()


def put_something_in(tab: Tab, stage: Stage) -> None:
    tab.go(f"/p/{stage.product}")
    tab.follow("button[value=basket]")
