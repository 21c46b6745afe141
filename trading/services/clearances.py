"""What Aster books of a liquidation beyond its executions (Aster 3.7, 4.9): its fee, and what the insurance fund bore.

Both are bookings of one kind: below zero is the liquidation fee, above zero is what was lost beyond the margin and
borne for the account. A booking names at most a market, so it belongs to the forced execution that is nearest in time,
and every booking to one liquidation only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from trading.connect import gateway_of
from trading.models import Fill, LedgerEntry, VenueAccount
from trading.models.records import DELEVERAGED
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
    near = (fills[0].happened_at - span, fills[-1].happened_at + span)
    rows = LedgerEntry.objects.filter(account=account, kind=CLEARANCE, happened_at__range=near)
    bookings = [row for row in rows.exclude(amount=None).order_by("happened_at", "pk") if row.amount]
    if not bookings:
        return Clearance()
    # A neighbour farther away than ``span`` may be nearer to a booking that is not.
    around = (near[0] - span, near[1] + span)
    forced = Fill.objects.filter(account=account, happened_at__range=around).exclude(liquidation__in=("", DELEVERAGED))
    listed = list(forced.select_related("market"))
    own = {fill.key for fill in fills}
    amounts = [row.amount for row in bookings if _owner(account, row, listed) in own and row.amount is not None]
    return Clearance(
        fee=-sum((amount for amount in amounts if amount < 0), ZERO),
        borne=sum((amount for amount in amounts if amount > 0), ZERO),
    )


def _owner(account: VenueAccount, booking: LedgerEntry, forced: Iterable[Fill]) -> str:
    """The key of the execution that a booking belongs to; empty where there is none."""
    market = msgspec.json.decode(booking.details, type=_Booking).symbol if booking.details else ""
    alike = (fill for fill in forced if _is_about(account, booking, market, fill))
    nearest = min(alike, key=lambda fill: _place(fill, booking.happened_at), default=None)
    return "" if nearest is None else nearest.key


def _is_about(account: VenueAccount, booking: LedgerEntry, market: str, fill: Fill) -> bool:
    """A booking without a market is of the whole account (Aster 4.9)."""
    collateral = fill.market.rules.collateral
    asset = "" if collateral == gateway_of(Venue(account.venue)).collateral else collateral
    return booking.asset == asset and market in ("", fill.market.name)


def _place(fill: Fill, at: datetime) -> tuple[timedelta, bool, str]:
    """The nearest first; of those equally near always the same one."""
    return abs(fill.happened_at - at), fill.is_buy, fill.key
