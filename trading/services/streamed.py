"""What a stream told of an account, written to our rows by the verbs of the readings.

A reading that is due comes first: it covers what a break in the stream has swallowed. A liquidation is always read, for
its record needs the account's path to it. Where figures moved before the executions that moved them were told, the
account's row says so in the same transaction: a process that dies then leaves them to be read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Greatest, Least
from django.utils import timezone

from trading.live.told import LIVING, Leg, Standing, Told, sizes_of
from trading.models import Market, Order, Position, VenueAccount
from trading.services import executions
from trading.services.apply_account import CLOCKS_APART, apply_snapshot, markets_named
from trading.services.apply_history import apply_fills, apply_funding, apply_ledger
from trading.services.apply_orders import apply_orders, order_row
from trading.services.available import ask_where_orders_rest
from trading.services.endings import FILLED, NOT_TOLD, count_ends, tell_endings
from trading.services.looks import sync_positions
from trading.services.readings import EVERYTHING, WHOLE, Explained, nothing_explained
from trading.services.sync import sync_account
from trading.venues.base import AccountSnapshot, Adapter, OpenOrder, OrderReport, OrderState
from trading.venues.snapshots import PositionSide


@dataclass(frozen=True, slots=True)
class Reported:
    """``are_known``: whether all orders that were told to rest do so in our rows, just as they were told. ``ended`` are
    those that rested there until now, each with its end."""

    are_known: bool = True
    ended: tuple[Order, ...] = ()


def store(adapter: Adapter, account: VenueAccount, told: Told) -> bool:
    """Write the news of one account; False where the venue did not answer a reading, and then nothing was written but
    the figures that were told: they are as young as they say, and what moved them is owed.

    What the news leave open is read too: ``told.reports`` of orders that are not known need the account whole, and say
    so in ``told.must_read``; then it has to be stored again.
    """
    kinds, is_whole = EVERYTHING if told.is_forced else WHOLE, told.must_read
    if is_whole and not sync_account(adapter, account, kinds):
        if told.snapshot is not None:
            apply_snapshot(account, told.snapshot)
        return False
    told.must_read = any(fill.liquidation for fill in told.fills.values()) and not is_whole
    _store_events(adapter, account, told)
    untold = None
    if told.orders is not None and told.orders_at is not None:
        untold = apply_orders(account, told.orders, told.orders_at)
    # Where something may be missing, whoever writes a move marks it: a reading may have taken the mark back meanwhile.
    explained = nothing_explained if told.is_behind else partial(explained_by, told.standing)
    if told.snapshot is not None:
        apply_snapshot(account, told.snapshot, explained=explained(told.snapshot))
    if told.confirmed_at is not None:
        rows = VenueAccount.objects.filter(pk=account.pk, synced_at__lt=told.confirmed_at)
        rows.update(synced_at=told.confirmed_at, sync_problem="")
    if gone := [row for row in untold or () if row.is_open]:
        tell_endings(adapter, account, gone)
    is_read = not told.must_look or sync_positions(adapter, account, explained)
    if told.is_behind and not is_whole:
        # What a reading that began earlier has taken back meanwhile, and what shows in no size that moved.
        executions.fall_behind(account)
    _take_back(account, told.standing)
    if told.orders:
        ask_where_orders_rest(adapter, account)
    return is_read


def _store_events(adapter: Adapter, account: VenueAccount, told: Told) -> None:
    apply_fills(account, told.fills.values())
    apply_funding(account, told.funding.values())
    apply_ledger(account, told.ledger.values())
    # Together, because nobody comes back to an order that is closed. Each end was told, so no venue is asked.
    with transaction.atomic():
        reported = apply_reports(account, told.reports.values())
        count_ends(adapter, account, [order for order in reported.ended if order.end != FILLED])
    told.must_read |= not reported.are_known


def _take_back(account: VenueAccount, standing: Standing) -> None:
    """Where executions were expected that have been told by now."""
    if standing.explained is None or not executions.are_expected(account):
        return
    if sizes_held(account) == standing.explained:
        executions.are_told(account)


def explained_by(standing: Standing, snapshot: AccountSnapshot) -> Explained:
    """Whether the executions that were told made what a snapshot shows. It may show more, where it was read."""
    if not standing.is_based:
        return Explained.NO
    return Explained.YES if sizes_of(snapshot) == standing.explained else Explained.SOON


def sizes_held(account: VenueAccount) -> dict[Leg, Decimal]:
    """What is held by our rows, signed."""
    held = Position.objects.filter(account=account).values_list("market__name", "position_side", "size")
    return {(market, PositionSide(side)): size for market, side, size in held}


def apply_reports(account: VenueAccount, reports: Iterable[OrderReport]) -> Reported:
    """Store what became of orders.

    An order only shrinks, unless somebody changes it, and an ended one never comes back, so reports may come in any
    order. Nor does one come back by a list that was asked for before its end was told: it counts as seen since.
    """
    told = [(report, report.order) for report in reports if report.order is not None]
    if not told:
        return Reported()
    markets = markets_named(account, (order.market for _, order in told))
    are_known, ended = True, list[Order]()
    with transaction.atomic():
        # Lists are stored under this lock: of a list and an end whichever is second knows of the first.
        VenueAccount.objects.select_for_update(no_key=True).filter(pk=account.pk).first()
        for report, order in told:
            market = markets.get(order.market)
            if report.state not in LIVING and market is not None:
                ended += _store_end(account, market, report, order)
            elif report.state in LIVING:
                rows = Order.objects.filter(account=account, market=market, venue_id=order.order_id, is_open=True)
                are_known &= _store_rest(rows, report, order)
    return Reported(are_known=are_known, ended=tuple(ended))


def _store_rest(rows: QuerySet[Order], report: OrderReport, order: OpenOrder) -> bool:
    """Let an order shrink; whether it rests in our rows as it is told. One that was changed elsewhere keeps its id
    (Aster 3.7): it is taken over where it surely was seen before, by clocks that may be apart."""
    alike = rows.filter(limit_price=order.limit_price, original_size=order.original_size)
    if alike.update(size=Least("size", order.size, output_field=Order.size.field)):
        return True
    if report.changed_at is None:
        return False
    stands = {"limit_price": order.limit_price, "original_size": order.original_size, "size": order.size}
    older = rows.filter(seen_at__lt=report.changed_at - CLOCKS_APART)
    return bool(older.update(**stands, seen_at=timezone.now()))


def _store_end(account: VenueAccount, market: Market, report: OrderReport, order: OpenOrder) -> list[Order]:
    """Close an order, which is returned as it stood until now, with its end, unless that was known; one that came and
    went between two lists is kept too. What the venue turned away never was one.

    A report of the end tells no moment but that, so such an order counts as placed then."""
    now, end = timezone.now(), FILLED if report.state is OrderState.FILLED else report.label[:40] or NOT_TOLD
    rows = Order.objects.filter(account=account, market=market, venue_id=order.order_id)
    # Locked, because whoever asks for an end that is untold says it without the account's lock.
    untold = rows.filter(Q(is_open=True) | Q(end="")).select_for_update(of=("self",))
    ended = list(untold.select_related("market"))
    is_closed = rows.update(is_open=False, size=order.size, end=end, seen_at=Greatest("seen_at", Value(now)))
    if not is_closed and report.state is not OrderState.REJECTED:
        row = order_row(account, market, order, now)
        row.is_open, row.end = False, end
        row.save(force_insert=True)
    for row in ended:
        row.end = end
    return ended
