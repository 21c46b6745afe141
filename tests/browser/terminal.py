"""The trader's page, spoken to in a trader's words."""

import re
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

from playwright.sync_api import Locator, Page, expect

from tests.browser.product import Exchange, Sandbox
from tests.browser.visitor import Visitor
from tests.browser.watch import Watch

PATIENCE_SECONDS = 60.0


def number(text: str) -> Decimal:
    """The first number of a text as people read it.

    >>> number("−1,464.84 USDC"), number("3x"), number("−32.44\u202f%")
    (Decimal('-1464.84'), Decimal('3'), Decimal('-32.44'))
    """
    found = re.search(r"[+−-]?\d[\d,]*(\.\d+)?", text)
    assert found, f"no number in {text!r}"
    return Decimal(found[0].replace(",", "").replace("−", "-"))


class Terminal:
    """One trader in front of one page."""

    def __init__(
        self, page: Page, exchange: Exchange, sandbox: Sandbox, watch: Watch, venue: str = "hyperliquid"
    ) -> None:
        self.page = page
        self.venue = venue
        self.exchange = exchange
        self.sandbox = sandbox
        self.watch = watch
        self.quote = page.locator("#quote")
        self.button = page.locator("#place_order")
        self.slider = page.locator("#leverage_slider")
        self.field = page.locator("#leverage")
        self.size = page.locator("#size")
        self.notices = page.locator("#notices .toast")

    # where he is

    def open(self, market: str = "BTC") -> None:
        """Go to a market's page, and wait until its numbers move by themselves."""
        response = self.page.goto(f"{self.exchange.url}/trade/{market}/")
        assert response
        assert response.status == 200
        expect(self.page.locator("#market_bar time.age")).to_have_class(re.compile("age-live"))

    def set_price(self, market: str, price: str) -> None:
        """Push the venue's price and wait until the page of that market has heard of it.

        It is pushed once, and the next reading of all markets tells it again: that comes once a minute.
        """
        self.sandbox.mark(market, price, self.venue)
        mark = self.page.locator(f'[data-live="market-{self.venue}:{market}-mark"]').first
        wanted = Decimal(price)
        self.until(
            lambda: abs(number(mark.text_content() or "0") / wanted - 1) < Decimal("0.005"),
            seconds=2 * PATIENCE_SECONDS,
        )

    @property
    def address(self) -> str:
        """The trader's address at the venue: the page shows its two ends."""
        first, last = self.page.locator(".topbar-end summary").inner_text().split("…")
        found = [known for known in self.sandbox.accounts(self.venue) if known[:6] == first.lower()]
        (address,) = [known for known in found if known.endswith(last.lower())]
        return str(address)

    def ledger(self) -> Any:
        """The account as the venue itself holds it."""
        return self.sandbox.account(self.address, self.venue)

    def until(self, is_so: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait for a condition that no locator can express."""
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, f"not so after {seconds:.0f} s"
            self.page.wait_for_timeout(40)

    # the ticket

    def choose(self, name: str, value: str) -> None:
        """Press one side of a switch of the ticket."""
        self.page.locator(f'#ticket_form label[for="{name}-{value}"]').click()

    def write_size(self, size: str) -> None:
        self.size.fill(size)

    def choose_leverage(self, leverage: int) -> None:
        self.field.fill(str(leverage))
        self.expect_quote(leverage)

    def expect_quote(self, leverage: int) -> None:
        """The estimate for this leverage has landed."""
        expect(self.quote).to_have_attribute("data-spoken", re.compile(rf"^{leverage}x, margin "))
        expect(self.quote).not_to_have_class(re.compile("is-pending"))

    @property
    def liquidation(self) -> Decimal:
        return number(self.quote.locator(".liquidation .after").inner_text())

    @property
    def distance(self) -> Decimal:
        """Per cent of the mark, without its sign."""
        return abs(number(self.quote.locator(".liquidation .risk-figure").inner_text()))

    @property
    def margin(self) -> Decimal:
        return number(self.page.locator("#quote_margin .after").inner_text())

    @property
    def maximum_loss(self) -> Decimal:
        return number(self.quote.locator(".row", has_text="Maximum loss").locator("dd strong").inner_text())

    def place(self) -> None:
        """Press the button of the ticket and wait for what became of it."""
        expect(self.button).to_be_enabled()
        self.button.click()
        expect(self.notices.first).to_contain_text(re.compile("Filled|In the book|Refused|Checking|Not carried out"))

    def open_position(self, market: str, size: str, leverage: int, mode: str = "isolated") -> None:
        """A long position at market on a page of its own, from empty ticket to row."""
        self.open(market)
        self.choose("mode", mode)
        self.write_size(size)
        self.choose_leverage(leverage)
        self.place()
        expect(self.notices.first).to_contain_text("Filled: buy")
        expect(self.row(market)).to_be_visible()

    # the tables

    def row(self, market: str) -> Locator:
        return self.page.locator(f'#positions tr[data-market="{self.venue}:{market}"]')

    def cell(self, market: str, name: str) -> Locator:
        """A figure of a position: mark, pnl, margin, liquidation, distance, utilisation, value."""
        return self.row(market).locator(f'[id$="-{name}"]').first

    def show(self, table: str) -> Locator:
        """Turn to one of the tables: positions, orders, fills, margin_changes."""
        self.page.locator(f'label[for="tab-{table}"]').click()
        panel = self.page.locator(f"#{table}")
        expect(panel).to_be_visible()
        return panel

    def open_margin_dialog(self, market: str, direction: str) -> Locator:
        word = {"add": "+ Margin", "remove": "− Margin"}[direction]
        self.row(market).get_by_role("link", name=word, exact=True).click()
        dialog = self.page.locator("#margin_dialog")
        expect(dialog).to_be_visible()
        return dialog

    def close(self, market: str) -> None:
        """Close at market, through the dialog."""
        self.row(market).get_by_role("link", name="Close", exact=True).click()
        expect(self.page.locator("#close_dialog")).to_be_visible()
        self.page.locator("#close_position").click()
        expect(self.notices.first).to_contain_text("Filled: sell")
        expect(self.row(market)).to_have_count(0)

    # afterwards

    def visitor(self) -> Visitor:
        cookies = self.page.context.cookies(self.exchange.url)
        return Visitor(self.exchange.host, {row["name"]: row["value"] for row in cookies})

    def leave_flat(self) -> None:
        """Close every position and cancel every order, whatever a test has left, and see that the pages know it."""
        self.sandbox.clear_faults()
        if self.page.locator("#ticket_form").count() == 0:
            self.page.goto(f"{self.exchange.url}/")
        address, visitor = self.address, self.visitor()

        def is_flat() -> bool:
            positions = re.findall(r'id="position-(\d+)" class', visitor.get("/positions/").text)
            orders = re.findall(r'id="order-(\d+)"', visitor.get("/orders/").text)
            for position in positions:
                visitor.post(f"/positions/{position}/close/now/", form_key=str(uuid4()))
            for order in orders:
                visitor.post(f"/orders/{order}/cancel/", form_key=str(uuid4()))
            held = self.sandbox.account(address, self.venue)
            return not (positions or orders or held["positions"] or held["orders"])

        self.until(is_flat, seconds=60)
