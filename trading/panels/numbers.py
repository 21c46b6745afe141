"""Numbers as a trader reads them: grouped thousands, a real minus sign, fixed decimals, floats refused.

Values arrive already rounded in the direction their meaning demands; what is left here is only the last digit shown.
"""

import re
from datetime import datetime
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

MINUS = "\u2212"
NARROW_SPACE = "\u202f"
_ROUNDS_UP = Decimal("0.99995")
_COMPACT_STEPS = ((Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "K"))
_LONG_WHOLE_PART = re.compile(r"(?<![\w.,])\d{4,}(?![\w,])")
_SECONDS_PER_MINUTE = 60
_SECONDS_PER_HOUR = 3600
_SECONDS_PER_DAY = 86_400


def _exact(value: Decimal) -> Decimal:
    if not isinstance(value, Decimal):
        raise TypeError(f"a number on the page is a Decimal, not {type(value).__name__}")
    if not value.is_finite():
        raise ValueError(f"{value} is no number to show")
    return value


def fixed(value: Decimal, decimals: int, *, signed: bool = False, rounding: str = ROUND_HALF_EVEN) -> str:
    """A number with exactly ``decimals`` decimals, grouped by thousands.

    >>> fixed(Decimal("-12480.216"), 2)
    '−12,480.22'
    >>> fixed(Decimal("0.4"), 0, signed=True)
    '0'
    """
    rounded = _exact(value).quantize(Decimal(1).scaleb(-decimals), rounding=rounding)
    digits = f"{abs(rounded):,f}"
    if rounded == 0:
        return digits
    if rounded < 0:
        return MINUS + digits
    return f"+{digits}" if signed else digits


def money(value: Decimal, *, signed: bool = False, rounding: str = ROUND_HALF_EVEN) -> str:
    """An amount of the collateral, in cents."""
    return fixed(value, 2, signed=signed, rounding=rounding)


def known_money(value: Decimal | None) -> str:
    """What an account is worth or may use, never flattered, or that nobody knows it."""
    return "not known" if value is None else money(value, rounding=ROUND_FLOOR)


def known_unit(value: Decimal | None, unit: str) -> str:
    """The unit behind an amount; none behind words."""
    return "" if value is None else unit


def plain(value: Decimal) -> str:
    """A number with the decimals it has and no more: sizes, typed amounts.

    >>> plain(Decimal("1.5000")), plain(Decimal("5E+3"))
    ('1.5', '5,000')
    """
    text = f"{_exact(value):f}"
    trimmed = text.rstrip("0").rstrip(".") if "." in text else text
    return fixed(value, len(trimmed.partition(".")[2]))


def grouped(text: str) -> str:
    """A sentence or formula with every whole part of a number grouped by thousands; decimals and words stay.

    >>> grouped("25.856067 − 0.002 × 64794 = 52522.4977215")
    '25.856067 − 0.002 × 64,794 = 52,522.4977215'
    """
    return _LONG_WHOLE_PART.sub(lambda digits: f"{int(digits[0]):,}", text)


def field_text(value: Decimal) -> str:
    """What an input holds: no grouping, an ordinary minus, no trailing zeros.

    >>> field_text(Decimal("1200.50"))
    '1200.5'
    """
    text = f"{_exact(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(fraction: Decimal, decimals: int = 2, *, signed: bool = False) -> str:
    """A fraction of one as per cent, a narrow space before the sign.

    >>> percent(Decimal("0.0214"), signed=True)
    '+2.14\\u202f%'
    """
    return f"{fixed(_exact(fraction) * 100, decimals, signed=signed)}{NARROW_SPACE}%"


def compact(value: Decimal) -> str:
    """A large amount in three to four digits: 1.82 B, 914.2 M.

    >>> compact(Decimal(1_820_000_000)), compact(Decimal(914_200_000)), compact(Decimal(950))
    ('1.82\\u202fB', '914.2\\u202fM', '950.00')
    """
    for step, letter in _COMPACT_STEPS:
        # What would round up to a thousand of one letter is one of the next.
        if abs(_exact(value)) >= step * _ROUNDS_UP:
            scaled = value / step
            return f"{fixed(scaled, 2 if abs(scaled) < 100 else 1)}{NARROW_SPACE}{letter}"
    return money(value)


def leverage(value: Decimal) -> str:
    """Leverage with at most one decimal.

    >>> leverage(Decimal(10)), leverage(Decimal("20.26"))
    ('10x', '20.3x')
    """
    rounded = _exact(value).quantize(Decimal("0.1"))
    return f"{plain(rounded)}x"


def short_address(address: str) -> str:
    """An address by its two ends."""
    return f"{address[:6]}…{address[-4:]}" if len(address) > 12 else address


def age(since: datetime, now: datetime) -> str:
    """How old a number is, in words: never negative, because two clocks are compared.

    >>> from datetime import UTC, timedelta
    >>> start = datetime(2026, 1, 1, tzinfo=UTC)
    >>> age(start, start + timedelta(milliseconds=400)), age(start, start + timedelta(seconds=130))
    ('0.4 s old', '2 min old')
    """
    return f"{lasted(since, now)} old"


def lasted(since: datetime, now: datetime) -> str:
    """How long something has lasted, in the words of an age."""
    seconds = max((now - since).total_seconds(), 0.0)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < _SECONDS_PER_MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _SECONDS_PER_HOUR:
        return f"{int(seconds // _SECONDS_PER_MINUTE)} min"
    if seconds < _SECONDS_PER_DAY:
        return f"{int(seconds // _SECONDS_PER_HOUR)} h"
    return f"{int(seconds // _SECONDS_PER_DAY)} d"


def clock(moment: datetime) -> str:
    """A moment in UTC, to the second.

    >>> from datetime import UTC
    >>> clock(datetime(2026, 11, 22, 9, 5, 7, tzinfo=UTC))
    '22 Nov 09:05:07'
    """
    return f"{moment:%d %b %H:%M:%S}"
