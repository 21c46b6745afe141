"""Everything at once in the browser: one confirmation, told in its own place, and never done twice."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.product import Exchange
from tests.browser.terminal import Terminal

SitDown = Callable[..., Terminal]


def hold_two(terminal: Terminal) -> None:
    terminal.open_position("ETH", "0.2", 5)
    terminal.open_position("BTC", "0.01", 5)
    # The first one's row is on this page as well once its account was read.
    expect(terminal.row("ETH")).to_be_visible()


def test_double_click_closes_every_position_once(vanta: Exchange, sit_down: SitDown) -> None:
    terminal = sit_down(vanta, "ETH")
    hold_two(terminal)
    before = len(terminal.ledger()["fills"])
    opener = terminal.page.get_by_role("link", name="Close all", exact=True)
    opener.focus()
    terminal.page.keyboard.press("Enter")
    dialog = terminal.page.locator("#close_all_dialog")
    expect(dialog.locator("#close_all")).to_have_text("Close all 2 positions at market")

    dialog.locator("#close_all").dblclick()

    expect(dialog.locator(".sweep-title")).to_have_text("All done.")
    expect(dialog.locator(".sweep-told > li")).to_have_count(2)
    expect(dialog.locator(".sweep-told > .is-accepted")).to_have_count(2)
    assert terminal.ledger()["positions"] == []
    assert len(terminal.ledger()["fills"]) == before + 2
    dialog.get_by_role("link", name="Done").press("Enter")
    expect(dialog).to_have_count(0)
    expect(terminal.page.locator("#positions")).to_contain_text("No open positions")


def test_dialog_of_all_is_left_by_escape_and_nothing_is_sent(vanta: Exchange, sit_down: SitDown) -> None:
    terminal = sit_down(vanta, "ETH")
    terminal.open_position("ETH", "0.2", 5)
    opener = terminal.page.get_by_role("link", name="Close all", exact=True)
    opener.press("Enter")
    dialog = terminal.page.locator("#close_all_dialog")
    expect(dialog.locator("#close_all")).to_be_focused()

    terminal.page.keyboard.press("Escape")

    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    assert len(terminal.ledger()["positions"]) == 1
