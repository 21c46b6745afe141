"""Hyperliquid's orders as typed records: resting ones, and what became of the others (Hyperliquid 2.4).

A side or a state that is not known raises ``UnknownState``; other labels are shown as they are.
"""

import logging
from decimal import Decimal
from typing import Literal

from trading.venues.base import (
    OpenOrder,
    OrderReport,
    OrderState,
    OrderTrigger,
    TimeInForce,
    TriggerKind,
)
from trading.venues.decoding import Decoder, Record, moment
from trading.venues.errors import UnknownState

logger = logging.getLogger(__name__)

ZERO = Decimal(0)
TIME_IN_FORCE = {
    "Gtc": TimeInForce.GOOD_TILL_CANCELLED,
    "Ioc": TimeInForce.IMMEDIATE_OR_CANCEL,
    "Alo": TimeInForce.POST_ONLY,
    "FrontendMarket": TimeInForce.IMMEDIATE_OR_CANCEL,
    "LiquidationMarket": TimeInForce.IMMEDIATE_OR_CANCEL,
}
ORDER_STATE = {
    "open": OrderState.OPEN,
    "triggered": OrderState.TRIGGERED,
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELLED,
    "scheduledCancel": OrderState.CANCELLED,
    "rejected": OrderState.REJECTED,
}


class _Order(Record, frozen=True):
    coin: str
    side: Literal["A", "B"]
    limit_px: Decimal
    sz: Decimal
    oid: int
    timestamp: int
    orig_sz: Decimal | None = None
    order_type: str = "Limit"
    tif: str | None = None
    reduce_only: bool = False
    is_trigger: bool = False
    trigger_px: Decimal = ZERO
    trigger_condition: str = ""
    is_position_tpsl: bool = False
    children: list["_Order"] = []
    cloid: str | None = None


class _OrderUpdate(Record, frozen=True):
    order: _Order
    status: str
    status_timestamp: int


class _OrderStatus(Record, frozen=True):
    status: Literal["order", "unknownOid"]
    order: _OrderUpdate | None = None


_decode_orders = Decoder(list[_Order], "frontendOpenOrders")
_decode_updates = Decoder(list[_OrderUpdate], "historicalOrders")
_decode_status = Decoder(_OrderStatus, "orderStatus")


def _trigger_kind(order_type: str) -> TriggerKind | None:
    if order_type.startswith("Stop"):
        return TriggerKind.STOP_LOSS
    return TriggerKind.TAKE_PROFIT if order_type.startswith("Take Profit") else None


def _order(row: _Order) -> OpenOrder:
    trigger = None
    if row.is_trigger:
        is_market = row.order_type.endswith("Market")
        trigger = OrderTrigger(row.trigger_px, is_market, _trigger_kind(row.order_type), row.trigger_condition)
    if row.tif is not None and row.tif not in TIME_IN_FORCE:
        logger.warning("Hyperliquid order %s has the unknown time in force %r", row.oid, row.tif)
    return OpenOrder(
        market=row.coin,
        order_id=row.oid,
        client_id=row.cloid,
        is_buy=row.side == "B",
        limit_price=row.limit_px,
        size=row.sz,
        original_size=row.sz if row.orig_sz is None else row.orig_sz,
        time_in_force=None if row.tif is None else TIME_IN_FORCE.get(row.tif),
        reduce_only=row.reduce_only,
        placed_at=moment(row.timestamp),
        order_type=row.order_type,
        trigger=trigger,
        covers_position=row.is_position_tpsl and row.sz == 0,
        children=tuple(_order(child) for child in row.children),
    )


def open_orders(body: bytes) -> tuple[OpenOrder, ...]:
    """Resting orders with their triggers and children, in the venue's order."""
    return tuple(_order(row) for row in _decode_orders(body))


def order_state(label: str) -> OrderState:
    """The state that a label of the venue means; ``UnknownState`` for one whose kind cannot be told (Hyperliquid
    2.4)."""
    if label in ORDER_STATE:
        return ORDER_STATE[label]
    if label.endswith("Canceled"):
        return OrderState.CANCELLED
    if label.endswith("Rejected"):
        return OrderState.REJECTED
    raise UnknownState(f"order state {label!r}")


def _report(row: _OrderUpdate) -> OrderReport:
    return OrderReport(order_state(row.status), row.status, _order(row.order), moment(row.status_timestamp))


def order_report(body: bytes) -> OrderReport:
    """What became of one order."""
    row = _decode_status(body)
    if row.order is None:
        return OrderReport(OrderState.UNKNOWN, row.status)
    return _report(row.order)


def order_history(body: bytes) -> tuple[OrderReport, ...]:
    """The life of past orders, in the venue's order (newest first)."""
    return tuple(_report(row) for row in _decode_updates(body))
