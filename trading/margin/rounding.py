"""The one door for decimals, and every rounding with its direction named.

Nothing here ever flatters a position: a maximum loss rounds up, a liquidation price rounds towards the mark, an
amount that may be removed rounds down. Floats are refused, not converted.

Price rule of Hyperliquid (rules 1.3): at most 5 significant figures and at most 6 − szDecimals decimals; whole
prices are always valid. Aster (rules 2.1): a multiple of the market's tickSize.

>>> decimal_of("64815.0", "price")
Decimal('64815.0')
>>> PriceRule.significant(size_decimals=5).rounded(Decimal("86326.5"), Direction.DOWN)
Decimal('86326')
>>> liquidation_towards_mark(Decimal("52522.49772"), Decimal("64794"), PriceRule.significant(size_decimals=5))
Decimal('52523')
"""

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Self

from trading.margin.errors import MarginInputError, Problem

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_LONGEST_TEXT = 64
_LARGEST = Decimal("1e24")
_SMALLEST = Decimal("1e-24")
_ZERO = Decimal(0)

SIGNIFICANT_FIGURES = 5
PERPETUAL_PRICE_DECIMALS = 6


class Direction(StrEnum):
    """Where a rounded number goes."""

    UP = ROUND_CEILING
    DOWN = ROUND_FLOOR


def decimal_of(value: object, field: str) -> Decimal:
    """The exact decimal of a text, whole number or Decimal; floats, NaN, infinities and absurd sizes are refused.

    Raises MarginInputError naming `field`.
    """
    if isinstance(value, float):
        raise MarginInputError(field, Problem.FLOAT_REFUSED, "a float is not money; pass text or Decimal")
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT and _NUMBER.fullmatch(value):
        number = Decimal(value)
    elif isinstance(value, Decimal) and value.is_finite():
        number = value
    elif isinstance(value, int) and not isinstance(value, bool):
        number = Decimal(value)
    else:
        raise MarginInputError(field, Problem.NOT_A_NUMBER)
    if abs(number) > _LARGEST or (number != _ZERO and abs(number) < _SMALLEST):
        raise MarginInputError(field, Problem.OUT_OF_RANGE)
    return number


def without_dust(value: Decimal) -> Decimal:
    """Zero in place of what a division has left below the smallest amount the engine takes.

    >>> without_dust(Decimal("1E-30")), without_dust(Decimal("0.01"))
    (Decimal('0'), Decimal('0.01'))
    """
    return value if abs(value) >= _SMALLEST else _ZERO


def positive(value: object, field: str) -> Decimal:
    """`decimal_of`, and greater than zero."""
    number = decimal_of(value, field)
    if number <= 0:
        raise MarginInputError(field, Problem.ZERO if number == 0 else Problem.NOT_POSITIVE, "must be above zero")
    return number


def not_negative(value: object, field: str) -> Decimal:
    """`decimal_of`, and zero or more."""
    number = decimal_of(value, field)
    if number < 0:
        raise MarginInputError(field, Problem.NEGATIVE, "must not be negative")
    return number


def not_zero(value: object, field: str) -> Decimal:
    """`decimal_of`, and not zero."""
    number = decimal_of(value, field)
    if number == 0:
        raise MarginInputError(field, Problem.ZERO, "must not be zero")
    return number


def whole_positive(value: object, field: str) -> int:
    """A whole number of one or more, such as a leverage."""
    number = positive(value, field)
    if number != number.to_integral_value():
        raise MarginInputError(field, Problem.NOT_WHOLE, "must be a whole number")
    return int(number)


def to_step(value: Decimal, step: Decimal, direction: Direction) -> Decimal:
    """`value` as a multiple of `step` (a tick, a lot, the smallest unit of the collateral).

    >>> to_step(Decimal("1.2345"), Decimal("0.01"), Direction.UP)
    Decimal('1.24')
    """
    multiple = (value / step).to_integral_value(rounding=direction.value) * step
    return multiple.quantize(step) if abs(multiple / step) < _LARGEST else multiple


@dataclass(frozen=True, slots=True)
class PriceRule:
    """Which prices a venue accepts: a decimal limit with or without significant figures, or a tick."""

    tick: Decimal
    significant_figures: int | None = None

    @classmethod
    def significant(cls, size_decimals: int) -> Self:
        """Hyperliquid perpetuals (rules 1.3): 5 significant figures and 6 − szDecimals decimals."""
        if not 0 <= size_decimals <= PERPETUAL_PRICE_DECIMALS:
            raise MarginInputError("size_decimals", Problem.OUT_OF_RANGE)
        return cls(Decimal(1).scaleb(size_decimals - PERPETUAL_PRICE_DECIMALS), SIGNIFICANT_FIGURES)

    @classmethod
    def of_tick(cls, tick: Decimal) -> Self:
        """Aster (rules 2.1): multiples of tickSize."""
        return cls(positive(tick, "tick"))

    def step_at(self, price: Decimal) -> Decimal:
        """The distance between valid prices around `price`; whole prices are always valid."""
        if self.significant_figures is None or price == 0:
            return self.tick
        figures_step = Decimal(1).scaleb(min(0, price.adjusted() - self.significant_figures + 1))
        return max(self.tick, figures_step)

    def rounded(self, price: Decimal, direction: Direction) -> Decimal:
        """The valid price next to `price` in the direction given."""
        return to_step(price, self.step_at(price), direction)

    def is_valid(self, price: Decimal) -> bool:
        """Whether the venue accepts this price."""
        return price > 0 and price % self.step_at(price) == 0


def liquidation_towards_mark(price: Decimal, mark_price: Decimal, rule: PriceRule) -> Decimal:
    """A liquidation price for display: rounded towards the mark, so it never looks farther away than it is."""
    return rule.rounded(price, Direction.UP if price < mark_price else Direction.DOWN)


def maximum_loss_up(amount: Decimal, step: Decimal) -> Decimal:
    """A loss for display: rounded up."""
    return to_step(amount, step, Direction.UP)


def margin_needed_up(amount: Decimal, step: Decimal) -> Decimal:
    """Collateral that must be brought: rounded up."""
    return to_step(amount, step, Direction.UP)


def removable_down(amount: Decimal, step: Decimal) -> Decimal:
    """Collateral that may leave: rounded down."""
    return to_step(amount, step, Direction.DOWN)


def size_down(size: Decimal, lot: Decimal) -> Decimal:
    """An unsigned order size: rounded down to the lot."""
    return to_step(size, lot, Direction.DOWN)
