"""One press is one command: a key that is held and a form that is on its way send nothing more."""

from playwright.sync_api import expect

from tests.browser.site import Site, answer

LINK = '<a id="link" href="/window/" hx-get="/window/" hx-target="#dialogs">Close</a>'
WINDOW = """<dialog id="window" class="dialog" data-opens><form hx-post="/send/" hx-target="#notices" hx-swap="afterbegin">
<button id="now" autofocus>Close now</button></form></dialog>"""
FORM = """<form hx-post="/send/" hx-target="#notices" hx-swap="afterbegin" hx-sync="this:drop"><input id="size" name="size">
<button>Send</button></form>"""
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
