"""What Aster books of a liquidation beyond its executions (Aster 3.7, 4.9): its fee, and what the insurance fund bore.

Both are bookings of one kind: below zero is the liquidation fee, above zero is what was lost beyond the margin and
borne for the account. A booking that names a market belongs to the forced execution there that is nearest in time, and
so to one liquidation only. One that names none is of the whole cross account: every execution that no other booking is
nearer to has the part of it that its fee has of all, its worth times its market's rate (Aster 4.9).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from trading.connect import gateway_of
from trading.models import Fill, LedgerEntry, VenueAccount
from trading.models.records import DELEVERAGED
from trading.services.liquidation_money import shares
from trading.venues.base import Venue

CLEARANCE = "INSURANCE_CLEAR"
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Clearance:
    """The bookings of one liquidation; both figures are at least zero."""

    fee: Decimal = ZERO
    borne: Decimal = ZERO


class _Booking(msgspec.Struct):
    symbol: str = ""


def clearance_of(account: VenueAccount, fills: list[Fill], span: timedelta) -> Clearance:
    """What was booked of the liquidation that these executions are, no farther from them than ``span``."""
    if not gateway_of(Venue(account.venue)).lists_liquidations:
        return Clearance()
    first, last = fills[0].happened_at - span, fills[-1].happened_at + span
    # A neighbour farther away than ``span`` may be nearer to a booking that is not.
    around = (first - span, last + span)
    rows = LedgerEntry.objects.filter(account=account, kind=CLEARANCE, happened_at__range=around)
    bookings = [row for row in rows.exclude(amount=None).order_by("happened_at", "pk") if row.amount]
    near = [booking for booking in bookings if first <= booking.happened_at <= last]
    if not near:
        return Clearance()
    forced = Fill.objects.filter(account=account, happened_at__range=around)
    listed = list(forced.exclude(liquidation__in=("", DELEVERAGED)).select_related("market"))
    own = {fill.key for fill in fills}
    amounts = [part for row in near for key, part in _parts(account, row, bookings, listed) if key in own]
    return Clearance(
        fee=-sum((amount for amount in amounts if amount < 0), ZERO),
        borne=sum((amount for amount in amounts if amount > 0), ZERO),
    )


def _parts(
    account: VenueAccount, booking: LedgerEntry, bookings: Iterable[LedgerEntry], forced: Iterable[Fill]
) -> Iterator[tuple[str, Decimal]]:
    """The executions that a booking belongs to, by their keys, with their parts of it."""
    alike = [fill for fill in forced if _is_about(account, booking, fill)]
    if not alike or booking.amount is None:
        return
    nearest = min(alike, key=lambda fill: _place(fill, booking.happened_at))
    shared = [nearest]
    if not _market_of(booking):
        shared = [fill for fill in alike if _booking_of(account, fill, bookings) == booking] or shared
    shared.sort(key=lambda fill: fill.key)
    rates = [fill.market.rules.liquidation_fee for fill in shared]
    # Where a market's rate was not read, what was closed is all there is to go by.
    weights = [fill.size * fill.price * (rate if all(rates) else 1) for fill, rate in zip(shared, rates, strict=True)]
    yield from zip((fill.key for fill in shared), shares(booking.amount, weights), strict=True)


def _booking_of(account: VenueAccount, fill: Fill, bookings: Iterable[LedgerEntry]) -> LedgerEntry | None:
    """The booking that is nearest in time to an execution; of those equally near its own market's."""
    about = (booking for booking in bookings if _is_about(account, booking, fill))
    return min(
        about,
        key=lambda booking: (abs(booking.happened_at - fill.happened_at), not _market_of(booking), booking.pk),
        default=None,
    )


def _market_of(booking: LedgerEntry) -> str:
    return msgspec.json.decode(booking.details, type=_Booking).symbol if booking.details else ""


def _is_about(account: VenueAccount, booking: LedgerEntry, fill: Fill) -> bool:
    """A booking without a market is of the whole account (Aster 4.9)."""
    collateral = fill.market.rules.collateral
    asset = "" if collateral == gateway_of(Venue(account.venue)).collateral else collateral
    return booking.asset == asset and _market_of(booking) in ("", fill.market.name)


def _place(fill: Fill, at: datetime) -> tuple[timedelta, bool, str]:
    """The nearest first; of those equally near always the same one."""
    return abs(fill.happened_at - at), fill.is_buy, fill.key
