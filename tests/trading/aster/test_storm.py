"""The second venue in bad weather: what it says itself, what it leaves unsaid, and what goes on all the same."""

import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone
from redis import Redis

from tests.sandbox_process import SandboxProcess
from tests.trading.aster.people import AsterTrader
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from trading import tasks
from trading.connect import account_adapter, public_adapter, trading_adapter
from trading.live import board, weather
from trading.models import Command, Market, Position
from trading.models.commands import CommandState
from trading.services.margin import change_margin
from trading.services.storm import VenueAway
from trading.services.sync import sync_account, sync_markets
from trading.tasks import markets
from trading.venues import weather as rules
from trading.venues.errors import VenueError
from trading.venues.snapshots import Network, Venue
from trading.venues.weather import Sky

# Calls to settle a command go by name, which no eager task answers: here nobody is to settle anything.
pytestmark = pytest.mark.filterwarnings("ignore::celery.exceptions.AlwaysEagerIgnored")

HERE = (Venue.ASTER, Network.TESTNET)
PATIENCE = 60


@pytest.fixture(autouse=True)
def unhurried(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """However slow the machine is, what was heard is remembered, and no order asks before its time."""
    for name in ("MEMORY", "LISTED"):
        monkeypatch.setattr(rules, name, timedelta(hours=2))
    monkeypatch.setattr(rules, "CLOSED", timedelta(hours=1))


def sky() -> Sky:
    weather.forget()
    return weather.read(*HERE).sky


def read(trader: AsterTrader) -> bool:
    return sync_account(account_adapter(trader.account), trader.account)


def last(trader: AsterTrader) -> tuple[str, str]:
    return trader.commands()[-1]


def test_market_that_opens_nothing_is_no_halt_of_the_venue_and_still_lets_positions_go(
    ready: AsterTrader, aster: SandboxProcess
) -> None:
    ready.order()
    aster.fault("halted", "order", probability=1.0)

    assert "This market is closed at the moment." in ready.order()
    assert last(ready) == ("order", CommandState.REJECTED)
    assert Command.objects.latest("prepared_at").evidence["venue"] == (
        "-4140 Invalid symbol status for opening position."
    )
    assert sky() is Sky.FINE
    assert "Filled: sell 0.01 BTC" in ready.close()
    aster.clear_faults()
    assert "Filled" in ready.order()


def test_venue_that_answers_reads_and_no_orders_takes_no_new_risk(ready: AsterTrader, aster: SandboxProcess) -> None:
    ready.order()
    aster.fault("error_before", "order", probability=1.0)
    ends = time.monotonic() + PATIENCE
    while sky() is not Sky.ORDERS_UNANSWERED:
        assert time.monotonic() < ends
        ready.order()
        time.sleep(0.8)
    sent = Command.objects.count()

    assert "The venue answers no orders" in ready.order()
    assert Command.objects.count() == sent
    ready.close()
    assert last(ready) == ("order", CommandState.UNKNOWN)
    assert read(ready)
    assert sky() is Sky.ORDERS_UNANSWERED

    aster.clear_faults()
    browser, position = ready.browser, Position.objects.get()
    browser.post(f"/positions/{position.pk}/close/now/", {"form_key": str(uuid4())}, headers={"HX-Request": "true"})
    assert sky() is Sky.FINE
    assert ready.held() == []


def test_venue_that_is_down_takes_no_new_risk_and_is_back_with_one_reading(
    ready: AsterTrader, aster: SandboxProcess
) -> None:
    ready.order()
    aster.fault("error_before", "aster", probability=1.0)
    ends = time.monotonic() + PATIENCE
    while sky() is not Sky.DOWN:
        assert time.monotonic() < ends
        read(ready)
        time.sleep(0.4)
    sent = Command.objects.count()

    assert "The venue is not answering: nothing that adds risk is sent." in ready.order()
    assert Command.objects.count() == sent
    ready.close()
    assert last(ready) == ("order", CommandState.UNKNOWN)
    assert "Aster is not answering." in ready.browser.get("/banner/").content.decode()

    aster.clear_faults()
    assert read(ready)
    assert sky() is Sky.FINE


def test_ban_sends_nothing_and_is_known_to_its_end(
    ready: AsterTrader,
    aster: SandboxProcess,
    redis: Redis,  # noqa: F811
) -> None:
    aster.fault("banned", "aster", seconds=600)
    read(ready)
    for key in redis.scan_iter("weather:*"):  # as a minute without an answer does
        redis.delete(key)

    assert sky() is Sky.RATE_LIMITED
    assert "The venue takes nothing from this exchange until" in ready.order()
    assert Command.objects.count() == 0
    banner = ready.browser.get("/banner/").content.decode()
    assert "Aster asks us to slow down." in banner
    assert "it takes no request of ours, not even an order that closes" in banner


@pytest.fixture
def names(ready: AsterTrader, aster: SandboxProcess) -> Iterator[list[str]]:
    """Every market that the venue lists, all of them open afterwards."""
    listed = list(Market.objects.filter(venue=Venue.ASTER).values_list("name", flat=True))
    yield listed
    open_all(aster, listed)


def open_all(aster: SandboxProcess, names: list[str]) -> None:
    for name in names:
        aster.change_market(name, status="trading")


def close_all(aster: SandboxProcess, names: list[str]) -> None:
    for name in names:
        aster.change_market(name, status="closing")


def list_markets() -> None:
    """As the workers do now and then, and every few seconds in a halt or without a stream."""
    sync_markets(public_adapter(Venue.ASTER))


def test_venue_whose_every_market_is_closed_is_halted_until_its_list_has_one_that_is_open(
    ready: AsterTrader, aster: SandboxProcess, names: list[str]
) -> None:
    ready.order()
    for name in names[1:]:
        aster.change_market(name, status="closing")
    list_markets()
    assert (len(names) > 1, sky()) == (True, Sky.FINE)

    aster.change_market(names[0], status="closing")
    list_markets()
    assert sky() is Sky.HALTED
    assert "Aster has halted usual trading." in ready.browser.get("/banner/").content.decode()
    sent = Command.objects.count()
    ready.order()
    with pytest.raises(VenueAway, match="halted usual trading"):
        change_margin(
            trading_adapter(ready.account), ready.account, ready.position, amount=Decimal(-1), form_key=uuid4()
        )
    assert Command.objects.count() == sent
    ready.move_margin("add", "5")
    assert last(ready) == ("margin", CommandState.ACCEPTED)
    assert "Filled: sell 0.01 BTC" in ready.close()
    assert sky() is Sky.HALTED  # what one market takes says nothing of the others

    open_all(aster, names)
    list_markets()
    assert sky() is Sky.FINE
    assert "Aster" not in ready.browser.get("/banner/").content.decode()
    assert "Filled" in ready.order()


@pytest.mark.parametrize("fault", ["malformed", "truncated", "too_many_requests", "error_before"])
def test_list_that_cannot_be_read_ends_no_halt(
    ready: AsterTrader, aster: SandboxProcess, names: list[str], fault: str
) -> None:
    close_all(aster, names)
    list_markets()
    aster.fault(fault, "exchangeInfo", probability=1.0)

    with pytest.raises(VenueError):
        list_markets()
    aster.clear_faults()
    assert sky() is Sky.HALTED


@pytest.fixture
def streamed(ready: AsterTrader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices stream, and the time for another list does not come within the test."""
    monkeypatch.setattr(markets, "MARKETS_SECONDS", 3600)
    board.publish(*HERE, ready.states, timezone.now() + timedelta(hours=1))


@pytest.mark.usefixtures("streamed")
def test_end_of_a_halt_is_known_with_the_next_turn_though_a_stream_lives(
    aster: SandboxProcess, names: list[str]
) -> None:
    close_all(aster, names)
    tasks.sync_markets()
    assert sky() is Sky.HALTED

    open_all(aster, names)
    tasks.sync_markets()
    assert sky() is Sky.FINE

    close_all(aster, names)
    tasks.sync_markets()
    assert sky() is Sky.FINE  # a list is asked for now and then again
