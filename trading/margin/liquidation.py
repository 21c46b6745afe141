"""The liquidation price: one closed form for both venues, both modes and any number of tiers.

A position is liquidated where what backs it equals its maintenance margin. With q the signed size and C the cash leg
behind it (so that C + q · p is the equity at price p), and with the tier that holds the notional *at that price*:

    C + q · p = |q| · p · rate − deduction      =>      p = −(C + deduction) / (q − |q| · rate)

The equity above maintenance only falls while the price moves against the position, so exactly one tier holds the
answer, and −side · C says which: a long ends in the tier whose lower bound b satisfies b − maintenance(b) <= −C, a
short where b + maintenance(b) <= C. No iteration, nothing to converge.

Sources: Hyperliquid rules 3.4 (isolated, tiers with deduction; cross with C = equity − q · mark − maintenance of the
others) and Aster rules 4.3 (C = isolatedWallet − positionAmt · entryPrice, deduction = cum). The answer is not rounded.

>>> from trading.margin.tiers import TierTable
>>> at_40x = TierTable.single(40)
>>> liquidation_from_cash(Decimal("0.002"), Decimal("-103.731933"), at_40x).price.quantize(Decimal("1e-9"))
Decimal('52522.497721519')
>>> liquidation_from_cash(Decimal("-0.1"), Decimal("2617.195591"), TierTable.single(20)).price.quantize(Decimal("1e-8"))
Decimal('25533.61552195')
>>> liquidation_from_cash(Decimal("0.002"), Decimal("1"), at_40x).reason
<NoLiquidation.COVERED: 'covered'>
>>> covered_well = liquidation_from_cash(Decimal("-0.1"), Decimal("9000000"), at_40x)
>>> within_reach(covered_well, Side.SHORT, Decimal("65000")).reason
<NoLiquidation.BEYOND_REACH: 'beyond_reach'>
"""

from bisect import bisect_right
from decimal import Decimal

from trading.margin.tiers import TierTable
from trading.margin.types import Basis, Liquidation, NoLiquidation, Side

HIGHEST_PRICE = Decimal("1e15")
# A short that is liquidated at so many times its mark, or more, is told to be out of reach.
REACH = 1000
_ZERO = Decimal(0)


def liquidation_from_cash(size: Decimal, cash: Decimal, tiers: TierTable, basis: Basis = Basis.OWN) -> Liquidation:
    """The price at which cash + size · price equals maintenance, or why there is none; `size` is signed, not zero."""
    if size > _ZERO:
        reach, starts, divisors, absent = -cash, tiers.long_starts, tiers.long_divisors, NoLiquidation.COVERED
    else:
        reach, starts, divisors, absent = cash, tiers.short_starts, tiers.short_divisors, NoLiquidation.UNDER_WATER
    deduction, divisor = divisors[0] if len(starts) == 1 else divisors[max(0, bisect_right(starts, reach) - 1)]
    price = (reach + deduction) / (size * divisor)
    if price <= _ZERO:
        return Liquidation(None, absent, basis)
    if price > HIGHEST_PRICE:
        return Liquidation(None, NoLiquidation.BEYOND_REACH, basis)
    return Liquidation(price, None, basis)


def within_reach(found: Liquidation, side: Side, mark_price: Decimal) -> Liquidation:
    """The liquidation as it is told: none where only a price that no market comes to would liquidate a short."""
    if found.price is None or side is Side.LONG or found.price < REACH * mark_price:
        return found
    return Liquidation(None, NoLiquidation.BEYOND_REACH, found.basis)


def cash_for_liquidation(size: Decimal, price: Decimal, tiers: TierTable) -> Decimal:
    """The inverse: the cash leg with which a position of this size is liquidated at exactly this price."""
    return tiers.maintenance(abs(size) * price) - size * price
