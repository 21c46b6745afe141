"""Wishes that only those have who die of them: margin taken out, collateral moved between books, exits that follow."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

from tests.chaos.actions import SLIPPAGE, WISHES, Desk, Wish, carry_out, margin_of
from trading.margin.rounding import Direction
from trading.margin.types import Side
from trading.models import Market
from trading.models.commands import CommandKind
from trading.services.commands import Intent, Name
from trading.services.drafts import WHOLE_POSITION, Exits, exit_orders
from trading.services.followups import REPLACES, exit_fields
from trading.venues.base import Attachment, MoveCollateral, market_order, order_batch
from trading.venues.base import Command as VenueCommand

# What has to be done first where a wish finds nothing to change.
NEEDS = {
    "modify": "limit",
    "cancel": "limit",
    "cancel_all": "limit",
    "margin": "market",
    "unmargin": "more_margin",
    "more_margin": "market",
    "exits": "exit",
    "exit": "market",
}
TRIES = 4
TAKEN_OUT, PUT_IN = Decimal(-1), Decimal(5)
MOVED = Decimal(2)


class NothingToDo(Exception):
    """The account does not get into a state in which the wish makes sense."""


def staged(desk: Desk, kind: str) -> Wish:
    """The wish, after what it needs is there: an order to change, a position to give margin to. Raises
    ``NothingToDo``."""
    for _ in range(TRIES):
        wish = ALL[kind](desk, uuid4())
        if wish is not None:
            return wish
        if kind in NEEDS:
            carry_out(desk, *staged(desk, NEEDS[kind]))
    raise NothingToDo


def _unmargin(desk: Desk, key: UUID) -> Wish | None:
    """Out of a position that has more than its leverage asks for."""
    snapshot = desk.adapter.account(desk.account.address)
    held = next((row for row in snapshot.positions if row.market == desk.traded.name), None)
    if held is None or held.margin - held.notional / held.leverage < -TAKEN_OUT * 2:
        return None
    return margin_of(desk, key, TAKEN_OUT)


def _move(desk: Desk, key: UUID) -> Wish | None:
    """Some collateral from the main book to another one's, as the page asks for it; None where there is no other."""
    target = Market.objects.filter(venue=desk.account.venue).exclude(spec__dex="").order_by("name").first()
    if target is None:
        return None
    at = desk.adapter.account(desk.account.address).venue_time
    rules, into = desk.traded.rules, target.rules.dex
    fields = {"source": rules.dex, "target": into, "amount": f"{MOVED:f}", "collateral": rules.collateral}
    wanted = MoveCollateral(rules.dex, into, rules.token, MOVED)
    before = {"at": at.isoformat()}
    return target, Intent(CommandKind.MOVE, key, fields, fields, lambda _: wanted, before)


def _entry(desk: Desk, key: UUID) -> Wish:
    """An order at market whose exit follows once it is filled, where the venue ties exits to a position."""
    exits = Exits(stop_loss=_stop(desk, Side.LONG))
    fields = {"market": desk.traded.name, "size": f"{desk.lot:f}", "side": Side.LONG.value, **exit_fields(exits)}

    def build(name: Name) -> VenueCommand:
        bounded = market_order(
            desk.traded.rules, is_buy=True, size=desk.lot, mark=desk.mark, slippage=SLIPPAGE, client_id=name()
        )
        return replace(bounded, at_market=True)

    return desk.traded, Intent(CommandKind.ORDER, key, fields, fields, build)


def _exit(desk: Desk, key: UUID) -> Wish | None:
    """The first exit of a position."""
    return _exits_instead_of(desk, key, [])


def _exits(desk: Desk, key: UUID) -> Wish | None:
    """A new exit in place of those there are, which are cancelled once it is placed."""
    resting = desk.adapter.open_orders(desk.account.address)
    old = [row.order_id for row in resting if row.market == desk.traded.name and row.trigger and row.covers_position]
    return _exits_instead_of(desk, key, old) if old else None


def _exits_instead_of(desk: Desk, key: UUID, old: list[int]) -> Wish | None:
    snapshot = desk.adapter.account(desk.account.address)
    held = next((row for row in snapshot.positions if row.market == desk.traded.name), None)
    if held is None:
        return None
    side = Side.LONG if held.size > 0 else Side.SHORT
    exits = Exits(stop_loss=_stop(desk, side))
    fields = {"market": desk.traded.name, "side": side.value, **exit_fields(exits)}
    if old:
        fields[f"{REPLACES}stop_loss"] = ",".join(map(str, old))

    def build(name: Name) -> VenueCommand:
        orders = exit_orders(desk.traded.rules, side, WHOLE_POSITION, exits, None, name)
        return order_batch(orders, Attachment.POSITION)

    return desk.traded, Intent(CommandKind.ORDERS, key, fields, fields, build)


def _stop(desk: Desk, side: Side) -> Decimal:
    """A price far beyond the mark, where the exit stays what it is."""
    away = Decimal("0.3") + Decimal(desk.chance.randrange(100)) / 1000
    price = desk.mark * (1 - away if side is Side.LONG else 1 + away)
    return desk.traded.rules.price_rule.rounded(price, Direction.DOWN)


ALL: dict[str, Callable[[Desk, UUID], Wish | None]] = {
    **WISHES,
    "unmargin": _unmargin,
    "more_margin": lambda desk, key: margin_of(desk, key, PUT_IN),
    "move": _move,
    "entry": _entry,
    "exit": _exit,
    "exits": _exits,
}
