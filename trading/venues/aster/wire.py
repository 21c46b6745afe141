"""Aster's words: the only place where names, order and number text of parameters exist (Aster 1.3, 3).

A request is its parameters as one form-encoded text; the signature covers that very text, so the order in which the
parameters stand here and the exact digits are part of it. Names here are the venue's, and nobody else's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never
from urllib.parse import quote_plus
from uuid import UUID

import msgspec

from trading.margin.types import MarginMode
from trading.venues.base import (
    AdjustMargin,
    BuilderFee,
    CancelOrder,
    CancelOrders,
    Command,
    ModifyOrder,
    MoveCollateral,
    Noop,
    PlaceOrder,
    PlaceOrders,
    SetLeverage,
    SetMarginMode,
    TimeInForce,
    Trigger,
    TriggerKind,
)
from trading.venues.decoding import EPOCH
from trading.venues.errors import InvalidCommand, Reason

Parameters = tuple[tuple[str, str], ...]

MILLISECOND = timedelta(milliseconds=1)
MICROSECOND = timedelta(microseconds=1)
DECIMALS = 8

# Where a path of the current scheme has another name or version in the older one (Aster 1.2).
OLD_PATHS = {
    "balance": "/fapi/v2/balance",
    "positionRisk": "/fapi/v2/positionRisk",
    "accountWithJoinMargin": "/fapi/v4/account",
}
TIME_IN_FORCE = {
    TimeInForce.GOOD_TILL_CANCELLED: "GTC",
    TimeInForce.IMMEDIATE_OR_CANCEL: "IOC",
    TimeInForce.POST_ONLY: "GTX",
    TimeInForce.FILL_OR_KILL: "FOK",
}
# What is decided at once is asked for with its final state; a resting order's plain receipt says enough (Aster 3.7).
DECIDED_AT_ONCE = frozenset({"IOC", "FOK", "GTX"})
WITH_STATE: Parameters = (("newOrderRespType", "RESULT"),)
TRIGGER_TYPE = {
    (TriggerKind.STOP_LOSS, True): "STOP_MARKET",
    (TriggerKind.STOP_LOSS, False): "STOP",
    (TriggerKind.TAKE_PROFIT, True): "TAKE_PROFIT_MARKET",
    (TriggerKind.TAKE_PROFIT, False): "TAKE_PROFIT",
}
MARGIN_TYPE = {MarginMode.ISOLATED: "ISOLATED", MarginMode.CROSS: "CROSSED"}
ADD, REMOVE = "1", "2"

_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Call:
    """One request before it is authorised: how, where, and what it says."""

    method: str
    name: str
    parameters: Parameters = ()

    @property
    def text(self) -> str:
        """The parameters as they are signed and sent."""
        return encoded(self.parameters)


def path(name: str, *, is_current: bool) -> str:
    """The path of a call in the current scheme or the older one."""
    if is_current:
        return f"/fapi/v3/{name}"
    return OLD_PATHS.get(name, f"/fapi/v1/{name}")


def encoded(parameters: Parameters) -> str:
    """Parameters as one ``application/x-www-form-urlencoded`` text, in their order."""
    return "&".join([f"{name}={_quoted(value)}" for name, value in parameters])


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else quote_plus(value)


def number(value: Decimal) -> str:
    """The venue's text of a number: no exponent, no trailing zeros, no negative zero, at most 8 decimals.

    Raises ``TypeError`` for a float and ``InvalidCommand`` for what the text cannot hold exactly.
    """
    if not isinstance(value, Decimal):
        raise TypeError(f"money is Decimal, not {type(value).__name__}")
    if not value.is_finite():
        raise InvalidCommand("This is not a number.", reason=Reason.AMOUNT_INVALID)
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
        if "." in text and len(text) - text.find(".") - 1 > DECIMALS:
            raise InvalidCommand(f"At most {DECIMALS} decimals can be sent.", reason=Reason.AMOUNT_INVALID)
    return "0" if text in {"-0", ""} else text


def address(value: str) -> str:
    """The address as given, which is how it is signed; ``InvalidCommand`` when it is none."""
    if not _ADDRESS.fullmatch(value):
        raise InvalidCommand("This is not an account address (0x and 40 digits).", reason=Reason.REQUEST_MALFORMED)
    return value


def client_id(command: UUID) -> str:
    """A command's id as the venue's client order id: 32 hexadecimal digits."""
    return command.hex


def _checked_client_id(value: str) -> str:
    if not _CLIENT_ID.fullmatch(value):
        raise InvalidCommand("A client order id has 1 to 36 plain characters.", reason=Reason.REQUEST_MALFORMED)
    return value


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970 of an aware moment, rounded down."""
    if moment.tzinfo is None:
        raise ValueError("times are aware")
    return (moment - EPOCH) // MILLISECOND


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of an aware moment: the unit of nonces (Aster 1.3)."""
    if moment.tzinfo is None:
        raise ValueError("times are aware")
    return (moment - EPOCH) // MICROSECOND


def builder(fee: BuilderFee | None) -> Parameters:
    """The operator's fee on an order, as a plain decimal fraction (Aster 1.6)."""
    return () if fee is None else (("builder", address(fee.address)), ("feeRate", number(fee.rate)))


def _side(is_buy: bool) -> str:
    return "BUY" if is_buy else "SELL"


def _naming(value: str | None) -> Parameters:
    return () if value is None else (("newClientOrderId", _checked_client_id(value)),)


def takes_market(command: PlaceOrder) -> bool:
    """Whether an order goes out as the venue's own kind MARKET, which needs margin for the price on offer and is kept
    near the mark by the venue; one with a limit beyond the mark needs margin for that limit, and its distance from the
    mark on top (Aster 4.2). What only reduces needs none, and keeps the limit that the trader accepted."""
    return command.at_market and command.trigger is None and not command.reduce_only


