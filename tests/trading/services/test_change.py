"""Changing an order of which a part is filled, where the venue puts a new order in its place."""

from decimal import Decimal
from uuid import uuid4

from tests.trading.conftest import Desk, open_desk
from tests.trading.services.test_orders import ticket
from trading.margin.types import Side
from trading.models import Order
from trading.models.commands import CommandState
from trading.services.orders import cancel_orders, modify_order, place_order
from trading.services.sync import sync_account


def test_new_order_has_the_size_that_was_left_to_fill(desk: Desk) -> None:
    price, size = Decimal(86000), Decimal("0.05")
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=price, size=size))
    bob = open_desk(desk.sandbox, desk.operator, "bob@alpha.example")
    seller = ticket(limit_price=price, size=Decimal("0.02"), side=Side.SHORT)
    place_order(bob.adapter, bob.account, desk.market, seller)
    sync_account(desk.adapter, desk.account)
    order = Order.objects.select_related("market").get(account=desk.account, is_open=True)
    assert (order.original_size, order.size) == (size, Decimal("0.03"))

    wanted, lower = Decimal("0.04"), Decimal(85990)
    command = modify_order(desk.adapter, desk.account, order, wanted, lower, uuid4(), {"size": "0.04"})

    assert command.state == CommandState.ACCEPTED
    (theirs,) = desk.adapter.open_orders(desk.account.address)
    assert (theirs.size, theirs.original_size, theirs.limit_price) == (wanted, wanted, lower)

    # The venue lives on for other tests: nothing may stay in its book.
    rest = tuple(Order.objects.filter(account=desk.account, is_open=True))
    assert cancel_orders(desk.adapter, desk.account, desk.market, rest, uuid4()).state == CommandState.ACCEPTED
