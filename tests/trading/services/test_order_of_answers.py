"""Answers in any order, doubled, missing and cut off in the middle of being written end in one state."""

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from msgspec.structs import replace

from tenants.models import Operator, User
from tenants.scope import operator_scope
from tests.factories import NOW, make_account, make_market, make_position
from tests.trading.services.answered import ADDRESS, account, held, snapshot, state
from trading.models import FormerPosition, Market, Order, Position, VenueAccount
from trading.services.apply_account import apply_snapshot
from trading.services.apply_history import apply_fills, apply_funding, apply_ledger
from trading.services.apply_orders import apply_orders
from trading.services.readings import Reading, begin_reading
from trading.venues.base import Fill as VenueFill
from trading.venues.base import FundingPayment as VenueFunding
from trading.venues.base import LedgerEntry as VenueEntry
from trading.venues.base import OpenOrder, TimeInForce
from trading.venues.snapshots import PositionSide

__all__ = ["account"]


def order(venue_id: int, size: int = 1) -> OpenOrder:
    return OpenOrder(
        market="BTC",
        order_id=venue_id,
        client_id=None,
        is_buy=True,
        limit_price=Decimal(50_000),
        size=Decimal(size),
        original_size=Decimal(size),
        time_in_force=TimeInForce.GOOD_TILL_CANCELLED,
        reduce_only=False,
        placed_at=NOW,
    )


def test_of_two_answers_with_one_venue_time_the_reading_that_began_later_counts(account: VenueAccount) -> None:
    first, second = begin_reading(account), begin_reading(account)

    assert apply_snapshot(account, snapshot(1, held("2")), second)
    assert not apply_snapshot(account, snapshot(1, held("1")), first)
    assert Position.objects.get().size == 2
    assert apply_snapshot(account, snapshot(1, held("2")), second)


def test_later_reading_never_overwrites_a_later_venue_time(account: VenueAccount) -> None:
    early = begin_reading(account)

    assert apply_snapshot(account, snapshot(5, held("5")), early)
    assert not apply_snapshot(account, snapshot(4, held("4")))
    assert Position.objects.get().size == 5


def test_both_sides_of_a_hedge_stand_side_by_side_and_go_alone(account: VenueAccount) -> None:
    long, short = held("2", PositionSide.LONG), held("-3", PositionSide.SHORT)
    apply_snapshot(account, snapshot(1, long, short))
    assert sorted(Position.objects.values_list("position_side", "size")) == [("long", 2), ("short", -3)]

    apply_snapshot(account, snapshot(2, short))

    assert list(Position.objects.values_list("position_side", "size")) == [("short", -3)]
    assert list(FormerPosition.objects.values_list("position_side", "size")) == [("long", 2)]


def test_orders_of_two_markets_may_bear_one_number(account: VenueAccount) -> None:
    make_market("ETH", index=1)
    other = order(7)
    apply_orders(
        account, [order(7), OpenOrder("ETH", *[getattr(other, name) for name in other.__struct_fields__[1:]])], NOW
    )

    assert Order.objects.filter(is_open=True, venue_id=7).count() == 2


SECONDS, FILLS, OTHERS = 12, 300, 25


def deliveries(chance: random.Random) -> list[tuple[str, Any]]:
    """The life of one account, in the order in which the venue saw it, in answers of many events."""
    made: list[tuple[str, Any]] = []
    for second in range(SECONDS):
        at, names = NOW + timedelta(seconds=second), [f"{second}-{number}" for number in range(FILLS)]
        positions = [held(str(chance.randrange(1, 9)), market=name) for name in ("BTC", "ETH") if chance.random() < 0.7]
        payments = [VenueFunding("BTC", at, Decimal(1), Decimal(1), Decimal(1), name) for name in names[:OTHERS]]
        entries = [VenueEntry(name, "deposit", at, Decimal(1), "{}") for name in names[:OTHERS]]
        made += [
            ("snapshot", snapshot(second, *positions)),
            ("orders", [order(number, second + 1) for number in range(second, second + chance.randrange(5))]),
            ("fills", [fill(name, at) for name in names]),
            ("funding", payments),
            ("ledger", entries),
        ]
    return made


