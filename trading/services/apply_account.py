"""Money and positions of many accounts, each of one moment, written to our rows in one transaction.

A batch costs as many statements as one account alone, and all of it is written or nothing. What a position was before
it shrank or went is kept, and so is a change of leverage or mode: they are seen only here.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from trading.models import Command, Difference, FormerPosition, Market, Position, SettingChange, VenueAccount
from trading.models.accounts import PositionFigures
from trading.models.commands import CommandKind, CommandState
from trading.models.records import DifferenceKind
from trading.services import executions, sets
from trading.services.estimates import estimated_liquidations
from trading.services.readings import Explained, Explainer, Reading, Taken, begin_reading, nothing_explained
from trading.services.reckoning import UNIT
from trading.venues.base import AccountSnapshot, MarketSpec, PositionSnapshot

FIGURES = [field.name for field in PositionFigures._meta.get_fields() if field.name not in {"operator", "market"}]
# A command is ours and a snapshot the venue's, so their clocks may differ by so much.
CLOCKS_APART = timedelta(minutes=1)
# What is left where figures that a venue rounds to its own unit are set off against each other.
ROUNDING = 10 * UNIT
SET_ELSEWHERE = "Set outside of this platform; the venue's setting was taken."
EFFECTIVE = (CommandState.ACCEPTED, CommandState.UNKNOWN, CommandState.PREPARED)

Moment = tuple[datetime | None, int]
Row = dict[str, object]


class Place(NamedTuple):
    """What holds one position, by the names of its columns."""

    account_id: int
    market_id: int
    position_side: str


class Held(NamedTuple):
    """As much of a stored position as tells whether it moved, and whether its end or its setting has to be kept."""

    pk: int
    place: Place
    mode: str
    leverage: int
    size: Decimal
    entry_price: Decimal
    cash: Decimal | None
    funding_since_open: Decimal


class Moved(NamedTuple):
    """The accounts with a position whose size moved, and those with one where nothing but collateral came or went."""

    sizes: frozenset[int]
    collateral: frozenset[int]


@dataclass(frozen=True, slots=True)
class Found:
    """A position as the venue shows it, and our own liquidation price of it."""

    taken: Taken
    market: Market
    position: PositionSnapshot
    estimate: Decimal | None


def apply_snapshot(
    account: VenueAccount,
    snapshot: AccountSnapshot,
    reading: Reading | None = None,
    explained: Explained = Explained.NO,
) -> bool:
    """Store money and positions of one moment; False where a later moment is stored already.

    Without a ``reading`` the snapshot came by itself and counts as read now.
    """
    taken = Taken(account, snapshot, reading or begin_reading(account))
    return bool(apply_snapshots([taken], lambda _: explained))


def apply_snapshots(taken: Collection[Taken], explained: Explainer = nothing_explained) -> dict[int, bool]:
    """Store what was found in accounts of one venue and network, each given once; by the ids of those where it is the
    newest, whether what is held moved. Where a later moment is stored already, and where the account is gone, nothing
    is written.

    Whose positions moved is behind with his executions from then on, unless he who stores this knows them too, or is
    about to (``explained``): both are written together, for no later reading sees the move again. No execution says
    what moved collateral alone (margin put in elsewhere), so that is behind whoever stores it; funding is not.
    """
    if not taken:
        return {}
    names = {position.market for one in taken for position in one.snapshot.positions}
    markets = markets_named(next(iter(taken)).account, names)
    with transaction.atomic():
        stored = _locked({one.account.pk for one in taken})
        newest = [one for one in taken if one.account.pk in stored and _is_newer(stored[one.account.pk], one)]
        sets.update(VenueAccount, [_money(one) for one in newest if one.snapshot.pools is None])
        sets.update(VenueAccount, [_money(one) | _pools(one) for one in newest if one.snapshot.pools is not None])
        moved = _store_positions(newest, markets, {pk: at for pk, (at, _) in stored.items()})
        known = {one.account.pk: explained(one.snapshot) for one in newest if one.account.pk in moved.sizes}
        executions.expect(*(one.account for one in newest if known.get(one.account.pk) is Explained.SOON))
        behind = moved.collateral | {pk for pk, what in known.items() if what is Explained.NO}
        executions.fall_behind(*(one.account for one in newest if one.account.pk in behind))
    return {one.account.pk: one.account.pk in moved.sizes | moved.collateral for one in newest}


def _locked(ids: Collection[int]) -> dict[int, Moment]:
    """The moment and the number of what is stored, held until the transaction ends. Whoever holds several accounts took
    them in the order of their ids."""
    rows = VenueAccount.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return {pk: (at, number) for pk, at, number in rows.values_list("pk", "venue_time", "account_reading")}


def _is_newer(stored: Moment, one: Taken) -> bool:
    venue_time, number = stored
    return venue_time is None or (venue_time, number) <= (one.snapshot.venue_time, one.reading.number)


def _money(one: Taken) -> Row:
    snapshot = one.snapshot
    return {
        "id": one.account.pk,
        "mode": snapshot.account_mode.value,
        "hedge_mode": snapshot.hedge_mode,
        "equity": snapshot.equity,
        "cross_equity": snapshot.cross_equity,
        "cross_maintenance": snapshot.cross_maintenance,
        "cross_margin_used": snapshot.cross_margin_used,
        "withdrawable": snapshot.withdrawable,
        "venue_time": snapshot.venue_time,
        "account_reading": one.reading.number,
        "synced_at": snapshot.received_at,
        "sync_problem": "",
    }


def _pools(one: Taken) -> Row:
    """Balances of other books."""
    return {
        "pools": {
            pool.name: {
                "equity": f"{pool.equity:f}",
                "free": f"{pool.free:f}",
                "cross": f"{pool.cross_equity:f}",
                "withdrawable": f"{pool.withdrawable:f}",
                "collateral": pool.collateral,
            }
            for pool in one.snapshot.pools or ()
        }
    }


def _store_positions(
    taken: Collection[Taken], markets: Mapping[str, Market], seen_at: Mapping[int, datetime | None]
) -> Moved:
    """Which accounts moved. ``seen_at``: when, by the venue's time, the account was as it is stored."""
    rules = {name: market.rules for name, market in markets.items()}
    found = {place: one for account in taken for place, one in _found(account, markets, rules)}
    moments = {one.account.pk: one.snapshot.venue_time for one in taken}
    known = _known(moments)
    _keep_former([held.pk for held in known if _has_shrunk(held, found.get(held.place))], moments)
    for held in known:
        if held.place in found:
            _keep_setting(held, found[held.place], seen_at[held.place.account_id])
    if gone := [held.pk for held in known if held.place not in found]:
        Position.objects.filter(pk__in=gone).delete()
    sets.upsert(Position, [_row(place, one) for place, one in found.items()], Place._fields)
    new = found.keys() - {held.place for held in known}
    traded = new | {held.place for held in known if _was_traded(held, found.get(held.place))}
    moved = {held.place for held in known if _has_moved(held, found.get(held.place))}
    return Moved(*(frozenset(place.account_id for place in places) for places in (traded, moved - traded)))


