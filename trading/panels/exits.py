"""Take-profit and stop-loss of an open position: what they would leave, and what speaks against them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from uuid import UUID

from trading.desk import NO_FIGURES, Desk
from trading.margin.cross import liquidations_in, state_of
from trading.margin.liquidation import within_reach
from trading.margin.rounding import Direction
from trading.margin.types import Side
from trading.models import Order, Position
from trading.panels.elements import NO_EXIT, Change, ExitNote, Freshness, LabelledChange, Preset
from trading.panels.liquidation import absence_word
from trading.panels.market import liquidation_text, price_text
from trading.panels.numbers import field_text, leverage, percent
from trading.panels.options import exit_note
from trading.panels.positions import account_freshness
from trading.protection import at_once, exit_price, exits_of, is_narrow, never_fires, opposite, result_at
from trading.services.drafts import Exits
from trading.venues.snapshots import MarketSpec, TriggerKind

# Offered as shares of the margin put up, which is what a trader thinks in; the field then holds the price.
PROFIT_SHARES = (Decimal("0.25"), Decimal("0.5"), Decimal(1))
LOSS_SHARES = (Decimal("-0.1"), Decimal("-0.25"), Decimal("-0.5"))
NAMES = {TriggerKind.TAKE_PROFIT: "take-profit", TriggerKind.STOP_LOSS: "stop-loss"}
FLAT = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsPreview:
    """What the two prices come to, and the one button. ``errors`` maps a field's name to its sentence."""

    position_id: int
    take_profit: ExitNote = NO_EXIT
    stop_loss: ExitNote = NO_EXIT
    errors: Mapping[str, str] = field(default_factory=dict)
    warning: str = ""
    button: str
    can_submit: bool
    blocked_because: str = ""
    must_start_over: bool = False
    freshness: Freshness


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsDialog:
    """The dialog: both prices as they are now, and what stands around them."""

    position_id: int
    title: str
    badge: str
    mode: str
    take_profit: str
    stop_loss: str
    profit_presets: tuple[Preset, ...]
    loss_presets: tuple[Preset, ...]
    facts: tuple[LabelledChange, ...]
    form_key: str
    preview: ExitsPreview


@dataclass(frozen=True, slots=True)
class ExitsChange:
    """What has to be done so that a position has the exits that are wanted: what goes, and what comes."""

    replaced: tuple[Order, ...]
    placed: Exits

    @property
    def is_none(self) -> bool:
        """Whether everything is as wanted already."""
        return not self.replaced and not self.placed


def change_of(desk: Desk, row: Position, wanted: Exits) -> ExitsChange:
    """What goes and what comes. An exit for the whole position at the wanted price stays untouched."""
    held, prices = exits_of(desk.orders, row), wanted.prices()
    kept = {
        kind
        for kind, orders in held.items()
        if len(orders) == 1 and orders[0].trigger_price == prices.get(kind) and _covers(orders[0], row)
    }
    replaced = tuple(order for kind, orders in held.items() if kind not in kept for order in orders)
    placed = {kind.value: price for kind, price in prices.items() if kind not in kept}
    return ExitsChange(replaced, Exits(**placed))


def _covers(order: Order, row: Position) -> bool:
    return order.trigger_is_market and (order.covers_position or order.size >= abs(row.size))


def build_exits_preview(desk: Desk, row: Position, wanted: Exits, unreadable: Mapping[str, str]) -> ExitsPreview:
    """What closing at these prices would leave, and why it cannot be asked for."""
    spec, mark = row.market.rules, desk.mark(row.market) or row.mark_price
    side, ends = _side(row), liquidation_price(desk, row)
    errors = dict(unreadable)
    for kind, price in wanted.prices().items():
        errors.setdefault(kind.value, at_once(kind, opposite(side), price, mark, spec) if mark else "")
    if wanted.stop_loss is not None and not errors["stop_loss"]:
        errors["stop_loss"] = never_fires(side, wanted.stop_loss, ends, spec)
    errors = {name: sentence for name, sentence in errors.items() if sentence}
    change = change_of(desk, row, wanted)
    narrow = wanted.stop_loss is not None and is_narrow(side, wanted.stop_loss, ends)
    return ExitsPreview(
        position_id=row.pk,
        take_profit=_note(desk, row, wanted.take_profit, spec),
        stop_loss=_note(desk, row, wanted.stop_loss, spec),
        errors=errors,
        warning="This stop leaves less than 1 % before liquidation: a fast market may reach both." if narrow else "",
        button="Check the prices" if errors else _button(change),
        can_submit=not errors and not change.is_none,
        freshness=account_freshness(desk),
    )


