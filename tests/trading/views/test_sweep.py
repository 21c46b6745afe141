"""Everything at once over HTTP: closing all positions and cancelling all orders, each part once and by itself."""

import re
import socket
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.test import Client

from perpsstudio.celery import app
from tests.trading.conftest import Desk, open_desk
from tests.trading.tickets import ticket
from tests.trading.views.conftest import publish_prices
from trading.margin.rounding import Direction
from trading.margin.types import MarginMode, Side
from trading.models import Command, Market, Order, Position, VenueAccount
from trading.services import closing
from trading.services.commands import prepare
from trading.services.orders import place_order
from trading.venues.hyperliquid import rules

CLOSE, CANCEL = "/positions/all/close/", "/orders/all/cancel/"


@pytest.fixture
def holding(desk: Desk, browser: Client) -> Desk:
    """Alice with an isolated long of Bitcoin and a cross short of Ether."""
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    ether = Market.objects.get(venue="hyperliquid", network="testnet", name="ETH")
    short = ticket(side=Side.SHORT, size=Decimal("0.2"), mode=MarginMode.CROSS, mark=ether.mark_price)
    place_order(desk.adapter, desk.account, ether, short)
    return desk


@pytest.fixture
def resting(desk: Desk, browser: Client) -> Desk:
    """Alice with two orders of Bitcoin and one of Ether in the book."""
    for price in (80000, 81000):
        place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(price)))
    ether = Market.objects.get(venue="hyperliquid", network="testnet", name="ETH")
    low = ether.rules.price_rule.rounded(ether.mark_price * Decimal("0.9"), Direction.DOWN)
    place_order(desk.adapter, desk.account, ether, ticket(size=Decimal("0.2"), limit_price=low, mark=ether.mark_price))
    return desk


def form_of(browser: Client, path: str) -> dict[str, object]:
    """The form as the dialog holds it."""
    page = browser.get(path).content.decode()
    key = re.search(r'name="form_key" value="([^"]+)"', page)
    assert key
    return {"form_key": key[1], "part": re.findall(r'name="part" value="([^"]+)"', page)}


def text_of(content: bytes) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", content.decode()).split())


def test_dialog_lists_every_position_and_their_total(browser: Client, holding: Desk) -> None:
    page = text_of(browser.get(CLOSE).content)
    rows = Position.objects.select_related("market")
    value = sum(abs(row.size) * row.mark_price for row in rows)

    # Three per cent below and above the mark, on the market's tick and never beyond the bound.
    assert "BTC Isolated 5x Long" in page
    assert "Sells 0.01 at market, not below 83,420" in page
    assert "ETH Cross 10x Short" in page
    assert f"{value:,.2f}" in page
    assert "Close all 2 positions at market" in page


def test_one_confirmation_closes_each_position_once(browser: Client, holding: Desk) -> None:
    form = form_of(browser, CLOSE)

    first = browser.post(f"{CLOSE}now/", form)
    again = browser.post(f"{CLOSE}now/", form)

    for answer in (first, again):
        assert (answer.status_code, answer["HX-Trigger"]) == (200, "refresh")
        words = text_of(answer.content)
        assert "Filled: sell 0.01 BTC at market" in words
        assert "Filled: buy 0.2 ETH at market" in words
        assert "All done." in words
    assert not Position.objects.exists()
    assert holding.at_venue()["positions"] == []
    orders = Command.objects.filter(kind="order", intent__reduce_only="True")
    assert sorted(orders.values_list("state", flat=True)) == ["accepted", "accepted"]


