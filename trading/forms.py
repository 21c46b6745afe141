"""What a trader typed, as decimals, or the sentence that stands beside the field.

A field's error never throws away what was typed: the template shows the raw text again. Bounds that depend on the
account (what is available, what the venue would refuse) are the engine's to judge; here a number only has to be one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from trading.margin.types import MarginMode, Side
from trading.venues.snapshots import MarketSpec

LARGEST = Decimal("1e15")
# As many digits as the engine's decimals carry exactly; what is longer nobody typed on purpose.
MOST_DIGITS = 28

Kind = TypeVar("Kind", bound=StrEnum)


class OrderKind(StrEnum):
    """How an order meets the book."""

    MARKET = "market"
    LIMIT = "limit"


class SizeUnit(StrEnum):
    """What a typed size counts."""

    COIN = "coin"
    USD = "usd"


class Unreadable(ValueError):
    """A field that is not what it has to be; the message is the sentence for the trader."""


@dataclass(frozen=True, slots=True)
class OrderForm:
    """The ticket as understood. ``amount`` is in ``unit``; None where nothing usable was typed.

    ``percent`` stands in for the amount when a share of what is available was chosen.
    """

    side: Side
    kind: OrderKind
    mode: MarginMode
    leverage: int
    price: Decimal | None = None
    amount: Decimal | None = None
    unit: SizeUnit = SizeUnit.COIN
    percent: int | None = None
    reduce_only: bool = False
    errors: Mapping[str, str] = field(default_factory=dict)


def read_number(text: str, noun: str, decimals: int | None = None) -> Decimal:
    """A positive decimal from a text field. Raises ``Unreadable`` with a sentence that uses ``noun``."""
    typed = text.strip().replace("\u202f", "").replace(" ", "")
    if "," in typed:
        raise Unreadable("Write decimals with a point and thousands without a comma, such as 1234.5.")
    try:
        value = Decimal(typed)
    except InvalidOperation:
        raise Unreadable(f"{noun} has to be a number, such as 1.5.") from None
    if not value.is_finite() or "e" in typed.lower():
        raise Unreadable(f"{noun} has to be a plain number, such as 1.5.")
    if value <= 0:
        raise Unreadable(f"{noun} has to be above zero.")
    if value > LARGEST:
        raise Unreadable(f"{noun} is too large to be meant.")
    if len(value.as_tuple().digits) > MOST_DIGITS:
        raise Unreadable(f"{noun} has more digits than can be meant.")
    if decimals is not None and len(typed.partition(".")[2].rstrip("0")) > decimals:
        raise Unreadable(f"{noun} takes at most {decimals} decimals here.")
    return value


def read_order(data: Mapping[str, str], spec: MarketSpec, defaults: OrderForm) -> OrderForm:
    """The ticket's fields. Missing choices fall back on ``defaults``; whatever is unreadable is named in ``errors``."""
    errors: dict[str, str] = {}
    kind = _choice(data, "kind", OrderKind, defaults.kind, errors)
    unit = _choice(data, "unit", SizeUnit, SizeUnit.COIN, errors)
    percent = _percent(data.get("percent", ""), errors)
    return OrderForm(
        side=_choice(data, "side", Side, defaults.side, errors),
        kind=kind,
        mode=_choice(data, "mode", MarginMode, defaults.mode, errors),
        leverage=_leverage(data.get("leverage", ""), defaults.leverage, errors),
        price=_price(data.get("price", ""), spec, errors) if kind is OrderKind.LIMIT else None,
        amount=None if percent else _amount(data.get("size", ""), unit, spec, errors),
        unit=unit,
        percent=percent,
        reduce_only=data.get("reduce_only") == "on",
        errors=errors,
    )


def _choice(data: Mapping[str, str], name: str, kind: type[Kind], default: Kind, errors: dict[str, str]) -> Kind:
    raw = data.get(name, "")
    if not raw:
        return default
    try:
        return kind(raw)
    except ValueError:
        errors[name] = "Choose one of the options shown."
        return default


def _leverage(text: str, default: int, errors: dict[str, str]) -> int:
    typed = text.strip().rstrip("xX")
    if not typed:
        return default
    chosen = _whole(typed)
    if not chosen:
        errors["leverage"] = "Leverage is a whole number from 1 up."
        return default
    return chosen


def _percent(text: str, errors: dict[str, str]) -> int | None:
    if not text:
        return None
    share = _whole(text)
    if share is None or not 1 <= share <= 100:
        errors["size"] = "Choose a share between 1 and 100 %."
        return None
    return share


def _whole(text: str) -> int | None:
    """A whole number of at most six digits; Python refuses to read one of thousands."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


def _price(text: str, spec: MarketSpec, errors: dict[str, str]) -> Decimal | None:
    if not text.strip():
        errors["price"] = "Enter the price of the limit order."
        return None
    try:
        price = read_number(text, "The price")
    except Unreadable as problem:
        errors["price"] = str(problem)
        return None
    if not spec.price_rule.is_valid(price):
        step = spec.price_rule.step_at(price)
        errors["price"] = f"{spec.base} prices near this one move in steps of {step.normalize():f}."
        return None
    return price


def _amount(text: str, unit: SizeUnit, spec: MarketSpec, errors: dict[str, str]) -> Decimal | None:
    if not text.strip():
        return None
    try:
        if unit is SizeUnit.USD:
            return read_number(text, "The size", 2)
        return read_number(text, "The size", spec.size_decimals)
    except Unreadable as problem:
        errors["size"] = str(problem)
        return None


def read_form_key(text: str) -> UUID:
    """The key that makes one form one request. Raises ``Unreadable``."""
    try:
        return UUID(text)
    except ValueError:
        raise Unreadable("This form has expired. Reload the page and try again.") from None
