"""What a venue answered to one reading of an account, written to our rows in one transaction.

Answers count by the venue's time and the number of the reading (``trading.services.readings``); events count once by
the venue's own keys. With the executions of what is shown, everything has to add up (``trading.services.differences``);
until it does, the account is behind.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from trading.models import Market, Order, VenueAccount
from trading.services import executions
from trading.services.apply_account import apply_snapshot
from trading.services.apply_history import apply_fills, apply_funding, apply_ledger, mark_forced_fills
from trading.services.apply_orders import apply_orders
from trading.services.differences import examine
from trading.services.history import record_margin_changes
from trading.services.liquidations import EPISODE, note_remaining, record_liquidations
from trading.services.readings import Explained, Reading, locked
from trading.venues.base import AccountSnapshot, Fill, FundingPayment, LedgerEntry, OpenOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a venue answered to one reading; None stands for what was not asked. ``since`` is the first moment that the
    lists of events cover; ``only`` are the markets that the orders are complete for, where not for all."""

    since: datetime
    snapshot: AccountSnapshot | None = None
    orders: tuple[OpenOrder, ...] | None = None
    only: tuple[Market, ...] = ()
    fills: tuple[Fill, ...] | None = None
    funding: tuple[FundingPayment, ...] | None = None
    ledger: tuple[LedgerEntry, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What became of the answers. ``untold`` are orders that are gone and of which nobody has said how they ended, and
    ``are_resting`` says whether any are in the list; ``adds_up`` is False where funding and ledger have to be read to
    explain the account's figures; ``is_liquidated`` where there was a new liquidation."""

    untold: tuple[Order, ...] = ()
    are_resting: bool = False
    adds_up: bool = True
    is_liquidated: bool = False


def store(
    account: VenueAccount, reading: Reading, answers: Answers, *, snapshot: AccountSnapshot | None = None
) -> Stored:
    """Write every answer of a reading in one transaction. ``snapshot`` is this reading's if it is stored already."""
    shown = answers.snapshot or snapshot
    with transaction.atomic():
        row = locked(account)
        explained = Explained.NO if answers.fills is None else Explained.YES
        if answers.snapshot is not None:
            apply_snapshot(row, answers.snapshot, reading, explained)
        untold = None
        if answers.orders is not None:
            untold = apply_orders(row, answers.orders, reading.began_at, reading.number, answers.only)
        since = _store_events(row, answers)
        is_told = answers.fills is not None or answers.ledger is not None
        is_liquidated = bool(is_told and record_liquidations(row, since))
        _move_cursors(row, reading, answers, shown)
        row.refresh_from_db()
        adds_up = True
        if shown is not None and answers.fills is not None and row.account_reading == reading.number:
            record_margin_changes(row, reading.began_at)
            note_remaining(row, shown.venue_time, shown.equity)
            adds_up = examine(row, shown, reading.began_at, is_final=answers.ledger is not None)
            if adds_up:
                executions.catch_up(row)
            else:
                executions.fall_behind(row)
    return Stored(
        untold=tuple(untold or ()), are_resting=bool(answers.orders), adds_up=adds_up, is_liquidated=is_liquidated
    )


def _store_events(row: VenueAccount, answers: Answers) -> datetime:
    """Since when anything may have become known: the ledger is read more seldom than executions, and says which of
    them were forced, and of those around its entries what they took."""
    if answers.fills is not None:
        apply_fills(row, answers.fills)
    if answers.funding is not None:
        apply_funding(row, answers.funding)
    if answers.ledger is not None:
        apply_ledger(row, answers.ledger)
    since = min([answers.since, *(entry.time - EPISODE for entry in answers.ledger or ())])
    mark_forced_fills(row, since)
    return since


def _move_cursors(row: VenueAccount, reading: Reading, answers: Answers, shown: AccountSnapshot | None) -> None:
    """Events are known without a gap up to the snapshot that was read before them."""
    if shown is None:
        return
    until = shown.venue_time.isoformat()
    moved = {name: until for name, told in (("fills", answers.fills), ("history", answers.ledger)) if told is not None}
    newer = {name: max(until, row.cursors.get(name, "")) for name, until in moved.items()}
    if newer:
        read = {"history_read_at": reading.began_at} if answers.ledger is not None else {}
        VenueAccount.objects.filter(pk=row.pk).update(cursors=row.cursors | newer, **read)
