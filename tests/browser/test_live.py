"""What the page does with what it hears: newer numbers stay, and old claims are taken back."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Route, expect

from tests.browser.product import Exchange
from tests.browser.terminal import Terminal

HEAR = "data => document.dispatchEvent(new CustomEvent('patch', {detail: {data}}))"
ASK = "name => document.getElementById(name).dispatchEvent(new CustomEvent('refresh'))"
SitDown = Callable[..., Terminal]


def undisturbed(terminal: Terminal) -> Terminal:
    """The page anew, whose stream is asked for and never answers: it hears what a test says and nothing else."""
    terminal.watch.allow("console error: htmx: htmx:error: signal is aborted")
    terminal.page.route("**/live/**", lambda route: None)
    terminal.open()
    return terminal


def test_panel_that_was_on_its_way_puts_no_older_number_back(harbor: Exchange, sit_down: SitDown) -> None:
    terminal = undisturbed(sit_down(harbor))
    page, equity = terminal.page, terminal.page.locator("#account-equity")
    older = terminal.visitor().get("/account/").text
    on_their_way: list[Route] = []
    page.route("**/account/", lambda route: on_their_way.append(route))  # noqa: PLW0108  # builtins take no mark
    page.evaluate(ASK, "account")
    terminal.until(lambda: bool(on_their_way))

    page.evaluate(HEAR, json.dumps({"account-equity": "12,345.67"}))
    expect(equity).to_have_text("12,345.67")
    page.evaluate("() => { document.getElementById('account').dataset.noted = 'yes' }")
    on_their_way[0].fulfill(body=older, content_type="text/html")
    expect(page.locator("#account[data-noted]")).to_have_count(0)

    expect(equity).to_have_text("12,345.67")
    page.unroute("**/account/")


def test_reason_for_closed_buttons_goes_when_figures_are_current_again(harbor: Exchange, sit_down: SitDown) -> None:
    terminal = undisturbed(sit_down(harbor))
    page = terminal.page
    page.route(
        "**/positions/", lambda route: route.fulfill(body=drawn_on_old_figures(terminal), content_type="text/html")
    )
    page.evaluate(ASK, "positions")
    expect(page.locator("#positions .table-reason")).to_be_visible()

    page.unroute("**/positions/")
    name = page.locator("#positions .panel-age").get_attribute("data-live")
    current = {name: {"class": "is-live"}, f"{name}-age": {"datetime": datetime.now(UTC).isoformat()}}
    page.evaluate(HEAR, json.dumps(current))

    expect(page.locator("#positions .table-reason")).to_have_count(0)


def drawn_on_old_figures(terminal: Terminal) -> str:
    """The positions panel as a page shows it that is opened after a quiet hour."""
    drawn = terminal.visitor().get("/positions/").text
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    closed = re.sub('class="panel-age is-[a-z]+"', 'class="panel-age is-closed"', drawn)
    closed = re.sub('datetime="[^"]+"', f'datetime="{an_hour_ago}"', closed)
    return closed.replace("</p>", '</p><p class="table-reason">Account figures are 1 h old.</p>', 1)
