"""One record for one liquidation, at either venue: the way of the price, all margin that moved, fees, what was lost and
what was left."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import uuid4

import pytest
from redis import Redis

from tests.trading.aster.another_tool import Elsewhere, trader
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.live.follower import eventually, running
from trading.connect import public_adapter
from trading.live import follow, presence, watching
from trading.management.commands.stream import open_stream
from trading.models import Fill, LedgerEntry, Liquidation, MarginChange, Position
from trading.panels.records import build_liquidations
from trading.panels.story import build_story
from trading.past import story_of
from trading.services.margin import change_margin
from trading.services.orders import close_position
from trading.venues.base import Venue

__all__ = ["trader"]

IN, OUT = Decimal(30), Decimal(-10)
MINUS = "\N{MINUS SIGN}"


def held_by(trader: Elsewhere) -> Position:
    position: Position = Position.objects.select_related("market", "account").get(account=trader.account_id)
    return position


def move(trader: Elsewhere, amount: Decimal) -> None:
    """Margin of ours, put in or taken out."""
    change = change_margin(trader.adapter, trader.account, held_by(trader), amount=amount, form_key=uuid4())
    assert change.state == "accepted"
    trader.read()


def fall(trader: Elsewhere) -> Decimal:
    """The mark falls a little below the liquidation price; to where."""
    price = held_by(trader).liquidation_price
    assert price is not None
    mark: Decimal = (price * Decimal("0.9995")).quantize(Decimal(1))
    trader.sandbox.mark(trader.market_name, f"{mark}", venue=trader.venue)
    return mark


def test_record_has_all_margin_that_moved_in_its_position_and_none_of_an_earlier_one(trader: Elsewhere) -> None:
    trader.hold()
    move(trader, Decimal(7))
    close_position(trader.adapter, trader.account, held_by(trader), mark=Decimal(86_000), form_key=uuid4())
    trader.read()
    trader.hold()
    opened = held_by(trader)
    for amount in (IN, OUT):
        move(trader, amount)
    held = held_by(trader)
    mark = fall(trader)

    assert trader.read(2) == []
    row = Liquidation.objects.get()
    story = story_of(row)
    first, second = story.margin_changes
    assert [first.amount, second.amount] == [IN, OUT]
    assert [first.margin_before, second.margin_before] == [opened.margin, opened.margin + IN]
    assert first.liquidation_before == opened.liquidation_price
    assert first.liquidation_after == second.liquidation_before < first.liquidation_before
    assert second.liquidation_after == row.liquidation_price == held.liquidation_price
    assert MarginChange.objects.count() == 3

    assert row.margin == held.margin - held.unrealised_pnl == opened.margin - opened.unrealised_pnl + IN + OUT
    assert row.fee == paid(trader) > 0
    assert row.returned is not None
    assert row.lost == row.margin - row.returned == row.fee - row.closed_pnl
    assert row.remained == trader.account.equity
    assert min(Decimal(low) for _, low, _, _ in row.path) <= mark
    moved = [line.amount for line in build_story(story).rows if line.words.startswith("Margin was")]
    assert moved == ["+30.00", f"{MINUS}10.00"]


def test_story_of_a_position_that_grew_elsewhere_unread_begins_where_it_was_opened(trader: Elsewhere) -> None:
    trader.hold()
    move(trader, Decimal(7))
    close_position(trader.adapter, trader.account, held_by(trader), mark=Decimal(86_000), form_key=uuid4())
    trader.read()
    trader.hold()
    opened = Fill.objects.latest("happened_at").happened_at
    move(trader, IN)
    trader.trade("0.03")
    trader.sandbox.mark(trader.market_name, "70000", venue=trader.venue)
    trader.read(2)

    story = story_of(Liquidation.objects.get())
    assert story.liquidation.closed_size == Decimal("0.05")
    assert [change.amount for change in story.margin_changes] == [IN]
    assert story.fills[0].happened_at == opened


def test_liquidation_of_a_position_that_grew_elsewhere_unread_tells_it_as_it_was(trader: Elsewhere) -> None:
    trader.hold()
    shown = held_by(trader)
    trader.trade("0.03")
    trader.sandbox.mark(trader.market_name, "70000", venue=trader.venue)
    trader.read(2)

    row = Liquidation.objects.get()
    assert (row.size_before, row.closed_size) == (Decimal("0.05"), Decimal("0.05"))
    assert is_near(row.entry_price, average(Fill.objects.filter(is_buy=True)))
    assert (row.liquidation_price, row.seen_at) == (shown.liquidation_price, shown.venue_time)
    facts = {fact.label: (fact.value, fact.note) for fact in build_story(story_of(row)).facts}
    (line,) = build_liquidations([row])
    assert (facts["Came back"] == ("not known", ""), line.returned == "not known") == (row.returned is None,) * 2
    check_money(row, trader)


def test_liquidation_of_a_position_that_was_opened_unread_has_no_price_of_the_one_before(trader: Elsewhere) -> None:
    trader.hold()
    trader.trade("-0.02")
    trader.sandbox.mark(trader.market_name, "86500", venue=trader.venue)
    trader.trade("0.03")
    trader.sandbox.mark(trader.market_name, "70000", venue=trader.venue)
    trader.read(2)

    row, opened = Liquidation.objects.get(), Fill.objects.filter(is_buy=True).latest("happened_at")
    assert (row.size_before, row.closed_size) == (Decimal("0.03"), Decimal("0.03"))
    assert is_near(row.entry_price, average(Fill.objects.filter(order_id=opened.order_id)))
    assert (row.liquidation_price, row.estimated_liquidation_price, row.seen_at) == (None, None, None)
    check_money(row, trader)
    assert story_of(row).fills[0].order_id == opened.order_id


def average(fills: Iterable[Fill]) -> Decimal:
    """The price of all of them together."""
    rows = list(fills)
    price: Decimal = sum((row.size * row.price for row in rows), Decimal(0)) / sum(row.size for row in rows)
    return price


def is_near(price: Decimal | None, expected: Decimal) -> bool:
    """But for what the venue rounds."""
    return price is not None and abs(price - expected) < Decimal("0.01")


def check_money(row: Liquidation, trader: Elsewhere) -> None:
    """What a position held that was traded unread is told by Hyperliquid alone (Hyperliquid 2.5)."""
    assert row.lost == paid(trader) - row.closed_pnl - row.settled
    assert (row.margin is None, row.returned is None) == (trader.venue == "aster",) * 2
    if row.margin is not None and row.returned is not None:
        assert row.lost == row.margin - row.returned


def paid(trader: Elsewhere) -> Decimal:
    """The fees of the forced executions, and what the venue booked beside them."""
    fees = Fill.objects.exclude(liquidation="").values_list("fee", flat=True)
    booked = LedgerEntry.objects.filter(kind="INSURANCE_CLEAR").values_list("amount", flat=True)
    return sum(fees, Decimal(0)) - sum(booked, Decimal(0))


def test_liquidation_that_a_stream_tells_and_readings_tell_again_is_one_record(
    transactional_db: None,
    trader: Elsewhere,
    redis: Redis,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "CHOOSE_SECONDS", 0.1)
    trader.hold()
    move(trader, IN)
    venue, before = Venue(trader.venue), trader.account
    presence.look(before.operator_id, before.pk)
    with running(follow.Follower(public_adapter(venue), lambda listen: open_stream(venue, listen))):
        assert eventually(lambda: trader.account.synced_at != before.synced_at)
        fall(trader)
        assert eventually(lambda: Liquidation.objects.filter(remained__isnull=False).exists())
    heard = list(Liquidation.objects.values())

    assert trader.read(3) == []
    (row,) = Liquidation.objects.all()
    assert [row.pk] == [one["id"] for one in heard]
    assert [change.amount for change in story_of(row).margin_changes] == [IN]
    assert Fill.objects.exclude(liquidation="").count() == Fill.objects.filter(is_buy=False).count()
    assert row.fee == paid(trader)
