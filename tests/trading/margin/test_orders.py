"""What an order does: opens, adds, reduces, closes, flips, in both modes and under both venues' rules."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings

from tests.trading.margin.strategies import NEAR, accounts, cross_spare_at, decimals, positions
from trading.margin.cross import liquidations
from trading.margin.isolated import BoundRule, liquidation
from trading.margin.preview import assumed_price, preview_from, preview_order, start_of
from trading.margin.quotes import MarketTerms, OrderEffect, OrderFees, OrderRequest, Preview, RefusalCode
from trading.margin.rules import ASTER, HYPERLIQUID
from trading.margin.types import (
    Account,
    AccountMode,
    Bracket,
    FeeRates,
    MarginMode,
    MarginRestriction,
    NoLiquidation,
    Position,
    Side,
    TierTable,
)

AT_40X = TierTable.single(40)
TIERED = TierTable.from_max_leverages([("0", 40), ("10000", 25), ("50000", 10)])
FEES = FeeRates(taker=Decimal("0.00045"), maker=Decimal("0.00015"), builder=Decimal("0.0001"))
TERMS = MarketTerms("BTC", AT_40X, HYPERLIQUID)
ASTER_TERMS = MarketTerms(
    "BTC", TierTable.from_brackets([Bracket(Decimal(0), Decimal(50000), 125, Decimal("0.004"), Decimal(0))]), ASTER
)
BUY = OrderRequest(TERMS, Side.LONG, Decimal("0.1"), Decimal(60000), MarginMode.ISOLATED, 10, FEES)
FUNDED = Account(cross_equity=Decimal(1000))
HELD = Position(
    "BTC", Decimal("0.1"), Decimal(58000), Decimal(60000), MarginMode.ISOLATED, 10, AT_40X, cash=Decimal(-5200)
)
HOLDING = Account.of([HELD], Decimal(1000))
CROSS = replace(HELD, mode=MarginMode.CROSS, cash=None)
OTHER = Position("ETH", Decimal(-1), Decimal(3000), Decimal(3000), MarginMode.CROSS, 10, AT_40X)


def codes(answer: Preview) -> list[tuple[RefusalCode, str, Decimal | None]]:
    return [(refusal.code, refusal.field, refusal.bound) for refusal in answer.refusals]


def test_opening_takes_margin_from_free_collateral_and_the_fee_from_the_margin() -> None:
    answer = preview_order(FUNDED, BUY)
    assert answer.before is None
    assert answer.after is not None
    assert answer.effect is OrderEffect.OPENS
    assert answer.fees == OrderFees(Decimal("2.7"), Decimal("0.6"))
    assert answer.margin_needed == 600
    assert answer.after.margin == Decimal("596.7")
    assert answer.after.maximum_loss is not None
    assert answer.after.maximum_loss.total == 600
    assert answer.after.liquidation.price == Decimal("5403.3") / (Decimal("0.1") * (1 - Decimal("0.0125")))
    assert (answer.free_before, answer.free_after) == (Decimal(1000), Decimal(400))
    assert answer.allowed


def test_the_recorded_hype_short_is_margined_at_the_mark_and_pays_its_fee_from_it() -> None:
    terms = MarketTerms("HYPE", TierTable.single(10), HYPERLIQUID)
    order = OrderRequest(
        terms,
        Side.SHORT,
        Decimal("4.0"),
        Decimal("48.145"),
        MarginMode.ISOLATED,
        10,
        FeeRates(taker=Decimal("0.00045")),
        expected_price=Decimal("47.9932"),
    )
    answer = preview_order(FUNDED, order)
    assert answer.after is not None
    assert abs(answer.after.position.collateral - Decimal("19.171617")) < Decimal("0.00001")


def test_adding_margins_only_what_is_added_at_the_leverage_set_now() -> None:
    answer = preview_order(HOLDING, replace(BUY, leverage=20))
    assert answer.after is not None
    after = answer.after.position
    assert answer.effect is OrderEffect.ADDS
    assert (after.size, after.entry_price, after.leverage) == (Decimal("0.2"), Decimal(59000), 20)
    assert answer.after.margin == HELD.equity + 300 - Decimal("3.3")
    assert answer.free_after == 700


def test_reducing_without_a_fee_leaves_the_liquidation_price() -> None:
    order = replace(BUY, side=Side.SHORT, size=Decimal("0.04"), fees=FeeRates())
    answer = preview_order(HOLDING, order)
    assert answer.before is not None
    assert answer.after is not None
    assert answer.effect is OrderEffect.REDUCES
    assert answer.after.liquidation == answer.before.liquidation
    assert answer.released == HELD.equity * Decimal("0.4")
    assert answer.free_after == 1000 + HELD.equity * Decimal("0.4")


def test_closing_returns_everything_but_the_fee() -> None:
    answer = preview_order(HOLDING, replace(BUY, side=Side.SHORT))
    assert (answer.after, answer.effect) == (None, OrderEffect.CLOSES)
    assert answer.free_after == 1000 + HELD.equity - Decimal("3.3")


def test_flipping_closes_and_opens_the_rest_on_the_other_side() -> None:
    answer = preview_order(HOLDING, replace(BUY, side=Side.SHORT, size=Decimal("0.15"), leverage=20))
    alone = preview_order(FUNDED, replace(BUY, side=Side.SHORT, size=Decimal("0.05"), leverage=20))
    assert answer.after is not None
    assert alone.after is not None
    assert answer.effect is OrderEffect.FLIPS
    assert answer.after.position == alone.after.position
    assert answer.after.liquidation == alone.after.liquidation
    assert answer.free_after == 1000 + HELD.equity - Decimal("3.3") - 150


def test_a_reduce_only_order_is_cut_to_the_position() -> None:
    answer = preview_order(HOLDING, replace(BUY, side=Side.SHORT, size=Decimal(5), reduce_only=True))
    assert answer.fill is not None
    assert (answer.fill.size, answer.effect, answer.after) == (Decimal("-0.1"), OrderEffect.CLOSES, None)


@pytest.mark.parametrize(
    ("account", "side", "code"),
    [
        (FUNDED, Side.SHORT, RefusalCode.REDUCE_ONLY_WITHOUT_POSITION),
        (HOLDING, Side.LONG, RefusalCode.REDUCE_ONLY_WOULD_INCREASE),
    ],
)
def test_a_reduce_only_order_must_reduce(account: Account, side: Side, code: RefusalCode) -> None:
    answer = preview_order(account, replace(BUY, side=side, reduce_only=True))
    assert [refusal.code for refusal in answer.refusals] == [code]
    assert (answer.after, answer.free_after) == (answer.before, answer.free_before)


def test_an_order_in_the_other_mode_than_the_position_changes_nothing() -> None:
    answer = preview_order(HOLDING, replace(BUY, mode=MarginMode.CROSS))
    assert [refusal.code for refusal in answer.refusals] == [RefusalCode.MODE_DIFFERS_FROM_POSITION]
    assert answer.after == answer.before


def test_an_order_beyond_free_collateral_is_refused_with_the_bound() -> None:
    answer = preview_order(FUNDED, replace(BUY, size=Decimal("0.2")))
    assert codes(answer) == [(RefusalCode.NOT_ENOUGH_COLLATERAL, "size", Decimal(1000))]
    assert preview_order(FUNDED, replace(BUY, size=Decimal("0.2"), available=Decimal(1200))).allowed


def test_a_flip_may_use_what_its_close_releases() -> None:
    answer = preview_order(
        replace(HOLDING, cross_equity=Decimal(0)), replace(BUY, side=Side.SHORT, size=Decimal("0.2"))
    )
    assert answer.allowed
    assert answer.free_after == HELD.equity - Decimal("3.3") - 600


@pytest.mark.parametrize(
    ("leverage", "free_after", "is_allowed"),
    [
        # 100,000 at 20x ask for 5,000 of 6,000; at 5x they would ask for 15,000 more, and 1,000 more at 16x and 2/3.
        (5, "-14200", False),
        (17, str(6000 - Decimal(101_000) / 17), True),
        (16, str(6000 - Decimal(101_000) / 16), False),
        (40, "3475", True),
    ],
)
def test_another_leverage_is_paid_for_by_all_of_the_cross_position_that_the_order_adds_to(
    leverage: int, free_after: str, *, is_allowed: bool
) -> None:
    held = replace(CROSS, size=Decimal(2), entry_price=Decimal(50000), mark_price=Decimal(50000), leverage=20)
    start = start_of(Account.of([held], Decimal(6000)), TERMS, Decimal(50000), FeeRates())
    order = OrderRequest(TERMS, Side.LONG, Decimal("0.02"), Decimal(50000), MarginMode.CROSS, leverage)

    answer = preview_from(start, order)

    assert (answer.allowed, answer.free_before) == (is_allowed, Decimal(1000))
    assert answer.free_after is not None
    assert abs(answer.free_after - Decimal(free_after)) < Decimal("1e-20")


@pytest.mark.parametrize(("reduce_only", "free_after"), [(False, "-2000"), (True, "3500")])
def test_leverage_of_what_a_reduction_leaves_is_set_unless_it_only_reduces(
    free_after: str, *, reduce_only: bool
) -> None:
    held = replace(CROSS, size=Decimal(2), entry_price=Decimal(50000), mark_price=Decimal(50000), leverage=20)
    order = OrderRequest(TERMS, Side.SHORT, Decimal(1), Decimal(50000), MarginMode.CROSS, 5, reduce_only=reduce_only)

    answer = preview_order(Account.of([held], Decimal(6000) if reduce_only else Decimal(8000)), order)

    assert answer.after is not None
    assert (answer.after.position.leverage, answer.free_after) == (20 if reduce_only else 5, Decimal(free_after))


def test_leverage_is_bounded_by_the_tier_of_the_resulting_notional() -> None:
    terms = replace(TERMS, tiers=TIERED)
    order = replace(BUY, terms=terms, size=Decimal("0.2"), leverage=40)
    assert codes(preview_order(FUNDED, order)) == [(RefusalCode.LEVERAGE_ABOVE_TIER, "leverage", Decimal(25))]
    assert codes(preview_order(FUNDED, replace(order, leverage=41))) == [
        (RefusalCode.LEVERAGE_ABOVE_MARKET, "leverage", Decimal(40))
    ]
    assert preview_order(FUNDED, replace(order, leverage=25)).allowed


def test_a_cap_on_the_notional_is_a_bound_of_the_size() -> None:
    order = replace(BUY, terms=ASTER_TERMS, size=Decimal(1), leverage=100)
    found = codes(preview_order(FUNDED, order))
    assert found == [(RefusalCode.NOTIONAL_ABOVE_CAP, "size", Decimal(50000))]


@pytest.mark.parametrize("restriction", [MarginRestriction.ISOLATED_ONLY, MarginRestriction.STRICT_ISOLATED])
def test_cross_orders_are_refused_on_isolated_markets(restriction: MarginRestriction) -> None:
    terms = replace(TERMS, restriction=restriction)
    answer = preview_order(FUNDED, replace(BUY, terms=terms, mode=MarginMode.CROSS))
    assert [refusal.code for refusal in answer.refusals] == [RefusalCode.CROSS_NOT_ALLOWED]
    isolated = preview_order(FUNDED, replace(BUY, terms=terms))
    assert isolated.after is not None
    assert isolated.after.removable is not None
    strict = restriction is MarginRestriction.STRICT_ISOLATED
    assert (isolated.after.removable.rule is BoundRule.STRICT_ISOLATED) == strict


def test_isolated_orders_are_refused_under_multi_asset_collateral() -> None:
    account = Account(cross_equity=Decimal(1000), mode=AccountMode.MULTI_ASSET, available=Decimal(900))
    assert [refusal.code for refusal in preview_order(account, BUY).refusals] == [RefusalCode.ISOLATED_NOT_ALLOWED]
    cross = preview_order(account, replace(BUY, mode=MarginMode.CROSS))
    assert cross.after is not None
    assert cross.after.liquidation.reason is NoLiquidation.MULTI_ASSET_COLLATERAL
    assert (cross.free_before, cross.free_after) == (Decimal(900), Decimal("296.7"))


@pytest.mark.parametrize(
    ("terms", "side", "limit", "expected"),
    [
        (TERMS, Side.LONG, "59000", ("59000", "59000")),
        (TERMS, Side.LONG, "61000", ("60000", "60000")),
        (TERMS, Side.SHORT, "61000", ("61000", "61000")),
        (TERMS, Side.SHORT, "59000", ("60000", "60000")),
        (ASTER_TERMS, Side.LONG, "61000", ("61000", "60000")),
        (ASTER_TERMS, Side.LONG, "59000", ("59000", "59000")),
        (ASTER_TERMS, Side.SHORT, "59000", ("59000", "60000")),
        (ASTER_TERMS, Side.LONG, None, ("60030", "60000")),
        (ASTER_TERMS, Side.SHORT, None, ("60000", "60000")),
        (TERMS, Side.LONG, None, ("60000", "60000")),
    ],
)
def test_the_assumed_fill_follows_the_venue(
    terms: MarketTerms, side: Side, limit: str | None, expected: tuple[str, str]
) -> None:
    price = None if limit is None else Decimal(limit)
    order = replace(BUY, terms=terms, side=side, limit_price=price)
    assert assumed_price(order) == tuple(Decimal(text) for text in expected)


def test_the_documented_cost_of_an_aster_limit_order_includes_its_open_loss() -> None:
    wide = TierTable.from_brackets([Bracket(Decimal(0), Decimal(10**6), 125, Decimal("0.004"), Decimal(0))])
    terms = MarketTerms("BTCUSDT", wide, ASTER)
    order = OrderRequest(
        terms, Side.LONG, Decimal(1), Decimal("102988.4"), MarginMode.CROSS, 20, limit_price=Decimal(102990)
    )
    enough, short = Decimal("5151.10"), Decimal("5151.09")
    assert preview_order(Account(cross_equity=enough), order).allowed
    assert [refusal.code for refusal in preview_order(Account(cross_equity=short), order).refusals] == [
        RefusalCode.NOT_ENOUGH_COLLATERAL
    ]
    sell = replace(order, side=Side.SHORT, mark_price=Decimal("102990"))
    assert preview_order(Account(cross_equity=Decimal("5149.50")), sell).allowed
    assert not preview_order(Account(cross_equity=Decimal("5149.49")), sell).allowed


def test_the_worked_aster_example() -> None:
    order = OrderRequest(
        MarketTerms("BTCUSDT", ASTER_TERMS.tiers, ASTER),
        Side.LONG,
        Decimal("0.1"),
        Decimal(100000),
        MarginMode.ISOLATED,
        10,
        expected_price=Decimal(100000),
    )
    prices = []
    for side, taker in ((Side.LONG, "0"), (Side.SHORT, "0"), (Side.LONG, "0.00035")):
        fees = FeeRates(taker=Decimal(taker))
        answer = preview_order(Account(cross_equity=Decimal(2000)), replace(order, side=side, fees=fees))
        assert answer.after is not None
        assert answer.after.liquidation.price is not None
        prices.append(round(answer.after.liquidation.price, 4))
    assert prices == [Decimal("90361.4458"), Decimal("109561.7530"), Decimal("90396.5863")]


def test_a_cross_order_moves_the_prices_of_the_other_cross_positions() -> None:
    account = Account.of([OTHER], Decimal(2000))
    answer = preview_order(account, replace(BUY, mode=MarginMode.CROSS))
    assert [effect.market for effect in answer.others] == ["ETH"]
    before, after = answer.others[0].before.price, answer.others[0].after.price
    assert before is not None
    assert after is not None
    assert after < before
    assert cross_spare_at(account, "ETH", before).quantize(Decimal("1e-15")) == 0
    held = Position("BTC", Decimal("0.1"), Decimal(60000), Decimal(60000), MarginMode.CROSS, 10, AT_40X)
    opened = Account.of([OTHER, held], Decimal(2000) - Decimal("3.3"))
    assert liquidations(opened)[0].price == after


def test_an_unaffordable_cross_order_is_shown_topped_up_and_refused() -> None:
    order = replace(BUY, mode=MarginMode.CROSS, fees=FeeRates())
    answer = preview_order(Account(cross_equity=Decimal(100)), order)
    assert answer.after is not None
    assert answer.after.liquidation.price == Decimal(5400) / (Decimal("0.1") * (1 - Decimal("0.0125")))
    assert [refusal.code for refusal in answer.refusals] == [RefusalCode.NOT_ENOUGH_COLLATERAL]


def test_a_cross_reduction_is_never_shown_topped_up() -> None:
    account = Account.of([CROSS], Decimal(100))
    order = replace(BUY, side=Side.SHORT, size=Decimal("0.01"), mode=MarginMode.CROSS, fees=FeeRates())
    answer = preview_order(account, order)
    assert answer.after is not None
    left = replace(CROSS, size=Decimal("0.09"))
    assert answer.after.liquidation == liquidations(Account.of([left], Decimal(100)))[0]


def test_unknown_collateral_leaves_the_isolated_answer_and_says_what_it_cannot_know() -> None:
    account = Account((OTHER,), Decimal(0), AccountMode.UNIFIED)
    answer = preview_order(account, BUY)
    assert answer.after is not None
    assert answer.after.liquidation.price is not None
    assert (answer.free_before, answer.free_after, answer.allowed) == (None, None, True)
    assert answer.others[0].after.reason is NoLiquidation.COLLATERAL_OUTSIDE


@settings(max_examples=40, deadline=None)
@given(positions(), decimals("0.001", "100", 3))
def test_two_halves_of_an_order_are_the_order(held: Position, size: Decimal) -> None:
    terms = MarketTerms(held.market, held.tiers, HYPERLIQUID)
    order = OrderRequest(terms, held.side, size, held.mark_price, held.mode, held.leverage, FEES)
    whole = preview_order(Account.of([held], Decimal(10**7)), order)
    half = replace(order, size=size / 2)
    first = preview_order(Account.of([held], Decimal(10**7)), half)
    assert whole.after is not None
    assert first.after is not None
    assert first.free_after is not None
    second = preview_order(Account.of([first.after.position], first.free_after), half)
    assert second.after is not None
    assert second.free_after is not None
    assert whole.free_after is not None
    scale = NEAR * (abs(whole.after.position.bucket) + whole.after.position.notional + 1)
    assert abs(second.after.position.bucket - whole.after.position.bucket) <= scale
    assert abs(second.free_after - whole.free_after) <= NEAR * 10**7


@settings(max_examples=40, deadline=None)
@given(accounts(), decimals("0.001", "50", 3))
def test_opening_and_closing_at_one_price_costs_exactly_the_fees(account: Account, size: Decimal) -> None:
    for mode in MarginMode:
        terms = MarketTerms("NEW", AT_40X, HYPERLIQUID)
        order = OrderRequest(terms, Side.LONG, size, Decimal(100), mode, 10, FEES)
        opened = preview_order(account, order)
        assert opened.after is not None
        assert opened.free_before is not None
        assert opened.free_after is not None
        held = opened.after.position
        equity = account.cross_equity - opened.fees.total
        if mode is MarginMode.ISOLATED:
            equity = account.cross_equity - opened.margin_needed
        holding = Account.of([*account.positions, held], equity)
        closed = preview_order(holding, replace(order, side=Side.SHORT))
        assert closed.after is None
        assert closed.free_after is not None
        lost = opened.free_before - closed.free_after
        assert abs(lost - 2 * size * 100 * Decimal("0.00055")) <= NEAR * (abs(account.cross_equity) + 1)


def test_a_fresh_mark_goes_before_the_snapshots() -> None:
    answer = preview_order(HOLDING, replace(BUY, mark_price=Decimal(61000), fees=FeeRates()))
    assert answer.before is not None
    assert answer.before.margin == HELD.equity + 100
    assert answer.before.liquidation == liquidation(HELD)


@pytest.mark.parametrize("terms", [TERMS, ASTER_TERMS])
@pytest.mark.parametrize("limit", [None, Decimal(63000), Decimal(61000)])
def test_an_order_with_a_trigger_is_the_plain_order_at_the_triggers_mark(
    terms: MarketTerms, limit: Decimal | None
) -> None:
    waiting = replace(BUY, terms=terms, trigger_price=Decimal(62000), limit_price=limit)
    there = replace(BUY, terms=terms, mark_price=Decimal(62000), limit_price=limit)
    account = Account(cross_equity=Decimal(630))
    answer, then = preview_order(account, waiting), preview_order(account, there)
    assert (answer.after, answer.fees, answer.free_after) == (then.after, then.fees, then.free_after)
    assert answer.refusals == then.refusals


def test_a_trigger_on_an_open_position_leaves_before_as_it_is_now() -> None:
    answer = preview_order(HOLDING, replace(BUY, side=Side.SHORT, reduce_only=True, trigger_price=Decimal(57000)))
    assert answer.effect is OrderEffect.CLOSES
    assert answer.before is not None
    assert answer.before.position.mark_price == Decimal(60000)
    # The position paid 5,200 for 0.1 coins and sells them at 57,000; the fee leaves the bucket (Hyperliquid 3.3).
    assert answer.released == Decimal(500) - Decimal(5700) * FEES.rate(is_maker=False)
