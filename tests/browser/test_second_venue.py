"""The exchange on the second venue alone, in a browser: open, adjust, close, and what the venue closes."""

from collections.abc import Callable
from decimal import Decimal

from playwright.sync_api import expect

from tests.browser.product import Exchange
from tests.browser.terminal import Terminal, number

BITCOIN = "BTCUSDT"


def test_trader_opens_adjusts_and_closes_on_the_second_venue(
    meridian: Exchange, sit_down: Callable[..., Terminal]
) -> None:
    terminal = sit_down(meridian, BITCOIN, venue="aster")
    terminal.open_position(BITCOIN, "0.02", 5)
    (held,) = terminal.ledger()["positions"]
    before = number(terminal.cell(BITCOIN, "liquidation").inner_text())
    terminal.open(BITCOIN)

    expect(terminal.page.locator(".venue-chip")).to_contain_text("Aster")
    expect(terminal.page.locator('#ticket_form label[for="mode-cross"]')).to_have_attribute(
        "title", "Close the position to change between isolated and cross."
    )
    dialog = terminal.open_margin_dialog(BITCOIN, "add")
    dialog.locator('[name="amount"]').fill("50")
    dialog.get_by_role("button", name="Add 50 USDT").click()
    expect(terminal.notices.first).to_contain_text("Done: add 50 margin, BTC")
    terminal.until(lambda: number(terminal.cell(BITCOIN, "liquidation").inner_text()) < before - 2000)
    terminal.close(BITCOIN)

    assert (held["market"], Decimal(held["size"]), held["leverage"]) == (BITCOIN, Decimal("0.02"), 5)
    assert terminal.ledger()["positions"] == []
