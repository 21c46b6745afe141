"""From collateral to the largest order and from a budget to a trade: one lot more would be too much."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.margin.strategies import decimals, positions, tier_tables
from trading.margin.errors import MarginInputError
from trading.margin.inverse import LossBudget, largest_order, largest_size, margin_for_price, plan_for
from trading.margin.isolated import liquidation, loss_at
from trading.margin.preview import Start, preview_from, preview_order, start_of
from trading.margin.quotes import MarginChange, MarketTerms, OrderRequest, RefusalCode
from trading.margin.rules import ASTER, HYPERLIQUID, MarginRules
from trading.margin.types import Account, AccountMode, Bracket, FeeRates, MarginMode, Position, Side, TierTable

FEES = FeeRates(taker=Decimal("0.00045"), maker=Decimal("0.00015"), builder=Decimal("0.0001"))
TIERED = TierTable.from_max_leverages([("0", 40), ("100000", 20), ("400000", 10)])
TERMS = MarketTerms("BTC", TIERED, HYPERLIQUID)
LOT = Decimal("0.00001")
BUDGET = LossBudget(TERMS, Side.LONG, Decimal(60000), Decimal(200), LOT, 40, FEES)
SIDES = st.sampled_from(Side)
COIN = Decimal("0.001")
# The first tiers of BTC on Hyperliquid's testnet (Hyperliquid 3.1) and of an Aster market with its last cap (3.4).
TESTNET = TierTable.from_max_leverages([("0", 40), ("10000", 25), ("50000", 10)])
BRACKETS = TierTable.from_brackets(
    [
        Bracket(Decimal(0), Decimal(10000), 75, Decimal("0.0065"), Decimal(0)),
        Bracket(Decimal(10000), Decimal(50000), 50, Decimal("0.01"), Decimal(35)),
    ]
)


@st.composite
def orders(draw: st.DrawFn) -> tuple[Start, OrderRequest]:
    """An order of one lot, and the account that it meets: flat in its market, on its side, or on the other."""
    tiers, mode = draw(tier_tables()), draw(st.sampled_from(MarginMode))
    if draw(st.booleans()):
        tiers = TierTable(tiers.tiers, tiers.tiers[-1].lower_bound + draw(decimals("100", "200000", 0)))
    held = draw(positions(mode, tables=st.just(tiers)))
    account = Account.of([held] if draw(st.booleans()) else [], draw(decimals("0", "100000", 2)))
    near = st.none() | decimals("0.9", "1.1", 2).map(lambda share: share * held.mark_price)
    order = OrderRequest(
        terms=MarketTerms(held.market, tiers, draw(st.sampled_from([HYPERLIQUID, ASTER]))),
        side=draw(SIDES),
        size=COIN,
        mark_price=held.mark_price,
        mode=mode,
        leverage=draw(st.integers(1, tiers.max_leverage)),
        fees=FEES,
        limit_price=draw(near),
        trigger_price=draw(near),
    )
    return start_of(account, order.terms, order.mark_price, FEES), order


@settings(max_examples=300, deadline=None)
@given(orders())
def test_largest_order_is_accepted_and_one_lot_more_is_not(case: tuple[Start, OrderRequest]) -> None:
    start, order = case
    size = largest_order(start, order, COIN)
    assert size is not None
    assert size == 0 or preview_from(start, replace(order, size=size)).allowed
    assert not preview_from(start, replace(order, size=size + COIN)).allowed


@settings(max_examples=100, deadline=None)
@given(orders(), decimals("0.9", "1", 3), decimals("0", "0.01", 4))
def test_what_is_kept_back_never_makes_an_order_larger(
    case: tuple[Start, OrderRequest], usable: Decimal, fee_rate: Decimal
) -> None:
    start, order = case
    whole, kept = largest_order(start, order, COIN), largest_order(start, order, COIN, usable=usable, fee_rate=fee_rate)
    assert whole is not None
    assert kept is not None
    assert 0 <= kept <= whole


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("mode", MarginMode)
@pytest.mark.parametrize(
    ("rules", "tiers", "leverage", "bound", "code"),
    [
        (HYPERLIQUID, TESTNET, 40, 10000, RefusalCode.LEVERAGE_ABOVE_TIER),
        (HYPERLIQUID, TESTNET, 26, 10000, RefusalCode.LEVERAGE_ABOVE_TIER),
        (HYPERLIQUID, TESTNET, 25, 50000, RefusalCode.LEVERAGE_ABOVE_TIER),
        (HYPERLIQUID, TESTNET, 11, 50000, RefusalCode.LEVERAGE_ABOVE_TIER),
        (ASTER, BRACKETS, 75, 10000, RefusalCode.LEVERAGE_ABOVE_TIER),
        (ASTER, BRACKETS, 51, 10000, RefusalCode.LEVERAGE_ABOVE_TIER),
        (ASTER, BRACKETS, 50, 50000, RefusalCode.NOTIONAL_ABOVE_CAP),
        (ASTER, BRACKETS, 1, 50000, RefusalCode.NOTIONAL_ABOVE_CAP),
    ],
)
@pytest.mark.parametrize("held", ["0", "0.05", "-0.05"])
def test_tier_bounds_the_position_that_the_largest_order_leaves(
    side: Side, mode: MarginMode, rules: MarginRules, tiers: TierTable, leverage: int, bound: int, code: RefusalCode,
    held: str,
) -> None:  # fmt: skip
    """At a limit of 60,000 that rests, so that both venues count the same price."""
    terms, price, size = MarketTerms("BTC", tiers, rules), Decimal(60000), Decimal(held) * side.sign
    cash = Decimal(600) - size * price if mode is MarginMode.ISOLATED else None
    rows = [Position("BTC", size, price, price, mode, 5, tiers, cash=cash)] if size else []
    start = start_of(Account.of(rows, Decimal(10**6)), terms, price, FEES)
    order = OrderRequest(terms, side, LOT, price, mode, leverage, FEES, limit_price=price)

    largest = largest_order(start, order, LOT)

    assert largest is not None
    left = largest + Decimal(held)
    assert left * price < bound <= (left + LOT) * price
    assert preview_from(start, replace(order, size=largest)).refusals == ()
    refusals = preview_from(start, replace(order, size=largest + LOT)).refusals
    assert [refusal.code for refusal in refusals] == [code]


def test_position_at_its_tiers_bound_takes_no_more_and_may_still_be_turned() -> None:
    held = Position("BTC", Decimal(1), Decimal(60000), Decimal(60000), MarginMode.CROSS, 5, TESTNET)
    terms = MarketTerms("BTC", TESTNET, HYPERLIQUID)
    start = start_of(Account.of([held], Decimal(10**6)), terms, Decimal(60000), FEES)
    adding = OrderRequest(terms, Side.LONG, LOT, Decimal(60000), MarginMode.CROSS, 40, FEES)
    turning = replace(adding, side=Side.SHORT)

    assert largest_order(start, adding, LOT) == 0
    assert largest_order(start, turning, LOT) == Decimal("1.16666")
    assert largest_order(start, replace(turning, reduce_only=True), LOT) == 1
    assert largest_order(start, replace(adding, reduce_only=True), LOT) == 0


def test_largest_order_counts_the_loss_that_it_opens_with_on_aster() -> None:
    """A buy at market is taken to pay 1.0005 of the mark, and what lies above it must be free, too (Aster 4.2)."""
    terms = MarketTerms("BTC", BRACKETS, ASTER)
    start = start_of(Account(cross_equity=Decimal(100)), terms, Decimal(60000), FEES)
    order = OrderRequest(terms, Side.LONG, LOT, Decimal(60000), MarginMode.ISOLATED, 75, FEES)

    # 100 / (60030 × 0.01333334 + 30) and 100 / (60000 × 0.01333334)
    assert largest_order(start, order, LOT) == Decimal("0.12042")
    assert largest_order(start, replace(order, side=Side.SHORT), LOT) == Decimal("0.12499")


def test_largest_order_is_not_known_where_the_free_collateral_is_not() -> None:
    terms = MarketTerms("BTC", TESTNET, HYPERLIQUID)
    start = start_of(Account(mode=AccountMode.MULTI_ASSET), terms, Decimal(60000), FEES)
    order = OrderRequest(terms, Side.LONG, LOT, Decimal(60000), MarginMode.CROSS, 5, FEES)

    assert largest_order(start, order, LOT) is None
    assert largest_order(start, replace(order, available=Decimal(60)), LOT) == Decimal("0.005")


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
