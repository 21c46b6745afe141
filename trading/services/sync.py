"""What the venue says, written to our rows: the only writer of columns that come from a venue.

Reading happens first and outside any transaction; writing is one short transaction. Every snapshot carries the venue's
time, and an older one never overwrites a newer one.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone
from redis.exceptions import RedisError

from trading.live.shapes import announce
from trading.margin.types import AccountMode
from trading.models import Fill, Market, Order, Position, VenueAccount
from trading.services.estimates import estimated_liquidations
from trading.services.history import record_margin_changes
from trading.venues.base import AccountSnapshot, Adapter, Network, OpenOrder, PositionSnapshot, Venue
from trading.venues.base import Fill as VenueFill
from trading.venues.errors import VenueError

logger = logging.getLogger(__name__)

# Fills are asked for again from a little before the newest known one; the key makes repeats harmless.
OVERLAP = timedelta(minutes=1)
FIRST_LOOK = timedelta(days=7)


def sync_markets(adapter: Adapter) -> int:
    """Read every market of the adapter's venue and network and store its rules and state; how many there are."""
    markets = adapter.markets()
    states = {state.name: state for state in markets.states}
    rows = [
        Market.described(spec, states[spec.name], adapter.network, markets.received_at)
        for spec in markets.specs
        if spec.name in states
    ]
    Market.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["venue", "network", "name"],
        update_fields=[
            "index", "is_delisted", "max_leverage", "spec", "mark_price", "oracle_price", "mid_price",
            "previous_day_price", "funding_rate", "open_interest", "day_volume", "received_at",
        ],
    )  # fmt: skip
    return len(rows)


def sync_account(adapter: Adapter, account: VenueAccount) -> bool:
    """Read the account whole and store it; False where the venue did not answer, with the reason on the row."""
    started = timezone.now()
    VenueAccount.objects.filter(pk=account.pk).update(attempted_at=started)
    try:
        snapshot = adapter.account(account.address)
        orders = adapter.open_orders(account.address)
        fills = adapter.fills(account.address, _fills_since(account))
    except VenueError as error:
        VenueAccount.objects.filter(pk=account.pk).update(sync_problem=error.explanation[:200])
        return False
    apply_orders(account, orders, started)
    apply_fills(account, fills)
    if apply_snapshot(account, snapshot):
        record_margin_changes(account, started)
    return True


def sync_after_command(adapter: Adapter, account: VenueAccount) -> None:
    """Read the account whole because a command has just been sent, and tell the pages that show it.

    The command is on record whatever happens here, so a failure is left to the next sync.
    """
    try:
        sync_account(adapter, account)
        announce(account.operator_id, account.pk)
    except (RedisError, DatabaseError, LookupError, ValueError):
        logger.exception("Account %s could not be shown after a command; the next sync tries again.", account.pk)


def sync_positions(adapter: Adapter, account: VenueAccount) -> bool:
    """Read only money and positions: the cheap look that serves whoever is watching.

    How balances back the account changes rarely, so what the last whole reading said of it spares a dear question
    (Hyperliquid 7).
    """
    try:
        snapshot = adapter.account(account.address, mode=AccountMode(account.mode) if account.synced_at else None)
    except VenueError as error:
        VenueAccount.objects.filter(pk=account.pk).update(sync_problem=error.explanation[:200])
        return False
    return apply_snapshot(account, snapshot)


def apply_snapshot(account: VenueAccount, snapshot: AccountSnapshot) -> bool:
    """Store money and positions of one moment; False where a later moment is stored already."""
    markets = markets_by_name(account.venue, account.network)
    estimates = estimated_liquidations(snapshot, {name: market.rules for name, market in markets.items()})
    with transaction.atomic():
        is_newer = Q(venue_time=None) | Q(venue_time__lte=snapshot.venue_time)
        taken = VenueAccount.objects.filter(is_newer, pk=account.pk).update(
            mode=snapshot.account_mode.value,
            equity=snapshot.equity,
            cross_equity=snapshot.cross_equity,
            cross_maintenance=snapshot.cross_maintenance,
            cross_margin_used=snapshot.cross_margin_used,
            withdrawable=snapshot.withdrawable,
            venue_time=snapshot.venue_time,
            synced_at=snapshot.received_at,
            sync_problem="",
        )
        if not taken:
            return False
        rows = [
            _position_row(account, markets[position.market], position, snapshot.venue_time, estimates)
            for position in snapshot.positions
            if position.market in markets
        ]
        _replace_positions(account, rows)
    return True


