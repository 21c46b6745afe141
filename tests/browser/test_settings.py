"""What is set at the venue with another tool moves the selector and the slider of an open page."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.product import Exchange
from tests.browser.terminal import Terminal

QUESTION = re.compile(r"/available/\?mode=[a-z]+$")
TOLD = '<span hidden data-mode="{mode}" data-leverage="{leverage}"></span>'


def hear(page: Page, mode: str, leverage: int) -> None:
    """The page's next question about its market is answered with this setting."""
    page.unroute(QUESTION)
    page.route(QUESTION, lambda route: route.fulfill(body=TOLD.format(mode=mode, leverage=leverage)))
    with page.expect_response(QUESTION):
        page.evaluate("htmx.trigger('#account', 'refresh')")


def test_ticket_follows_what_is_set_elsewhere_and_keeps_what_its_trader_chose(
    vanta: Exchange, sit_down: Callable[..., Terminal]
) -> None:
    terminal = sit_down(vanta)
    terminal.write_size("0.02")

    hear(terminal.page, "cross", 7)
    expect(terminal.field).to_have_value("7")
    expect(terminal.slider).to_have_value("7")
    expect(terminal.page.locator("#mode-cross")).to_be_checked()
    expect(terminal.size).to_have_value("0.02")
    terminal.expect_quote(7)

    terminal.choose_leverage(12)
    hear(terminal.page, "isolated", 9)
    expect(terminal.page.locator("#mode-isolated")).to_be_checked()
    expect(terminal.field).to_have_value("12")
