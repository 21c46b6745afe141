"""The complete list of resting orders, or that of some markets, written to our rows; what is not in it has ended."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from trading.models import Market, Order, VenueAccount
from trading.services.apply_account import markets_named
from trading.services.endings import ASKED_FOR, cancelled_by_us
from trading.services.readings import begin_reading, locked
from trading.venues.base import OpenOrder

Place = tuple[int, int]


def apply_orders(
    account: VenueAccount,
    orders: Iterable[OpenOrder],
    read_from: datetime,
    number: int | None = None,
    only: Collection[Market] = (),
) -> list[Order] | None:
    """Store the complete list of resting orders and close the others; None where a later list is stored already. Where
    it is complete for ``only`` some markets, the orders of no other are closed.

    Returned are all whose end is still to be told (``trading.services.endings``): those that are gone now, unless we
    cancelled them, and those that were left untold before.

    The venue sends no time with the list, so ``read_from`` is when we began to ask for it, and ``number`` that of the
    reading; without one the list came by itself and counts as read now.
    """
    taken_in = begin_reading(account).number if number is None else number
    listed = list(_with_children(orders))
    markets = markets_named(account, (order.market for order, _ in listed))
    with transaction.atomic():
        row = locked(account)
        if row.orders_read_at and (row.orders_read_at, row.orders_reading) > (read_from, taken_in):
            return None
        if not only:
            VenueAccount.objects.filter(pk=row.pk).update(orders_read_at=read_from, orders_reading=taken_in)
        # Of some markets there may be a later list already.
        later = Order.objects.filter(account=row, seen_at__gt=read_from)
        newer = frozenset(later.values_list("market_id", "venue_id"))
        rows = [
            order_row(row, markets[order.market], order, read_from, parent)
            for order, parent in listed
            if order.market in markets
        ]
        kept = _store([order for order in rows if _place(order) not in newer])
        return _close_others(row, newer | {_place(order) for order in kept}, read_from, only)


def _place(row: Order) -> Place:
    return row.market_id, row.venue_id


def _store(rows: Iterable[Order]) -> list[Order]:
    stored: list[Order] = Order.objects.bulk_create(
        {_place(row): row for row in rows}.values(),
        update_conflicts=True,
        unique_fields=["account", "market", "venue_id"],
        update_fields=[
            "kind", "limit_price", "size", "original_size", "reduce_only", "time_in_force", "trigger_price",
            "trigger_kind", "trigger_is_market", "trail", "covers_position", "parent_id", "is_open", "end", "seen_at",
        ],
    )  # fmt: skip
    return stored


def _close_others(
    account: VenueAccount, kept: frozenset[Place], read_from: datetime, only: Collection[Market]
) -> list[Order]:
    standing = Order.objects.filter(Q(is_open=True) | Q(end=""), account=account).select_related("market")
    if only:
        standing = standing.filter(market__in=only)
    untold = [row for row in standing if _place(row) not in kept]
    gone = [row for row in untold if row.is_open]
    # Judged by when each was seen to rest, which nobody knows any more afterwards.
    ours = cancelled_by_us(account, gone)
    for end, rows in ((ASKED_FOR, ours), ("", {row.pk for row in gone} - ours)):
        if rows:
            Order.objects.filter(pk__in=rows).update(is_open=False, end=end, seen_at=read_from)
    return [row for row in untold if row.pk not in ours]


def _with_children(orders: Iterable[OpenOrder], parent: int | None = None) -> Iterator[tuple[OpenOrder, int | None]]:
    """Every order with the id of the one it waits for; an order that is listed by itself is taken from there."""
    listed = list(orders)
    alone = {order.order_id for order in listed}
    for order in listed:
        yield order, parent
        yield from _with_children((child for child in order.children if child.order_id not in alone), order.order_id)


def order_row(
    account: VenueAccount, market: Market, order: OpenOrder, seen_at: datetime, parent: int | None = None
) -> Order:
    """A row, not yet saved, of an order that rests."""
    trigger = order.trigger
    return Order(
        operator_id=account.operator_id,
        account=account,
        market=market,
        venue_id=order.order_id,
        client_id=order.client_id or "",
        is_buy=order.is_buy,
        kind=order.order_type,
        limit_price=order.limit_price,
        size=order.size,
        original_size=order.original_size,
        reduce_only=order.reduce_only,
        time_in_force=order.time_in_force or "",
        trigger_price=trigger.price if trigger else None,
        trigger_kind=(trigger.kind or "") if trigger else "",
        trigger_is_market=trigger.is_market if trigger else False,
        trail=trigger.trail if trigger else None,
        covers_position=order.covers_position,
        parent_id=parent,
        placed_at=order.placed_at,
        seen_at=seen_at,
    )