def markets_named(account: VenueAccount, names: Iterable[str]) -> dict[str, Market]:
    """Markets of the account's venue and network, by the venue's own names for them."""
    wanted = set(names)
    if not wanted:
        return {}
    rows = Market.objects.filter(venue=account.venue, network=account.network, name__in=wanted)
    return {market.name: market for market in rows}


def _found(
    taken: Taken, markets: Mapping[str, Market], rules: Mapping[str, MarketSpec]
) -> Iterator[tuple[Place, Found]]:
    estimates = estimated_liquidations(taken.snapshot, rules)
    for position in taken.snapshot.positions:
        market = markets.get(position.market)
        if market is not None:
            place = Place(taken.account.pk, market.pk, position.side.value)
            yield place, Found(taken, market, position, estimates.get(position.market))


def _known(account_ids: Iterable[int]) -> list[Held]:
    rows = Position.objects.filter(account__in=list(account_ids))
    values = rows.values_list(
        "pk", *Place._fields, "mode", "leverage", "size", "entry_price", "cash", "funding_since_open"
    )
    return [Held(pk, Place(account, market, side), *rest) for pk, account, market, side, *rest in values]


def _row(place: Place, found: Found) -> Row:
    position = found.position
    return {
        "account_id": place.account_id,
        "market_id": place.market_id,
        "position_side": place.position_side,
        "operator_id": found.taken.account.operator_id,
        "size": position.size,
        "entry_price": position.entry_price,
        "mark_price": position.mark_price,
        "mode": position.mode.value,
        "leverage": position.leverage,
        "margin": position.margin,
        "cash": position.cash,
        "unrealised_pnl": position.unrealised_pnl,
        "liquidation_price": position.liquidation_price,
        "estimated_liquidation_price": found.estimate,
        "max_leverage": position.max_leverage,
        "funding_since_open": position.funding_since_open or Decimal(0),
        "venue_time": found.taken.snapshot.venue_time,
    }


