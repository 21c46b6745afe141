"""Hyperliquid's rules that can be known without asking it, so that what must fail is never signed.

Figures: Hyperliquid 1.3 (ticks and lots), 1.4 (sizes), 3.8 (changes on an open position), 5.3 (nonces), 8 (builder
fees).
"""

from decimal import Decimal
from typing import assert_never

from trading.margin.types import AccountMode, MarginMode, MarginRestriction
from trading.venues.base import (
    AdjustMargin,
    Attachment,
    CancelOrder,
    CancelOrders,
    Capabilities,
    Command,
    MarketSpec,
    ModifyOrder,
    MoveCollateral,
    Noop,
    Permission,
    PlaceOrder,
    PlaceOrders,
    SetLeverage,
    SetMarginMode,
    TimeInForce,
)
from trading.venues.errors import InvalidCommand, Reason

MIN_NOTIONAL = Decimal(10)
TRADED_COLLATERAL = "USDC"
MAX_BUILDER_RATE = Decimal("0.001")
MAX_CANCELS = 200
# Where a transfer may go as well, and what no book may be called (Hyperliquid 3.9).
SPOT = "spot"
TRANSFER_DECIMALS = 6
# Largest notional of one market order by the market's maximum leverage (Hyperliquid 1.4).
MARKET_ORDER_BOUNDS = ((25, Decimal(30_000_000)), (20, Decimal(5_000_000)), (10, Decimal(2_000_000)))
LIMIT_ORDER_FACTOR = 10
SMALLEST_MARKET_ORDER_BOUND = Decimal(500_000)

ALLOWED = Permission(allowed=True)


def max_market_notional(max_leverage: int) -> Decimal:
    """The largest notional of one market order in a market with this maximum leverage."""
    return next((bound for least, bound in MARKET_ORDER_BOUNDS if max_leverage >= least), SMALLEST_MARKET_ORDER_BOUND)


def check(command: Command) -> None:
    """Raise ``InvalidCommand`` for a command that the venue would refuse whatever its state."""
    match command:
        case PlaceOrder():
            check_order(command)
        case PlaceOrders():
            _check_batch(command)
        case ModifyOrder(replacement=replacement):
            check_order(replacement)
        case SetLeverage():
            _check_leverage(command)
        case SetMarginMode():
            message = "On Hyperliquid margin mode and leverage are set together. Choose a leverage as well."
            raise InvalidCommand(message, reason=Reason.NOT_PERMITTED)
        case AdjustMargin() | MoveCollateral():
            _check_collateral(command)
        case CancelOrders(cancels):
            if not 0 < len(cancels) <= MAX_CANCELS:
                message = f"Between 1 and {MAX_CANCELS} orders can be cancelled at once."
                raise InvalidCommand(message, reason=Reason.BATCH_TOO_LARGE)
        case CancelOrder() | Noop():
            pass
        case _:
            assert_never(command)


def check_order(command: PlaceOrder) -> None:
    """Tick, lot, minimum and builder fee of one order (Hyperliquid 1.3, 1.4, 8)."""
    market = command.market
    if market.delisted:
        raise InvalidCommand(f"{market.name} is no longer traded. Choose another market.", reason=Reason.NOT_PERMITTED)
    if command.time_in_force is TimeInForce.FILL_OR_KILL:
        message = "Hyperliquid has no fill-or-kill orders. Choose immediate-or-cancel: what is not filled is cancelled."
        raise InvalidCommand(message, reason=Reason.NOT_PERMITTED)
    if market.collateral != TRADED_COLLATERAL and not command.reduce_only:
        message = f"{market.name} is settled in {market.collateral}. Only {TRADED_COLLATERAL} markets are traded here."
        raise InvalidCommand(message, reason=Reason.NOT_PERMITTED)
    _check_size(command)
    _check_price(market, command.limit_price)
    if command.trigger is not None:
        _check_price(market, command.trigger.price)
    if not command.reduce_only and command.size * command.limit_price < market.min_notional:
        message = f"An order must be worth at least {market.min_notional:f} {market.collateral}. Raise the size."
        raise InvalidCommand(message, reason=Reason.BELOW_MINIMUM)
    _check_largest(command)
    if command.builder is not None and command.builder.rate > MAX_BUILDER_RATE:
        message = "The exchange fee on perpetuals is at most 0.1 %."
        raise InvalidCommand(message, reason=Reason.BUILDER_NOT_APPROVED)


def _check_size(command: PlaceOrder) -> None:
    market = command.market
    if command.size == 0 and command.trigger is not None and command.reduce_only:
        return  # a take-profit or stop-loss of the whole position
    if not market.accepts_size(command.size):
        message = f"{market.name} sizes are above zero with at most {market.size_decimals} decimals. Change the size."
        raise InvalidCommand(message, reason=Reason.SIZE_INVALID)


def order_bound(order: PlaceOrder) -> Decimal | None:
    """The most coins that one order like this may have; None where the venue states no bound."""
    bound = _largest_notional(order)
    return None if bound is None else order.market.floor_size(bound / order.limit_price)


def order_least(order: PlaceOrder, _mark: Decimal) -> Decimal:
    """The fewest coins that an order like this may have, by its limit, also where that stands far from the mark so that
    it fills at market. Of what only reduces the whole position is exempt (Hyperliquid 1.4)."""
    return order.market.least_size(order.limit_price)


def _largest_notional(order: PlaceOrder) -> Decimal | None:
    """A market order has the market's bound, an order that may rest ten times that (Hyperliquid 1.4)."""
    bound = order.market.max_market_notional
    may_rest = order.time_in_force is not TimeInForce.IMMEDIATE_OR_CANCEL
    return bound * LIMIT_ORDER_FACTOR if bound is not None and may_rest else bound


