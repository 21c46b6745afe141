"""Aster's rules that can be known without asking it, so that what must fail is never signed (Aster 1.6, 2.1, 3.2 to
3.7)."""

from decimal import Decimal

from trading.margin.types import AccountMode, MarginMode
from trading.venues.aster.accounts import MAIN_COLLATERAL
from trading.venues.aster.wire import takes_market
from trading.venues.base import (
    AdjustMargin,
    Attachment,
    BuilderFee,
    CancelOrders,
    Capabilities,
    Command,
    MarketSpec,
    ModifyOrder,
    Permission,
    PlaceOrder,
    PlaceOrders,
    SetLeverage,
    TimeInForce,
)
from trading.venues.errors import InvalidCommand, Reason

MAX_BUILDER_RATE = Decimal("0.001")
MAX_ORDERS = 5
MAX_CANCELS = 10

ALLOWED = Permission(allowed=True)


def check(command: Command) -> None:
    """Raise ``InvalidCommand`` for a command that the venue would refuse whatever its state."""
    match command:
        case PlaceOrder():
            check_order(command)
        case PlaceOrders():
            _check_batch(command)
        case ModifyOrder(replacement=order):
            _check_untriggered(order)
        case CancelOrders(cancels):
            if not 0 < len(cancels) <= MAX_CANCELS:
                message = f"Between 1 and {MAX_CANCELS} orders can be cancelled at once."
                raise InvalidCommand(message, reason=Reason.BATCH_TOO_LARGE)
        case SetLeverage(market, _, leverage):
            _check_leverage(market, leverage)
        case AdjustMargin(_, _, amount, _):
            if amount == 0:
                raise InvalidCommand("The amount must not be zero. Enter an amount.", reason=Reason.AMOUNT_ZERO)
        case _:
            pass


def check_order(command: PlaceOrder) -> None:
    """Tick, lot, minimum, trigger and builder fee of one order (Aster 1.6, 2.1, 3.7)."""
    market = command.market
    _check_market(market, reduce_only=command.reduce_only)
    _check_builder(command.builder)
    if command.trigger is not None:
        _check_trigger(command)
    else:
        _check_size(command)
    is_bounded_there = takes_market(command) if command.trigger is None else command.trigger.is_market
    if not is_bounded_there:
        _check_price(market, command.limit_price)
        _check_minimum(command)


def _check_market(market: MarketSpec, *, reduce_only: bool) -> None:
    """What reduces is always taken, also while a market is being closed (Aster 3.8: -4140). An account's figures here
    are those of one asset, so nothing is opened in another (Aster 2.1)."""
    if reduce_only:
        return
    if market.delisted:
        raise InvalidCommand(f"{market.name} is no longer traded. Choose another market.", reason=Reason.NOT_PERMITTED)
    if market.collateral != MAIN_COLLATERAL:
        message = f"{market.name} is settled in {market.collateral}. Only {MAIN_COLLATERAL} markets are traded here."
        raise InvalidCommand(message, reason=Reason.NOT_PERMITTED)


def _check_trigger(command: PlaceOrder) -> None:
    market, trigger = command.market, command.trigger
    if trigger is None:
        return
    _check_price(market, trigger.price)
    if command.time_in_force is not TimeInForce.GOOD_TILL_CANCELLED:
        message = "A stop or take-profit rests until it is cancelled. Choose no other time in force."
        raise InvalidCommand(message, reason=Reason.TRIGGER_PRICE)
    covers_position = command.size == 0 and command.reduce_only and trigger.is_market
    if not covers_position:
        _check_size(command)


def order_bound(order: PlaceOrder) -> Decimal | None:
    """The most coins that one order like this may have; None where the venue states no bound."""
    market = order.market
    at_market = takes_market(order) if order.trigger is None else order.trigger.is_market
    largest = market.max_market_size if at_market else market.max_size
    return None if largest is None else market.floor_size(largest)


def order_least(order: PlaceOrder, mark: Decimal) -> Decimal:
    """The fewest coins that an order like this may have: by its limit, by the mark at market, and at a stop by that.
    What only reduces has no least worth (Aster 2.1)."""
    market = order.market
    if order.reduce_only:
        return market.size_step if market.min_size is None else market.min_size
    if order.trigger is not None and order.trigger.is_market:
        return market.least_size(order.trigger.price)
    return market.least_size(mark if takes_market(order) else order.limit_price)


def _check_size(command: PlaceOrder) -> None:
    market, size = command.market, command.size
    if not market.accepts_size(size):
        message = f"{market.name} sizes are above zero in steps of {market.size_step:f}. Change the size."
        raise InvalidCommand(message, reason=Reason.SIZE_INVALID)
    if market.min_size is not None and size < market.min_size:
        message = f"The smallest order here is {market.min_size.normalize():f} {market.base}. Raise the size."
        raise InvalidCommand(message, reason=Reason.SIZE_INVALID)
    largest = order_bound(command)
    if largest is not None and size > largest:
        message = f"One order may have at most {largest.normalize():f} {market.base} here. Split it."
        raise InvalidCommand(message, reason=Reason.SIZE_INVALID)


def _check_price(market: MarketSpec, price: Decimal) -> None:
    if not (price.is_finite() and market.price_rule.is_valid(price)):
        message = f"{market.name} prices are multiples of {market.price_rule.tick:f}. Round the price."
        raise InvalidCommand(message, reason=Reason.PRICE_TICK)


