"""How near each account is to a liquidation: what a trader's freshness is bought by.

Marks stream in all the time while quantities change rarely and mostly through us, so the distance of every account is
worked out anew each second from what was read last, over whole arrays. Floats rank and are never shown.

An isolated position keeps its liquidation price while marks move. A cross account does not: its equity moves with every
mark, so its distance is the common move of all its marks against it that leaves no more than its maintenance. That is
never farther than what any single mark has to move.
"""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

FAR = Decimal(1)

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Flags = NDArray[np.bool_]


def distance(mark: Decimal | None, liquidation: Decimal | None) -> Decimal:
    """The move of the mark that reaches liquidation, as a fraction of the mark: 0 when it is not known, at most 1."""
    if liquidation is None:
        return FAR
    if mark is None or mark <= 0:
        return Decimal(0)
    return min(FAR, abs(mark - liquidation) / mark)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Open positions side by side, those of one account next to each other.

    ``owners``: each position's account, as its place, ascending. ``markets``: its market, as a place in the marks.
    ``liquidations``: not a number where there is none. ``marks_then``: at which the account's ``cross_equity`` was
    told; that and ``cross_maintenance`` have one place for each account.
    """

    owners: Places
    markets: Places
    sizes: Floats
    liquidations: Floats
    marks_then: Floats
    is_cross: Flags
    cross_equity: Floats
    cross_maintenance: Floats

    @property
    def accounts(self) -> int:
        """How many accounts there are, those without positions included."""
        return len(self.cross_equity)


def nearest(exposure: Exposure, marks: Floats) -> Floats:
    """The distance of each account's nearest liquidation, as a fraction of the mark: 0 where it is reached, 1 where it
    is far or there is none; not a number without positions. A mark that is not known is taken as it was told last, and
    where it never was its holders count as 0.

    >>> one = np.array([1.0])
    >>> held = Exposure(np.array([0]), np.array([0]), one, one * 90, one * 100, one < 0, one * 0, one * 0)
    >>> nearest(held, np.array([100.0])).round(6).tolist(), nearest(held, np.array([95.0])).round(6).tolist()
    ([0.1], [0.052632])
    """
    away = np.full(exposure.accounts, np.nan)
    if not exposure.owners.size:
        return away
    now = _known(exposure, marks)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.sign(exposure.sizes) * (1.0 - exposure.liquidations / now)
    each[np.isnan(exposure.liquidations)] = 1.0
    each[exposure.is_cross] = 1.0
    each[~(now > 0)] = 0.0
    starts = np.flatnonzero(np.diff(exposure.owners, prepend=-1))
    owners = exposure.owners[starts]
    away[owners] = np.minimum.reduceat(each, starts)
    if exposure.is_cross.any():
        away = np.fmin(away, _cross(exposure, now))
    clipped: Floats = np.clip(away, 0.0, 1.0)
    return clipped


def notionals(exposure: Exposure, marks: Floats) -> Floats:
    """What each account holds in the venue's collateral, long and short added up; 0 without positions. It is valued at
    the marks of now, and where one is not known at that at which it was told.

    >>> one = np.array([1.0])
    >>> held = Exposure(np.array([0]), np.array([0]), one * -3, one, one * 100, one < 0, one * 0, one * 0)
    >>> notionals(held, np.array([90.0])).tolist(), notionals(held, np.array([np.nan])).tolist()
    ([270.0], [300.0])
    """
    values = np.abs(exposure.sizes) * _known(exposure, marks)
    summed: Floats = np.bincount(exposure.owners, values, exposure.accounts).astype(np.float64)
    return summed


def _known(exposure: Exposure, marks: Floats) -> Floats:
    """Each position's mark of now, or that at which it was told; 0 without either."""
    now = marks[exposure.markets]
    known: Floats = np.where(now > 0, now, np.nan_to_num(exposure.marks_then))
    return known


def _cross(exposure: Exposure, now: Floats) -> Floats:
    """The distance of each account's cross positions; not a number without any. Maintenance is taken to grow with the
    value of what is held."""
    cross = np.flatnonzero(exposure.is_cross)
    owners, sizes = exposure.owners[cross], exposure.sizes[cross]
    marks, then = np.nan_to_num(now[cross]), exposure.marks_then[cross]
    gained, value, value_then = (
        np.bincount(owners, weights, exposure.accounts)
        for weights in (sizes * (marks - then), np.abs(sizes) * marks, np.abs(sizes) * then)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        maintenance = exposure.cross_maintenance * (value / value_then)
        away: Floats = (exposure.cross_equity + gained - maintenance) / value
    away[np.bincount(owners, minlength=exposure.accounts) == 0] = np.nan
    unknown = np.unique(owners[~(now[cross] > 0)])
    away[unknown] = 0.0
    return away
