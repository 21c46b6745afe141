"""Aster's record of an account as typed records: fills, income, collateral changes, forced orders (Aster 3.6, 3.7).

Lists come back oldest first and without repeats: time ranges are inclusive on both sides, so pages overlap.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from trading.venues.base import Fill, FundingPayment, LedgerEntry, MarginMove
from trading.venues.decoding import Decoder, Record, moment, oldest_first

ZERO = Decimal(0)
FUNDING = "FUNDING_FEE"
# What a fill books is told by the fill itself.
OF_FILLS = frozenset({FUNDING, "COMMISSION", "REALIZED_PNL"})


class _Fill(Record, frozen=True):
    symbol: str
    id: int
    order_id: int
    side: Literal["BUY", "SELL"]
    price: Decimal
    qty: Decimal
    realized_pnl: Decimal
    commission: Decimal
    commission_asset: str
    maker: bool
    time: int
    position_side: str = "BOTH"


class _Income(Record, frozen=True):
    symbol: str
    income_type: str
    income: Decimal
    asset: str
    time: int
    tran_id: int | str
    info: str = ""


class _Move(Record, frozen=True):
    symbol: str
    amount: Decimal
    time: int
    type: Literal[1, 2]
    delta_type: str = ""
    client_tran_id: str = ""


class _Forced(Record, frozen=True):
    order_id: int
    time: int
    client_order_id: str


_decode_fills = Decoder(list[_Fill], "userTrades")
_decode_income = Decoder(list[_Income], "income")
_decode_moves = Decoder(list[_Move], "positionMargin/history")
_decode_forced = Decoder(list[msgspec.Raw], "forceOrders")
_decode_forced_row = Decoder(_Forced, "forced order")


def _fee(row: _Fill, paid: Decimal) -> Decimal:
    """What an execution cost, below zero for a maker's rebate. ``paid`` is a commission that was paid, in the same
    list; a taker always pays."""
    is_rebate = row.maker and row.commission * paid < 0
    return -abs(row.commission) if is_rebate else abs(row.commission)


def _paid_in(rows: Iterable[_Fill]) -> Decimal:
    """A commission of the list that was certainly paid: a taker's. Zero where there is none."""
    return next((row.commission for row in rows if not row.maker and row.commission), ZERO)


def _fill(row: _Fill, paid: Decimal) -> Fill:
    return Fill(
        key=f"{row.symbol}-{row.id}",
        market=row.symbol,
        order_id=row.order_id,
        client_id=None,
        is_buy=row.side == "BUY",
        price=row.price,
        size=row.qty,
        time=moment(row.time),
        closed_pnl=row.realized_pnl,
        fee=_fee(row, paid),
        builder_fee=ZERO,
        fee_token=row.commission_asset,
        is_taker=not row.maker,
        start_position=None,
        direction=row.side if row.position_side == "BOTH" else f"{row.side} {row.position_side}",
    )


def fills(body: bytes, paid: Decimal = ZERO) -> tuple[Fill, ...]:
    """Executions, oldest first, each once. The venue names neither client id nor builder's share.

    The documents print a paid commission below zero, the stream above (Aster 3.7). ``paid`` has the sign of one
    that was paid; without it the takers of the list tell, and where there are none, a commission counts as paid.
    """
    rows = _decode_fills(body)
    told = paid or _paid_in(rows)
    records = [_fill(row, told) for row in rows]
    return oldest_first(records, (record.key for record in records))


class IncomeRow(msgspec.Struct, frozen=True):
    """One booking with its key, unique in an account (Aster 3.7)."""

    key: str
    time: datetime
    row: _Income


def income(body: bytes) -> tuple[IncomeRow, ...]:
    """Bookings, oldest first, each once."""
    records = [IncomeRow(f"{row.tran_id}-{row.income_type}", moment(row.time), row) for row in _decode_income(body)]
    return oldest_first(records, (record.key for record in records))


def funding_payment(booking: IncomeRow) -> FundingPayment:
    """A booking of funding; above zero was received. The venue names neither size nor rate: both stand as zero."""
    return FundingPayment(booking.row.symbol, booking.time, booking.row.income, ZERO, ZERO, booking.key)


def ledger_entry(booking: IncomeRow) -> LedgerEntry:
    """A booking that is neither a trade nor funding, signed as the venue signs it."""
    details = msgspec.json.encode(booking.row).decode()
    row = booking.row
    return LedgerEntry(booking.key, row.income_type, booking.time, row.income, details, row.asset)


def margin_moves(body: bytes) -> tuple[MarginMove, ...]:
    """Collateral changes of a market, oldest first (Aster 3.6)."""
    records = [
        MarginMove(
            row.symbol,
            moment(row.time),
            row.amount if row.type == 1 else -row.amount,
            row.delta_type != "TRADE",
            row.client_tran_id,
        )
        for row in _decode_moves(body)
    ]
    return tuple(sorted(records, key=lambda record: record.time))


def forced_orders(body: bytes, kind: str) -> tuple[LedgerEntry, ...]:
    """Liquidations and deleveragings as entries without an amount: what they cost is in their fills."""
    records = []
    for raw in _decode_forced(body):
        row = _decode_forced_row(raw)
        records.append(LedgerEntry(f"forced-{row.order_id}", kind, moment(row.time), None, bytes(raw).decode()))
    return oldest_first(records, (record.key for record in records))
