"""Hyperliquid's record of an account as typed records: fills, funding, ledger (Hyperliquid 2.5).

Lists come back oldest first and without repeats, whatever order the venue chose: time ranges are inclusive on both
sides, so pages overlap.
"""

import re
import zlib
from decimal import Decimal
from typing import Literal

import msgspec

from trading.venues.base import (
    Fill,
    FundingPayment,
    LedgerEntry,
    LiquidationMark,
)
from trading.venues.decoding import Decoder, Record, moment, oldest_first

ZERO = Decimal(0)


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


_decode_fills = Decoder(list[_Fill], "userFills")
_decode_funding = Decoder(list[_Funding], "userFunding")
_decode_ledger = Decoder(list[_Ledger], "userNonFundingLedgerUpdates")
_decode_delta = Decoder(_LedgerDelta, "ledger entry")


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


def is_perpetual(coin: str) -> bool:
    """Whether a coin names a perpetual market and not a spot pair or an outcome (Hyperliquid 1.2)."""
    return re.match(r"[@#]|.*/", coin) is None
