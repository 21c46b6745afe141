"""Rows that are not the venue's are found, and nothing is read for them on the way."""

import time
from decimal import Decimal

from tests.chaos.report import broken
from tests.chaos.run import Outcome
from tests.chaos.standing import differences
from tests.trading.conftest import Desk, desk, sandbox, venue  # noqa: F401  # fixtures
from trading.models import Fill, Order, Position
from trading.services.sync import sync_account
from trading.venues.base import PlaceOrder, market_order
from trading.venues.commands import Command


def at_the_venue(desk: Desk, command: Command) -> None:  # noqa: F811
    """Done by another program with the same key."""
    desk.adapter.send(desk.adapter.sign(command, nonce=time.time_ns() // 1_000_000))


def named(desk: Desk) -> list[str]:  # noqa: F811
    """What differs."""
    return [line.partition(":")[0] for line in differences(desk.account)]


def test_rows_that_stand_otherwise_are_named(desk: Desk) -> None:  # noqa: F811
    rules, size = desk.market.rules, Decimal("0.01")
    at_the_venue(desk, market_order(rules, is_buy=True, size=size, mark=Decimal(86000), slippage=Decimal("0.01")))
    at_the_venue(desk, PlaceOrder(rules, True, size, Decimal(80000)))  # noqa: FBT003
    assert named(desk) == ["positions", "orders", "executions"]
    assert named(desk) == ["positions", "orders", "executions"]

    sync_account(desk.adapter, desk.account)
    assert named(desk) == []

    Order.objects.filter(account=desk.account).update(size=Decimal("0.02"))
    assert named(desk) == ["orders"]
    Order.objects.filter(account=desk.account).update(size=size, limit_price=Decimal(80001))
    assert named(desk) == ["orders"]
    Order.objects.filter(account=desk.account).update(is_open=False)
    Position.objects.filter(account=desk.account).update(size=-size)
    Fill.objects.filter(account=desk.account).delete()
    assert named(desk) == ["positions", "orders", "executions"]


def test_rows_that_stand_otherwise_break_a_promise() -> None:
    assert broken(Outcome(standing={"aster 0xa": []})) == []
    assert broken(Outcome(standing={"aster 0xa": ["orders: ours [1], the venue's []"]})) == [
        "aster 0xa: its rows stood otherwise: orders: ours [1], the venue's []"
    ]
