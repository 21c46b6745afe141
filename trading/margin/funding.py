"""Funding: what it costs, and what it does to what backs a position.

    payment = size · oracle price · rate        above zero: the trader pays

An isolated position pays from its bucket, so its liquidation price creeps; a cross position pays from the account.
The rate is that of the interval paid (Hyperliquid: one hour; Aster: 8, 4, 2 or 1 hours); Aster values at the mark.

Sources: Hyperliquid rules 2.5, 3.6; Aster rules 4.8.

>>> funding_payment(Decimal("-15.0"), Decimal("25368.992"), Decimal("0.00000625")).quantize(Decimal("1e-6"))
Decimal('-2.378343')
>>> funding_payment(Decimal("0.5"), Decimal("60000"), Decimal("0.0000125"))
Decimal('0.37500000')
>>> funding_payment(Decimal("2"), Decimal("3000"), Decimal("-0.0001"))
Decimal('-0.6000')
"""

from dataclasses import replace
from decimal import Decimal

from trading.margin.errors import MarginInputError, Problem
from trading.margin.rounding import decimal_of, not_zero, positive
from trading.margin.types import Account, MarginMode


def funding_payment(size: Decimal, price: Decimal, rate: Decimal) -> Decimal:
    """What one funding interval costs a position of this signed size; below zero where the trader receives."""
    return not_zero(size, "size") * positive(price, "price") * decimal_of(rate, "rate")


def with_funding(account: Account, market: str, paid: Decimal) -> Account:
    """The account after one position paid (above zero) or received funding that no snapshot shows yet."""
    held = account.position(market)
    if held is None:
        raise MarginInputError("market", Problem.UNKNOWN_VALUE, "there is no position in this market")
    amount = decimal_of(paid, "paid")
    after = replace(held, funding_since_open=held.funding_since_open + amount)
    isolated = held.mode is MarginMode.ISOLATED
    if isolated:
        after = replace(after, cash=held.bucket - amount)
    return replace(
        account,
        positions=tuple(after if other.market == market else other for other in account.positions),
        cross_equity=account.cross_equity if isolated else account.cross_equity - amount,
        spot_collateral=None if account.spot_collateral is None else account.spot_collateral - amount,
    )
