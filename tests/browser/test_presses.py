"""What a press does: one is one command, and where nothing can be done it is told why."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE
from tests.browser.site import Site, answer
from tests.trading.panels.samples import full_page
from tests.trading.panels.table_samples import order_rows, position_rows

LINK = '<a id="link" href="/window/" hx-get="/window/" hx-target="#dialogs">Close</a>'
WINDOW = """<dialog id="window" class="dialog" data-opens>
<form hx-post="/send/" hx-target="#notices" hx-swap="afterbegin">
<button id="now" autofocus>Close now</button></form></dialog>"""
FORM = """<form hx-post="/send/" hx-target="#notices" hx-swap="afterbegin" hx-sync="this:drop">
<input id="size" name="size"><button>Send</button></form>"""
COUNT = """() => {
  window.sent = window.done = 0;
  document.addEventListener('submit', () => { window.sent += 1; });
  document.addEventListener('htmx:finally:request', () => { window.done += 1; });
}"""


def sent(site: Site) -> int:
    """How many forms the page has sent since it was asked to count."""
    return int(site.page.evaluate("() => window.sent"))


def test_key_that_is_held_presses_no_button_of_the_dialog_that_it_opened(site: Site) -> None:
    site.show_content(LINK)
    site.page.evaluate(COUNT)
    site.answers |= {"/window/": answer(WINDOW), "/send/": answer("<p>Done</p>")}
    keyboard = site.page.keyboard
    site.page.locator("#link").focus()
    keyboard.down("Enter")
    expect(site.page.locator("#now")).to_be_focused()
    keyboard.down("Enter")
    keyboard.up("Enter")
    assert sent(site) == 0

    keyboard.press("Enter")
    expect(site.page.locator("#notices")).to_have_text("Done")
    assert sent(site) == 1


def test_key_that_is_held_sends_a_form_once(site: Site) -> None:
    site.show_content(FORM)
    site.page.evaluate(COUNT)
    site.answers["/send/"] = answer("<p>Done</p>")
    keyboard = site.page.keyboard
    site.page.locator("#size").focus()
    for presses in (1, 2):
        keyboard.down("Enter")
        site.page.wait_for_function("presses => window.done === presses", arg=presses)
        keyboard.down("Enter")
        keyboard.up("Enter")
        assert sent(site) == presses


WATCHING = "Connect a trading key to trade."


@pytest.mark.parametrize("site", [DESK, PHONE], ids=["desk", "phone"], indirect=True)
def test_what_is_closed_says_why_to_a_key_and_to_a_finger(site: Site) -> None:
    (order, *_), (held, *_) = order_rows(), position_rows()
    closed = replace(held, add_closed_because=WATCHING, remove_closed_because=WATCHING, close_closed_because=WATCHING)
    positions = replace(full_page().positions, rows=(closed,))
    orders = [replace(order, modify_closed_because=WATCHING, cancel_closed_because=WATCHING)]
    site.show_content(
        '{% include "trading/_positions.html" %}{% include "trading/_orders.html" %}',
        positions=positions,
        orders=orders,
    )
    buttons = site.page.locator("[aria-disabled=true]")
    expect(buttons).to_have_text(["Set", "+ Margin", "− Margin", "Close", "Change", "Cancel"])
    for button in buttons.all():
        button.press("Enter")
        put_away(site, WATCHING)
        button.click(force=True)
        put_away(site, WATCHING)


def put_away(site: Site, words: str) -> None:
    """The one note that says this, read and dismissed."""
    expect(site.notes).to_have_text([words])
    site.page.locator("#notices [data-dismiss]").click()
    expect(site.notes).to_have_count(0)
