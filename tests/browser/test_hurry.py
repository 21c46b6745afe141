"""A trader in a hurry: everything in sight at once, keys for what he does often, and no press that counts twice."""

import re
from collections.abc import Callable

from playwright.sync_api import Request, expect

from tests.browser.product import Exchange
from tests.browser.terminal import Terminal

LAPTOP = {"width": 1440, "height": 900}
SitDown = Callable[..., Terminal]


def fits_without_scrolling(terminal: Terminal) -> bool:
    """Whether the ticket's column shows all it holds, the button and its age included."""
    return bool(
        terminal.page.evaluate(
            "() => { const side = document.querySelector('.side'); return side.scrollHeight <= side.clientHeight; }"
        )
    )


def button_top(terminal: Terminal) -> float:
    box = terminal.button.bounding_box()
    assert box
    return box["y"]


def orders_sent(terminal: Terminal) -> list[str]:
    """The addresses of all orders that the page sends from now on."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/order/"):
            sent.append(request.url)

    terminal.page.on("request", note)
    return sent


def press_again(terminal: Terminal) -> None:
    """The second press of a double click, on a button that would take it."""
    expect(terminal.button).to_be_enabled()
    terminal.button.hover()
    terminal.page.mouse.down(click_count=2)
    terminal.page.mouse.up(click_count=2)


def test_ticket_that_adds_to_a_position_is_in_sight_as_a_whole(vanta: Exchange, sit_down: SitDown) -> None:
    terminal = sit_down(vanta, viewport=LAPTOP)
    terminal.set_price("BTC", "86000")
    flat = button_top(terminal)
    terminal.open_position("BTC", "0.01", 5)
    terminal.expect_quote(5)

    expect(terminal.quote.locator(".row", has_text="Margin utilisation")).to_contain_text("→")
    assert fits_without_scrolling(terminal)
    assert button_top(terminal) == flat


def test_second_press_of_a_double_click_is_no_order_even_after_the_first_was_filled(
    harbor: Exchange, sit_down: SitDown
) -> None:
    terminal = sit_down(harbor)
    terminal.set_price("BTC", "86000")
    terminal.write_size("0.01")
    terminal.choose_leverage(3)
    sent = orders_sent(terminal)

    terminal.place()
    expect(terminal.notices.first).to_contain_text("Filled: buy 0.01 BTC")
    expect(terminal.row("BTC")).to_be_visible()
    press_again(terminal)
    terminal.choose_leverage(4)  # its quote is asked for after whatever the second press sent

    assert len(sent) == 1
    assert [row["size"] for row in terminal.ledger()["positions"]] == ["0.01"]

    terminal.place()  # a press of its own is an order again
    expect(terminal.row("BTC").get_by_role("cell", name=re.compile(r"^0\.02 "))).to_be_visible()
    assert len(sent) == 2


def test_keys_choose_and_are_letters_where_something_is_typed(harbor: Exchange, sit_down: SitDown) -> None:
    terminal = sit_down(harbor)
    page, keyboard = terminal.page, terminal.page.keyboard
    keyboard.press("s")
    expect(page.locator("#side-short")).to_be_checked()
    keyboard.press("q")
    expect(terminal.size).to_be_focused()
    keyboard.type("b0.02")
    expect(terminal.size).to_have_value("b0.02")
    expect(page.locator("#side-short")).to_be_checked()

    terminal.size.blur()
    keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.get_by_label("Use single keys on this device").uncheck()
    keyboard.press("Escape")
    keyboard.press("b")
    keyboard.press("?")

    expect(page.locator("#keys")).to_be_hidden()
    expect(page.locator("#side-short")).to_be_checked()