def _check_minimum(command: PlaceOrder) -> None:
    market = command.market
    if not command.reduce_only and command.size * command.limit_price < market.min_notional:
        message = f"An order must be worth at least {market.min_notional:f} {market.collateral}. Raise the size."
        raise InvalidCommand(message, reason=Reason.BELOW_MINIMUM)


def _check_builder(fee: BuilderFee | None) -> None:
    if fee is not None and not (fee.rate.is_finite() and 0 <= fee.rate <= MAX_BUILDER_RATE):
        message = "The exchange fee on perpetuals is at most 0.1 %."
        raise InvalidCommand(message, reason=Reason.BUILDER_NOT_APPROVED)


def _check_batch(command: PlaceOrders) -> None:
    """Stops are orders of their own here: nothing ties them to a parent (Aster 3.7)."""
    if not 0 < len(command.orders) <= MAX_ORDERS:
        raise InvalidCommand(f"Between 1 and {MAX_ORDERS} orders can be sent at once.", reason=Reason.BATCH_TOO_LARGE)
    if command.attachment is Attachment.PARENT:
        message = "On Aster a take-profit or stop-loss is placed once the order is filled. Place the order first."
        raise InvalidCommand(message, reason=Reason.NOT_PERMITTED)
    for order in command.orders:
        check_order(order)
        if command.attachment is Attachment.POSITION and not (order.trigger and order.reduce_only):
            message = "Take-profit and stop-loss orders must be reduce-only triggers."
            raise InvalidCommand(message, reason=Reason.TRIGGER_PRICE)


def _check_untriggered(order: PlaceOrder) -> None:
    """Only a limit order's price and size can be changed (Aster 3.7)."""
    check_order(order)
    if order.trigger is not None:
        message = "This works with limit orders only. Cancel the stop or take-profit and place a new one."
        raise InvalidCommand(message, reason=Reason.NOT_PERMITTED)


def _check_leverage(market: MarketSpec, leverage: int) -> None:
    if not 1 <= leverage <= market.max_leverage:
        message = f"{market.name} allows 1x to {market.max_leverage}x. Choose a leverage in between."
        raise InvalidCommand(message, reason=Reason.LEVERAGE_INVALID)


MULTI_ASSET = Permission(
    allowed=False,
    reason="This account is in multi-asset mode, which has cross margin only. Leave multi-asset mode at the venue.",
)
HEDGE_MODE = Permission(
    allowed=False,
    reason="This account holds longs and shorts side by side (hedge mode). Switch to one-way mode at the venue.",
)
NOT_TRADED_HERE = Permission(
    allowed=False,
    reason="This account holds longs and shorts side by side (hedge mode), which this exchange does not trade. Close "
    "them and switch to one-way mode at the venue.",
)
NO_POSITION = Permission(allowed=False, reason="There is no position to change the margin of.")
CROSS_POSITION = Permission(allowed=False, reason="A cross position has no margin of its own. Use isolated margin.")
CLOSE_FIRST = Permission(allowed=False, reason="Close the position to change between isolated and cross.")
CANCEL_FIRST = Permission(allowed=False, reason="Cancel the open orders to change between isolated and cross.")
LOWER_LATER = Permission(
    allowed=False, reason="Leverage of an open isolated position cannot be lowered. Add margin instead, or close it."
)


def account_block(account_mode: AccountMode, *, hedge_mode: bool) -> Permission:
    """What keeps the whole account from margin of its own per position (Aster 3.2), and the way out."""
    if hedge_mode:
        return HEDGE_MODE
    return MULTI_ASSET if account_mode is AccountMode.MULTI_ASSET else ALLOWED


def capabilities(
    *,
    has_position: bool,
    has_orders: bool,
    mode: MarginMode | None = None,
    account_mode: AccountMode = AccountMode.STANDARD,
    hedge_mode: bool = False,
) -> Capabilities:
    """What the venue allows in a market now (Aster 3.2 to 3.6).

    Without ``mode`` an open position counts as isolated: then nothing is offered that the venue might refuse.
    """
    block = account_block(account_mode, hedge_mode=hedge_mode)
    margin = _margin(block, mode, has_position=has_position)
    lower = LOWER_LATER if has_position and mode is not MarginMode.CROSS else ALLOWED
    leverage = HEDGE_MODE if hedge_mode else ALLOWED
    return Capabilities(
        use_cross=HEDGE_MODE if hedge_mode else ALLOWED,
        change_mode=_change_mode(block, has_position=has_position, has_orders=has_orders),
        raise_leverage=leverage,
        lower_leverage=leverage if hedge_mode else lower,
        add_margin=margin,
        remove_margin=margin,
        trade=NOT_TRADED_HERE if hedge_mode else ALLOWED,
        use_isolated=MULTI_ASSET if account_mode is AccountMode.MULTI_ASSET else ALLOWED,
    )


def _change_mode(block: Permission, *, has_position: bool, has_orders: bool) -> Permission:
    if not block.allowed:
        return block
    if has_position:
        return CLOSE_FIRST
    return CANCEL_FIRST if has_orders else ALLOWED


def _margin(block: Permission, mode: MarginMode | None, *, has_position: bool) -> Permission:
    if not block.allowed:
        return block
    if not has_position:
        return NO_POSITION
    return CROSS_POSITION if mode is MarginMode.CROSS else ALLOWED
