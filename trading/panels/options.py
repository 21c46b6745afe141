"""What an order may be besides its side and size: its kind, how long it rests, and the exits that come with it."""

from decimal import Decimal

from trading.forms import OrderForm, OrderKind
from trading.margin.quotes import Preview
from trading.margin.types import Side
from trading.markets import offers_of
from trading.models import Market
from trading.panels.elements import NO_EXIT, Choice, ExitNote
from trading.panels.market import tone_of
from trading.panels.numbers import money, percent, plain
from trading.protection import Result, is_narrow
from trading.quoting import Quoted
from trading.venues.snapshots import TimeInForce, Venue

KINDS = {
    OrderKind.MARKET: "Market",
    OrderKind.LIMIT: "Limit",
    OrderKind.STOP: "Stop",
    OrderKind.TAKE_PROFIT: "Take profit",
}
TIMES = {
    TimeInForce.GOOD_TILL_CANCELLED: "Until cancelled",
    TimeInForce.POST_ONLY: "Post only",
    TimeInForce.IMMEDIATE_OR_CANCEL: "Immediate or cancel",
    TimeInForce.FILL_OR_KILL: "Fill or kill",
}

CROSSING = {
    TimeInForce.POST_ONLY: "This price would match at once: as a post-only order it is likely to be refused.",
    TimeInForce.GOOD_TILL_CANCELLED: "This price is past the mark: the order fills at once, at this price or better.",
}
NOT_THERE = "The market is not at this price: the order is likely to be cancelled at once."
RESTING = {TimeInForce.IMMEDIATE_OR_CANCEL: NOT_THERE, TimeInForce.FILL_OR_KILL: NOT_THERE}


def kind_choices(form: OrderForm) -> tuple[Choice, ...]:
    """The kinds of order, in the order of their tabs."""
    return tuple(Choice(value=kind.value, label=label, selected=kind is form.kind) for kind, label in KINDS.items())


def time_choices(market: Market, form: OrderForm) -> tuple[Choice, ...]:
    """How a limit order may rest at this venue."""
    offered = offers_of(Venue(market.venue)).times_in_force
    return tuple(
        Choice(value=time.value, label=label, selected=time is form.time_in_force)
        for time, label in TIMES.items()
        if time in offered
    )


def exit_note(result: Result | None, collateral: str) -> ExitNote:
    """What a take-profit or stop-loss would leave; empty where there is none."""
    if result is None:
        return NO_EXIT
    text = f"{money(result.profit, signed=True)} {collateral} · {percent(result.share, 1, signed=True)} of margin"
    return ExitNote(text=text, tone=tone_of(result.profit))


def at_price(form: OrderForm) -> str:
    """At which price an order is placed, for the button; empty at market."""
    if form.trigger is not None:
        return f", {KINDS[form.kind].lower()} at {plain(form.trigger)}"
    return "" if form.price is None else f" at {plain(form.price)}"


def comes_too_late(preview: Preview) -> bool:
    """Whether the order waits for a price that lies beyond the liquidation of the position it is meant for."""
    held, fill = preview.before, preview.fill
    if held is None or fill is None or held.liquidation.price is None:
        return False
    return (fill.mark_price - held.liquidation.price) * held.position.side.sign <= 0


def order_warning(quoted: Quoted) -> str:
    """What the venue would do with an order that the trader may not mean; empty where nothing strikes."""
    form, preview, mark = quoted.form, quoted.preview, quoted.mark
    if preview is None or mark is None:
        return ""
    if comes_too_late(preview):
        return "Your position is liquidated before the market gets to this price: the order would come too late."
    liquidation = preview.after.liquidation.price if preview.after else None
    if form.stop_loss and is_narrow(form.side, form.stop_loss, liquidation):
        return "This stop leaves less than 1 % before liquidation: a fast market may reach both."
    return _limit_warning(form, mark)


def _limit_warning(form: OrderForm, mark: Decimal) -> str:
    if form.kind is not OrderKind.LIMIT or form.price is None:
        return ""
    crosses = form.price >= mark if form.side is Side.LONG else form.price <= mark
    if crosses:
        return CROSSING.get(form.time_in_force, "")
    return RESTING.get(form.time_in_force, "")