def order(command: PlaceOrder) -> Parameters:
    """One limit, market or trigger order."""
    if command.trigger is not None:
        body = _triggered(command, command.trigger)
        return (*_head(command), *body, *_naming(command.client_id), *builder(command.builder))
    if takes_market(command):
        body = (("type", "MARKET"), ("quantity", number(command.size)))
        return (*_head(command), *body, *_naming(command.client_id), *WITH_STATE, *builder(command.builder))
    time_in_force = TIME_IN_FORCE[command.time_in_force]
    response = WITH_STATE if time_in_force in DECIDED_AT_ONCE else ()
    body = _limit(command, time_in_force)
    return (*_head(command), *body, *_naming(command.client_id), *response, *builder(command.builder))


def _head(command: PlaceOrder) -> Parameters:
    return (("symbol", command.market.name), ("side", _side(command.is_buy)))


def _limit(command: PlaceOrder, time_in_force: str) -> Parameters:
    return (
        ("type", "LIMIT"),
        ("timeInForce", time_in_force),
        ("quantity", number(command.size)),
        ("price", number(command.limit_price)),
        *_reducing(command.reduce_only),
    )


def _triggered(command: PlaceOrder, trigger: Trigger) -> Parameters:
    """A stop or take-profit on the mark. Size zero stands for the whole position and excludes quantity and reduceOnly
    (Aster 3.7)."""
    kind = ("type", TRIGGER_TYPE[trigger.kind, trigger.is_market])
    stop, watched = ("stopPrice", number(trigger.price)), ("workingType", "MARK_PRICE")
    if command.size == 0:
        return (kind, stop, ("closePosition", "true"), watched)
    price = () if trigger.is_market else (("price", number(command.limit_price)),)
    return (kind, ("quantity", number(command.size)), *price, stop, *_reducing(command.reduce_only), watched)


def _reducing(reduce_only: bool) -> Parameters:
    return (("reduceOnly", "true"),) if reduce_only else ()


def batch(orders: Sequence[PlaceOrder]) -> Parameters:
    """Several orders as one JSON list without spaces (Aster 1.3, 3.7)."""
    return (("batchOrders", _encoder.encode([dict(order(member)) for member in orders]).decode()),)


def _order_name(name: int | str, by_id: str, by_client_id: str) -> tuple[str, str]:
    return (by_id, str(name)) if isinstance(name, int) else (by_client_id, _checked_client_id(name))


def cancel(command: CancelOrder) -> Parameters:
    """One order, by its id or our own."""
    return (("symbol", command.market.name), _order_name(command.order, "orderId", "origClientOrderId"))


def cancel_several(command: CancelOrders) -> Parameters:
    """Several orders of one market, all by their ids or all by ours (Aster 3.7)."""
    names = [item.order for item in command.cancels]
    ids = [name for name in names if isinstance(name, int)]
    if len({item.market.name for item in command.cancels}) != 1 or len(ids) not in {0, len(names)}:
        message = "Cancel orders of one market at once, either all by their id or all by their client id."
        raise InvalidCommand(message, reason=Reason.REQUEST_MALFORMED)
    listed: list[int] | list[str] = ids or [_checked_client_id(name) for name in names if isinstance(name, str)]
    key = "orderIdList" if ids else "origClientOrderIdList"
    return (("symbol", command.cancels[0].market.name), (key, _encoder.encode(listed).decode()))


def modify(command: ModifyOrder) -> Parameters:
    """A resting limit order's new quantity, which counts what was filled of it before, and its new price."""
    wanted = command.replacement
    return (
        ("symbol", wanted.market.name),
        _order_name(command.order, "orderId", "origClientOrderId"),
        ("quantity", number(command.filled + wanted.size)),
        ("price", number(wanted.limit_price)),
    )


def margin(command: AdjustMargin) -> Parameters:
    """Collateral into an isolated position or out of it: an unsigned amount and a direction (Aster 3.6)."""
    direction = ADD if command.amount > 0 else REMOVE
    naming = () if command.client_id is None else (("clientTranId", _checked_client_id(command.client_id)),)
    return (("symbol", command.market.name), ("amount", number(abs(command.amount))), ("type", direction), *naming)


def call(command: Command) -> Call:
    """The request of a command. Raises ``InvalidCommand`` for one that this venue does not have."""
    match command:
        case PlaceOrder():
            return Call("POST", "order", order(command))
        case PlaceOrders(orders):
            return Call("POST", "batchOrders", batch(orders))
        case ModifyOrder():
            return Call("PUT", "order", modify(command))
        case CancelOrder():
            return Call("DELETE", "order", cancel(command))
        case CancelOrders():
            return Call("DELETE", "batchOrders", cancel_several(command))
        case _:
            return _setting(command)


def _setting(command: SetMarginMode | SetLeverage | AdjustMargin | MoveCollateral | Noop) -> Call:
    """The request of a command that names no order."""
    match command:
        case SetMarginMode(market, mode):
            return Call("POST", "marginType", (("symbol", market.name), ("marginType", MARGIN_TYPE[mode])))
        case SetLeverage(market, _, leverage):
            return Call("POST", "leverage", (("symbol", market.name), ("leverage", str(leverage))))
        case AdjustMargin():
            return Call("POST", "positionMargin", margin(command))
        case Noop():
            return Call("POST", "noop")
        case MoveCollateral():
            message = "On Aster all of an account's collateral lies in one place. Nothing has to be moved."
            raise InvalidCommand(message, reason=Reason.NOT_PERMITTED)
        case _:
            assert_never(command)
