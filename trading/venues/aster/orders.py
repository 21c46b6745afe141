"""Aster's orders as typed records: resting ones, and what became of the others (Aster 3.7).

A side or a state that is not known raises ``UnknownState``; other labels are shown as they are.
"""

import logging
from decimal import Decimal
from typing import Literal

from trading.venues.base import OpenOrder, OrderReport, OrderState, OrderTrigger, TimeInForce, TriggerKind
from trading.venues.decoding import Decoder, Record, moment
from trading.venues.errors import UnknownState

logger = logging.getLogger(__name__)

ZERO = Decimal(0)
TIME_IN_FORCE = {
    "GTC": TimeInForce.GOOD_TILL_CANCELLED,
    "IOC": TimeInForce.IMMEDIATE_OR_CANCEL,
    "GTX": TimeInForce.POST_ONLY,
    "FOK": TimeInForce.FILL_OR_KILL,
}
ORDER_STATE = {
    "NEW": OrderState.OPEN,
    "PARTIALLY_FILLED": OrderState.OPEN,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "EXPIRED": OrderState.CANCELLED,
    "REJECTED": OrderState.REJECTED,
}
# The kind of a trigger, and whether it goes out at market. A trailing stop moves its price by itself.
TRAILING = "TRAILING_STOP_MARKET"
MARKET = "MARKET"
TRIGGERS: dict[str, tuple[TriggerKind | None, bool]] = {
    "STOP": (TriggerKind.STOP_LOSS, False),
    "STOP_MARKET": (TriggerKind.STOP_LOSS, True),
    "TAKE_PROFIT": (TriggerKind.TAKE_PROFIT, False),
    "TAKE_PROFIT_MARKET": (TriggerKind.TAKE_PROFIT, True),
    TRAILING: (None, True),
}


class _Order(Record, frozen=True):
    symbol: str
    order_id: int
    side: Literal["BUY", "SELL"]
    status: str
    type: str
    price: Decimal
    orig_qty: Decimal
    executed_qty: Decimal
    update_time: int
    client_order_id: str | None = None
    orig_type: str = ""
    time_in_force: str = ""
    stop_price: Decimal = ZERO
    reduce_only: bool = False
    close_position: bool = False
    working_type: str = ""
    activate_price: Decimal = ZERO
    price_rate: Decimal | None = None
    time: int | None = None
    position_side: str = "BOTH"


_decode_order = Decoder(_Order, "order")
_decode_orders = Decoder(list[_Order], "openOrders")


def _trigger(row: _Order) -> OrderTrigger | None:
    """What an order waits for. A triggered one has become a plain order, and its first type tells what it was. The
    callback rate of a trailing stop is in per cent (Aster 3.7)."""
    if row.type not in TRIGGERS:
        return None
    kind, is_market = TRIGGERS[row.type]
    if row.type == TRAILING and row.price_rate is not None:
        return OrderTrigger(row.activate_price, is_market, kind, row.working_type, row.price_rate / 100)
    return OrderTrigger(row.stop_price, is_market, kind, row.working_type)


def _order(row: _Order) -> OpenOrder:
    if row.time_in_force not in TIME_IN_FORCE:
        logger.warning("Aster order %s has the unknown time in force %r", row.order_id, row.time_in_force)
    return OpenOrder(
        market=row.symbol,
        order_id=row.order_id,
        client_id=row.client_order_id,
        is_buy=row.side == "BUY",
        limit_price=row.price,
        size=row.orig_qty - row.executed_qty,
        original_size=row.orig_qty,
        time_in_force=TIME_IN_FORCE.get(row.time_in_force),
        reduce_only=row.reduce_only or row.close_position,
        placed_at=moment(row.update_time if row.time is None else row.time),
        order_type=row.orig_type or row.type,
        trigger=_trigger(row),
        covers_position=row.close_position,
    )


def order_state(label: str) -> OrderState:
    """The state that a label of the venue means; ``UnknownState`` for one that is not known (Aster 3.7)."""
    try:
        return ORDER_STATE[label]
    except KeyError:
        raise UnknownState(f"order state {label!r}") from None


# An order of these kinds that expires without a fill was turned away when it came (Aster 3.7).
AT_ONCE = frozenset({"GTX", "IOC", "FOK"})


def _report(row: _Order) -> OrderReport:
    is_at_once = row.time_in_force in AT_ONCE or (row.orig_type or row.type) == MARKET
    was_turned_away = row.status == "EXPIRED" and row.executed_qty == 0 and is_at_once
    state = OrderState.REJECTED if was_turned_away else order_state(row.status)
    return OrderReport(state, row.status, _order(row), moment(row.update_time))


def open_orders(body: bytes) -> tuple[OpenOrder, ...]:
    """Resting orders, triggers included, in the venue's order."""
    return tuple(_order(row) for row in _decode_orders(body))


def order_report(body: bytes) -> OrderReport:
    """What became of one order."""
    return _report(_decode_order(body))


def order_history(body: bytes) -> tuple[OrderReport, ...]:
    """The life of past orders, oldest first."""
    return tuple(_report(row) for row in _decode_orders(body))
