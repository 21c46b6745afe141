"""All that happened to one account, newest first, from every kind of record, a page at a time.

A page begins where the one before it ended (its last entry's time, kind and id), so that the hundredth costs what the
first does: every kind is asked for one page of rows along its own index, and the pages are merged here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from trading.models import (
    ApprovalEvent,
    Command,
    CommandEvent,
    Difference,
    Fill,
    FundingPayment,
    LedgerEntry,
    Liquidation,
    MarginChange,
    SettingChange,
    VenueAccount,
    WalletApproval,
)
from trading.models.events import Event

PAGE = 50
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of record: its name in a cursor, its rows, and the column that says when."""

    name: str
    rows: Callable[[], QuerySet[Any]]
    time: str
    read_id: Callable[[str], object] = int


# The order decides among what happened in one moment.
SOURCES = (
    Source("difference", lambda: Difference.objects.select_related("market"), "found_at"),
    Source("liquidation", lambda: Liquidation.objects.select_related("market").defer("path"), "happened_at"),
    Source("fill", lambda: Fill.objects.select_related("market"), "happened_at"),
    Source("funding", lambda: FundingPayment.objects.select_related("market"), "happened_at"),
    Source("ledger", lambda: LedgerEntry.objects.select_related(None), "happened_at"),
    Source("margin", lambda: MarginChange.objects.select_related("market"), "happened_at"),
    Source("setting", lambda: SettingChange.objects.select_related("market"), "happened_at"),
    Source("command", lambda: Command.objects.select_related("market").defer("body", "burn_body"), "prepared_at", UUID),
    Source("approval", lambda: WalletApproval.objects.defer("body", "agent_key"), "asked_at"),
)
RANKS = {source.name: rank for rank, source in enumerate(SOURCES)}


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended."""

    at: datetime
    rank: int
    pk: object

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{SOURCES[self.rank].name}~{self.pk}"


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry: a row of a source."""

    at: datetime
    rank: int
    row: Any

    @property
    def cursor(self) -> Cursor:
        """Where a page that ends with this entry ends."""
        return Cursor(self.at, self.rank, self.row.pk)


Steps = Mapping[object, tuple[Event, ...]]


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Some entries, the steps of the commands and approvals among them by their row's key, and where the next page
    begins (empty: nowhere)."""

    entries: tuple[Happened, ...]
    steps: Steps
    older: str


def read_cursor(text: str) -> Cursor | None:
    """A cursor out of an address; None for the beginning, and for anything that is no cursor."""
    at, _, rest = text.partition("~")
    name, _, pk = rest.partition("~")
    try:
        rank = RANKS[name]
        moment = datetime.fromisoformat(at)
        return Cursor(moment, rank, SOURCES[rank].read_id(pk)) if moment.tzinfo else None
    except (KeyError, ValueError, OverflowError):
        return None


def timeline(account: VenueAccount, after: Cursor | None) -> TimelinePage:
    """The page that follows ``after``, in as many statements as there are kinds, and one each for the steps of commands
    and of approvals."""
    listed = [_of_source(account, rank, source, after) for rank, source in enumerate(SOURCES)]
    merged = merge(*listed, key=lambda entry: (END_OF_TIME - entry.at, entry.rank))
    entries = tuple(islice(merged, PAGE + 1))
    shown = entries[:PAGE]
    older = str(shown[-1].cursor) if len(entries) > PAGE else ""
    return TimelinePage(shown, _steps_of(entry.row for entry in shown), older)


def _of_source(account: VenueAccount, rank: int, source: Source, after: Cursor | None) -> list[Happened]:
    rows = source.rows().filter(account=account).order_by(f"-{source.time}", "-pk")
    if after is not None:
        rows = rows.filter(_follows(source.time, rank, after))
    return [Happened(getattr(row, source.time), rank, row) for row in rows[: PAGE + 1]]


def _follows(time: str, rank: int, after: Cursor) -> Q:
    """What comes after a cursor among the rows of one source, with a bound that its index can use."""
    if rank < after.rank:
        return Q(**{f"{time}__lt": after.at})
    until = Q(**{f"{time}__lte": after.at})
    if rank > after.rank:
        return until
    return until & (Q(**{f"{time}__lt": after.at}) | Q(pk__lt=after.pk))


def _steps_of(rows: Iterable[Model]) -> Steps:
    shown = list(rows)
    commands = [row.pk for row in shown if isinstance(row, Command)]
    approvals = [row.pk for row in shown if isinstance(row, WalletApproval)]
    steps: dict[object, tuple[Event, ...]] = {}
    for event in CommandEvent.objects.filter(command__in=commands).order_by("pk"):
        steps[event.command_id] = (*steps.get(event.command_id, ()), event)
    for event in ApprovalEvent.objects.filter(approval__in=approvals).order_by("pk"):
        steps[event.approval_id] = (*steps.get(event.approval_id, ()), event)
    return steps