WHOLE_FILL = VenueFill(
    key="",
    market="BTC",
    order_id=1,
    client_id=None,
    is_buy=True,
    price=Decimal(1),
    size=Decimal(2),
    time=NOW,
    closed_pnl=Decimal(0),
    fee=Decimal(0),
    builder_fee=Decimal(0),
    fee_token="USDC",
    is_taker=True,
    start_position=None,
    direction="",
)


def fill(key: str, at: Any) -> VenueFill:
    return replace(WHOLE_FILL, key=key, time=at)


EVENTS: dict[str, Callable[[VenueAccount, Any], None]] = {
    "fills": apply_fills,
    "funding": apply_funding,
    "ledger": apply_ledger,
}


def take(account: VenueAccount, kind: str, answer: Any, number: int, began: Any) -> int:
    """Write one answer; how many events were in it."""
    if kind == "snapshot":
        apply_snapshot(account, answer, Reading(number, began))
        return 1
    if kind == "orders":
        apply_orders(account, answer, began, number)
    else:
        EVENTS[kind](account, answer)
    return len(answer)


def test_events_in_any_order_doubled_and_in_pieces_end_in_the_same_state(account: VenueAccount) -> None:
    make_market("ETH", index=1)
    other = make_account(account.trader, "0xb0b", venue_time=None)
    chance = random.Random(20_261_122)
    numbered = [
        (kind, answer, number, NOW + timedelta(seconds=number))
        for number, (kind, answer) in enumerate(deliveries(chance))
    ]
    for kind, answer, number, began in numbered:
        take(account, kind, answer, number, began)

    seen = 0
    shuffled = [row for row in numbered for _ in range(chance.choice([1, 2, 3]))]
    chance.shuffle(shuffled)
    for kind, answer, number, began in shuffled:
        part = answer if kind in ("snapshot", "orders") else chance.sample(answer, chance.randrange(1, len(answer) + 1))
        seen += take(other, kind, part, number, began)
    for kind, answer, number, began in chance.sample(numbered, len(numbered)):
        if kind in ("fills", "funding", "ledger"):
            seen += take(other, kind, answer, number, began)

    assert seen > 8_000
    assert state(other) == state(account)


@pytest.mark.django_db(transaction=True)
def test_writing_that_is_killed_in_the_middle_leaves_the_rows_as_they_were(market: Market) -> None:
    operator = Operator.objects.create(slug="alpha", name="Alpha")
    with operator_scope(operator.pk):
        trader = User(email="alice@alpha.example")
        trader.save()
        account = make_account(trader, ADDRESS, venue_time=None)
        apply_snapshot(account, snapshot(1, held("1")))
        before = state(account)
        blocked: list[int] = []
        errors: list[Exception] = []
        make_position(account, make_market("ETH", index=1))

        def write() -> None:
            with operator_scope(operator.pk):
                try:
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT pg_backend_pid()")
                        blocked.append(cursor.fetchone()[0])
                    apply_snapshot(account, snapshot(9, held("9"), equity=99))
                except OperationalError as error:
                    errors.append(error)
                finally:
                    connection.close()

        _kill_while_waiting(write, blocked)
        Position.objects.filter(market__name="ETH").delete()

        assert len(errors) == 1
        assert state(account) == before
        assert apply_snapshot(account, snapshot(9, held("9"), equity=99))


def _kill_while_waiting(write: Any, blocked: list[int]) -> None:
    """Hold a position that the writer has to delete after it has stored the money; end its connection there."""
    writer = threading.Thread(target=write)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM trading_position WHERE market_id = (SELECT max(market_id) FROM trading_position) FOR UPDATE"
        )
        writer.start()
        until = time.monotonic() + 20
        while time.monotonic() < until:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid = ANY(%s) AND wait_event_type = 'Lock' AND query LIKE 'DELETE%%'",
                [blocked],
            )
            if cursor.fetchall():
                break
            time.sleep(0.02)
        writer.join(20)
