"""Bad days of the second venue as the trader's pages tell them: a market that is closed under a position, and clocks
that differ."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.sandbox_process import SandboxProcess
from tests.settling import settle_command
from tests.trading.aster.fates import everything
from tests.trading.aster.people import BITCOIN, AsterTrader
from trading.connect import account_adapter, trading_adapter
from trading.models import Command, Difference, Fill, Market, Position
from trading.models.commands import CommandState
from trading.services.sync import sync_markets
from trading.venues.snapshots import Markets

CLOSED = "BTC has been delisted; open positions can only be closed."


@pytest.fixture(autouse=True)
def another_day(aster: SandboxProcess) -> Iterator[None]:
    """Afterwards all is as it was."""
    yield
    aster.change_market("BTCUSDT", status="trading")
    aster.post("/sandbox/clock", {"venue": "aster", "ahead": 0})


def read_markets(trader: AsterTrader) -> Market:
    sync_markets(account_adapter(trader.account))
    return trader.market


def positions(trader: AsterTrader) -> str:
    return str(trader.browser.get("/positions/").content.decode())


def test_market_that_is_delisted_under_a_position_lets_it_be_closed_and_opens_nothing(
    ready: AsterTrader, aster: SandboxProcess
) -> None:
    ready.order()
    aster.change_market("BTCUSDT", status="closing")

    unread = ready.order()
    read_markets(ready)
    ready.sync()

    assert "This market is closed at the moment." in unread
    assert CLOSED in ready.order()
    assert ready.commands()[-1] == ("order", CommandState.REJECTED)
    assert 'data-market="aster:BTCUSDT"' in positions(ready)
    assert ready.browser.get(f"/trade/{BITCOIN}/").status_code == 200
    assert "Filled: sell 0.01 BTC" in ready.close()
    assert ready.held() == []


def test_position_that_the_venue_settles_with_its_market_is_on_record_and_the_money_adds_up(
    ready: AsterTrader, aster: SandboxProcess
) -> None:
    everything(ready)
    ready.order()
    aster.change_market("BTCUSDT", status="gone")
    read_markets(ready)

    totals = everything(ready)

    assert (ready.held(), Position.objects.count(), Difference.objects.count()) == ([], 0, 0)
    assert [row.size for row in Fill.objects.all()] == [Decimal("0.01")] * 2
    assert totals.unexplained == 0
    assert CLOSED in ready.order()
    assert 'data-market="aster:BTCUSDT"' not in positions(ready)


def test_market_that_the_venue_lists_no_more_opens_nothing_until_it_is_listed_again(ready: AsterTrader) -> None:
    ready.order()
    adapter = trading_adapter(ready.account)
    whole = adapter.markets()
    kept = [spec.name != "BTCUSDT" for spec in whole.specs]
    fewer = Markets(
        tuple(spec for spec, is_kept in zip(whole.specs, kept, strict=True) if is_kept),
        tuple(state for state in whole.states if state.name != "BTCUSDT"),
        whole.venue_time,
        whole.received_at,
    )

    sync_markets(Lists(fewer, adapter))  # type: ignore[arg-type]

    assert (ready.market.is_delisted, ready.market.rules.delisted) == (True, True)
    assert not Market.objects.filter(venue="aster", is_delisted=True).exclude(name="BTCUSDT").exists()
    assert CLOSED in ready.order()
    assert 'data-market="aster:BTCUSDT"' in positions(ready)
    sync_markets(Lists(whole, adapter))  # type: ignore[arg-type]
    assert (ready.market.is_delisted, ready.market.rules.delisted) == (False, False)


def test_market_that_is_listed_but_not_understood_stays_as_it_was(ready: AsterTrader) -> None:
    adapter = trading_adapter(ready.account)
    whole = adapter.markets()
    before = list(Market.objects.filter(venue="aster").order_by("name").values())
    only = whole._replace(
        specs=whole.specs[:1], states=whole.states[:1], unread=frozenset(spec.name for spec in whole.specs[1:])
    )

    for told in (only, whole._replace(specs=(), states=(), unread=only.unread | {only.specs[0].name})):
        sync_markets(Lists(told, adapter))  # type: ignore[arg-type]

    read = whole.specs[0].name
    rows = list(Market.objects.filter(venue="aster").order_by("name").values())
    assert len(rows) > 1
    assert [row for row in rows if row["name"] != read] == [row for row in before if row["name"] != read]
    assert not any(row["is_delisted"] for row in rows)


class Lists:
    """An adapter that was told this list of markets."""

    def __init__(self, markets: Markets, adapter: object) -> None:
        self.venue, self.network = adapter.venue, adapter.network  # type: ignore[attr-defined]
        self._markets = markets

    def markets(self) -> Markets:
        return self._markets


@pytest.mark.parametrize("seconds", [20, -20])
def test_clock_apart_by_seconds_hinders_nothing(alice: AsterTrader, aster: SandboxProcess, seconds: int) -> None:
    """A nonce may be a minute off (Aster 1.3); what is dead is judged by the venue's clock alone."""
    aster.post("/sandbox/clock", {"venue": "aster", "ahead": seconds * 1000})
    ready = alice
    ready.become_ready()

    assert "Filled: buy 0.01 BTC" in ready.order()
    ready.move_margin("add", "5")
    account = ready.sync()
    assert account.sync_problem == ""
    assert account.venue_time is not None
    assert account.synced_at is not None
    assert abs(account.venue_time - account.synced_at - timedelta(seconds=seconds)) < timedelta(seconds=15)
    assert "Filled: sell 0.01 BTC" in ready.close()
    assert {state for _, state in ready.commands()} == {CommandState.ACCEPTED}


def test_clock_apart_by_minutes_is_said_and_what_was_sent_is_proven_dead(
    ready: AsterTrader, aster: SandboxProcess
) -> None:
    aster.post("/sandbox/clock", {"venue": "aster", "ahead": 90_000})

    words = ready.order()
    account = ready.sync()

    assert "Filled" not in words
    assert "The request reached the venue at the wrong time" in account.sync_problem
    aster.post("/sandbox/clock", {"venue": "aster", "ahead": 0})
    command = Command.objects.get(state=CommandState.UNKNOWN)
    Command.objects.filter(pk=command.pk).update(dead_at=timezone.now() - timedelta(seconds=30))
    settle_command(command.operator_id, str(command.pk))
    command.refresh_from_db()
    assert (command.state, ready.held()) == (CommandState.DEAD, [])
    assert not Position.objects.exists()
    assert "Filled: buy 0.01 BTC" in ready.order()
    assert ready.held() == [("BTCUSDT", Decimal("0.01"))]
