"""An order at another leverage than its market has, against the sandbox, which is told to set that first."""

from dataclasses import replace
from decimal import Decimal

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
    terms_of,
    wanted_size,
)
from tests.trading.sandbox.random_accounts import AMOUNTS, Desk, desks
from trading.margin.changes import preview_leverage_change
from trading.margin.preview import preview_order
from trading.margin.quotes import LeverageChange, OrderEffect
from trading.sandbox.refusals import RefusedError


@bounded(300)
@given(desks(), PLACES, SHAPES, AMOUNTS, st.sampled_from([1, 3]), st.integers(1, 40))
def test_an_order_at_another_leverage_is_what_it_is_once_that_is_set(
    desk: Desk, place: int, shape: OrderEffect, amount: Decimal, times: int, leverage: int
) -> None:
    """The leverage is set before the order is sent. Where the venue refuses that, the change's preview does, too."""
    held = sorted(desk.account.positions)
    assume(held)
    market, there = desk.engine.markets[held[place % len(held)]], desk.copy()
    size = wanted_size(desk, market, shape, amount * times)
    assume(size)
    change = preview_leverage_change(account_of(desk), LeverageChange(terms_of(desk, market), leverage))
    isolated = there.engine.ledger.is_isolated(there.account, market.name)
    try:
        there.engine.ledger.update_leverage(there.account, market, isolated=isolated, leverage=leverage)
    except RefusedError:
        assert not change.allowed
        return
    assert change.allowed
    price = desk.request(market, size).price
    asked = replace(order_request(there, market, size, reduce_only=False), limit_price=price)
    here, then = preview_order(account_of(desk), asked), preview_order(account_of(there), asked)
    assert (here.after, here.free_after, here.others) == (then.after, then.free_after, then.others)
    assert [refusal.code for refusal in here.refusals] == [refusal.code for refusal in then.refusals]
    reason = reason_of_refusal(there, there.request(market, size))
    assume(reason is None or reason in MARGIN_REASONS)
    assert here.allowed == (reason is None), (here.refusals, reason)
