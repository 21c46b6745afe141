"""The largest order of a ticket: what its collateral carries, the tiers allow and the venue takes as one order; and the
smallest."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from trading.desk import Desk
from trading.margin.inverse import largest_order
from trading.margin.preview import Start, assumed_price
from trading.margin.quotes import OrderRequest
from trading.margin.types import MarginMode, Side
from trading.models import Market
from trading.services.available import Available, is_asked_for, largest_told
from trading.services.drafts import OrderTicket, entry_order
from trading.venues.base import PlaceOrder, Trigger
from trading.venues.errors import InvalidCommand
from trading.venues.snapshots import MarketSpec, TimeInForce
from trading.venues.table import GATEWAYS

# A full-size order leaves this share behind, because the mark moves between the click and the fill.
USABLE = Decimal("0.995")
# The ticket of an order that is never sent.
NOBODY = UUID(int=0)
_ZERO = Decimal(0)


def largest(
    desk: Desk, market: Market, start: Start, order: OrderRequest, available: Available | None, bound: Decimal | None
) -> Decimal | None:
    """The largest size that the collateral carries, the market's tiers allow at the chosen leverage and the venue takes
    as one order, in coins; None where it is not known. ``order`` is the form's as the engine takes it, ``bound`` what
    the venue takes of it."""
    carried = _carried(desk, market, start, order, available)
    return carried if carried is None or bound is None else min(carried, bound)


def held_size(desk: Desk, market: Market) -> Decimal:
    """The signed size of the position in a market."""
    held = desk.position_in(market)
    return held.size if held else _ZERO


def _carried(
    desk: Desk, market: Market, start: Start, order: OrderRequest, available: Available | None
) -> Decimal | None:
    """What collateral and tiers allow.

    In accounts that are not standard it is no more than the venue's figure (Hyperliquid 2.6), and not known until that
    is told.
    """
    spec = market.rules
    if order.reduce_only or not is_asked_for(desk.account):
        rate = desk.fees.rate(is_maker=False)
        return largest_order(start, order, spec.size_step, usable=USABLE, fee_rate=rate)
    if available is None:
        return None
    carried = largest_order(start, order, spec.size_step)
    price, _ = assumed_price(order)
    told = largest_told(available, spec, held_size(desk, market), order.side, order.leverage, price)
    return told if carried is None else min(told, carried)


@dataclass(frozen=True, slots=True)
class Taken:
    """What the venue takes as one order, in coins: at least, and at most (None without a bound).

    An order that only reduces may be smaller where it closes the whole position.
    """

    least: Decimal
    most: Decimal | None = None


def taken_of(
    desk: Desk,
    market: Market,
    side: Side,
    price: Decimal | None,
    time_in_force: TimeInForce,
    trigger: Trigger | None,
    reduce_only: bool,
) -> Taken:
    """``taken_as_one`` of what the ticket would send; neither mode nor leverage has a part in it."""
    ticket = OrderTicket(
        form_key=NOBODY,
        form={},
        side=side,
        size=market.rules.size_step,
        mode=MarginMode.ISOLATED,
        leverage=1,
        mark=desk.mark(market) or _ZERO,
        limit_price=price,
        reduce_only=reduce_only,
        time_in_force=time_in_force,
        trigger=trigger,
    )
    return taken_as_one(market.rules, ticket)


def taken_as_one(spec: MarketSpec, ticket: OrderTicket) -> Taken:
    """What the venue takes as one order of a ticket's kind; from one lot on where there is no price to send."""
    try:
        return taken_like(entry_order(spec, ticket, ""), ticket.mark)
    except InvalidCommand:
        return Taken(least=spec.size_step)


def taken_like(order: PlaceOrder, mark: Decimal) -> Taken:
    """What the venue takes as one order like this."""
    gateway = GATEWAYS[order.market.venue]
    return Taken(least=gateway.order_least(order, mark), most=gateway.order_bound(order))


def too_large(spec: MarketSpec, size: Decimal | None, bound: Decimal | None) -> str:
    """Why the venue does not take a size as one order, whatever the collateral; empty where it does."""
    if size is None or bound is None or size <= bound:
        return ""
    return f"One order may have at most {bound.normalize():f} {spec.base} here. Split it."
