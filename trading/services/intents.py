"""What a trader decided, as it goes on record: orders, and the cancelling of orders. Pure."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from trading.models import Market, Order
from trading.models.commands import CommandKind
from trading.services.commands import Intent, Name
from trading.services.drafts import OrderTicket, entry_order, exit_orders
from trading.venues.base import Adapter, Attachment, CancelOrder, CancelOrders, order_batch
from trading.venues.base import Command as VenueCommand

NOTHING: Mapping[str, str] = {}


def order_intent(adapter: Adapter, market: Market, ticket: OrderTicket) -> Intent:
    """The order, with its exits as children of it where the venue knows such."""
    has_children = bool(ticket.exits) and adapter.attaches_exits

    def build(name: Name) -> VenueCommand:
        entry = entry_order(market.rules, ticket, name())
        if not has_children:
            return entry
        children = exit_orders(market.rules, ticket.side, ticket.size, ticket.exits, ticket.builder, name)
        return order_batch((entry, *children), Attachment.PARENT)

    kind = CommandKind.ORDERS if has_children else CommandKind.ORDER
    return Intent(kind, ticket.form_key, ticket.form, ticket.fields(market.name), build)


def cancel_steps(adapter: Adapter, market: Market, orders: Iterable[Order]) -> tuple[VenueCommand, ...]:
    """The requests that cancel these orders of one market: as many as the venue needs, none where there is no order.

    An order that another one waits for takes its children with it (Hyperliquid 4.1), so these are not named.
    """
    named = (CancelOrder(market.rules, order.venue_id) for order in orders if order.parent_id is None)
    return adapter.steps(CancelOrders(tuple(named)))


def cancel_intent(
    market: Market,
    step: VenueCommand,
    form_key: UUID,
    form: Mapping[str, str],
    afterwards: Mapping[str, str] = NOTHING,
) -> Intent:
    """One of these requests; ``afterwards`` goes on record with it."""
    named = step.cancels if isinstance(step, CancelOrders) else ()
    fields = {"market": market.name, "orders": ",".join(str(order.order) for order in named), **afterwards}
    return Intent(CommandKind.CANCEL_ALL, form_key, form, fields, lambda _: step)
