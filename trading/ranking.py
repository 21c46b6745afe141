"""Whose liquidation is nearest, over a million positions: floats and numpy, to rank by and never to show.

The closed form of ``trading.margin.liquidation`` over whole arrays, one market at a time because a market's tiers are
constants for all its positions. A price here is off by some 5e-16 of itself; anything a trader sees comes from the
exact engine.

A distance is the move against the position that reaches its liquidation, as a fraction of the mark: 0 where that price
is passed or no equity is left, 1 where it is a whole mark away or there is none.

>>> held = Holdings(TierTable.single(40), 64794.0, np.array([0.002, 0.002]), np.array([1.0, -103.731933]))
>>> distances(held).round(9).tolist()
[1.0, 0.189392572]
>>> nearest_first([held]).tolist()
[1, 0]
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trading.margin.tiers import TierTable

Floats = NDArray[np.float64]
REACHED, FAR = 0.0, 1.0
STEPS = 65_535


@dataclass(frozen=True, slots=True)
class Holdings:
    """All positions in one market: signed sizes, none of them zero, and the cash leg behind each
    (``trading.margin.types``)."""

    tiers: TierTable
    mark_price: float
    sizes: Floats
    cash: Floats


def distances(held: Holdings) -> Floats:
    """How far each position of a market is from its liquidation."""
    size, cash = held.sizes, held.cash
    value = np.abs(size)
    lowest = held.tiers.tiers[0]
    prices: Floats = -(cash + float(lowest.deduction)) / (size - value * float(lowest.maintenance_rate))
    higher = zip(held.tiers.tiers[1:], held.tiers.long_starts[1:], held.tiers.short_starts[1:], strict=True)
    for tier, long_start, short_start in higher:
        within = np.where(size > 0, cash <= -float(long_start), cash >= float(short_start))
        if within.any():
            backed, width = cash[within] + float(tier.deduction), value[within] * float(tier.maintenance_rate)
            prices[within] = -backed / (size[within] - width)
    away: Floats = np.sign(size) * (1.0 - prices / held.mark_price)
    return np.clip(away, REACHED, FAR, out=away)


def nearest_first(markets: Sequence[Holdings]) -> NDArray[np.intp]:
    """All positions, nearest to liquidation first, by their place in the markets laid end to end.

    Distances are told apart in steps of 1 / 65 535, a sixth of a basis point, which sorts in linear time; positions
    within a step keep the order they were given in.
    """
    if not markets:
        return np.empty(0, np.intp)
    every = np.concatenate([distances(held) for held in markets])
    return np.argsort((every * STEPS).astype(np.uint16), kind="stable")
