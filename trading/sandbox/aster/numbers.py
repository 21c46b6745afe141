"""Numbers as the venue prints them: plain decimal texts with a fixed number of decimals (Aster rules, ground rules)."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

MONEY = 8


def fixed(value: Decimal, decimals: int = MONEY) -> str:
    """With exactly so many decimals, and never a negative zero."""
    text = format(value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN), "f")
    return text.removeprefix("-") if not text.strip("-0.") else text


def cut(value: Decimal, decimals: int = MONEY) -> Decimal:
    """Towards zero at a decimal, as the engine keeps entry prices (rules 4.3)."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN)


def plain(value: Decimal) -> str:
    """Without trailing zeros or an exponent."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def decimals(value: Decimal) -> int:
    """How many decimals a number really has."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
