"""A venue that counts orders by the account refuses one account for its rate: that one rests, and nobody else."""

import math
from collections.abc import Iterator
from contextlib import suppress

import pytest
from redis import Redis

from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.venues.aster.venue import Venue
from tests.trading.venues.misbehaving import Behaviour, answer, in_turn
from trading.venues.aster.doors import AsterDoor
from trading.venues.aster.weights import TARIFF
from trading.venues.budget import Budget
from trading.venues.errors import CommandHeldBack, HeldBack, RateLimited, VenueError
from trading.venues.metered import MeteredTransport
from trading.venues.tariff import Limits as VenueLimits
from trading.venues.transport import Limits
from trading.venues.weather import Kind, Outcome

QUICK = Limits(connect=2.0, read=1.0, total=5.0, body=100_000)
ORDER = ("POST", "/fapi/v3/order", b"symbol=BTCUSDT&side=BUY")
CLOSE = ("POST", "/fapi/v3/order", b"symbol=BTCUSDT&side=SELL&reduceOnly=true")
CANCEL = ("DELETE", "/fapi/v3/order", b"symbol=BTCUSDT&orderId=1")
MARGIN = ("POST", "/fapi/v3/positionMargin", b"symbol=BTCUSDT&amount=5&type=1")
PROOF = ("GET", "/fapi/v3/order?symbol=BTCUSDT&orderId=1", b"")
FINE = answer(200, b"{}")
TOO_MANY_ORDERS = b'{"code":-1015,"msg":"Too many new orders; current limit is 300 orders per 10 SECOND."}'
TOO_MANY_REQUESTS = b'{"code":-1003,"msg":"Too many requests; current limit is 2400 requests per minute."}'


class Address:
    """One address of ours at the venue, whose clock stands still, and the ways of accounts through it."""

    def __init__(self, redis: Redis, venue: Venue) -> None:  # noqa: F811
        self.now, self.heard = 1000.0, list[Outcome]()
        self._redis, self._venue = redis, venue
        self._door = AsterDoor(venue.server.url, limits=QUICK)
        venue.on("positionMargin", FINE)

    def says(self, *behaviours: Behaviour) -> None:
        """What comes of requests for orders, one after another."""
        self._venue.on("order", in_turn(*behaviours))

    def way(self, account: str) -> MeteredTransport:
        return MeteredTransport(
            self._door,
            TARIFF,
            Budget(self._redis, "budget:test", clock=lambda: self.now, jitter=lambda: 1.0),
            lambda: VenueLimits(TARIFF.weight, TARIFF.orders),
            account=Budget(self._redis, f"budget:test:{account}", clock=lambda: self.now),
            heard=self.heard.append,
            sleep=lambda seconds: None,
        )

    def close(self) -> None:
        self._door.close()


@pytest.fixture
def address(redis: Redis, venue: Venue) -> Iterator[Address]:  # noqa: F811
    made = Address(redis, venue)
    yield made
    made.close()


def held_for(way: MeteredTransport, request: tuple[str, str, bytes]) -> float:
    """Seconds for which a request is kept back, 0 where it goes."""
    try:
        way.request(*request)
    except HeldBack as error:
        return error.retry_after or math.inf
    return 0.0


@pytest.mark.parametrize(
    ("refusal", "rests"),
    [
        (answer(429, TOO_MANY_ORDERS, Retry_After="30"), 30.0),
        (answer(429, TOO_MANY_ORDERS), 10.0),
        (answer(400, TOO_MANY_ORDERS), 10.0),
    ],
)
def test_account_that_sent_too_many_orders_rests_alone(address: Address, refusal: Behaviour, rests: float) -> None:
    address.says(refusal, FINE)
    first, second = address.way("1"), address.way("2")
    with suppress(RateLimited):
        first.request(*ORDER)

    assert [held_for(second, request) for request in (CLOSE, CANCEL, MARGIN, PROOF, ORDER)] == [0.0] * 5
    assert [held_for(first, request) for request in (CANCEL, MARGIN, PROOF)] == [0.0] * 3
    assert [held_for(first, request) for request in (ORDER, CLOSE)] == [rests] * 2
    assert {(outcome.kind, outcome.wait) for outcome in address.heard} == {(Kind.ANSWERED, None)}
    address.now += rests
    assert held_for(first, ORDER) == 0.0


def test_trader_is_told_that_his_own_account_rests(address: Address) -> None:
    address.says(answer(429, TOO_MANY_ORDERS, Retry_After="10"), FINE)
    way = address.way("1")
    with pytest.raises(RateLimited) as told:
        way.request(*ORDER)
    assert told.value.retry_after == 10.0

    with pytest.raises(CommandHeldBack) as caught:
        way.request(*ORDER)
    assert caught.value.explanation == (
        "The venue takes only cancels from this account, so this was not sent. Try again in 10 s."
    )


@pytest.mark.parametrize(
    "refusal",
    [
        answer(429, TOO_MANY_REQUESTS, Retry_After="7"),
        answer(418, TOO_MANY_ORDERS, Retry_After="7"),
        answer(429, b"", Retry_After="7"),
        answer(429, b"<html>-1015</html>", kind="text/html", Retry_After="7"),
        answer(429, TOO_MANY_ORDERS + b" " * 5000, Retry_After="7"),
    ],
)
def test_every_other_refusal_for_the_rate_is_our_address_s(address: Address, refusal: Behaviour) -> None:
    address.says(refusal, FINE)
    with pytest.raises(RateLimited):
        address.way("1").request(*ORDER)

    assert [held_for(address.way("2"), request) for request in (CLOSE, CANCEL, PROOF)] == [7.0] * 3
    assert [(outcome.kind, outcome.wait) for outcome in address.heard] == [(Kind.SLOWED, 7.0)]


def test_question_refused_in_those_words_is_no_order_of_the_account(address: Address) -> None:
    address.says(answer(429, TOO_MANY_ORDERS, Retry_After="7"), FINE)
    with pytest.raises(VenueError):
        address.way("1").request(*PROOF)

    assert held_for(address.way("2"), CLOSE) == 7.0
