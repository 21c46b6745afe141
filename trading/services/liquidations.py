"""One record for each liquidation of a position, made of what the venue told of it and of what we had shown before.

The executions that a venue forced are the evidence (Hyperliquid 2.5; Aster 3.7, told apart by its list of forced
orders). Those of one market that follow each other closely are one liquidation: a large position goes in parts
(Hyperliquid 3.10). A record is worked out again from all of them whenever one more arrives, so late, doubled and
disordered executions come to the same one record. Aster's do not say what they found: that follows from the last
reading and what was executed since (``unread``).

In money (Hyperliquid 3.3, 3.10; Aster 4.9): an isolated position ends with its cash leg and what its executions
brought, less fees and, where a venue takes one, the liquidation's own. That comes back to the account, unless it is
below zero, which the venue bears, or a backstop was needed, which keeps all of it. A backstop of the whole cross
account keeps what the account was still worth.

An auto-deleveraging closes a position of one who did nothing wrong against a liquidated one that nobody else takes
(Hyperliquid 3.10, Aster 4.9). It is an execution like any other, without a fee, and nothing is taken or borne besides.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from django.db.models import Sum

from trading.connect import gateway_of
from trading.margin.types import MarginMode
from trading.models import (
    Fill,
    FormerPosition,
    FundingPayment,
    Liquidation,
    MarginChange,
    Position,
    Setting,
    VenueAccount,
)
from trading.models.accounts import PositionFigures
from trading.models.records import DELEVERAGED
from trading.services.announcements import Announcement, announced_at, announced_last, announcements_of
from trading.services.clearances import Clearance, clearance_of
from trading.services.liquidation_money import Execution, Outcome, isolated_outcome, released
from trading.services.unread import Course, Move, course_of
from trading.venues.base import Venue
from trading.venues.snapshots import PositionSide

# The venue waits half a minute between the parts of a large liquidation (Hyperliquid 3.10).
EPISODE = timedelta(minutes=1)
METHODS = ("market", "backstop")
BACKSTOP = "backstop"
# A position is liquidated, or closed against another one's liquidation: never both in one record.
KINDS = dict.fromkeys(METHODS, METHODS) | {DELEVERAGED: (DELEVERAGED,)}
ZERO = Decimal(0)


def record_liquidations(account: VenueAccount, since: datetime) -> list[Liquidation]:
    """Put every liquidation and auto-deleveraging with an execution since then on record, or work it out again; those
    that are new.

    ``account`` is locked by the running transaction.
    """
    forced = Fill.objects.filter(account=account).exclude(liquidation="")
    told = forced.filter(happened_at__gte=since).values_list("market_id", "is_buy", "liquidation").distinct().order_by()
    touched = {(market, is_buy, KINDS[method]) for market, is_buy, method in told if method in KINDS}
    new = []
    for market_id, is_buy, methods in sorted(touched):
        near = forced.filter(market_id=market_id, is_buy=is_buy, happened_at__gte=since - 2 * EPISODE)
        fills = near.filter(liquidation__in=methods).select_related("market")
        for episode in _episodes(sorted(fills, key=_place_in_time)):
            row, is_new = _record(account, episode)
            new += [row] if is_new else []
    return new


def _place_in_time(fill: Fill) -> tuple[datetime, Decimal, str]:
    """Of one moment, the execution that found more of the position came first."""
    return fill.happened_at, -abs(fill.start_position or ZERO), fill.key


def _episodes(fills: Sequence[Fill]) -> list[list[Fill]]:
    """Executions of one side of a market, cut where none followed for a while or the position was another one."""
    found = [[fills[0]]]
    for before, fill in pairwise(fills):
        if fill.happened_at - before.happened_at > EPISODE or not _continues(before, fill):
            found.append([])
        found[-1].append(fill)
    return found


def _continues(before: Fill, fill: Fill) -> bool:
    """Whether an execution found what the one before it had left; Aster does not tell."""
    if before.start_position is None or fill.start_position is None:
        return True
    left = before.start_position + (before.size if before.is_buy else -before.size)
    return bool(left == fill.start_position != 0)


def _record(account: VenueAccount, fills: list[Fill]) -> tuple[Liquidation, bool]:
    known = Liquidation.objects.filter(account=account, key__in=[fill.key for fill in fills])
    row = known.first() or Liquidation(operator_id=account.operator_id, account=account, market=fills[0].market)
    is_new = row.pk is None
    _tell_executions(row, fills)
    _tell_position(row, account, fills)
    # What stood for two until an execution between them arrived is one.
    Liquidation.objects.filter(account=account, key__in=[fill.key for fill in fills]).exclude(pk=row.pk).delete()
    row.save()
    return row, is_new


def _tell_executions(row: Liquidation, fills: list[Fill]) -> None:
    size = sum((fill.size for fill in fills), ZERO)
    first = fills[0]
    row.key = first.key
    row.happened_at, row.ended_at = first.happened_at, fills[-1].happened_at
    row.method = ", ".join(
        method for method in (*METHODS, DELEVERAGED) if any(fill.liquidation == method for fill in fills)
    )
    row.closed_size = size
    row.average_price = sum((fill.size * fill.price for fill in fills), ZERO) / size
    row.mark_price = first.liquidation_mark_price
    row.closed_pnl = sum((fill.closed_pnl for fill in fills), ZERO)
    row.fee = sum((fill.fee or ZERO for fill in fills if not fill.fee_token), ZERO)
    row.size_before = first.start_position if first.start_position is not None else (-size if first.is_buy else size)


def _tell_position(row: Liquidation, account: VenueAccount, fills: list[Fill]) -> None:
    """What we had shown of the position, and the outcome that follows from it."""
    seen = _seen_before(account, row, is_long=row.size_before > 0)
    is_as_seen = seen is not None and _tell_seen(row, account, seen, fills)
    announced = [] if row.is_deleveraging else _announced(account, row, fills)
    row.mode = seen.mode if seen else _mode_unseen(account, row, announced, fills)
    booked = clearance_of(account, fills, EPISODE)
    row.fee += booked.fee
    outcome = _outcome(row, account, seen if is_as_seen else None, announced, fills, booked)
    row.margin, row.returned, row.settled, row.lost = (
        outcome.margin, outcome.returned, outcome.settled, outcome.lost,
    )  # fmt: skip


def _tell_seen(row: Liquidation, account: VenueAccount, seen: PositionFigures, fills: list[Fill]) -> bool:
    """What was last read of the position, and whether it was still so when the liquidation began.

    Where it was traded since, its entry price follows from what the executions closed; a price of an earlier position,
    which went unread or turned, is none of this one's.
    """
    course = _course(account, row, seen, fills[0].start_position)
    is_enough = abs(course.last) >= row.closed_size and course.last * row.size_before > 0
    if fills[0].start_position is None and is_enough:
        row.size_before = course.last
    is_as_seen = course.sizes == (row.size_before,)
    row.position_side, row.leverage = seen.position_side, seen.leverage
    row.entry_price = seen.entry_price if is_as_seen else _entry_closed(row, fills)
    shown = seen if course.is_one_position else None
    row.liquidation_price = shown.liquidation_price if shown else None
    row.estimated_liquidation_price = shown.estimated_liquidation_price if shown else None
    row.seen_at = shown.venue_time if shown else None
    return is_as_seen


def _course(account: VenueAccount, row: Liquidation, seen: PositionFigures, told: Decimal | None) -> Course:
    """How the position went on after it was read. Which leg of a hedge was traded is not told."""
    if seen.position_side != PositionSide.BOTH:
        return Course((seen.size,))
    span = {"happened_at__gt": seen.venue_time, "happened_at__lt": row.happened_at}
    fills = Fill.objects.filter(account=account, market=row.market, **span).order_by("happened_at", "pk")
    traded = fills.values_list("happened_at", "is_buy", "size")
    moves = [Move(at, size if is_buy else -size) for at, is_buy, size in traded]
    return course_of(seen.size, seen.venue_time, moves, row.closed_size if told is None else abs(told))


def _entry_closed(row: Liquidation, fills: Iterable[Fill]) -> Decimal:
    """The entry price of what was closed."""
    closed = row.closed_size if row.size_before > 0 else -row.closed_size
    price: Decimal = (_brought(fills) - row.closed_pnl) / closed
    return price


def _announced(account: VenueAccount, row: Liquidation, fills: Iterable[Fill]) -> list[Announcement]:
    """What the venue announced of it: an entry for each time that it stepped in, with the size that it found."""
    sizes = {fill.start_position for fill in fills}
    near = announcements_of(account, row.market.name, row.happened_at - EPISODE, row.ended_at + EPISODE)
    return [announcement for announcement in near if announcement.sizes[row.market.name] in sizes]


def _mode_unseen(account: VenueAccount, row: Liquidation, announced: list[Announcement], fills: Iterable[Fill]) -> str:
    """As the venue's ledger tells, or its words for a backstop (Hyperliquid 2.5), or as was set in the market last."""
    told = announced_at(announced, row.market.name, row.size_before, row.happened_at)
    if told is not None and told.mode:
        return told.mode
    words = " ".join(fill.direction for fill in fills).lower()
    named = [mode.value for mode in MarginMode if mode.value in words]
    setting = None if named else Setting.objects.filter(account=account, market=row.market).first()
    return setting.mode if setting else next(iter(named), MarginMode.ISOLATED.value)


