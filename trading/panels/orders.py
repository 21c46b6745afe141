"""Resting orders, and the dialogs that change or cancel them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

from tenants.policy import Policy, highest_leverage_in, offered_modes
from trading.desk import Desk
from trading.largest import taken_like
from trading.margin.types import Side
from trading.models import Market, Order
from trading.panels.elements import Change, Freshness, LabelledChange, Tone
from trading.panels.market import price_text
from trading.panels.numbers import clock, field_text, lasted, money, plain
from trading.panels.positions import account_freshness
from trading.panels.view_models import OrderRow
from trading.protection import WORDS, at_once, triggers_above
from trading.quoting import opening_closed_because
from trading.services.drafts import replacement_order
from trading.services.flat_settings import Chosen
from trading.venues.errors import InvalidCommand
from trading.venues.snapshots import MarketSpec, TriggerKind

TIMES = {"post_only": "Post only", "ioc": "Immediate or cancel", "fok": "Fill or kill"}
WHOLE = "Whole position"
CHANGED_THERE = "It follows the position: change it under TP / SL in the positions."
FOLLOWS_THE_PRICE = "A trailing stop moves with the price by itself. Cancel it, or change it where it was placed."
NOT_TOLD = (
    "This exchange limits margin mode or leverage here, and the venue has not told yet what your order has. Open this "
    "market and try again, or make the order smaller."
)
ENDED = "It is no longer open: it was filled or cancelled, so nothing of it can be changed."
NOT_YET = "It waits for the order that opens the position; cancel that one to be rid of both."


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyPreview:
    """What changing the order comes to. ``errors`` maps a field's name to its sentence."""

    order_id: int
    changes: tuple[LabelledChange, ...]
    button: str
    can_submit: bool
    freshness: Freshness
    errors: Mapping[str, str] = field(default_factory=dict)
    blocked_because: str = ""
    must_start_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyDialog:
    """A resting order's price and size, to be changed; ``filled`` is what of it was executed when this was shown."""

    order_id: int
    title: str
    price_label: str
    price: str
    size_label: str
    size: str
    filled: str
    base: str
    collateral: str
    form_key: str
    preview: ModifyPreview


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelDialog:
    """Cancelling every order of a market: what goes, and what is lost with it."""

    address: str
    title: str
    orders: tuple[str, ...]
    warning: str
    button: str
    form_key: str
    blocked_because: str = ""
    can_submit: bool = True
    must_start_over: bool = False


def build_orders(desk: Desk) -> tuple[OrderRow, ...]:
    """Resting orders, newest first."""
    modes = {market_id: choice.mode for market_id, choice in desk.preferences.items()}
    modes |= {market_id: chosen.mode for market_id, chosen in desk.settings.items()}
    modes |= {row.market_id: row.mode for row in desk.positions}
    keyless = "" if desk.access.may_reduce else desk.access.closed_because
    return tuple(_order_row(order, modes.get(order.market_id, ""), desk.now, keyless) for order in desk.orders)


def _order_row(order: Order, mode: str, now: datetime, keyless: str) -> OrderRow:
    spec = order.market.rules
    at_market = order.trigger_price is not None and order.trigger_is_market
    return OrderRow(
        id=order.pk,
        market=spec.label,
        address=order.market.address,
        side="Buy" if order.is_buy else "Sell",
        side_tone=Tone.UP if order.is_buy else Tone.DOWN,
        kind=kind_text(order),
        trigger=trigger_text(order),
        price="Market" if at_market else price_text(order.limit_price, spec),
        size=WHOLE if order.covers_position else plain(order.size),
        filled="" if order.covers_position else plain(order.original_size - order.size),
        value=_value_text(order),
        mode_label=mode.title() or "Market setting",
        placed=clock(order.placed_at),
        placed_at=order.placed_at,
        age=lasted(order.placed_at, now),
        reduce_only=order.reduce_only,
        form_key=str(uuid4()),
        note="waits for its entry" if order.parent_id is not None else "",
        modify_closed_because=keyless or modify_closed_because(order),
        cancel_closed_because=keyless or (NOT_YET if order.parent_id is not None else ""),
    )