def _check_largest(command: PlaceOrder) -> None:
    bound = _largest_notional(command)
    if bound is not None and command.size * command.limit_price > bound:
        message = f"One order may be worth at most {bound:,f} {command.market.collateral} here. Split it."
        raise InvalidCommand(message, reason=Reason.SIZE_INVALID)


def _check_price(market: MarketSpec, price: Decimal) -> None:
    if not (price.is_finite() and market.price_rule.is_valid(price)):
        message = f"{market.name} does not trade at this price. Use at most 5 digits and the market's tick size."
        raise InvalidCommand(message, reason=Reason.PRICE_TICK)


def _check_batch(command: PlaceOrders) -> None:
    if not command.orders:
        raise InvalidCommand("There is no order to send.", reason=Reason.REQUEST_MALFORMED)
    for order in command.orders:
        check_order(order)
    attached = command.orders[1:] if command.attachment is Attachment.PARENT else command.orders
    if command.attachment is not Attachment.NONE and not all(o.trigger and o.reduce_only for o in attached):
        message = "Take-profit and stop-loss orders must be reduce-only triggers."
        raise InvalidCommand(message, reason=Reason.TRIGGER_PRICE)
    if len({order.builder for order in command.orders}) != 1:
        raise InvalidCommand("Orders sent together must carry the same builder fee.", reason=Reason.REQUEST_MALFORMED)


def _check_leverage(command: SetLeverage) -> None:
    market = command.market
    if not 1 <= command.leverage <= market.max_leverage:
        message = f"{market.name} allows 1x to {market.max_leverage}x. Choose a leverage in between."
        raise InvalidCommand(message, reason=Reason.LEVERAGE_INVALID)
    if command.mode is MarginMode.CROSS and market.restriction is not MarginRestriction.NONE:
        message = f"{market.name} allows isolated margin only. Choose isolated."
        raise InvalidCommand(message, reason=Reason.CROSS_NOT_ALLOWED)


def _check_collateral(command: AdjustMargin | MoveCollateral) -> None:
    if isinstance(command, MoveCollateral):
        _check_move(command)
    else:
        _check_margin(command)


def _check_margin(command: AdjustMargin) -> None:
    if command.amount == 0:
        raise InvalidCommand("The amount must not be zero. Enter an amount.", reason=Reason.AMOUNT_ZERO)
    if command.amount < 0 and command.market.restriction is MarginRestriction.STRICT_ISOLATED:
        message = "Margin cannot be removed in this market. Reduce the position to get margin back."
        raise InvalidCommand(message, reason=Reason.MARGIN_LOCKED_BY_MARKET)


def _check_move(command: MoveCollateral) -> None:
    """From one book to another one, in the token's millionths (Hyperliquid 3.9, 4.2)."""
    if SPOT in (command.source, command.target) or not command.token:
        message = "Here collateral moves between the books of perpetuals only. Use the venue for anything else."
        raise InvalidCommand(message, reason=Reason.NOT_PERMITTED)
    if command.source == command.target:
        message = "The collateral is in this book already. Choose another one."
        raise InvalidCommand(message, reason=Reason.NOT_PERMITTED)
    amount = command.amount
    if not amount.is_finite() or amount <= 0 or amount != round(amount, TRANSFER_DECIMALS):
        message = f"The amount must be above zero, with at most {TRANSFER_DECIMALS} decimals."
        raise InvalidCommand(message, reason=Reason.AMOUNT_INVALID)


SHARED = Permission(
    allowed=False, reason="Cross margin is shared by the whole account: add funds at the venue instead."
)


def capabilities(
    market: MarketSpec,
    *,
    has_position: bool,
    has_orders: bool,
    mode: MarginMode | None = None,
    account_mode: AccountMode = AccountMode.STANDARD,
) -> Capabilities:
    """What the venue allows in a market now (Hyperliquid 3.7, 3.8).

    Whether resting orders alone block a change of mode is not known, so they close it here too.
    """
    restricted = market.restriction is not MarginRestriction.NONE
    only_isolated = Permission(allowed=False, reason=f"{market.name} allows isolated margin only.")
    change_mode = only_isolated if restricted else ALLOWED
    if not restricted and has_position:
        change_mode = Permission(allowed=False, reason="Close the position to change between isolated and cross.")
    elif not restricted and has_orders:
        change_mode = Permission(allowed=False, reason="Cancel the open orders to change between isolated and cross.")
    no_position = Permission(allowed=False, reason="There is no position to change the margin of.")
    removal = ALLOWED if has_position else no_position
    if has_position and market.restriction is MarginRestriction.STRICT_ISOLATED:
        removal = Permission(allowed=False, reason="In this market margin comes back when the position is reduced.")
    is_cross = has_position and mode is MarginMode.CROSS
    return Capabilities(
        use_cross=only_isolated if restricted else ALLOWED,
        change_mode=change_mode,
        raise_leverage=ALLOWED,
        lower_leverage=ALLOWED,
        add_margin=SHARED if is_cross else ALLOWED if has_position else no_position,
        remove_margin=SHARED if is_cross else removal,
        move_collateral=_moving(market, account_mode),
    )


def _moving(market: MarketSpec, account_mode: AccountMode) -> Permission:
    """Only a standard account keeps its books apart (Hyperliquid 3.9)."""
    if account_mode is not AccountMode.STANDARD:
        return Permission(allowed=False, reason="One balance backs all books of this account: nothing has to be moved.")
    known = bool(market.token)
    return Permission(allowed=known, reason="" if known else "The venue has not told what this book's collateral is.")
