"""What the traders of a run do: every kind of command, on accounts whose state they read from the venue first."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID, uuid4

from trading.margin.rounding import Direction
from trading.margin.types import MarginMode
from trading.models import Command, Market, VenueAccount
from trading.models.commands import OPEN_STATES, CommandKind
from trading.services.commands import Intent, Name, prepare, submit
from trading.services.reconcile import settle_margin_first
from trading.venues.base import (
    Adapter,
    AdjustMargin,
    Attachment,
    CancelOrder,
    CancelOrders,
    ModifyOrder,
    OpenOrder,
    PlaceOrder,
    PlaceOrders,
    SetLeverage,
    SetMarginMode,
    TimeInForce,
    Trigger,
    TriggerKind,
    market_order,
)
from trading.venues.base import Command as VenueCommand
from trading.venues.errors import InvalidCommand, VenueError

SLIPPAGE = Decimal("0.02")
# One market for positions, one for leverage and mode: the venue refuses a change of mode under an open position.
TRADED = {"hyperliquid": "BTC", "aster": "BTCUSDT"}
SET = {"hyperliquid": "ETH", "aster": "ETHUSDT"}
DOUBLE_CLICKS = 0.1
USUAL = (
    ("market", 24),
    ("limit", 22),
    ("refused", 4),
    ("batch", 8),
    ("modify", 8),
    ("cancel", 12),
    ("cancel_all", 4),
    ("leverage", 8),
    ("mode", 4),
    ("margin", 6),
)


@dataclass(frozen=True)
class Desk:
    """One account and what it trades with."""

    adapter: Adapter
    account: VenueAccount
    traded: Market
    other: Market
    chance: random.Random

    @property
    def mark(self) -> Decimal:
        mark: Decimal | None = self.traded.mark_price
        assert mark is not None
        return mark

    @property
    def lot(self) -> Decimal:
        """The smallest size worth more than the venue's minimum."""
        rules = self.traded.rules
        return rules.floor_size(rules.min_notional * 3 / self.mark + rules.size_step)


def act(desk: Desk, form_key: UUID | None = None) -> Command | None:
    """One wish of the trader, None where what he wished for is not there. A double click posts it twice."""
    kinds, weights = zip(*USUAL, strict=True)
    kind = desk.chance.choices(kinds, weights)[0]
    try:
        wish = WISHES[kind](desk, form_key or uuid4())
    except (InvalidCommand, VenueError):
        return None
    return None if wish is None else carry_out(desk, *wish)


def carry_out(desk: Desk, market: Market, intent: Intent) -> Command | None:
    """Write it down and send it, as the pages do."""
    try:
        if intent.kind is not CommandKind.MARGIN and not settle_margin_first(desk.adapter, desk.account, market):
            return None
        command, is_new = prepare(desk.adapter, desk.account, market, intent)
        if is_new:
            command = submit(desk.adapter, command)
        if desk.chance.random() < DOUBLE_CLICKS:
            again, is_new = prepare(desk.adapter, desk.account, market, intent)
            assert (again.pk, is_new) == (command.pk, False)
    except InvalidCommand:
        return None
    return command


Wish = tuple[Market, Intent]


def _intent(kind: CommandKind, key: UUID, fields: dict[str, str], build: Callable[[Name], VenueCommand]) -> Intent:
    return Intent(kind, key, fields, fields, build)


def _price(desk: Desk, distance: str, *, is_buy: bool) -> Decimal:
    """A price so far from the mark that it rests: below for a buy, above for a sell."""
    away = Decimal(distance) * (1 + Decimal(desk.chance.randrange(100)) / 1000)
    return desk.traded.rules.price_rule.rounded(desk.mark * (1 - away if is_buy else 1 + away), Direction.DOWN)


