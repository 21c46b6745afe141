"""Prices at moments of a morning."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trading.venues.snapshots import MarketState

START = datetime(2026, 11, 22, 9, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after the start."""
    return START + timedelta(seconds=seconds)


def state(name: str, mark: str) -> MarketState:
    """A market whose prices are all the same."""
    price = Decimal(mark)
    return MarketState(name, price, price, price, price, Decimal(0), Decimal(1), Decimal(1))