def _has_moved(before: Held, after: Found | None) -> bool:
    """Whether anything was executed in it, or collateral of its own came or went."""
    if after is None:
        return True
    now = after.position
    return (now.size, now.entry_price) != (before.size, before.entry_price) or _has_new_collateral(before, now)


def _has_new_collateral(before: Held, now: PositionSnapshot) -> bool:
    """Whether margin was put in or taken out, funding apart, which leaves the bucket too (Hyperliquid 3.6).

    Where a venue does not say what funding was paid (Aster 3.3), only events tell the two apart: the next whole
    reading compares them with the bucket, and no look is spent on every funding.
    """
    if now.funding_since_open is None:
        return False
    if now.cash is None or before.cash is None:
        return now.cash != before.cash
    moved = now.cash - before.cash + now.funding_since_open - before.funding_since_open
    return abs(moved) > ROUNDING


def _was_traded(before: Held, after: Found | None) -> bool:
    return after is None or after.position.size != before.size


def _has_shrunk(before: Held, after: Found | None) -> bool:
    if after is None:
        return True
    size = after.position.size
    return before.size * size < 0 or abs(size) < abs(before.size)


def _keep_former(shrunk: Collection[int], moments: Mapping[int, datetime]) -> None:
    """Keep every position that became smaller, turned or went, as it was last seen."""
    if shrunk:
        FormerPosition.objects.bulk_create(
            FormerPosition(
                operator_id=row.operator_id,
                account_id=row.account_id,
                market_id=row.market_id,
                ended_at=moments[row.account_id],
                **{name: getattr(row, name) for name in FIGURES},
            )
            for row in Position.objects.filter(pk__in=shrunk).order_by("pk")
        )


def _keep_setting(before: Held, after: Found, seen_at: datetime | None) -> None:
    """Keep a change of leverage or mode that an open position shows, with our command if it was ours."""
    mode, leverage = after.position.mode.value, after.position.leverage
    if (mode, leverage) == (before.mode, before.leverage):
        return
    account, command = after.taken.account, _setting_command(before, leverage, seen_at)
    if command is None:
        _count_setting(before, after)
    SettingChange(
        operator_id=account.operator_id,
        account=account,
        market=after.market,
        command=command,
        mode_before=before.mode,
        leverage_before=before.leverage,
        mode=mode,
        leverage=leverage,
        happened_at=after.taken.snapshot.venue_time,
    ).save()


def _count_setting(before: Held, after: Found) -> None:
    """A setting that no command of ours explains is a difference, healed by having been taken over."""
    Difference(
        operator_id=after.taken.account.operator_id,
        account=after.taken.account,
        market=after.market,
        kind=DifferenceKind.SETTING,
        subject=after.market.name,
        ours=f"{before.mode} {before.leverage}x",
        venues=f"{after.position.mode.value} {after.position.leverage}x",
        healed_at=timezone.now(),
        explanation=SET_ELSEWHERE,
    ).save()


def _setting_command(before: Held, leverage: int, seen_at: datetime | None) -> Command | None:
    """The newest command of ours that asked for what is set now."""
    if seen_at is None:
        return None
    asked: Command | None = Command.objects.filter(
        account=before.place.account_id,
        market=before.place.market_id,
        kind=CommandKind.LEVERAGE,
        state__in=EFFECTIVE,
        prepared_at__gte=seen_at - CLOCKS_APART,
        intent__contains={"leverage": str(leverage)},
    ).first()
    return asked
