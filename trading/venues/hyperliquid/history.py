"""Hyperliquid's orders, fills, payments, candles and books as typed records (Hyperliquid 2.2, 2.4, 2.5, 2.7).

Lists come back oldest first and without repeats, whatever order the venue chose: time ranges are inclusive on both
sides, so pages overlap.
"""

import logging
import zlib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal, TypeVar

import msgspec

from trading.margin.types import FeeRates
from trading.venues.base import (
    Agent,
    Book,
    BookLevel,
    Candle,
    Fill,
    FundingPayment,
    LedgerEntry,
    LiquidationMark,
    OpenOrder,
    OrderReport,
    OrderState,
    OrderTrigger,
    RequestAllowance,
    TimeInForce,
    Trade,
    TriggerKind,
)
from trading.venues.errors import UnknownState
from trading.venues.hyperliquid.decoding import Decoder, Record, moment
from trading.venues.hyperliquid.wire import BUILDER_FEE_UNIT

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

R = TypeVar("R", FundingPayment, Fill, LedgerEntry, Trade)


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


class _Liquidation(Record, frozen=True):
    mark_px: Decimal
    method: str
    liquidated_user: str = ""


class _Fill(Record, frozen=True):
    coin: str
    px: Decimal
    sz: Decimal
    side: Literal["A", "B"]
    time: int
    oid: int
    closed_pnl: Decimal
    crossed: bool
    dir: str
    start_position: Decimal | None = None
    hash: str = ""
    tid: int | None = None
    fee: Decimal | None = None
    builder_fee: Decimal = ZERO
    fee_token: str = "USDC"  # noqa: S105 - a coin; rows of 2023 do not name it
    cloid: str | None = None
    liquidation: _Liquidation | None = None


class _FundingDelta(Record, frozen=True):
    coin: str
    usdc: Decimal
    szi: Decimal
    funding_rate: Decimal


class _Funding(Record, frozen=True):
    time: int
    delta: _FundingDelta


class _Ledger(Record, frozen=True):
    time: int
    hash: str
    delta: msgspec.Raw


class _LedgerDelta(Record, frozen=True):
    type: str
    usdc: Decimal | None = None
    to_perp: bool = False


class _Candle(Record, frozen=True):
    opened: int = msgspec.field(name="t")
    closed: int = msgspec.field(name="T")
    symbol: str = msgspec.field(name="s")
    open: Decimal = msgspec.field(name="o")
    close: Decimal = msgspec.field(name="c")
    high: Decimal = msgspec.field(name="h")
    low: Decimal = msgspec.field(name="l")
    volume: Decimal = msgspec.field(name="v")
    trades: int = msgspec.field(name="n")


class _Level(Record, frozen=True):
    px: Decimal
    sz: Decimal
    n: int


class _Book(Record, frozen=True):
    coin: str
    time: int
    levels: tuple[list[_Level], list[_Level]]


class _Fees(Record, frozen=True):
    user_cross_rate: Decimal
    user_add_rate: Decimal
    active_referral_discount: Decimal = ZERO


class _Trade(Record, frozen=True):
    coin: str
    side: Literal["A", "B"]
    px: Decimal
    sz: Decimal
    time: int
    tid: int


class _Allowance(Record, frozen=True):
    n_requests_used: int
    n_requests_cap: int


class _Agent(Record, frozen=True):
    name: str
    address: str
    valid_until: int


_decode_orders = Decoder(list[_Order], "frontendOpenOrders")
_decode_updates = Decoder(list[_OrderUpdate], "historicalOrders")
_decode_status = Decoder(_OrderStatus, "orderStatus")
_decode_fills = Decoder(list[_Fill], "userFills")
_decode_funding = Decoder(list[_Funding], "userFunding")
_decode_ledger = Decoder(list[_Ledger], "userNonFundingLedgerUpdates")
_decode_delta = Decoder(_LedgerDelta, "ledger entry")
_decode_candles = Decoder(list[_Candle], "candleSnapshot")
_decode_book = Decoder(_Book, "l2Book")
_decode_fees = Decoder(_Fees, "userFees")
_decode_agents = Decoder(list[_Agent], "extraAgents")
_decode_trades = Decoder(list[_Trade], "recentTrades")
_decode_allowance = Decoder(_Allowance, "userRateLimit")
_decode_builder_fee = Decoder(int, "maxBuilderFee")


def oldest_first(records: Sequence[R], keys: Iterable[object]) -> tuple[R, ...]:
    """The records by time, each key once. Rows of one moment keep the order in which the venue executed them."""
    unique = list(dict(zip(keys, records, strict=True)).values())
    if unique and unique[0].time > unique[-1].time:
        unique.reverse()
    return tuple(sorted(unique, key=lambda record: record.time))


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