def _seen_before(account: VenueAccount, row: Liquidation, *, is_long: bool) -> PositionFigures | None:
    """The position as it was last read before it was liquidated: kept when it went, or still in our rows."""
    sign = {"size__gt": 0} if is_long else {"size__lt": 0}
    before = {"account": account, "market": row.market, "venue_time__lte": row.happened_at, **sign}
    former: FormerPosition | None = FormerPosition.objects.filter(**before).order_by("-venue_time", "-pk").first()
    held: Position | None = Position.objects.filter(**before).first()
    if held is not None and (former is None or former.venue_time < held.venue_time):
        return held
    return former if former is not None and former.ended_at >= row.happened_at else None


def _outcome(
    row: Liquidation,
    account: VenueAccount,
    seen: PositionFigures | None,
    announced: list[Announcement],
    fills: list[Fill],
    booked: Clearance,
) -> Outcome:
    """``row`` has its fee, what is ``booked`` of it included."""
    profit = row.closed_pnl + booked.borne
    if row.mode == MarginMode.CROSS:
        settled = _cross_settlement(row, announced, fills)
        return Outcome(None, None, settled, row.fee - profit - settled)
    cash = _cash(account, row, seen, announced_at(announced, row.market.name, row.size_before, row.happened_at))
    margin = _margin(row, cash, _brought(fills))
    if margin is None or cash is None:
        return Outcome(None, None, ZERO, row.fee - profit)
    returned, borne = released(cash, row.size_before, (_execution(fill) for fill in fills))
    return isolated_outcome(
        margin=margin,
        profit=profit,
        fee=row.fee,
        moved=(max(ZERO, returned - booked.fee), borne),
        is_whole=row.closed_size == abs(row.size_before),
        is_told=row.is_deleveraging or gateway_of(Venue(account.venue)).lists_liquidations,
    )


