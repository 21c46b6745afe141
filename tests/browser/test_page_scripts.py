"""The scripts of the pages alone, every answer from the test: what may be put in a place, and what is said instead."""

from dataclasses import replace
from functools import partial

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import DESK, PHONE
from tests.browser.site import Answer, Site, answer, in_turn
from tests.trading.panels.samples import book
from tests.trading.panels.ticket_samples import ticket
from trading.panels.view_models import Choice

OURS = "<!doctype html><html><body><main><h1>You may not see this</h1><p>Nothing was sent.</p></main></body></html>"
FOREIGN = "<html><head><title>413</title></head><body><center><h1>413 Too Large</h1></center></body></html>"
NOT_LOADED = "This could not be loaded. Your positions are not affected; try again."
NO_ANSWER = "No answer arrived, so it is not known yet whether this was done."
SIGNED_OUT = "You are signed out. Open the page again to sign in; nothing was sent."
PANEL = '<div id="panel" hx-get="/panel/" hx-trigger="refresh" hx-swap="outerMorph">kept</div>'
PREVIEW = PANEL.replace("hx-get", 'hx-sync="this:replace" hx-post')
DIALOG = """{% from "components/dialog.html" import dialog %}{% call dialog("window", "Window", "/") %}
<form id="form" hx-post="/send/" hx-target="#notices" hx-swap="afterbegin"><button>Send</button>
<div id="preview" hx-get="/preview/" hx-trigger="refresh" hx-swap="outerMorph">preview 1</div></form>{% endcall %}"""
COUNT = "() => { window.done = 0; document.addEventListener('htmx:finally:request', () => { window.done += 1; }); }"
on_desk_and_phone = pytest.mark.parametrize("site", [DESK, PHONE], ids=["desk", "phone"], indirect=True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (answer("No exchange lives at this address.\n", 404, "text/plain"), NOT_LOADED),
        (answer(FOREIGN, 429), NOT_LOADED),
        (answer(OURS, 403), "You may not see this. Nothing was sent."),
        (answer(OURS, 422), "You may not see this. Nothing was sent."),
        (answer(OURS, 200), SIGNED_OUT),
        (answer(FOREIGN, 200), SIGNED_OUT),
    ],
    ids=["removed-host", "proxy", "our-refusal", "our-words", "other-page", "foreign-page"],
)
def test_what_was_not_made_for_a_place_is_said_and_not_put_there(site: Site, given: Answer, said: str) -> None:
    site.show_content(PANEL)
    site.answers["/panel/"] = given
    site.ask("panel")
    expect(site.notes).to_have_text([said])
    site.ask("panel")
    site.answers["/panel/"] = answer('<div id="panel">new</div>')
    site.ask("panel")

    expect(site.page.locator("#panel")).to_have_text("new")
    expect(site.notes).to_have_text([said])


@pytest.mark.parametrize(
    ("given", "said"),
    [(answer(OURS, 403), "You may not see this."), (answer(FOREIGN, 413), NO_ANSWER), (answer(OURS), SIGNED_OUT)],
    ids=["our-refusal", "proxy", "other-page"],
)
def test_page_without_the_part_that_was_asked_for_takes_nothing_away(site: Site, given: Answer, said: str) -> None:
    site.show_content(
        '<div id="connect">kept<form hx-post="/send/" hx-target="#connect" hx-select="#connect" hx-swap="outerHTML">'
        "<button>Check</button></form></div>"
    )
    site.answers["/send/"] = given
    button = site.page.get_by_role("button", name="Check")
    button.press("Enter")
    expect(site.notes).to_contain_text([said])
    assert "kept" in site.page.locator("#connect").inner_text()

    site.answers["/send/"] = answer('<!doctype html><main><div id="connect">new</div></main>', 422)
    button.press("Enter")
    expect(site.page.locator("#connect")).to_have_text("new")


