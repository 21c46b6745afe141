"""Resting orders that a mark has come through: the index finds what the decimals say, to the last of their digits."""

import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import product

import pytest
from django.utils import timezone

from tenants.scope import every_operator, operator_scope
from tests.factories import Exchange, make_account, make_market, make_order
from trading.models import Market, Order
from trading.services.crossings import CrossingsOf
from trading.services.roster import RosterOf
from trading.venues.snapshots import Network, TriggerKind, Venue

HERE = (Venue.HYPERLIQUID, Network.TESTNET)
KINDS = ("", TriggerKind.STOP_LOSS.value, TriggerKind.TAKE_PROFIT.value)
# Their neighbours are the same as floats.
MARKS = (Decimal("64794.1"), Decimal("0.000000000007"), Decimal("98765432109876.123456789012"))
DIGIT = Decimal("1e-12")


@pytest.fixture
def market(alpha: Exchange) -> Market:
    return make_market("BTC")


@pytest.fixture(autouse=True)
def all_scopes(alpha: Exchange) -> Iterator[None]:
    with every_operator():
        yield


def rest(exchange: Exchange, market: Market, *, is_buy: bool, kind: str, price: Decimal) -> Order:
    """An order of an account of its own."""
    with operator_scope(exchange.operator.pk):
        account = make_account(exchange.trader, f"0x{Order.objects.count():040x}")
        order = make_order(account, market)
        prices = {"limit_price": Decimal(1), "trigger_price": price} if kind else {"limit_price": price}
        Order.objects.filter(pk=order.pk).update(is_buy=is_buy, trigger_kind=kind, **prices)
        stored: Order = Order.objects.get(pk=order.pk)
        return stored


def is_through(order: Order, mark: Decimal) -> bool:
    """What the rule says: bought below the mark or sold above it, and the other way round where it cuts a loss."""
    price: Decimal = order.limit_price if order.trigger_price is None else order.trigger_price
    falls = order.is_buy != (order.trigger_kind == TriggerKind.STOP_LOSS.value)
    return mark <= price if falls else mark >= price


@pytest.mark.parametrize("mark", MARKS)
def test_every_side_and_kind_is_found_exactly_at_its_price(alpha: Exchange, market: Market, mark: Decimal) -> None:
    orders = [
        rest(alpha, market, is_buy=is_buy, kind=kind, price=mark + apart * DIGIT)
        for is_buy, kind, apart in product((True, False), KINDS, (-1, 0, 1))
    ]
    known = RosterOf(*HERE).known(timezone.now())

    due = CrossingsOf(*HERE).due(known, {market.name: mark}, time.time())

    through = sorted(order.account_id for order in orders if is_through(order, mark))
    assert len(through) == len(orders) * 2 // 3
    assert sorted(known.ids[due].tolist()) == through


def test_orders_that_rest_no_more_or_elsewhere_are_left_alone(alpha: Exchange, market: Market) -> None:
    other = make_market("ETH", index=1)
    gone = rest(alpha, market, is_buy=True, kind="", price=Decimal(2))
    with operator_scope(alpha.operator.pk):
        Order.objects.filter(pk=gone.pk).update(is_open=False)
    rest(alpha, other, is_buy=True, kind="", price=Decimal(2))
    known = RosterOf(*HERE).known(timezone.now())

    assert CrossingsOf(*HERE).due(known, {market.name: Decimal(1)}, time.time()) == []
