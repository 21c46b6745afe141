"""The scripts of the pages alone, every answer from the test: what may be put in a place, and what is said instead."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from jinja2 import Environment, FileSystemLoader
from playwright.sync_api import Browser, Locator, Page, Route, expect

from branding.jinja import environment
from branding.theme import HARBOR, theme_css
from tests.browser.conftest import DESK, PHONE
from tests.trading.panels.page import HEAD
from tests.trading.panels.samples import book, full_page
from tests.trading.panels.table_samples import order_rows, position_rows
from tests.trading.panels.ticket_samples import ticket
from trading.panels.view_models import Choice

HOME = "http://exchange.test/"
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
ASK = "name => document.getElementById(name).dispatchEvent(new CustomEvent('refresh'))"
COUNT = "() => { window.done = 0; document.addEventListener('htmx:finally:request', () => { window.done += 1; }); }"
Answer = Callable[[Route], None]


def answer(body: str, status: int = 200, kind: str = "text/html") -> Answer:
    return lambda route: route.fulfill(body=body, status=status, content_type=kind)


def in_turn(*answers: Answer) -> Answer:
    """One after the other, the last one from then on."""
    left = list(answers)

    def give(route: Route) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(route)

    return give


class Site:
    """A page of the product's own templates and scripts with nothing behind it but what the test answers."""

    def __init__(self, page: Page, templates: Environment) -> None:
        self.page = page
        self.templates = templates
        self.answers: dict[str, Answer] = {"/theme.css": answer(theme_css(HARBOR), kind="text/css")}
        self.asked: list[str] = []
        page.route("**/*", self._serve)

    def show(self, template: str, **context: Any) -> None:
        """Open a page made of this template's text."""
        html = self.templates.from_string(template).render(HEAD | context)
        self.answers["/"] = answer(html)
        self.page.goto(HOME)

    def show_content(self, content: str, **context: Any) -> None:
        """Open a page with this inside."""
        self.show(f'{{% extends "base.html" %}}{{% block content %}}{content}{{% endblock %}}', **context)

    def ask(self, place: str) -> None:
        """Have a place of the page read anew."""
        self.page.evaluate(ASK, place)

    @property
    def notes(self) -> Locator:
        return self.page.locator(".toast-title")

    def _serve(self, route: Route) -> None:
        path = urlsplit(route.request.url).path
        self.asked.append(path)
        if path.startswith(settings.STATIC_URL):
            route.fulfill(path=Path(str(finders.find(path.removeprefix(settings.STATIC_URL)))))
        else:
            self.answers.get(path, answer("", 404, "text/plain"))(route)


@pytest.fixture(scope="module")
def templates() -> Environment:
    return environment(loader=FileSystemLoader(settings.BASE_DIR / "templates"))


@pytest.fixture(params=[DESK], ids=["desk"])
def site(browser: Browser, templates: Environment, request: pytest.FixtureRequest) -> Iterator[Site]:
    context = browser.new_context(viewport=request.param)
    yield Site(context.new_page(), templates)
    context.close()


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
    until(site.page, lambda: "/preview/" in waiting)
    site.page.get_by_role("button", name="Send").click()
    until(site.page, lambda: "/send/" in waiting)
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


def test_reading_from_before_a_refusal_does_not_take_its_place(site: Site) -> None:
    site.show_content(REFUSABLE % REFUSED % "asked")
    site.page.evaluate(COUNT)
    waiting: dict[str, Route] = {}
    site.answers["/preview/"] = partial(waiting.__setitem__, "/preview/")
    site.answers["/send/"] = answer(REFUSED % "Split it.", 422)
    site.ask("preview")
    until(site.page, lambda: "/preview/" in waiting)
    site.page.get_by_role("button", name="Send").click()
    site.page.wait_for_function("() => window.done === 1")
    waiting["/preview/"].fulfill(body=REFUSED % "asked before", content_type="text/html")
    site.page.wait_for_function("() => window.done === 2")

    expect(site.page.locator("#preview")).to_have_text("Split it.")


def until(page: Page, is_so: Callable[[], bool]) -> None:
    """Wait for what only the test knows."""
    for _ in range(1500):
        if is_so():
            return
        page.wait_for_timeout(40)
    pytest.fail("not so after a minute")


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


CANDLES = (
    '{"candles": ['
    + ", ".join(f'{{"time": {900 * i}, "open": "9", "high": "9", "low": "9", "close": "9"}}' for i in (1, 2))
    + "]}"
)


@pytest.mark.parametrize("site", [PHONE], ids=["phone"], indirect=True)
def test_liquidation_prices_out_of_view_stand_in_one_row_on_a_phone(site: Site) -> None:
    page, held = full_page(), position_rows()[0]
    card = replace(page.ticket.quote.liquidation, price_value="101234.5")
    site.answers["/trade/ETH/candles/"] = answer(CANDLES.replace('"9"', '"150000"'), kind="application/json")
    site.show(
        '{% extends "trading/terminal.html" %}',
        page=replace(
            page,
            ticket=replace(page.ticket, quote=replace(page.ticket.quote, liquidation=card)),
            positions=replace(page.positions, rows=(replace(held, market="ETH", liquidation_value="102345.6"),)),
        ),
    )

    words = site.page.locator("#chart_below")
    expect(words).to_have_text("↓ Liquidation 102,345.6 · est. 101,234.5, below this view")
    shown, chart = words.bounding_box(), site.page.locator("#chart_canvas").bounding_box()
    assert shown
    assert chart
    assert shown["height"] < 30
    assert shown["x"] + shown["width"] <= chart["x"] + chart["width"]


