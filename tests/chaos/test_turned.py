"""The database writes down what turned back, and nothing else."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from tenants.scope import operator_scope
from tests.chaos import turned
from tests.factories import NOW, make_account, make_exchange, make_market, make_order, make_position
from trading.models import Order, Position, VenueAccount

LATER, EARLIER = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)


@pytest.fixture
def rows(db: None) -> Iterator[None]:
    """An account with a position and an order, as of ``NOW``."""
    exchange = make_exchange("alpha", "alice", "olivia", "sam")
    with operator_scope(exchange.operator.pk):
        account, market = make_account(exchange.trader, "0xa", orders_read_at=NOW), make_market()
        make_position(account, market)
        make_order(account, market)
        Order.objects.update(seen_at=NOW)
        turned.watch()
        yield


def whats() -> list[str]:
    """What turned back, without the figures."""
    return [line.partition(" of ")[0] for line in turned.told()]


def test_newer_news_turn_nothing_back(rows: None) -> None:
    VenueAccount.objects.update(venue_time=LATER, orders_read_at=LATER)
    Position.objects.update(venue_time=LATER)
    Order.objects.update(size=Decimal("0.0005"))
    Order.objects.update(is_open=False)
    # A later list may have it again: who said that it had ended was asked too early.
    Order.objects.update(is_open=True, size=Decimal("0.002"), seen_at=LATER)
    assert whats() == []


def test_older_news_are_written_down(rows: None) -> None:
    VenueAccount.objects.update(venue_time=EARLIER)
    VenueAccount.objects.update(orders_read_at=EARLIER)
    Position.objects.update(venue_time=EARLIER)
    Order.objects.update(size=Decimal("0.002"))
    Order.objects.update(is_open=False)
    Order.objects.update(is_open=True)
    Order.objects.update(seen_at=EARLIER)
    assert whats() == [
        "money and positions", "orders", "the position", "the size", "the end", "the listed order",
    ]  # fmt: skip
    assert turned.told()[3].partition(": ")[2].split() == ["0.001000000000", "to", "0.002000000000"]
