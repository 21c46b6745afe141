"""Whose turn it is: which accounts are read from the venue next.

A venue's read budget is shared by all operators and traders (Hyperliquid 7: 1200 weight a minute for an address), so
freshness is bought by need. Every class of accounts has an age that is promised and a younger one at which it is due.
Until anybody is late, whoever has waited longest in parts of his due age is read next. Where the budget does not
suffice, the late go by the urgency of their class and then by how soon they were due, which within 5 % of liquidation
is the nearest first: so the nearest stay fresh in a crowd, and those at its edge wait. Among those of one class who are
equally near, the later goes first, and a large position counts as up to a quarter later than it is.

Nobody waits for ever: those who are late several times over and so forgotten have a part of every turn before all
others, the longest waiting first in parts of the age at which they are. That part is theirs however hopeless the
budget is; it grows with their number, so that the more hopeless it is, the nearer this comes to everybody's turn
within his class, and nobody near liquidation is worse off than without a rule. It divides among the classes as their
forgotten ages stand to each other: for one far from liquidation, twenty-eight near it.

Who is looked at is read every few seconds while the promises to those near liquidation are kept with slack. Otherwise
those who look share a hundredth of the budget, however many they are, and their pages show how old the figures are.

What was executed costs many times what money and positions do. It is read at once while the promises are kept with
slack, and otherwise within a share of the budget (``executions_meter``), so that neither a fall nor busy traders take
from those who are near liquidation.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from trading.venues.ledger import Meter

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Needs = NDArray[np.int8]
Flags = NDArray[np.bool_]

VERY_NEAR, NEAR = Decimal("0.02"), Decimal("0.05")

# How much faster than steadily a turn may spend what is free, to catch up: no herd after a silence.
CATCHING_UP = 1.2
FIRST_REST, LONGEST_REST = 2.0, 300.0

WHOLE_OFTEN, WHOLE_SELDOM = 10.0, 300.0
# Which share of the budget may go to readings of orders, fills, funding and ledger of accounts that nobody waits for.
WHOLE_SHARE = 0.05
# The share of the limit that is for executions: where the promises have slack, and where they have none, because more
# than a few of those near have waited longer than so large a part of their due age.
SHARE_WITH_SLACK, SHARE_WITHOUT = 0.2, 0.05
SLACK, FEW = 0.5, 0.05
# Of a turn's weight, what goes to those who are looked at where those near have waited for so large a part of their due
# age.
ALMOST_LATE, LOOKED_AT_SHARE = 0.8, 0.01
# By how much later than he is somebody counts, at the most, for what he holds; half of it at so many dollars.
SIZE_COUNTS, HALF_SIZE = 0.25, 100_000.0


class Need(IntEnum):
    """Why an account is read."""

    UNSETTLED = 0
    LOOKED_AT = 1
    VERY_NEAR = 2
    NEAR = 3
    OPEN = 4
    IDLE = 5


@dataclass(frozen=True, slots=True)
class Promise:
    """How old figures of a class may become (``age``), at what age they are ``due``, how young they are left alone
    (``period``) and from when on they are ``forgotten``, all in seconds. Among the late the greatest ``urgency`` goes
    first; no class of the greatest is ever forgotten."""

    age: float
    due: float
    period: float
    forgotten: float
    urgency: int


NEVER = float("inf")
PROMISES: Mapping[Need, Promise] = {
    Need.UNSETTLED: Promise(5, 2, 1.5, NEVER, 4),
    Need.LOOKED_AT: Promise(5, 2.5, 1.5, 20, 2),
    Need.VERY_NEAR: Promise(20, 13.5, 3, 60, 3),
    Need.NEAR: Promise(60, 54, 10, 300, 1),
    Need.OPEN: Promise(9000, 8200, 60, 8400, 0),
    Need.IDLE: Promise(9000, 8200, 900, 8400, 0),
}
# Of the weight of a turn: what the forgotten may have before all others, and what where they are so many that as many
# turns as MANY_TURNS would not read them.
FORGOTTEN_SHARE, LARGEST_SHARE, MANY_TURNS = 0.2, 0.6, 60.0
# The due age by distance. Above each class's bound it grows smoothly up to the next class's, so that whoever comes near
# is fresh before he is there: over a narrow stretch, for whoever crosses a bound is late and read at once, and every
# second that many are read sooner is paid for by the others.
_DISTANCES = [float(VERY_NEAR), 0.0205, float(NEAR), 0.051]
_LOGARITHMS = np.log([PROMISES[Need.VERY_NEAR].due, 53, PROMISES[Need.NEAR].due, PROMISES[Need.OPEN].due])
_DUE = np.array([PROMISES[need].due for need in Need], float)
_PERIODS = np.array([PROMISES[need].period for need in Need], float)
_FORGOTTEN = np.array([PROMISES[need].forgotten for need in Need], float)
_URGENCIES = np.array([PROMISES[need].urgency for need in Need], float)
_ABOVE_ALL = 3 + _URGENCIES.max()


@dataclass(frozen=True, slots=True)
class Roster:
    """Accounts side by side, each at one place in all arrays. Times are Unix seconds.

    ``due``: at what age an account should be read, in seconds. ``read_at``: of the last successful reading, 0 for
    never. ``not_before``: until when an account is left alone, because somebody reads it or it keeps failing.
    ``weights``: what reading it costs. ``notionals``: what it holds, in dollars. ``distances``: as for ``needs_of``.
    """

    needs: Needs
    due: Floats
    read_at: Floats
    not_before: Floats
    weights: NDArray[np.int64]
    notionals: Floats
    distances: Floats


def needs_of(distances: Floats, looked_at: Flags, unsettled: Flags) -> Needs:
    """The most urgent class that applies to each account. ``distances`` are those of the nearest liquidations, as
    fractions of the mark; not a number without positions.

    >>> needs_of(np.array([0.5, 0.05, 0.02, np.nan, np.nan, 0.01]), np.arange(6) == 4, np.arange(6) == 5).tolist()
    [4, 3, 2, 5, 1, 0]
    """
    needs = np.full(len(distances), Need.IDLE, np.int8)
    needs[~np.isnan(distances)] = Need.OPEN
    needs[distances <= float(NEAR)] = Need.NEAR
    needs[distances <= float(VERY_NEAR)] = Need.VERY_NEAR
    needs[looked_at] = Need.LOOKED_AT
    needs[unsettled] = Need.UNSETTLED
    return needs


def due_ages(needs: Needs, distances: Floats) -> Floats:
    """At what age each account should be read: as its class says, or sooner for being on the way to a stricter class.

    >>> far = np.array([0.01, 0.025, 0.05, 0.055, 0.5])
    >>> due_ages(needs_of(far, far < 0, far < 0), far).round().tolist()
    [14.0, 53.0, 54.0, 8200.0, 8200.0]
    """
    ages: Floats = _DUE[needs]
    near = np.flatnonzero(distances < _DISTANCES[-1])
    ages[near] = np.minimum(ages[near], np.exp(np.interp(distances[near], _DISTANCES, _LOGARITHMS)))
    return ages


def choose(roster: Roster, now: float, weight: float, seconds: float = 1.0) -> Places:
    """The places of the accounts to read in this turn, most urgent first, for at most ``weight`` in all. Turns are so
    many ``seconds`` apart."""
    counted, due = _counted(roster, now, weight, seconds)
    waited = now - roster.read_at
    ready = np.flatnonzero((waited >= _PERIODS[roster.needs]) & (roster.not_before <= now))
    waited, needs = waited[ready], counted[ready]
    claims = _claims(waited, due[ready], needs, roster.notionals[ready])
    forgotten = waited / _FORGOTTEN[needs]
    starving = np.flatnonzero(forgotten >= 1)
    if starving.size:
        crowd = min(1.0, float(roster.weights[ready][starving].sum()) / max(weight * MANY_TURNS, 1.0))
        part = FORGOTTEN_SHARE + (LARGEST_SHARE - FORGOTTEN_SHARE) * crowd
        share = max(weight * part, float(roster.weights[ready][starving].max()))
        first = _within(starving, forgotten[starving], roster.weights[ready], share)
        claims[first] = _ABOVE_ALL + forgotten[first]
    return ready[_within(np.arange(ready.size), claims, roster.weights[ready], weight)]


def _counted(roster: Roster, now: float, weight: float, seconds: float) -> tuple[Needs, Floats]:
    """Needs and due ages as they count in this turn. Where the promises have no slack those who are looked at have a
    part of every turn: as many as it reads, and at least one, the longest waiting, count as looked at when they have
    waited for as long as it takes to read all of them so. The others count as if nobody looked."""
    looked_at = np.flatnonzero(roster.needs == Need.LOOKED_AT)
    if not looked_at.size or has_slack(roster, now, ALMOST_LATE):
        return roster.needs, roster.due
    waited, weights = now - roster.read_at[looked_at], roster.weights[looked_at]
    share = weight * LOOKED_AT_SHARE
    round_takes = float(weights.sum()) * seconds / max(share, 1e-9)
    ready = np.flatnonzero((waited >= round_takes) & (roster.not_before[looked_at] <= now))
    heeded = _within(ready, waited[ready], weights, max(share, float(weights.max())))
    others = np.delete(looked_at, heeded)
    needs, due, nobody = roster.needs.copy(), roster.due.copy(), np.zeros(others.size, np.bool_)
    needs[others] = needs_of(roster.distances[others], nobody, nobody)
    due[others] = due_ages(needs[others], roster.distances[others])
    return needs, due


def _claims(waited: Floats, due: Floats, needs: Needs, notionals: Floats) -> Floats:
    """The greatest goes first: parts of the due age as they are; the late by urgency, by due age, and then by parts,
    which count for more with what is held."""
    parts = waited / due
    counted = parts * (1 + SIZE_COUNTS * notionals / (notionals + HALF_SIZE))
    late = 1 + _URGENCIES[needs] + 1 / (1 + due) + 1e-4 * counted / (1 + counted)
    claims: Floats = np.where(parts < 1, parts, late)
    return claims


def _within(places: Places, claims: Floats, weights: NDArray[np.int64], weight: float) -> Places:
    """The greatest claims that fit, in their order."""
    if not places.size or weight <= 0:
        return places[:0]
    most = int(weight // max(1, weights[places].min()))
    if most + 1 < places.size:
        first = np.argpartition(-claims, most)[: most + 1]
        places, claims = places[first], claims[first]
    places = places[np.argsort(-claims, kind="stable")]
    fitting: Places = places[np.cumsum(weights[places]) <= weight]
    return fitting


def due_now(roster: Roster, now: float) -> Flags:
    """Who is due and neither in anybody's hands nor at rest."""
    due: Flags = (now - roster.read_at >= roster.due) & (roster.not_before <= now)
    return due


