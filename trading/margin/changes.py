"""What a margin or leverage change does to an open position, before it is sent.

    adding or removing x    C' = C ± x; the cross account gives or gets x, so its other prices move too
    leverage, isolated      nothing moves: the bucket and the liquidation price stay; what may be removed changes
    leverage, cross         the initial margin N / L changes, and with it the free collateral; no price moves

Whether the margin mode may change is among what the venue allows in a market now (`Adapter.capabilities`): no figure
moves with it.

Sources: Hyperliquid rules 3.3, 3.7, 3.8; Aster rules 3.4, 3.6, 4.4, 4.6.

>>> from trading.margin.rules import ASTER, HYPERLIQUID
>>> from trading.margin.types import Bracket, TierTable
>>> held = Position("BTC", Decimal("0.002"), Decimal("64815"), Decimal("64794"), MarginMode.ISOLATED, 5,
...                 TierTable.single(40), cash=Decimal("-103.731933"))
>>> account, terms = Account.of([held], Decimal(50)), MarketTerms("BTC", TierTable.single(40), HYPERLIQUID)
>>> added = preview_margin_change(account, MarginChange(terms, Decimal(20)))
>>> added.after.liquidation.price.quantize(Decimal("1e-9")), added.free_after
(Decimal('42395.915443038'), Decimal('30'))
>>> preview_leverage_change(account, LeverageChange(terms, 3)).refusals[0].bound
Decimal('5')
"""

from dataclasses import replace
from decimal import Decimal

from trading.margin.cross import CrossState, addable, liquidations_in, state_of
from trading.margin.isolated import Bound, BoundRule, lowest_leverage, removable
from trading.margin.quotes import (
    LeverageChange,
    MarginChange,
    MarketTerms,
    Preview,
    Refusal,
    RefusalCode,
)
from trading.margin.readout import cross_effects, readout_of
from trading.margin.refusals import collateral_refusals, leverage_refusals
from trading.margin.rules import LeverageCeiling, MarginRules
from trading.margin.types import Account, MarginMode, Position

_ZERO = Decimal(0)
_NO_POSITION = Refusal(RefusalCode.NO_POSITION, "market", None, "There is no position in this market.")
_NOT_ISOLATED = Refusal(RefusalCode.NOT_ISOLATED, "market", None, "Only an isolated position holds margin of its own.")


def preview_margin_change(account: Account, change: MarginChange) -> Preview:
    """What adding (above zero) or removing (below zero) margin does, with the bound of the venue's own rule."""
    state, rules = state_of(account), change.terms.rules
    held = state.position(change.terms.market)
    if held is None:
        return _still(state, change.terms, (_NO_POSITION,))
    if held.mode is not MarginMode.ISOLATED:
        return _still(state, change.terms, (_NOT_ISOLATED,))
    moved = replace(held, cash=held.bucket + change.amount)
    end = state.with_position(held.market, moved, -change.amount)
    return replace(
        _between(state, end, change.terms),
        refusals=_margin_refusals(state, held, change.amount, rules),
        margin_needed=max(_ZERO, change.amount),
        released=max(_ZERO, -change.amount),
        addable=addable(state, rules),
    )


def preview_leverage_change(account: Account, change: LeverageChange) -> Preview:
    """What a new leverage does to an open position, or why the venue would refuse it."""
    state, terms = state_of(account), change.terms
    held = state.position(terms.market)
    refusals = leverage_change_refusals(state, change)
    if held is None:
        return _still(state, terms, refusals)
    end = state.with_position(terms.market, replace(held, leverage=change.leverage), _ZERO)
    return replace(_between(state, end, terms), refusals=refusals)


def leverage_change_refusals(state: CrossState, change: LeverageChange) -> tuple[Refusal, ...]:
    """Why the venue would refuse a new leverage; empty where it takes it."""
    terms, rules = change.terms, change.terms.rules
    held = state.position(terms.market)
    counts_tier = rules.leverage_ceiling is LeverageCeiling.TIER
    found = leverage_refusals(terms, change.leverage, held.notional if held and counts_tier else _ZERO)
    if held is None or found or change.leverage >= held.leverage:
        return found
    if held.mode is MarginMode.CROSS:
        return _cross_refusals(held, change.leverage, state.free_collateral(rules), rules)
    lowest = lowest_leverage(held, rules)
    if change.leverage >= lowest:
        return ()
    may = rules.may_lower_isolated_leverage
    code = RefusalCode.EQUITY_BELOW_INITIAL_MARGIN if may else RefusalCode.LOWER_LEVERAGE_NOT_ALLOWED
    return (Refusal(code, "leverage", Decimal(lowest), rules.lower_leverage_reason),)


def _margin_refusals(state: CrossState, held: Position, amount: Decimal, rules: MarginRules) -> tuple[Refusal, ...]:
    if amount % rules.margin_step != 0:
        reason = f"The smallest amount that can be moved is {rules.margin_step:f}."
        return (Refusal(RefusalCode.TOO_MANY_DECIMALS, "amount", rules.margin_step, reason),)
    if amount > 0:
        return _beyond(amount, addable(state, rules), RefusalCode.BEYOND_ADDABLE)
    bound = removable(held, rules)
    strict = bound.rule is BoundRule.STRICT_ISOLATED
    return _beyond(-amount, bound, RefusalCode.REMOVAL_NOT_ALLOWED if strict else RefusalCode.BEYOND_REMOVABLE)


def _beyond(amount: Decimal, bound: Bound, code: RefusalCode) -> tuple[Refusal, ...]:
    if bound.amount is None or amount <= bound.amount:
        return ()
    return (Refusal(code, "amount", bound.amount, bound.reason),)


def _cross_refusals(held: Position, leverage: int, free: Decimal | None, rules: MarginRules) -> tuple[Refusal, ...]:
    """A lower leverage whose initial margin the free collateral does not cover, with the lowest one that it does."""
    now = rules.initial_margin(held.notional, held.leverage)
    short = collateral_refusals(rules.initial_margin(held.notional, leverage) - now, free)
    if free is None or not short:
        return ()
    higher = range(leverage + 1, held.leverage)
    lowest = next((one for one in higher if rules.initial_margin(held.notional, one) - now <= free), held.leverage)
    return tuple(replace(refusal, field="leverage", bound=Decimal(lowest)) for refusal in short)


def _between(before: CrossState, after: CrossState, terms: MarketTerms) -> Preview:
    old, new = liquidations_in(before), liquidations_in(after)
    return Preview(
        before=readout_of(before, terms.market, old, terms.rules),
        after=readout_of(after, terms.market, new, terms.rules),
        free_before=before.free_collateral(terms.rules),
        free_after=after.free_collateral(terms.rules),
        others=cross_effects(before, old, new, terms.market),
    )


def _still(state: CrossState, terms: MarketTerms, refusals: tuple[Refusal, ...]) -> Preview:
    shown = readout_of(state, terms.market, liquidations_in(state), terms.rules)
    free = state.free_collateral(terms.rules)
    return Preview(shown, shown, free, free, refusals=refusals)
