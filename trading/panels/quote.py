"""The answer that the ticket gets while the slider moves: risk, cost, and the one button."""

from collections.abc import Mapping
from decimal import Decimal

from trading.books import MAIN, has_elsewhere
from trading.desk import NO_FIGURES, Desk
from trading.forms import OrderForm, SizeUnit
from trading.holdings import RULES
from trading.margin.cross import state_of
from trading.margin.quotes import OrderEffect, Preview, Readout
from trading.margin.readout import readouts
from trading.margin.types import MarginMode, Side
from trading.markets import stale_limits
from trading.models import Market
from trading.panels.liquidation import build_card, empty_card
from trading.panels.market import freshness
from trading.panels.numbers import field_text, leverage, money, plain
from trading.panels.options import at_price, exit_note, order_warning
from trading.panels.positions import account_freshness
from trading.panels.utilisation import utilisation_of
from trading.panels.view_models import Change, Freshness, FreshnessState, LabelledChange, MoveTo, Quote, Trend
from trading.quoting import Quoted
from trading.services.accounts import Stage
from trading.services.available import is_asked_for
from trading.venues.snapshots import MarketSpec

UNKNOWN = "not known"
NO_FIGURES_BEFORE = ("", "", "")
TICK_REDUCE_ONLY = "Tick “Reduce only” to send this one."
ERROR_BUTTONS = {
    "price": "Check the price",
    "trigger": "Check the trigger price",
    "time_in_force": "Check how the order rests",
    "protects": "Check take-profit and stop-loss",
    "take_profit": "Check the take-profit",
    "stop_loss": "Check the stop-loss",
    "size": "Check the size",
    "leverage": "Check the leverage",
}
CONNECT_BUTTONS = {
    Stage.NOT_CONNECTED: "Connect an account to trade",
    Stage.WATCHING: "Connect a trading key to trade",
    Stage.FEE_WAITING: "Approve the exchange fee to trade",
    Stage.EXPIRED: "Connect again to trade",
    Stage.REVOKED: "Connect again to trade",
}


def build_quote(desk: Desk, market: Market, quoted: Quoted, *, is_sent: bool = False) -> Quote:
    """Everything the ticket says about the order it holds. Of a field that waits to be filled in, only the button
    speaks until the ticket ``is_sent``."""
    spec, form, preview = market.rules, quoted.form, quoted.preview
    fresh = desk.once(quote_freshness, market)
    must_connect = _must_connect(desk, quoted)
    blocked = _blocked(desk, market, quoted, fresh, must_connect=must_connect)
    moves = not blocked and _moves(desk, market, quoted)
    after = preview.after if preview else None
    total_loss = after.maximum_loss.total if after and after.maximum_loss else None
    card = build_card(preview.before, after, spec) if preview else empty_card()
    margin, loss = _margin(preview), _loss_text(preview, total_loss)
    return Quote(
        market=market.address,
        side=form.side.value,
        margin=margin,
        liquidation=card,
        max_loss=loss,
        max_loss_unit=spec.collateral if total_loss is not None else "",
        max_loss_note=_loss_note(preview),
        venue_fee=money(preview.fees.venue) if preview else money(Decimal(0)),
        builder_fee=money(preview.fees.builder) if preview else money(Decimal(0)),
        fee_note=_fee_note(spec),
        book_fee=f"{spec.dex}'s own" if spec.dex else "",
        free=_free(quoted),
        button=CONNECT_BUTTONS[desk.access.stage] if must_connect else _button(quoted, spec, moves=moves),
        can_submit=quoted.can_place and not blocked,
        spoken=_spoken(form, margin.after if preview else "", card.price.after, loss if total_loss is not None else ""),
        freshness=fresh,
        blocked_because=blocked,
        must_connect=must_connect,
        reduces=_reduces(quoted),
        warning=_warning(preview) or order_warning(quoted),
        size_value=field_text(quoted.size) if quoted.size and form.percent else "",
        size_note=_size_note(quoted, spec),
        available_note=_available_note(desk, quoted, spec),
        seen_liquidation=card.price_value,
        seen_max_loss=field_text(total_loss) if total_loss is not None else "",
        take_profit=exit_note(quoted.take_profit, spec.collateral),
        stop_loss=exit_note(quoted.stop_loss, spec.collateral),
        position_changes=_position_changes(desk, market, preview),
        errors=quoted.errors if is_sent else _without(quoted.errors, form.missing),
        move_to=MoveTo(market.venue, spec.dex) if moves else None,
    )


