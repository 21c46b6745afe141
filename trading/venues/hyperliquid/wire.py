"""Hyperliquid's words: the only place where the key order of an action and the text of a number exist.

The signature hashes the action as msgpack, so the order of keys, the absence of unused keys and the exact digits are
all part of it (Hyperliquid 4, 5.1, 5.4). Names here are the venue's, and nobody else's.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never
from uuid import UUID

import msgspec

from trading.margin.types import MarginMode
from trading.venues.base import (
    AdjustMargin,
    Attachment,
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

Action = dict[str, object]

MILLISECOND = timedelta(milliseconds=1)
EXCHANGE_PATH = "/exchange"
INFO_PATH = "/info"
DECIMALS = 8
MICRO = Decimal(1_000_000)
BUILDER_FEE_UNIT = Decimal("0.00001")  # a tenth of a basis point (Hyperliquid 8)

TIME_IN_FORCE = {
    TimeInForce.GOOD_TILL_CANCELLED: "Gtc",
    TimeInForce.IMMEDIATE_OR_CANCEL: "Ioc",
    TimeInForce.POST_ONLY: "Alo",
}
TRIGGER_KIND = {TriggerKind.TAKE_PROFIT: "tp", TriggerKind.STOP_LOSS: "sl"}
GROUPING = {Attachment.NONE: "na", Attachment.PARENT: "normalTpsl", Attachment.POSITION: "positionTpsl"}

_CLIENT_ID = re.compile(r"0x[0-9a-f]{32}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_encoder = msgspec.json.Encoder()


def number(value: Decimal) -> str:
    """The venue's text of a number: no exponent, no trailing zeros, no negative zero, at most 8 decimals.

    Raises ``TypeError`` for a float and ``InvalidCommand`` for what the text cannot hold exactly (Hyperliquid 5.4).
    """
    if not isinstance(value, Decimal):
        raise TypeError(f"money is Decimal, not {type(value).__name__}")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
        if len(text) - text.find(".") - 1 > DECIMALS and "." in text:
            raise InvalidCommand(f"At most {DECIMALS} decimals can be sent.", reason=Reason.AMOUNT_INVALID)
    elif not value.is_finite():
        raise InvalidCommand("This is not a number.", reason=Reason.AMOUNT_INVALID)
    return "0" if text in {"-0", ""} else text


def micro(value: Decimal) -> int:
    """Millionths of a collateral unit; ``InvalidCommand`` when that is not a whole number."""
    scaled = value * MICRO
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise InvalidCommand("Amounts have at most 6 decimals.", reason=Reason.AMOUNT_INVALID)
    return int(scaled)


def address(value: str) -> str:
    """The lower-case form of an address, which is the one that is signed; ``InvalidCommand`` when it is none."""
    lowered = value.lower()
    if not _ADDRESS.fullmatch(lowered):
        raise InvalidCommand("This is not an account address (0x and 40 digits).", reason=Reason.REQUEST_MALFORMED)
    return lowered


def client_id(command: UUID) -> str:
    """A command's id as the venue's client order id: 0x and 32 hexadecimal digits."""
    return "0x" + command.hex


def _checked_client_id(value: str) -> str:
    if not _CLIENT_ID.fullmatch(value):
        raise InvalidCommand("A client order id is 0x and 32 digits.", reason=Reason.REQUEST_MALFORMED)
    return value


def builder(fee: BuilderFee) -> Action:
    """The operator's fee on an order, in tenths of a basis point."""
    units = fee.rate / BUILDER_FEE_UNIT
    if units != units.to_integral_value() or units < 0:
        raise InvalidCommand("A builder fee has steps of 0.001 %.", reason=Reason.AMOUNT_INVALID)
    return {"b": address(fee.address), "f": int(units)}


def _trigger(trigger: Trigger) -> Action:
    return {"isMarket": trigger.is_market, "triggerPx": number(trigger.price), "tpsl": TRIGGER_KIND[trigger.kind]}


def order(command: PlaceOrder) -> Action:
    """One order as it stands inside an ``order`` or ``modify`` action."""
    kind: Action
    if command.trigger is None:
        kind = {"limit": {"tif": TIME_IN_FORCE[command.time_in_force]}}
    else:
        kind = {"trigger": _trigger(command.trigger)}
    wire: Action = {
        "a": command.market.index,
        "b": command.is_buy,
        "p": number(command.limit_price),
        "s": number(command.size),
        "r": command.reduce_only,
        "t": kind,
    }
    if command.client_id is not None:
        wire["c"] = _checked_client_id(command.client_id)
    return wire