@pytest.mark.parametrize("site", [{"width": 1280, "height": 720}], ids=["low"], indirect=True)
def test_row_under_the_button_fades_until_all_is_scrolled_into_view(site: Site) -> None:
    site.show('{% extends "trading/terminal.html" %}', page=full_page())
    veil = "() => getComputedStyle(document.getElementById('place_order'), '::before').opacity"

    site.page.wait_for_function(f"({veil})() === '1'")
    site.page.locator(".side").evaluate("side => side.scrollTo(0, side.scrollHeight)")
    site.page.wait_for_function(f"({veil})() === '0'")


LIVE = """{% extends "base.html" %}
{% block scripts %}<script src="{{ static('js/live.js') }}" defer></script>{% endblock %}
{% block body_attributes %} data-now="2026-11-22T12:00:00Z" data-stale-after="5" data-closed-after="15"
{% include "trading/_live_words.html" %}{% endblock %}
{% block main %}<main id="main">CONTENT</main>{% endblock %}"""
STREAMED = """<div id="live" hidden hx-sse:connect="/live/" hx-trigger="load"></div><p id="stream_lost" hidden></p>
<p id="number">1</p><p id="account" hx-get="/account/" hx-trigger="refresh">old</p>"""
POSITIONS = """<section id="positions" hx-get="/positions/" hx-trigger="refresh" hx-swap="outerMorph">
<p data-live="positions-7"><time class="age" data-live="positions-7-age" datetime="2027-01-01T00:00:00Z"></time></p>
REASON</section>"""
REASON = '<p class="table-reason" data-old="positions-7">These figures cannot be read right now.</p>'


def test_age_of_an_order_counts_on_by_itself(site: Site) -> None:
    site.page.clock.install()
    (row, _) = order_rows()
    placed = datetime(2026, 11, 22, 11, 58, 30, tzinfo=UTC)
    site.show(LIVE.replace("CONTENT", '{% include "trading/_orders.html" %}'), orders=[replace(row, placed_at=placed)])
    shown = site.page.locator("#orders time")
    expect(shown).to_have_text("1 min")

    site.page.clock.run_for(60_000)
    expect(shown).to_have_text("2 min")


SECOND = """<p data-live="positions-8"><time class="age" data-live="positions-8-age" datetime="2027-01-01T00:00:00Z">
</time></p>"""


def test_stream_that_is_not_reached_is_asked_for_again_until_it_speaks(site: Site) -> None:
    site.page.add_init_script("Math.random = () => 0;")
    site.answers["/live/"] = in_turn(
        lambda route: route.abort(),
        answer('event: patch\ndata: {"number": "2"}\n\n', kind="text/event-stream"),
    )
    site.answers["/account/"] = answer("new")
    site.show(LIVE.replace("CONTENT", STREAMED))
    site.answers["/"] = in_turn(answer("No exchange lives at this address.\n", 404, "text/plain"), site.answers["/"])

    expect(site.page.locator("#number")).to_have_text("2")
    expect(site.page.locator("#account")).to_have_text("new")


def test_reason_beside_current_figures_is_asked_for_again_ever_more_rarely_until_it_goes(site: Site) -> None:
    drawn, reason = POSITIONS.replace("REASON", REASON), site.page.locator("#positions .table-reason")
    site.page.clock.install()
    site.answers["/positions/"] = answer(drawn)
    site.show(LIVE.replace("CONTENT", drawn))
    for _ in range(60):
        site.page.clock.run_for(1000)
    assert 2 <= site.asked.count("/positions/") <= 6

    expect(reason).to_be_visible()
    site.answers["/positions/"] = answer(POSITIONS.replace("REASON", ""))
    for _ in range(40):
        site.page.clock.run_for(1000)
    expect(reason).to_have_count(0)


def test_account_that_stays_unreadable_keeps_no_other_accounts_reason_on_the_page(site: Site) -> None:
    both = POSITIONS.replace("REASON", REASON + SECOND)
    site.page.clock.install()
    site.answers["/positions/"] = answer(both)
    site.show(LIVE.replace("CONTENT", both))
    for _ in range(70):
        site.page.clock.run_for(1000)

    site.page.locator("#positions").evaluate(
        "(panel, reason) => panel.insertAdjacentHTML('beforeend', reason)", REASON.replace("positions-7", "positions-8")
    )
    for _ in range(3):
        site.page.clock.run_for(1000)
    # Sooner than the first account, by now doubted twice a minute, is asked for again.
    expect(site.page.locator("[data-old=positions-8]")).to_have_count(0, timeout=5000)
    expect(site.page.locator("[data-old=positions-7]")).to_have_count(1)
