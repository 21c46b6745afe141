"""The margin engine against the sandbox, which shares no margin code with it and liquidates by definition.

Random accounts are driven on both venues' ledgers; the engine reads cash legs, sizes and marks, predicts, and the
ledger is the judge. A millionth of a price, the step used here, is finer than any market's tick.
"""

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.trading.engine_side import (
    MARGIN_REASONS,
    PLACES,
    SHAPES,
    account_of,
    bounded,
    order_request,
    reason_of_refusal,
    rules_of,
    terms_of,
    wanted_size,
)
from tests.trading.sandbox.random_accounts import AMOUNTS, VENUES, Desk, desks, new_desk
from trading.margin.changes import preview_leverage_change, preview_margin_change
from trading.margin.cross import addable, liquidations, state_of
from trading.margin.fills import effect_of
from trading.margin.isolated import BoundRule, removable
from trading.margin.preview import preview_order
from trading.margin.quotes import LeverageChange, MarginChange, OrderEffect, Preview
from trading.margin.readout import readouts
from trading.margin.types import (
    MarginMode,
    NoLiquidation,
    Position,
    Side,
)
from trading.sandbox.markets import Market
from trading.sandbox.refusals import Refusal, RefusedError
from trading.sandbox.venues import Venue

MILLIONTH = Decimal("0.000001")


# how near two answers must be


def assert_near(ours: Decimal | None, theirs: Decimal, tolerance: Decimal) -> None:
    assert ours is not None
    assert abs(ours - theirs) <= tolerance, (ours, theirs)


def assert_same_prices(preview: Preview, desk: Desk, market: str) -> None:
    """Every liquidation price the preview announced is what the account has afterwards, to a millionth."""
    account = account_of(desk)
    now = {held.market: price.price for held, price in zip(account.positions, liquidations(account), strict=True)}
    announced = {effect.market: effect.after.price for effect in preview.others}
    if preview.after is not None:
        announced[market] = preview.after.liquidation.price
    for name, price in announced.items():
        after = now[name]
        assert (price is None) == (after is None), name
        if price is not None and after is not None:
            assert_near(price, after, MILLIONTH * price)


def assert_same_account(preview: Preview, desk: Desk, market: Market, tolerance: Decimal) -> None:
    """Size, cash leg, free collateral and every price after the deed are those of the preview."""
    assert_near(preview.free_after, desk.engine.ledger.free(desk.account), tolerance)
    row = desk.account.positions.get(market.name)
    assert (preview.after is None) == (row is None)
    if preview.after is not None and row is not None:
        held = preview.after.position
        assert held.size == row.size
        assert_near(held.entry_price, row.cost / row.size, tolerance / abs(row.size) + MILLIONTH)
        assert_near(held.cash or Decimal(0), row.cash, tolerance)
    assert_same_prices(preview, desk, market.name)


# liquidation


def left_of(trial: Desk, held: Position) -> Decimal:
    """What a liquidation has left of a position: of a large one it may sell a part only (Hyperliquid rules 3.10)."""
    row = trial.account.positions.get(held.market)
    return abs(row.size) if row else Decimal(0)


def remainder(trial: Desk, held: Position) -> Decimal:
    """The money that is still there, in what is left of the position as well."""
    ledger, row = trial.engine.ledger, trial.account.positions.get(held.market)
    if held.cash is None:
        return ledger.cross_equity(trial.account)
    return trial.account.cash + (ledger.equity(row) if row else Decimal(0))


@bounded(160)
@given(desks())
def test_each_position_dies_within_one_tick_of_its_predicted_price(desk: Desk) -> None:
    account = account_of(desk)
    for held, predicted in zip(account.positions, liquidations(account), strict=True):
        trial = desk.copy()
        if predicted.price is None:
            assert (predicted.reason, held.side) == (NoLiquidation.COVERED, Side.LONG)
            trial.mark(held.market, MILLIONTH)
            assert held.market in trial.account.positions
            continue
        step = held.side.sign * predicted.price * MILLIONTH
        trial.mark(held.market, (predicted.price + step).quantize(Decimal("1e-12")))
        assert set(trial.account.positions) == set(desk.account.positions)
        trial.mark(held.market, (predicted.price - step).quantize(Decimal("1e-12")))
        assert left_of(trial, held) < abs(held.size)


