"""A liquidation is one record, however its executions arrive, and its money adds up to the last unit."""

import doctest
import random
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from tests.trading.conftest import Desk
from tests.trading.elsewhere import settled
from tests.trading.tickets import ticket
from trading.margin.types import MarginMode
from trading.models import (
    Difference,
    Fill,
    FormerPosition,
    LedgerEntry,
    Liquidation,
    Market,
    Position,
    VenueAccount,
)
from trading.services import liquidation_money
from trading.services.liquidations import record_liquidations
from trading.services.looks import sync_positions
from trading.services.orders import place_order
from trading.services.readings import EVERYTHING, ReadingKind, locked
from trading.services.sync import sync_account
from trading.services.totals import money_totals


def open_and_fall(desk: Desk, price: str, **changes: object) -> Position:
    """A long that is liquidated at ``price``; the position as it was."""
    assert place_order(desk.adapter, desk.account, desk.market, ticket(**changes)).state == "accepted"
    settled(desk)
    held: Position = Position.objects.select_related("market").get()
    desk.sandbox.mark("BTC", price)
    return held


def test_isolated_liquidation_says_what_was_lost_and_what_came_back(desk: Desk) -> None:
    held = open_and_fall(desk, "69600", leverage=5)
    assert settled(desk) == []

    row = Liquidation.objects.get()
    assert (row.mode, row.method, row.size_before, row.closed_size) == ("isolated", "market", held.size, held.size)
    assert (row.entry_price, row.leverage, row.mark_price) == (held.entry_price, 5, Decimal(69600))
    assert row.liquidation_price == held.liquidation_price
    assert row.estimated_liquidation_price == held.estimated_liquidation_price
    assert row.margin == held.margin - held.unrealised_pnl
    assert row.returned is not None
    assert row.lost is not None
    assert row.margin == row.lost + row.returned
    assert row.returned > 0
    assert row.lost == row.fee - row.closed_pnl
    assert row.remained == desk.reread().equity == Decimal(str(desk.at_venue()["cash"]))


def test_backstop_keeps_what_is_left_of_the_position_alone(desk: Desk) -> None:
    held = open_and_fall(desk, "68900", leverage=5)
    assert settled(desk) == []

    row = Liquidation.objects.get()
    assert (row.method, row.returned, row.lost) == ("backstop", Decimal(0), held.margin - held.unrealised_pnl)
    assert row.settled < 0
    assert row.remained == Decimal(str(desk.at_venue()["cash"])) > Decimal(9000)


@pytest.mark.parametrize(("share", "method"), [("0.9995", "market"), ("0.99", "backstop")])
def test_cross_liquidation_takes_the_account(desk: Desk, share: str, method: str) -> None:
    held = open_and_fall(desk, "86000", mode=MarginMode.CROSS, leverage=40, size=Decimal("0.3"))
    before = desk.reread().equity - held.unrealised_pnl
    fall_below(desk, held, share)
    assert settled(desk) == []

    row = Liquidation.objects.get()
    assert (row.mode, row.method, row.margin, row.returned) == ("cross", method, None, None)
    assert row.remained == desk.reread().equity == Decimal(str(desk.at_venue()["cash"]))
    assert row.lost == before - row.remained
    assert (row.remained > 0, row.settled < 0) == (method == "market", method == "backstop")


LARGE = Decimal(10)


def open_large(desk: Desk, mode: MarginMode) -> Position:
    """A position that the venue sells a fifth of before the rest (Hyperliquid 3.10)."""
    desk.sandbox.fund(desk.account.address, "90000")
    assert place_order(desk.adapter, desk.account, desk.market, ticket(size=LARGE, mode=mode, leverage=20)).state == (
        "accepted"
    )
    settled(desk)
    held: Position = Position.objects.select_related("market").get()
    return held


def fall_below(desk: Desk, held: Position, share: str) -> None:
    """The mark falls a little below the liquidation price."""
    assert held.liquidation_price is not None
    desk.sandbox.mark("BTC", f"{(held.liquidation_price * Decimal(share)).quantize(Decimal(1))}")