def markets_by_name(venue: str, network: str) -> dict[str, Market]:
    """Every market of a venue and network, by the venue's own name for it."""
    return {market.name: market for market in Market.objects.filter(venue=venue, network=network)}


def _position_row(
    account: VenueAccount,
    market: Market,
    position: PositionSnapshot,
    venue_time: datetime,
    estimates: dict[str, Decimal | None],
) -> Position:
    return Position(
        operator_id=account.operator_id,
        account=account,
        market=market,
        position_side=position.side.value,
        size=position.size,
        entry_price=position.entry_price,
        mark_price=position.mark_price,
        mode=position.mode.value,
        leverage=position.leverage,
        margin=position.margin,
        cash=position.cash,
        unrealised_pnl=position.unrealised_pnl,
        liquidation_price=position.liquidation_price,
        estimated_liquidation_price=estimates.get(position.market),
        max_leverage=position.max_leverage,
        funding_since_open=position.funding_since_open or 0,
        venue_time=venue_time,
    )


def _replace_positions(account: VenueAccount, rows: list[Position]) -> None:
    Position.objects.filter(account=account).exclude(market__in=[row.market for row in rows]).delete()
    Position.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["account", "market", "position_side"],
        update_fields=[
            "size", "entry_price", "mark_price", "mode", "leverage", "margin", "cash", "unrealised_pnl",
            "liquidation_price", "estimated_liquidation_price", "max_leverage", "funding_since_open", "venue_time",
        ],
    )  # fmt: skip


def apply_orders(account: VenueAccount, orders: Iterable[OpenOrder], read_from: datetime) -> bool:
    """Store the complete list of resting orders and close the others; False where a later list is stored already.

    The venue sends no time with the list, so ``read_from`` is when we began to ask for it.
    """
    markets = markets_by_name(account.venue, account.network)
    rows = [
        _order_row(account, markets[order.market], order, read_from, parent)
        for order, parent in _with_children(orders)
        if order.market in markets
    ]
    with transaction.atomic():
        is_newer = Q(orders_read_at=None) | Q(orders_read_at__lte=read_from)
        if not VenueAccount.objects.filter(is_newer, pk=account.pk).update(orders_read_at=read_from):
            return False
        gone = Order.objects.filter(account=account, is_open=True).exclude(venue_id__in=[row.venue_id for row in rows])
        gone.update(is_open=False)
        Order.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["account", "market", "venue_id"],
            update_fields=[
                "kind", "limit_price", "size", "original_size", "reduce_only", "time_in_force", "trigger_price",
                "trigger_kind", "trigger_is_market", "covers_position", "parent_id", "is_open", "seen_at",
            ],
        )  # fmt: skip
    return True


def _with_children(orders: Iterable[OpenOrder], parent: int | None = None) -> Iterator[tuple[OpenOrder, int | None]]:
    """Every order with the id of the one it waits for; an order that is listed by itself is taken from there."""
    listed = list(orders)
    alone = {order.order_id for order in listed}
    for order in listed:
        yield order, parent
        yield from _with_children((child for child in order.children if child.order_id not in alone), order.order_id)


def _order_row(account: VenueAccount, market: Market, order: OpenOrder, seen_at: datetime, parent: int | None) -> Order:
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
        covers_position=order.covers_position,
        parent_id=parent,
        placed_at=order.placed_at,
        seen_at=seen_at,
    )


def _fills_since(account: VenueAccount) -> datetime:
    newest = account.fills.order_by("-happened_at").values_list("happened_at", flat=True).first()
    return newest - OVERLAP if newest else timezone.now() - FIRST_LOOK


def apply_fills(account: VenueAccount, fills: Iterable[VenueFill]) -> None:
    """Store executions; one that is known already is left as it is."""
    markets = markets_by_name(account.venue, account.network)
    rows = [_fill_row(account, markets[fill.market], fill) for fill in fills if fill.market in markets]
    Fill.objects.bulk_create(rows, ignore_conflicts=True)


def _fill_row(account: VenueAccount, market: Market, fill: VenueFill) -> Fill:
    # The mark stands on both sides of a liquidation: it is the trader's own only where the account is his.
    own = fill.liquidation if fill.liquidation and fill.liquidation.account.lower() == account.address.lower() else None
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
        builder_fee=fill.builder_fee,
        liquidation=own.method if own else "",
        liquidation_mark_price=own.mark if own else None,
    )


def known_networks() -> list[tuple[Venue, Network]]:
    """The venue networks that markets are stored for."""
    pairs = Market.objects.order_by().values_list("venue", "network").distinct()
    return [(Venue(venue), Network(network)) for venue, network in pairs]
