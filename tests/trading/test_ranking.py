"""The ranking by floats against the exact engine, position by position."""

import doctest
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trading.ranking
from trading.margin.isolated import distance
from trading.margin.liquidation import liquidation_from_cash
from trading.margin.tiers import TierTable
from trading.margin.types import NoLiquidation, Side
from trading.ranking import STEPS, Holdings, distances, nearest_first

TABLES = [
    TierTable.single(40),
    TierTable.from_max_leverages([("0", 40), ("10000", 25), ("50000", 10)]),
    TierTable.from_max_leverages([("0", 10), ("20000000", 5)]),
]
MARK = Decimal(50_000)
SIZES = st.decimals("-50", "50", places=3).filter(bool)
# Equity as a share of the notional: under water, thin, and more than the position is worth.
SHARES = st.decimals("-0.5", "1.5", places=4)


def exact_distance(size: Decimal, cash: Decimal, tiers: TierTable) -> Decimal:
    answer = liquidation_from_cash(size, cash, tiers)
    if answer.price is None:
        return Decimal(0) if answer.reason is NoLiquidation.UNDER_WATER else Decimal(1)
    away = distance(Side.of(size), MARK, answer.price)
    assert away is not None
    return min(max(away, Decimal(0)), Decimal(1))


def holdings(tiers: TierTable, rows: list[tuple[Decimal, Decimal]]) -> tuple[Holdings, list[Decimal]]:
    """Positions of these sizes and equity shares, and their exact distances."""
    cash = [share * abs(size) * MARK - size * MARK for size, share in rows]
    sizes = [size for size, _ in rows]
    held = Holdings(tiers, float(MARK), np.array(sizes, float), np.array(cash, float))
    return held, [exact_distance(size, backing, tiers) for size, backing in zip(sizes, cash, strict=True)]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TABLES), st.lists(st.tuples(SIZES, SHARES), min_size=1, max_size=40))
def test_distances_are_the_exact_engines(tiers: TierTable, rows: list[tuple[Decimal, Decimal]]) -> None:
    held, exact = holdings(tiers, rows)

    assert distances(held) == pytest.approx([float(away) for away in exact], rel=1e-9, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(SIZES, SHARES), min_size=1, max_size=40), st.lists(st.tuples(SIZES, SHARES), min_size=1))
def test_order_is_the_exact_order_to_within_a_step(
    first: list[tuple[Decimal, Decimal]], second: list[tuple[Decimal, Decimal]]
) -> None:
    one, exact_one = holdings(TABLES[0], first)
    two, exact_two = holdings(TABLES[1], second)
    every = [*exact_one, *exact_two]

    order = nearest_first([one, two]).tolist()
    assert sorted(order) == list(range(len(every)))
    ranked = [every[place] for place in order]
    assert all(later - earlier > -Decimal(1) / STEPS - Decimal("1e-12") for earlier, later in pairwise(ranked))


def test_position_beyond_its_liquidation_price_comes_first() -> None:
    held, _ = holdings(
        TABLES[0], [(Decimal(1), Decimal("0.2")), (Decimal(1), Decimal("0.001")), (Decimal(-1), Decimal("0.05"))]
    )

    assert (distances(held)[1], nearest_first([held]).tolist()) == (0.0, [1, 2, 0])


def test_nothing_held_is_nothing_ranked() -> None:
    assert nearest_first([]).tolist() == []


def test_module_opens_with_examples_that_hold() -> None:
    assert doctest.testmod(trading.ranking) == (0, 3)
