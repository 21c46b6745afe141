"""A venue that takes no new risk while prices stream on: every form says so before anything is sent, at both venues."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from django.conf import settings
from django.test import Client
from redis import Redis

from tests.trading.aster.conftest import alice, aster, operator, ready  # noqa: F401  # fixtures
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.views.conftest import publish_prices
from trading.connect import account_adapter
from trading.live import board, keys, weather
from trading.live.connections import blocking
from trading.models import Command, Order, Position
from trading.recent import forget_desks
from trading.services.storm import SENTENCES
from trading.services.sync import sync_account
from trading.venues import weather as rules
from trading.venues.snapshots import Network, Venue
from trading.venues.weather import Door, Evidence, Kind, Outcome, Sky

LOST = Outcome(Kind.FAILED, 5.0)
UNANSWERED = Outcome(Kind.FAILED, 5.0, door=Door.COMMAND)
GOOD = Outcome(Kind.ANSWERED, 0.1)
# What was heard of each sky, as seconds ago.
HEARD = {
    Sky.DOWN: [(0.0, LOST), (1.0, LOST), (3.0, LOST)],
    Sky.HALTED: [(0.0, GOOD), (1.0, Outcome(Kind.HALTED, 0.1, door=Door.ORDER))],
    Sky.ORDERS_UNANSWERED: [(0.0, GOOD), (0.1, UNANSWERED), (1.0, UNANSWERED), (3.0, UNANSWERED), (4.0, GOOD)],
    Sky.RATE_LIMITED: [(0.0, Outcome(Kind.SLOWED, 0.1, wait=600.0))],
}
TITLES = {
    Sky.DOWN: "{venue} is not answering.",
    Sky.HALTED: "{venue} has halted usual trading.",
    Sky.ORDERS_UNANSWERED: "{venue} is not answering orders.",
    Sky.RATE_LIMITED: "{venue} asks us to slow down.",
}
SILENT = "The venue takes nothing from this exchange until"
HEADERS = {"HX-Request": "true"}


@dataclass
class Seat:
    """A trader in front of a market of either venue, with a position and a resting order there."""

    browser: Client
    venue: Venue
    address: str

    def bring(self, sky: Sky, ago: float = 0.0) -> None:
        """What was heard of the venue is this; its prices stream on."""
        self.hear()
        now = datetime.now(UTC) - timedelta(seconds=ago)
        for seconds, outcome in reversed(HEARD[sky]):
            told = Evidence(now - timedelta(seconds=seconds), outcome)
            key = keys.weather(self.venue, Network.TESTNET, settings.EGRESS, outcome.door)
            blocking().lpush(key, msgspec.json.encode(told))
        weather.forget()
        forget_desks()

    def hear(self) -> None:
        """The same prices again, and the account read just now."""
        position = Position.objects.select_related("account").get()
        states = account_adapter(position.account).markets().states
        sync_account(account_adapter(position.account), position.account)
        board._remembered.clear()
        board.publish(self.venue, Network.TESTNET, states, datetime.now(UTC))
        for door in Door:  # what these readings and all before them had to say is of another day
            blocking().delete(keys.weather(self.venue, Network.TESTNET, settings.EGRESS, door))
        weather.forget()

    def quote(self, **changes: str) -> str:
        ticket = {"side": "long", "kind": "market", "size": "0.01", "unit": "coin", "mode": "isolated", "leverage": "5"}
        return self.get(f"/trade/{self.address}/quote/", **(ticket | changes))

    def order(self, **changes: str) -> str:
        answer = self.browser.post(
            f"/trade/{self.address}/order/",
            {"form_key": str(uuid4()), "side": "long", "kind": "market", "size": "0.01", "unit": "coin",
             "mode": "isolated", "leverage": "5"} | changes,
            headers=HEADERS,
        )  # fmt: skip
        return str(answer.content.decode())

    def get(self, path: str, **fields: str) -> str:
        answer = self.browser.get(path, fields, headers=HEADERS)
        assert answer.status_code == 200, path
        return str(answer.content.decode())


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, what was heard is remembered, and no order asks before its time."""
    monkeypatch.setattr(rules, "MEMORY", timedelta(hours=2))
    monkeypatch.setattr(rules, "CLOSED", timedelta(hours=1))


