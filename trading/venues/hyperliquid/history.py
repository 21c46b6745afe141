"""Hyperliquid's record of an account as typed records: fills, funding, ledger (Hyperliquid 2.5).

Lists come back oldest first and without repeats, whatever order the venue chose: time ranges are inclusive on both
sides, so pages overlap.
"""

import re
import zlib
from collections.abc import Collection
from decimal import Decimal
from typing import Literal

import msgspec

from trading.venues.base import (
    CollateralMove,
    Fill,
    FundingPayment,
    LedgerEntry,
    LiquidationMark,
)
from trading.venues.decoding import Decoder, Record, moment, oldest_first

ZERO = Decimal(0)
MAIN = ""
# The venue's words for an auto-deleveraging (3.10), as its public record of 10 October 2025 has them. The mark of the
# liquidation beside them names the other side.
DELEVERAGED = "Auto-Deleveraging"


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
    user: str = ""
    destination: str = ""
    source_dex: str = ""
    destination_dex: str = ""
    token: str = ""
    amount: Decimal | None = None
    fee: Decimal = ZERO
    nonce: int | None = None


_decode_fills = Decoder(list[_Fill], "userFills")
_decode_funding = Decoder(list[_Funding], "userFunding")
_decode_ledger = Decoder(list[_Ledger], "userNonFundingLedgerUpdates")
_decode_delta = Decoder(_LedgerDelta, "ledger entry")
_decode_whole = Decoder(dict[str, object], "ledger entry")
_sorted = msgspec.json.Encoder(order="sorted")


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
        is_deleveraged=row.dir == DELEVERAGED,
    )


def fills(body: bytes) -> tuple[Fill, ...]:
    """Executions, oldest first, each once."""
    records = [_fill(row) for row in _decode_fills(body)]
    return oldest_first(records, (record.key for record in records))


def funding(body: bytes) -> tuple[FundingPayment, ...]:
    """Funding payments, oldest first, each once; above zero was received (Hyperliquid 2.5)."""
    records = [
        FundingPayment(
            row.delta.coin,
            moment(row.time),
            row.delta.usdc,
            row.delta.szi,
            row.delta.funding_rate,
            f"{row.time}-{row.delta.coin}",
        )
        for row in _decode_funding(body)
    ]
    return oldest_first(records, (record.key for record in records))


def _ledger(row: _Ledger, address: str) -> LedgerEntry:
    delta = _decode_delta(row.delta)
    key = f"{row.time}-{row.hash}-{delta.type}-{_digest(row.delta):08x}"
    return LedgerEntry(key, delta.type, moment(row.time), _change(delta, address), bytes(row.delta).decode())


def _digest(delta: msgspec.Raw) -> int:
    """Tells apart what one transaction booked. The order of a JSON object's fields has no meaning (RFC 8259, 4), so a
    stream and a read may each write their own."""
    return zlib.crc32(_sorted.encode(_decode_whole(delta)))


def _change(delta: _LedgerDelta, address: str) -> Decimal | None:
    """What the row did to the perpetuals balance of the main book; None where it does not say."""
    is_incoming = delta.destination.lower() == address
    match delta:
        case _LedgerDelta(type="send", token="USDC", amount=Decimal() as amount):
            return _sent(delta, amount, address)
        case _LedgerDelta(type="internalTransfer", usdc=Decimal() as amount) if address:
            return amount if is_incoming else -amount - delta.fee
        case _LedgerDelta(type="deposit" | "withdraw" | "accountClassTransfer", usdc=Decimal() as amount):
            return amount if delta.type == "deposit" or delta.to_perp else -amount
        case _:
            return None


def _sent(delta: _LedgerDelta, amount: Decimal, address: str) -> Decimal | None:
    """A transfer between places: spot, the main book, builder-deployed ones."""
    if delta.user == delta.destination:
        return amount * ((delta.destination_dex == MAIN) - (delta.source_dex == MAIN))
    is_incoming = delta.destination.lower() == address
    place = delta.destination_dex if is_incoming else delta.source_dex
    if not address or place != MAIN:
        return None
    return amount if is_incoming else -amount


def ledger(body: bytes, address: str = "") -> tuple[LedgerEntry, ...]:
    """Balance changes besides trades and funding, oldest first, each once; ``address`` is whose they are, in lower
    case. Without it a transfer to or from others has no amount."""
    records = [_ledger(row, address) for row in _decode_ledger(body)]
    return oldest_first(records, (record.key for record in records))


def moves(body: bytes, address: str) -> tuple[CollateralMove, ...]:
    """What moved between the books of ``address`` itself, oldest first."""
    rows = [(row, _decode_delta(row.delta)) for row in _decode_ledger(body)]
    found = [
        CollateralMove(
            moment(row.time), delta.source_dex, delta.destination_dex, delta.token, delta.amount, delta.nonce
        )
        for row, delta in rows
        if delta.type == "send" and delta.amount is not None and _is_within(delta, address)
    ]
    return tuple(sorted(found, key=lambda move: move.time))


def moved_within(details: str, books: Collection[str]) -> Decimal | None:
    """What a recorded transfer between an account's own places did to those of its books together: nothing where it
    went from one to another. None for any other record."""
    delta = _decode_delta(details.encode())
    if delta.type != "send" or delta.amount is None or not _is_within(delta, delta.user.lower()):
        return None
    return delta.amount * ((delta.destination_dex in books) - (delta.source_dex in books))


def _is_within(delta: _LedgerDelta, address: str) -> bool:
    return delta.user.lower() == delta.destination.lower() == address


def is_perpetual(coin: str) -> bool:
    """Whether a coin names a perpetual market and not a spot pair or an outcome (Hyperliquid 1.2)."""
    return re.match(r"[@#]|.*/", coin) is None