def _execution(fill: Fill) -> Execution:
    fee = ZERO if fill.fee is None or fill.fee_token else fill.fee
    return Execution(fill.size, fill.price, fee, fill.liquidation == BACKSTOP)


def _cross_settlement(row: Liquidation, announced: list[Announcement], fills: list[Fill]) -> Decimal:
    """A backstop keeps what the cross account was worth; it is counted once, with the first of its positions."""
    name = row.market.name
    last = announced_last(announced, name, row.ended_at)
    if last is None or last.equity is None or name != next(iter(last.sizes)):
        return ZERO
    left = abs(last.sizes[name])
    part = [fill for fill in fills if fill.start_position is not None and abs(fill.start_position) <= left]
    is_taken = bool(part) and all(fill.liquidation == BACKSTOP for fill in part)
    return -last.equity if is_taken else ZERO


def _margin(row: Liquidation, cash: Decimal | None, brought: Decimal) -> Decimal | None:
    """What the position held without open profit: its cash leg when it began, and its cost.

    The cost is what the executions brought less the profit they closed; an entry price is rounded (Hyperliquid 2.3).
    """
    if cash is None:
        return None
    cost: Decimal | None = brought - row.closed_pnl
    if row.closed_size != abs(row.size_before):
        cost = None if row.entry_price is None else row.size_before * row.entry_price
    return None if cost is None else cash + cost


def _cash(
    account: VenueAccount, row: Liquidation, seen: PositionFigures | None, announced: Announcement | None
) -> Decimal | None:
    """The cash leg when the liquidation began: as the venue tells it, or else as it was last seen, and what moved."""
    told = _told_cash(row, announced)
    if told is not None or seen is None or seen.cash is None:
        return told
    cash: Decimal = seen.cash + _moved_since(account, row, seen)
    return cash


def _told_cash(row: Liquidation, announced: Announcement | None) -> Decimal | None:
    """The cash leg that follows from the equity which the venue's ledger names (Hyperliquid 2.5).

    An isolated position is liquidated below its maintenance margin, which is at most half of its worth: a larger figure
    is not the position's.
    """
    if announced is None or announced.equity is None or row.mark_price is None:
        return None
    if announced.mode != MarginMode.ISOLATED:
        return None
    worth: Decimal = row.size_before * row.mark_price
    return announced.equity - worth if announced.equity < abs(worth) / 2 else None


def _moved_since(account: VenueAccount, row: Liquidation, seen: PositionFigures) -> Decimal:
    """Margin and funding that moved between the last look at a position and its liquidation."""
    span = {"account": account, "market": row.market, "happened_at__gt": seen.venue_time}
    moved = MarginChange.objects.filter(**span, happened_at__lte=row.happened_at)
    paid = FundingPayment.objects.filter(**span, happened_at__lte=row.happened_at)
    total: Decimal = sum((rows.aggregate(total=Sum("amount"))["total"] or ZERO for rows in (moved, paid)), ZERO)
    return total


def _brought(fills: Iterable[Fill]) -> Decimal:
    """What the executions were paid: above zero for a long that was sold."""
    return sum((-fill.size * fill.price if fill.is_buy else fill.size * fill.price for fill in fills), ZERO)


def note_remaining(account: VenueAccount, venue_time: datetime, equity: Decimal) -> None:
    """Keep what the account was worth at the first reading after each liquidation."""
    rows = Liquidation.objects.filter(account=account, remained=None, ended_at__lte=venue_time)
    rows.update(remained=equity)
