"""Leverage and margin mode of markets in which an account holds nothing: what the venue tells is taken over.

An open position shows its own, and a change of it is found there (``apply_account``). Without one nothing shows it but
the venue's word on the market (Hyperliquid 2.6, Aster 3.3), which is asked for while a ticket of it is open
(``available``). What differs from all that we know of was set elsewhere: it is put on record, counted and healed like
that of a position, and the trader's own choice follows it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from trading.margin.types import MarginMode
from trading.models import (
    Command,
    Difference,
    FormerPosition,
    Market,
    Position,
    Preference,
    Setting,
    SettingChange,
    VenueAccount,
)
from trading.models.commands import OPEN_STATES, CommandKind, CommandState
from trading.models.records import DifferenceKind
from trading.services.apply_account import CLOCKS_APART, SET_ELSEWHERE
from trading.services.readings import SETTINGS, locked
from trading.statements import Statement
from trading.venues.snapshots import MarketSetting

TOLD = Statement(Setting, "account_id = %s AND market_id = ANY(%s)")
LAST_HELD = Statement(
    FormerPosition,
    """id = ANY(ARRAY(
        SELECT (
            SELECT id FROM trading_formerposition WHERE account_id = %s AND market_id = here
            ORDER BY ended_at DESC, id DESC LIMIT 1
        ) FROM unnest(%s::bigint[]) AS here
    ))""",
)
# Of those that were accepted, the last of each kind in each market: what came before counts no more (``followed_by``).
LAST_ACCEPTED = Statement(
    Command,
    """id = ANY(ARRAY(
        SELECT (
            SELECT id FROM trading_command
            WHERE account_id = %s AND market_id = here AND kind = asked AND settled_at IS NOT NULL
            AND kind IN ('mode', 'leverage') AND state = 'accepted' ORDER BY settled_at DESC LIMIT 1
        ) FROM unnest(%s::bigint[]) AS here, unnest(ARRAY['mode', 'leverage']) AS asked
    )) ORDER BY settled_at""",
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Mode and leverage."""

    mode: MarginMode
    leverage: int

    def __str__(self) -> str:
        return f"{self.mode} {self.leverage}x"


@dataclass(frozen=True, slots=True)
class Known:
    """What was set, as of a moment."""

    chosen: Chosen
    at: datetime


def take_over(
    account: VenueAccount, market: Market, told: MarketSetting, asked_at: datetime, settling: timedelta
) -> bool:
    """Keep what the venue told of a market when it was asked at ``asked_at``; whether it was set elsewhere.

    Where something is held, its reading tells. While a command of ours is on its way, or was settled after the
    question or so shortly before that the venue may not have shown it yet (``settling``), the answer may be of before
    or after it: then nothing is known, and the next answer counts.
    """
    chosen = Chosen(told.mode, told.leverage)
    with transaction.atomic():
        row = locked(account)
        if _is_older(row, market, asked_at, settling):
            return False
        before = None if _is_held(row, market) else expected(row, market)
        is_ours = before is None or _may_be_expected(row, market, chosen)
        Setting.objects.update_or_create(
            account=row,
            market=market,
            defaults={"mode": chosen.mode.value, "leverage": chosen.leverage, "told_at": asked_at},
        )
        if before is not None and not is_ours:
            _put_on_record(row, market, before, chosen, asked_at)
    return not is_ours


def _is_held(account: VenueAccount, market: Market) -> bool:
    found: bool = Position.objects.filter(account=account, market=market).exists()
    return found


def _is_older(account: VenueAccount, market: Market, asked_at: datetime, settling: timedelta) -> bool:
    """Whether more is known by now than what the venue could tell when it was asked."""
    newer = Setting.objects.filter(account=account, market=market, told_at__gte=asked_at)
    ours = _commands(account, market).filter(Q(state__in=OPEN_STATES) | Q(settled_at__gte=asked_at - settling))
    is_older: bool = newer.exists() or ours.exists()
    return is_older


def _commands(account: VenueAccount, market: Market) -> QuerySet[Command]:
    found: QuerySet[Command] = Command.objects.filter(account=account, market=market, kind__in=SETTINGS)
    return found


def expected(account: VenueAccount, market: Market, apart: timedelta = CLOCKS_APART) -> Chosen | None:
    """What has to be set where nothing is held, by all that we know; None where nothing is known.

    A position was seen at a moment of the venue's, and a command of ours settled at one of ours: a command counts as
    the later one where it is earlier by less than ``apart``.
    """
    known = _last_seen(account, market, apart)
    return followed_by(known, _newer(LAST_ACCEPTED.rows(account.pk, [market.pk]), market.pk, known))