def _market(desk: Desk, key: UUID) -> Wish:
    is_buy = desk.chance.random() < 0.55

    def build(name: Name) -> VenueCommand:
        bounded = market_order(
            desk.traded.rules, is_buy=is_buy, size=desk.lot, mark=desk.mark, slippage=SLIPPAGE, client_id=name()
        )
        return replace(bounded, at_market=True)

    fields = {"market": desk.traded.name, "size": f"{desk.lot:f}", "side": str(is_buy)}
    return desk.traded, _intent(CommandKind.ORDER, key, fields, build)


def _limit(desk: Desk, key: UUID) -> Wish:
    is_buy = desk.chance.random() < 0.5
    price = _price(desk, "0.02", is_buy=is_buy)

    def build(name: Name) -> VenueCommand:
        return PlaceOrder(desk.traded.rules, is_buy, desk.lot, price, client_id=name())

    fields = {"market": desk.traded.name, "size": f"{desk.lot:f}", "price": f"{price:f}"}
    return desk.traded, _intent(CommandKind.ORDER, key, fields, build)


def _refused(desk: Desk, key: UUID) -> Wish:
    """A post-only order that would match: the venue refuses it whatever else it does."""
    price = desk.traded.rules.price_rule.rounded(desk.mark * Decimal("1.01"), Direction.DOWN)

    def build(name: Name) -> VenueCommand:
        return PlaceOrder(desk.traded.rules, True, desk.lot, price, TimeInForce.POST_ONLY, client_id=name())  # noqa: FBT003

    fields = {"market": desk.traded.name, "size": f"{desk.lot:f}", "price": f"{price:f}"}
    return desk.traded, _intent(CommandKind.ORDER, key, fields, build)


def _batch(desk: Desk, key: UUID) -> Wish:
    """An entry with its exits where the venue ties them together, else two resting orders in one request."""
    attaches = getattr(desk.adapter, "attaches_exits", False)
    price = _price(desk, "0.03", is_buy=True)

    def build(name: Name) -> VenueCommand:
        rules = desk.traded.rules
        entry = PlaceOrder(rules, True, desk.lot, price, client_id=name())  # noqa: FBT003
        if not attaches:
            lower = PlaceOrder(rules, True, desk.lot, _price(desk, "0.05", is_buy=True), client_id=name("second"))  # noqa: FBT003
            return PlaceOrders((entry, lower))
        stop = rules.price_rule.rounded(price * Decimal("0.9"), Direction.DOWN)
        trigger = Trigger(stop, TriggerKind.STOP_LOSS)
        child = PlaceOrder(
            rules,
            False,  # noqa: FBT003
            desk.lot,
            stop,
            reduce_only=True,
            client_id=name("stop_loss"),
            trigger=trigger,
        )
        return PlaceOrders((entry, child), Attachment.PARENT)

    fields = {"market": desk.traded.name, "size": f"{desk.lot:f}", "price": f"{price:f}"}
    return desk.traded, _intent(CommandKind.ORDERS, key, fields, build)


def _resting(desk: Desk) -> list[OpenOrder]:
    rows = desk.adapter.open_orders(desk.account.address)
    return [row for row in rows if row.market == desk.traded.name and row.trigger is None and not row.reduce_only]


def _modify(desk: Desk, key: UUID) -> Wish | None:
    resting = _resting(desk)
    if not resting:
        return None
    order = desk.chance.choice(resting)
    price = _price(desk, "0.04", is_buy=order.is_buy)

    def build(name: Name) -> VenueCommand:
        changed = PlaceOrder(desk.traded.rules, order.is_buy, order.size, price, client_id=name())
        return ModifyOrder(order.order_id, changed)

    fields = {
        "market": desk.traded.name,
        "order": str(order.order_id),
        "size": f"{order.size:f}",
        "price": f"{price:f}",
    }
    before = {"price": f"{order.limit_price:f}", "size": f"{order.original_size:f}"}
    return desk.traded, Intent(CommandKind.MODIFY, key, fields, fields, build, before)