def test_announcements_of_the_parts_of_one_liquidation_are_told_apart_by_their_sizes(desk: Desk) -> None:
    """Both may be of one moment, or the later one nearer to the first execution."""
    held = open_large(desk, MarginMode.ISOLATED)
    before = desk.reread().equity - held.margin
    fall_below(desk, held, "0.9995")
    assert settled(desk) == []

    wanted = figures()
    row = Liquidation.objects.get()
    assert (row.method, row.size_before, row.closed_size) == ("market", LARGE, LARGE)
    assert row.margin == held.margin - held.unrealised_pnl
    assert row.returned is not None
    assert (row.lost, row.lost) == (row.margin - row.returned, row.fee - row.closed_pnl - row.settled)
    assert row.remained == before + row.returned == Decimal(str(desk.at_venue()["cash"]))

    first, second = LedgerEntry.objects.filter(kind="liquidation").order_by("pk")
    moment = Fill.objects.filter(liquidation="market").earliest("happened_at").happened_at
    for apart in ((0, 0), (20, 0), (0, 20), (-20, 5), (-5, 20)):
        for entry, milliseconds in zip((first, second), apart, strict=True):
            at = moment + timedelta(milliseconds=milliseconds)
            LedgerEntry.objects.filter(pk=entry.pk).update(happened_at=at)
        with transaction.atomic():
            record_liquidations(locked(desk.account), moment)
        assert figures() == wanted


@pytest.mark.parametrize(
    ("mode", "share"), [(MarginMode.ISOLATED, "0.9985"), (MarginMode.CROSS, "0.9995"), (MarginMode.CROSS, "0.99")]
)
def test_money_of_a_liquidation_in_parts_adds_up(desk: Desk, mode: MarginMode, share: str) -> None:
    fall_below(desk, open_large(desk, mode), share)

    assert settled(desk, times=2) == []
    totals = money_totals(desk.reread())
    assert totals is not None
    assert totals.unexplained == 0
    assert Liquidation.objects.get().size_before == LARGE


def test_cross_account_in_two_markets_is_settled_once(desk: Desk) -> None:
    ether = Market.objects.get(name="ETH")
    for market, size in ((desk.market, "0.1"), (ether, "2")):
        wanted = ticket(
            form_key=uuid4(), mode=MarginMode.CROSS, leverage=20, size=Decimal(size), mark=market.mark_price
        )
        assert place_order(desk.adapter, desk.account, market, wanted).state == "accepted"
    settled(desk)
    desk.sandbox.mark("ETH", "100")
    desk.sandbox.mark("BTC", "10000")

    assert settled(desk, times=2) == []
    rows = list(Liquidation.objects.order_by("market__name"))
    assert [(row.market.name, row.method) for row in rows] == [("BTC", "backstop"), ("ETH", "backstop")]
    assert [row.settled == 0 for row in rows].count(True) == 1
    totals = money_totals(desk.reread())
    assert totals is not None
    assert totals.unexplained == 0


def test_position_that_vanished_before_its_executions_were_read_is_remembered(desk: Desk) -> None:
    held = open_and_fall(desk, "69600", leverage=5)

    assert sync_positions(desk.adapter, desk.reread())
    assert (Position.objects.count(), Liquidation.objects.count()) == (0, 0)
    settled(desk)

    row = Liquidation.objects.get()
    assert (row.entry_price, row.liquidation_price) == (held.entry_price, held.liquidation_price)


def test_executions_that_come_twice_and_in_any_order_make_one_record(desk: Desk) -> None:
    open_and_fall(desk, "69600", leverage=5, size=Decimal("0.05"))
    settled(desk)
    wanted = figures()
    fills = in_three(Fill.objects.get(liquidation="market"))
    chance = random.Random(7)
    for _ in range(6):
        Liquidation.objects.all().delete()
        Fill.objects.exclude(liquidation="").delete()
        for row in [*chance.sample(fills, len(fills)), chance.choice(fills)]:
            row.pk = None
            Fill.objects.bulk_create([row], ignore_conflicts=True)
            with transaction.atomic():
                record_liquidations(locked(desk.account), row.happened_at)
        assert figures() == wanted


