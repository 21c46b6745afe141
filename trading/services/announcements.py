"""What the venue's ledger says as it steps in: what it liquidates, and what that was worth just then (Hyperliquid 2.5).

A large position goes in parts, and each part is announced anew, often within one moment (Hyperliquid 3.10). So an
announcement is told by the size that it names, and by its time only among those of one size.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from trading.models import LedgerEntry, VenueAccount

logger = logging.getLogger(__name__)

KIND = "liquidation"


@dataclass(frozen=True, slots=True)
class Announcement:
    """One entry: ``equity`` is that of the isolated position, or of the whole cross account (None: not told); ``sizes``
    are signed, by market, in the venue's order; ``mode`` is in our words, empty where not told."""

    at: datetime
    equity: Decimal | None
    mode: str
    sizes: dict[str, Decimal]


class _Held(msgspec.Struct):
    coin: str
    szi: Decimal


class _Told(msgspec.Struct, rename="camel"):
    account_value: Decimal | None = None
    leverage_type: str = ""
    liquidated_positions: list[_Held] = []


def announcements_of(account: VenueAccount, market: str, since: datetime, until: datetime) -> list[Announcement]:
    """Those of a market, oldest first. One that cannot be read is left out, so that it stops nothing else."""
    rows = LedgerEntry.objects.filter(account=account, kind=KIND, happened_at__range=(since, until))
    told = [_announcement(row) for row in rows.order_by("happened_at", "pk")]
    return [announcement for announcement in told if announcement is not None and market in announcement.sizes]


def _announcement(row: LedgerEntry) -> Announcement | None:
    try:
        told = msgspec.json.decode(row.details, type=_Told)
    except msgspec.DecodeError as error:
        logger.warning("The announcement %s of account %s is not understood: %s", row.key, row.account_id, error)
        return None
    sizes = {position.coin: position.szi for position in told.liquidated_positions}
    return Announcement(row.happened_at, told.account_value, told.leverage_type.lower(), sizes)


def announced_at(
    announcements: Sequence[Announcement], market: str, size: Decimal, at: datetime
) -> Announcement | None:
    """The announcement of a market's position at this signed size; of several the nearest in time."""
    alike = (announcement for announcement in announcements if announcement.sizes[market] == size)
    return min(alike, key=lambda announcement: abs(announcement.at - at), default=None)


def announced_last(announcements: Sequence[Announcement], market: str, at: datetime) -> Announcement | None:
    """That of the last part: what is liquidated only ever becomes smaller. Of several the nearest in time."""

    def place(announcement: Announcement) -> tuple[Decimal, timedelta]:
        return abs(announcement.sizes[market]), abs(announcement.at - at)

    return min(announcements, key=place, default=None)
