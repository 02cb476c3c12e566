"""One running shop and one Chromium for all journeys in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.journeys.chromium import ARGUMENTS, DESKTOP, PHONE, Language, Tab, find_chromium, new_context
from tests.journeys.stage import Stage, set_stage
from tests.live import SITE, WORKER, Live, live_shop

OpenTab = Callable[..., Tab]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, database_server: str) -> Iterator[Live]:
    """Site, sandbox and worker."""
    with live_shop(tmp_path_factory.mktemp("live"), database_server) as shop:
        shop.start(SITE, WORKER)
        yield shop


@pytest.fixture(scope="session")
def stage(live: Live) -> Stage:
    """Goods with photos and orders in every state, beside which the journeys happen."""
    return set_stage(live)


@pytest.fixture
def open_tab(chromium: Browser, live: Live) -> Iterator[OpenTab]:
    """open_tab(PHONE, "zh"): somebody's own browser; at the end none of them may have complained."""
    tabs: list[Tab] = []

    def open_one(size: tuple[int, int] = DESKTOP, language: Language = "zh", *, scripts: bool = True) -> Tab:
        context = new_context(chromium, size, scripts=scripts, phone=size == PHONE)
        tabs.append(Tab(context, live.address, language, scripts=scripts))
        return tabs[-1]

    yield open_one
    for tab in tabs:
        tab.context.close()
    for tab in tabs:
        tab.check()
