"""What an order does, before it is sent: before → after for its position, the account and the other cross positions.

The price p of the fill is assumed as the venue assumes it, unless the caller expects another: on Hyperliquid the mark,
or the limit where that is better than the mark (rules 3.5); on Aster the limit, and for a market order the best ask
times 1.0005 or the better of best bid and mark (rules 4.2). No book is known here, so the mark stands for both. A limit
better than the mark fills only when the mark has come to it, so the position is then shown at that mark. An order with
a trigger goes out when the mark is there (Hyperliquid rules 3.10, 4.1), so all of this holds at the trigger instead.
Everything else follows `fills.py`.

In cross mode the account behind the new position is max(equity − maintenance of the others, new notional / L) where
exposure grows: Hyperliquid's "assume topped up to the initial margin" (rules 3.5). It matters only for an order that
the account cannot afford, which is refused beside it; it is not applied to reductions, where nobody tops up.

>>> from trading.margin.quotes import MarketTerms
>>> from trading.margin.rules import HYPERLIQUID
>>> from trading.margin.types import FeeRates, TierTable
>>> terms = MarketTerms("BTC", TierTable.single(40), HYPERLIQUID)
>>> order = OrderRequest(terms, Side.LONG, Decimal("0.002"), Decimal("64815"), MarginMode.ISOLATED, 5,
...                      FeeRates(taker=Decimal("0.00045")))
>>> answer = preview_order(Account(cross_equity=Decimal(100)), order)
>>> answer.after.liquidation.price.quantize(Decimal("0.01")), answer.after.maximum_loss.total
(Decimal('52537.89'), Decimal('25.926000'))
>>> answer.free_after.normalize()
Decimal('74.074')
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from trading.margin.cross import CrossState, liquidations_in, remarked, state_of
from trading.margin.fills import Outcome, after_fill, effect_of, increase_of
from trading.margin.liquidation import liquidation_from_cash
from trading.margin.quotes import (
    Fill,
    MarketTerms,
    OrderEffect,
    OrderFees,
    OrderRequest,
    Preview,
    Readout,
    Refusal,
    RefusalCode,
)
from trading.margin.readout import Prices, cross_effects, readout, readout_of
from trading.margin.refusals import collateral_refusals, leverage_refusals, mode_refusals
from trading.margin.rules import AssumedFill
from trading.margin.types import Account, FeeRates, Liquidation, MarginMode, Position, Side

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Start:
    """An account before an order in one market: the same for every size, side and leverage of it.

    `held` is the position in that market and `prices` are all liquidation prices, both at the order's mark.
    """

    state: CrossState
    prices: Prices
    held: Readout | None
    free: Decimal | None


def start_of(account: Account, terms: MarketTerms, mark_price: Decimal, fees: FeeRates) -> Start:
    """Where an order in a market begins."""
    state = _fresh(account, terms.market, mark_price)
    prices = liquidations_in(state)
    held = readout_of(state, terms.market, prices, terms.rules, fees)
    return Start(state, prices, held, state.free_collateral(terms.rules))


def preview_order(account: Account, order: OrderRequest) -> Preview:
    """What an order does, filled whole; a reduce-only order is cut to the position, as the venue cuts it."""
    return preview_from(start_of(account, order.terms, order.mark_price, order.fees), order)


def preview_from(start: Start, order: OrderRequest) -> Preview:
    """`preview_order` of the account whose start at the order's terms, mark and fees is known."""
    state = start.state
    if impossible := _impossible(state.position(order.terms.market), order):
        return Preview(start.held, start.held, start.free, start.free, refusals=impossible)
    trial = _trial(state, order)
    prices = liquidations_in(trial.end)
    return Preview(
        before=start.held,
        after=_after(trial, order, prices),
        free_before=start.free,
        free_after=trial.end.free_collateral(order.terms.rules),
        others=cross_effects(state, start.prices, prices, order.terms.market),
        refusals=_refusals(start, trial, order),
        effect=trial.effect,
        fill=trial.fill,
        margin_needed=trial.needed,
        released=trial.outcome.released,
        fees=trial.fees,
    )


@dataclass(frozen=True, slots=True)
class _Trial:
    """The order as if it had filled; `grown` is the unsigned part of it that opens new exposure."""

    effect: OrderEffect
    fill: Fill
    fees: OrderFees
    outcome: Outcome
    end: CrossState
    grown: Decimal
    needed: Decimal


def _trial(state: CrossState, order: OrderRequest) -> _Trial:
    market, rules = order.terms.market, order.terms.rules
    held = state.position(market)
    size = _size_of(held, order)
    price, mark = assumed_price(order)
    fees = _fees(order, abs(size) * price)
    fill = Fill(size, price, mark, order.leverage, fees.total)
    start = state.at_mark(market, mark)
    outcome = after_fill(_set_for(start.position(market), order), fill, order.terms, order.mode)
    end = start.with_position(market, outcome.position, outcome.equity_change)
    grown = abs(increase_of(held, size))
    needed = outcome.taken if order.mode is MarginMode.ISOLATED else rules.initial_margin(grown * price, order.leverage)
    return _Trial(effect_of(held, size), fill, fees, outcome, end, grown, needed)


