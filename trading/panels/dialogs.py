"""The dialog that changes a position's margin."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal
from uuid import UUID

from trading.desk import UNREADABLE, Desk
from trading.margin.isolated import Bound
from trading.margin.quotes import Preview, Readout
from trading.margin.types import MarginMode
from trading.models import Position
from trading.panels.liquidation import build_card, empty_card, risk_of
from trading.panels.numbers import field_text, leverage, money, plain
from trading.panels.positions import account_freshness, remove_closed_because
from trading.panels.utilisation import utilisation_of
from trading.panels.view_models import (
    Change,
    Choice,
    FreshnessState,
    LabelledChange,
    MarginDialog,
    MarginPreview,
    Preset,
    Risk,
    Trend,
)

# The mark moves while the trader decides: removing the very last cent is refused one time in four (Hyperliquid 3.7).
# What cross positions leave free moves with their marks.
CUSHION = Decimal("0.01")
CENT = Decimal("0.01")
DISTANCES = (5, 10, 15, 20, 30)


def build_margin_preview(
    desk: Desk, row: Position, direction: str, amount: Decimal | None, preview: Preview | None, error: str
) -> MarginPreview:
    """What moving an amount would do; without an amount, what the position is now and how much may move. Without a
    ``preview`` no figure may be computed.

    ``amount`` is signed: below zero it leaves the position.
    """
    spec, fresh = row.market.rules, account_freshness(desk)
    if preview and error:
        # What cannot be done leaves the position as it is.
        preview = replace(preview, after=preview.before, free_after=preview.free_before)
    before, after = (preview.before, preview.after) if preview else (None, None)
    adding = direction == "add" if amount is None else amount > 0
    bound = _bound(preview, adding=adding)
    is_open = direction == "price" and amount is None
    blocked = "" if adding else desk.away_because or (fresh.reason if fresh.state is FreshnessState.CLOSED else "")
    has_amount = amount is not None and not error
    card = (
        build_card(before if has_amount else None, after, spec) if preview else replace(empty_card(), reason=UNREADABLE)
    )
    what = f"{'Add' if adding else 'Remove'} {plain(abs(amount or Decimal(0)))} {spec.collateral}"
    return MarginPreview(
        direction=direction,
        amount="" if amount is None else field_text(abs(amount)),
        collateral=spec.collateral,
        bound=_both_bounds(preview, row) if is_open else _bound_text(bound, row, adding=adding),
        bound_rule=bound.reason if bound and not is_open else "",
        liquidation=card,
        changes=_changes(before, after, preview) if preview else (),
        button=what if has_amount else _missing(direction, error),
        can_submit=has_amount and not blocked,
        spoken=f"{what}: liquidation about {card.price.after or 'none'}, {card.distance}",
        freshness=fresh,
        error=error,
        warning=_warning(after, adding=adding),
        blocked_because=blocked,
        seen_liquidation=card.price_value,
    )


def _missing(direction: str, error: str) -> str:
    if error:
        return "Check the price" if direction == "price" else "Check the amount"
    return "Enter a price or a distance" if direction == "price" else "Enter an amount"


def _bound(preview: Preview | None, *, adding: bool) -> Bound | None:
    if preview is None:
        return None
    return preview.addable if adding else (preview.before.removable if preview.before else None)


def usable_bound(bound: Bound | None, moving: Decimal) -> Decimal:
    """What “Max” fills in: the bound, less one per cent of the value that it moves with; in cents."""
    if bound is None or bound.amount is None:
        return Decimal(0)
    return max(Decimal(0), bound.amount - moving * CUSHION).quantize(CENT, ROUND_FLOOR)


def _bound_text(bound: Bound | None, row: Position, *, adding: bool) -> str:
    if bound is None or bound.amount is None:
        return ""
    usable = money(max(Decimal(0), bound.amount), rounding=ROUND_FLOOR)
    return f"Up to {usable} {row.market.rules.collateral} can be {'added' if adding else 'removed'}."


def _both_bounds(preview: Preview | None, row: Position) -> str:
    """Which way collateral moves is not decided until a price is typed."""
    texts = (_bound_text(_bound(preview, adding=adding), row, adding=adding) for adding in (True, False))
    return " ".join(text for text in texts if text)


def _changes(before: Readout | None, after: Readout | None, preview: Preview) -> tuple[LabelledChange, ...]:
    return (
        LabelledChange(label="Position margin", change=_change(_margin(before), _margin(after))),
        LabelledChange(
            label="Effective leverage",
            change=_change(_effective(before), _effective(after)),
            help="Position value over the equity behind it.",
        ),
        LabelledChange(
            label="Margin utilisation",
            change=_change(_used(before), _used(after)),
            help="Maintenance margin over equity; liquidation at 100 %.",
        ),
        LabelledChange(label="Maximum loss", change=_change(_loss(before), _loss(after))),
        LabelledChange(label="Free collateral", change=_change(_free(preview.free_before), _free(preview.free_after))),
    )


def _change(before: str, after: str) -> Change:
    return Change(after=after) if before == after else Change(before=before, after=after, trend=Trend.SAME)


def _margin(shown: Readout | None) -> str:
    return money(shown.margin) if shown else money(Decimal(0))


def _effective(shown: Readout | None) -> str:
    return leverage(shown.effective_leverage) if shown and shown.effective_leverage is not None else "none"


def _used(shown: Readout | None) -> str:
    return utilisation_of(shown).text if shown else "none"


def _loss(shown: Readout | None) -> str:
    if shown is None:
        return money(Decimal(0))
    return money(shown.maximum_loss.total, rounding="ROUND_CEILING") if shown.maximum_loss else "not known"


def _free(amount: Decimal | None) -> str:
    return "not known" if amount is None else money(amount)


def _warning(after: Readout | None, *, adding: bool) -> str:
    if adding or after is None or risk_of(after.distance) is not Risk.VERY_NEAR:
        return ""
    return "That leaves liquidation very near: a small move of the price would take the position."


def build_margin_dialog(
    desk: Desk, row: Position, typed: Mapping[str, str], preview: MarginPreview, base: Preview | None, form_key: UUID
) -> MarginDialog:
    """Move collateral of one isolated position. ``base`` is the position as it is, if known."""
    shown, direction = base.before if base else None, typed["direction"]
    closed = remove_closed_because(shown, row.market.rules.restriction) if shown else ""
    return MarginDialog(
        position_id=row.pk,
        title=f"Margin · {row.market.rules.base} {'long' if row.size > 0 else 'short'}",
        badge=f"Isolated {leverage(Decimal(row.leverage))}",
        mode=row.mode,
        directions=(
            Choice(value="add", label="Add", selected=direction == "add"),
            Choice(value="remove", label="Remove", selected=direction == "remove", closed_because=closed),
            Choice(value="price", label="To a price", selected=direction == "price"),
        ),
        amount=typed["amount"],
        target=typed["target"],
        add_presets=_presets(desk, row, base, adding=True),
        remove_presets=_presets(desk, row, base, adding=False),
        price_presets=tuple(Preset(label=f"{share} %", value=f"{share}%") for share in DISTANCES),
        form_key=str(form_key),
        preview=preview,
    )


def _moving(desk: Desk, row: Position, base: Preview | None, *, adding: bool) -> Decimal:
    """The value that what can be moved depends on: of all cross positions beside it when adding, else its own."""
    if base is None or base.before is None:
        return Decimal(0)
    if not adding:
        return base.before.position.notional
    cross = (held for held in desk.engine_in(row.market).positions if held.mode is MarginMode.CROSS)
    return sum((held.notional for held in cross), Decimal(0))


def _presets(desk: Desk, row: Position, base: Preview | None, *, adding: bool) -> tuple[Preset, ...]:
    most = usable_bound(_bound(base, adding=adding), _moving(desk, row, base, adding=adding))
    amounts = [amount for amount in desk.policy.margin_presets if amount <= most]
    presets = tuple(Preset(label=plain(amount), value=field_text(amount)) for amount in amounts)
    return (*presets, Preset(label="Max", value=field_text(most))) if most > 0 else presets
