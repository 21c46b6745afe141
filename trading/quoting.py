"""From a ticket to the engine's preview: sizes resolved, bounds checked, refusals turned into sentences.

The order that is placed is recomputed here from the same raw inputs as the quote that was shown; a preview is never
trusted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tenants.policy import highest_leverage_in, offered_modes
from trading.books import has_elsewhere
from trading.desk import NO_FIGURES, UNREADABLE, Desk
from trading.forms import OrderForm, OrderKind, SizeUnit
from trading.holdings import market_terms
from trading.largest import USABLE, Taken, held_size, largest, taken_of, too_large
from trading.leverage import above_tier, leverage_closed_because
from trading.margin.preview import Start, preview_from, start_of
from trading.margin.quotes import MarketTerms, OrderEffect, OrderRequest, Preview, Refusal, RefusalCode
from trading.margin.types import Account, AccountMode, MarginMode
from trading.markets import offers_of
from trading.models import Market
from trading.protection import Result, at_once, never_fires, result_at, wrong_end
from trading.services.available import Available, free_in, is_asked_for
from trading.venues.snapshots import MarketSpec, TimeInForce, TriggerKind, Venue

NO_COLLATERAL = "There is no free collateral. Add funds at the venue, or free some from a position."
NO_COLLATERAL_THERE = "There is no free collateral for this market. Move some there from another book of your account."
NOT_TOLD = "The venue has not said yet how much this account may use here. Enter a size, or wait a moment."
WAYS_OUT = {"position": "Close it, or reduce.", "order": "Cancel it, or make it smaller."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A ticket worked out: the size in coins, what it does, and what stands in its way.

    ``preview`` is None where there is nothing to compute yet (no size) or nothing that can be: no mark, or rows from
    which no figure may be computed, and then ``problem`` says so. ``free`` is the free collateral before the order,
    None where it cannot be known. ``maximum`` is the largest size, ``taken`` what the venue takes as one order.
    ``take_profit`` and ``stop_loss`` are what the order's own exits would leave.
    """

    form: OrderForm
    highest_leverage: int
    mark: Decimal | None = None
    size: Decimal | None = None
    preview: Preview | None = None
    free: Decimal | None = None
    maximum: Decimal | None = None
    taken: Taken | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    take_profit: Result | None = None
    stop_loss: Result | None = None

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """What the venue would refuse of the order."""
        return self.preview.refusals if self.preview else ()

    @property
    def lacks_collateral(self) -> bool:
        """Whether there is no free collateral, or too little for this order."""
        is_short = any(refusal.code is RefusalCode.NOT_ENOUGH_COLLATERAL for refusal in self.refusals)
        return is_short or (self.free is not None and self.free <= 0)

    @property
    def can_place(self) -> bool:
        """Whether everything that is needed is there and nothing speaks against it."""
        return self.preview is not None and not self.errors


def quote_order(desk: Desk, market: Market, form: OrderForm, available: Available | None = None) -> Quoted:
    """Work out what the ticket would do to the desk, and say what is wrong with it, field by field.

    ``available`` is what the venue says that an account that is not standard may use.
    """
    spec, mark = market.rules, desk.mark(market)
    ceiling = desk.once(_ceiling, market)
    errors = dict(form.errors) | _choice_errors(desk, market, spec, form, ceiling)
    errors |= _kind_errors(spec, form, mark, errors)
    base = Quoted(form=form, highest_leverage=ceiling, mark=mark or None, errors=errors)
    if not mark:
        return replace(base, errors=errors | {"size": "There is no price yet."})
    try:
        told = None if available is None else free_in(available, held_size(desk, market), form.side)
        start = desk.once(_start, market, mark, told)
        least = _request(desk, market, form, mark)
        taken = _taken(desk, market, form)
        maximum = largest(desk, market, start, least, available, taken.most if taken else None)
        size = _size(spec, form, mark, maximum, is_told=available is not None)
        closed = leverage_closed_because(start, least)
        held = {"leverage": closed} if closed else {}
        if not size or "leverage" in errors:
            sized = replace(base, size=size, free=start.free, maximum=maximum, taken=taken)
            return replace(sized, errors=(held or _nothing_errors(desk, market, sized, start, least)) | errors)
        preview = preview_from(start, replace(least, size=size))
    except NO_FIGURES:
        return replace(base, problem=UNREADABLE)
    take_profit, stop_loss = _results(desk, form, preview)
    shown = replace(
        base,
        size=size,
        preview=preview,
        free=start.free,
        maximum=maximum,
        taken=taken,
        errors=_exit_errors(spec, form, preview) | held | errors,
        take_profit=take_profit,
        stop_loss=stop_loss,
    )
    found = {} if held or "size" in errors else _size_errors(desk, market, shown)
    return replace(shown, errors={**shown.errors, **found}) if found else shown


