"""Money and positions of one moment, written to our rows in one transaction.

What a position was before it shrank or went is kept, and so is a change of leverage or mode: they are seen only here.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from trading.models import Command, Difference, FormerPosition, Market, Position, SettingChange, VenueAccount
from trading.models.accounts import PositionFigures
from trading.models.commands import CommandKind, CommandState
from trading.models.records import DifferenceKind
from trading.services.estimates import estimated_liquidations
from trading.services.readings import Reading, begin_reading, locked
from trading.venues.base import AccountSnapshot, PositionSnapshot

FIGURES = [field.name for field in PositionFigures._meta.get_fields() if field.name not in {"operator", "market"}]
# A command is ours and a snapshot the venue's, so their clocks may differ by so much.
CLOCKS_APART = timedelta(minutes=1)
SET_ELSEWHERE = "Set outside of this platform; the venue's setting was taken."
EFFECTIVE = (CommandState.ACCEPTED, CommandState.UNKNOWN, CommandState.PREPARED)

Place = tuple[int, str]


def apply_snapshot(account: VenueAccount, snapshot: AccountSnapshot, reading: Reading | None = None) -> bool:
    """Store money and positions of one moment; False where a later moment is stored already.

    Without a ``reading`` the snapshot came by itself and counts as read now.
    """
    taken_in = reading or begin_reading(account)
    markets = markets_named(account, (position.market for position in snapshot.positions))
    with transaction.atomic():
        row = locked(account)
        if not _is_newer(row, snapshot, taken_in):
            return False
        _store_money(row, snapshot, taken_in)
        _store_positions(row, snapshot, markets)
    return True


def _is_newer(row: VenueAccount, snapshot: AccountSnapshot, reading: Reading) -> bool:
    if row.venue_time is None:
        return True
    return (row.venue_time, row.account_reading) <= (snapshot.venue_time, reading.number)


def _store_money(row: VenueAccount, snapshot: AccountSnapshot, reading: Reading) -> None:
    VenueAccount.objects.filter(pk=row.pk).update(
        mode=snapshot.account_mode.value,
        hedge_mode=snapshot.hedge_mode,
        equity=snapshot.equity,
        cross_equity=snapshot.cross_equity,
        cross_maintenance=snapshot.cross_maintenance,
        cross_margin_used=snapshot.cross_margin_used,
        withdrawable=snapshot.withdrawable,
        venue_time=snapshot.venue_time,
        account_reading=reading.number,
        synced_at=snapshot.received_at,
        sync_problem="",
        **_pools(snapshot),
    )


def _pools(snapshot: AccountSnapshot) -> dict[str, Any]:
    """Balances of other books, where this reading has them."""
    if snapshot.pools is None:
        return {}
    return {
        "pools": {
            pool.name: {
                "equity": f"{pool.equity:f}",
                "free": f"{pool.free:f}",
                "cross": f"{pool.cross_equity:f}",
                "withdrawable": f"{pool.withdrawable:f}",
                "collateral": pool.collateral,
            }
            for pool in snapshot.pools
        }
    }


def _store_positions(row: VenueAccount, snapshot: AccountSnapshot, markets: Mapping[str, Market]) -> None:
    estimates = estimated_liquidations(snapshot, {name: market.rules for name, market in markets.items()})
    held = [position for position in snapshot.positions if position.market in markets]
    rows = {
        (markets[position.market].pk, position.side.value): _position_row(
            row, markets[position.market], position, snapshot.venue_time, estimates
        )
        for position in held
    }
    known = list(Position.objects.filter(account=row))
    _keep_former(known, rows, snapshot.venue_time)
    _keep_settings(row, known, rows, snapshot.venue_time)
    _replace_positions(known, rows)


def markets_named(account: VenueAccount, names: Iterable[str]) -> dict[str, Market]:
    """Markets of the account's venue and network, by the venue's own names for them."""
    wanted = set(names)
    if not wanted:
        return {}
    rows = Market.objects.filter(venue=account.venue, network=account.network, name__in=wanted)
    return {market.name: market for market in rows}


def _position_row(
    account: VenueAccount,
    market: Market,
    position: PositionSnapshot,
    venue_time: datetime,
    estimates: Mapping[str, Decimal | None],
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


def _replace_positions(known: Iterable[Position], rows: Mapping[Place, Position]) -> None:
    gone = [row.pk for row in known if _place(row) not in rows]
    if gone:
        Position.objects.filter(pk__in=gone).delete()
    Position.objects.bulk_create(
        list(rows.values()),
        update_conflicts=True,
        unique_fields=["account", "market", "position_side"],
        update_fields=[name for name in FIGURES if name != "position_side"],
    )


def _place(row: Position) -> Place:
    return row.market_id, row.position_side


def _keep_former(known: Iterable[Position], rows: Mapping[Place, Position], ended_at: datetime) -> None:
    """Keep every position that became smaller, turned or went, as it was last seen."""
    FormerPosition.objects.bulk_create(
        FormerPosition(
            operator_id=row.operator_id,
            account_id=row.account_id,
            market_id=row.market_id,
            ended_at=ended_at,
            **{name: getattr(row, name) for name in FIGURES},
        )
        for row in known
        if _has_shrunk(row, rows.get(_place(row)))
    )


def _has_shrunk(before: Position, after: Position | None) -> bool:
    return after is None or before.size * after.size < 0 or abs(after.size) < abs(before.size)


def _keep_settings(
    account: VenueAccount, known: Iterable[Position], rows: Mapping[Place, Position], venue_time: datetime
) -> None:
    """Keep every change of leverage or mode that an open position shows, with our command if it was ours."""
    for row in known:
        after = rows.get(_place(row))
        if after is None or (after.mode, after.leverage) == (row.mode, row.leverage):
            continue
        command = _setting_command(row, after)
        if command is None:
            _count_setting(account, row, after)
        SettingChange(
            operator_id=account.operator_id,
            account=account,
            market_id=row.market_id,
            command=command,
            mode_before=row.mode,
            leverage_before=row.leverage,
            mode=after.mode,
            leverage=after.leverage,
            happened_at=venue_time,
        ).save()


def _count_setting(account: VenueAccount, before: Position, after: Position) -> None:
    """A setting that no command of ours explains is a difference, healed by having been taken over."""
    Difference(
        operator_id=account.operator_id,
        account=account,
        market=after.market,
        kind=DifferenceKind.SETTING,
        subject=after.market.name,
        ours=f"{before.mode} {before.leverage}x",
        venues=f"{after.mode} {after.leverage}x",
        healed_at=timezone.now(),
        explanation=SET_ELSEWHERE,
    ).save()


def _setting_command(before: Position, after: Position) -> Command | None:
    """The newest command of ours that asked for what is set now."""
    asked: Command | None = Command.objects.filter(
        account=before.account_id,
        market=before.market_id,
        kind=CommandKind.LEVERAGE,
        state__in=EFFECTIVE,
        prepared_at__gte=before.venue_time - CLOCKS_APART,
        intent__contains={"leverage": str(after.leverage)},
    ).first()
    return asked
