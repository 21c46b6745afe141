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
    """How far each position of a market is from its liquidation.

    Maintenance has no jump between two tiers, so a price belongs to a higher tier exactly where the lower tier's
    formula already leads to a notional that reaches it.
    """
    size, cash, (lowest, *higher) = held.sizes, held.cash, held.tiers.tiers
    value = np.abs(size)
    prices: Floats = -(cash + float(lowest.deduction)) / (size - value * float(lowest.maintenance_rate))
    for tier in higher:
        within = np.flatnonzero(value * prices >= float(tier.lower_bound))
        if within.size:
            width = size[within] - value[within] * float(tier.maintenance_rate)
            prices[within] = -(cash[within] + float(tier.deduction)) / width
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
