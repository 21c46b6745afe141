"""Placing, closing and cancelling: verbs that take the adapter and leave a command behind.

Nothing here reads a form or a template. What a trader asked for arrives as an ``OrderTicket`` whose numbers were
checked against the market's rules; the venue has the last word, and its word is on the command.
"""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID, uuid4, uuid5

from django.utils import timezone

from trading.margin.types import MarginMode, Side
from trading.models import Command, Market, Order, Position, Preference, VenueAccount
from trading.models.commands import CommandKind, CommandState
from trading.services.carrying import carry_out
from trading.services.commands import Intent, Name, earlier, prepare, submit
from trading.services.drafts import (
    WHOLE_POSITION,
    Closing,
    Exits,
    OrderTicket,
    closing_ticket,
    exit_orders,
    replacement_order,
)
from trading.services.effects import set_before
from trading.services.followups import AFTERWARDS, BEFORE, REPLACES, builder_fields, carry_on, exit_fields
from trading.services.intents import NOTHING, cancel_intent, cancel_steps, order_intent
from trading.services.order_effects import asked_for, stood_before
from trading.services.storm import refuse_new_risk
from trading.venues.base import (
    Adapter,
    Attachment,
    BuilderFee,
    CancelOrder,
    ModifyOrder,
    SetLeverage,
    SetMarginMode,
    TriggerKind,
    order_batch,
)
from trading.venues.base import Command as VenueCommand
from trading.venues.errors import InvalidCommand, Reason


def place_order(adapter: Adapter, account: VenueAccount, market: Market, ticket: OrderTicket) -> Command:
    """Choose mode and leverage at the venue where they differ, then place the order; return the deciding command.

    Orders carry no leverage (Hyperliquid 3.2), so where the first command is refused or unproven, the order is not
    sent at all and the first command is what the trader sees. Where the venue ties exits to a position, they follow
    the order once it is filled: see ``followups``. What the venue's known rules forbid is found before
    anything is written. Raises ``FormReused`` and ``InvalidCommand``.
    """
    intent = order_intent(adapter, market, ticket)
    if not ticket.reduce_only:
        refuse_new_risk(account, intent)
    _refuse_what_the_rules_forbid(adapter, intent)
    setting = None if ticket.reduce_only else _choose_leverage(adapter, account, market, ticket)
    if setting is not None and setting.state != CommandState.ACCEPTED:
        return setting
    command = carry_out(adapter, account, market, intent)
    carry_on(adapter, command)
    return command


def _refuse_what_the_rules_forbid(adapter: Adapter, intent: Intent) -> None:
    """Sign the order once for nobody, so that it cannot fail after mode and leverage were set for it."""
    adapter.sign(intent.build(lambda part="": adapter.client_id(uuid4())), nonce=adapter.moment(timezone.now()))


def remember_choice(account: VenueAccount, market: Market, mode: MarginMode, leverage: int) -> None:
    """Keep the trader's own mode and leverage for the next time he opens this market."""
    Preference.objects.update_or_create(
        trader_id=account.trader_id, market=market, defaults={"mode": mode.value, "leverage": leverage}
    )


def _choose_leverage(adapter: Adapter, account: VenueAccount, market: Market, ticket: OrderTicket) -> Command | None:
    """The last command that sets mode and leverage, or the first that was not accepted; None where an open position
    shows that they are set already."""
    position = Position.objects.filter(account=account, market=market).first()
    if position and (position.mode, position.leverage) == (ticket.mode, ticket.leverage):
        return None
    command = None
    for step in adapter.steps(SetLeverage(market.rules, ticket.mode, ticket.leverage)):
        command = _take_step(adapter, account, market, ticket, step)
        if command.state != CommandState.ACCEPTED:
            break
    return command


def _take_step(
    adapter: Adapter, account: VenueAccount, market: Market, ticket: OrderTicket, step: VenueCommand
) -> Command:
    intent = Intent(
        kind=CommandKind.MODE if isinstance(step, SetMarginMode) else CommandKind.LEVERAGE,
        form_key=ticket.form_key,
        form=ticket.form,
        fields={"market": market.name, "mode": ticket.mode.value, "leverage": str(ticket.leverage)},
        build=lambda _: step,
        before=set_before(account, market),
    )
    command, is_new = prepare(adapter, account, market, intent)
    return submit(adapter, command) if is_new else command


def close_position(
    adapter: Adapter,
    account: VenueAccount,
    position: Position,
    *,
    mark: Decimal,
    form_key: UUID,
    closing: Closing | None = None,
) -> Command:
    """Close a position, part of it, or turn it into its opposite by one order (Hyperliquid 3.3)."""
    wanted = closing or Closing(form={"close": str(position.pk)})
    return place_order(adapter, account, position.market, closing_ticket(position, mark, form_key, wanted))


def set_exits(
    adapter: Adapter,
    account: VenueAccount,
    position: Position,
    *,
    exits: Exits,
    replaced: tuple[Order, ...],
    form_key: UUID,
    form: dict[str, str],
    builder: BuilderFee | None = None,
) -> Command | None:
    """Make ``exits`` of a whole position the successors of the ``replaced`` ones; return the command that began it.

    The new ones come first, so that the position is never without. Where the venue refuses a second one beside the
    first, the old ones go first, and are put back if the new ones are refused. What follows the first command is done
    by whoever settles it. What the rules forbid is found before anything is written. None where nothing was to do.
    """
    market = position.market
    began = earlier(account, CommandKind.CANCEL_ALL, form_key, form)
    if began is None and not exits:
        return _cancel(adapter, account, market, replaced, form_key=form_key, form=form) if replaced else None
    if began is None:
        intent = _position_exits_intent(position, exits, replaced, form_key, form, builder)
        _refuse_what_the_rules_forbid(adapter, intent)
        if _must_make_room(adapter, exits, replaced):
            fields = _successors(position, exits, replaced, builder)
            began = _cancel(adapter, account, market, replaced, form_key=form_key, form=form, afterwards=fields)
        else:
            began = carry_out(adapter, account, market, intent)
    carry_on(adapter, began)
    return began


