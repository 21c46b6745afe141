"""Whether an account's money adds up: its balance at our first reading, and everything that moved it since.

The balance is the equity without open profit; what moves it is listed in ``trading.services.reckoning``.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import DecimalField, F, QuerySet, Sum
from django.db.models.functions import Coalesce

from trading.models import Fill, FundingPayment, LedgerEntry, Liquidation, Position, VenueAccount

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyTotals:
    """An account's money since ``since``, to the last unit. ``trading`` is closed profit before ``fees``; fees count
    as paid. ``liquidations`` is what a venue took (below zero) or bore beyond the executions."""

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
    fills = Fill.objects.filter(**span)
    return MoneyTotals(
        since=account.opening_at,
        opening=account.opening_balance,
        trading=_sum(fills, "closed_pnl"),
        fees=_sum(fills.filter(fee_token=""), "fee"),
        funding=_sum(FundingPayment.objects.filter(**span), "amount"),
        transfers=_sum(LedgerEntry.objects.filter(**span), "amount"),
        liquidations=_sum(Liquidation.objects.filter(**span), "settled"),
        balance=account.equity - _sum(Position.objects.filter(account=account), "unrealised_pnl"),
    )


def _sum(rows: QuerySet[Fill], column: str) -> Decimal:
    total = Coalesce(Sum(F(column)), ZERO, output_field=DecimalField(max_digits=36, decimal_places=12))
    summed: Decimal = rows.order_by().aggregate(total=total)["total"]
    return summed
