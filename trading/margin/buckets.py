"""The cash leg of an isolated bucket, from the figures that Aster prints.

    C = wallet − size · entry         Aster's isolatedWallet

Aster's engine works with the entry price cut to eight decimals, even where its answers show more, and a few old rows
show an entry that their own profit contradicts: then the profit tells which entry the engine holds.

Sources: Aster rules 4.1, 4.3.

>>> cash_of_wallet(Decimal("0.1"), Decimal("100000"), Decimal("1000"))
Decimal('-9000.0')
>>> cash_of_wallet(Decimal("-0.1"), Decimal("100000"), Decimal("1000"))
Decimal('11000.0')
>>> entry_price_held(Decimal("65457"), Decimal("0.4281605481461"), Decimal("0.3787"), Decimal("-3237.53856678"))
Decimal('0.42816054')
"""

from decimal import ROUND_DOWN, Decimal

from trading.margin.rounding import decimal_of, not_negative, not_zero, positive

_ENTRY_STEP = Decimal("1e-8")
# Profits are printed with eight decimals, and a cut entry moves them by less than its last decimal per coin.
_PRINTED_STEP = Decimal("1e-8")


def cash_of_wallet(size: Decimal, entry_price: Decimal, wallet: Decimal) -> Decimal:
    """The cash leg of a bucket into which `wallet` was put."""
    return not_negative(wallet, "wallet") - not_zero(size, "size") * positive(entry_price, "entry_price")


def entry_price_held(size: Decimal, entry_price: Decimal, mark_price: Decimal, profit: Decimal) -> Decimal:
    """The entry price the engine works with, from the one it shows and the unrealised profit it prints."""
    shown = positive(entry_price, "entry_price").quantize(_ENTRY_STEP, rounding=ROUND_DOWN)
    quantity, printed = not_zero(size, "size"), decimal_of(profit, "profit")
    off = abs(quantity * (positive(mark_price, "mark_price") - shown) - printed)
    if off <= abs(quantity) * _ENTRY_STEP + _PRINTED_STEP:
        return shown
    return mark_price - printed / quantity