def _must_make_room(adapter: Adapter, exits: Exits, replaced: tuple[Order, ...]) -> bool:
    whole = {order.trigger_kind for order in replaced if order.covers_position}
    return not adapter.stacks_exits and any(kind.value in whole for kind in exits.prices())


def _position_exits_intent(
    position: Position,
    exits: Exits,
    replaced: tuple[Order, ...],
    form_key: UUID,
    form: dict[str, str],
    builder: BuilderFee | None,
) -> Intent:
    """The new exits, with the orders on record that are cancelled once these are placed."""
    market, side = position.market, _side(position)
    fields = {"market": market.name, "side": side.value, **exit_fields(exits), **builder_fields(builder)}
    for kind in TriggerKind:
        ids = [str(order.venue_id) for order in replaced if order.trigger_kind == kind and order.parent_id is None]
        fields |= {f"{REPLACES}{kind.value}": ",".join(ids)} if ids else {}

    def build(name: Name) -> VenueCommand:
        orders = exit_orders(market.rules, side, WHOLE_POSITION, exits, builder, name)
        return order_batch(orders, Attachment.POSITION)

    return Intent(CommandKind.ORDERS, form_key, form, fields, build)


def _successors(
    position: Position, exits: Exits, replaced: tuple[Order, ...], builder: BuilderFee | None
) -> dict[str, str]:
    """On record with the cancellation of exits: those that follow them, and their prices, to be put back if need be."""
    old = {order.trigger_kind: order.trigger_price for order in replaced}
    fields = {"side": _side(position).value, **builder_fields(builder), **exit_fields(exits, AFTERWARDS)}
    return fields | exit_fields(Exits(old.get("take_profit"), old.get("stop_loss")), BEFORE)


def _side(position: Position) -> Side:
    return Side.LONG if position.size > 0 else Side.SHORT


def modify_order(
    adapter: Adapter,
    account: VenueAccount,
    order: Order,
    *,
    size: Decimal,
    price: Decimal,
    form_key: UUID,
    form: dict[str, str],
    builder: BuilderFee | None = None,
) -> Command:
    """Give a resting order another price and another ``size``, which is what is still to be filled.

    The venue usually gives it a new id (Hyperliquid 4.2). Raises ``InvalidCommand`` for what stands already: where the
    order keeps its name, nobody could tell whether such a change was carried out (Aster 3.7).
    """
    filled = order.original_size - order.size
    fields = {
        "market": order.market.name,
        "order": str(order.venue_id),
        "size": f"{size:f}",
        "price": f"{price:f}",
        "side": "long" if order.is_buy else "short",
        "reduce_only": str(order.reduce_only),
        "filled": f"{filled:f}",
    }

    def build(name: Name) -> VenueCommand:
        return ModifyOrder(order.venue_id, replacement_order(order, size, price, name(), builder), filled)

    before = {
        "price": f"{order.limit_price:f}",
        "size": f"{order.original_size:f}",
        "seen": order.seen_at.isoformat(),
    }
    intent = Intent(CommandKind.MODIFY, form_key, form, fields, build, before)
    if (made := earlier(account, CommandKind.MODIFY, form_key, form)) is not None:
        return made
    _refuse_no_change(account, order, intent)
    if not order.reduce_only:
        refuse_new_risk(account, intent)
    return carry_out(adapter, account, order.market, intent)


def _refuse_no_change(account: VenueAccount, order: Order, intent: Intent) -> None:
    if order.trigger_price is None and stood_before(account, intent.before, intent.fields["order"]) == {
        asked_for(intent.fields)
    }:
        raise InvalidCommand("The order stands so already. Nothing was changed.", reason=Reason.REQUEST_MALFORMED)


def cancel_order(adapter: Adapter, account: VenueAccount, order: Order, *, form_key: UUID) -> Command:
    """Cancel a resting order by the venue's id."""
    intent = Intent(
        kind=CommandKind.CANCEL,
        form_key=form_key,
        form={"cancel": str(order.pk)},
        fields={"market": order.market.name, "order": str(order.venue_id)},
        build=lambda _: CancelOrder(order.market.rules, order.venue_id),
    )
    return carry_out(adapter, account, order.market, intent)


def cancel_orders(
    adapter: Adapter, account: VenueAccount, market: Market, orders: tuple[Order, ...], *, form_key: UUID
) -> Command:
    """Cancel all of these orders of one market; return the deciding command.

    Raises ``InvalidCommand`` for none at all.
    """
    return _cancel(adapter, account, market, orders, form_key=form_key, form={"cancel_all": market.address})


def _cancel(
    adapter: Adapter,
    account: VenueAccount,
    market: Market,
    orders: tuple[Order, ...],
    *,
    form_key: UUID,
    form: dict[str, str],
    afterwards: Mapping[str, str] = NOTHING,
) -> Command:
    """Cancel in as many requests as the venue needs; the first that is not accepted ends it. ``afterwards`` goes on
    record with the last."""
    command, steps = None, cancel_steps(adapter, market, orders)
    for part, step in enumerate(steps):
        key = uuid5(form_key, str(part)) if part else form_key
        follows = afterwards if step is steps[-1] else NOTHING
        command = carry_out(adapter, account, market, cancel_intent(market, step, key, form, follows))
        if command.state != CommandState.ACCEPTED:
            break
    if command is None:
        raise InvalidCommand("There is nothing to cancel.", reason=Reason.REQUEST_MALFORMED)
    return command