def in_three(whole: Fill) -> list[Fill]:
    """The same execution as three, a second apart."""
    assert whole.fee is not None
    parts = []
    left = whole.size
    for place, size in enumerate((Decimal("0.03"), Decimal("0.015"), Decimal("0.005"))):
        part = deepcopy(whole)
        part.key = whole.key if place == 0 else f"{whole.key}-{place}"
        part.size, part.start_position, left = size, left, left - size
        part.closed_pnl = whole.closed_pnl * size / whole.size
        part.fee = whole.fee * size / whole.size
        part.happened_at = whole.happened_at + timedelta(seconds=place)
        parts.append(part)
    return parts


def figures() -> list[tuple[object, ...]]:
    names = [
        "key", "method", "size_before", "closed_size", "closed_pnl", "fee", "margin", "returned", "lost", "settled",
    ]  # fmt: skip
    return list(Liquidation.objects.values_list(*names))


def test_announcement_that_comes_without_its_executions_completes_the_record(desk: Desk) -> None:
    """What explains a liquidation was not answered; then executions were read on, and of the ledger nothing."""
    fall_below(desk, open_large(desk, MarginMode.CROSS), "0.99")
    desk.sandbox.fault("drop_before", "userNonFundingLedgerUpdates", count=20)
    assert not sync_account(desk.adapter, desk.reread())
    desk.sandbox.clear_faults()
    assert [(row.method, row.settled) for row in Liquidation.objects.all()] == [("backstop", Decimal(0))]
    for fill in Fill.objects.exclude(liquidation=""):
        Fill.objects.filter(pk=fill.pk).update(happened_at=fill.happened_at - timedelta(milliseconds=20))
    later = {"fills": (timezone.now() + timedelta(minutes=2)).isoformat()}
    VenueAccount.objects.update(cursors=desk.reread().cursors | later)

    assert sync_account(desk.adapter, desk.reread(), frozenset({ReadingKind.ACCOUNT, ReadingKind.HISTORY}))
    known = figures()
    assert Liquidation.objects.get().settled < 0
    assert settled(desk) == []
    assert figures() == known


@pytest.mark.parametrize("details", ['{"leverageType":null}', '{"liquidatedPositions":null}', "no record", ""])
def test_announcement_that_cannot_be_read_stops_no_reading(desk: Desk, details: str) -> None:
    open_and_fall(desk, "69600", leverage=5)
    settled(desk)
    fills = set(Fill.objects.values_list("key", flat=True))
    LedgerEntry.objects.filter(kind="liquidation").update(details=details)
    Fill.objects.all().delete()
    Liquidation.objects.all().delete()

    assert sync_account(desk.adapter, desk.reread(), EVERYTHING)
    assert set(Fill.objects.values_list("key", flat=True)) == fills
    assert Liquidation.objects.get().method == "market"


def test_counterparty_of_a_liquidation_is_not_told_that_it_was_liquidated(desk: Desk) -> None:
    open_and_fall(desk, "69600", leverage=5)
    settled(desk)
    Fill.objects.exclude(liquidation="").update(liquidation="")
    Liquidation.objects.all().delete()

    with transaction.atomic():
        assert record_liquidations(locked(desk.account), Fill.objects.latest("happened_at").happened_at) == []


def test_way_of_the_price_is_kept(desk: Desk) -> None:
    open_and_fall(desk, "69600", leverage=5)
    settled(desk)

    path = Liquidation.objects.get().path
    assert len(path) >= 2
    assert min(Decimal(low) for _, low, _, _ in path) <= Decimal(69600)


def test_silent_venue_leaves_the_path_to_the_next_reading(desk: Desk) -> None:
    open_and_fall(desk, "69600", leverage=5)
    desk.sandbox.fault("drop_before", "candleSnapshot", count=2)
    assert sync_account(desk.adapter, desk.reread())
    assert Liquidation.objects.get().path == []

    desk.sandbox.clear_faults()
    settled(desk)
    assert Liquidation.objects.get().path != []


@pytest.mark.parametrize("price", ["69600", "68900", "60000"])
def test_money_of_a_liquidation_adds_up(desk: Desk, price: str) -> None:
    open_and_fall(desk, price, leverage=5, size=Decimal("0.05"))

    assert settled(desk, times=2) == []
    assert Difference.objects.count() == 0
    assert FormerPosition.objects.count() == 1


def test_module_opens_with_examples_that_hold() -> None:
    assert doctest.testmod(liquidation_money).failed == 0
