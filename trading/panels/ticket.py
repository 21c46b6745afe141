"""The order form as a trader finds it, and as it stands while he fills it in."""

from uuid import UUID

from tenants.policy import (
    closed_because,
    highest_leverage_in,
    offered_modes,
    slider_marks,
    starting_leverage,
    starting_mode,
)
from trading.desk import Desk
from trading.forms import OrderForm, OrderKind
from trading.margin.types import MarginMode, Side
from trading.models import Market
from trading.panels.available import build_available
from trading.panels.options import kind_choices, time_choices
from trading.panels.quote import build_quote
from trading.panels.survival import unasked
from trading.panels.view_models import Choice, Preset, Ticket, TicketTerms
from trading.quoting import Quoted, mode_closed_because, present_mode, usable_modes

PERCENTS = (10, 25, 50, 75, 100)
MODE_NOTES = {
    MarginMode.ISOLATED: "Only the margin you lock here can be lost.",
    MarginMode.CROSS: "Your whole cross balance backs this position.",
}


def build_ticket(desk: Desk, market: Market, quoted: Quoted, raw: dict[str, str], form_key: UUID) -> Ticket:
    """The order form as it stands; ``raw`` is what was typed, so that nothing is lost when something is wrong."""
    spec, form, highest = market.rules, quoted.form, quoted.highest_leverage
    return Ticket(
        market=market.address,
        base=spec.base,
        collateral=spec.collateral,
        form_key=str(form_key),
        terms=build_terms(desk, market, form.mode),
        side=form.side.value,
        kinds=kind_choices(form),
        price=raw.get("price", ""),
        trigger=raw.get("trigger", ""),
        execution=form.execution.value,
        times=time_choices(market, form),
        size=raw.get("size", ""),
        unit=form.unit.value,
        percent=str(form.percent or ""),
        leverage=str(form.leverage),
        leverage_min=1,
        leverage_max=highest,
        marks=tuple(Preset(label=f"{mark}x", value=str(mark)) for mark in slider_marks(desk.policy, highest)),
        percent_presets=tuple(Preset(label=f"{share}%", value=str(share)) for share in PERCENTS),
        reduce_only=form.reduce_only,
        protects=form.protects,
        take_profit=raw.get("take_profit", ""),
        stop_loss=raw.get("stop_loss", ""),
        quote=build_quote(desk, market, quoted),
        available=build_available(desk, market, default_form(desk, market), desk.now),
        survival=unasked(market.address),
        closed_because=closed_because(desk.policy, spec),
    )


def build_terms(desk: Desk, market: Market, chosen: MarginMode) -> TicketTerms:
    """The margin modes with what closes them, and what the leverage is about; ``chosen`` is the mode in the form."""
    modes = _modes(desk, market, chosen)
    return TicketTerms(
        modes=modes,
        mode_notes=tuple(Preset(label=MODE_NOTES[MarginMode(mode.value)], value=mode.value) for mode in modes),
        leverage_note=_leverage_note(desk, market),
    )


def still_offered(desk: Desk, market: Market, mode: MarginMode, found: OrderForm) -> MarginMode:
    """The mode that was chosen, or the ticket's own where that has been closed since."""
    return found.mode if mode_closed_because(desk, market, mode) else mode


def _modes(desk: Desk, market: Market, chosen: MarginMode) -> tuple[Choice, ...]:
    modes = (MarginMode.ISOLATED, MarginMode.CROSS) if desk.policy.offers_cross else (MarginMode.ISOLATED,)
    return tuple(
        Choice(
            value=mode.value,
            label=mode.value.title(),
            selected=mode is chosen,
            closed_because=mode_closed_because(desk, market, mode),
        )
        for mode in modes
    )


def _leverage_note(desk: Desk, market: Market) -> str:
    held, highest = desk.position_in(market), highest_leverage_in(desk.policy, market.rules)
    lower = desk.capabilities(market).lower_leverage
    if held and not lower.allowed:
        return lower.reason
    if held and held.mode == MarginMode.ISOLATED:
        return "Another leverage counts only for what you add."
    if highest < market.max_leverage:
        return f"Up to {highest}x here; the venue allows {market.max_leverage}x."
    # A line at all times: what is below stays where it is when a position opens.
    return f"Up to {highest}x in this market."


def default_form(desk: Desk, market: Market) -> OrderForm:
    """The ticket a trader finds: the mode that is set, and his own last choice on this market before the operator's
    default, clamped. Where the operator has closed the market, one that takes the position back."""
    spec = market.rules
    choice = desk.preferences.get(market.pk)
    held = desk.position_in(market)
    offered = usable_modes(desk, market) or offered_modes(desk.policy, spec.restriction)
    present = present_mode(desk, market)
    mode = MarginMode(held.mode) if held else starting_mode(desk.policy, offered, present)
    mode = mode if held or mode in offered else offered[0]
    highest = highest_leverage_in(desk.policy, spec)
    chosen = held.leverage if held else choice.leverage if choice else None
    left = held.size if held and closed_because(desk.policy, spec) else 0
    return OrderForm(
        side=Side.SHORT if left > 0 else Side.LONG,
        kind=OrderKind.MARKET,
        mode=mode,
        leverage=starting_leverage(desk.policy, mode, highest, chosen),
        reduce_only=left != 0,
    )