@on_desk_and_phone
def test_message_stands_in_the_open_dialog_and_can_be_put_away_there(site: Site) -> None:
    site.show_content(DIALOG)
    send, note = site.page.get_by_role("button", name="Send"), site.page.locator("#window .toast")
    for given, said in ((answer(OURS, 403), "You may not see this"), (answer("", 503), NO_ANSWER)):
        site.answers["/send/"] = given
        send.click()
        expect(note).to_contain_text(said)
        expect(note).to_be_in_viewport(ratio=1)
        send.click()
        expect(note).to_have_count(1)
        note.get_by_role("button").click()
        expect(note).to_have_count(0)

    site.page.get_by_label("Close this window").click()
    site.page.evaluate("() => document.body.insertAdjacentHTML('beforeend', '<a id=late hx-get=/gone/>Late</a>')")
    site.page.evaluate("() => htmx.process(document.getElementById('late'))")
    site.page.get_by_text("Late").click()
    expect(site.page.locator("#notices .toast")).to_contain_text(NOT_LOADED)


def test_preview_of_a_form_is_no_command_and_its_newest_answer_stays(site: Site) -> None:
    site.show_content(PREVIEW)
    site.page.evaluate(COUNT)
    waiting: list[Route] = []
    site.answers["/panel/"] = lambda route: waiting.append(route)  # noqa: PLW0108  # builtins take no mark
    site.ask("panel")
    site.page.wait_for_function("() => document.querySelector('#panel.htmx-request')")
    site.ask("panel")
    site.page.wait_for_function("() => window.done === 1")
    site.answers["/panel/"] = answer('<div id="panel">third</div>')
    site.ask("panel")
    expect(site.page.locator("#panel")).to_have_text("third")
    for route in waiting:
        route.fulfill(body='<div id="panel">older</div>', content_type="text/html")
    site.page.wait_for_function("() => window.done === 3")

    expect(site.page.locator("#panel")).to_have_text("third")
    expect(site.notes).to_have_count(0)


def test_preview_tells_nothing_of_what_is_gone_while_its_form_is_on_its_way(site: Site) -> None:
    site.show_content(DIALOG)
    site.page.evaluate(COUNT)
    waiting: dict[str, Route] = {}
    for path in ("/preview/", "/send/"):
        site.answers[path] = partial(waiting.__setitem__, path)
    site.ask("preview")
    site.until(lambda: "/preview/" in waiting)
    site.page.get_by_role("button", name="Send").click()
    site.until(lambda: "/send/" in waiting)
    waiting["/preview/"].fulfill(body='<div id="preview">This position is closed by now.</div>')
    site.page.wait_for_function("() => window.done === 1")

    expect(site.page.locator("#preview")).to_have_text("preview 1")


REFUSABLE = """<form id="form" hx-post="/send/" hx-target="#preview" hx-swap="outerMorph">
<input id="amount" name="amount"><button>Send</button>%s</form>"""
REFUSED = (
    """<div id="preview" hx-get="/preview/" hx-trigger="refresh, input from:#form" hx-swap="outerMorph">%s</div>"""
)


def test_why_a_form_was_refused_stays_until_something_is_typed(site: Site) -> None:
    site.show_content(REFUSABLE % REFUSED % "asked")
    site.answers["/send/"] = answer(REFUSED % "Split it.", 422)
    site.answers["/preview/"] = answer(REFUSED % "asked again")
    preview = site.page.locator("#preview")
    site.page.get_by_role("button", name="Send").click()
    expect(preview).to_have_text("Split it.")
    site.ask("preview")
    site.page.locator("#amount").fill("1")
    expect(preview).to_have_text("asked again")

    assert site.asked.count("/preview/") == 1


CLOSABLE = """<form id="form" hx-post="/send/" hx-target="#preview" hx-swap="outerMorph" hx-disable="#send">%s</form>"""
CLOSED = """<div id="preview" hx-get="/preview/" hx-trigger="refresh" hx-swap="outerMorph">
<button type="submit" id="send"%s>Send</button><p>%s</p></div>"""


