"""The questions asked backwards: from a wanted price to margin, from free collateral to the largest order, from a loss
budget to size, margin and leverage.

    margin to add   x = maintenance(|q| · p*) − q · p* − C          so that the position is liquidated at exactly p*
    largest order   size = free / (price · (rate(L) + extra)),      as far as (held + size) · price lies in the tier
    without a stop  size = budget / (price · rate(L)),               of which the fee of opening is paid
    with a stop     size = budget / (side · (price − stop) + price · opening fee + stop · closing fee)

With a stop, the leverage is the highest that keeps the liquidation price beyond it, so that the stop comes first.
Sizes round down to the lot, so the loss never exceeds the budget.

Sources: Hyperliquid rules 3.1 to 3.4; Aster rules 4.1 to 4.5.

>>> from dataclasses import replace
>>> from trading.margin.rules import HYPERLIQUID
>>> from trading.margin.types import MarginMode, TierTable
>>> held = Position("BTC", Decimal("0.002"), Decimal("64815"), Decimal("64794"), MarginMode.ISOLATED, 5,
...                 TierTable.single(40), cash=Decimal("-103.731933"))
>>> margin_for_price(held, Decimal("42395.915443037974683544303797")).quantize(Decimal("1e-6"))
Decimal('20.000000')
>>> budget = LossBudget(MarketTerms("BTC", TierTable.single(40), HYPERLIQUID), Side.LONG, Decimal(60000), Decimal(50),
...                     lot=Decimal("0.00001"), leverage=20)
>>> plan_for(budget).size, plan_for(budget).maximum_loss
(Decimal('0.01666'), Decimal('49.980000'))
>>> with_stop = plan_for(replace(budget, stop_price=Decimal(58000)))
>>> with_stop.size, with_stop.leverage, with_stop.loss_at_stop
(Decimal('0.02500'), 20, Decimal('50.000000'))
"""

from dataclasses import dataclass
from decimal import Decimal

from trading.margin.errors import MarginInputError, Problem
from trading.margin.fills import after_fill
from trading.margin.isolated import liquidation, loss_at
from trading.margin.liquidation import cash_for_liquidation
from trading.margin.preview import Start, assumed_price, free_for, opening_loss
from trading.margin.quotes import Fill, MarketTerms, OrderRequest
from trading.margin.rounding import decimal_of, margin_needed_up, maximum_loss_up, positive, size_down, whole_positive
from trading.margin.types import FeeRates, Liquidation, MarginMode, Position, Side

_ZERO, _ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class LossBudget:
    """What a trader may lose on a new isolated position; `leverage` is what is wanted, or the most with a stop."""

    terms: MarketTerms
    side: Side
    price: Decimal
    budget: Decimal
    lot: Decimal
    leverage: int
    fees: FeeRates = FeeRates()  # noqa: RUF009
    is_maker: bool = False
    stop_price: Decimal | None = None

    def __post_init__(self) -> None:
        for name in ("price", "budget", "lot"):
            positive(getattr(self, name), name)
        whole_positive(self.leverage, "leverage")
        if self.stop_price is not None:
            stop = positive(self.stop_price, "stop_price")
            if (self.price - stop) * self.side.sign <= 0:
                raise MarginInputError("stop_price", Problem.OUT_OF_RANGE, "a stop lies on the losing side")


@dataclass(frozen=True, slots=True)
class LossPlan:
    """A trade that keeps a budget; `maximum_loss` is what is lost without a stop, or when the stop fails."""

    size: Decimal
    leverage: int
    margin: Decimal
    liquidation: Liquidation
    loss_at_stop: Decimal | None
    maximum_loss: Decimal


def margin_for_price(position: Position, price: Decimal) -> Decimal:
    """The margin to add (below zero: to remove) so that an isolated position is liquidated at exactly `price`.

    Exact and unrounded. Raises MarginInputError for a price that the mark has passed already.
    """
    wanted = positive(price, "price")
    if (position.mark_price - wanted) * position.side.sign <= 0:
        raise MarginInputError("price", Problem.OUT_OF_RANGE, "a liquidation price lies on the losing side of the mark")
    return cash_for_liquidation(position.size, wanted, position.tiers) - position.bucket


def margin_for_distance(position: Position, distance: Decimal) -> Decimal:
    """The margin to add so that the liquidation price is this fraction of the mark away."""
    share = positive(decimal_of(distance, "distance"), "distance")
    price = position.mark_price * (1 - position.side.sign * share)
    if price <= 0:
        raise MarginInputError("distance", Problem.OUT_OF_RANGE, "a price cannot fall below zero")
    return margin_for_price(position, price)


def largest_size(
    terms: MarketTerms,
    price: Decimal,
    leverage: int,
    free: Decimal,
    lot: Decimal,
    *,
    held: Decimal = _ZERO,
    extra_rate: Decimal = _ZERO,
) -> Decimal:
    """The largest order that free collateral and tiers allow at a leverage, in coins, rounded down to the lot.

    `held` is the unsigned size that it adds to: the tiers bound the whole position. `extra_rate` is the share of the
    notional that must be free beside the margin. Sources: Hyperliquid rules 2.6, 3.2; Aster rules 3.4, 4.2.
    """
    affordable = terms.rules.notional_for(max(_ZERO, free), leverage, extra_rate) / positive(price, "price")
    return _within_tier(terms, size_down(affordable, positive(lot, "lot")), price, leverage, lot, held)


