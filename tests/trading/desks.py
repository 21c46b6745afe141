"""Desks made of rows that no database holds: what the panels compute from, at a moment of the test's choosing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tenants.models import User
from tenants.policy import Policy
from tests.factories import make_spec
from trading.desk import Desk
from trading.live.board import Board
from trading.models import Market, Position, VenueAccount
from trading.venues.snapshots import MarketState, Network

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR_AGO, THREE_HOURS_AGO = NOW - timedelta(hours=1), NOW - timedelta(hours=3)


def state(name: str, mark: str = "86000") -> MarketState:
    """A market at one price."""
    price = Decimal(mark)
    return MarketState(name, price, price, price, price, Decimal(0), Decimal(0), Decimal(0))


def market(name: str = "BTC", received_at: datetime | None = THREE_HOURS_AGO) -> Market:
    """A market as the last sync left it."""
    described = Market.described(make_spec(name, 40), state(name), Network.TESTNET, NOW)
    described.received_at = received_at
    described.pk = {"BTC": 1, "ETH": 2}[name]
    return described


def position(held: Market, mark: str = "86000", mode: str = "isolated") -> Position:
    """0.01 coins long at 5x."""
    return Position(
        pk=held.pk, market=held, size=Decimal("0.01"), entry_price=Decimal(86000), mark_price=Decimal(mark),
        mode=mode, leverage=5, margin=Decimal(172), cash=Decimal(-688), unrealised_pnl=Decimal(0),
        max_leverage=40, venue_time=NOW,
    )  # fmt: skip


def make_desk(
    *held: Market,
    board: Board | None = None,
    synced_at: datetime | None = NOW,
    position_mode: str = "isolated",
    **account_fields: object,
) -> Desk:
    """A trader with 10,000 in a standard account who holds 0.01 coins of each market."""
    fields = {"equity": Decimal(10000), "cross_equity": Decimal(10000), "synced_at": synced_at} | account_fields
    account = VenueAccount(pk=1, venue="hyperliquid", network="testnet", **fields)
    return Desk(
        trader=User(), account=account, positions=tuple(position(row, mode=position_mode) for row in held),
        orders=(), preferences={}, policy=Policy(), now=NOW,
        board=board or Board({"BTC": state("BTC"), "ETH": state("ETH")}, NOW),
    )  # fmt: skip
