"""Closing every position at once, or cancelling every order: what it brings, and what became of each part of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from uuid import UUID

from trading.connect import gateway_of
from trading.desk import Desk
from trading.models import Market, Order, Position
from trading.panels.elements import Freshness, NoticeState, Tone
from trading.panels.market import price_text, tone_of
from trading.panels.notices import build_notice
from trading.panels.numbers import known_unit, leverage, money, percent, plain
from trading.panels.orders import describe_order
from trading.panels.positions import account_freshness
from trading.panels.utilisation import UNKNOWN
from trading.services.closing import Part, orders_part, position_part
from trading.services.drafts import SLIPPAGE, Closing, closing_ticket, entry_order
from trading.services.outcomes import is_carried_out
from trading.venues.errors import InvalidCommand
from trading.venues.snapshots import Venue

NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRow:
    """One position that is closed with the others. ``bound`` is the worst price its order takes."""

    part: str
    base: str
    badge: str
    mode: str
    side: str
    side_tone: Tone
    size: str
    value: str
    unit: str
    collateral: str
    pnl: str
    pnl_tone: Tone
    bound: str
    venue: str = ""
    closed_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseAllDialog:
    """Every open position, what they are worth together, and the one button."""

    rows: tuple[CloseRow, ...]
    value: str
    pnl: str
    pnl_tone: Tone
    fees: str
    unit: str
    note: str
    button: str
    can_submit: bool
    form_key: str
    freshness: Freshness
    blocked_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelGroup:
    """The orders of one market that are cancelled with the others."""

    part: str
    base: str
    orders: tuple[str, ...]
    venue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAllDialog:
    """Every resting order by its market, what is lost with them, and the one button."""

    groups: tuple[CancelGroup, ...]
    warning: str
    button: str
    can_submit: bool
    form_key: str
    blocked_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """What became of one part. ``command`` is its command's id, empty where none was written down."""

    id: str
    command: str
    state: NoticeState
    title: str
    detail: str
    time: str = ""
    venue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepTold:
    """What became of all parts so far. ``unsent`` counts those without a command."""

    rows: tuple[SweepRow, ...]
    title: str
    is_open: bool
    is_left: bool
    unsent: int
    again: str


def build_close_all(desks: Sequence[Desk], form_key: UUID, problem: str = "") -> CloseAllDialog:
    """Every position of these desks at the newest marks, as the tables have them."""
    many = len(desks) > 1
    held = [(desk, row) for desk in desks for row in desk.positions]
    rows = tuple(_close_row(desk, row, many=many) for desk, row in held)
    count = sum(1 for row in rows if not row.closed_because)
    coins = list(dict.fromkeys(row.collateral for row in rows))
    value, profit, fees = (_total(held, amount) for amount in (_value, _profit, _fee))
    return CloseAllDialog(
        rows=rows,
        value=UNKNOWN.text if value is None else money(value),
        pnl=UNKNOWN.text if profit is None else money(profit, signed=True),
        pnl_tone=Tone.PLAIN if profit is None else tone_of(profit),
        fees=UNKNOWN.text if fees is None else money(fees, rounding=ROUND_CEILING),
        unit=known_unit(value, coins[0]) if len(coins) == 1 else "",
        note=_note(coins),
        button=_button("Close", count, "position", "at market") if rows else "Nothing to close",
        can_submit=bool(count),
        form_key=str(form_key),
        freshness=min((account_freshness(desk) for desk in desks), key=lambda fresh: fresh.as_of),
        blocked_because=problem,
    )


def _note(coins: Sequence[str]) -> str:
    counted = f" {' and '.join(coins)} counted as one dollar each." if len(coins) > 1 else ""
    bound = percent(SLIPPAGE, 0)
    return (
        f"Each is sent as a reduce-only market order: it can close its position and never open another, and takes no "
        f"price more than {bound} beyond the mark. Resting orders stay.{counted}"
    )


def _button(verb: str, count: int, noun: str, how: str = "") -> str:
    if not count:
        return "Nothing can be closed here"
    many = "" if count == 1 else "s"
    return " ".join(filter(None, [verb, "all" if count > 1 else "", str(count), f"{noun}{many}", how]))


def _mark(desk: Desk, row: Position) -> Decimal:
    return desk.mark(row.market) or row.mark_price


def _value(desk: Desk, row: Position) -> Decimal:
    return Decimal(abs(row.size) * _mark(desk, row))


def _profit(desk: Desk, row: Position) -> Decimal:
    return Decimal(row.size * (_mark(desk, row) - row.entry_price))


def _fee(desk: Desk, row: Position) -> Decimal:
    return _value(desk, row) * desk.fees.rate(is_maker=False)


def _total(held: Sequence[tuple[Desk, Position]], amount: Callable[[Desk, Position], Decimal]) -> Decimal | None:
    """The sum over all positions; None where one of them has no price."""
    if any(not _mark(desk, row) for desk, row in held):
        return None
    return sum((amount(desk, row) for desk, row in held), Decimal(0))