def largest_order(
    start: Start, order: OrderRequest, lot: Decimal, *, usable: Decimal = _ONE, fee_rate: Decimal = _ZERO
) -> Decimal | None:
    """The largest order like this one, whatever its own size, that `preview_from` does not refuse, in coins; None where
    the free collateral is not known.

    An order against the position closes that first, which needs no collateral (Hyperliquid rules 3.2, 3.3); one that
    only reduces ends there. Where only a `usable` share of what is free counts, or a fee on top of the margin, more
    than this may be accepted.
    """
    held, free = start.state.position(order.terms.market), free_for(start, order)
    size = _ZERO if held is None else abs(held.size)
    is_against = held is not None and held.side is not order.side
    if order.reduce_only:
        return size if is_against else _ZERO
    if free is None:
        return None
    price, _ = assumed_price(order)
    opened = largest_size(
        order.terms,
        price,
        order.leverage,
        free * usable,
        lot,
        held=_ZERO if is_against else size,
        extra_rate=fee_rate + opening_loss(order) / price,
    )
    return size + opened if is_against else opened


def plan_for(budget: LossBudget) -> LossPlan:
    """Size, margin and leverage of an isolated trade that loses at most the budget, fees included.

    Raises MarginInputError on `leverage` above the market's, on `budget` below one lot, and on `stop_price` where even
    the lowest leverage would be liquidated first.
    """
    if budget.leverage > budget.terms.tiers.max_leverage:
        raise MarginInputError("leverage", Problem.OUT_OF_RANGE, "above the market's maximum")
    size = size_down(_affordable(budget), budget.lot)
    lowest = 1 if budget.stop_price is not None else budget.leverage
    size = _within_tier(budget.terms, size, budget.price, lowest, budget.lot)
    if size <= 0:
        raise MarginInputError("budget", Problem.OUT_OF_RANGE, "too small for the smallest order")
    return _plan(budget, size, budget.leverage if budget.stop_price is None else _leverage_before(budget, size))


def _affordable(budget: LossBudget) -> Decimal:
    """The size, not yet rounded, whose loss is the budget."""
    if budget.stop_price is not None:
        one = Decimal(budget.side.sign)
        fees, is_maker = budget.fees, budget.is_maker
        return budget.budget / loss_at(one, budget.price, budget.stop_price, fees, is_maker=is_maker)
    return budget.terms.rules.notional_for(budget.budget, budget.leverage) / budget.price


def _within_tier(
    terms: MarketTerms, size: Decimal, price: Decimal, leverage: int, lot: Decimal, held: Decimal = _ZERO
) -> Decimal:
    """The size, or the largest lot with which a position of `held` stays below the notional that the leverage allows;
    zero where it has none to spare."""
    limit = terms.tiers.max_notional(leverage)
    if limit is None or (held + size) * price < limit:
        return size
    largest = size_down(limit / price - held, lot)
    return max(_ZERO, largest if (held + largest) * price < limit else largest - lot)


def _leverage_before(budget: LossBudget, size: Decimal) -> int:
    """The highest leverage at which the stop comes before liquidation."""
    highest = min(budget.leverage, budget.terms.tiers.max_leverage_at(size * budget.price))
    stop = positive(budget.stop_price, "stop_price")
    signed = budget.side.sign * size
    opened = _opened(budget, size, highest)
    spare = opened.bucket - cash_for_liquidation(signed, stop, budget.terms.tiers)
    if spare > 0:
        return highest
    notional = size * budget.price
    needed = budget.terms.rules.initial_margin(notional, highest) - spare
    fitting = int(notional // needed)
    if fitting * needed == notional:
        fitting -= 1
    if fitting < 1:
        raise MarginInputError("stop_price", Problem.OUT_OF_RANGE, "liquidation would come before this stop")
    return fitting


def _opened(budget: LossBudget, size: Decimal, leverage: int) -> Position:
    fee = size * budget.price * budget.fees.rate(is_maker=budget.is_maker)
    fill = Fill(budget.side.sign * size, budget.price, budget.price, leverage, fee)
    position = after_fill(None, fill, budget.terms, MarginMode.ISOLATED).position
    if position is None:
        raise MarginInputError("size", Problem.ZERO)
    return position


def _plan(budget: LossBudget, size: Decimal, leverage: int) -> LossPlan:
    rules, opened = budget.terms.rules, _opened(budget, size, leverage)
    margin = rules.initial_margin(size * budget.price, leverage)
    fee = size * budget.price * budget.fees.rate(is_maker=budget.is_maker)
    at_stop = None
    if budget.stop_price is not None:
        exact = loss_at(opened.size, budget.price, budget.stop_price, budget.fees, is_maker=budget.is_maker)
        at_stop = maximum_loss_up(exact, rules.margin_step)
    return LossPlan(
        size=size,
        leverage=leverage,
        margin=margin_needed_up(margin, rules.margin_step),
        liquidation=liquidation(opened),
        loss_at_stop=at_stop,
        maximum_loss=maximum_loss_up(max(_ZERO, opened.collateral) + fee, rules.margin_step),
    )
