"""The simulated traders and their venue: distances to liquidation that move with the market, and a counter that notices
every breach of the limit."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MARKETS = 20
# A market's hourly volatility, as a fraction of its mark; half of what moves it moves all markets.
VOLATILITY = 0.012
FLAT_SHARE = 0.30
LONG_SHARE = 0.55
SHOCK, SHOCK_SECONDS = -0.10, 60.0
# The leverage that positions come to, the whole account behind a cross position counted.
LEVERAGES = np.array([1.5, 2, 3, 5, 8, 10, 20, 40])
LEVERAGE_SHARES = np.array([0.19, 0.24, 0.19, 0.12, 0.05, 0.04, 0.10, 0.07])
# How long a trader stands by on average, in seconds, before he closes or adds margin, by how near he is.
STANDS_BY = ((0.02, 600.0), (0.05, 4800.0), (1.0, 36000.0))
LOOKING_SHARE = 0.0005
SETTLING_MINUTES = 240


@dataclass
class Traders:
    """Accounts with one position each or none, ordered as the platform's roster is."""

    chance: np.random.Generator
    count: int
    sides: Floats = field(init=False)
    liquidation: Floats = field(init=False)
    market: NDArray[np.intp] = field(init=False)
    marks: Floats = field(init=False)
    looked_at: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.marks = np.full(MARKETS, 100.0)
        self.market = self.chance.integers(0, MARKETS, self.count)
        self.sides = np.where(self.chance.random(self.count) < LONG_SHARE, 1.0, -1.0)
        self.liquidation = np.full(self.count, np.nan)
        self.looked_at = self.chance.random(self.count) < LOOKING_SHARE
        self.open(np.flatnonzero(self.chance.random(self.count) >= FLAT_SHARE))
        for _ in range(SETTLING_MINUTES):
            self.move(60.0)
            self.open(self.acting(60.0))

    def open(self, places: NDArray[np.intp]) -> None:
        """New positions at today's marks, each at a leverage somebody chose, entered a little earlier."""
        leverage = self.chance.choice(LEVERAGES, len(places), p=LEVERAGE_SHARES)
        away = (0.97 / leverage) * self.chance.uniform(0.75, 1.15, len(places))
        self.liquidation[places] = self.marks[self.market[places]] * (1.0 - self.sides[places] * away)

    def move(self, seconds: float, drift: float = 0.0) -> Floats:
        """Let the marks move, by ``drift`` (a logarithm) besides chance, and the venue liquidate whom they reach; the
        distances after it."""
        scale = VOLATILITY * np.sqrt(seconds / 3600)
        steps = scale * (self.chance.standard_normal() + self.chance.standard_normal(MARKETS)) / np.sqrt(2)
        self.marks *= np.exp(steps + drift)
        distances = self.distances()
        gone = np.flatnonzero(distances <= 0)
        if len(gone):
            self.liquidation[gone] = distances[gone] = np.nan
            flat = np.flatnonzero(np.isnan(self.liquidation))
            # Whoever leaves makes room for somebody who comes.
            self.open(self.chance.choice(flat, min(len(gone), len(flat)), replace=False))
        return distances

    def acting(self, seconds: float) -> NDArray[np.intp]:
        """Who closes, adds margin or opens anew in the coming seconds: the nearer, the sooner."""
        return np.flatnonzero(self.chance.random(self.count) < seconds * self._rates(self.distances()))

    def _rates(self, distances: Floats) -> Floats:
        """How often each trader acts, in times a second: never where there is nothing to act on."""
        rates = np.where(np.isnan(distances), 0.0, 1 / STANDS_BY[-1][1])
        for bound, stands_by in reversed(STANDS_BY[:-1]):
            rates[distances <= bound] = 1 / stands_by
        return rates

    def distances(self) -> Floats:
        """How far each account is from its liquidation; not a number for those without a position."""
        away: Floats = self.sides * (1.0 - self.liquidation / self.marks[self.market])
        return away


@dataclass
class VenueCounter:
    """What the venue counts: every request's weight at the moment it arrives, in any sliding window."""

    limit: int
    seconds: float = 60.0
    arrivals: list[tuple[float, int]] = field(default_factory=list)

    def windows(self) -> NDArray[np.int64]:
        """What had arrived in the window that ends with each arrival, itself included."""
        if not self.arrivals:
            return np.zeros(1, np.int64)
        moments, weights = np.array(sorted(self.arrivals)).T
        before = np.concatenate([[0], np.cumsum(weights)]).astype(np.int64)
        begins = np.searchsorted(moments, moments - self.seconds, side="right")
        found: NDArray[np.int64] = before[1:] - before[begins]
        return found

    @property
    def highest(self) -> int:
        """The most that any window held."""
        return int(self.windows().max())

    @property
    def breaches(self) -> int:
        """How many requests came when the limit was used up."""
        return int(np.count_nonzero(self.windows() > self.limit))
