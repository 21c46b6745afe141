"""Number texts, price ticks and size lots as the venue writes and checks them (Hyperliquid rules 1.3 and 5.4)."""

import re
from decimal import ROUND_DOWN, Decimal

MICRO = Decimal("0.000001")
ZERO = Decimal(0)
SIGNIFICANT_FIGURES = 5
PERP_PRICE_DECIMALS = 6

_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")


def parse(text: object) -> Decimal:
    """Read a decimal number from text; exponents, signs of plus, floats and everything else raise ValueError."""
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise ValueError("a number is a decimal text")
    return Decimal(text)


def wire(value: Decimal) -> str:
    """Number text without trailing zeros, as signed actions carry it: 100, 0.0147."""
    if value == 0:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown(value: Decimal, decimals: int = 10) -> str:
    """Number text as the venue answers: at least one decimal, at most ``decimals``."""
    text = format(value, "f")
    whole, point, part = text.partition(".")
    if len(part) > decimals:
        whole, point, part = format(round(value, decimals), "f").partition(".")
    text = f"{whole}{point}{part.rstrip('0') or '0'}" if point else f"{whole}.0"
    return "0.0" if text == "-0.0" else text


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def fits_size(size: Decimal, size_decimals: int) -> bool:
    return _decimals(size) <= size_decimals


def fits_tick(price: Decimal, size_decimals: int) -> bool:
    """At most five significant figures and 6 - szDecimals decimals; whole numbers always fit."""
    decimals = _decimals(price)
    if decimals == 0:
        return True
    digits = len(price.normalize().as_tuple().digits)
    return decimals <= PERP_PRICE_DECIMALS - size_decimals and digits <= SIGNIFICANT_FIGURES


def tick(price: Decimal, size_decimals: int) -> Decimal:
    """Distance between neighbouring valid prices around ``price``."""
    by_figures = price.adjusted() - SIGNIFICANT_FIGURES + 1
    return Decimal(1).scaleb(min(0, max(by_figures, size_decimals - PERP_PRICE_DECIMALS)))


def to_lot(size: Decimal, size_decimals: int) -> Decimal:
    return size.quantize(Decimal(1).scaleb(-size_decimals), ROUND_DOWN)
