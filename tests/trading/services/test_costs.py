"""What a trader's command costs of the venue's weight, everything that is read after it included (Hyperliquid 7)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from tests.sandbox_process import SandboxProcess
from tests.trading.conftest import Desk
from tests.trading.tickets import ticket
from trading.connect import gateway_of, trading_adapter
from trading.metering import allowance_of, budget_of, meter_of
from trading.models import Order, Position
from trading.services.margin import change_margin
from trading.services.orders import cancel_order, close_position, place_order
from trading.venues.snapshots import Network, Venue

PLACE = (Venue.HYPERLIQUID, Network.TESTNET)


@pytest.fixture
def venue(venue: SandboxProcess, settings: Settings) -> SandboxProcess:
    """With a builder-deployed book beside the main one, an address of our own, and room for all that is measured."""
    settings.HYPERLIQUID_DEXES = ["xyz"]
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = 24_000
    settings.EGRESS = f"test-{uuid4().hex}"
    return venue


def spent(desk: Desk, act: Callable[[], Any]) -> int:
    """What counts more on our address after the act than before."""
    meter = meter_of(gateway_of(PLACE[0]).tariff, *PLACE)
    before = budget_of(*PLACE).state(meter).used[0]
    act()
    return budget_of(*PLACE).state(meter).used[0] - before


def position() -> Position:
    held: Position = Position.objects.select_related("market", "account").get()
    return held


def test_a_command_costs_no_more_than_what_it_can_have_moved(desk: Desk) -> None:
    adapter, account, market = trading_adapter(desk.account), desk.account, desk.market
    allowance = allowance_of(gateway_of(PLACE[0]).tariff, *PLACE, account.address.lower())
    assert allowance is not None
    sent = allowance.sent()
    costs = {
        "market order": spent(desk, lambda: place_order(adapter, account, market, ticket())),
        "margin": spent(
            desk, lambda: change_margin(adapter, account, position(), amount=Decimal(20), form_key=uuid4())
        ),
        "close": spent(
            desk, lambda: close_position(adapter, account, position(), mark=Decimal(86000), form_key=uuid4())
        ),
        "limit order": spent(
            desk, lambda: place_order(adapter, account, market, ticket(limit_price=Decimal(80000), form_key=uuid4()))
        ),
        "cancel": spent(
            desk,
            lambda: cancel_order(
                adapter, account, Order.objects.select_related("market").get(is_open=True), form_key=uuid4()
            ),
        ),
    }

    # 1 for each request, 4 for the positions on both books, 20 for the orders of one of them or for the fills; before
    # margin is moved the position is read, before an order its leverage is set.
    assert costs == {"market order": 26, "margin": 29, "close": 25, "limit order": 26, "cancel": 25}
    assert allowance.sent() - sent == 7
