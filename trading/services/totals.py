"""Whether an account's money adds up: its balance at our first reading, and everything that moved it since.

The balance is the equity without open profit; what moves it is listed in ``trading.services.reckoning``. A standard
account's equity is of one asset: what is booked or settled in another is told in that asset and not counted
(Aster 3.1).
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from trading.connect import gateway_of
from trading.margin.types import AccountMode
from trading.models import Fill, FundingPayment, LedgerEntry, Liquidation, Position, VenueAccount
from trading.services.clearances import CLEARANCE
from trading.venues.base import Venue

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyTotals:
    """An account's money since ``since``, to the last unit. ``trading`` is closed profit before ``fees``; fees count
    as paid. ``liquidations`` is what a venue took (below zero) or bore beyond the executions, as it books it itself
    (Aster 3.7) or as it follows from its rules."""

    since: datetime
    opening: Decimal
    trading: Decimal
    fees: Decimal
    funding: Decimal
    transfers: Decimal
    liquidations: Decimal
    balance: Decimal

    @property
    def changes(self) -> Decimal:
        """Everything on record that moved the balance."""
        return self.trading - self.fees + self.funding + self.transfers + self.liquidations

    @property
    def unexplained(self) -> Decimal:
        """What of the balance nothing on record explains: zero when all of the account's history is known."""
        return self.balance - self.opening - self.changes


def money_totals(account: VenueAccount) -> MoneyTotals | None:
    """The account's money from its first whole reading to its last; None before the first."""
    if account.opening_at is None or account.venue_time is None:
        return None
    span = {"account": account, "happened_at__gt": account.opening_at, "happened_at__lte": account.venue_time}
    settled = in_equity(account)
    fills = Fill.objects.filter(settled, **span)
    entries = LedgerEntry.objects.filter(asset="", **span)
    return MoneyTotals(
        since=account.opening_at,
        opening=account.opening_balance,
        trading=_sum(fills, "closed_pnl"),
        fees=_sum(fills.filter(fee_token=""), "fee"),
        funding=_sum(FundingPayment.objects.filter(settled, **span), "amount"),
        transfers=_transferred(account, entries.exclude(kind=CLEARANCE)),
        liquidations=_sum(Liquidation.objects.filter(settled, **span), "settled")
        + _sum(entries.filter(kind=CLEARANCE), "amount"),
        balance=account.equity
        + account.equity_in_books
        - _sum(Position.objects.filter(settled, account=account), "unrealised_pnl"),
    )


def _transferred(account: VenueAccount, entries: QuerySet[Any]) -> Decimal:
    """What came to the account less what left it. What went from one of its own books to another did neither."""
    booked = _sum(entries, "amount")
    books = ("", *account.books_in_main_token)
    if len(books) == 1:
        return booked
    gateway = gateway_of(Venue(account.venue))
    for row in entries.exclude(details=""):
        moved = gateway.moved_within(row.details, books)
        if moved is not None:
            booked += moved - (row.amount or ZERO)
    return booked


def in_equity(account: VenueAccount) -> Q:
    """Of rows with a market: those whose money is in the account's equity. One that several assets back is worth the
    sum of all (Aster 3.2)."""
    if account.mode != AccountMode.STANDARD:
        return Q()
    return Q(market__spec__collateral=gateway_of(Venue(account.venue)).collateral)


def _sum(rows: QuerySet[Fill], column: str) -> Decimal:
    total = Coalesce(Sum(F(column)), ZERO, output_field=DecimalField(max_digits=36, decimal_places=12))
    summed: Decimal = rows.order_by().aggregate(total=total)["total"]
    return summed