def _value_text(order: Order) -> str:
    """What it is worth at its own price; empty where it has none."""
    price = order.trigger_price or order.limit_price
    return "" if order.covers_position or not price else money(order.size * price)


def kind_text(order: Order) -> str:
    """What kind of order it is, in the same words at every venue."""
    if order.trail is not None:
        return "Trailing stop market"
    if order.trigger_price is None:
        return TIMES.get(order.time_in_force, "Limit")
    if not order.trigger_kind:
        return order.kind
    words = WORDS[TriggerKind(order.trigger_kind)].replace("-", " ").capitalize()
    return f"{words} {'market' if order.trigger_is_market else 'limit'}"


def trigger_text(order: Order) -> str:
    """What the mark has to do before the order goes out; empty for one that stands in the book."""
    if order.trail is not None:
        return _trail_text(order)
    if order.trigger_price is None:
        return ""
    price = price_text(order.trigger_price, order.market.rules)
    if not order.trigger_kind:
        return f"Mark at {price}"
    side = Side.LONG if order.is_buy else Side.SHORT
    return f"Mark {'above' if triggers_above(TriggerKind(order.trigger_kind), side) else 'below'} {price}"


def _trail_text(order: Order) -> str:
    turn = f"{plain(order.trail * 100)} % {'above its low' if order.is_buy else 'below its high'}"
    if not order.trigger_price:
        return f"Price {turn}"
    reached = "down to" if order.is_buy else "up to"
    return f"Price {turn}, once {reached} {price_text(order.trigger_price, order.market.rules)}"


def modify_closed_because(order: Order) -> str:
    """Why an order's price and size cannot be changed by themselves; empty where they can."""
    if order.parent_id is not None:
        return NOT_YET
    if order.trail is not None:
        return FOLLOWS_THE_PRICE
    return CHANGED_THERE if order.covers_position else ""


def decisive_price(order: Order) -> Decimal:
    """The price that a change is about: the limit, or the trigger of an order that goes out at market."""
    if order.trigger_price is not None and order.trigger_is_market:
        return Decimal(order.trigger_price)
    return Decimal(order.limit_price)


def filled_text(order: Order) -> str:
    """What of the order was executed so far, as a form carries it."""
    return field_text(order.original_size - order.size)


def _size_label(order: Order) -> str:
    """The size that a change is about is what is still open of the order."""
    return "Left to fill" if order.size < order.original_size else "Size"


def build_modify_preview(
    desk: Desk,
    order: Order,
    price: Decimal | None,
    size: Decimal | None,
    unreadable: Mapping[str, str],
    chosen: Chosen | None = None,
) -> ModifyPreview:
    """What another price and size come to, and what the venue would refuse of them. ``chosen`` is what is set in the
    order's market; None where that is not known."""
    spec = order.market.rules
    errors = {**unreadable, **_modify_errors(desk, order, price, size, spec)} if not unreadable else dict(unreadable)
    closed = "" if order.reduce_only else _opening_closed_because(desk, order, size, chosen)
    blocked = ("" if order.is_open else ENDED) or modify_closed_because(order) or closed
    is_same = (price, size) == (decisive_price(order), order.size)
    value, before = (price or Decimal(0)) * (size or Decimal(0)), decisive_price(order) * order.size
    label = "Trigger" if order.trigger_is_market else "Limit price"
    return ModifyPreview(
        order_id=order.pk,
        changes=(
            LabelledChange(label=label, change=_change(price_text(decisive_price(order), spec), price, spec)),
            LabelledChange(
                label=_size_label(order),
                change=Change(before=plain(order.size), after=plain(size or Decimal(0)), unit=spec.base),
            ),
            LabelledChange(
                label="Value", change=Change(before=money(before), after=money(value), unit=spec.collateral)
            ),
        ),
        button="Check the fields" if errors else "Nothing is changed" if is_same else "Change the order",
        can_submit=not errors and not is_same and not blocked,
        freshness=account_freshness(desk),
        errors=errors,
        blocked_because=blocked,
        must_start_over=not order.is_open,
    )


