"""A market's price history, read at the venue once for everybody who looks and kept for an hour."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core.cache import cache
from django.utils import timezone

from trading.connect import public_adapter
from trading.models import Market
from trading.survival import DAYS, Day
from trading.venues.errors import HeldBack, VenueError
from trading.venues.snapshots import Candle, Venue

INTERVALS = {
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
}
CANDLES = 300
KEPT_SECONDS = 3600
AFTER_FAILURE_SECONDS = 5
DAYS_KEPT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Candles:
    """A market's history as it was read, oldest bar first; ``read_at`` is our clock in seconds."""

    bars: tuple[Candle, ...]
    read_at: float


def candles_key(market: Market, interval: str) -> str:
    """Where a history is kept. What a market was worth is the same for every operator."""
    return f"candles:{market.pk}:{interval}"


def candles_of(market: Market, interval: str, since: float) -> Candles | None:
    """The history as it was read after ``since``, seconds of our clock, or the last one known where the venue does not
    answer; None where it has failed a moment ago. Raises ``VenueError`` where it fails now and nothing is known."""
    known: Candles | None = cache.get(candles_key(market, interval))
    if known is not None and known.read_at >= since:
        return known
    try:
        return _read_again(market, interval) or known
    except VenueError:
        if known is None:
            raise
        return known


def _read_again(market: Market, interval: str) -> Candles | None:
    """Ask the venue for everybody who looks, and keep its answer; None a moment after it gave none.

    History costs a tenth of what an account costs in a minute, and only its newest bar changes, which the stream tells.
    """
    key = candles_key(market, interval)
    if cache.get(f"{key}:failed"):
        return None
    end = timezone.now()
    try:
        bars = public_adapter(Venue(market.venue)).candles(
            market.rules, interval, end - INTERVALS[interval] * CANDLES, end
        )
    except HeldBack:  # the venue was not asked, and may be by another person, who has room
        raise
    except VenueError:
        cache.set(f"{key}:failed", 1, AFTER_FAILURE_SECONDS)
        raise
    read = Candles(tuple(bars), time.time())
    cache.set(key, read, KEPT_SECONDS)
    return read


def last_days(market: Market, now: datetime) -> tuple[Day, ...] | None:
    """The newest whole days (UTC), oldest first; None where the venue's history cannot be had at the moment."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    key = f"days:{market.pk}:{midnight:%Y-%m-%d}"
    days: tuple[Day, ...] | None = cache.get(key)
    if days is not None:
        return days
    try:
        history = candles_of(market, "1d", midnight.timestamp())
    except VenueError:
        return None
    if history is None:
        return None
    days = _whole_days(history.bars, datetime.fromtimestamp(history.read_at, UTC), midnight)
    cache.set(key, days, DAYS_KEPT_SECONDS)
    return days


def _whole_days(bars: Iterable[Candle], read_at: datetime, midnight: datetime) -> tuple[Day, ...]:
    """Those that had ended when they were read, and are no older than the span that is counted."""
    earliest = midnight - DAYS * timedelta(days=1)
    whole = (
        bar
        for bar in bars
        if bar.open > 0 and bar.opened_at >= earliest and bar.opened_at + timedelta(days=1) <= read_at
    )
    return tuple(Day(open=bar.open, high=bar.high, low=bar.low) for bar in whole)
