"""Reading lists without gaps: windows of time that the venue allows, and pages within them (Aster 3.6, 3.7).

Every function here takes ``ask``, which answers one question for one account, and asks as often as the list is long.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from trading.venues.aster import history, questions
from trading.venues.aster.questions import Question
from trading.venues.aster.wire import MILLISECOND, milliseconds
from trading.venues.base import Candle, Fill, FundingPayment, LedgerEntry, MarginMove, OrderReport, OrderState
from trading.venues.paging import pages

T = TypeVar("T")


class Ask(Protocol):
    """Answers one read."""

    def __call__(self, question: Question[T]) -> T:
        """The parsed answer; raises as ``AsterAdapter.ask`` says."""


WINDOW = timedelta(days=7)
CLOCK_MARGIN = timedelta(minutes=1)  # how far the venue's clock may be ahead of ours


def windows(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Spans of at most 7 days that cover ``since`` to ``until`` and touch without a gap or an overlap; bounds are
    inclusive."""
    start = since
    while start <= until:
        end = start + WINDOW - MILLISECOND
        yield start, end
        start = end + MILLISECOND


def fills(ask: Ask, since: datetime, now: datetime) -> tuple[Fill, ...]:
    """Executions in all markets. The venue lists them by market, and one whose position was not touched since then has
    none to list."""
    first = milliseconds(since)
    symbols = sorted({row.symbol for row in ask(questions.positions()) if row.update_time >= first})
    found = [fill for symbol in symbols for fill in _fills_of(ask, symbol, since, now)]
    return tuple(sorted(found, key=lambda fill: fill.time))


def _fills_of(ask: Ask, symbol: str, since: datetime, now: datetime) -> Iterator[Fill]:
    for start, end in windows(since, now + CLOCK_MARGIN):
        yield from _fills_within(ask, symbol, start, end)


def _fills_within(ask: Ask, symbol: str, start: datetime, end: datetime) -> tuple[Fill, ...]:
    return pages(
        lambda moment: ask(questions.fills(symbol, moment, end)),
        start,
        questions.PAGE,
        key=lambda fill: fill.key,
        time=lambda fill: fill.time,
    )


def funding(ask: Ask, since: datetime) -> tuple[FundingPayment, ...]:
    """Funding payments in all markets."""
    return tuple(history.funding_payment(row) for row in _income(ask, since, history.FUNDING))


def ledger(ask: Ask, since: datetime) -> tuple[LedgerEntry, ...]:
    """What changed the balance besides fills and funding, and the orders by which the venue closed positions."""
    bookings = [
        history.ledger_entry(row) for row in _income(ask, since, None) if row.row.income_type not in history.OF_FILLS
    ]
    forced = [entry for kind in questions.FORCED_KINDS for entry in _forced(ask, since, kind)]
    return tuple(sorted([*bookings, *forced], key=lambda entry: entry.time))


def _income(ask: Ask, since: datetime, kind: str | None) -> tuple[history.IncomeRow, ...]:
    return pages(
        lambda start: ask(questions.income(start, kind)),
        since,
        questions.PAGE,
        key=lambda row: row.key,
        time=lambda row: row.time,
    )


def _forced(ask: Ask, since: datetime, kind: str) -> tuple[LedgerEntry, ...]:
    return pages(
        lambda start: ask(questions.forced_orders(kind, start)),
        since,
        questions.FORCED_PAGE,
        key=lambda entry: entry.key,
        time=lambda entry: entry.time,
    )


def margin_moves(ask: Ask, symbol: str, since: datetime) -> tuple[MarginMove, ...]:
    """Collateral that moved into and out of one market's position."""
    return pages(
        lambda start: ask(questions.margin_moves(symbol, start)),
        since,
        questions.MOVES_PAGE,
        key=lambda move: move,
        time=lambda move: move.time,
    )


def candles(ask: Ask, symbol: str, interval: str, since: datetime, until: datetime) -> tuple[Candle, ...]:
    """Price history of one market between two moments."""
    return pages(
        lambda start: ask(questions.candles(symbol, interval, start, until)),
        since,
        questions.CANDLES_PAGE,
        key=lambda candle: candle.opened_at,
        time=lambda candle: candle.opened_at,
    )


def found_order(ask: Ask, order: int | str, now: datetime) -> OrderReport:
    """An order of the last 7 days by its id or client id, in whatever market; UNKNOWN where there is none."""
    for report in _orders_within(ask, now - WINDOW + CLOCK_MARGIN, now + CLOCK_MARGIN):
        if report.order is not None and order in {report.order.order_id, report.order.client_id}:
            return report
    return OrderReport(OrderState.UNKNOWN, "not among the orders of the last 7 days")


def _orders_within(ask: Ask, start: datetime, end: datetime) -> tuple[OrderReport, ...]:
    return pages(
        lambda moment: ask(questions.order_history(moment, end)),
        start,
        questions.PAGE,
        key=lambda report: report.order and report.order.order_id,
        time=lambda report: report.order.placed_at if report.order else start,
    )
