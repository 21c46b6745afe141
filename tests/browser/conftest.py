"""The real product in its own processes and a real Chromium in front of it, once for this folder."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from jinja2 import Environment, FileSystemLoader
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from branding.jinja import environment
from tests.browser.product import Exchange, Person, Product
from tests.browser.site import Site
from tests.browser.terminal import PATIENCE_SECONDS, Terminal
from tests.browser.watch import Watch

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
expect.set_options(timeout=PATIENCE_SECONDS * 1000)
HOUR_SECONDS = 3600
LONGEST_TEST_SECONDS = 90


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here drives the browser."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def product() -> Iterator[Product]:
    """Every server and process of the product, up; afterwards all of it is gone."""
    with Product() as running:
        yield running


# Not for the session: while Playwright runs, Django takes every other test for asynchronous code.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """CHROMIUM names a browser; else Debian's, else Playwright's own."""
    chosen = os.environ.get("CHROMIUM") or (str(CHROMIUM) if CHROMIUM.exists() else None)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chosen, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="package")
def sessions() -> dict[str, Any]:
    """Cookies of those who have signed in already, by e-mail."""
    return {}


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test for whatever goes wrong in its pages and was not announced."""
    kept = Watch()
    yield kept
    assert kept.problems() == []


@pytest.fixture
def new_context(browser: Browser, watch: Watch) -> Iterator[Callable[..., BrowserContext]]:
    """Makes a browser window with a storage of its own; every page in it is watched."""
    with ExitStack() as stack:

        def make(viewport: dict[str, int] = DESK, **options: Any) -> BrowserContext:
            context = browser.new_context(viewport=viewport, **options)  # type: ignore[arg-type]
            context.set_default_timeout(PATIENCE_SECONDS * 1000)
            context.on("page", watch.follow)
            stack.callback(context.close)
            return context

        yield make


@pytest.fixture
def enter(
    new_context: Callable[..., BrowserContext], sessions: dict[str, Any]
) -> Callable[[Exchange, Person], BrowserContext]:
    """A window of somebody who is signed in; the first time through the form, then with the cookies it gave."""

    def make(exchange: Exchange, person: Person, viewport: dict[str, int] = DESK, **options: Any) -> BrowserContext:
        if person.email not in sessions:
            context = new_context()
            page = context.new_page()
            page.goto(exchange.url)
            page.get_by_label("E-mail").fill(person.email)
            page.get_by_label("Password").fill(person.password)
            page.get_by_role("button", name="Sign in", exact=True).click()
            expect(page.locator(".topbar-end summary")).to_be_visible()
            sessions[person.email] = context.storage_state()
            context.close()
        return new_context(viewport, storage_state=sessions[person.email], **options)

    return make


@pytest.fixture
def sit_down(
    product: Product, enter: Callable[..., BrowserContext], watch: Watch, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Terminal]]:
    """Puts a trader in front of his terminal; afterwards he is left without positions and orders."""
    seated: list[Terminal] = []

    let_the_hour_pass()

    def sit(
        exchange: Exchange,
        market: str = "BTC",
        viewport: dict[str, int] = DESK,
        venue: str = "hyperliquid",
        **options: Any,
    ) -> Terminal:
        page = enter(exchange, exchange.trader, viewport, **options).new_page()
        terminal = Terminal(page, exchange, product.sandbox, watch, venue)
        terminal.open(market)
        seated.append(terminal)
        return terminal

    yield sit
    keep_pictures(seated, request.node.name)
    for terminal in seated:
        terminal.leave_flat()


def let_the_hour_pass() -> None:
    """At the full hour the venue moves the money of whatever is open by its funding: no test reaches across it."""
    left = HOUR_SECONDS - time.time() % HOUR_SECONDS
    if left < LONGEST_TEST_SECONDS:
        time.sleep(left + 2)


def keep_pictures(seated: list[Terminal], name: str) -> None:
    """SCREENSHOTS names a folder for a picture of every terminal at the end of its test."""
    folder = os.environ.get("SCREENSHOTS")
    for index, terminal in enumerate(seated if folder else []):
        terminal.page.screenshot(path=Path(str(folder)) / f"{name}-{index}.png")


@pytest.fixture(scope="package")
def templates() -> Environment:
    return environment(loader=FileSystemLoader(settings.BASE_DIR / "templates"))


@pytest.fixture(params=[DESK], ids=["desk"])
def site(browser: Browser, templates: Environment, request: pytest.FixtureRequest) -> Iterator[Site]:
    context = browser.new_context(viewport=request.param)
    yield Site(context.new_page(), templates)
    context.close()


@pytest.fixture
def harbor(product: Product) -> Exchange:
    """The beginners' exchange: isolated only, 3x, at most 5x."""
    return product.exchanges[0]


@pytest.fixture
def vanta(product: Product) -> Exchange:
    """The professionals' exchange: both modes, 10x, no cap, two venues."""
    return product.exchanges[1]


@pytest.fixture
def meridian(product: Product) -> Exchange:
    """The exchange on the second venue alone: both modes, 5x, at most 20x."""
    return product.exchanges[2]