@bounded(80)
@given(desks(), st.integers(1, 60))
def test_a_forced_close_never_costs_more_than_the_maximum_loss_shown(desk: Desk, beyond: int) -> None:
    """At the liquidation price and through gaps beyond it, fees included."""
    account = account_of(desk)
    shown = readouts(state_of(account), rules_of(desk))
    for held, predicted in zip(account.positions, liquidations(account), strict=True):
        if predicted.price is None:
            continue
        trial, loss = desk.copy(), shown[held.market].maximum_loss
        assert loss is not None
        gap = 1 - held.side.sign * Decimal(beyond) / 100 / (1 if beyond % 2 else 1000)
        trial.mark(held.market, (predicted.price * gap).quantize(Decimal("1e-12")))
        assert left_of(trial, held) < abs(held.size)
        at_stake = held.collateral + desk.account.cash if held.cash is not None else account.cross_equity
        assert at_stake - remainder(trial, held) <= loss.total


# orders


@bounded(240)
@given(desks(), PLACES, SHAPES, AMOUNTS, st.booleans())
def test_an_order_does_what_its_preview_says(
    desk: Desk, place: int, shape: OrderEffect, amount: Decimal, reduce_only: bool
) -> None:
    market, trial = desk.market(place), desk.copy()
    size = wanted_size(desk, market, shape, amount)
    request = desk.request(market, size, reduce_only=reduce_only)
    with suppress(RefusedError):
        trial.order(request)
    fills = trial.account.fills[len(desk.account.fills) :]
    effect = effect_of(account_of(desk).position(market.name), size)
    # Where part of a position is closed, each of several fills releases a little of the others' fees.
    several = effect in (OrderEffect.OPENS, OrderEffect.ADDS, OrderEffect.CLOSES)
    assume(fills and (len(fills) == 1 or several))
    amount_filled = sum((fill.size for fill in fills), Decimal(0))
    price = sum((fill.size * fill.price for fill in fills), Decimal(0)) / amount_filled
    asked = order_request(desk, market, amount_filled.copy_sign(size), reduce_only=reduce_only)
    preview = preview_order(account_of(desk), replace(asked, expected_price=price))
    step = rules_of(desk).margin_step
    assert preview.allowed, preview.refusals
    assert_near(preview.fees.total, sum((fill.fee for fill in fills), Decimal(0)), step * len(fills))
    assert_same_account(preview, trial, market, 4 * step * len(fills))


@bounded(160)
@given(desks(), PLACES, SHAPES, AMOUNTS)
def test_an_order_is_refused_exactly_where_its_preview_refuses(
    desk: Desk, place: int, shape: OrderEffect, amount: Decimal
) -> None:
    market = desk.market(place)
    size = wanted_size(desk, market, shape, amount * 3)
    request = desk.request(market, size)
    asked = order_request(desk, market, size, reduce_only=False) if size else None
    assume(asked is not None)
    assert asked is not None
    preview = preview_order(account_of(desk), replace(asked, limit_price=request.price))
    reason = reason_of_refusal(desk, request)
    assume(reason is None or reason in MARGIN_REASONS)
    assert preview.allowed == (reason is None), (preview.refusals, reason)


@pytest.mark.parametrize("venue", VENUES, ids=lambda venue: venue.name)
@pytest.mark.parametrize(("size", "reason"), [("-1.9", None), ("-2.3", Refusal.MARGIN_TOO_SMALL)])
def test_a_cross_flip_may_use_the_margin_of_what_it_closes(venue: Venue, size: str, reason: Refusal | None) -> None:
    """One coin long at 10x leaves some 1,800 dollars free; its own 8,632 come free before the short opens."""
    desk = new_desk(venue, Decimal(10_500))
    market = desk.market(0)
    desk.engine.ledger.update_leverage(desk.account, market, isolated=False, leverage=10)
    desk.order(desk.request(market, Decimal(1)))
    request = desk.request(market, Decimal(size))
    asked = order_request(desk, market, Decimal(size), reduce_only=False)
    assert reason_of_refusal(desk, request) == reason
    assert preview_order(account_of(desk), replace(asked, limit_price=request.price)).allowed == (reason is None)