def _cancel(desk: Desk, key: UUID) -> Wish | None:
    resting = _resting(desk)
    if not resting:
        return None
    order = desk.chance.choice(resting)
    fields = {"market": desk.traded.name, "order": str(order.order_id)}
    wanted = CancelOrder(desk.traded.rules, order.order_id)
    return desk.traded, _intent(CommandKind.CANCEL, key, fields, lambda _: wanted)


def _cancel_all(desk: Desk, key: UUID) -> Wish | None:
    ids = [row.order_id for row in _resting(desk)][:10]
    if not ids:
        return None
    fields = {"market": desk.traded.name, "orders": ",".join(map(str, ids))}
    wanted = CancelOrders(tuple(CancelOrder(desk.traded.rules, order) for order in ids))
    return desk.traded, _intent(CommandKind.CANCEL_ALL, key, fields, lambda _: wanted)


def _leverage(desk: Desk, key: UUID) -> Wish:
    leverage = desk.chance.randrange(2, 20)
    mode = desk.adapter.market_setting(desk.account.address, desk.other.rules).mode
    fields = {"market": desk.other.name, "mode": mode.value, "leverage": str(leverage)}
    wanted = SetLeverage(desk.other.rules, mode, leverage)
    return desk.other, _intent(CommandKind.LEVERAGE, key, fields, lambda _: wanted)


def _mode(desk: Desk, key: UUID) -> Wish | None:
    """Where mode and leverage are one command, both are set by it."""
    mode = desk.chance.choice((MarginMode.ISOLATED, MarginMode.CROSS))
    wish = SetLeverage(desk.other.rules, mode, desk.chance.randrange(2, 20))
    step = desk.adapter.steps(wish)[0]
    kind = CommandKind.MODE if isinstance(step, SetMarginMode) else CommandKind.LEVERAGE
    fields = {"market": desk.other.name, "mode": mode.value, "leverage": str(wish.leverage)}
    return desk.other, _intent(kind, key, fields, lambda _: step)


def _margin(desk: Desk, key: UUID) -> Wish | None:
    return margin_of(desk, key, Decimal(desk.chance.randrange(100, 300)) / 100)


def margin_of(desk: Desk, key: UUID, amount: Decimal) -> Wish | None:
    """Beside orders that rest or are still checked, but not while one at market may still be filled unheard: a venue
    that keeps no record of margin changes could then not tell what this one did, and it would end as unproven."""
    checked = Command.objects.filter(account=desk.account, market=desk.traded, state__in=OPEN_STATES)
    if any(row.kind == CommandKind.ORDER and "price" not in row.intent for row in checked):
        return None
    snapshot = desk.adapter.account(desk.account.address)
    held = next((row for row in snapshot.positions if row.market == desk.traded.name), None)
    if held is None or held.mode is not MarginMode.ISOLATED:
        return None

    def build(name: Name) -> VenueCommand:
        return AdjustMargin(desk.traded.rules, held.size > 0, amount, name())

    fields = {"market": desk.traded.name, "amount": f"{amount:f}"}
    before = {
        "cash": f"{held.cash or 0:f}",
        "size": f"{held.size:f}",
        "funding": f"{held.funding_since_open or 0:f}",
        "margin": f"{held.margin:f}",
        "liquidation": "" if held.liquidation_price is None else f"{held.liquidation_price:f}",
        "at": snapshot.venue_time.isoformat(),
    }
    return desk.traded, Intent(CommandKind.MARGIN, key, fields, fields, build, before)


WISHES: dict[str, Callable[[Desk, UUID], Wish | None]] = {
    "market": _market,
    "limit": _limit,
    "refused": _refused,
    "batch": _batch,
    "modify": _modify,
    "cancel": _cancel,
    "cancel_all": _cancel_all,
    "leverage": _leverage,
    "mode": _mode,
    "margin": _margin,
}
