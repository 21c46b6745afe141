"""A budget follows what the venue says of its limits, and its public figures only until it says anything."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from pytest_django.fixtures import Settings

from tests.sandbox_process import SandboxProcess
from trading import metering
from trading.connect import public_adapter
from trading.live.connections import blocking
from trading.metering import Listening, budget_of, forget_limits, meter_of, metered, note_limits
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.aster.questions import exchange_info
from trading.venues.aster.weights import TARIFF, limits
from trading.venues.base import Network, Venue
from trading.venues.budget import Memory
from trading.venues.metered import MeteredTransport
from trading.venues.tariff import Limits
from trading.venues.transport import Response

PATH = "/fapi/v3/exchangeInfo"
PLACE = (Venue.ASTER, Network.TESTNET)


def rule(kind: str, interval: str, number: int, limit: int) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


WEIGHT, IN_A_MINUTE, IN_TEN = (
    rule("REQUEST_WEIGHT", "MINUTE", 1, 2400),
    rule("ORDERS", "MINUTE", 1, 1200),
    rule("ORDERS", "SECOND", 10, 300),
)


def said(*rules: dict[str, object], path: str = PATH) -> Limits | None:
    return limits(path, json.dumps({"serverTime": 1, "rateLimits": rules, "symbols": []}).encode())


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([WEIGHT, IN_A_MINUTE, IN_TEN], (2400, 300, 1200)),
        ([WEIGHT | {"limit": 600}, IN_A_MINUTE | {"limit": 100}, IN_TEN | {"limit": 50}], (600, 50, 100)),
        ([rule("REQUEST_WEIGHT", "SECOND", 60, 900), IN_TEN], (900, 300, 1200)),
        ([WEIGHT], (2400, 300, 1200)),
        ([WEIGHT, rule("RAW_REQUESTS", "MINUTE", 5, 61000), rule("ORDERS", "DAY", 1, 200000)], (2400, 300, 1200)),
    ],
)
def test_limits_are_those_that_the_venue_lists(rules: list[dict[str, object]], expected: tuple[int, int, int]) -> None:
    weight, in_ten, in_a_minute = expected
    assert said(*rules) == Limits(weight, ((in_ten, 10.0), (in_a_minute, 60.0)))


@pytest.mark.parametrize(
    "rules", [[], [IN_TEN], [WEIGHT | {"limit": 0}], [WEIGHT | {"limit": "many"}], [WEIGHT | {"interval": "FORTNIGHT"}]]
)
def test_list_without_a_weight_for_a_minute_changes_nothing(rules: list[dict[str, object]]) -> None:
    assert said(*rules) is None


def test_other_answers_are_not_looked_through() -> None:
    assert said(WEIGHT, path="/fapi/v3/premiumIndex") is None


@pytest.fixture
def fresh(settings: Settings) -> Iterator[None]:
    """Nothing was said yet, and the deployment knows of no other limit."""
    settings.ASTER_WEIGHT_PER_MINUTE = 0
    forget_limits()
    blocking().delete("limits:aster:testnet")
    yield
    forget_limits()
    blocking().delete("limits:aster:testnet")


@pytest.mark.usefixtures("fresh")
def test_budget_is_the_venues_word_then_its_public_figure(settings: Settings) -> None:
    assert meter_of(TARIFF, *PLACE).limit == 2400
    note_limits(*PLACE, Limits(600, ((50, 10.0), (100, 60.0))))
    assert meter_of(TARIFF, *PLACE).limit == 600
    settings.ASTER_WEIGHT_PER_MINUTE = 9000
    assert meter_of(TARIFF, *PLACE).limit == 9000


@pytest.mark.usefixtures("fresh")
def test_every_process_hears_what_one_was_told() -> None:
    note_limits(*PLACE, Limits(600, ((50, 10.0), (100, 60.0))))
    forget_limits()  # another process

    assert charged(metered(Silent(), TARIFF, *PLACE, "0x1")) == [(600, 60.0), (50, 10.0), (100, 60.0), (90, 60.0)]


@pytest.mark.usefixtures("fresh")
def test_way_that_was_open_before_the_venue_said_its_limits_keeps_to_them(settings: Settings) -> None:
    way = metered(Silent(), TARIFF, *PLACE, "0x1")
    assert charged(way) == [(2400, 60.0), (300, 10.0), (1200, 60.0), (360, 60.0)]

    note_limits(*PLACE, Limits(600, ((50, 10.0), (100, 60.0))))
    assert charged(way) == [(600, 60.0), (50, 10.0), (100, 60.0), (90, 60.0)]

    settings.ASTER_WEIGHT_PER_MINUTE = 9000
    assert charged(way) == [(9000, 60.0), (50, 10.0), (100, 60.0), (1350, 60.0)]


def charged(way: MeteredTransport) -> list[tuple[int, float]]:
    """What an order is charged against: limit and seconds of each meter."""
    return [(charge.meter.limit, charge.meter.seconds) for charge in way._charges(TARIFF.cost(*ORDER))]


def test_threads_that_are_first_at_once_remember_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one of them is told of a gate, the other must know when the gate is lost."""
    both, make = Barrier(2, timeout=60), Memory.__init__

    def make_together(memory: Memory) -> None:
        both.wait()
        make(memory)

    monkeypatch.setattr(Memory, "__init__", make_together)
    with ThreadPoolExecutor(2) as threads:
        asking = [threads.submit(budget_of, *PLACE, "an address that nobody asked for") for _ in range(2)]
        first, second = (one.result() for one in asking)

    assert first._memory is second._memory
    metering._memories.pop(first.gate)


ORDER = ("POST", "/fapi/v3/order", b"symbol=BTCUSDT")


class Silent:
    """Nothing is sent."""

    def request(self, method: str, path: str, body: bytes = b"", headers: object = None) -> Response:
        raise AssertionError(path)


@pytest.mark.usefixtures("fresh")
def test_reading_the_markets_is_how_one_hears_of_it(sandbox: SandboxProcess, settings: Settings) -> None:
    settings.ASTER_URL = sandbox.url
    adapter = public_adapter(Venue.ASTER)
    assert isinstance(adapter, AsterAdapter)
    assert metering._limits_of(*PLACE) is None

    adapter.ask(exchange_info())

    forget_limits()
    assert metering._limits_of(*PLACE) == Limits(2400, ((300, 10.0), (1200, 60.0)))


def test_refusal_says_nothing_of_limits() -> None:
    heard: list[Limits] = []

    class Refusing:
        def request(self, method: str, path: str, body: bytes = b"", headers: object = None) -> Response:
            return Response(400, json.dumps({"rateLimits": [WEIGHT]}).encode())

    Listening(Refusing(), TARIFF, heard.append).request("GET", PATH)
    assert heard == []