def _close_row(desk: Desk, row: Position, *, many: bool) -> CloseRow:
    spec, mark = row.market.rules, _mark(desk, row)
    profit = _profit(desk, row)
    bound, problem = _bound(row, mark)
    return CloseRow(
        part=position_part(row),
        base=spec.label,
        badge=f"{row.mode.title()} {leverage(Decimal(row.leverage))}",
        mode=row.mode,
        side="Long" if row.size > 0 else "Short",
        side_tone=Tone.UP if row.size > 0 else Tone.DOWN,
        size=plain(row.size),
        value=money(_value(desk, row)) if mark else UNKNOWN.text,
        unit=spec.collateral if mark else "",
        collateral=spec.collateral,
        pnl=money(profit, signed=True) if mark else UNKNOWN.text,
        pnl_tone=tone_of(profit) if mark else Tone.PLAIN,
        bound=bound,
        venue=_venue(row.market, many=many),
        closed_because=desk.capabilities(row.market).trade.reason or problem,
    )


def _bound(row: Position, mark: Decimal) -> tuple[str, str]:
    """The worst price that the order takes, in words, or why there can be none."""
    try:
        order = entry_order(row.market.rules, closing_ticket(row, mark, NOBODY, Closing(form={})), "")
    except InvalidCommand as problem:
        return "", str(problem)
    verb, side = ("Buys", "above") if order.is_buy else ("Sells", "below")
    return f"{verb} {plain(abs(row.size))} at market, not {side} {price_text(order.limit_price, row.market.rules)}", ""


def _venue(market: Market, *, many: bool) -> str:
    return gateway_of(Venue(market.venue)).label if many else ""


def build_cancel_all(desks: Sequence[Desk], form_key: UUID, problem: str = "") -> CancelAllDialog:
    """Every resting order of these desks, by market."""
    groups = tuple(
        _cancel_group(market, orders, many=len(desks) > 1)
        for desk in desks
        for market, orders in by_market(desk.orders).items()
    )
    count = sum(len(group.orders) for group in groups)
    protects = any(row.trigger_price is not None and row.reduce_only for desk in desks for row in desk.orders)
    return CancelAllDialog(
        groups=groups,
        warning="Among them is what protects your positions: they would be left without it." if protects else "",
        button=_button("Cancel", count, "order") if groups else "Nothing to cancel",
        can_submit=bool(count),
        form_key=str(form_key),
        blocked_because=problem,
    )


def by_market(orders: Sequence[Order]) -> Mapping[Market, list[Order]]:
    """Orders by their market, in the order they come in."""
    groups: dict[Market, list[Order]] = {}
    for order in orders:
        groups.setdefault(order.market, []).append(order)
    return groups


def _cancel_group(market: Market, orders: Sequence[Order], *, many: bool) -> CancelGroup:
    return CancelGroup(
        part=orders_part(market),
        base=market.rules.label,
        orders=tuple(describe_order(order) for order in orders),
        venue=_venue(market, many=many),
    )


def build_told(parts: Sequence[Part], again: str, *, unsent: int = 0, many: bool = False) -> SweepTold:
    """What became of the parts; ``again`` names the dialog that tries once more, ``unsent`` counts parts without a
    command that are not among these."""
    rows = tuple(_told_row(part, many=many) for part in parts)
    waiting = sum(row.state in (NoticeState.SENT, NoticeState.CHECKING) for row in rows)
    missing = unsent + sum(1 for part in parts if part.command is None)
    undone = missing + sum(1 for part in parts if part.command and _is_left(part))
    return SweepTold(
        rows=rows,
        title=_told_title(len(rows) + unsent, waiting, undone),
        is_open=bool(waiting),
        is_left=bool(undone),
        unsent=missing,
        again=again,
    )


def _is_left(part: Part) -> bool:
    return part.command is not None and part.command.is_settled and not is_carried_out(part.command)


def _told_title(count: int, waiting: int, undone: int) -> str:
    if not count:
        return "Nothing was left to do."
    done = count - waiting - undone
    told = [f"{done} of {count} done"]
    told += [f"{waiting} being checked"] if waiting else []
    told += [f"{undone} not done"] if undone else []
    return "All done." if done == count else f"{', '.join(told)}."


def _told_row(part: Part, *, many: bool) -> SweepRow:
    venue = _venue(part.market, many=many)
    if part.command is None:
        title = f"Not sent: {part.market.rules.label}"
        return SweepRow(
            id=part.name, command="", state=NoticeState.REJECTED, title=title, detail=part.reason, venue=venue
        )
    notice = build_notice(part.command)
    return SweepRow(
        id=notice.id,
        command=notice.id,
        state=NoticeState.REJECTED if _is_left(part) else notice.state,
        title=notice.title,
        detail=f"{notice.detail} {notice.next_step}".strip(),
        time=notice.time,
        venue=venue,
    )