def test_button_that_a_refusal_closes_stays_closed_until_it_is_drawn_open(site: Site) -> None:
    site.show_content(CLOSABLE % CLOSED % ("", "asked"))
    site.answers["/send/"] = in_turn(
        answer(CLOSED % ("", "Try again."), 422), answer(CLOSED % (" disabled", "Gone."), 422)
    )
    site.answers["/preview/"] = answer(CLOSED % ("", "asked again"))
    button, words = site.page.locator("#send"), site.page.locator("#preview p")
    for said in ("Try again.", "Gone."):
        expect(button).to_be_enabled()
        button.click()
        expect(words).to_have_text(said)
    site.page.wait_for_function("() => !document.querySelector('form[data-busy]')")
    site.page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    expect(button).to_be_disabled()

    site.page.evaluate("() => htmx.ajax('GET', '/preview/', {target: '#preview', swap: 'outerMorph'})")
    expect(button).to_be_enabled()


ROW = """<form hx-post="/send/" hx-target="#notices" hx-swap="afterbegin" hx-disable="find button">
<button type="submit" id="send">Cancel</button></form>"""


@pytest.mark.parametrize("status", [409, 422])
def test_button_of_a_row_can_be_pressed_again_after_a_refusal(site: Site, status: int) -> None:
    """The answer stands among the notices and has drawn no button."""
    site.show_content(ROW)
    site.answers["/send/"] = answer('<p id="said">Refused.</p>', status)

    site.page.locator("#send").click()

    expect(site.page.locator("#notices #said")).to_be_visible()
    site.page.wait_for_function("() => !document.querySelector('form[data-busy]')")
    site.page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    expect(site.page.locator("#send")).to_be_enabled()


def test_reading_from_before_a_refusal_does_not_take_its_place(site: Site) -> None:
    site.show_content(REFUSABLE % REFUSED % "asked")
    site.page.evaluate(COUNT)
    waiting: dict[str, Route] = {}
    site.answers["/preview/"] = partial(waiting.__setitem__, "/preview/")
    site.answers["/send/"] = answer(REFUSED % "Split it.", 422)
    site.ask("preview")
    site.until(lambda: "/preview/" in waiting)
    site.page.get_by_role("button", name="Send").click()
    site.page.wait_for_function("() => window.done === 1")
    waiting["/preview/"].fulfill(body=REFUSED % "asked before", content_type="text/html")
    site.page.wait_for_function("() => window.done === 2")

    expect(site.page.locator("#preview")).to_have_text("Split it.")


def test_figures_whose_reading_fails_say_that_they_are_old_until_the_next_answer(site: Site) -> None:
    site.show_content('{% include "console/_freshness.html" %}', venues=())
    place, late = site.page.locator("#freshness"), site.page.locator("#freshness [data-late]")
    expect(late).to_be_hidden()
    current = place.evaluate("place => place.outerHTML")
    address = "/console/freshness/"
    for given in (answer("", 503), answer("", 404, "text/plain"), lambda route: route.abort()):
        site.answers[address] = given
        place.evaluate("place => htmx.trigger(place, 'every')")
        expect(late).to_be_visible()
        expect(place).to_contain_class("is-late")
        site.answers[address] = answer(current)
        place.evaluate("place => htmx.trigger(place, 'every')")
        expect(late).to_be_hidden()
        expect(place).not_to_contain_class("is-late")


TICKET = """{% extends "base.html" %}
{% block scripts %}<script src="{{ static('js/ticket.js') }}" defer></script>{% endblock %}
{% block content %}{% include "trading/_ticket.html" %}{% include "trading/_book.html" %}{% endblock %}"""


def test_price_of_the_book_goes_into_the_ticket(site: Site) -> None:
    kinds = tuple(Choice(value=kind, label=kind, selected=kind == "market") for kind in ("market", "limit", "stop"))
    site.show(TICKET, ticket=replace(ticket(), kinds=kinds), book=book())
    site.answers["/trade/ETH/quote/"] = answer("", 204)
    levels, price, trigger = (site.page.locator(place) for place in ("#book .level-ask", "#price", "#trigger"))
    shown = [text.replace(",", "") for text in levels.locator(".level-price").all_inner_texts()]
    assert len(set(shown)) > 1

    levels.nth(0).click()
    expect(site.page.locator("#kind-limit")).to_be_checked()
    expect(price).to_have_value(shown[0])
    levels.nth(1).click()
    expect(price).to_have_value(shown[1])
    site.page.locator("#kind-stop").check(force=True)
    levels.nth(0).click()
    expect(trigger).to_have_value(shown[0])
    expect(price).to_have_value(shown[1])