def _set_for(held: Position | None, order: OrderRequest) -> Position | None:
    """The position with the order's leverage, which is set before the order is sent; for one that only reduces, nothing
    is set."""
    if held is None or order.reduce_only or held.leverage == order.leverage:
        return held
    return replace(held, leverage=order.leverage)


def _fresh(account: Account, market: str, mark_price: Decimal) -> CrossState:
    """The account at the mark of the order."""
    held = account.position(market)
    if held is None or held.mark_price == mark_price:
        return state_of(account)
    return state_of(remarked(account, {market: mark_price}))


def assumed_price(order: OrderRequest) -> tuple[Decimal, Decimal]:
    """The price at which the order is taken to fill, and the mark at that moment."""
    rules, mark, limit = order.terms.rules, order.trigger_price or order.mark_price, order.limit_price
    if order.expected_price is not None:
        return order.expected_price, mark
    if limit is not None:
        is_better = limit < mark if order.side is Side.LONG else limit > mark
        if is_better:
            return limit, limit
        return (limit if rules.assumed_fill is AssumedFill.LIMIT else mark), mark
    if order.side is Side.LONG:
        return mark * rules.market_buy_factor, mark
    return mark, mark


def _impossible(held: Position | None, order: OrderRequest) -> tuple[Refusal, ...]:
    """Orders from which no position follows."""
    if order.reduce_only and held is None:
        reason = "There is no position to reduce."
        return (Refusal(RefusalCode.REDUCE_ONLY_WITHOUT_POSITION, "reduce_only", None, reason),)
    if held is None:
        return ()
    if order.reduce_only and held.side is order.side:
        reason = "A reduce-only order must go against the position."
        return (Refusal(RefusalCode.REDUCE_ONLY_WOULD_INCREASE, "side", None, reason),)
    if held.mode is not order.mode:
        reason = order.terms.rules.open_position_reason
        return (Refusal(RefusalCode.MODE_DIFFERS_FROM_POSITION, "mode", None, reason),)
    return ()


def _size_of(held: Position | None, order: OrderRequest) -> Decimal:
    if order.reduce_only and held is not None:
        return order.side.sign * min(order.size, abs(held.size))
    return order.signed_size


def _fees(order: OrderRequest, notional: Decimal) -> OrderFees:
    venue = notional * order.fees.venue_rate(is_maker=order.is_maker)
    return OrderFees(venue, notional * order.fees.builder)


def opening_loss(order: OrderRequest) -> Decimal:
    """What each coin that the order opens loses at once at the mark, where that must be free as well as the margin
    (Aster rules 4.2)."""
    if not order.terms.rules.charges_open_loss:
        return _ZERO
    price, mark = assumed_price(order)
    return max(_ZERO, order.side.sign * (price - mark))


def free_for(start: Start, order: OrderRequest) -> Decimal | None:
    """What may be used for the exposure that the order opens, below zero where nothing is left; None where that is not
    known.

    The order's leverage is set before it: a cross position that it adds to then needs another initial margin
    (Hyperliquid rules 3.8, Aster rules 3.4). A flip closes the position before its rest opens and gives back what that
    held (Hyperliquid rules 3.3): the bucket, or a cross initial margin.
    """
    free, rules = start.free if order.available is None else order.available, order.terms.rules
    held = start.state.position(order.terms.market)
    if free is None or held is None:
        return free
    if held.mode is MarginMode.CROSS:
        kept = rules.initial_margin(held.notional, order.leverage) if held.side is order.side else _ZERO
        return free + rules.initial_margin(held.notional, held.leverage) - kept
    if held.side is order.side:
        return free
    price, mark = assumed_price(order)
    closing = Fill(-held.size, price, mark, order.leverage, _fees(order, abs(held.size) * price).total)
    return free + after_fill(held, closing, order.terms, order.mode).released


def _refusals(start: Start, trial: _Trial, order: OrderRequest) -> tuple[Refusal, ...]:
    """What the venue would refuse; it never refuses to shrink a position."""
    if not trial.grown or trial.outcome.position is None:
        return ()
    found = list(mode_refusals(order.terms, order.mode, start.state.account.mode))
    notional = abs(trial.outcome.position.size) * trial.fill.price
    found += leverage_refusals(order.terms, order.leverage, notional)
    found += collateral_refusals(trial.needed + trial.grown * opening_loss(order), free_for(start, order))
    return tuple(found)


def _after(trial: _Trial, order: OrderRequest, prices: Prices) -> Readout | None:
    held = trial.end.position(order.terms.market)
    if held is None:
        return None
    price = prices[held.market]
    if trial.grown and held.mode is MarginMode.CROSS and order.terms.rules.assumes_top_up:
        price = _topped_up(trial.end, held, price, order)
    return readout(trial.end, held, order.terms.rules, price, order.fees, trial.fees.total)


def _topped_up(end: CrossState, held: Position, price: Liquidation, order: OrderRequest) -> Liquidation:
    """The price with the account topped up to the new position's initial margin, where it has less."""
    if end.equity is None:
        return price
    behind = end.equity - end.maintenance + held.maintenance
    wanted = order.terms.rules.initial_margin(held.notional, held.leverage)
    if behind >= wanted:
        return price
    return liquidation_from_cash(held.size, wanted - held.size * held.mark_price, held.tiers, price.basis)
