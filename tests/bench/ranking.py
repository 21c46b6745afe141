"""P4: whose turn it is among the holders of a million positions, worked out anew as it is each second."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from itertools import islice

import numpy as np

from tests.bench.accounts import SEED
from tests.bench.measuring import Line, in_turns, seconds_per_call
from trading.services.risk import Exposure, Floats, Places, distance, nearest, notionals
from trading.services.schedule import Roster, choose, due_ages, needs_of

MANY, EACH, MARKETS, SAMPLED = 1_000_000, 4, 200, 50_000
# Of an address that one venue lets spend 1200 a minute, at 2 for each account.
WEIGHT, COST = 20.0, 2
NOW = 1_000_000.0
MILLISECOND = 1e-3


def accounts() -> list[Line]:
    """All accounts in the order of their distances by the marks of now; and with every other account cross, their
    classes and who is read first."""
    isolated, marks = many_accounts(half_cross=False)
    mixed, _ = many_accounts(half_cross=True)
    read_at = NOW - np.random.default_rng(SEED).uniform(0, 8_000, mixed.accounts)
    sample = _prices(isolated, marks)
    works: list[Callable[[], object]] = [
        partial(_ranked, isolated, marks),
        partial(_sorted, isolated, marks),
        partial(_sorted_exactly, sample),
        partial(_turn, mixed, marks, read_at),
    ]
    ours, bare, exact, turn = in_turns([partial(seconds_per_call, work, 1) for work in works])
    work = f"rank {MANY:,} positions, by account"
    return [
        Line("P4", work, ours, "numpy, sorting all", bare, 60 * MILLISECOND),
        Line("P4", work, ours, f"decimals, sorting, from {len(sample):,}", exact * MANY / len(sample)),
        Line("P4", "half of them cross, and who is read next", turn, "", None),
    ]


def _ranked(exposure: Exposure, marks: Floats) -> Places:
    """The accounts, nearest to liquidation first."""
    return np.argsort(nearest(exposure, marks))


def _turn(exposure: Exposure, marks: Floats, read_at: Floats) -> Places:
    """The arithmetic of one turn of the schedule."""
    distances, nobody = nearest(exposure, marks), np.zeros(exposure.accounts, np.bool_)
    needs = needs_of(distances, nobody, nobody)
    free, costs = np.zeros(exposure.accounts), np.full(exposure.accounts, COST)
    due, held = due_ages(needs, distances), notionals(exposure, marks)
    return choose(Roster(needs, due, read_at, free, costs, held, distances), NOW, WEIGHT)


def many_accounts(*, half_cross: bool) -> tuple[Exposure, Floats]:
    """Accounts of ``EACH`` positions at 2x to 40x, isolated or every other one cross, and the marks, which have moved
    by up to 1 % since the positions were read."""
    random = np.random.default_rng(SEED)
    marks, markets = random.uniform(1, 100_000, MARKETS), random.integers(0, MARKETS, MANY)
    owners = np.arange(MANY) // EACH
    then, values = marks[markets] * random.uniform(0.99, 1.01, MANY), random.lognormal(8, 1.5, MANY)
    sides, leverages = np.where(random.random(MANY) < 0.4, -1.0, 1.0), random.integers(2, 41, MANY)
    is_cross = (owners % 2 == 1) & half_cross
    cross_values = np.bincount(owners, values * is_cross)
    exposure = Exposure(
        owners,
        markets,
        sides * values / then,
        then * (1 - sides / leverages),
        then,
        is_cross,
        cross_values / 5,
        cross_values / 80,
    )
    return exposure, marks


def _sorted(exposure: Exposure, marks: Floats) -> Places:
    return np.argsort(np.abs(1 - exposure.liquidations / marks[exposure.markets]))


def _sorted_exactly(prices: Sequence[tuple[Decimal, Decimal]]) -> list[Decimal]:
    return sorted(distance(mark, liquidation) for mark, liquidation in prices)


def _prices(exposure: Exposure, marks: Floats) -> list[tuple[Decimal, Decimal]]:
    """Mark and liquidation price of some positions."""
    both = zip(marks[exposure.markets].tolist(), exposure.liquidations.tolist(), strict=True)
    return [(Decimal(f"{mark:.8f}"), Decimal(f"{price:.8f}")) for mark, price in islice(both, SAMPLED)]