@pytest.mark.parametrize("venue", VENUES, ids=lambda venue: venue.name)
@pytest.mark.parametrize("size", ["0.5", "-0.5"])
def test_opening_and_losing_a_position_never_costs_more_than_its_preview_said(venue: Venue, size: str) -> None:
    """Opening fee, margin and forced close together, at the liquidation price and in a gap."""
    desk = new_desk(venue, Decimal(10_000))
    market, signed = desk.market(0), Decimal(size)
    desk.engine.ledger.update_leverage(desk.account, market, isolated=True, leverage=10)
    asked = order_request(desk, market, signed, reduce_only=False)
    order = desk.copy().order(desk.request(market, signed))
    price = order.filled_value / order.filled
    after = preview_order(account_of(desk), replace(asked, expected_price=price)).after
    assert after is not None
    assert after.maximum_loss is not None
    assert after.liquidation.price is not None
    desk.order(desk.request(market, signed))
    for share in ("0.999", "0.9", "0.5"):
        trial, gap = desk.copy(), Decimal(share)
        trial.mark(market.name, (after.liquidation.price * (gap if signed > 0 else 2 - gap)).quantize(MILLIONTH))
        assert trial.account.positions == {}
        assert 10_000 - trial.account.cash <= after.maximum_loss.total
    assert 10_000 - trial.account.cash == after.maximum_loss.total


# margin


@bounded(100)
@given(desks(), AMOUNTS)
def test_a_margin_change_does_what_its_preview_says(desk: Desk, amount: Decimal) -> None:
    rules = rules_of(desk)
    for held in desk.isolated:
        trial, market = desk.copy(), desk.engine.markets[held.market]
        change = desk.engine.venue.rules.money(desk.engine.ledger.notional(held) * amount / 5)
        preview = preview_margin_change(account_of(desk), MarginChange(terms_of(desk, market), change))
        try:
            trial.engine.ledger.update_margin(trial.account, market, change)
        except RefusedError:
            assert not preview.allowed
            continue
        assert preview.allowed, preview.refusals
        assert_same_account(preview, trial, market, rules.margin_step)


def assert_bounds_are_the_venues(desk: Desk) -> None:
    account, rules = account_of(desk), rules_of(desk)
    for held in account.of_mode(MarginMode.ISOLATED):
        market = desk.engine.markets[held.market]
        for bound, sign in ((removable(held, rules).amount, -1), (addable(state_of(account), rules).amount, 1)):
            assert bound is not None
            trial = desk.copy()
            if bound:
                trial.engine.ledger.update_margin(trial.account, market, sign * bound)
            with pytest.raises(RefusedError):
                trial.engine.ledger.update_margin(trial.account, market, sign * rules.margin_step)


@bounded(100)
@given(desks())
def test_the_most_that_may_move_is_accepted_and_one_unit_more_is_not(desk: Desk) -> None:
    assert_bounds_are_the_venues(desk)


@pytest.mark.parametrize("venue", VENUES, ids=lambda venue: venue.name)
def test_a_cross_profit_may_be_added_only_where_the_venue_lets_it(venue: Venue) -> None:
    """At a market's greatest leverage its profit is free collateral, but no part of the wallet."""
    desk = new_desk(venue, Decimal(10_000))
    cross, isolated = desk.market(1), desk.market(3)
    desk.engine.ledger.update_leverage(desk.account, cross, isolated=False, leverage=cross.max_leverage)
    desk.engine.ledger.update_leverage(desk.account, isolated, isolated=True, leverage=5)
    desk.order(desk.request(cross, Decimal(7)))
    desk.order(desk.request(isolated, isolated.to_lot(1000 / desk.engine.marks[isolated.name])))
    desk.mark(cross.name, Decimal(4000))
    bound = addable(state_of(account_of(desk)), rules_of(desk))
    kept = BoundRule.CROSS_MAINTENANCE if venue.name == "aster" else BoundRule.FREE_COLLATERAL
    assert bound.rule is kept
    assert_bounds_are_the_venues(desk)


# leverage


@bounded(100)
@given(desks(), PLACES, st.integers(1, 130))
def test_a_leverage_change_does_what_its_preview_says(desk: Desk, place: int, leverage: int) -> None:
    market, trial = desk.market(place), desk.copy()
    ledger, isolated = trial.engine.ledger, trial.engine.ledger.is_isolated(trial.account, market.name)
    preview = preview_leverage_change(account_of(desk), LeverageChange(terms_of(desk, market), leverage))
    try:
        ledger.update_leverage(trial.account, market, isolated=isolated, leverage=leverage)
    except RefusedError:
        assert not preview.allowed
        return
    assert preview.allowed, preview.refusals
    assert_same_account(preview, trial, market, Decimal(0))
