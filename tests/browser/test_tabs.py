"""Back, reload and a second tab after an order was sent: a form is an order once, and a form of its own is one more."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.product import Exchange, Product
from tests.browser.terminal import Terminal

SitDown = Callable[..., Terminal]
SIZE, LEVERAGE = "0.01", 5
# Where a trader sits: the place of his exchange, the venue, its market and another one to go to.
SEATS = [(1, "hyperliquid", "BTC", "ETH"), (2, "aster", "BTCUSDT", "ETHUSDT")]
at_both_venues = pytest.mark.parametrize("seat", SEATS, ids=["hyperliquid", "aster"])
Seat = tuple[int, str, str, str]


def take(seat: Seat, product: Product, sit_down: SitDown) -> Terminal:
    place, venue, market, _ = seat
    return sit_down(product.exchanges[place], market, venue=venue)


def fill_in(terminal: Terminal, size: str = SIZE) -> None:
    terminal.write_size(size)
    terminal.choose_leverage(LEVERAGE)


def key_of(page: Page) -> str:
    """The name of the form that the page would send now."""
    return page.locator("#ticket_form_key").input_value()


def held(terminal: Terminal) -> list[Decimal]:
    """What the venue holds for the trader: all that his orders came to."""
    return [Decimal(row["size"]) for row in terminal.ledger()["positions"]]


def orders_sent(page: Page) -> list[str]:
    """The forms' names of all orders that the page sends from now on."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/order/"):
            sent.append(re.findall(r"form_key=([0-9a-f-]{36})", request.post_data or "")[0])

    page.on("request", note)
    return sent


def send(terminal: Terminal) -> None:
    """The first order, filled."""
    fill_in(terminal)
    terminal.place()
    expect(terminal.notices.first).to_contain_text("Filled: buy")


def leave_and_come_back(terminal: Terminal, elsewhere: str) -> None:
    """To another market's page, and back by the browser's button: the page is as it was loaded.

    So is its ticket of admission to the stream: where a minute has gone by it is refused, and a fresh one asked for.
    """
    terminal.watch.allow(r"console error: .* 403 .*/live/")
    terminal.page.goto(f"{terminal.exchange.url}/trade/{elsewhere}/")
    terminal.page.go_back()


@at_both_venues
def test_same_order_after_going_back_is_the_one_that_was_sent_and_a_reload_sends_nothing(
    product: Product, sit_down: SitDown, seat: Seat
) -> None:
    terminal = take(seat, product, sit_down)
    first, sent = key_of(terminal.page), orders_sent(terminal.page)
    send(terminal)
    told = terminal.notices.first.inner_text()
    leave_and_come_back(terminal, seat[3])
    again = key_of(terminal.page)
    send(terminal)

    assert (again, sent) == (first, [first, first])
    assert terminal.notices.first.inner_text() == told
    assert held(terminal) == [Decimal(SIZE)]

    terminal.page.reload()
    expect(terminal.row(seat[2])).to_be_visible()
    expect(terminal.button).to_be_disabled()
    expect(terminal.size).to_have_value("")
    assert key_of(terminal.page) != first
    assert (len(sent), held(terminal)) == (2, [Decimal(SIZE)])


def test_other_order_after_going_back_is_refused_in_words(product: Product, sit_down: SitDown) -> None:
    terminal = take(SEATS[0], product, sit_down)
    send(terminal)
    leave_and_come_back(terminal, "ETH")
    fill_in(terminal, "0.02")
    terminal.watch.allow(r"console error: .* 409 .*/order/")
    terminal.button.click()

    expect(terminal.quote).to_contain_text("This form was already sent with other values.")
    assert held(terminal) == [Decimal(SIZE)]


@at_both_venues
def test_copy_of_a_page_makes_no_second_order_and_a_tab_of_its_own_does(
    product: Product, sit_down: SitDown, seat: Seat
) -> None:
    terminal = take(seat, product, sit_down)
    copy, own = beside(terminal, terminal.page.content()), beside(terminal)
    keys = [key_of(tab.page) for tab in (terminal, copy, own)]
    for tab in (terminal, copy, own):
        fill_in(tab)
    terminal.place()
    copy.place()
    expect(copy.notices.first).to_contain_text("Filled: buy")
    after_the_copy = held(terminal)
    own.place()
    expect(own.notices.first).to_contain_text("Filled: buy")

    assert (keys[0] == keys[1], keys[1] == keys[2]) == (True, False)
    assert (after_the_copy, held(terminal)) == ([Decimal(SIZE)], [2 * Decimal(SIZE)])


def beside(terminal: Terminal, html: str = "") -> Terminal:
    """Another tab of the same window at the same address: with the very same page, or with one asked for anew."""
    page = terminal.page.context.new_page()
    if html:
        page.route(terminal.page.url, lambda route: route.fulfill(body=html, content_type="text/html"), times=1)
    tab = Terminal(page, terminal.exchange, terminal.sandbox, terminal.watch, terminal.venue)
    page.goto(terminal.page.url)
    expect(page.locator("#market_bar time.age")).to_have_class(re.compile("age-live"))
    return tab


def test_back_and_reload_without_scripts_send_the_order_once(
    product: Product, enter: Callable[..., Any], sit_down: SitDown
) -> None:
    """The browser itself sends the form a second time, as it stands."""
    terminal = take(SEATS[0], product, sit_down)
    exchange: Exchange = terminal.exchange
    page = enter(exchange, exchange.trader, java_script_enabled=False).new_page()
    page.goto(f"{exchange.url}/trade/BTC/?size={SIZE}&leverage={LEVERAGE}")
    page.locator("#place_order").click()
    expect(page.locator("#notices")).to_contain_text("Filled: buy")
    page.reload()
    page.go_back()
    page.locator("#place_order").click()
    expect(page.locator("#notices")).to_contain_text("Filled: buy")

    assert held(terminal) == [Decimal(SIZE)]
