"""What is measured, goal by goal."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

import numpy as np

from tests.bench import orderly, pages, parsing, signing, start, streams, syncing
from tests.bench.accounts import TIERS, cross_account, many_holdings
from tests.bench.measuring import Line, in_turns, seconds_per_call
from trading.margin.cross import liquidations
from trading.margin.liquidation import liquidation_from_cash
from trading.ranking import Holdings, nearest_first

POSITIONS, CALLS = 20, 400
MANY, MARKETS, SAMPLED = 1_000_000, 200, 50_000
MICROSECONDS, MILLISECONDS = 1e-6, 1e-3


def cross_prices() -> list[Line]:
    """P3: every liquidation price of a cross account of twenty positions, exact."""
    account = cross_account(POSITIONS)
    work = f"{POSITIONS} exact prices of a cross account"
    missing = orderly.unavailable()
    ours: Callable[[], float] = partial(seconds_per_call, partial(liquidations, account), CALLS)
    if missing:
        (time,) = in_turns([ours])
        return [Line("P3", work, time, "Orderly", None, 50 * MICROSECONDS, note=missing)]
    theirs = partial(orderly.seconds_per_price, account.positions, float(account.cross_equity))
    time, per_price = in_turns([ours, theirs])
    return [
        Line("P3", work, time, f"Orderly, all {POSITIONS}", per_price * POSITIONS, 50 * MICROSECONDS),
        Line("P3", work, time, "Orderly, one of them", per_price),
    ]


def ranking() -> list[Line]:
    """P4: the liquidation prices of a million positions and their order, nearest first."""
    held = many_holdings(MARKETS, MANY)
    sizes, cash = np.concatenate([one.sizes for one in held]), np.concatenate([one.cash for one in held])
    rate = float(TIERS.tiers[0].maintenance_rate)
    sample = _exact_sample(held)
    ours, bare, exact = in_turns(
        [
            partial(seconds_per_call, partial(nearest_first, held), 1),
            partial(seconds_per_call, lambda: -cash / (sizes - np.abs(sizes) * rate), 1),
            partial(seconds_per_call, lambda: [liquidation_from_cash(q, c, TIERS) for q, c in sample], 1),
        ]
    )
    work = f"rank {MANY:,} positions in {MARKETS} markets"
    return [
        Line("P4", work, ours, "numpy, prices of one tier, no order", bare, 60 * MILLISECONDS),
        Line("P4", work, ours, f"exact prices, no order, from {SAMPLED:,}", exact * MANY / SAMPLED),
    ]


def _exact_sample(held: list[Holdings]) -> list[tuple[Decimal, Decimal]]:
    pairs = ((Decimal(float(q)), Decimal(float(c))) for one in held for q, c in zip(one.sizes, one.cash, strict=True))
    step = Decimal("1e-8")
    return [(size.quantize(step), cash.quantize(step)) for (size, cash), _ in zip(pairs, range(SAMPLED), strict=False)]


GOALS: Mapping[str, Callable[[], list[Line]]] = {
    "P1": signing.one_order,
    "P2": parsing.account,
    "P3": cross_prices,
    "P4": ranking,
    "P5": pages.quotes,
    "P6": pages.tables,
    "P7": streams.updates,
    "P8": syncing.accounts,
    "P10": start.starts,
}
