"""Closing a position: whole or in part, at market or at a price, or over into its opposite."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal
from uuid import UUID

from trading.desk import NO_FIGURES, UNREADABLE, Desk
from trading.forms import CloseForm, CloseKind
from trading.holdings import market_terms
from trading.largest import NOBODY, taken_as_one, too_large
from trading.margin.preview import preview_order
from trading.margin.quotes import OrderRequest, Preview
from trading.margin.rounding import Direction
from trading.margin.types import MarginMode, Side
from trading.models import Position
from trading.panels.elements import (
    Change,
    Choice,
    Freshness,
    FreshnessState,
    LabelledChange,
    LiquidationCard,
    Preset,
    Tone,
    Trend,
)
from trading.panels.liquidation import build_card
from trading.panels.market import price_text, tone_of
from trading.panels.numbers import field_text, leverage, money, plain
from trading.panels.positions import account_freshness
from trading.quoting import opening_closed_because
from trading.services.drafts import Closing, closing_ticket
from trading.venues.snapshots import MarketSpec

SHARES = (25, 50, 75, 100)
KINDS = {CloseKind.MARKET: "Market", CloseKind.LIMIT: "Limit", CloseKind.FLIP: "Reverse"}
NOTES = {
    CloseKind.MARKET: "Sent as a reduce-only market order: it can close this position and never open another.",
    CloseKind.LIMIT: "Rests in the book as a reduce-only order: it can close this position and never open another.",
    CloseKind.FLIP: "One market order closes this position and opens one of the same size on the other side.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePreview:
    """What the close would leave, and the one button. ``errors`` maps a field's name to its sentence.

    ``liquidation`` is there only where a new position opens; ``seen_liquidation`` travels back with that order.
    """

    position_id: int
    pnl: str
    pnl_tone: Tone
    pnl_note: str
    changes: tuple[LabelledChange, ...]
    note: str
    button: str
    can_submit: bool
    freshness: Freshness
    size_value: str = ""
    liquidation: LiquidationCard | None = None
    seen_liquidation: str = ""
    blocked_because: str = ""
    must_start_over: bool = False
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseDialog:
    """The dialog as it stands."""

    position_id: int
    title: str
    badge: str
    mode: str
    base: str
    collateral: str
    kinds: tuple[Choice, ...]
    percents: tuple[Preset, ...]
    percent: str
    size: str
    price: str
    form_key: str
    preview: ClosePreview


def close_request(desk: Desk, row: Position, form: CloseForm, size: Decimal, mark: Decimal) -> OrderRequest:
    """The order that does it, as the engine takes it."""
    flips = form.kind is CloseKind.FLIP
    return OrderRequest(
        terms=market_terms(row.market.rules),
        side=Side.SHORT if row.size > 0 else Side.LONG,
        size=size * 2 if flips else size,
        mark_price=mark,
        mode=MarginMode(row.mode),
        leverage=row.leverage,
        fees=desk.fees,
        limit_price=form.price,
        reduce_only=not flips,
    )


def preview_close(desk: Desk, row: Position, form: CloseForm) -> Preview | None:
    """What closing would do; None where no figure may be computed, which keeps nobody from closing."""
    if not form.size:
        return None
    try:
        return preview_order(
            desk.engine_in(row.market),
            close_request(desk, row, form, form.size, desk.mark(row.market) or row.mark_price),
        )
    except NO_FIGURES:
        return None


def build_close_preview(desk: Desk, row: Position, form: CloseForm) -> ClosePreview:
    """What the close would leave. Without figures it closes all the same, and only a new position waits for them."""
    spec, fresh, preview = row.market.rules, account_freshness(desk), preview_close(desk, row, form)
    errors = _errors(desk, row, form) | dict(form.errors)
    opens = form.kind is CloseKind.FLIP
    blocked = _blocked(desk, row, fresh, preview) if opens else ""
    bare = ClosePreview(
        position_id=row.pk,
        pnl="not known",
        pnl_tone=Tone.PLAIN,
        pnl_note="" if errors else UNREADABLE,
        changes=(_position_change(row, form, spec),),
        note=NOTES[form.kind],
        button="Check the fields" if errors else _button(row, form, spec),
        can_submit=not errors and not blocked and bool(form.size),
        freshness=fresh,
        size_value=field_text(form.size) if form.size and form.percent else "",
        blocked_because=blocked,
        errors=errors,
    )
    return _with_estimates(bare, row, form, preview) if preview and not errors else bare


def _blocked(desk: Desk, row: Position, fresh: Freshness, preview: Preview | None) -> str:
    """A reversal opens something, so it is closed like any opening."""
    closed = opening_closed_because(desk, row.market, MarginMode(row.mode), row.leverage)
    if closed:
        return closed
    if fresh.state is FreshnessState.CLOSED:
        return fresh.reason
    if preview is None:
        return UNREADABLE
    return preview.refusals[0].reason if preview.refusals else ""


def _errors(desk: Desk, row: Position, form: CloseForm) -> dict[str, str]:
    """A part below the venue's least, from which the whole is exempt (Hyperliquid 1.4), and more than it takes as one
    order."""
    spec, mark = row.market.rules, desk.mark(row.market) or row.mark_price
    is_part = form.size is not None and form.size < abs(row.size)
    if form.size is None or "size" in form.errors:
        return {} if form.size else {"size": "Enter a size."}
    if not form.size:
        return {"size": f"That is less than the smallest size here, {plain(spec.size_step)} {spec.base}."}
    if form.kind is CloseKind.LIMIT and form.price is None:
        return {}
    flips = form.kind is CloseKind.FLIP
    wanted = Closing(form={}, size=None if flips else form.size, limit_price=form.price, flips=flips)
    ticket = closing_ticket(row, mark, NOBODY, wanted)
    taken = taken_as_one(spec, ticket)
    if ticket.size < taken.least and (is_part or flips):
        return {"size": _too_small(spec, taken.least, flips=flips)}
    sentence = too_large(spec, ticket.size, taken.most)
    return {"size": sentence} if sentence else {}


def _too_small(spec: MarketSpec, least: Decimal, *, flips: bool) -> str:
    if flips:
        worth = f"{plain(spec.min_notional)} {spec.collateral}"
        return f"An order that reverses has to be worth at least {worth}. Close the position instead."
    return f"A part has to be at least {plain(least)} {spec.base} here. Close more, or the whole position."


def _position_change(row: Position, form: CloseForm, spec: MarketSpec) -> LabelledChange:
    size = form.size or Decimal(0)
    left = -row.size if form.kind is CloseKind.FLIP else row.size - size.copy_sign(row.size)
    return LabelledChange(label="Position", change=Change(before=plain(row.size), after=plain(left), unit=spec.base))


def _button(row: Position, form: CloseForm, spec: MarketSpec) -> str:
    amount = f"{plain(form.size or Decimal(0))} {spec.base}"
    match form.kind:
        case CloseKind.FLIP:
            return f"Reverse to {'short' if row.size > 0 else 'long'} {amount}"
        case CloseKind.LIMIT:
            return f"Close {amount} at {plain(form.price or Decimal(0))}"
        case _:
            return f"Close {amount} at market"


def _with_estimates(shown: ClosePreview, row: Position, form: CloseForm, preview: Preview) -> ClosePreview:
    spec, fill = row.market.rules, preview.fill
    price = fill.price if fill else row.mark_price
    closed = min(form.size or Decimal(0), abs(row.size)).copy_sign(row.size)
    net = closed * (price - row.entry_price) - preview.fees.total
    opens = form.kind is CloseKind.FLIP
    card = build_card(preview.before, preview.after, spec) if opens else None
    is_at_mark = form.price is None and (fill is None or price == fill.mark_price)
    at = "at the mark" if is_at_mark else f"at {price_text(price, spec)}"
    return replace(
        shown,
        pnl=money(net, signed=True),
        pnl_tone=tone_of(net),
        pnl_note=f"{spec.collateral}, after {money(preview.fees.total, rounding=ROUND_CEILING)} of fees, {at}",
        changes=(*shown.changes, *_money_changes(preview)),
        liquidation=card,
        seen_liquidation=card.price_value if card else "",
    )


def _money_changes(preview: Preview) -> tuple[LabelledChange, ...]:
    before = preview.before.margin if preview.before else Decimal(0)
    after = preview.after.margin if preview.after else Decimal(0)
    return (
        LabelledChange(label="Position margin", change=Change(before=money(before), after=money(after))),
        LabelledChange(
            label="Free collateral",
            change=_free(preview),
            help="What closing frees: the margin of what is closed, with its profit or loss, less the fees.",
        ),
    )


def _free(preview: Preview) -> Change:
    before, after = preview.free_before, preview.free_after
    if before is None or after is None:
        return Change(after="not known")
    trend = Trend.SAME if before == after else Trend.BETTER if after > before else Trend.WORSE
    return Change(before=money(before), after=money(after), trend=trend)


def build_close_dialog(
    desk: Desk, row: Position, form: CloseForm, typed: Mapping[str, str], preview: ClosePreview, form_key: UUID
) -> CloseDialog:
    """The dialog with what is typed. A limit starts from the mark, rounded to the side that rests in the book."""
    spec, mark = row.market.rules, desk.mark(row.market) or row.mark_price
    at_mark = spec.price_rule.rounded(mark, Direction.UP if row.size > 0 else Direction.DOWN) if mark else None
    return CloseDialog(
        position_id=row.pk,
        title=f"Close {spec.base} {'long' if row.size > 0 else 'short'}",
        badge=f"{MarginMode(row.mode).value.title()} {leverage(Decimal(row.leverage))}",
        mode=row.mode,
        base=spec.base,
        collateral=spec.collateral,
        kinds=tuple(Choice(value=kind, label=label, selected=kind is form.kind) for kind, label in KINDS.items()),
        percents=tuple(Preset(label=f"{share}%", value=str(share)) for share in SHARES),
        percent=str(form.percent or ""),
        size=typed.get("size", ""),
        price=typed.get("price") or (field_text(at_mark) if at_mark else ""),
        form_key=str(form_key),
        preview=preview,
    )