@pytest.fixture(params=["hyperliquid", "aster"])
def seat(request: pytest.FixtureRequest, db: None, redis: Redis) -> Seat:  # noqa: F811
    if request.param == "hyperliquid":
        desk = request.getfixturevalue("desk")
        publish_prices(desk)
        browser = Client(HTTP_HOST="alpha.localhost")
        browser.force_login(desk.trader)
        seat = Seat(browser, Venue.HYPERLIQUID, "hyperliquid:BTC")
    else:
        trader = request.getfixturevalue("ready")
        seat = Seat(trader.browser, Venue.ASTER, "aster:BTCUSDT")
    assert "Filled" in seat.order()
    seat.order(kind="limit", price="80000")
    assert (Position.objects.count(), Order.objects.filter(is_open=True).count()) == (1, 1)
    weather.forget()
    return seat


def is_disabled(page: str, button: str) -> bool:
    (found,) = re.findall(rf'<button[^>]*id="{button}"[^>]*>', page)
    return " disabled" in found


def why(page: str, name: str) -> str:
    (found,) = re.findall(rf'id="{name}_why"><span>([^<]*)', page)
    return str(found)


def test_every_form_that_adds_risk_says_why_not_and_no_other_is_closed(seat: Seat) -> None:
    for sky in HEARD:
        check_every_form(seat, sky)


def check_every_form(seat: Seat, sky: Sky) -> None:
    seat.bring(sky)
    before = Command.objects.count()
    held, order = Position.objects.get().pk, Order.objects.get(is_open=True).pk
    sentence = SENTENCES.get(sky, SILENT)

    quotes = [seat.quote(), seat.quote(leverage="10"), seat.quote(side="short", size="0.02")]
    removing = seat.get(f"/positions/{held}/margin/preview/", direction="remove", amount="1")
    changing = seat.get(f"/orders/{order}/change/preview/", price="81000", size="0.01")
    flipping = seat.get(f"/positions/{held}/close/preview/", kind="flip")
    reducing = seat.quote(side="short", reduce_only="on")
    adding = seat.get(f"/positions/{held}/margin/preview/", direction="add", amount="1")
    closing = seat.get(f"/positions/{held}/close/preview/")
    refused = seat.order()
    banner = seat.get("/banner/")

    assert [is_disabled(page, "place_order") for page in quotes] == [True] * 3
    assert all(why(page, "place_order").startswith(sentence) for page in [*quotes, refused])
    assert (is_disabled(removing, "change_margin"), why(removing, "change_margin")[: len(sentence)]) == (True, sentence)
    assert (is_disabled(changing, "modify_order"), why(changing, "modify")[: len(sentence)]) == (True, sentence)
    assert (is_disabled(flipping, "close_position"), why(flipping, "close")[: len(sentence)]) == (True, sentence)
    assert [is_disabled(reducing, "place_order"), why(reducing, "place_order")] == [False, ""]
    assert [is_disabled(adding, "change_margin"), why(adding, "change_margin")] == [False, ""]
    assert [is_disabled(closing, "close_position"), why(closing, "close")] == [False, ""]
    assert TITLES[sky].format(venue=seat.venue.value.title()) in banner
    assert Command.objects.count() == before


def test_order_that_only_reduces_is_told_how_it_may_go(seat: Seat) -> None:
    seat.bring(Sky.HALTED)
    page = seat.quote(side="short", size="0.01")

    assert is_disabled(page, "place_order")
    assert why(page, "place_order").endswith("Tick “Reduce only” to send this one.")


@pytest.mark.parametrize("sky", [Sky.HALTED, Sky.ORDERS_UNANSWERED])
def test_ticket_opens_again_when_an_order_may_ask(seat: Seat, sky: Sky) -> None:
    seat.bring(sky, ago=3600)

    assert not is_disabled(seat.quote(), "place_order")
    assert TITLES[sky].format(venue=seat.venue.value.title()) in seat.get("/banner/")
    assert "Filled" in seat.order()


def test_cancelling_stays_open_whatever_the_weather(seat: Seat) -> None:
    seat.bring(Sky.DOWN)
    order = Order.objects.get(is_open=True)

    answer = seat.browser.post(f"/orders/{order.pk}/cancel/", {"form_key": str(uuid4())}, headers=HEADERS)

    assert answer.status_code == 200
    assert Command.objects.latest("prepared_at").kind == "cancel"
