"""Readings of an account at its venue: what can be asked for, and in which order answers count.

Two answers may carry the same venue time and differ all the same (Aster's clock is read beside the account, and a
venue's clock may stand for a moment). So readings are numbered when they begin: the venue's time decides first, then
the number. Both are compared under a lock on the account's row, so that of two workers only one writes at a time.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import connection
from django.utils import timezone

from trading.models import VenueAccount


class ReadingKind(StrEnum):
    """What is asked of the venue. ``HISTORY`` is funding and the ledger, which are dear and change seldom."""

    ACCOUNT = "account"
    ORDERS = "orders"
    FILLS = "fills"
    HISTORY = "history"


WHOLE = frozenset({ReadingKind.ACCOUNT, ReadingKind.ORDERS, ReadingKind.FILLS})
EVERYTHING = frozenset(ReadingKind)


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading: its number within the account, and when it began by our clock."""

    number: int
    began_at: datetime


def begin_reading(account: VenueAccount) -> Reading:
    """Number a new reading of the account and put on record that it was attempted."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE trading_venueaccount SET readings = readings + 1, attempted_at = %s"
            " WHERE id = %s RETURNING readings",
            [now, account.pk],
        )
        row = cursor.fetchone()
    if row is None:
        raise VenueAccount.DoesNotExist("The account is gone.")
    return Reading(int(row[0]), now)


def locked(account: VenueAccount) -> VenueAccount:
    """The account's row, held by the running transaction until it ends."""
    row: VenueAccount = VenueAccount.objects.select_for_update().get(pk=account.pk)
    return row
