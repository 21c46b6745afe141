"""What must hold of every isolated position, by the venue's definition and not by our formula."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.trading.margin.strategies import (
    FINITE_LEVERAGE,
    NEAR,
    STEP,
    decimals,
    maintenance_by_slices,
    positions,
    rises,
    spare_at,
    tier_tables,
)
from trading.margin.inverse import margin_for_distance, margin_for_price
from trading.margin.isolated import liquidation, lowest_leverage, maximum_loss, removable
from trading.margin.rounding import Direction, PriceRule, liquidation_towards_mark
from trading.margin.rules import ASTER, HYPERLIQUID, MarginRules
from trading.margin.types import MarginRestriction, NoLiquidation, Position, TierTable

FEW = settings(max_examples=60, deadline=None)
RULES = st.sampled_from([HYPERLIQUID, ASTER])


def added(held: Position, amount: Decimal) -> Position:
    return replace(held, cash=held.bucket + amount)


def is_farther(held: Position, before: Decimal | None, after: Decimal | None) -> bool:
    """Whether a liquidation price moved away from the mark, or nowhere."""
    if after is None or before is None:
        return after is None
    return held.side.sign * (before - after) >= 0


@FEW
@given(tier_tables(), decimals("0", "900000", 2))
def test_maintenance_is_what_the_slices_pay(tiers: TierTable, notional: Decimal) -> None:
    assert abs(tiers.maintenance(notional) - maintenance_by_slices(tiers, notional)) <= NEAR * (notional + 1)


@settings(max_examples=200, deadline=None)
@given(positions())
def test_at_the_liquidation_price_equity_equals_maintenance(held: Position) -> None:
    price = liquidation(held).price
    assume(price is not None)
    assert price is not None
    assert abs(spare_at(held, price)) <= NEAR * (abs(held.size) * price + abs(held.bucket))
    one_tick = held.side.sign * price * STEP
    assert spare_at(held, price + one_tick) > 0
    assert spare_at(held, price - one_tick) < 0


@FEW
@given(positions(), decimals("0", "5000", 2), st.lists(decimals("0.0001", "50", 4), min_size=3, max_size=6))
def test_a_covered_long_is_safe_at_every_price_and_a_sunk_short_at_none(
    drawn: Position, surplus: Decimal, factors: list[Decimal]
) -> None:
    held = replace(drawn, cash=drawn.side.sign * surplus)
    answer = liquidation(held)
    spare = [spare_at(held, held.mark_price * factor) for factor in factors]
    if held.size > 0:
        assert (answer.price, answer.reason) == (None, NoLiquidation.COVERED)
        assert min(spare) >= 0
    else:
        assert (answer.price, answer.reason) == (None, NoLiquidation.UNDER_WATER)
        assert max(spare) <= 0


@FEW
@given(positions())
def test_only_a_covered_long_or_a_sunk_short_has_no_price(held: Position) -> None:
    assert (liquidation(held).price is None) == (held.side.sign * held.bucket >= 0)


@FEW
@given(positions(), st.lists(decimals("0", "10000", 2), min_size=2, max_size=5))
def test_adding_margin_never_brings_liquidation_closer(held: Position, amounts: list[Decimal]) -> None:
    steps = [added(held, amount) for amount in sorted(amounts)]
    prices = [liquidation(step).price for step in [held, *steps]]
    assert all(is_farther(held, prices[place], prices[place + 1]) for place in range(len(steps)))


@settings(max_examples=150, deadline=None)
@given(positions(tables=tier_tables(FINITE_LEVERAGE)), RULES)
def test_the_removable_amount_is_accepted_and_one_unit_more_is_not(held: Position, rules: MarginRules) -> None:
    bound = removable(held, rules).amount
    assert bound is not None
    assert bound % rules.margin_step == 0
    if bound > 0:
        assert venue_accepts(added(held, -bound), rules)
    assert not venue_accepts(added(held, -bound - rules.margin_step), rules)


def venue_accepts(held: Position, rules: MarginRules) -> bool:
    """The two venues' removal rules, each as its document words it."""
    value = abs(held.size) * held.mark_price
    equity = held.bucket + held.size * held.mark_price
    if rules is HYPERLIQUID:
        return equity * held.leverage >= value and equity * 10 >= value
    wallet = held.bucket + held.size * held.entry_price
    rate = -(-(10**8) // held.leverage)
    return equity * 10**8 >= value * rate and wallet >= maintenance_by_slices(held.tiers, value)


@FEW
@given(positions(), RULES)
def test_nothing_leaves_a_strictly_isolated_position(held: Position, rules: MarginRules) -> None:
    strict = replace(held, restriction=MarginRestriction.STRICT_ISOLATED)
    assert removable(strict, rules).amount == 0


@FEW
@given(positions(), decimals("0.001", "0.99", 3))
def test_margin_for_a_price_gives_that_price(held: Position, share: Decimal) -> None:
    wanted = held.mark_price * (1 - held.side.sign * share)
    moved = added(held, margin_for_price(held, wanted))
    reached = liquidation(moved).price
    assert reached is not None
    assert abs(reached - wanted) <= NEAR * wanted
    assert abs(margin_for_price(moved, wanted)) <= NEAR * (abs(held.size) * held.mark_price + abs(held.bucket))
    assert margin_for_distance(held, share) == margin_for_price(held, wanted)


@FEW
@given(positions(), decimals("0.001", "1000", 3))
def test_the_price_of_a_coin_unit_does_not_matter(held: Position, unit: Decimal) -> None:
    scaled = replace(
        held, size=held.size * unit, mark_price=held.mark_price / unit, entry_price=held.entry_price / unit
    )
    before, after = liquidation(held), liquidation(scaled)
    assert before.reason is after.reason
    if before.price is not None and after.price is not None:
        assert abs(after.price * unit - before.price) <= NEAR * before.price


@FEW
@given(positions(), st.integers(2, 1000))
def test_the_unit_of_money_does_not_matter(held: Position, unit: int) -> None:
    tiers = TierTable.from_max_leverages((tier.lower_bound * unit, tier.max_leverage) for tier in held.tiers.tiers)
    scaled = replace(
        held,
        mark_price=held.mark_price * unit,
        entry_price=held.entry_price * unit,
        cash=held.bucket * unit,
        tiers=tiers,
    )
    before, after = liquidation(held), liquidation(scaled)
    assert before.reason is after.reason
    if before.price is not None and after.price is not None:
        assert abs(after.price / unit - before.price) <= NEAR * before.price


@FEW
@given(positions(), st.integers(0, 6))
def test_a_shown_liquidation_price_is_never_farther_than_the_true_one(held: Position, size_decimals: int) -> None:
    price, rule = liquidation(held).price, PriceRule.significant(size_decimals)
    assume(price is not None and abs(price - held.mark_price) > rule.step_at(price))
    assert price is not None
    shown = liquidation_towards_mark(price, held.mark_price, rule)
    assert abs(held.mark_price - shown) <= abs(held.mark_price - price)
    assert abs(shown - price) < rule.step_at(price)


@FEW
@given(positions(), RULES, decimals("0", "20", 7))
def test_a_maximum_loss_is_never_understated(held: Position, rules: MarginRules, fee: Decimal) -> None:
    loss = maximum_loss(held, rules, opening_fee=fee)
    assert loss.total >= held.bucket + held.size * held.entry_price + fee
    assert loss.total % rules.margin_step == 0
    assert loss.total - max(Decimal(0), held.collateral) - fee < rules.margin_step


@FEW
@given(positions())
def test_the_lowest_leverage_is_covered_and_the_next_lower_is_not(held: Position) -> None:
    lowest = lowest_leverage(held, HYPERLIQUID)
    value = abs(held.size) * held.mark_price
    equity = held.bucket + held.size * held.mark_price
    assert lowest == held.leverage or equity * lowest >= value
    assert lowest == 1 or equity * (lowest - 1) < value
    assert lowest_leverage(held, ASTER) == held.leverage


@FEW
@given(decimals("0.00001", "99999", 5), st.integers(0, 6))
def test_rounding_goes_where_its_name_says(price: Decimal, size_decimals: int) -> None:
    rule = PriceRule.significant(size_decimals)
    down, up = rule.rounded(price, Direction.DOWN), rule.rounded(price, Direction.UP)
    assert rises([down, price, up])
    assert (down == 0 or rule.is_valid(down), up == 0 or rule.is_valid(up)) == (True, True)
    assert rule.is_valid(price) == (down == price == up)
