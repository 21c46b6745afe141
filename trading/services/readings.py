"""Readings of an account at its venue: what can be asked for, and in which order answers count.

Two answers may carry the same venue time and differ all the same (Aster's clock is read beside the account, and a
venue's clock may stand for a moment). So readings are numbered when they begin: the venue's time decides first, then
the number. Both are compared under a lock on the account's row, so that of two workers only one writes at a time.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from trading.connect import gateway_of
from trading.models import Command, Order, Position, VenueAccount
from trading.models.commands import MOVING_STATES, OPEN_STATES, CommandKind
from trading.venues.snapshots import AccountSnapshot, Network, Venue
from trading.venues.tariff import ReadingWeights


class ReadingKind(StrEnum):
    """What is asked of the venue. ``HISTORY`` is funding and the ledger, which are dear and change seldom."""

    ACCOUNT = "account"
    ORDERS = "orders"
    FILLS = "fills"
    HISTORY = "history"


# What an account is, and what happened to it: whether it adds up can be told from these.
WHOLE = frozenset({ReadingKind.ACCOUNT, ReadingKind.ORDERS, ReadingKind.FILLS})
# And what explains it where it does not.
EVERYTHING = frozenset(ReadingKind)
# What a command moves that left nothing in the book.
EXECUTED = frozenset({ReadingKind.ACCOUNT, ReadingKind.FILLS})


# By what the venue said of an order: only one that is filled leaves nothing in the book.
FILLED = "filled"
SETTINGS = (CommandKind.MODE, CommandKind.LEVERAGE)
# Whoever settles a command reads its account; by then that reading is taken to be lost.
SHOWN_WITHIN = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading: its number within the account, and when it began by our clock."""

    number: int
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """What one reading of an account found: money and positions of one moment."""

    account: VenueAccount
    snapshot: AccountSnapshot
    reading: Reading


class Explained(Enum):
    """Whether he who stores figures knows the executions that moved them: all of them, or those that are missing will
    be told soon."""

    YES = "yes"
    SOON = "soon"
    NO = "no"


Explainer = Callable[[AccountSnapshot], Explained]


def nothing_explained(_: AccountSnapshot) -> Explained:
    """Of whoever has read figures and no executions."""
    return Explained.NO


def weights_of(venue: Venue) -> ReadingWeights:
    """What readings cost at a venue as this deployment shows it, with its builder-deployed books."""
    return gateway_of(venue).tariff.readings(len(getattr(settings, f"{venue.name}_DEXES", ())))


def accounts_in_use() -> "QuerySet[VenueAccount]":
    """The accounts that are kept up to date: those that a person's pages show at an operator who is open, and whoever
    has a command that is not settled or that no reading has shown yet, or executions that are still to be read.

    One that was left keeps its history and is read no more, or there would be ever more to read and nobody to look.
    """
    is_shown = Q(is_current=True, trader__is_active=True, operator__is_active=True)
    unsettled = Command.objects.filter(state__in=OPEN_STATES)
    not_shown_yet = Command.objects.filter(state__in=MOVING_STATES, shown_at=None)
    owed = Q(pk__in=unsettled.values("account")) | Q(pk__in=not_shown_yet.values("account"))
    owed |= Q(behind_since__isnull=False)
    found: QuerySet[VenueAccount] = VenueAccount.objects.filter(is_shown | owed)
    return found


def begin_reading(account: VenueAccount) -> Reading:
    """Number a new reading of the account and put on record that it was attempted."""
    begun = begin_readings([account.pk])
    if account.pk not in begun:
        raise VenueAccount.DoesNotExist("The account is gone.")
    return begun[account.pk]


def begin_readings(account_ids: Collection[int]) -> dict[int, Reading]:
    """Number a new reading of each account, and put on record that it was attempted; those that are gone get none."""
    now = timezone.now()
    with connection.cursor() as cursor:
        # Batches that overlap wait for each other in one order.
        cursor.execute(
            "WITH wanted AS (SELECT id FROM trading_venueaccount WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE)"
            " UPDATE trading_venueaccount AS account SET readings = account.readings + 1, attempted_at = %s"
            " FROM wanted WHERE account.id = wanted.id RETURNING account.id, account.readings",
            [list(account_ids), now],
        )
        rows = cursor.fetchall()
    return {int(account_id): Reading(int(number), now) for account_id, number in rows}


def locked(account: VenueAccount) -> VenueAccount:
    """The account's row, held by the running transaction until it ends."""
    row: VenueAccount = VenueAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
    return row


def touched_by(command: Command) -> frozenset[ReadingKind]:
    """What a command of ours can have moved: all that has to be read after it. Money and positions are always read, so
    whatever else happened shows by what has moved there. Of one that is not settled anything may have come."""
    if not command.is_settled:
        return WHOLE
    if command.kind in SETTINGS:
        return frozenset({ReadingKind.ACCOUNT})
    if command.kind == CommandKind.MOVE:
        return frozenset({ReadingKind.ACCOUNT, ReadingKind.HISTORY})
    if command.kind == CommandKind.MARGIN:
        return frozenset({ReadingKind.ACCOUNT, ReadingKind.FILLS})
    told = {one.get("kind") for one in command.evidence.get("members", [command.evidence])}
    kinds = {ReadingKind.ACCOUNT}
    if FILLED in told:
        kinds.add(ReadingKind.FILLS)
    if told != {FILLED} or _has_orders(command):
        kinds.add(ReadingKind.ORDERS)
    return frozenset(kinds)


def _has_orders(command: Command) -> bool:
    """Whether there are orders that a fill may take along: those that only reduce, or belong to the position."""
    return bool(Order.objects.filter(account=command.account_id, market=command.market_id, is_open=True).exists())


def told_of(account: VenueAccount, reading: Reading) -> None:
    """A whole reading has succeeded: whatever was settled before it began is shown."""
    before = Command.objects.filter(account=account, state__in=MOVING_STATES, shown_at=None)
    before.filter(settled_at__lt=reading.began_at).update(shown_at=timezone.now())


def told_after(command: Command) -> None:
    """A reading after this command has succeeded: it is shown, and so is what had to be set for it."""
    rows = Command.objects.filter(account=command.account_id, state__in=MOVING_STATES, shown_at=None)
    before = Q(kind__in=SETTINGS, settled_at__lte=command.settled_at)
    rows.filter(Q(pk=command.pk) | before).update(shown_at=timezone.now())


def not_shown(venue: Venue, network: Network, now: datetime) -> list[int]:
    """The accounts of all operators that a command has moved and no reading told of since, the longest waiting first.
    Use it inside ``every_operator``."""
    rows = Command.objects.filter(state__in=MOVING_STATES, shown_at=None, settled_at__lte=now - SHOWN_WITHIN)
    here = rows.filter(account__venue=venue, account__network=network)
    return list(dict.fromkeys(here.order_by("settled_at").values_list("account_id", flat=True)))


def sizes_of(account: VenueAccount) -> frozenset[tuple[object, ...]]:
    """What the account holds by our rows; where it differs from before, there were executions."""
    return frozenset(Position.objects.filter(account=account).values_list("market_id", "position_side", "size"))