def _opening_closed_because(desk: Desk, order: Order, size: Decimal | None, chosen: Chosen | None) -> str:
    """Why an order that could open something is not changed; one that grows is closed like any opening."""
    market = order.market
    if size is None or size <= order.size:
        return desk.closed_because(market)
    if chosen is not None:
        return opening_closed_because(desk, market, chosen.mode, chosen.leverage, "order")
    closed = opening_closed_because(desk, market, None, 1, "order")
    return closed or (NOT_TOLD if _limits_settings(desk.policy, market.rules) else "")


def _limits_settings(policy: Policy, spec: MarketSpec) -> bool:
    """Whether the operator allows less of mode or leverage in a market than its venue does."""
    everything = replace(policy, offers_cross=True)
    modes, all_modes = (offered_modes(one, spec.restriction) for one in (policy, everything))
    return modes != all_modes or highest_leverage_in(policy, spec) < spec.max_leverage


def _change(before: str, price: Decimal | None, spec: MarketSpec) -> Change:
    return Change(before=before, after=price_text(price, spec) if price else "none")


def _modify_errors(
    desk: Desk, order: Order, price: Decimal | None, size: Decimal | None, spec: MarketSpec
) -> dict[str, str]:
    if price is None or size is None:
        missing = {"price": "Enter a price."} if price is None else {}
        return missing | ({"size": "Enter a size."} if size is None else {})
    mark = desk.mark(order.market)
    if not order.reduce_only and size < _least(order, price, size, mark):
        least = f"{plain(spec.min_notional)} {spec.collateral}"
        return {"size": f"An order has to be worth at least {least}."}
    if mark and order.trigger_is_market and order.trigger_kind:
        side = Side.LONG if order.is_buy else Side.SHORT
        passed = at_once(TriggerKind(order.trigger_kind), side, price, mark, spec)
        return {"price": passed} if passed else {}
    return {}


def _least(order: Order, price: Decimal, size: Decimal, mark: Decimal | None) -> Decimal:
    """The fewest coins that the changed order may have; one lot where it cannot be sent anyway."""
    if order.trigger_price is not None and not order.trigger_kind:
        return order.market.rules.size_step
    try:
        return taken_like(replacement_order(order, size, price, "", None), mark or price).least
    except InvalidCommand:
        return order.market.rules.size_step


def build_modify_dialog(order: Order, typed: Mapping[str, str], preview: ModifyPreview, form_key: UUID) -> ModifyDialog:
    """The dialog with what is typed, or with the order as it is."""
    spec = order.market.rules
    verb = "buy" if order.is_buy else "sell"
    return ModifyDialog(
        order_id=order.pk,
        title=f"Change {spec.base} {verb} · {kind_text(order).lower()}",
        price_label="Trigger" if order.trigger_is_market else "Limit price",
        price=typed.get("price", field_text(decisive_price(order))),
        size_label=_size_label(order),
        size=typed.get("size", field_text(order.size)),
        filled=filled_text(order),
        base=spec.base,
        collateral=spec.collateral,
        form_key=str(form_key),
        preview=preview,
    )


def build_cancel_dialog(market: Market, orders: Sequence[Order], form_key: UUID, problem: str = "") -> CancelDialog:
    """What cancelling every order of a market takes away."""
    base, count = market.rules.base, len(orders)
    protects = any(order.trigger_price is not None and order.reduce_only for order in orders)
    lost = f"Among them is what protects your {base} position: it would be left without its take-profit and stop-loss."
    return CancelDialog(
        address=market.address,
        title=f"Cancel all {base} orders",
        orders=tuple(describe_order(order) for order in orders),
        warning=lost if protects else "",
        button=f"Cancel {count} order{'' if count == 1 else 's'}" if count else "Nothing to cancel",
        form_key=str(form_key),
        blocked_because=problem,
        can_submit=bool(count),
    )


def describe_order(order: Order) -> str:
    """An order in one line."""
    spec = order.market.rules
    amount = WHOLE.lower() if order.covers_position else f"{plain(order.size)} {spec.base}"
    verb = "Buy" if order.is_buy else "Sell"
    where = trigger_text(order) or f"at {price_text(order.limit_price, spec)}"
    return f"{verb} {amount}, {kind_text(order).lower()}: {where[0].lower()}{where[1:]}"