def _taken(desk: Desk, market: Market, form: OrderForm) -> Taken | None:
    """What the venue takes as one order; not known before the order's prices are."""
    if not form.has_its_prices:
        return None
    return desk.once(taken_of, market, form.side, form.price, form.time_in_force, form.waits_for, form.reduce_only)


def _ceiling(desk: Desk, market: Market) -> int:
    return highest_leverage_in(desk.policy, market.rules)


def _size(
    spec: MarketSpec, form: OrderForm, mark: Decimal, maximum: Decimal | None, *, is_told: bool
) -> Decimal | None:
    """The order's size in coins, cut to the lot; None where the ticket names none. Of a largest size that ``is_told``
    by the venue, which leaves nothing behind, the usable part counts."""
    if form.percent is not None:
        if maximum is not None and is_told and not form.reduce_only:
            maximum *= USABLE
        return spec.floor_size(maximum * form.percent / 100) if maximum is not None else None
    if form.amount is None:
        return None
    if form.unit is SizeUnit.COIN:
        return form.amount
    return spec.floor_size(form.amount / form.reference(mark))


def concerned(account: Account, name: str) -> Account:
    """The account without what an order in one market neither touches nor tells: isolated positions in other markets.

    In a standard account alone: in others the collateral behind them counts for the rest too (Hyperliquid 3.4).
    """
    if account.mode is not AccountMode.STANDARD:
        return account
    bearing = tuple(held for held in account.positions if held.mode is MarginMode.CROSS or held.market == name)
    return account if len(bearing) == len(account.positions) else replace(account, positions=bearing)


def _start(desk: Desk, market: Market, mark: Decimal, available: Decimal | None) -> Start:
    """Where every order in the market begins; ``available`` is what the venue says that it may use."""
    account = concerned(desk.engine_in(market), market.rules.name)
    if available is not None:
        account = replace(account, available=available)
    return start_of(account, desk.once(_terms, market), mark, desk.fees)


def _terms(desk: Desk, market: Market) -> MarketTerms:
    return market_terms(market.rules)


def _request(desk: Desk, market: Market, form: OrderForm, mark: Decimal) -> OrderRequest:
    """The ticket's order as the engine takes it, of one lot."""
    return OrderRequest(
        terms=desk.once(_terms, market),
        side=form.side,
        size=market.rules.size_step,
        mark_price=mark,
        mode=form.mode,
        leverage=form.leverage,
        fees=desk.fees,
        limit_price=form.price,
        reduce_only=form.reduce_only,
        is_maker=form.kind is OrderKind.LIMIT and form.time_in_force is TimeInForce.POST_ONLY,
        trigger_price=form.trigger,
    )


def _nothing_errors(desk: Desk, market: Market, quoted: Quoted, start: Start, least: OrderRequest) -> dict[str, str]:
    """Why an amount in collateral, or a share of what is available, comes to no lot at all."""
    spec, form = market.rules, quoted.form
    if form.percent is not None and quoted.maximum is None and is_asked_for(desk.account):
        return {"size": NOT_TOLD}
    if quoted.size != 0:
        return {}
    if form.percent is None or quoted.maximum:
        taken = quoted.taken
        return {"size": _smallest(spec, taken.least if taken else spec.least_size(form.reference(least.mark_price)))}
    if form.reduce_only:
        return {"size": _nothing_to_reduce(spec)}
    found = _refusal_sentences(desk, market, preview_from(start, least).refusals, quoted.maximum)
    return found or {"size": no_collateral(desk, market)}


def no_collateral(desk: Desk, market: Market) -> str:
    """What to do where a market's book has nothing free."""
    return NO_COLLATERAL_THERE if has_elsewhere(desk, market) else NO_COLLATERAL


def _smallest(spec: MarketSpec, least: Decimal) -> str:
    amount = f"{spec.min_notional.normalize():f} {spec.collateral}"
    return f"An order has to be worth at least {amount}: {least:f} {spec.base} or more."


