"""From a budget to a trade: the loss never exceeds it, and one lot more would."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.margin.strategies import decimals
from trading.margin.errors import MarginInputError
from trading.margin.inverse import LossBudget, largest_size, margin_for_price, plan_for
from trading.margin.isolated import liquidation, loss_at
from trading.margin.preview import preview_order
from trading.margin.quotes import MarginChange, MarketTerms, OrderRequest
from trading.margin.rules import ASTER, HYPERLIQUID
from trading.margin.types import Account, Bracket, FeeRates, MarginMode, Position, Side, TierTable

FEES = FeeRates(taker=Decimal("0.00045"), maker=Decimal("0.00015"), builder=Decimal("0.0001"))
TIERED = TierTable.from_max_leverages([("0", 40), ("100000", 20), ("400000", 10)])
TERMS = MarketTerms("BTC", TIERED, HYPERLIQUID)
LOT = Decimal("0.00001")
BUDGET = LossBudget(TERMS, Side.LONG, Decimal(60000), Decimal(200), LOT, 40, FEES)
SIDES = st.sampled_from(Side)


@settings(max_examples=60, deadline=None)
@given(SIDES, decimals("5", "20000", 2), st.integers(1, 40))
def test_without_a_stop_the_whole_margin_is_the_budget(side: Side, money: Decimal, leverage: int) -> None:
    budget = replace(BUDGET, side=side, budget=money, leverage=leverage)
    plan = plan_for(budget)
    assert plan.maximum_loss <= money
    assert (plan.leverage, plan.loss_at_stop) == (leverage, None)
    order = OrderRequest(TERMS, side, plan.size, budget.price, MarginMode.ISOLATED, leverage, FEES)
    answer = preview_order(Account(cross_equity=money), order)
    assert answer.allowed
    assert answer.after is not None
    assert answer.after.liquidation == plan.liquidation
    assert answer.after.maximum_loss is not None
    assert answer.after.maximum_loss.total == plan.maximum_loss
    grown = replace(order, size=plan.size + LOT)
    assert not preview_order(Account(cross_equity=money), grown).allowed


@settings(max_examples=60, deadline=None)
@given(SIDES, decimals("5", "20000", 2), decimals("0.001", "0.4", 3), st.integers(1, 40))
def test_with_a_stop_the_loss_there_is_the_budget_and_the_stop_comes_first(
    side: Side, money: Decimal, share: Decimal, leverage: int
) -> None:
    stop = BUDGET.price * (1 - side.sign * share)
    plan = plan_for(replace(BUDGET, side=side, budget=money, leverage=leverage, stop_price=stop))
    signed = side.sign * plan.size
    lost = loss_at(signed, BUDGET.price, stop, FEES, is_maker=False)
    assert plan.loss_at_stop is not None
    assert lost <= plan.loss_at_stop <= money
    assert loss_at(signed + side.sign * LOT, BUDGET.price, stop, FEES, is_maker=False) > money
    price = plan.liquidation.price
    assert price is None or side.sign * (stop - price) > 0
    assert plan.leverage <= min(leverage, TIERED.max_leverage_at(plan.size * BUDGET.price))


@settings(max_examples=60, deadline=None)
@given(SIDES, decimals("50", "20000", 2), decimals("0.02", "0.4", 3))
def test_with_a_stop_the_next_higher_leverage_would_be_liquidated_first(
    side: Side, money: Decimal, share: Decimal
) -> None:
    stop = BUDGET.price * (1 - side.sign * share)
    plan = plan_for(replace(BUDGET, side=side, budget=money, stop_price=stop))
    if plan.leverage < TIERED.max_leverage_at(plan.size * BUDGET.price):
        order = OrderRequest(TERMS, side, plan.size, BUDGET.price, MarginMode.ISOLATED, plan.leverage + 1, FEES)
        answer = preview_order(Account(cross_equity=Decimal(10**9)), order)
        assert answer.after is not None
        assert answer.after.liquidation.price is not None
        assert side.sign * (stop - answer.after.liquidation.price) <= 0


def test_the_stop_loss_counts_both_fees() -> None:
    assert loss_at(Decimal(2), Decimal(100), Decimal(90), FEES, is_maker=False) == Decimal("20.209")
    assert loss_at(Decimal(-2), Decimal(100), Decimal(110), FEES, is_maker=True) == Decimal("20.171")


def test_a_stop_that_no_leverage_survives_is_refused() -> None:
    budget = replace(BUDGET, side=Side.SHORT, stop_price=Decimal(150000))
    with pytest.raises(MarginInputError) as caught:
        plan_for(budget)
    assert caught.value.field == "stop_price"


def test_a_budget_beyond_the_tier_is_cut_to_it() -> None:
    plan = plan_for(replace(BUDGET, budget=Decimal(100000)))
    assert (plan.size * 60000 < 100000, (plan.size + LOT) * 60000 >= 100000) == (True, True)
    assert largest_size(TERMS, Decimal(60000), 40, Decimal(10**9), LOT) == plan.size


def test_a_notional_cap_bounds_a_plan_with_a_stop() -> None:
    capped = TierTable.from_brackets([Bracket(Decimal(0), Decimal(50000), 125, Decimal("0.004"), Decimal(0))])
    terms = MarketTerms("BTC", capped, ASTER)
    plan = plan_for(replace(BUDGET, terms=terms, budget=Decimal(10000), stop_price=Decimal(59000)))
    assert plan.size == Decimal("0.83333")


def test_margin_for_a_price_across_a_tier_is_exact() -> None:
    held = Position(
        "BTC", Decimal(2), Decimal(60000), Decimal(60000), MarginMode.ISOLATED, 10, TIERED, cash=Decimal(-108000)
    )
    for wanted in (Decimal(55000), Decimal(50000), Decimal(40000)):
        amount = margin_for_price(held, wanted)
        moved = replace(held, cash=held.bucket + MarginChange(TERMS, amount).amount)
        assert liquidation(moved).price == wanted