def _fill_key(row: _Fill) -> str:
    """``(time, coin, tid)`` is unique (Hyperliquid 2.5); rows of 2023 have no tid."""
    tail = f"{row.tid}" if row.tid is not None else f"{row.hash}-{row.oid}-{row.start_position}"
    return f"{row.time}-{row.coin}-{tail}"


def _fill(row: _Fill) -> Fill:
    mark = row.liquidation
    return Fill(
        key=_fill_key(row),
        market=row.coin,
        order_id=row.oid,
        client_id=row.cloid,
        is_buy=row.side == "B",
        price=row.px,
        size=row.sz,
        time=moment(row.time),
        closed_pnl=row.closed_pnl,
        fee=row.fee,
        builder_fee=row.builder_fee,
        fee_token=row.fee_token,
        is_taker=row.crossed,
        start_position=row.start_position,
        direction=row.dir,
        liquidation=None if mark is None else LiquidationMark(mark.liquidated_user, mark.mark_px, mark.method),
    )


def fills(body: bytes) -> tuple[Fill, ...]:
    """Executions, oldest first, each once."""
    records = [_fill(row) for row in _decode_fills(body)]
    return oldest_first(records, (record.key for record in records))


def funding(body: bytes) -> tuple[FundingPayment, ...]:
    """Funding payments, oldest first, each once; above zero was received (Hyperliquid 2.5)."""
    records = [
        FundingPayment(row.delta.coin, moment(row.time), row.delta.usdc, row.delta.szi, row.delta.funding_rate)
        for row in _decode_funding(body)
    ]
    return oldest_first(records, ((record.time, record.market) for record in records))


def _ledger(row: _Ledger) -> LedgerEntry:
    delta = _decode_delta(row.delta)
    amount = None
    if delta.usdc is not None and delta.type in {"deposit", "withdraw", "accountClassTransfer"}:
        incoming = delta.type == "deposit" or delta.to_perp
        amount = delta.usdc if incoming else -delta.usdc
    details = bytes(row.delta)
    key = f"{row.time}-{row.hash}-{delta.type}-{zlib.crc32(details):08x}"
    return LedgerEntry(key, delta.type, moment(row.time), amount, details.decode())


def ledger(body: bytes) -> tuple[LedgerEntry, ...]:
    """Balance changes besides trades and funding, oldest first, each once."""
    records = [_ledger(row) for row in _decode_ledger(body)]
    return oldest_first(records, (record.key for record in records))


def candles(body: bytes) -> tuple[Candle, ...]:
    """Price history in the venue's order (oldest first)."""
    return tuple(
        Candle(
            row.symbol,
            moment(row.opened),
            moment(row.closed),
            row.open,
            row.high,
            row.low,
            row.close,
            row.volume,
            row.trades,
        )
        for row in _decode_candles(body)
    )


def book(body: bytes) -> Book:
    """The order book, best price first."""
    row = _decode_book(body)
    bids, asks = (tuple(BookLevel(level.px, level.sz, level.n) for level in side) for side in row.levels)
    return Book(row.coin, moment(row.time), bids, asks)


def trades(body: bytes) -> tuple[Trade, ...]:
    """Public trades, oldest first, each once."""
    records = [
        Trade(f"{row.time}-{row.tid}", row.coin, moment(row.time), row.side == "B", row.px, row.sz)
        for row in _decode_trades(body)
    ]
    return oldest_first(records, (record.key for record in records))


def request_allowance(body: bytes) -> RequestAllowance:
    """What an address may still send."""
    row = _decode_allowance(body)
    return RequestAllowance(row.n_requests_used, row.n_requests_cap)


def fee_rates(body: bytes) -> FeeRates:
    """The account's rates: tier and staking are in them, the referral discount still comes off (Hyperliquid 2.7)."""
    row = _decode_fees(body)
    kept = 1 - row.active_referral_discount
    maker = row.user_add_rate
    return FeeRates(taker=row.user_cross_rate * kept, maker=maker * kept if maker > 0 else maker)


def agents(body: bytes) -> tuple[Agent, ...]:
    """The named trading keys of an account."""
    return tuple(Agent(row.name, row.address, moment(row.valid_until)) for row in _decode_agents(body))


def builder_fee(body: bytes) -> Decimal:
    """The highest fee rate that an account allows a builder; zero when none was approved (Hyperliquid 8)."""
    return _decode_builder_fee(body) * BUILDER_FEE_UNIT
