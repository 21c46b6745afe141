"""What a stream told of an account, written to our rows by the verbs of ``trading.services.sync``.

A reading that is due comes first: it covers what a break in the stream has swallowed. A liquidation is always read, for
its record needs the account's path to it.
"""

from collections.abc import Iterable
from decimal import Decimal

from django.db.models.functions import Least

from trading.live.told import LIVING, Told
from trading.models import Order, VenueAccount
from trading.services import sync
from trading.services.endings import tell_endings
from trading.venues.base import Adapter, OrderReport


def store(adapter: Adapter, account: VenueAccount, told: Told) -> bool:
    """Write the news of one account; False where the venue did not answer a reading, and nothing was written then.

    What the news leave open is read too: ``told.reports`` of orders that are not known need the account whole, and say
    so in ``told.must_read``; then it has to be stored again.
    """
    kinds = sync.EVERYTHING if told.is_forced else sync.WHOLE
    if told.must_read and not sync.sync_account(adapter, account, kinds):
        return False
    told.must_read = any(fill.liquidation for fill in told.fills.values()) and not told.must_read
    sync.apply_fills(account, told.fills.values())
    sync.apply_funding(account, told.funding.values())
    sync.apply_ledger(account, told.ledger.values())
    told.must_read |= not apply_reports(account, told.reports.values())
    gone = None
    if told.orders is not None and told.orders_at is not None:
        gone = sync.apply_orders(account, told.orders, told.orders_at)
    if told.snapshot is not None:
        sync.apply_snapshot(account, told.snapshot)
    if told.confirmed_at is not None:
        rows = VenueAccount.objects.filter(pk=account.pk, synced_at__lt=told.confirmed_at)
        rows.update(synced_at=told.confirmed_at, sync_problem="")
    if gone:
        tell_endings(adapter, account, gone)
    return not told.must_look or sync.sync_positions(adapter, account, is_explained=True)


def apply_reports(account: VenueAccount, reports: Iterable[OrderReport]) -> bool:
    """Store what became of orders that are known; False where one rests that is not.

    An order only shrinks and an ended one never comes back, so reports may come in any order.
    """
    is_known = True
    for report in reports:
        if report.order is None:
            continue
        row = Order.objects.filter(account=account, market__name=report.order.market, venue_id=report.order.order_id)
        if report.state in LIVING:
            is_known &= bool(row.update(size=Least("size", report.order.size, output_field=Order.size.field)))
        else:
            row.update(is_open=False, size=Decimal(0) if not report.order.size else report.order.size)
    return is_known
