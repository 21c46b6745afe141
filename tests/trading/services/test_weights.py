"""What one reading is charged beforehand is what the meter counts for it at the venue."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from tests.trading.aster.conftest import alice, aster, operator, ready
from tests.trading.aster.people import AsterTrader, elsewhere
from tests.trading.conftest import Desk
from tests.trading.tickets import ticket
from trading.connect import account_adapter, gateway_of
from trading.margin.types import AccountMode
from trading.metering import budget_of, meter_of
from trading.models import VenueAccount
from trading.services.orders import place_order
from trading.services.readings import weights_of
from trading.services.roster import RosterOf
from trading.venues.base import Adapter
from trading.venues.snapshots import Network, Venue
from trading.venues.tariff import ReadingWeights

__all__ = ["alice", "aster", "operator", "ready"]


def counted(venue: Venue, read: Callable[[], Any]) -> int:
    """What the reading adds to our address's meter."""
    meter = meter_of(gateway_of(venue).tariff, venue, Network.TESTNET)
    before = budget_of(venue, Network.TESTNET).state(meter).used[0]
    read()
    return budget_of(venue, Network.TESTNET).state(meter).used[0] - before


def measured(adapter: Adapter, account: VenueAccount, pooled: AccountMode) -> ReadingWeights:
    """Each kind of reading, really made."""
    venue, address, since = adapter.venue, account.address, timezone.now() - timedelta(hours=1)
    mode = AccountMode(account.mode)
    executions = counted(venue, lambda: adapter.fills(address, since))
    orders = counted(venue, lambda: adapter.open_orders(address))
    lists = (adapter.funding, adapter.ledger)
    history = sum(counted(venue, lambda ask=ask: ask(address, since)) for ask in lists)  # type: ignore[misc]
    seldom = (adapter.account_mode, adapter.request_allowance)
    return ReadingWeights(
        account=counted(venue, lambda: adapter.account(address, mode=mode)),
        pooled=counted(venue, lambda: adapter.account(address, mode=pooled)),
        executions=executions,
        explaining=executions + orders,
        whole=executions + orders + history + sum(counted(venue, lambda ask=ask: ask(address)) for ask in seldom),  # type: ignore[misc]
    )


@pytest.mark.parametrize("dexes", [[], ["xyz"]])
def test_hyperliquid_readings_cost_what_they_are_charged(desk: Desk, settings: Settings, dexes: list[str]) -> None:
    settings.HYPERLIQUID_DEXES = dexes
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = 24_000
    place_order(desk.adapter, desk.account, desk.market, ticket())
    adapter = account_adapter(desk.account)

    charged = weights_of(Venue.HYPERLIQUID)
    assert charged == measured(adapter, desk.account, AccountMode.UNIFIED)
    assert charged.account == 2 * (1 + len(dexes))


def test_aster_readings_cost_what_they_are_charged(ready: AsterTrader) -> None:
    elsewhere(ready, "POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01")
    account = ready.sync()

    charged = weights_of(Venue.ASTER)
    assert charged == measured(account_adapter(account), account, AccountMode.MULTI_ASSET)
    assert (charged.account, charged.explaining) == (11, 50)


@pytest.mark.parametrize(("mode", "weight"), [(AccountMode.STANDARD, 4), (AccountMode.UNIFIED, 6)])
def test_roster_charges_what_the_venue_does(desk: Desk, settings: Settings, mode: AccountMode, weight: int) -> None:
    settings.HYPERLIQUID_DEXES = ["xyz"]
    VenueAccount.objects.update(mode=mode.value)
    known = RosterOf(Venue.HYPERLIQUID, Network.TESTNET).known(timezone.now())

    assert known.weights.tolist() == [weight]
