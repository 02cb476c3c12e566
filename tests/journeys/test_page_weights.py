"""What a page weighs on its first visit, against the one table of budgets (design, section 11).

Bodies as they travel behind nginx: texts by gzip, pictures at the variant that a screen of 360 px at 1x loads, lazy
pictures below the first view not counted. KB = 1,000 bytes.
"""

from __future__ import annotations

import gzip
from collections import Counter
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Response

from tests.journeys.chromium import Tab, new_context
from tests.journeys.pages import PAGES, Kind, MainPage
from tests.journeys.stage import Stage
from tests.live import Live
from tests.people import PEOPLE

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Budget:
    """Most bytes of a kind of page."""

    whole: int
    text: int  # HTML, CSS and fonts
    scripts: int
    pictures: int


BUDGETS: dict[Kind, Budget] = {
    "product": Budget(65_000, 30_000, 10_000, 25_000),
    "list": Budget(120_000, 40_000, 10_000, 70_000),
    "home": Budget(190_000, 40_000, 10_000, 140_000),
    "buying": Budget(95_000, 35_000, 20_000, 40_000),
    "seller": Budget(125_000, 35_000, 30_000, 60_000),
    "office": Budget(160_000, 60_000, 40_000, 60_000),
}
MOST_SCRIPTS = 30_000  # on every buyer's and seller's page
WEIGHED = (
    *("home", "list", "search", "product", "shop", "basket", "checkout", "order"),
    *("today", "new-listing", "to-ship", "own-report", "award-list", "award-report", "payments"),
)
# Addresses that only lazy pictures below the first view need.
UNSEEN = """() => {
  const isBelow = (e) => e.loading === 'lazy' && e.getBoundingClientRect().top >= innerHeight;
  const images = [...document.images];
  const seen = new Set(images.filter((e) => !isBelow(e)).map((e) => e.currentSrc));
  return images.filter(isBelow).map((e) => e.currentSrc).filter((address) => !seen.has(address));
}"""


@pytest.mark.parametrize("main_page", [one for one in PAGES if one.name in WEIGHED], ids=lambda one: one.name)
def test_page_is_light_enough_for_a_weak_network(
    main_page: MainPage, chromium: Browser, live: Live, stage: Stage
) -> None:
    context = new_context(chromium, (360, 800), device_scale_factor=1)
    tab = Tab(context, live.address)
    if main_page.who:
        tab.enter(live.cookies_of(PEOPLE[main_page.who]))
    if main_page.name in {"basket", "checkout"}:
        fill_basket(live, stage)
    answers: list[Response] = []
    tab.page.on("response", lambda answer: answers.append(answer))
    tab.go(stage.address(main_page))
    tab.page.wait_for_load_state("networkidle")
    unseen = set(tab.page.evaluate(UNSEEN))
    found: Counter[str] = Counter()
    for answer in answers:
        if answer.url not in unseen:
            found[kind_of(answer)] += travelling(answer)
    context.close()
    print(main_page.name, dict(found), found.total())
    budget = BUDGETS[main_page.kind]
    assert found["text"] <= budget.text, found
    assert found["scripts"] <= min(budget.scripts, MOST_SCRIPTS), found
    assert found["pictures"] <= budget.pictures, found
    assert found.total() <= budget.whole, found
    tab.check()


def fill_basket(live: Live, stage: Stage) -> None:
    """Another of the same box, in the buyer's own basket, by another window."""
    visitor = live.visitor()
    for name, value in live.cookies_of(PEOPLE["buyer"]).items():
        visitor.client.set_cookie(name, value)
    visitor.submit(f"/p/{stage.product}", form="/basket/add")


def kind_of(answer: Response) -> str:
    kind = answer.headers.get("content-type", "").split(";")[0]
    if kind == "text/javascript":
        return "scripts"
    return "pictures" if kind.startswith("image/") else "text"


def travelling(answer: Response) -> int:
    body = answer.body()
    kind = answer.headers.get("content-type", "").split(";")[0]
    is_text = kind.startswith("text/") or kind in {"image/svg+xml", "application/json"}
    return len(gzip.compress(body, 6)) if is_text else len(body)
