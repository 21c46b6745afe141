"""Aster's stream frames in our words (Aster 2.3, 2.4). Pure.

A frame of a user stream does not say whose it is: the name of its stream does, so all streams are read combined. The
venue tells no open interest and no funding rate in our unit here; both come with the readings. Messages may arrive out
of order (2.4), so what carries a time carries it on.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Literal

import msgspec

from trading.venues.aster import history, orders
from trading.venues.base import Book, BookLevel, Candle, Trade
from trading.venues.decoding import Decoder, Record, moment
from trading.venues.errors import Malformed, UnknownState
from trading.venues.snapshots import PositionSide
from trading.venues.streaming import (
    BookFrame,
    CandleFrame,
    ChangeFrame,
    Complaint,
    FillsFrame,
    Frame,
    Happening,
    HappeningFrame,
    MarketFrame,
    OrderFrame,
    PrivateFrame,
    SignOfLife,
    TradesFrame,
    Unreadable,
)

ZERO = Decimal(0)
# What the venue calls an order that it took over itself, and how it names one (Aster 2.4).
FORCED_STATES = frozenset({"NEW_INSURANCE", "NEW_ADL"})
FORCED_NAMES = ("autoclose-", "adl_autoclose")
EXPIRED = "listenKeyExpired"
# Why money and positions changed, where that is more than a trade or funding (Aster 2.4).
CHANGES = {"MARGIN_TYPE_CHANGE": Happening.SETTINGS, "MARGIN_TRANSFER": Happening.COLLATERAL}


class Envelope(msgspec.Struct, frozen=True):
    """One message of a combined stream, or an answer to one of ours."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    code: int | None = None
    msg: str = ""


class Event(msgspec.Struct, frozen=True):
    """What every event says of itself."""

    kind: str = msgspec.field(name="e")
    time: int = msgspec.field(name="E", default=0)


class _Mark(Record, frozen=True):
    symbol: str = msgspec.field(name="s")
    time: int = msgspec.field(name="E")
    mark: Decimal = msgspec.field(name="p")
    index: Decimal = msgspec.field(name="i")


class _Day(Record, frozen=True):
    symbol: str = msgspec.field(name="s")
    time: int = msgspec.field(name="E")
    open: Decimal = msgspec.field(name="o")
    quote_volume: Decimal = msgspec.field(name="q")


class _Depth(Record, frozen=True):
    symbol: str = msgspec.field(name="s")
    time: int = msgspec.field(name="T")
    bids: list[tuple[Decimal, Decimal]] = msgspec.field(name="b")
    asks: list[tuple[Decimal, Decimal]] = msgspec.field(name="a")


class _Trade(Record, frozen=True):
    symbol: str = msgspec.field(name="s")
    id: int = msgspec.field(name="a")
    price: Decimal = msgspec.field(name="p")
    size: Decimal = msgspec.field(name="q")
    time: int = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")


class _Bar(Record, frozen=True):
    opened: int = msgspec.field(name="t")
    closed: int = msgspec.field(name="T")
    symbol: str = msgspec.field(name="s")
    interval: str = msgspec.field(name="i")
    open: Decimal = msgspec.field(name="o")
    close: Decimal = msgspec.field(name="c")
    high: Decimal = msgspec.field(name="h")
    low: Decimal = msgspec.field(name="l")
    volume: Decimal = msgspec.field(name="v")
    trades: int = msgspec.field(name="n")


class _Kline(Record, frozen=True):
    bar: _Bar = msgspec.field(name="k")


class _OrderRow(Record, frozen=True):
    """As much of an order's event as is looked at here; the rest is read as the answers to questions are."""

    symbol: str = msgspec.field(name="s")
    client_id: str = msgspec.field(name="c")
    side: Literal["BUY", "SELL"] = msgspec.field(name="S")
    execution: str = msgspec.field(name="x")
    status: str = msgspec.field(name="X")


class _OrderUpdate(Record, frozen=True):
    order: msgspec.Raw = msgspec.field(name="o")


