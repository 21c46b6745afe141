"""What is refused before it is signed, and what a market allows."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from tests.trading.venues.hyperliquid.figures import market
from trading.margin.types import MarginMode, MarginRestriction
from trading.venues.base import (
    AdjustMargin,
    Attachment,
    BuilderFee,
    CancelOrder,
    CancelOrders,
    Command,
    ModifyOrder,
    Noop,
    PlaceOrder,
    PlaceOrders,
    SetLeverage,
    SetMarginMode,
    TimeInForce,
    Trigger,
    TriggerKind,
    order_batch,
)
from trading.venues.errors import InvalidCommand, Reason
from trading.venues.hyperliquid import rules

BITCOIN = market()
STRICT = market("xyz:NVDA", 110_000, 3, 10, MarginRestriction.STRICT_ISOLATED)
ISOLATED_ONLY = market("xyz:TLT", 110_001, 2, 20, MarginRestriction.ISOLATED_ONLY)
ORDER = PlaceOrder(BITCOIN, is_buy=True, size=Decimal("0.001"), limit_price=Decimal(86400))
MARKET_ORDER = replace(ORDER, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
STOP = replace(ORDER, reduce_only=True, trigger=Trigger(Decimal(80000), TriggerKind.STOP_LOSS))
SETTLED_OTHERWISE = msgspec.structs.replace(market("hyna:GOLD", 120_000, 3, 10), dex="hyna", collateral="USDE")
UNBOUNDED = msgspec.structs.replace(BITCOIN, max_market_notional=None)
FEE = BuilderFee("0x" + "1" * 40, Decimal("0.0005"))


@pytest.mark.parametrize(
    "command",
    [
        ORDER,
        STOP,
        replace(STOP, size=Decimal(0)),
        replace(ORDER, size=Decimal("0.00001"), reduce_only=True),
        replace(ORDER, builder=replace(FEE, rate=Decimal("0.001"))),
        replace(MARKET_ORDER, size=Decimal("347.22")),
        replace(ORDER, size=Decimal("3472.22")),
        replace(ORDER, market=UNBOUNDED, size=Decimal(10_000)),
        PlaceOrders((ORDER, STOP), Attachment.PARENT),
        PlaceOrders((STOP, STOP), Attachment.POSITION),
        ModifyOrder(7, ORDER),
        SetLeverage(BITCOIN, MarginMode.CROSS, 40),
        SetLeverage(STRICT, MarginMode.ISOLATED, 1),
        AdjustMargin(STRICT, is_buy=True, amount=Decimal(5)),
        AdjustMargin(ISOLATED_ONLY, is_buy=True, amount=Decimal(-5)),
        CancelOrder(BITCOIN, 7),
        CancelOrders((CancelOrder(BITCOIN, 7),) * 200),
        Noop(),
        replace(ORDER, market=SETTLED_OTHERWISE, reduce_only=True),
    ],
)
def test_what_the_venue_may_accept_passes(command: Command) -> None:
    rules.check(command)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (replace(ORDER, size=Decimal("0.000001")), Reason.SIZE_INVALID),
        (replace(ORDER, size=Decimal(0)), Reason.SIZE_INVALID),
        (replace(ORDER, size=Decimal(-1)), Reason.SIZE_INVALID),
        (replace(ORDER, size=Decimal("NaN")), Reason.SIZE_INVALID),
        (replace(ORDER, size=Decimal("Infinity")), Reason.SIZE_INVALID),
        (replace(ORDER, limit_price=Decimal("86400.5")), Reason.PRICE_TICK),
        (replace(ORDER, limit_price=Decimal(0)), Reason.PRICE_TICK),
        (replace(ORDER, limit_price=Decimal(-1)), Reason.PRICE_TICK),
        (replace(ORDER, limit_price=Decimal("NaN")), Reason.PRICE_TICK),
        (replace(STOP, trigger=Trigger(Decimal("80000.5"), TriggerKind.STOP_LOSS)), Reason.PRICE_TICK),
        (replace(ORDER, size=Decimal("0.0001"), limit_price=Decimal(99999)), Reason.BELOW_MINIMUM),
        (replace(ORDER, market=market(delisted=True)), Reason.NOT_PERMITTED),
        (replace(ORDER, builder=replace(FEE, rate=Decimal("0.00101"))), Reason.BUILDER_NOT_APPROVED),
        (replace(MARKET_ORDER, size=Decimal("347.23")), Reason.SIZE_INVALID),
        (replace(ORDER, size=Decimal("3472.23")), Reason.SIZE_INVALID),
        (PlaceOrders(()), Reason.REQUEST_MALFORMED),
        (PlaceOrders((ORDER, replace(ORDER, size=Decimal(0)))), Reason.SIZE_INVALID),
        (PlaceOrders((ORDER, ORDER), Attachment.PARENT), Reason.TRIGGER_PRICE),
        (PlaceOrders((replace(STOP, reduce_only=False),), Attachment.POSITION), Reason.TRIGGER_PRICE),
        (PlaceOrders((ORDER, replace(ORDER, builder=FEE))), Reason.REQUEST_MALFORMED),
        (ModifyOrder(7, replace(ORDER, size=Decimal(0))), Reason.SIZE_INVALID),
        (replace(ORDER, time_in_force=TimeInForce.FILL_OR_KILL), Reason.NOT_PERMITTED),
        (SetMarginMode(BITCOIN, MarginMode.CROSS), Reason.NOT_PERMITTED),
        (SetLeverage(BITCOIN, MarginMode.CROSS, 41), Reason.LEVERAGE_INVALID),
        (SetLeverage(BITCOIN, MarginMode.CROSS, 0), Reason.LEVERAGE_INVALID),
        (SetLeverage(ISOLATED_ONLY, MarginMode.CROSS, 5), Reason.CROSS_NOT_ALLOWED),
        (AdjustMargin(BITCOIN, is_buy=True, amount=Decimal(0)), Reason.AMOUNT_ZERO),
        (AdjustMargin(STRICT, is_buy=True, amount=Decimal(-1)), Reason.MARGIN_LOCKED_BY_MARKET),
        (CancelOrders(()), Reason.BATCH_TOO_LARGE),
        (CancelOrders((CancelOrder(BITCOIN, 7),) * 201), Reason.BATCH_TOO_LARGE),
    ],
)
def test_what_the_venue_must_refuse_is_never_signed(command: Command, reason: Reason) -> None:
    with pytest.raises(InvalidCommand) as caught:
        rules.check(command)
    assert (caught.value.reason, caught.value.outcome_known) == (reason, True)
    assert caught.value.explanation.endswith(".")


def test_a_batch_is_made_of_orders_with_one_fee() -> None:
    assert order_batch([ORDER, STOP], Attachment.PARENT) == PlaceOrders((ORDER, STOP), Attachment.PARENT)
    with pytest.raises(InvalidCommand):
        order_batch([ORDER, replace(ORDER, builder=FEE)])


def test_the_mode_is_locked_while_a_position_or_an_order_is_open() -> None:
    free = rules.capabilities(BITCOIN, has_position=False, has_orders=False)
    held = rules.capabilities(BITCOIN, has_position=True, has_orders=False)
    resting = rules.capabilities(BITCOIN, has_position=False, has_orders=True)
    assert [one.change_mode.allowed for one in (free, held, resting)] == [True, False, False]
    assert "Close the position" in held.change_mode.reason
    assert "Cancel the open orders" in resting.change_mode.reason
    assert [one.add_margin.allowed for one in (free, held)] == [False, True]
    assert (held.remove_margin.allowed, held.use_cross.allowed) == (True, True)


def test_a_restricted_market_says_what_it_does_not_allow() -> None:
    strict = rules.capabilities(STRICT, has_position=True, has_orders=False)
    isolated_only = rules.capabilities(ISOLATED_ONLY, has_position=True, has_orders=False)
    assert (strict.use_cross.allowed, strict.change_mode.allowed) == (False, False)
    assert (strict.add_margin.allowed, strict.remove_margin.allowed) == (True, False)
    assert "position is reduced" in strict.remove_margin.reason
    assert (isolated_only.use_cross.allowed, isolated_only.remove_margin.allowed) == (False, True)


@pytest.mark.parametrize(
    ("leverage", "bound"), [(40, 30_000_000), (25, 30_000_000), (20, 5_000_000), (10, 2_000_000), (3, 500_000)]
)
def test_market_orders_are_bounded_by_the_markets_leverage(leverage: int, bound: int) -> None:
    assert rules.max_market_notional(leverage) == bound


@pytest.mark.parametrize(("limit", "least"), [("86400", "0.00012"), ("9000", "0.00112"), ("10", "1")])
def test_least_order_is_worth_ten_at_its_own_limit(limit: str, least: str) -> None:
    """Hyperliquid 1.4: size times limit price, also where the order fills at a better one."""
    order = replace(MARKET_ORDER, limit_price=Decimal(limit))
    assert rules.order_least(order, Decimal(86400)) == Decimal(least)


def test_a_market_of_another_collateral_is_shown_and_not_opened() -> None:
    with pytest.raises(InvalidCommand) as refused:
        rules.check(replace(ORDER, market=SETTLED_OTHERWISE))
    assert refused.value.reason is Reason.NOT_PERMITTED
    assert refused.value.explanation == "hyna:GOLD is settled in USDE. Only USDC markets are traded here."
