"""What the page does with what it hears: newer numbers stay, and old claims are taken back."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Route, expect

from tests.browser.product import Exchange
from tests.browser.site import ASK, HEAR
from tests.browser.terminal import Terminal

# The reason may stand for a quarter of a second only, so the page itself notes that it did.
NOTE = """() => new MutationObserver(() => {
  window.stood ||= Boolean(document.querySelector('#positions .table-reason'));
}).observe(document.body, {childList: true, subtree: true})"""
AN_HOUR_LATER = "const now = Date.now; Date.now = () => now() + 3600 * 1000"
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
    page, reason = terminal.page, terminal.page.locator("#positions .table-reason")
    answers = [drawn_on_old_figures(terminal), drawn_on_old_figures(terminal)]
    page.route("**/positions/", lambda route: answered(route, answers))
    page.evaluate(ASK, "positions")
    expect(reason).to_be_visible()

    page.evaluate(HEAR, json.dumps(current(terminal)))

    # It is drawn on old figures once more, and of those that come after it only how old they are has changed.
    terminal.until(lambda: not answers)
    page.wait_for_selector("#positions .age-closed", state="attached")
    page.evaluate(HEAR, json.dumps({name: told for name, told in current(terminal).items() if name.endswith("-age")}))

    expect(reason).to_have_count(0)


def test_reason_that_was_on_its_way_when_figures_became_current_goes(harbor: Exchange, sit_down: SitDown) -> None:
    terminal = undisturbed(sit_down(harbor))
    page, reason = terminal.page, terminal.page.locator("#positions .table-reason")
    on_their_way: list[Route] = []
    page.route("**/positions/", lambda route: on_their_way.append(route))  # noqa: PLW0108  # builtins take no mark
    page.evaluate(ASK, "positions")
    terminal.until(lambda: bool(on_their_way))

    page.evaluate(HEAR, json.dumps(current(terminal)))
    page.unroute("**/positions/")
    page.evaluate(NOTE)
    on_their_way[0].fulfill(body=drawn_on_old_figures(terminal), content_type="text/html")
    terminal.until(lambda: bool(page.evaluate("() => window.stood")))

    expect(reason).to_have_count(0)


def test_page_that_the_browser_kept_says_how_old_it_is(harbor: Exchange, sit_down: SitDown) -> None:
    terminal = sit_down(harbor)
    page = terminal.page
    page.goto(f"{harbor.url}/trade/ETH/")
    terminal.watch.allow("console error: ")
    page.add_init_script(AN_HOUR_LATER)
    page.context.set_offline(True)
    page.go_back()

    expect(page.locator("#market_bar time.age")).to_have_class("age age-closed")
    expect(page.locator("#positions-age")).to_have_text("1 h old")
    page.context.set_offline(False)


def current(terminal: Terminal) -> dict[str, dict[str, str]]:
    """What the stream says of the panel when its figures are current."""
    name = terminal.page.locator("#positions .panel-age").get_attribute("data-live")
    for_long = datetime.now(UTC) + timedelta(hours=1)
    return {str(name): {"class": "is-live"}, f"{name}-age": {"datetime": for_long.isoformat()}}


def answered(route: Route, answers: list[str]) -> None:
    """The answers in their order, and what the product says from then on."""
    if answers:
        route.fulfill(body=answers.pop(0), content_type="text/html")
    else:
        route.continue_()


def drawn_on_old_figures(terminal: Terminal) -> str:
    """The positions panel as a page shows it that is opened after a quiet hour."""
    drawn = terminal.visitor().get("/positions/").text
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    closed = re.sub('class="panel-age is-[a-z]+"', 'class="panel-age is-closed"', drawn)
    closed = re.sub('datetime="[^"]+"', f'datetime="{an_hour_ago}"', closed)
    name = next(iter(current(terminal)))
    return closed.replace("</p>", f'</p><p class="table-reason" data-old="{name}">Account figures are 1 h old.</p>', 1)