def has_slack(roster: Roster, now: float, part: float = SLACK) -> bool:
    """Whether hardly anybody near liquidation is on the way to be late: has waited for this part of his due age."""
    promised = np.flatnonzero((roster.needs == Need.NEAR) | (roster.needs == Need.VERY_NEAR))
    waiting = now - roster.read_at[promised] > part * roster.due[promised]
    return bool(np.count_nonzero(waiting) <= FEW * promised.size)


def executions_meter(meter: Meter, *, slack: bool) -> Meter:
    """What counts the readings of executions through an address that nobody waits for, or that find no slack.

    >>> [executions_meter(Meter("address", 1200), slack=slack).limit for slack in (True, False)]
    [240, 60]
    """
    share = SHARE_WITH_SLACK if slack else SHARE_WITHOUT
    return Meter(f"{meter.name}:executions", int(meter.limit * share), meter.seconds)


def turn_weight(free: float, rate: float, seconds: float, dearest: float = 0.0) -> float:
    """What a turn may spend after so many seconds: what is free, but hardly faster than ``rate`` (weight a second).
    Where one reading costs more than that, ``dearest``, a turn may spend it, and those after it wait until it is
    free."""
    return min(free, max(rate * CATCHING_UP * seconds, dearest))


def deal(weights: Iterable[int], purses: Mapping[str, float]) -> list[str]:
    """Through which of our addresses each reading goes: the one that has most left then.

    >>> deal([2, 2, 2, 4], {"one": 5, "two": 4})
    ['one', 'two', 'one', 'two']
    """
    left, through = dict(purses), []
    for weight in weights:
        through.append(max(left, key=lambda name: left[name]))
        left[through[-1]] -= weight
    return through


def rest_after(failures: int) -> float:
    """Seconds for which an account is left alone after so many failed readings in a row.

    >>> [rest_after(failures) for failures in (1, 2, 3, 20)]
    [2.0, 4.0, 8.0, 300.0]
    """
    return min(LONGEST_REST, FIRST_REST * 2.0 ** min(failures - 1, 30))
