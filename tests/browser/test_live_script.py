"""The scripts that draw what moves: ages, reasons, the chart's words, with every answer from the test."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import PHONE
from tests.browser.site import HOME, Site, answer, in_turn
from tests.trading.panels.samples import full_page
from tests.trading.panels.table_samples import order_rows, position_rows
from tests.trading.panels.ticket_samples import LIVE as LIVE_FIGURES
from tests.trading.panels.ticket_samples import NOW, quote

CANDLES = (
    '{"candles": ['
    + ", ".join(f'{{"time": {900 * i}, "open": "9", "high": "9", "low": "9", "close": "9"}}' for i in (1, 2))
    + "]}"
)


@pytest.mark.parametrize("site", [PHONE], ids=["phone"], indirect=True)
@pytest.mark.parametrize(
    ("prices", "said", "rows"),
    [
        (["102345.6"], "↓ Liquidation 102,345.6 · est. 101,234.5, below this view", 1),
        (
            ["102345.6", "103456.7"],
            "↓ Liquidation 102,345.6 · Liquidation 103,456.7 · est. 101,234.5, below this view",
            2,
        ),
    ],
    ids=["one way", "hedged"],
)
def test_liquidation_prices_out_of_view_are_all_read_on_a_phone(
    site: Site, prices: list[str], said: str, rows: int
) -> None:
    page, held = full_page(), position_rows()
    card = replace(page.ticket.quote.liquidation, price_value="101234.5")
    legs = tuple(replace(row, market="ETH", liquidation_value=price) for row, price in zip(held, prices, strict=False))
    site.answers["/trade/ETH/candles/"] = answer(CANDLES.replace('"9"', '"150000"'), kind="application/json")
    site.show(
        '{% extends "trading/terminal.html" %}',
        page=replace(
            page,
            ticket=replace(page.ticket, quote=replace(page.ticket.quote, liquidation=card)),
            positions=replace(page.positions, rows=legs),
        ),
    )

    words = site.page.locator("#chart_below")
    expect(words).to_have_text(said)
    shown, chart = words.bounding_box(), site.page.locator("#chart_canvas").bounding_box()
    assert shown
    assert chart
    assert shown["height"] < 4 + 20 * rows
    assert shown["x"] + shown["width"] <= chart["x"] + chart["width"]


@pytest.mark.parametrize("site", [{"width": 1280, "height": 720}], ids=["low"], indirect=True)
def test_row_under_the_button_fades_until_all_is_scrolled_into_view(site: Site) -> None:
    site.show('{% extends "trading/terminal.html" %}', page=full_page())
    veil = "() => getComputedStyle(document.getElementById('place_order'), '::before').opacity"

    site.page.wait_for_function(f"({veil})() === '1'")
    site.page.locator(".side").evaluate("side => side.scrollTo(0, side.scrollHeight)")
    site.page.wait_for_function(f"({veil})() === '0'")


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LIVE = """{% extends "base.html" %}
{% block scripts %}<script src="{{ static('js/live.js') }}" defer></script>
<script src="{{ static('js/ages.js') }}" defer></script>{% endblock %}
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
    # Left to run by itself, it may come to the first account's own turn before the test has looked.
    site.page.clock.install(time=NOON)
    site.page.clock.pause_at(NOON + timedelta(hours=1))
    site.answers["/positions/"] = answer(both)
    site.show(LIVE.replace("CONTENT", both))
    for _ in range(70):
        site.page.clock.run_for(1000)

    site.page.locator("#positions").evaluate(
        "(panel, reason) => panel.insertAdjacentHTML('beforeend', reason)", REASON.replace("positions-7", "positions-8")
    )
    # Sooner than the first account, by now doubted twice a minute, is asked for again.
    with site.page.expect_request("**/positions/"):
        for _ in range(3):
            site.page.clock.run_for(1000)
    site.page.clock.resume()
    expect(site.page.locator("[data-old=positions-8]")).to_have_count(0)
    expect(site.page.locator("[data-old=positions-7]")).to_have_count(1)


QUOTE = '{% from "components/quote.html" import quote_block %}{{ quote_block(quote) }}'
TOO_OLD = "This estimate is too old to trade on; a new one is on its way."


@pytest.mark.parametrize(
    ("change", "is_open", "said"),
    [
        ({}, False, TOO_OLD),
        ({"reduces": True}, True, ""),
        ({"must_connect": True, "blocked_because": "Connect a key."}, True, "Connect a key."),
    ],
    ids=["opens", "reduces", "leads elsewhere"],
)
def test_button_on_an_old_estimate_is_closed_only_where_it_opens(
    site: Site, change: dict[str, Any], is_open: bool, said: str
) -> None:
    site.answers["/trade/ETH/quote/"] = answer("", 204)
    site.show(LIVE.replace("CONTENT", QUOTE), quote=replace(quote(), **change))

    expect(site.page.locator("#quote")).to_contain_class("is-old")
    assert site.page.locator("#place_order").is_enabled() == is_open
    expect(site.page.locator("#place_order_why > span")).to_have_text(said)


@pytest.mark.parametrize("site", [PHONE], ids=["phone"], indirect=True)
def test_chart_draws_the_liquidation_price_that_has_moved(site: Site) -> None:
    page, (held, *_) = full_page(), position_rows()
    row = replace(held, market="ETH", liquidation_value="102345.6")
    site.answers["/trade/ETH/candles/"] = answer(CANDLES.replace('"9"', '"150000"'), kind="application/json")
    site.show(
        '{% extends "trading/terminal.html" %}', page=replace(page, positions=replace(page.positions, rows=(row,)))
    )
    words = site.page.locator("#chart_below")
    expect(words).to_contain_text("Liquidation 102,345.6")

    site.hear({f"position-{row.id}": {"data": {"liquidation": "98765.4"}}})
    expect(words).to_contain_text("Liquidation 98,765.4")


def test_chart_that_somebody_comes_back_to_is_of_the_interval_that_is_chosen(site: Site) -> None:
    asked: list[str] = []

    def give(route: Route) -> None:
        asked.append(route.request.url.rpartition("=")[2])
        route.fulfill(body=CANDLES, content_type="application/json")

    site.answers["/trade/ETH/candles/"] = give
    site.show('{% extends "trading/terminal.html" %}', page=full_page())
    site.page.locator("#interval-4h").check()
    site.until(lambda: asked[-1] == "4h")
    site.answers["/elsewhere"] = answer("Elsewhere")
    asked.append("left")
    site.page.goto(f"{HOME}elsewhere")
    site.page.go_back()

    site.until(lambda: asked[-1] == "4h")
    expect(site.page.locator("#interval-4h")).to_be_checked()


def test_estimate_that_did_not_come_stays_marked_until_the_next(site: Site) -> None:
    site.page.clock.install(time=NOW)
    page, fresh = full_page(), replace(quote(), freshness=replace(LIVE_FIGURES, as_of=NOW + timedelta(hours=1)))
    drawn = site.templates.from_string(QUOTE).render(quote=fresh)
    site.answers["/trade/ETH/quote/"] = answer("", 503)
    site.show('{% extends "trading/terminal.html" %}', page=replace(page, ticket=replace(page.ticket, quote=fresh)))
    place = site.page.locator("#quote")
    expect(place).not_to_contain_class("is-old")
    site.page.clock.run_for(2500)
    expect(place).to_contain_class("is-old")
    site.page.clock.run_for(500)
    assert "is-old" in (place.get_attribute("class") or "")

    site.answers["/trade/ETH/quote/"] = answer(drawn)
    site.page.clock.run_for(2500)
    expect(place).not_to_contain_class("is-old")