class _Held(Record, frozen=True):
    symbol: str = msgspec.field(name="s")
    amount: Decimal = msgspec.field(name="pa")
    side: Literal["BOTH", "LONG", "SHORT"] = msgspec.field(name="ps", default="BOTH")


class _Change(Record, frozen=True):
    reason: str = msgspec.field(name="m", default="")
    positions: list[_Held] = msgspec.field(name="P", default_factory=list)


class _AccountUpdate(Record, frozen=True):
    change: _Change = msgspec.field(name="a")


_envelopes = msgspec.json.Decoder(Envelope)
_decode_event = Decoder(Event, "event")
_decode_marks = Decoder(list[_Mark], "markPrice")
_decode_days = Decoder(list[_Day], "ticker")
_decode_depth = Decoder(_Depth, "depth")
_decode_trade = Decoder(_Trade, "aggTrade")
_decode_kline = Decoder(_Kline, "kline")
_decode_order_update = Decoder(_OrderUpdate, "ORDER_TRADE_UPDATE")
_decode_order_row = Decoder(_OrderRow, "ORDER_TRADE_UPDATE")
_decode_fields = Decoder(dict[str, msgspec.Raw], "ORDER_TRADE_UPDATE")
_decode_account_update = Decoder(_AccountUpdate, "ACCOUNT_UPDATE")

# The short names of an order's event as the answers to questions spell them (Aster 2.4, 3.7).
ORDER_NAMES = {
    "symbol": "s", "orderId": "i", "side": "S", "status": "X", "type": "o", "price": "p", "origQty": "q",
    "executedQty": "z", "updateTime": "T", "clientOrderId": "c", "origType": "ot", "timeInForce": "f",
    "stopPrice": "sp", "reduceOnly": "R", "closePosition": "cp", "workingType": "wt", "positionSide": "ps",
    "activatePrice": "AP", "priceRate": "cr",
}  # fmt: skip
FILL_NAMES = {
    "symbol": "s", "id": "t", "orderId": "i", "side": "S", "price": "L", "qty": "l", "realizedPnl": "rp",
    "commission": "n", "commissionAsset": "N", "maker": "m", "time": "T", "positionSide": "ps",
}  # fmt: skip
# A commission that was paid stands above zero on the stream, and a maker's rebate below (Aster 3.7).
PAID = Decimal(1)
NO_FEE = {"n": msgspec.Raw(b'"0"'), "N": msgspec.Raw(b'""')}


def envelope(text: str | bytes) -> Envelope | SignOfLife | Complaint | Unreadable:
    """A message of a stream, or what an answer to one of our messages comes to. Never raises."""
    try:
        message = _envelopes.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Unreadable(str(error))
    if message.code is not None or message.msg:
        return Complaint(f"{message.code} {message.msg}")
    return message if message.stream else SignOfLife("answer")


def market_frames(stream: str, data: msgspec.Raw) -> tuple[MarketFrame | Unreadable | SignOfLife, ...]:
    """What one message of a public stream tells. Never raises."""
    name = stream.partition("@")[2] if not stream.startswith("!") else stream.partition("@")[0]
    read = next((reader for start, reader in MARKET_READERS if name.startswith(start)), None)
    if read is None:
        return (SignOfLife(stream),)
    try:
        return read(data)
    except (Malformed, UnknownState) as error:
        return (Unreadable(error.cause),)


def _marks(data: msgspec.Raw) -> tuple[MarketFrame, ...]:
    return tuple(
        ChangeFrame(row.symbol, moment(row.time), (("mark", row.mark), ("oracle", row.index)))
        for row in _decode_marks(data)
    )


def _days(data: msgspec.Raw) -> tuple[MarketFrame, ...]:
    return tuple(
        ChangeFrame(row.symbol, moment(row.time), (("previous_day_price", row.open), ("day_volume", row.quote_volume)))
        for row in _decode_days(data)
    )