def test_silent_broker_holds_up_no_close(browser: Client, holding: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    form = form_of(browser, CLOSE)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(app.conf, "broker_write_url", f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        words = text_of(browser.post(f"{CLOSE}now/", form).content)
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):
            silent.accept()

    assert "All done." in words
    assert holding.at_venue()["positions"] == []


def test_two_pages_that_close_all_close_once(browser: Client, holding: Desk) -> None:
    one, other = form_of(browser, CLOSE), form_of(browser, CLOSE)
    synced_at = VenueAccount.objects.get().synced_at
    shown = list(Position.objects.values())
    browser.post(f"{CLOSE}now/", one)
    # The other page's request is under way before the account is read again.
    VenueAccount.objects.update(synced_at=synced_at)
    Position.objects.bulk_create(Position(**row) for row in shown)

    words = text_of(browser.post(f"{CLOSE}now/", other).content)

    assert "All done." in words
    assert Command.objects.filter(kind="order", intent__reduce_only="True").count() == 2


def test_close_that_was_filled_in_part_is_sent_again(browser: Client, holding: Desk) -> None:
    one, other = form_of(browser, CLOSE), form_of(browser, CLOSE)
    synced_at = VenueAccount.objects.get().synced_at
    shown = list(Position.objects.values())
    browser.post(f"{CLOSE}now/", one)
    closes = Command.objects.filter(kind="order", intent__reduce_only="True")
    closes.filter(market=holding.market).update(evidence={"kind": "filled", "size": "0.004", "average_price": "86000"})
    # The reading after it failed, so the pages still show what was held before.
    VenueAccount.objects.update(synced_at=synced_at)
    Position.objects.bulk_create(Position(**row) for row in shown)

    browser.post(f"{CLOSE}now/", other)

    assert sorted(closes.values_list("market__name", flat=True)) == ["BTC", "BTC", "ETH"]


def test_position_opened_since_the_dialog_is_left_alone(browser: Client, desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    form = form_of(browser, CLOSE)
    ether = Market.objects.get(venue="hyperliquid", network="testnet", name="ETH")
    place_order(desk.adapter, desk.account, ether, ticket(size=Decimal("0.2"), mark=ether.mark_price))

    browser.post(f"{CLOSE}now/", form)

    assert [row.market.name for row in Position.objects.select_related("market")] == ["ETH"]


def test_refused_part_says_why_and_is_offered_once_more(browser: Client, holding: Desk) -> None:
    form = form_of(browser, CLOSE)
    # Further below the price that was heard last than a market order may go.
    holding.sandbox.mark("BTC", "80000")

    page = browser.post(f"{CLOSE}now/", form).content.decode()

    assert "1 of 2 done, 1 not done." in page
    assert "Refused: sell 0.01 BTC at market" in page
    assert f'hx-get="{CLOSE}"' in page
    assert Position.objects.get().market.name == "BTC"
    publish_prices(holding)
    assert "All done." in browser.post(f"{CLOSE}now/", form_of(browser, CLOSE)).content.decode()
    assert not Position.objects.exists()


def test_lost_answer_is_told_as_checking_and_asked_for_again(browser: Client, holding: Desk) -> None:
    form = form_of(browser, CLOSE)
    holding.sandbox.fault("drop_after", "order")

    page = browser.post(f"{CLOSE}now/", form).content.decode()

    assert "1 of 2 done, 1 being checked." in page
    assert Command.objects.filter(state="unknown").count() == 1
    asked = re.search(r'id="sweep_end"[^>]* hx-get="([^"]+)"', page)
    assert asked
    told = browser.get(asked[1].replace("&amp;", "&")).content.decode()
    assert "1 of 2 done, 1 being checked." in told
    assert told.count('hx-swap-oob="outerMorph"') == 2

    Command.objects.filter(state="unknown").update(state="dead", message="The venue never got it.")
    told = browser.get(asked[1].replace("&amp;", "&")).content.decode()
    assert "1 of 2 done, 1 not done." in told
    assert "The venue never got it." in told
    assert "Try again" in told
    assert "hx-trigger" not in told


def test_account_without_a_key_is_told_so_beside_its_positions(browser: Client, holding: Desk) -> None:
    form = form_of(browser, CLOSE)
    VenueAccount.objects.update(agent_key=b"")

    words = text_of(browser.post(f"{CLOSE}now/", form).content)

    assert words.count("Trading is not connected for this account.") == 2
    assert "0 of 2 done, 2 not done." in words
    assert Position.objects.count() == 2


def test_form_without_a_key_or_without_parts_does_nothing(browser: Client, holding: Desk) -> None:
    part = form_of(browser, CLOSE)["part"]

    assert browser.post(f"{CLOSE}now/", {"form_key": "", "part": part}).status_code == 422
    assert "Nothing was left to do." in browser.post(f"{CLOSE}now/", {"form_key": str(uuid4())}).content.decode()
    strange = {"form_key": str(uuid4()), "part": ["position-0", "x" * 9000]}
    assert "Nothing was left to do." in browser.post(f"{CLOSE}now/", strange).content.decode()
    assert Position.objects.count() == 2


def test_another_traders_positions_are_neither_listed_nor_closed_nor_told(browser: Client, holding: Desk) -> None:
    form = form_of(browser, CLOSE)
    command = Command.objects.earliest("nonce")
    bob = open_desk(holding.sandbox, holding.operator, "bob@alpha.example")
    browser.force_login(bob.trader)

    assert "No position is open." in browser.get(CLOSE).content.decode()
    assert "Nothing was left to do." in browser.post(f"{CLOSE}now/", form).content.decode()
    assert "Nothing was left to do." in browser.get(f"/sweep/?command={command.pk}").content.decode()
    assert Position.objects.count() == 2


def test_orders_of_all_markets_are_cancelled_once(browser: Client, resting: Desk) -> None:
    page = text_of(browser.get(CANCEL).content)
    assert "Cancel all 3 orders" in page
    form = form_of(browser, CANCEL)

    answers = [text_of(browser.post(f"{CANCEL}now/", form).content) for _ in range(2)]

    for words in answers:
        assert "Done: cancel 2 BTC orders" in words
        assert "Done: cancel 1 ETH order" in words
        assert "All done." in words
    assert not Order.objects.filter(is_open=True).exists()
    assert Command.objects.filter(kind="cancel_all").count() == 2


def test_cancelling_that_broke_off_is_repeated_whole(
    browser: Client, resting: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_CANCELS", 1)
    form = form_of(browser, CANCEL)
    asked: list[object] = []

    def lost_at_the_second(*args: Any) -> object:
        asked.append(args)
        if len(asked) == 2:
            raise OperationalError
        return prepare(*args)

    with monkeypatch.context() as patched:
        patched.setattr(closing, "prepare", lost_at_the_second)
        with pytest.raises(OperationalError):
            browser.post(f"{CANCEL}now/", form)
    assert len(asked) == 2
    assert not Command.objects.filter(kind="cancel_all").exists()

    words = text_of(browser.post(f"{CANCEL}now/", form).content)
    assert "All done." in words
    assert Command.objects.filter(kind="cancel_all").count() == 3
    assert not Order.objects.filter(is_open=True).exists()


def test_without_scripts_the_outcome_has_a_page_of_its_own(browser: Client, holding: Desk) -> None:
    plain = Client(HTTP_HOST="alpha.localhost")
    plain.force_login(holding.trader)
    form = form_of(plain, CLOSE)

    page = plain.post(f"{CLOSE}now/", form).content.decode()

    assert "<!doctype html>" in page
    assert "All done." in page
