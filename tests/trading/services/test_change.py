"""Changing an order of which a part is filled, where the venue puts a new order in its place."""

import re
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from tenants.scope import operator_scope
from tests.crowd import analyze, copy_row, plans
from tests.factories import Belongings, Exchange
from tests.trading.conftest import Desk, open_desk
from tests.trading.elsewhere import elsewhere
from tests.trading.tickets import ticket
from trading.margin.types import Side
from trading.models import Command, Order
from trading.models.commands import CommandState
from trading.services.order_effects import stood_before
from trading.services.orders import cancel_orders, modify_order, place_order
from trading.services.reconcile import prove
from trading.services.sync import sync_account
from trading.venues.base import ModifyOrder, PlaceOrder


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
    command = modify_order(
        desk.adapter, desk.account, order, size=wanted, price=lower, form_key=uuid4(), form={"size": "0.04"}
    )

    assert command.state == CommandState.ACCEPTED
    (theirs,) = desk.adapter.open_orders(desk.account.address)
    assert (theirs.size, theirs.original_size, theirs.limit_price) == (wanted, wanted, lower)

    # The venue lives on for other tests: nothing may stay in its book.
    rest = tuple(Order.objects.filter(account=desk.account, is_open=True))
    assert cancel_orders(desk.adapter, desk.account, desk.market, rest, form_key=uuid4()).state == CommandState.ACCEPTED


@pytest.mark.parametrize(
    ("fault", "state"), [("drop_after", CommandState.ACCEPTED), ("drop_before", CommandState.DEAD)]
)
def test_change_made_elsewhere_meanwhile_hides_nothing(desk: Desk, fault: str, state: CommandState) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    order = Order.objects.select_related("market").get(account=desk.account, is_open=True)
    desk.sandbox.fault(fault, "batchModify", count=1)
    lost = modify_order(
        desk.adapter,
        desk.account,
        order,
        size=order.size,
        price=Decimal(79990),
        form_key=uuid4(),
        form={"price": "79990"},
    )
    assert lost.state == CommandState.UNKNOWN
    (theirs,) = desk.adapter.open_orders(desk.account.address)
    changed = PlaceOrder(desk.market.rules, is_buy=True, size=theirs.size, limit_price=Decimal(79980))
    elsewhere(desk, ModifyOrder(theirs.order_id, changed))

    Command.objects.filter(pk=lost.pk).update(dead_at=timezone.now() - timedelta(minutes=1))
    lost.refresh_from_db()
    assert prove(desk.adapter, lost)

    lost.refresh_from_db()
    assert lost.state == state


def test_earlier_changes_are_looked_for_among_the_newest_alone(alpha: Exchange, alices: Belongings) -> None:
    """However many an account has made in its life."""
    shown = {"price": "80000", "size": "0.01", "seen": (timezone.now() - timedelta(minutes=1)).isoformat()}
    with operator_scope(alpha.operator.pk):
        copy_row(
            alices.command,
            "generate_series(1, 5000) AS n",
            id="gen_random_uuid()",
            form_key="gen_random_uuid()",
            nonce="original.nonce + n",
            kind="'modify'",
            state="'accepted'",
            intent="""'{"order": "77", "price": "79990", "size": "0.02"}'""",
            prepared_at="now() - n * interval '1 hour' + interval '1 hour'",
            settled_at="now() - n * interval '1 hour' + interval '1 hour'",
        )
        analyze()
        with plans() as found:
            stood = stood_before(alices.account, shown, "77")

    assert stood == {(Decimal(79990), Decimal("0.02"))}
    ((_, plan),) = found
    assert re.search(r"Index Cond: .*prepared_at >=", plan), plan