def _depth(data: msgspec.Raw) -> tuple[MarketFrame, ...]:
    """The top of the book, whole each time; the price between its best two is the market's mid."""
    row = _decode_depth(data)
    bids = tuple(BookLevel(price, size, 0) for price, size in sorted(row.bids, reverse=True))
    asks = tuple(BookLevel(price, size, 0) for price, size in sorted(row.asks))
    time = moment(row.time)
    mid = (bids[0].price + asks[0].price) / 2 if bids and asks else None
    return BookFrame(Book(row.symbol, time, bids, asks)), ChangeFrame(row.symbol, time, (("mid", mid),))


def _trades(data: msgspec.Raw) -> tuple[MarketFrame, ...]:
    row = _decode_trade(data)
    key = f"{row.symbol}-{row.id:020d}"
    trade = Trade(key, row.symbol, moment(row.time), not row.is_buyer_maker, row.price, row.size)
    return (TradesFrame(row.symbol, (trade,)),)


def _kline(data: msgspec.Raw) -> tuple[MarketFrame, ...]:
    bar = _decode_kline(data).bar
    candle = Candle(
        bar.symbol, moment(bar.opened), moment(bar.closed), bar.open, bar.high, bar.low, bar.close, bar.volume,
        bar.trades,
    )  # fmt: skip
    return (CandleFrame(bar.interval, candle),)


MARKET_READERS: tuple[tuple[str, Callable[[msgspec.Raw], tuple[MarketFrame, ...]]], ...] = (
    ("!markPrice", _marks),
    ("!ticker", _days),
    ("depth20", _depth),
    ("aggTrade", _trades),
    ("kline_", _kline),
)


def account_frames(account: str, data: msgspec.Raw) -> tuple[Frame, ...]:
    """What one event of an account's own stream tells. Never raises."""
    try:
        event = _decode_event(data)
        return _of_account(account, event.kind, data)
    except (Malformed, UnknownState) as error:
        return (Unreadable(error.cause),)


def is_expired(data: msgspec.Raw) -> bool:
    """Whether an event says that the key of its stream has run out."""
    try:
        return _decode_event(data).kind == EXPIRED
    except (Malformed, UnknownState):
        return False


def _of_account(account: str, kind: str, data: msgspec.Raw) -> tuple[PrivateFrame | SignOfLife, ...]:
    match kind:
        case "ORDER_TRADE_UPDATE":
            return _order(account, _decode_order_update(data).order)
        case "ACCOUNT_UPDATE":
            return (_changed(account, _decode_account_update(data).change),)
        case "MARGIN_CALL":
            return (HappeningFrame(account, Happening.MARGIN_CALL),)
        case "ACCOUNT_CONFIG_UPDATE":
            return (HappeningFrame(account, Happening.SETTINGS),)
        case other:
            return (SignOfLife(other),)


def _changed(account: str, change: _Change) -> HappeningFrame:
    """It tells neither what is free nor where a position is liquidated (Aster 2.4)."""
    what = CHANGES.get(change.reason, Happening.POSITION)
    sizes = tuple((row.symbol, PositionSide(row.side.lower()), row.amount) for row in change.positions)
    return HappeningFrame(account, what, change.reason, sizes)


def _order(account: str, data: msgspec.Raw) -> tuple[PrivateFrame, ...]:
    row = _decode_order_row(data)
    fields = _decode_fields(data)
    frames: list[PrivateFrame] = []
    if row.execution == "TRADE":
        listed = b"[" + _renamed(NO_FEE | fields, FILL_NAMES) + b"]"
        frames.append(FillsFrame(account, history.fills(listed, PAID)))
    if row.status in FORCED_STATES or row.execution == "CALCULATED" or row.client_id.startswith(FORCED_NAMES):
        frames.append(HappeningFrame(account, Happening.LIQUIDATION, row.client_id))
    else:
        frames.append(OrderFrame(account, orders.order_report(_renamed(fields, ORDER_NAMES))))
    return tuple(frames)


def _renamed(fields: dict[str, msgspec.Raw], names: dict[str, str]) -> bytes:
    return msgspec.json.encode({name: fields[short] for name, short in names.items() if short in fields})
