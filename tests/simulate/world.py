"""The simulated traders and their venue: distances to liquidation that move with the market, and a counter that notices
every breach of the limit."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

MARKETS = 20
# A market's hourly volatility, as a fraction of its mark; half of what moves it moves all markets.
VOLATILITY = 0.012
FLAT_SHARE = 0.30
LONG_SHARE = 0.55
SHOCK, SHOCK_SECONDS = -0.10, 60.0
# The leverage that positions come to, the whole account behind a cross position counted.
LEVERAGES = np.array([1.5, 2, 3, 5, 8, 10, 20, 40])
LEVERAGE_SHARES = np.array([0.15, 0.16, 0.15, 0.11, 0.06, 0.07, 0.16, 0.14])
_UP_TO = np.cumsum(LEVERAGE_SHARES[:-1])
# How long a trader stands by on average, in seconds, before he closes or adds margin, by how near he is.
STANDS_BY = ((0.02, 600.0), (0.05, 4800.0), (1.0, 36000.0))
# How long after a liquidation, on average, somebody who had no position opens one.
SUCCEEDED_AFTER = 1800.0
LOOKING_SHARE = 0.0005
# Twenty hours, until it no longer matters how everybody began.
SETTLING_STEPS, SETTLING_SECONDS = 240, 300.0


def paths(chance: np.random.Generator, steps: int, seconds: float, shock_at: int | None = None) -> Floats:
    """Every market's price after each step of so many seconds, from about 1 on; from step ``shock_at`` on all fall."""
    scale = VOLATILITY * np.sqrt(seconds / 3600) / np.sqrt(2)
    moves = scale * (chance.standard_normal((steps, 1)) + chance.standard_normal((steps, MARKETS)))
    if shock_at is not None:
        falling = int(SHOCK_SECONDS / seconds)
        moves[shock_at : shock_at + falling] += np.log1p(SHOCK) / falling
    prices: Floats = np.exp(np.cumsum(moves, axis=0))
    return prices


@dataclass
class Traders:
    """Accounts with one position each or none, ordered as the platform's roster is."""

    chance: np.random.Generator
    count: int
    sides: Floats = field(init=False)
    liquidation: Floats = field(init=False)
    market: Places = field(init=False)
    marks: Floats = field(init=False)
    looked_at: NDArray[np.bool_] = field(init=False)
    liquidated: int = 0

    def __post_init__(self) -> None:
        self.marks = np.ones(MARKETS)
        self.market = self.chance.integers(0, MARKETS, self.count)
        self.sides = np.where(self.chance.random(self.count) < LONG_SHARE, 1.0, -1.0)
        self.liquidation = np.full(self.count, np.nan)
        self.looked_at = self.chance.random(self.count) < LOOKING_SHARE
        self.open(np.flatnonzero(self.chance.random(self.count) >= FLAT_SHARE))
        everybody = np.arange(self.count)
        for marks in paths(self.chance, SETTLING_STEPS, SETTLING_SECONDS):
            self.marks = marks
            self.liquidate(everybody, self.distances(everybody))
            self.open(self.acting(self.distances(everybody), SETTLING_SECONDS))

    def open(self, places: Places) -> None:
        """New positions at today's marks, each at a leverage somebody chose, entered a little earlier."""
        leverages = LEVERAGES[np.searchsorted(_UP_TO, self.chance.random(len(places)), side="right")]
        away = (0.97 / leverages) * self.chance.uniform(0.75, 1.15, len(places))
        self.liquidation[places] = self.marks[self.market[places]] * (1.0 - self.sides[places] * away)

    def distances(self, places: Places) -> Floats:
        """How far these accounts are from their liquidations; not a number for those without a position."""
        away: Floats = self.sides[places] * (1.0 - self.liquidation[places] / self.marks[self.market[places]])
        return away

    def liquidate(self, places: Places, distances: Floats) -> None:
        """The venue closes those of these positions that their marks have reached."""
        gone = np.flatnonzero(distances <= 0)
        if len(gone):
            self.liquidation[places[gone]] = distances[gone] = np.nan
            self.liquidated += len(gone)

    def acting(self, distances: Floats, seconds: float) -> Places:
        """Who closes, adds margin or opens anew in the coming seconds: the nearer, the sooner; and who
        comes in the place of the liquidated. ``distances`` are everybody's."""
        near, nearer = (distances <= bound for bound, _ in STANDS_BY[1::-1])
        flat = np.isnan(distances)
        acting = [
            self._some(np.flatnonzero(those), seconds / stands_by)
            for those, (_, stands_by) in zip((nearer, near & ~nearer, ~(near | flat)), STANDS_BY, strict=True)
        ]
        coming = int(self.chance.binomial(self.liquidated, seconds / SUCCEEDED_AFTER))
        self.liquidated -= coming
        empty = np.flatnonzero(flat)
        acting.append(self.chance.choice(empty, min(coming, len(empty)), replace=False) if coming else empty[:0])
        return np.concatenate(acting)

    def _some(self, places: Places, share: float) -> Places:
        """Each of them with this probability."""
        found: Places = self.chance.choice(places, self.chance.binomial(len(places), share), replace=False)
        return found


@dataclass
class VenueCounter:
    """What the venue counts: every request's weight at the moment it arrives, in any sliding window."""

    limit: int
    seconds: float = 60.0
    arrivals: list[tuple[Floats, int]] = field(default_factory=list)

    def count(self, moments: Floats, weight: int) -> None:
        """Requests of this weight arrive at these moments."""
        self.arrivals.append((moments, weight))

    def windows(self) -> NDArray[np.int64]:
        """What had arrived in the window that ends with each arrival, itself included."""
        if not self.arrivals:
            return np.zeros(1, np.int64)
        moments = np.concatenate([at for at, _ in self.arrivals])
        weights = np.repeat([weight for _, weight in self.arrivals], [len(at) for at, _ in self.arrivals])
        order = np.argsort(moments, kind="stable")
        moments, weights = moments[order], weights[order]
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
