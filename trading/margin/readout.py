"""One position with everything a panel shows of it, from the state of its account.

>>> from trading.margin.cross import state_of
>>> from trading.margin.rules import HYPERLIQUID
>>> from trading.margin.types import Account, TierTable
>>> held = Position("BTC", Decimal("0.002"), Decimal("64815"), Decimal("64794"), MarginMode.ISOLATED, 5,
...                 TierTable.single(40), cash=Decimal("-103.731933"))
>>> shown = readouts(state_of(Account.of([held])), HYPERLIQUID)["BTC"]
>>> shown.margin, shown.maximum_loss.total, shown.effective_leverage.quantize(Decimal("0.001"))
(Decimal('25.856067'), Decimal('25.898067'), Decimal('5.012'))
"""

from decimal import Decimal

from trading.margin.cross import CrossState, liquidations_in
from trading.margin.isolated import MaximumLoss, distance, effective_leverage, maximum_loss, removable, utilisation
from trading.margin.liquidation import within_reach
from trading.margin.quotes import CrossEffect, Readout
from trading.margin.rounding import maximum_loss_up
from trading.margin.rules import MarginRules
from trading.margin.types import FeeRates, Liquidation, MarginMode, Position

_ZERO = Decimal(0)
NO_FEES = FeeRates()

Prices = dict[str, Liquidation]
"""The liquidation price of every position of a state, by market."""


def readout(
    state: CrossState,
    held: Position,
    rules: MarginRules,
    price: Liquidation,
    fees: FeeRates = NO_FEES,
    opening_fee: Decimal = _ZERO,
) -> Readout:
    """The figures of one position; `price` is its liquidation from a pass over the account."""
    leverage, used = _burden(state, held)
    told = within_reach(price, held.side, held.mark_price)
    return Readout(
        position=held,
        margin=rules.initial_margin(held.notional, held.leverage) if held.cash is None else held.equity,
        effective_leverage=leverage,
        utilisation=used,
        liquidation=told,
        distance=distance(held.side, held.mark_price, told.price),
        maximum_loss=_maximum_loss(state, held, rules, fees, opening_fee),
        removable=None if held.cash is None else removable(held, rules),
    )


def readout_of(
    state: CrossState, market: str, prices: Prices, rules: MarginRules, fees: FeeRates = NO_FEES
) -> Readout | None:
    """The figures of the position in a market; None where it is flat."""
    held = state.position(market)
    return None if held is None else readout(state, held, rules, prices[market], fees)


def readouts(state: CrossState, rules: MarginRules) -> dict[str, Readout]:
    """Every position of an account, with one pass for all liquidation prices."""
    prices = liquidations_in(state)
    return {held.market: readout(state, held, rules, prices[held.market]) for held in state.positions}


def cross_effects(state: CrossState, before: Prices, after: Prices, market: str) -> tuple[CrossEffect, ...]:
    """How the liquidation prices of the other cross positions move."""
    others = (held.market for held in state.positions if held.mode is MarginMode.CROSS and held.market != market)
    return tuple(CrossEffect(name, before[name], after[name]) for name in others)


def _burden(state: CrossState, held: Position) -> tuple[Decimal | None, Decimal | None]:
    """Effective leverage and margin utilisation of what answers for the position: its bucket, or the cross account."""
    if held.mode is MarginMode.ISOLATED:
        equity = held.equity
        return effective_leverage(held.notional, equity), utilisation(held.maintenance, equity)
    if state.equity is None:
        return None, None
    notional = sum((other.notional for other in state.positions if other.mode is MarginMode.CROSS), _ZERO)
    return effective_leverage(notional, state.equity), utilisation(state.maintenance, state.equity)


def _maximum_loss(
    state: CrossState, held: Position, rules: MarginRules, fees: FeeRates, opening_fee: Decimal
) -> MaximumLoss | None:
    """A cross position can cost all that the cross account is worth; an isolated one its bucket."""
    if held.mode is MarginMode.ISOLATED:
        return maximum_loss(held, rules, fees, opening_fee)
    if state.equity is None:
        return None
    worth = max(_ZERO, state.equity)
    return MaximumLoss(worth, opening_fee, _ZERO, maximum_loss_up(worth + opening_fee, rules.margin_step))
