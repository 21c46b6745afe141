"""Accounts to measure on: random, always the same ones."""

from decimal import Decimal
from random import Random

import numpy as np

from trading.margin.types import Account, MarginMode, Position, TierTable
from trading.ranking import Holdings

TIERS = TierTable.from_max_leverages([("0", 40), ("10000", 25), ("50000", 10)])
SEED = 20


def cross_account(positions: int = 20) -> Account:
    """Longs and shorts worth 5 000 to 200 000 each in a table of three tiers, at about five times leverage."""
    random = Random(SEED)
    held = [_cross_position(f"M{place}", random) for place in range(positions)]
    return Account.of(held, sum((position.notional for position in held), Decimal(0)) / 5)


def _cross_position(market: str, random: Random) -> Position:
    mark = Decimal(random.randint(100, 9_999_999)) / 100
    size = (Decimal(random.randint(5_000, 200_000)) / mark).quantize(Decimal("0.00001"))
    return Position(market, -size if random.random() < 0.4 else size, mark, mark, MarginMode.CROSS, 10, TIERS)


def many_holdings(markets: int, positions: int) -> list[Holdings]:
    """Isolated positions at 2x to 40x, equally many in each market, some in every tier."""
    random = np.random.default_rng(SEED)
    return [_holdings(random, positions // markets) for _ in range(markets)]


def _holdings(random: np.random.Generator, count: int) -> Holdings:
    mark = float(random.uniform(1, 100_000))
    value = random.lognormal(8, 1.5, count)
    sizes = np.where(random.random(count) < 0.4, -value, value) / mark
    return Holdings(TIERS, mark, sizes, value / random.integers(2, 41, count) - sizes * mark)
