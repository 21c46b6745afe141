"""What a trader typed, as decimals, or the sentence that stands beside the field.

A field's error never throws away what was typed: the template shows the raw text again. Bounds that depend on the
account (what is available, what the venue would refuse) are the engine's to judge; here a number only has to be one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from trading.margin.rounding import Direction
from trading.margin.types import MarginMode, Side
from trading.venues.base import Trigger
from trading.venues.snapshots import MarketSpec, TimeInForce, TriggerKind

LARGEST = Decimal("1e15")
# As many digits as the engine's decimals carry exactly; what is longer nobody typed on purpose.
MOST_DIGITS = 28

Kind = TypeVar("Kind", bound=StrEnum)


class OrderKind(StrEnum):
    """How an order meets the book: at once, at its price, or once the mark has reached a trigger."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    TAKE_PROFIT = "take_profit"


TRIGGER_KINDS = {OrderKind.STOP: TriggerKind.STOP_LOSS, OrderKind.TAKE_PROFIT: TriggerKind.TAKE_PROFIT}


class Execution(StrEnum):
    """What a triggered order does: take the market, or stand in the book at its own price."""

    MARKET = "market"
    LIMIT = "limit"


class SizeUnit(StrEnum):
    """What a typed size counts."""

    COIN = "coin"
    USD = "usd"


class CloseKind(StrEnum):
    """How a position is closed: at market, at a price, or by turning it into its opposite."""

    MARKET = "market"
    LIMIT = "limit"
    FLIP = "flip"


class Unreadable(ValueError):
    """A field that is not what it has to be; the message is the sentence for the trader."""


@dataclass(frozen=True, slots=True)
class OrderForm:
    """The ticket as understood. ``amount`` is in ``unit``; None where nothing usable was typed.

    ``percent`` stands in for the amount when a share of what is available was chosen. ``price`` is the limit of an
    order that has one, ``trigger`` the mark that a stop or take-profit entry waits for; ``take_profit`` and
    ``stop_loss`` are what the position shall be closed at. ``missing`` names the fields that are needed and empty.
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
    trigger: Decimal | None = None
    execution: Execution = Execution.MARKET
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCELLED
    protects: bool = False
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()

    @property
    def trigger_kind(self) -> TriggerKind | None:
        """What a trigger order is called at the venue; None for one that goes out at once."""
        return TRIGGER_KINDS.get(self.kind)

    @property
    def waits_for(self) -> Trigger | None:
        """The trigger that the order waits for; None for one that goes out at once, or without its price."""
        if self.trigger_kind is None or self.trigger is None:
            return None
        return Trigger(self.trigger, self.trigger_kind, self.execution is Execution.MARKET)

    @property
    def has_limit(self) -> bool:
        """Whether the order has a price of its own."""
        return self.kind is OrderKind.LIMIT or (self.trigger_kind is not None and self.execution is Execution.LIMIT)

    @property
    def has_its_prices(self) -> bool:
        """Whether the prices are there that an order of its kind is sent with."""
        waits_in_vain = self.trigger_kind is not None and self.trigger is None
        return not waits_in_vain and (self.price is not None or not self.has_limit)

    def reference(self, mark: Decimal) -> Decimal:
        """The price at which the order is expected to be filled, as far as its fields tell: it sizes the order."""
        return self.price or self.trigger or mark


@dataclass(frozen=True, slots=True)
class CloseForm:
    """How a position shall be closed. ``size`` is unsigned, in coins; None where nothing usable was typed."""

    kind: CloseKind
    size: Decimal | None
    percent: int | None = None
    price: Decimal | None = None
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
    """The ticket's fields. Missing choices fall back on ``defaults``; whatever is unreadable is named in ``errors``.

    A field that the order's kind does not use is not read: what stands in it is kept for later by the page.
    """
    errors: dict[str, str] = {}
    chosen = OrderForm(
        side=_choice(data, "side", Side, defaults.side, errors),
        kind=_choice(data, "kind", OrderKind, defaults.kind, errors),
        mode=_choice(data, "mode", MarginMode, defaults.mode, errors),
        leverage=_leverage(data.get("leverage", ""), defaults.leverage, errors),
        unit=_choice(data, "unit", SizeUnit, SizeUnit.COIN, errors),
        percent=_percent(data.get("percent", ""), errors),
        reduce_only=data.get("reduce_only") == "on",
        execution=_choice(data, "execution", Execution, Execution.MARKET, errors),
        time_in_force=_choice(data, "time_in_force", TimeInForce, TimeInForce.GOOD_TILL_CANCELLED, errors),
        errors=errors,
    )
    protects = data.get("protects") == "on" and chosen.trigger_kind is None
    needed = {"price": chosen.has_limit, "trigger": chosen.trigger_kind is not None}
    return replace(
        chosen,
        protects=protects,
        price=_price(data, "price", "the limit price", spec, errors) if chosen.has_limit else None,
        trigger=_price(data, "trigger", "the trigger price", spec, errors) if chosen.trigger_kind else None,
        amount=None if chosen.percent else _amount(data.get("size", ""), chosen.unit, spec, errors),
        take_profit=_optional_price(data, "take_profit", spec, errors) if protects else None,
        stop_loss=_optional_price(data, "stop_loss", spec, errors) if protects else None,
        missing=frozenset(name for name, is_needed in needed.items() if is_needed and not data.get(name, "").strip()),
    )


def read_close(data: Mapping[str, str], spec: MarketSpec, held: Decimal) -> CloseForm:
    """How to close a position of ``held`` coins (unsigned): whole, where nothing else is said.

    A share is cut to the lot; a typed size goes before it, and no more than there is can be closed.
    """
    errors: dict[str, str] = {}
    kind = _choice(data, "kind", CloseKind, CloseKind.MARKET, errors)
    price = _price(data, "price", "the limit price", spec, errors) if kind is CloseKind.LIMIT else None
    percent = _percent(data.get("percent", ""), errors)
    if kind is CloseKind.FLIP:
        return CloseForm(kind, held, None, None, errors)
    if not data.get("size", "").strip():
        share = 100 if percent is None else percent
        size = held if share == 100 else spec.floor_size(held * share / 100)
        return CloseForm(kind, size, share, price, errors)
    typed = _amount(data["size"], SizeUnit.COIN, spec, errors)
    if typed is not None and typed > held:
        errors["size"] = f"Your position has {held.normalize():f} {spec.base}; that is the most."
    return CloseForm(kind, typed, None, price, errors)


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


def _price(data: Mapping[str, str], name: str, noun: str, spec: MarketSpec, errors: dict[str, str]) -> Decimal | None:
    if not data.get(name, "").strip():
        errors[name] = f"Enter {noun}."
        return None
    return _optional_price(data, name, spec, errors)


def _optional_price(data: Mapping[str, str], name: str, spec: MarketSpec, errors: dict[str, str]) -> Decimal | None:
    typed = data.get(name, "")
    if not typed.strip():
        return None
    try:
        return read_price(typed, spec)
    except Unreadable as problem:
        errors[name] = str(problem)
        return None


def read_price(text: str, spec: MarketSpec) -> Decimal:
    """A price on the market's own tick. Raises ``Unreadable``, with the steps in which prices move there."""
    price = read_number(text, "The price")
    if not spec.price_rule.is_valid(price):
        step = spec.price_rule.step_at(price)
        near = [f"{spec.price_rule.rounded(price, way).normalize():f}" for way in (Direction.DOWN, Direction.UP)]
        raise Unreadable(
            f"{spec.base} prices near this one move in steps of {step.normalize():f}: {near[0]} or {near[1]}."
        )
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
