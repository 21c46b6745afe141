"""Random markets, positions and accounts, and the venue's definitions written out a second time.

`maintenance_by_slices`, `spare_at` and `cross_spare_at` use none of the engine's formulas: each slice of notional pays
the rate of its own tier, and equity is counted position by position.
"""

from decimal import Decimal
from itertools import pairwise

from hypothesis import strategies as st

from trading.margin.types import Account, MarginMode, Position, TierTable

NEAR = Decimal("1e-15")
STEP = Decimal("1e-6")


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), places=places, allow_nan=False, allow_infinity=False)


ANY_LEVERAGE = st.integers(1, 50)
# Leverages whose maintenance rate is a finite decimal, as Aster's rates are.
FINITE_LEVERAGE = st.sampled_from([50, 40, 25, 20, 10, 8, 5, 4, 2, 1])


@st.composite
def tier_tables(draw: st.DrawFn, leverage: st.SearchStrategy[int] = ANY_LEVERAGE) -> TierTable:
    leverages = sorted(draw(st.sets(leverage, min_size=1, max_size=4)), reverse=True)
    steps = [draw(decimals("100", "200000", 0)) for _ in leverages[1:]]
    bounds = [sum(steps[:count], Decimal(0)) for count in range(len(leverages))]
    return TierTable.from_max_leverages(zip(bounds, leverages, strict=True))


@st.composite
def positions(
    draw: st.DrawFn,
    mode: MarginMode = MarginMode.ISOLATED,
    market: str = "BTC",
    tables: st.SearchStrategy[TierTable] | None = None,
) -> Position:
    tiers = draw(tier_tables() if tables is None else tables)
    size = draw(decimals("0.01", "500", 3)) * draw(st.sampled_from([1, -1]))
    mark = draw(decimals("0.5", "5000", 2))
    entry = mark * draw(decimals("0.7", "1.4", 3))
    leverage = draw(st.integers(1, tiers.max_leverage))
    if mode is MarginMode.CROSS:
        return Position(market, size, entry, mark, mode, leverage, tiers)
    margin = abs(size) * mark * draw(decimals("0.001", "2.5", 4))
    return Position(market, size, entry, mark, mode, leverage, tiers, cash=margin - size * mark)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    names = ["A", "B", "C", "D"][: draw(st.integers(1, 4))]
    modes = [draw(st.sampled_from(MarginMode)) for _ in names]
    held = [draw(positions(mode, name)) for mode, name in zip(modes, names, strict=True)]
    notional = sum((one.notional for one in held), Decimal(0))
    return Account.of(held, notional * draw(decimals("0.01", "3", 4)))


def maintenance_by_slices(tiers: TierTable, notional: Decimal) -> Decimal:
    """What each slice of the notional asks for, at the rate of the tier it lies in."""
    total = Decimal(0)
    ends = [tier.lower_bound for tier in tiers.tiers[1:]] + [max(notional, tiers.tiers[-1].lower_bound)]
    for tier, end in zip(tiers.tiers, ends, strict=True):
        slice_ = min(notional, end) - tier.lower_bound
        if slice_ > 0:
            total += slice_ / (2 * tier.max_leverage)
    return total


def spare_at(held: Position, price: Decimal) -> Decimal:
    """Equity above maintenance of an isolated position at a price."""
    assert held.cash is not None
    return held.cash + held.size * price - maintenance_by_slices(held.tiers, abs(held.size) * price)


def cross_spare_at(account: Account, market: str, price: Decimal) -> Decimal:
    """Equity above maintenance of the cross account when one of its markets trades at a price."""
    spare = account.cross_equity
    for held in account.positions:
        if held.mode is MarginMode.CROSS:
            at = price if held.market == market else held.mark_price
            spare += held.size * (at - held.mark_price)
            spare -= maintenance_by_slices(held.tiers, abs(held.size) * at)
    return spare


def rises(values: list[Decimal]) -> bool:
    return all(first <= second for first, second in pairwise(values))
