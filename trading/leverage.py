"""Whether what is held can have a ticket's leverage, which is set before its order is sent.

Where the venue refuses to set it, no order is sent at all (Hyperliquid 3.8, Aster 3.4). For an order that only reduces
nothing is set.
"""

from trading.margin.changes import leverage_change_refusals
from trading.margin.preview import Start
from trading.margin.quotes import LeverageChange, OrderRequest, Refusal, RefusalCode

TICK_REDUCE_ONLY = " To reduce it, tick “Reduce only”."


def leverage_closed_because(start: Start, order: OrderRequest) -> str:
    """Why the leverage of the order cannot be set; empty where it can."""
    held = start.held
    if held is None or order.reduce_only or order.leverage == held.position.leverage:
        return ""
    refusals = leverage_change_refusals(start.state, LeverageChange(order.terms, order.leverage))
    if not refusals:
        return ""
    return _sentence(refusals[0]) + (TICK_REDUCE_ONLY if held.position.side is not order.side else "")


def _sentence(refusal: Refusal) -> str:
    lowest = f"{refusal.bound}x is the lowest for the position you hold."
    match refusal.code:
        case RefusalCode.EQUITY_BELOW_INITIAL_MARGIN:
            return f"{lowest} {refusal.reason}"
        case RefusalCode.NOT_ENOUGH_COLLATERAL:
            return f"{lowest} At less it needs more than your free collateral."
        case RefusalCode.LEVERAGE_ABOVE_MARKET | RefusalCode.LEVERAGE_ABOVE_TIER:
            return above_tier(refusal)
        case _:
            return refusal.reason


def above_tier(refusal: Refusal) -> str:
    """That a position of its value has less leverage, and how much."""
    bound = "" if refusal.bound is None else f" {refusal.bound.normalize():f}x is the most for this size."
    return f"The venue lowers its maximum leverage for large positions.{bound}"