def _without(errors: Mapping[str, str], missing: frozenset[str]) -> Mapping[str, str]:
    return {name: sentence for name, sentence in errors.items() if name not in missing} if missing else errors


def quote_freshness(desk: Desk, market: Market) -> Freshness:
    """How old a quote's numbers are: the older of the market's mark and, where there is one, the account."""
    prices = freshness(desk.marked_at(market), desk.now, stale_limits())
    if desk.account is None or prices.state is FreshnessState.CLOSED:
        return prices
    account = account_freshness(desk)
    return account if account.state is FreshnessState.CLOSED or account.as_of < prices.as_of else prices


def _blocked(desk: Desk, market: Market, quoted: Quoted, fresh: Freshness, *, must_connect: bool) -> str:
    reduces, trade = _reduces(quoted), desk.capabilities(market).trade
    if desk.account is not None and not trade.allowed:
        return trade.reason
    if must_connect:
        return desk.access.closed_because
    closed = desk.once(Desk.closed_because, market)
    if closed and not quoted.form.reduce_only:
        return f"{closed} {TICK_REDUCE_ONLY}" if reduces else closed
    if fresh.state is FreshnessState.CLOSED and not reduces:
        return fresh.reason
    return quoted.problem


def _moves(desk: Desk, market: Market, quoted: Quoted) -> bool:
    """Whether the way to this order is collateral from another book of the account."""
    return quoted.lacks_collateral and desk.access.may_reduce and has_elsewhere(desk, market)


def _reduces(quoted: Quoted) -> bool:
    return quoted.preview is not None and quoted.preview.effect in (OrderEffect.REDUCES, OrderEffect.CLOSES)


def _must_connect(desk: Desk, quoted: Quoted) -> bool:
    """Whether a step on the connect page comes before this order."""
    return bool(desk.access.closed_because) and not (desk.access.may_reduce and _reduces(quoted))


def _margin(preview: Preview | None) -> Change:
    """What the position will hold: on Hyperliquid the fee of opening has left it already (3.3)."""
    if preview is None:
        return Change(after=money(Decimal(0)))
    before = money(preview.before.margin) if preview.before else ""
    return Change(before=before, after=money(preview.after.margin if preview.after else Decimal(0)))


def _loss_text(preview: Preview | None, total: Decimal | None) -> str:
    if total is not None:
        return money(total, rounding="ROUND_CEILING")
    if preview is None or preview.after is None:
        return money(Decimal(0))
    return UNKNOWN


def _loss_note(preview: Preview | None) -> str:
    if preview is None or preview.after is None:
        return "Margin and fees together."
    if preview.after.position.mode is MarginMode.CROSS:
        return "Up to your whole cross balance answers for a cross position."
    return "Margin locked plus the fees of opening; a forced close pays its fee from the margin."


def _fee_note(spec: MarketSpec) -> str:
    """What the fees are of. A builder-deployed book has a share in the venue's that no reading names (Hyperliquid
    3.11)."""
    known = "What the venue takes and what this exchange takes, for this order."
    if not spec.dex:
        return known
    return f"{known} The book {spec.dex} adds a share of its own, told by the execution; in growth mode all is a tenth."


def _free(quoted: Quoted) -> Change:
    preview = quoted.preview
    if quoted.free is None:
        return Change(after=UNKNOWN)
    if preview is None or preview.free_after is None:
        return Change(after=money(quoted.free))
    trend = Trend.SAME
    if preview.free_after != quoted.free:
        trend = Trend.BETTER if preview.free_after > quoted.free else Trend.WORSE
    return Change(before=money(quoted.free), after=money(preview.free_after), trend=trend)


def _button(quoted: Quoted, spec: MarketSpec, *, moves: bool) -> str:
    """What the button will do, or what is missing."""
    if moves:
        return f"Move collateral to {spec.dex or MAIN}"
    if quoted.errors:
        return _button_for_error(quoted)
    if quoted.problem:
        return "No estimate right now"
    if not quoted.size or quoted.preview is None:
        return "Enter a size"
    amount = f"{plain(quoted.size)} {spec.base}{at_price(quoted.form)}"
    return _button_for_effect(quoted.form, quoted.preview.effect, amount)


