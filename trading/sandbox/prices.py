"""Deterministic price paths: a pure function of seed, market and time, with realistic volatility.

A path is a sum of smooth noises whose periods double from two seconds to three weeks and whose weight grows with the
square root of the period, as a random walk's does. Any instant can be asked for, so history exists before the start
and is the same for one seed on every machine (only additions and multiplications of floats are used). Floats end
here: a price leaves as a ``Decimal`` on the market's tick.
"""

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from trading.sandbox.markets import Market

DAY = 86_400_000
_PERIODS = tuple(1000 << exponent for exponent in range(1, 22))
# Summed over the octaves this makes the standard deviation of a day's move equal to the market's volatility.
_SCALE = 0.8


@lru_cache(maxsize=1 << 17)
def noise(seed: int, name: str, period: int, index: int) -> float:
    """A number in [-1, 1) that depends on its arguments alone."""
    digest = hashlib.blake2b(f"{seed}/{name}/{period}/{index}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / float(1 << 47) - 1.0


def drift(seed: int, market: Market, time: int, finest: int = 0) -> float:
    """Logarithm of the price against its level at rest; ``finest`` leaves out shorter periods."""
    total, name = 0.0, market.underlying
    for period in _PERIODS:
        if period < finest:
            continue
        index, offset = divmod(time, period)
        share = offset / period
        share = share * share * (3.0 - 2.0 * share)
        left, right = noise(seed, name, period, index), noise(seed, name, period, index + 1)
        total += (period / DAY) ** 0.5 * (left + (right - left) * share)
    return total * market.volatility * _SCALE


def _exponential(x: float) -> float:
    return 1.0 + x * (1.0 + x * (0.5 + x * (1 / 6 + x * (1 / 24 + x / 120))))


@dataclass
class Push:
    """From ``time`` on the path goes on from ``price``."""

    time: int
    price: Decimal


@dataclass
class Paths:
    """All paths of one run. ``still_since`` freezes them: from then on only pushes move a price."""

    seed: int
    still_since: int | None = None
    pushes: dict[str, list[Push]] = field(default_factory=dict)

    def push(self, market: Market, price: Decimal, time: int) -> None:
        rows = self.pushes.setdefault(market.name, [])
        # Two pushes in one millisecond: the later one counts.
        rows[:] = [row for row in rows if row.time < time]
        rows.append(Push(time, price))

    def price(self, market: Market, time: int, finest: int = 0) -> Decimal:
        """Mark price at ``time`` (milliseconds), exact at a push and while still, else on the tick."""
        push = next((row for row in reversed(self.pushes.get(market.name, ())) if row.time <= time), None)
        if push is not None and (self.still_since is not None or push.time == time):
            return push.price
        if push is None and self.still_since is not None and time >= self.still_since:
            return market.start
        moved = drift(self.seed, market, time, finest)
        if push is not None:
            base, moved = push.price, moved - drift(self.seed, market, push.time, finest)
        else:
            base = market.start
            if self.still_since is not None:
                moved -= drift(self.seed, market, self.still_since, finest)
        return market.to_tick(base * Decimal(repr(_exponential(moved))))

    def pushed_between(self, market: Market, start: int, end: int) -> list[int]:
        return [row.time for row in self.pushes.get(market.name, ()) if start < row.time < end]


@dataclass(frozen=True)
class Candle:
    start: int
    end: int
    opened: Decimal
    closed: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    trades: int


_SAMPLES = 6
# Noise beyond this pays a premium on the base rate.
PREMIUM_FROM = 0.6


def candles(paths: Paths, market: Market, interval: int, start: int, now: int) -> list[Candle]:
    """Candles of ``interval`` milliseconds from the one that holds ``start`` to the growing one at ``now``."""
    first = start - start % interval
    edges = [*range(first, now + 1, interval), now]
    prices = {edge: paths.price(market, edge) for edge in edges}
    rows = []
    for left, right in pairwise(edges):
        inner = [left + (right - left) * step // _SAMPLES for step in range(1, _SAMPLES)]
        seen = [prices[left], prices[right], *(paths.price(market, time, interval // 8) for time in inner)]
        for pushed in paths.pushed_between(market, left, right):
            seen += [paths.price(market, pushed - 1), paths.price(market, pushed)]
        busy = 1.0 + 0.6 * noise(paths.seed, market.name, interval, left // interval)
        volume = market.depth / 40 * Decimal(interval) / 60_000 * Decimal(repr(busy)) / prices[left]
        rows.append(
            Candle(
                start=left,
                end=left + interval - 1,
                opened=prices[left],
                closed=prices[right],
                high=max(seen),
                low=min(seen),
                volume=volume.quantize(Decimal(1).scaleb(-market.size_decimals)),
                trades=int(busy * interval / 3000),
            )
        )
    return rows


def funding_rate(seed: int, market: Market, hour: int) -> Decimal:
    """Rate of the interval that begins at ``hour`` (milliseconds): the base rate, or a premium now and then."""
    value = noise(seed, market.name, 3_600_000, hour // 3_600_000)
    hourly = Decimal("0.0000125")
    if abs(value) >= PREMIUM_FROM:
        hourly += Decimal(repr(value)) * Decimal("0.00004")
    return (hourly * market.funding_hours).quantize(Decimal("0.0000000001"))
