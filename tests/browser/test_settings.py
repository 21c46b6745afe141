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


def test_position_that_opens_elsewhere_closes_the_other_mode_under_what_is_typed(
    vanta: Exchange, sit_down: Callable[..., Terminal]
) -> None:
    terminal = sit_down(vanta)
    second = Terminal(terminal.page.context.new_page(), vanta, terminal.sandbox, terminal.watch)
    second.open()
    second.choose("mode", "cross")
    second.write_size("0.02")
    second.choose_leverage(4)

    terminal.open_position("BTC", "0.01", 10)
    for page in (terminal.page, second.page):
        expect(page.locator("#mode-cross")).to_be_disabled()
        expect(page.locator("#mode-isolated")).to_be_checked()
        expect(page.locator("#mode_switch")).to_contain_text("Close the position to change")
    expect(second.size).to_have_value("0.02")
    expect(second.field).to_have_value("4")
    expect(second.button).to_have_text("Buy / Long 0.02 BTC")
    expect(second.button).to_be_enabled()

    terminal.close("BTC")
    for page in (terminal.page, second.page):
        expect(page.locator("#mode-cross")).to_be_enabled()
    expect(second.size).to_have_value("0.02")
