"""What a venue would refuse, each with its code, its bound and its reason.

Sources: Hyperliquid rules 3.2, 3.8; Aster rules 3.2, 3.4, 4.2.
"""

from decimal import Decimal

from trading.margin.quotes import MarketTerms, Refusal, RefusalCode
from trading.margin.types import AccountMode, MarginMode, MarginRestriction

_ZERO = Decimal(0)
_MULTI_ASSET = "Isolated margin needs single-asset mode: leave multi-asset mode first."
_ISOLATED_ONLY = "Cross margin is not allowed on this market."


def mode_refusals(terms: MarketTerms, mode: MarginMode, account_mode: AccountMode) -> tuple[Refusal, ...]:
    """Modes that the market or the account rules out."""
    if mode is MarginMode.CROSS and terms.restriction is not MarginRestriction.NONE:
        return (Refusal(RefusalCode.CROSS_NOT_ALLOWED, "mode", None, _ISOLATED_ONLY),)
    if mode is MarginMode.ISOLATED and account_mode is AccountMode.MULTI_ASSET:
        return (Refusal(RefusalCode.ISOLATED_NOT_ALLOWED, "mode", None, _MULTI_ASSET),)
    return ()


def leverage_refusals(terms: MarketTerms, leverage: int, notional: Decimal) -> tuple[Refusal, ...]:
    """A leverage above the market's maximum or above that of the tier in which `notional` lies."""
    tiers = terms.tiers
    if leverage > tiers.max_leverage:
        bound = Decimal(tiers.max_leverage)
        return (Refusal(RefusalCode.LEVERAGE_ABOVE_MARKET, "leverage", bound, terms.rules.leverage_reason),)
    if tiers.notional_cap is not None and notional >= tiers.notional_cap:
        reason = "The position would be larger than this market allows at any leverage."
        return (Refusal(RefusalCode.NOTIONAL_ABOVE_CAP, "size", tiers.notional_cap, reason),)
    if leverage > tiers.max_leverage_at(notional):
        bound = Decimal(tiers.max_leverage_at(notional))
        reason = "A position of this value allows less leverage."
        return (Refusal(RefusalCode.LEVERAGE_ABOVE_TIER, "leverage", bound, reason),)
    return ()


def collateral_refusals(cost: Decimal, free: Decimal | None) -> tuple[Refusal, ...]:
    """A cost above the free collateral; nothing when the free collateral is not known."""
    if free is None or cost <= free:
        return ()
    reason = "The free collateral does not cover the margin."
    return (Refusal(RefusalCode.NOT_ENOUGH_COLLATERAL, "size", max(_ZERO, free), reason),)