def place(orders: Sequence[PlaceOrder], attachment: Attachment = Attachment.NONE) -> Action:
    """An ``order`` action; the builder fee stands once for the whole batch."""
    wire: Action = {
        "type": "order",
        "orders": [order(member) for member in orders],
        "grouping": GROUPING[attachment],
    }
    fee = orders[0].builder
    if fee is not None:
        wire["builder"] = builder(fee)
    return wire


def cancel(command: CancelOrders) -> Action:
    """A ``cancel`` or ``cancelByCloid`` action; the two cannot be mixed in one request."""
    by_id = [{"a": item.market.index, "o": item.order} for item in command.cancels if isinstance(item.order, int)]
    by_client_id = [
        {"asset": item.market.index, "cloid": _checked_client_id(item.order)}
        for item in command.cancels
        if isinstance(item.order, str)
    ]
    if bool(by_id) == bool(by_client_id):
        message = "Cancel orders either all by their id or all by their client id."
        raise InvalidCommand(message, reason=Reason.REQUEST_MALFORMED)
    if by_id:
        return {"type": "cancel", "cancels": by_id}
    return {"type": "cancelByCloid", "cancels": by_client_id}


def modify(command: ModifyOrder) -> Action:
    """A ``batchModify`` of one order, which answers with the new order's state (``modify`` alone does not).

    ``modify`` takes no trigger without its field ``a``; ``batchModify`` has no such field (Hyperliquid 4.2)."""
    name = command.order if isinstance(command.order, int) else _checked_client_id(command.order)
    return {"type": "batchModify", "modifies": [{"oid": name, "order": order(command.replacement)}]}


def move(command: MoveCollateral, account: str, nonce: int) -> Action:
    """An ``agentSendAsset`` within one account: the only receiver there can be is ``account`` itself (Hyperliquid 4.2,
    5.3). The request's nonce stands in the action too."""
    return {
        "type": "agentSendAsset",
        "destination": address(account),
        "sourceDex": command.source,
        "destinationDex": command.target,
        "token": command.token,
        "amount": number(command.amount),
        "fromSubAccount": "",
        "nonce": nonce,
    }


def setting(
    command: SetMarginMode | SetLeverage | AdjustMargin | MoveCollateral | Noop,
    account: str,
    nonce: int,
) -> Action:
    """The action of a command that names no order."""
    match command:
        case SetMarginMode():
            message = "Margin mode and leverage are set together here. Choose a leverage as well."
            raise InvalidCommand(message, reason=Reason.NOT_PERMITTED)
        case SetLeverage(market, mode, leverage):
            is_cross = mode is MarginMode.CROSS
            return {"type": "updateLeverage", "asset": market.index, "isCross": is_cross, "leverage": leverage}
        case AdjustMargin(market, is_buy, amount, _):
            return {"type": "updateIsolatedMargin", "asset": market.index, "isBuy": is_buy, "ntli": micro(amount)}
        case MoveCollateral():
            return move(command, account, nonce)
        case Noop():
            return {"type": "noop"}
        case _:
            assert_never(command)


def action(command: Command, account: str = "", nonce: int = 0) -> Action:
    """The action of a command of ``account``, keys in signing order (Hyperliquid 4.1, 4.2)."""
    match command:
        case PlaceOrder():
            return place((command,))
        case PlaceOrders(orders, attachment):
            return place(orders, attachment)
        case CancelOrder():
            return cancel(CancelOrders((command,)))
        case CancelOrders():
            return cancel(command)
        case ModifyOrder():
            return modify(command)
        case _:
            return setting(command, account, nonce)


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970 of an aware moment, rounded down."""
    if moment.tzinfo is None:
        raise ValueError("times are aware")
    return (moment - EPOCH) // MILLISECOND


def envelope(
    wire: Mapping[str, object], nonce: int, signature: Mapping[str, object], expires_after: int | None
) -> bytes:
    """The body of a signed request, complete and deterministic (Hyperliquid 4)."""
    return _encoder.encode(
        {
            "action": wire,
            "nonce": nonce,
            "signature": signature,
            "vaultAddress": None,
            "expiresAfter": expires_after,
        }
    )


def question(kind: str, **fields: object) -> bytes:
    """The body of a read; fields that are None are left out."""
    return _encoder.encode({"type": kind} | {name: value for name, value in fields.items() if value is not None})