def expected_in(account: VenueAccount, markets: Collection[int]) -> Mapping[int, Chosen]:
    """What has to be set in each of these markets, by their numbers, where anything is known: for pages, by as many
    statements for many markets as for one."""
    if not markets:
        return {}
    here = account.pk, [*markets]
    told = {row.market_id: row for row in TOLD.rows(*here)}
    former = {row.market_id: row for row in LAST_HELD.rows(*here)}
    ours = LAST_ACCEPTED.rows(*here)
    known = {market: _later(told.get(market), former.get(market), CLOCKS_APART) for market in markets}
    found = {market: followed_by(last, _newer(ours, market, last)) for market, last in known.items()}
    return {market: chosen for market, chosen in found.items() if chosen is not None}


def _newer(commands: Iterable[Command], market: int, known: Known | None) -> Iterator[Command]:
    """Those of a market that were settled after what is known of it."""
    for command in commands:
        at = command.settled_at
        if command.market_id == market and at is not None and (known is None or at > known.at):
            yield command


def _may_be_expected(account: VenueAccount, market: Market, chosen: Chosen) -> bool:
    """Whether this can be set without anybody's doing elsewhere, in whichever order a position was seen and commands of
    ours came at nearly the same time."""
    either = (expected(account, market, apart) for apart in (CLOCKS_APART, -CLOCKS_APART))
    return chosen in either or _may_be_hidden(account, market, chosen)


def _may_be_hidden(account: VenueAccount, market: Market, chosen: Chosen) -> bool:
    """Whether a command of ours that cannot be proven asked for this last."""
    last = _commands(account, market).exclude(state__in=(CommandState.REJECTED, CommandState.DEAD))
    asked = last.order_by("-prepared_at").values_list("state", "intent__mode", "intent__leverage").first()
    is_hidden: bool = asked == (CommandState.UNPROVEN, chosen.mode.value, str(chosen.leverage))
    return is_hidden


def _last_seen(account: VenueAccount, market: Market, apart: timedelta) -> Known | None:
    here = {"account": account, "market": market}
    former = FormerPosition.objects.filter(**here).order_by("-ended_at", "-pk").first()
    return _later(Setting.objects.filter(**here).first(), former, apart)


def _later(told: Setting | None, former: FormerPosition | None, apart: timedelta) -> Known | None:
    """What the venue showed last: when it was asked, or of the last position there, whose figures are those of its last
    reading and not of the one that found it gone."""
    if former is None or (told is not None and told.told_at >= former.ended_at):
        return None if told is None else Known(_chosen(told), told.told_at)
    return Known(_chosen(former), former.venue_time - apart)


def _chosen(row: Setting | FormerPosition) -> Chosen:
    return Chosen(MarginMode(row.mode), row.leverage)


def followed_by(known: Known | None, commands: Iterable[Command]) -> Chosen | None:
    """What is set after these commands of ours, each of them accepted, the oldest first.

    One that sets the leverage sets the mode with it, or was sent after the mode was set (Aster 3.4, 3.5).
    """
    chosen = None if known is None else known.chosen
    for command in commands:
        asked = Chosen(MarginMode(command.intent["mode"]), int(command.intent["leverage"]))
        if command.kind == CommandKind.LEVERAGE:
            chosen = asked
        elif chosen is not None:
            chosen = Chosen(asked.mode, chosen.leverage)
    return chosen


def _put_on_record(account: VenueAccount, market: Market, before: Chosen, after: Chosen, at: datetime) -> None:
    """Like a change of an open position that no command of ours explains, and the trader's choice follows."""
    whose = {"operator_id": account.operator_id, "account": account, "market": market}
    SettingChange(
        **whose,
        mode_before=before.mode.value,
        leverage_before=before.leverage,
        mode=after.mode.value,
        leverage=after.leverage,
        happened_at=at,
    ).save()
    Difference(
        **whose,
        kind=DifferenceKind.SETTING,
        subject=market.name,
        ours=str(before),
        venues=str(after),
        healed_at=timezone.now(),
        explanation=SET_ELSEWHERE,
    ).save()
    Preference.objects.update_or_create(
        trader_id=account.trader_id,
        market=market,
        defaults={"mode": after.mode.value, "leverage": after.leverage},
    )