def _choice_errors(desk: Desk, market: Market, spec: MarketSpec, form: OrderForm, ceiling: int) -> dict[str, str]:
    errors: dict[str, str] = {}
    if form.mode not in offered_modes(desk.policy, spec.restriction):
        errors["mode"] = f"{form.mode.value.title()} margin is not offered on {spec.base}."
    held = desk.position_in(market)
    allowed = desk.capabilities(market)
    closed = desk.once(mode_closed_because, market, form.mode)
    if closed and not form.reduce_only:
        errors.setdefault("mode", closed)
    if form.leverage > ceiling:
        whose = "the venue's maximum" if ceiling == spec.max_leverage else "the highest this exchange offers"
        errors["leverage"] = f"{ceiling}x is {whose} on {spec.base}."
    elif held and not form.reduce_only and form.leverage != held.leverage:
        change = allowed.raise_leverage if form.leverage > held.leverage else allowed.lower_leverage
        errors |= {} if change.allowed else {"leverage": change.reason}
    if spec.delisted:
        errors["size"] = f"{spec.base} has been delisted; open positions can only be closed."
    return errors


def _kind_errors(spec: MarketSpec, form: OrderForm, mark: Decimal | None, known: Mapping[str, str]) -> dict[str, str]:
    """What the venue would refuse of the order's kind: a trigger that is passed already, a time it does not know."""
    errors: dict[str, str] = {}
    offers = offers_of(Venue(spec.venue))
    if form.kind is OrderKind.LIMIT and form.time_in_force not in offers.times_in_force:
        errors["time_in_force"] = "This venue does not offer that. Choose another way for the order to rest."
    if mark and form.trigger_kind and form.trigger and "trigger" not in known:
        passed = at_once(form.trigger_kind, form.side, form.trigger, mark, spec)
        errors |= {"trigger": passed} if passed else {}
    if form.protects and (closed := exits_closed_because(form, offers.attaches_exits)):
        errors["protects"] = closed
    return errors


def exits_closed_because(form: OrderForm, attaches_exits: bool) -> str:
    """Why no take-profit and stop-loss can come with this order; empty where they can."""
    if form.reduce_only:
        return "An order that only reduces opens nothing to protect. Set both on the position instead."
    if not attaches_exits and form.kind is not OrderKind.MARKET:
        return "This venue ties them to an open position only. Set them there once this order is filled."
    return ""


def _exit_errors(spec: MarketSpec, form: OrderForm, preview: Preview) -> dict[str, str]:
    """A take-profit or stop-loss on the wrong side of the entry, or a stop that liquidation comes before."""
    if preview.fill is None or not (form.take_profit or form.stop_loss):
        return {}
    if preview.effect in (OrderEffect.REDUCES, OrderEffect.CLOSES):
        return {"protects": "This order opens nothing to protect. Set take-profit and stop-loss on the position."}
    found: dict[str, str] = {}
    for name, kind, price in (
        ("take_profit", TriggerKind.TAKE_PROFIT, form.take_profit),
        ("stop_loss", TriggerKind.STOP_LOSS, form.stop_loss),
    ):
        if price is not None:
            found[name] = wrong_end(kind, form.side, price, preview.fill.price)
    if form.stop_loss and not found["stop_loss"] and preview.after:
        found["stop_loss"] = never_fires(form.side, form.stop_loss, preview.after.liquidation.price, spec)
    return {name: sentence for name, sentence in found.items() if sentence}


def _results(desk: Desk, form: OrderForm, preview: Preview) -> tuple[Result | None, Result | None]:
    fill = preview.fill
    if fill is None:
        return None, None
    take, stop = (
        result_at(fill.size, fill.price, price, form.leverage, desk.fees, preview.fees.total) if price else None
        for price in (form.take_profit, form.stop_loss)
    )
    return take, stop


def _size_errors(desk: Desk, market: Market, quoted: Quoted) -> dict[str, str]:
    spec, taken = market.rules, quoted.taken
    if taken and quoted.size is not None and quoted.size < taken.least and not _closes_everything(quoted):
        return {"size": _smallest(spec, taken.least)}
    found = _refusal_sentences(desk, market, quoted.refusals, quoted.maximum)
    sentence = too_large(spec, quoted.size, taken.most) if taken else ""
    if taken and sentence and ("size" not in found or quoted.maximum == taken.most):
        found["size"] = sentence
    return {name: sentence for name, sentence in found.items() if name not in quoted.errors}


