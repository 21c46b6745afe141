"""Executions, funding and ledger entries, written to our rows: each once, whenever and however often it arrives.

The venue's own identity of an event is its key (Hyperliquid 2.5, Aster 3.7). What is known stays as it is, so repeats,
late ones and any order come to the same.
"""

from collections.abc import Iterable
from datetime import datetime

from trading.connect import gateway_of
from trading.models import Fill, FundingPayment, LedgerEntry, Market, VenueAccount
from trading.models.records import DELEVERAGED
from trading.services.apply_account import markets_named
from trading.venues.base import Fill as VenueFill
from trading.venues.base import FundingPayment as VenueFunding
from trading.venues.base import LedgerEntry as VenueEntry
from trading.venues.base import Venue

# What Aster's ledger calls the orders by which it closed a position itself (Aster 3.7), and what we call the method.
FORCED = {"LIQUIDATION": "market", "ADL": DELEVERAGED}
FORCED_KEY = "forced-"


def apply_fills(account: VenueAccount, fills: Iterable[VenueFill]) -> None:
    """Store executions; one that is known already is left as it is."""
    listed = list(fills)
    markets = markets_named(account, (fill.market for fill in listed))
    rows = [_fill_row(account, markets[fill.market], fill) for fill in listed if fill.market in markets]
    Fill.objects.bulk_create(rows, ignore_conflicts=True)


def _fill_row(account: VenueAccount, market: Market, fill: VenueFill) -> Fill:
    # The mark stands on both sides of a liquidation: it is the trader's own only where the account is his.
    mark = fill.liquidation
    is_own = mark is not None and mark.account.lower() == account.address.lower()
    method = mark.method if mark and is_own else (DELEVERAGED if fill.is_deleveraged else "")
    return Fill(
        operator_id=account.operator_id,
        account=account,
        market=market,
        key=fill.key,
        order_id=fill.order_id,
        happened_at=fill.time,
        is_buy=fill.is_buy,
        price=fill.price,
        size=fill.size,
        start_position=fill.start_position,
        direction=fill.direction,
        closed_pnl=fill.closed_pnl,
        fee=fill.fee,
        fee_token="" if fill.fee_token == market.rules.collateral else fill.fee_token,
        builder_fee=fill.builder_fee,
        liquidation=method,
        liquidation_mark_price=mark.mark if mark and method else None,
    )


def apply_funding(account: VenueAccount, payments: Iterable[VenueFunding]) -> None:
    """Store funding payments; one that is known already is left as it is."""
    listed = list(payments)
    markets = markets_named(account, (payment.market for payment in listed))
    rows = [
        FundingPayment(
            operator_id=account.operator_id,
            account=account,
            market=markets[payment.market],
            key=payment.key,
            happened_at=payment.time,
            amount=payment.amount,
            size=payment.size,
            rate=payment.rate,
        )
        for payment in listed
        if payment.market in markets
    ]
    FundingPayment.objects.bulk_create(rows, ignore_conflicts=True)


def apply_ledger(account: VenueAccount, entries: Iterable[VenueEntry]) -> None:
    """Store deposits, withdrawals, transfers, liquidations. One that is known already is left as it is, but an amount
    that was not known when it was stored is completed."""
    listed = list(entries)
    collateral = gateway_of(Venue(account.venue)).collateral
    rows = [
        LedgerEntry(
            operator_id=account.operator_id,
            account=account,
            key=entry.key,
            kind=entry.kind,
            happened_at=entry.time,
            amount=entry.amount,
            asset="" if entry.asset == collateral else entry.asset,
            details=entry.details,
        )
        for entry in listed
    ]
    LedgerEntry.objects.bulk_create(rows, ignore_conflicts=True)
    _complete(account, listed)


def _complete(account: VenueAccount, entries: Iterable[VenueEntry]) -> None:
    amounts = {entry.key: entry.amount for entry in entries if entry.amount is not None}
    if not amounts:
        return
    rows = list(LedgerEntry.objects.filter(account=account, key__in=amounts, amount=None))
    for row in rows:
        row.amount = amounts[row.key]
    LedgerEntry.objects.bulk_update(rows, ["amount"])


def mark_forced_fills(account: VenueAccount, since: datetime) -> None:
    """Say of executions since then that the venue forced them, where only its list of forced orders tells (Aster 3.7).

    Both may come first, so this is asked of the rows and not of an answer.
    """
    if not gateway_of(Venue(account.venue)).lists_liquidations:
        return
    forced = LedgerEntry.objects.filter(account=account, happened_at__gte=since)
    for kind, method in FORCED.items():
        keys = forced.filter(kind=kind).values_list("key", flat=True)
        orders = [int(key.removeprefix(FORCED_KEY)) for key in keys]
        Fill.objects.filter(account=account, order_id__in=orders, liquidation="").update(liquidation=method)