def _button_for_effect(form: OrderForm, effect: OrderEffect, amount: str) -> str:
    held = "long" if form.side is Side.SHORT else "short"
    side = "Buy / Long" if form.side is Side.LONG else "Sell / Short"
    match effect:
        case OrderEffect.CLOSES:
            return f"Close {held} of {amount}"
        case OrderEffect.REDUCES:
            return f"Reduce {held} by {amount}"
        case OrderEffect.FLIPS:
            return f"{side} {amount}: flips your position"
        case _:
            return f"{side} {amount}"


def _button_for_error(quoted: Quoted) -> str:
    name, sentence = next(iter(quoted.errors.items()))
    if name in quoted.form.missing:
        return sentence.rstrip(".")
    return ERROR_BUTTONS.get(name, "Check the margin mode")


def _spoken(form: OrderForm, margin: str, liquidation: str, loss: str) -> str:
    """The quote as a screen reader says it; nothing of margin and liquidation before there is an order."""
    parts = [f"{form.leverage}x"]
    if margin:
        parts.append(f"margin {margin}")
        parts.append(f"liquidation about {liquidation}" if liquidation else "no liquidation price")
    if loss:
        parts.append(f"maximum loss {loss}")
    return ", ".join(parts)


def _warning(preview: Preview | None) -> str:
    if preview is None:
        return ""
    if preview.effect is OrderEffect.FLIPS:
        return "This closes your position and opens one on the other side."
    moved = [effect.market for effect in preview.others if effect.before.price != effect.after.price]
    if moved:
        return f"Moves the liquidation price of your other cross positions: {', '.join(moved)}."
    return ""


def _size_note(quoted: Quoted, spec: MarketSpec) -> str:
    if not quoted.size or quoted.mark is None:
        return ""
    value = quoted.size * quoted.form.reference(quoted.mark)
    if quoted.form.unit is SizeUnit.USD and not quoted.form.percent:
        return f"= {plain(quoted.size)} {spec.base}"
    return f"≈ {money(value)} {spec.collateral}"


def _available_note(desk: Desk, quoted: Quoted, spec: MarketSpec) -> str:
    if quoted.maximum is None:
        is_untold = is_asked_for(desk.account) and quoted.mark is not None and not quoted.problem
        return "max not known" if is_untold else ""
    return f"max {plain(quoted.maximum)} {spec.base}"


def _position_changes(desk: Desk, market: Market, preview: Preview | None) -> tuple[LabelledChange, ...]:
    """The position in this market as it is and as the order would leave it; the rows stand before anything is typed."""
    if preview is None:
        before, after = NO_FIGURES_BEFORE, desk.once(_figures_held, market)
    else:
        before = _figures_of(preview.before) if preview.before else NO_FIGURES_BEFORE
        after = _figures_of(preview.after)
    base = market.rules.base
    return (
        LabelledChange(label="Position", change=Change(before=before[0], after=after[0], unit=base)),
        LabelledChange(
            label="Effective leverage",
            change=Change(before=before[1], after=after[1]),
            help="Position value over the equity behind it.",
        ),
        LabelledChange(
            label="Margin utilisation",
            change=Change(before=before[2], after=after[2]),
            help="Maintenance margin over equity; liquidation at 100 %.",
        ),
    )


def _figures_held(desk: Desk, market: Market) -> tuple[str, str, str]:
    """The figures of the position that is open in a market; those of none where none can be worked out."""
    if desk.position_in(market) is None:
        return _figures_of(None)
    try:
        held = readouts(state_of(desk.engine_in(market)), RULES[market.rules.venue]).get(market.rules.name)
    except NO_FIGURES:
        held = None
    return _figures_of(held)


def _figures_of(held: Readout | None) -> tuple[str, str, str]:
    """Size, effective leverage and utilisation of a position."""
    return _size_of(held), _leverage_of(held), _utilisation_of(held)


def _size_of(readout: Readout | None) -> str:
    return plain(readout.position.size) if readout else "0"


def _leverage_of(readout: Readout | None) -> str:
    return leverage(readout.effective_leverage) if readout and readout.effective_leverage is not None else "none"


def _utilisation_of(readout: Readout | None) -> str:
    return utilisation_of(readout).text if readout else "none"
