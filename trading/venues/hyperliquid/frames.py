"""Hyperliquid's stream frames in our words (Hyperliquid 6). Pure.

Frames about an account that do not tell all of it are ``Part``: the stream puts them together. ``orderUpdates`` and
``userEvents`` do not say whose they are, so on a connection that several traders share they are worth nothing; the
channels used here name their user and are complete, or are told apart by keys.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from trading.venues.base import MarketState, OpenOrder
from trading.venues.decoding import Decoder, Record
from trading.venues.errors import Malformed, UnknownState
from trading.venues.hyperliquid import history, markets, orders
from trading.venues.streaming import (
    BookFrame,
    CandleFrame,
    Complaint,
    FillsFrame,
    Frame,
    FundingFrame,
    LedgerFrame,
    SignOfLife,
    StateFrame,
    TradesFrame,
    Unreadable,
)


@dataclass(frozen=True, slots=True)
class StatesPart:
    """An account's money and positions on every book, each as the venue writes it."""

    address: str
    states: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class SpotPart:
    """An account's tokens, as the venue writes them."""

    address: str
    state: bytes


@dataclass(frozen=True, slots=True)
class OrdersPart:
    """Every resting order of an account on one book."""

    address: str
    dex: str
    orders: tuple[OpenOrder, ...]


Part = StatesPart | SpotPart | OrdersPart


class _Envelope(Record, frozen=True):
    channel: str
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Context(Record, frozen=True):
    funding: Decimal
    open_interest: Decimal
    prev_day_px: Decimal
    day_ntl_vlm: Decimal
    oracle_px: Decimal
    mark_px: Decimal
    mid_px: Decimal | None = None


class _ActiveContext(Record, frozen=True):
    coin: str
    ctx: _Context


class _Interval(Record, frozen=True):
    interval: str = msgspec.field(name="i")


class _States(Record, frozen=True):
    user: str
    clearinghouse_states: list[tuple[str, msgspec.Raw]]


class _Spot(Record, frozen=True):
    user: str
    spot_state: msgspec.Raw


class _Orders(Record, frozen=True):
    user: str
    orders: msgspec.Raw
    dex: str = ""


class _Fills(Record, frozen=True):
    user: str
    fills: msgspec.Raw
    is_snapshot: bool = False


class _Fundings(Record, frozen=True):
    user: str
    fundings: list[dict[str, msgspec.Raw]]
    is_snapshot: bool = False


class _Ledger(Record, frozen=True):
    user: str
    non_funding_ledger_updates: msgspec.Raw
    is_snapshot: bool = False


_envelopes = msgspec.json.Decoder(_Envelope)
_decode_context = Decoder(_ActiveContext, "activeAssetCtx")
_decode_interval = Decoder(_Interval, "candle")
_decode_complaint = Decoder(str, "error")
_decode_states = Decoder(_States, "allDexsClearinghouseState")
_decode_spot = Decoder(_Spot, "spotState")
_decode_orders = Decoder(_Orders, "openOrders")
_decode_fills = Decoder(_Fills, "userFills")
_decode_fundings = Decoder(_Fundings, "userFundings")
_decode_ledger = Decoder(_Ledger, "userNonFundingLedgerUpdates")


def parse(text: str | bytes) -> Frame | Part:
    """One frame. Never raises: what cannot be understood is ``Unreadable``.

    The first text on a connection may be a plain line and no JSON at all (Hyperliquid 6): a sign of life.
    """
    try:
        envelope = _envelopes.decode(text)
    except msgspec.ValidationError as error:
        return Unreadable(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        is_plain = text[:1] not in ("{", b"{")
        return SignOfLife("") if is_plain else Unreadable(str(error))
    read = READERS.get(envelope.channel)
    if read is None:
        return SignOfLife(envelope.channel)
    try:
        return read(envelope.data)
    except (Malformed, UnknownState) as error:
        return Unreadable(error.cause)


def _state(data: msgspec.Raw) -> Frame:
    row = _decode_context(data)
    context = row.ctx
    return StateFrame(
        MarketState(
            name=row.coin,
            mark=context.mark_px,
            oracle=context.oracle_px,
            mid=context.mid_px,
            previous_day_price=context.prev_day_px,
            funding_rate=context.funding,
            open_interest=context.open_interest,
            day_volume=context.day_ntl_vlm,
        )
    )


def _book(data: msgspec.Raw) -> Frame:
    return BookFrame(markets.book(bytes(data)))


def _trades(data: msgspec.Raw) -> Frame:
    rows = markets.trades(bytes(data))
    if len({row.market for row in rows}) != 1:
        return SignOfLife("trades") if not rows else Unreadable("trades of several markets")
    return TradesFrame(rows[0].market, rows)


def _candle(data: msgspec.Raw) -> Frame:
    interval = _decode_interval(data).interval
    (candle,) = markets.candles(b"[" + bytes(data) + b"]")
    return CandleFrame(interval, candle)


def _complaint(data: msgspec.Raw) -> Frame:
    return Complaint(_decode_complaint(data))


def _states(data: msgspec.Raw) -> Part:
    row = _decode_states(data)
    return StatesPart(row.user.lower(), tuple((dex, bytes(state)) for dex, state in row.clearinghouse_states))


def _spot(data: msgspec.Raw) -> Part:
    row = _decode_spot(data)
    return SpotPart(row.user.lower(), bytes(row.spot_state))


def _open_orders(data: msgspec.Raw) -> Part:
    row = _decode_orders(data)
    return OrdersPart(row.user.lower(), row.dex, orders.open_orders(bytes(row.orders)))


def _fills(data: msgspec.Raw) -> Frame:
    """Executions on perpetual markets; those of spot pairs come in the same frames (Hyperliquid 1.2)."""
    row = _decode_fills(data)
    fills = tuple(fill for fill in history.fills(bytes(row.fills)) if history.is_perpetual(fill.market))
    return FillsFrame(row.user.lower(), fills, row.is_snapshot)


def _fundings(data: msgspec.Raw) -> Frame:
    """The rows are flat here and nested in the answer to a read (Hyperliquid 2.5, 6)."""
    row = _decode_fundings(data)
    nested = [{"time": one.get("time"), "delta": one} for one in row.fundings]
    return FundingFrame(row.user.lower(), history.funding(msgspec.json.encode(nested)), row.is_snapshot)


def _ledger(data: msgspec.Raw) -> Frame:
    row = _decode_ledger(data)
    address = row.user.lower()
    entries = history.ledger(bytes(row.non_funding_ledger_updates), address)
    return LedgerFrame(address, entries, row.is_snapshot)


READERS: dict[str, Callable[[msgspec.Raw], Frame | Part]] = {
    "activeAssetCtx": _state,
    "l2Book": _book,
    "trades": _trades,
    "candle": _candle,
    "error": _complaint,
    "allDexsClearinghouseState": _states,
    "spotState": _spot,
    "openOrders": _open_orders,
    "userFills": _fills,
    "userFundings": _fundings,
    "userNonFundingLedgerUpdates": _ledger,
}
