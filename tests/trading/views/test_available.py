"""Tickets of accounts that are not standard: their largest order is the venue's to tell (Hyperliquid 2.6, 3.9)."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from tests.trading.conftest import Desk
from tests.trading.elsewhere import choose_mode, settled
from tests.trading.tickets import ticket
from tests.trading.views.conftest import publish_prices
from tests.trading.views.forms import fields
from trading.margin.types import MarginMode
from trading.models import Command, Position, VenueAccount
from trading.panels.numbers import plain
from trading.recent import forget_desks
from trading.services.orders import place_order

MARKET = "/trade/hyperliquid:BTC/"
QUOTE, ORDER, AVAILABLE, ACCOUNT = f"{MARKET}quote/", f"{MARKET}order/", f"{MARKET}available/", "/account/"
MODES = {"unifiedAccount": "unified", "portfolioMargin": "portfolio"}


@pytest.fixture(params=list(MODES))
def pooled(desk: Desk, browser: Client, request: pytest.FixtureRequest) -> Desk:
    """Alice, who has chosen this mode at the venue."""
    desk.sandbox.fund(desk.account.address, "5000")
    choose_mode(desk, request.param)
    assert settled(desk, times=2) == []
    assert desk.reread().mode == MODES[request.param]
    publish_prices(desk)
    forget_desks()
    return desk


def page(browser: Client, address: str, **typed: str) -> str:
    return browser.get(address, fields(**typed) if typed else {}).content.decode()


def told(desk: Desk) -> dict[str, Any]:
    answer: dict[str, Any] = desk.sandbox.info("activeAssetData", user=desk.account.address, coin="BTC")
    return answer


def test_ticket_says_that_the_largest_order_is_not_known_until_the_venue_tells(pooled: Desk, browser: Client) -> None:
    untold = page(browser, QUOTE, size="", percent="50", leverage="10")
    assert "max not known" in untold
    assert "The venue has not said yet how much this account may use here." in untold
    assert 'hx-get="/trade/hyperliquid:BTC/available/"' in Client.get(browser, MARKET).content.decode()

    shown = page(browser, AVAILABLE)
    answer = told(pooled)
    assert answer["availableToTrade"] == ["15000.0", "15000.0"]
    assert "Venue: 15,000.00 USDC available" in shown
    assert '<time class="age age-live"' in shown


def test_largest_order_is_what_the_venue_tells_at_every_leverage(pooled: Desk, browser: Client) -> None:
    page(browser, AVAILABLE)
    answer = told(pooled)
    assert answer["leverage"]["value"] == 20
    mark, available = Decimal(answer["markPx"]), Decimal(answer["availableToTrade"][0])

    at_the_venues = page(browser, QUOTE, size="", leverage="20")
    assert f"max {plain(Decimal(answer['maxTradeSzs'][0]))} BTC" in at_the_venues
    elsewhere = page(browser, QUOTE, size="", leverage="5")
    assert f"max {plain(pooled.market.rules.floor_size(available * 5 / mark))} BTC" in elsewhere


def test_order_beyond_what_the_venue_tells_is_refused_and_one_within_goes_out(pooled: Desk, browser: Client) -> None:
    page(browser, AVAILABLE)
    refused = browser.post(ORDER, fields(size="2", leverage="10"))
    assert (refused.status_code, Command.objects.count()) == (422, 0)
    assert "That needs more than your free collateral" in refused.content.decode()

    placed = browser.post(ORDER, fields(size="", percent="100", leverage="10"))
    assert placed.status_code == 200, placed.content.decode()
    whole = Decimal(told(pooled)["availableToTrade"][0])
    assert 0 < whole < 15000 * Decimal("0.02")
    assert Position.objects.get().leverage == 10


def test_portfolio_account_is_worth_what_nobody_tells(pooled: Desk, browser: Client) -> None:
    """1,000 HYPE without USDC: the stored sums are zero, which is not what the account is worth."""
    VenueAccount.objects.filter(pk=pooled.account.pk).update(equity=0, cross_equity=0, withdrawable=0)
    forget_desks()
    shown = page(browser, ACCOUNT)
    numbers = dict(re.findall(r'id="account-(equity|free|usage)"[^>]*>([^<]*)<', shown))
    of_mode = {"unified": ("0.00", "0.00"), "portfolio": ("not known", "not known")}
    mode = pooled.reread().mode
    assert (numbers["equity"], numbers["free"]) == of_mode[mode]
    unit = re.findall(r'id="account-equity"[^>]*>[^<]*</span>( <span class="unit">USDC</span>)?', shown)
    assert [bool(one) for one in unit] == [mode == "unified"]


def test_standard_account_gets_no_line_and_only_what_is_set(desk: Desk, browser: Client) -> None:
    assert '<p id="available" class="note note-split" hidden hx-get=' in Client.get(browser, MARKET).content.decode()
    setting = '<span hidden data-mode="isolated" data-leverage="5"></span>'
    assert page(browser, AVAILABLE).partition('<div id="mode_switch"')[0].strip() == setting
    assert "max not known" not in page(browser, QUOTE, size="", leverage="10")


def modes(html: str) -> list[tuple[str, str]]:
    """The modes of the switch, with what was said of their inputs: chosen, closed, or nothing."""
    found = re.findall(r'name="mode" value="([a-z]+)"( checked)?( disabled)?', html)
    return [(mode, f"{checked}{disabled}".strip()) for mode, checked, disabled in found]


def hold(desk: Desk, mode: MarginMode) -> None:
    """A position that appears without the page's doing."""
    assert place_order(desk.adapter, desk.account, desk.market, ticket(mode=mode)).state == "accepted"
    forget_desks()


CLOSE_FIRST = "Close the position to change between isolated and cross."


def test_position_that_opens_closes_the_other_mode_on_the_page(desk: Desk, browser: Client) -> None:
    free = page(browser, AVAILABLE, mode="cross")
    assert modes(free) == [("isolated", ""), ("cross", "checked")]
    assert CLOSE_FIRST not in free

    hold(desk, MarginMode.ISOLATED)
    held = page(browser, AVAILABLE, mode="cross")
    assert modes(held) == [("isolated", "checked"), ("cross", "disabled")]
    assert f'<p class="note">{CLOSE_FIRST}</p>' in held
    assert "Another leverage counts only for what you add." in held
    assert modes(page(browser, AVAILABLE)) == modes(Client.get(browser, MARKET).content.decode()) == modes(held)


def test_order_in_the_other_mode_is_refused_in_words_beside_its_field(desk: Desk, browser: Client) -> None:
    hold(desk, MarginMode.ISOLATED)
    sent = Command.objects.count()
    answer = browser.post(ORDER, fields(mode="cross", size="0.02"))

    assert (answer.status_code, Command.objects.count()) == (422, sent)
    page = answer.content.decode()
    assert f'<p class="field-error" id="error_mode" role="status" hx-swap-oob="outerMorph">{CLOSE_FIRST}</p>' in page
    assert Position.objects.get().size == Decimal("0.01")


def test_whoever_has_no_account_asks_nothing(desk: Desk, browser: Client) -> None:
    VenueAccount.objects.filter(pk=desk.account.pk).update(is_current=False)
    forget_desks()
    assert "/available/" not in Client.get(browser, MARKET).content.decode()
    assert page(browser, AVAILABLE).strip() == ""