def _closes_everything(quoted: Quoted) -> bool:
    """Whether the order only reduces and takes the whole position; it may then be as small as that is."""
    preview = quoted.preview
    return quoted.form.reduce_only and preview is not None and preview.before is not None and preview.after is None


def _refusal_sentences(
    desk: Desk, market: Market, refusals: Iterable[Refusal], maximum: Decimal | None
) -> dict[str, str]:
    """The fields that refusals stand beside, each with the sentence of the first that does."""
    found: dict[str, str] = {}
    for refusal in refusals:
        name, sentence = _refusal_sentence(desk, market, refusal, maximum)
        found.setdefault(name, sentence)
    return found


def _refusal_sentence(desk: Desk, market: Market, refusal: Refusal, maximum: Decimal | None) -> tuple[str, str]:
    """The field a refusal stands beside, and its sentence with the bound that was passed."""
    spec = market.rules
    match refusal.code:
        case RefusalCode.NOT_ENOUGH_COLLATERAL:
            if maximum is None or maximum <= 0:
                return "size", no_collateral(desk, market)
            return (
                "size",
                f"That needs more than your free collateral: {maximum.normalize():f} {spec.base} is the most.",
            )
        case RefusalCode.LEVERAGE_ABOVE_MARKET | RefusalCode.LEVERAGE_ABOVE_TIER:
            return "leverage", above_tier(refusal)
        case RefusalCode.REDUCE_ONLY_WITHOUT_POSITION:
            return "size", _nothing_to_reduce(spec)
        case RefusalCode.REDUCE_ONLY_WOULD_INCREASE:
            return "size", "That would add to your position. Choose the other side, or untick “Reduce only”."
        case _:
            return _field_of(refusal), refusal.reason


def _nothing_to_reduce(spec: MarketSpec) -> str:
    return f"There is no {spec.base} position to reduce. Untick “Reduce only” to open one."


def _field_of(refusal: Refusal) -> str:
    return refusal.field if refusal.field in ("mode", "price", "size", "leverage") else "size"


def mode_closed_because(desk: Desk, market: Market, mode: MarginMode) -> str:
    """Why a margin mode cannot be chosen on a market now; empty where it can."""
    spec, allowed = market.rules, desk.capabilities(market)
    if mode not in offered_modes(desk.policy, spec.restriction):
        if not desk.policy.offers_cross:
            return "This exchange offers isolated margin only."
        return f"{spec.base} can only be traded with isolated margin."
    use = allowed.use_isolated if mode is MarginMode.ISOLATED else allowed.use_cross
    if not use.allowed:
        return use.reason
    return allowed.change_mode.reason if present_mode(desk, market) not in (None, mode) else ""


def present_mode(desk: Desk, market: Market) -> MarginMode | None:
    """The position's mode, what is set at the venue without one, or else what the trader chose last; None where nothing
    is known."""
    known = desk.position_in(market) or desk.settings.get(market.pk) or desk.preferences.get(market.pk)
    return MarginMode(known.mode) if known else None


def opening_closed_because(
    desk: Desk, market: Market, mode: MarginMode | None, leverage: int, what: str = "position"
) -> str:
    """Why nothing may be opened in a market at this mode and leverage now; empty where it may.

    For what opens with the settings that it finds: a reversal, and a resting ``what`` of "order" that grows. ``mode``
    is None where it is not known.
    """
    closed = desk.access.closed_because or desk.closed_because(market)
    if closed:
        return closed
    if mode is not None and mode not in offered_modes(desk.policy, market.rules.restriction):
        return f"This exchange offers isolated margin only here; your {what} is in cross. {WAYS_OUT[what]}"
    highest = highest_leverage_in(desk.policy, market.rules)
    if leverage > highest:
        return f"This exchange allows at most {highest}x here; your {what} has {leverage}x. {WAYS_OUT[what]}"
    return ""


def usable_modes(desk: Desk, market: Market) -> tuple[MarginMode, ...]:
    """The modes that the operator offers and the venue lets this account use, isolated first."""
    allowed = desk.capabilities(market)
    uses = {MarginMode.ISOLATED: allowed.use_isolated, MarginMode.CROSS: allowed.use_cross}
    return tuple(mode for mode in offered_modes(desk.policy, market.rules.restriction) if uses[mode].allowed)
