"""Open positions, and how old they are."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal

from trading.desk import NO_FIGURES, UNREADABLE, Desk
from trading.holdings import RULES
from trading.margin.cross import state_of
from trading.margin.quotes import Readout
from trading.margin.readout import readouts
from trading.margin.types import MarginMode, MarginRestriction, Side
from trading.markets import stale_limits
from trading.models import Command, Position
from trading.panels.liquidation import absence_word, brief_reason, distance_text, price_value, risk_of
from trading.panels.market import freshness, liquidation_text, price_text, tone_of
from trading.panels.numbers import field_text, leverage, money, percent, plain
from trading.panels.told import told_row
from trading.panels.utilisation import UNKNOWN, utilisation_of
from trading.panels.view_models import (
    Freshness,
    PositionRow,
    PositionsPanel,
    Risk,
    Tone,
)
from trading.protection import exit_price, exits_of
from trading.venues.snapshots import TriggerKind, Venue

SHARED = "Cross margin is shared by the whole account: add funds at the venue instead."


def build_positions(desk: Desk, unsettled: Sequence[Command] = ()) -> PositionsPanel:
    """Every open position at the newest marks, isolated and cross side by side."""
    fresh = account_freshness(desk)
    pending = {command.market_id: "checking" for command in unsettled}
    if desk.account is None:
        return PositionsPanel(rows=(), freshness=fresh)
    empty = PositionsPanel(rows=(), freshness=fresh, key=str(desk.account.pk))
    if desk.account.hedge_mode:
        told = [told_row(desk, row, _bare_row(row, fresh, pending.get(row.market_id, ""))) for row in desk.positions]
        return replace(empty, rows=_closed_by_venue(desk, told))
    try:
        rules = RULES[Venue(desk.account.venue)]
        figures = {name: one for pool in desk.engines for name, one in readouts(state_of(pool), rules).items()}
        rows = [
            build_row(row, figures[row.market.name], fresh, pending.get(row.market_id, "")) for row in desk.positions
        ]
    except NO_FIGURES:
        rows = [_bare_row(row, fresh, pending.get(row.market_id, "")) for row in desk.positions]
        return replace(empty, rows=tuple(rows), problem=UNREADABLE)
    return replace(empty, rows=_closed_by_venue(desk, rows))


def _closed_by_venue(desk: Desk, rows: Sequence[PositionRow]) -> tuple[PositionRow, ...]:
    """The rows with what the venue does not allow closed, each with its reason; what is closed keeps its own."""
    closed = []
    for shown, held in zip(rows, desk.positions, strict=True):
        allowed = desk.capabilities(held.market)
        row = replace(
            shown,
            add_closed_because=shown.add_closed_because or allowed.add_margin.reason,
            remove_closed_because=shown.remove_closed_because or allowed.remove_margin.reason,
            close_closed_because=shown.close_closed_because or allowed.trade.reason,
            take_profit=_exit_price(desk, held, TriggerKind.TAKE_PROFIT),
            stop_loss=_exit_price(desk, held, TriggerKind.STOP_LOSS),
        )
        closed.append(row)
    return tuple(closed)


def _exit_price(desk: Desk, held: Position, kind: TriggerKind) -> str:
    """The mark at which the position closes by itself; empty where nothing waits for one."""
    price = exit_price(exits_of(desk.orders, held).get(kind, ()))
    return "" if price is None else price_text(price, held.market.rules)


def account_freshness(desk: Desk) -> Freshness:
    """How old the account's figures are: as old as the oldest number they are computed from."""
    return freshness(desk.figures_at, desk.now, stale_limits(), "Account figures")


def _bare_row(row: Position, fresh: Freshness, pending: str) -> PositionRow:
    """What the venue said of a position, with nothing worked out from it: enough to close it."""
    spec, side = row.market.rules, Side.LONG if row.size > 0 else Side.SHORT
    return PositionRow(
        id=row.pk,
        market=row.market.address,
        base=spec.label,
        side=side.value.title(),
        side_tone=Tone.UP if side is Side.LONG else Tone.DOWN,
        mode=row.mode,
        mode_label=row.mode.title(),
        leverage=leverage(Decimal(row.leverage)),
        size=plain(row.size),
        value=UNKNOWN.text,
        collateral=spec.collateral,
        entry=plain(row.entry_price),
        entry_value=field_text(row.entry_price),
        mark=UNKNOWN.text,
        pnl=UNKNOWN.text,
        pnl_percent="",
        pnl_tone=Tone.PLAIN,
        margin=UNKNOWN.text,
        margin_note="",
        utilisation=UNKNOWN.text,
        utilisation_value=UNKNOWN.gauge,
        utilisation_tone=UNKNOWN.tone,
        liquidation="",
        liquidation_value="",
        liquidation_reason=UNREADABLE,
        distance="",
        risk=Risk.NONE,
        risk_words=UNKNOWN.text,
        as_of=fresh.as_of,
        add_closed_because="" if row.mode == MarginMode.ISOLATED else SHARED,
        remove_closed_because=UNREADABLE,
        pending=pending,
    )


def build_row(row: Position, shown: Readout, fresh: Freshness, pending: str = "") -> PositionRow:
    """One position as the table prints it."""
    spec, held, used = row.market.rules, shown.position, utilisation_of(shown)
    price, risk = shown.liquidation.price, risk_of(shown.distance)
    return replace(
        _bare_row(row, fresh, pending),
        value=money(held.notional),
        entry=price_text(held.entry_price, spec),
        mark=price_text(held.mark_price, spec),
        pnl=money(held.unrealised_profit, signed=True),
        pnl_percent=_return_text(shown),
        pnl_tone=tone_of(held.unrealised_profit),
        margin=money(shown.margin, rounding=ROUND_FLOOR),
        margin_note=_margin_note(shown),
        utilisation=used.text,
        utilisation_value=used.gauge,
        utilisation_tone=used.tone,
        liquidation=liquidation_text(price, held.mark_price, spec) if price else "",
        liquidation_value=price_value(price, held.mark_price, spec),
        liquidation_reason=brief_reason(shown.liquidation),
        distance=distance_text(held.side, shown.distance),
        risk=risk,
        risk_words=risk.value if risk is not Risk.NONE else absence_word(shown.liquidation),
        add_closed_because="" if held.mode is MarginMode.ISOLATED else SHARED,
        remove_closed_because=remove_closed_because(shown, spec.restriction),
    )


def _return_text(shown: Readout) -> str:
    """Profit over the initial margin at entry (Hyperliquid 2.3, returnOnEquity)."""
    basis = abs(shown.position.size) * shown.position.entry_price / shown.position.leverage
    return percent(shown.position.unrealised_profit / basis, 1, signed=True)


def _margin_note(shown: Readout) -> str:
    """The effective leverage where it has moved away from the set one."""
    actual = shown.effective_leverage
    if shown.position.mode is MarginMode.CROSS or actual is None or abs(actual - shown.position.leverage) <= 1:
        return ""
    return f"effective {leverage(actual)}"


def remove_closed_because(shown: Readout, restriction: MarginRestriction) -> str:
    """Why no margin can be taken out of a position; empty where some can."""
    if shown.position.mode is MarginMode.CROSS:
        return SHARED
    if restriction is MarginRestriction.STRICT_ISOLATED and shown.removable:
        return shown.removable.reason
    return ""