def _note(desk: Desk, row: Position, price: Decimal | None, spec: MarketSpec) -> ExitNote:
    if price is None:
        return NO_EXIT
    return exit_note(result_at(row.size, row.entry_price, price, row.leverage, desk.fees, FLAT), spec.collateral)


def _button(change: ExitsChange) -> str:
    if change.is_none:
        return "Nothing is changed"
    placed = [NAMES[kind] for kind in change.placed.prices()]
    if not placed:
        gone = dict.fromkeys(NAMES[TriggerKind(order.trigger_kind)] for order in change.replaced)
        return f"Remove {' and '.join(gone)}"
    return f"Set {' and '.join(placed)}"


def _side(row: Position) -> Side:
    return Side.LONG if row.size > 0 else Side.SHORT


def liquidation_price(desk: Desk, row: Position) -> Decimal | None:
    """Where the position ends by itself: by our figure, or by the venue's where ours cannot be had."""
    try:
        return liquidations_in(state_of(desk.engine_in(row.market)))[row.market.name].price
    except NO_FIGURES:
        told: Decimal | None = row.liquidation_price
        return told


def build_exits_dialog(
    desk: Desk, row: Position, typed: Mapping[str, str], preview: ExitsPreview, form_key: UUID
) -> ExitsDialog:
    """The dialog with what is typed, or with the exits that the position has."""
    spec = row.market.rules
    return ExitsDialog(
        position_id=row.pk,
        title=f"Take profit and stop loss · {spec.base} {_side(row).value}",
        badge=f"{row.mode.title()} {leverage(Decimal(row.leverage))}",
        mode=row.mode,
        take_profit=typed["take_profit"],
        stop_loss=typed["stop_loss"],
        profit_presets=_presets(desk, row, PROFIT_SHARES, TriggerKind.TAKE_PROFIT),
        loss_presets=_presets(desk, row, LOSS_SHARES, TriggerKind.STOP_LOSS),
        facts=_facts(desk, row),
        form_key=str(form_key),
        preview=preview,
    )


def typed_exits(desk: Desk, row: Position) -> dict[str, str]:
    """The exits of a position as its form would hold them."""
    held = exits_of(desk.orders, row)
    prices = {kind.value: exit_price(held.get(kind, ())) for kind in TriggerKind}
    return {name: field_text(price) if price is not None else "" for name, price in prices.items()}


def _presets(desk: Desk, row: Position, shares: tuple[Decimal, ...], kind: TriggerKind) -> tuple[Preset, ...]:
    """Prices that leave these shares of the margin, as far as they lie ahead of the mark and before liquidation."""
    spec, side, mark = row.market.rules, _side(row), desk.mark(row.market) or row.mark_price
    ends = liquidation_price(desk, row)
    found = []
    for share in shares:
        exact = row.entry_price * (1 + side.sign * share / row.leverage)
        if exact <= 0:
            continue
        price = spec.price_rule.rounded(exact, Direction.UP)
        is_late = at_once(kind, opposite(side), price, mark, spec) if mark else ""
        if not is_late and not (kind is TriggerKind.STOP_LOSS and never_fires(side, price, ends, spec)):
            found.append(Preset(label=percent(share, 0, signed=True), value=field_text(price)))
    return tuple(found)


def _facts(desk: Desk, row: Position) -> tuple[LabelledChange, ...]:
    spec, mark = row.market.rules, desk.mark(row.market) or row.mark_price
    entry = row.entry_price.quantize(spec.price_rule.step_at(row.entry_price), ROUND_HALF_EVEN)
    try:
        found = liquidations_in(state_of(desk.engine_in(row.market)))[row.market.name]
        ends = within_reach(found, _side(row), mark)
        words = liquidation_text(ends.price, mark, spec) if ends.price else absence_word(ends)
    except NO_FIGURES:
        words = "not known"
    return (
        LabelledChange(label="Entry", change=Change(after=price_text(entry, spec))),
        LabelledChange(label="Mark", change=Change(after=price_text(mark, spec))),
        LabelledChange(label="Liquidation price", change=Change(after=words)),
    )
