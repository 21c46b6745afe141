"""What happened to a trader's accounts, newest first: loaded and authorised in one place."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Case, F, QuerySet, When
from django.shortcuts import get_object_or_404
from django.utils import timezone

from tenants.models import User
from trading.models import (
    Fill,
    FundingPayment,
    LedgerEntry,
    Liquidation,
    MarginChange,
    SettingChange,
    VenueAccount,
)
from trading.venues.snapshots import PositionSide

SHOWN = 50
Row = TypeVar("Row", Fill, MarginChange, SettingChange)
# What stands among liquidations and fills is no transfer.
NO_TRANSFERS = ("liquidation", "LIQUIDATION", "ADL")
# A notice of a liquidation stays until it is put away, and for so long at most.
NOTICE_FOR = timedelta(days=3)
NOTICES = 3
# A position's whole life may be long; its story tells the last of it.
STORY_ROWS = 12
# So many executions are taken back to find where a position began.
LIFE = 2000
# What was held after an execution that says what it found.
LEFT = F("start_position") + Case(When(is_buy=True, then=F("size")), default=-F("size"))


def recent_fills(accounts: Iterable[VenueAccount]) -> list[Fill]:
    """The newest executions."""
    return list(Fill.objects.filter(account__in=list(accounts)).select_related("market")[:SHOWN])


def recent_margin_changes(accounts: Iterable[VenueAccount]) -> list[MarginChange]:
    """The newest margin changes."""
    rows = MarginChange.objects.filter(account__in=list(accounts)).select_related("market", "command")
    return list(rows[:SHOWN])


def recent_funding(accounts: Iterable[VenueAccount]) -> list[FundingPayment]:
    """The newest funding payments."""
    return list(FundingPayment.objects.filter(account__in=list(accounts)).select_related("market")[:SHOWN])


def recent_transfers(accounts: Iterable[VenueAccount]) -> list[LedgerEntry]:
    """The newest deposits, withdrawals and whatever else moved the balance beside trading."""
    entries = LedgerEntry.objects.filter(account__in=list(accounts)).exclude(kind__in=NO_TRANSFERS)
    return list(entries.select_related("account")[:SHOWN])


def recent_liquidations(accounts: Iterable[VenueAccount]) -> list[Liquidation]:
    """The newest liquidations."""
    rows = Liquidation.objects.filter(account__in=list(accounts)).select_related("market")
    return list(rows.defer("path")[:SHOWN])


def noticed_last(accounts: Iterable[VenueAccount]) -> list[Liquidation]:
    """Liquidations that the trader has not put away yet, newest first."""
    rows = Liquidation.objects.filter(
        account__in=list(accounts), noticed_at=None, happened_at__gte=timezone.now() - NOTICE_FOR
    )
    return list(rows.select_related("market").defer("path")[:NOTICES])


def liquidation_of(trader: User, liquidation_id: int) -> Liquidation:
    """One of a trader's own liquidations."""
    rows = Liquidation.objects.filter(account__trader=trader).select_related("market", "account")
    found: Liquidation = get_object_or_404(rows, pk=liquidation_id)
    return found


def note_liquidation(row: Liquidation) -> None:
    """Keep that the trader has put the notice away."""
    Liquidation.objects.filter(pk=row.pk, noticed_at=None).update(noticed_at=timezone.now())


@dataclass(frozen=True, slots=True)
class Story:
    """A liquidation and what led to it, oldest first: what happened in its market since the position was opened."""

    liquidation: Liquidation
    fills: tuple[Fill, ...]
    margin_changes: tuple[MarginChange, ...]
    setting_changes: tuple[SettingChange, ...]
    funding: tuple[FundingPayment, ...]


def story_of(row: Liquidation) -> Story:
    """Everything on record of the position that was liquidated, in a fixed number of queries."""
    since = _since(row)
    market = {"account": row.account_id, "market": row.market_id, "happened_at__lte": row.ended_at}
    return Story(
        liquidation=row,
        fills=_oldest_first(Fill.objects.filter(**market, **since)),
        margin_changes=_oldest_first(MarginChange.objects.filter(**market, **since)),
        setting_changes=_oldest_first(SettingChange.objects.filter(**market, **since)),
        funding=tuple(FundingPayment.objects.filter(**market, **since).order_by("happened_at")),
    )


def _since(row: Liquidation) -> dict[str, datetime]:
    """What tells the position's own rows from older ones: they came with the execution that opened it, or turned an
    earlier one to it, or else after the last that ended an earlier one; all are its own where neither is on record.
    Which leg of a hedge was traded is not told."""
    if row.position_side != PositionSide.BOTH:
        return {}
    fills = Fill.objects.filter(account=row.account_id, market=row.market_id, happened_at__lte=row.happened_at)
    told = fills.annotate(left=LEFT)
    before, after = ("lte", "gt") if row.size_before > 0 else ("gte", "lt")
    opened = _last_of(told.filter(**{f"start_position__{before}": 0, f"left__{after}": 0}))
    ended = _last_of(told.filter(**{f"left__{before}": 0}, happened_at__lt=row.happened_at))
    if ended is not None and (opened is None or opened < ended):
        return {"happened_at__gt": ended}
    opened = opened or _reckoned_opening(row, fills)
    return {} if opened is None else {"happened_at__gte": opened}


def _last_of(fills: QuerySet[Fill]) -> datetime | None:
    at: datetime | None = fills.order_by("-happened_at").values_list("happened_at", flat=True).first()
    return at


def _reckoned_opening(row: Liquidation, fills: QuerySet[Fill]) -> datetime | None:
    """By taking back, one by one, the executions that do not say what they found; none does at Aster."""
    untold = fills.filter(start_position=None, happened_at__lt=row.happened_at).order_by("-happened_at", "-pk")
    held = row.size_before
    for at, is_buy, size in untold.values_list("happened_at", "is_buy", "size")[:LIFE]:
        held -= size if is_buy else -size
        if held == 0 or (held > 0) != (row.size_before > 0):
            opened: datetime = at
            return opened
    return None


def _oldest_first(rows: QuerySet[Row]) -> tuple[Row, ...]:
    return tuple(reversed(rows.order_by("-happened_at", "-pk")[:STORY_ROWS]))
