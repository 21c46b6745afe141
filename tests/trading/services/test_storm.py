"""A real venue that goes away and comes back: what is refused, what is tried, what the pages say, and how it ends."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from redis import Redis

from perpsstudio.celery import app
from tests.trading.conftest import Desk
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.tickets import ticket
from tests.trading.valkey_away import door, leave  # noqa: F401  # fixtures
from tests.trading.views.conftest import browser, publish_prices  # noqa: F401  # fixtures
from trading import tasks
from trading.live import handing, keys, presence, weather
from trading.live.connections import blocking
from trading.models import Command, Order, Position, VenueAccount
from trading.models.commands import CommandState
from trading.services.margin import change_margin
from trading.services.orders import cancel_order, close_position, place_order
from trading.services.storm import VenueAway
from trading.tasks import accounts
from trading.tasks.accounts import forget_rosters
from trading.tasks.readings import look_at_accounts, sync_account_in_turn
from trading.venues import weather as rules
from trading.venues.snapshots import Network, Venue
from trading.venues.weather import Door, Evidence, Kind, Outcome, Sky

# Calls to settle a command go by name, which no eager task answers: here nobody is to settle anything.
pytestmark = pytest.mark.filterwarnings("ignore::celery.exceptions.AlwaysEagerIgnored")

HERE = (Venue.HYPERLIQUID, Network.TESTNET)
PATIENCE = 60.0
FRAGMENTS = ("positions", "account_panel", "orders", "fills", "margin_changes", "banner")


@pytest.fixture(autouse=True)
def eager(redis: Redis) -> Iterator[None]:  # noqa: F811
    app.conf.task_always_eager = True
    forget_rosters()
    yield
    app.conf.task_always_eager = False


def sky() -> Sky:
    weather.forget()
    return weather.read(*HERE).sky


def go_down(desk: Desk) -> None:
    """The venue refuses everything, and requests notice it for longer than bad luck lasts."""
    desk.sandbox.fault("error_before", "any", probability=1.0)
    ends = time.monotonic() + PATIENCE
    while sky() is not Sky.DOWN:
        assert time.monotonic() < ends
        tasks.sync_account_now(desk.operator.pk, desk.account.pk)
        time.sleep(0.2)


@pytest.fixture
def away(desk: Desk) -> Desk:
    """A desk with a position and a resting order at a venue that has just gone down."""
    place_order(desk.adapter, desk.account, desk.market, ticket())
    place_order(
        desk.adapter,
        desk.account,
        desk.market,
        ticket(form_key=uuid4(), form={"low": "1"}, limit_price=Decimal(80_000)),
    )
    go_down(desk)
    return desk


def test_new_risk_is_refused_before_anything_is_written_or_sent(away: Desk) -> None:
    before = Command.objects.count()
    position = Position.objects.get()

    with pytest.raises(VenueAway) as caught:
        place_order(away.adapter, away.account, away.market, ticket(form_key=uuid4(), form={"more": "1"}))
    with pytest.raises(VenueAway):
        change_margin(away.adapter, away.account, position, amount=Decimal(-1), form_key=uuid4())

    assert "not answering" in caught.value.explanation
    assert Command.objects.count() == before


def test_reducing_risk_is_always_tried(away: Desk) -> None:
    position, order = Position.objects.get(), Order.objects.get(is_open=True)

    tried = [
        close_position(away.adapter, away.account, position, mark=Decimal(86_000), form_key=uuid4()),
        change_margin(away.adapter, away.account, position, amount=Decimal(5), form_key=uuid4()),
        cancel_order(away.adapter, away.account, order, form_key=uuid4()),
    ]
    assert [command.state for command in tried] == [CommandState.UNKNOWN] * 3


def test_repeated_form_gets_what_it_made_before_the_venue_went_away(desk: Desk) -> None:
    order = ticket()
    first = place_order(desk.adapter, desk.account, desk.market, order)
    go_down(desk)

    assert place_order(desk.adapter, desk.account, desk.market, order).pk == first.pk


def test_every_page_answers_and_names_the_venue_that_is_away(browser: Client, away: Desk) -> None:  # noqa: F811
    assert [browser.get(reverse(name)).status_code for name in FRAGMENTS] == [200] * len(FRAGMENTS)
    page = browser.get(reverse("terminal", args=["BTC"]))

    assert page.status_code == 200
    assert "Hyperliquid is not answering." in page.content.decode()


def test_venue_that_is_back_opens_by_itself_and_all_is_current(away: Desk) -> None:
    long_ago = timezone.now() - timedelta(hours=3)
    VenueAccount.objects.update(attempted_at=long_ago, synced_at=long_ago)
    old = away.reread().synced_at
    away.sandbox.clear_faults()
    ends = time.monotonic() + PATIENCE
    while away.reread().synced_at == old:
        assert time.monotonic() < ends
        tasks.sync_due_accounts()
        time.sleep(0.2)

    assert sky() is Sky.FINE
    place_order(away.adapter, away.account, away.market, ticket(form_key=uuid4(), form={"again": "1"}))
    assert Position.objects.get().size == Decimal("0.02")


def test_venue_that_is_down_is_only_probed(away: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "PROBE", 600.0)  # however slow the machine is, a second one is not due
    presence.look(away.operator.pk, away.account.pk)
    asked = []
    for _ in range(5):
        VenueAccount.objects.update(synced_at=timezone.now() - timedelta(hours=3))
        forget_rosters()
        asked.append(tasks.sync_due_accounts())

    assert sum(asked) <= 1
    assert handing.failures(*HERE, away.account.pk) <= 10


def test_account_that_is_not_answered_while_the_venue_is_down_neither_rests_nor_stays_in_hands(
    away: Desk, unhurried: None
) -> None:
    account = (away.operator.pk, away.account.pk)
    for _ in range(3):
        handing.hand_out(*HERE, account[1:])
        look_at_accounts(account[0], [account[1]])
        handing.hand_out(*HERE, account[1:])
        sync_account_in_turn(*account)

    assert away.reread().sync_problem != ""
    assert (handing.failures(*HERE, account[1]), handing.left_alone(*HERE)) == (0, {})


def test_slow_down_of_the_venue_is_told_and_orders_are_let_through(desk: Desk, browser: Client) -> None:  # noqa: F811
    for _ in range(3):
        weather.note(*HERE, Outcome(Kind.SLOWED, 0.1))
    weather.forget()

    assert "Hyperliquid asks us to slow down." in browser.get(reverse("banner")).content.decode()
    assert place_order(desk.adapter, desk.account, desk.market, ticket()).state == CommandState.ACCEPTED


def order(desk: Desk, **changes: Any) -> Command:
    """One more order of its own form."""
    changes = {"form_key": uuid4(), "form": {"number": str(Command.objects.count())}} | changes
    return place_order(desk.adapter, desk.account, desk.market, ticket(**changes))


def remember_as_older() -> None:
    """What was heard is older by as long as orders wait before one asks."""
    for place in Door:
        key = keys.weather(*HERE, settings.EGRESS, place)
        rows = [msgspec.json.decode(row, type=Evidence) for row in blocking().lrange(key, 0, -1)]
        blocking().delete(key)
        for row in rows:
            blocking().rpush(key, msgspec.json.encode(replace(row, at=row.at - rules.CLOSED)))
    weather.forget()


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, what was heard is remembered, and no order asks before its time."""
    monkeypatch.setattr(rules, "MEMORY", timedelta(hours=3))
    monkeypatch.setattr(rules, "CLOSED", timedelta(hours=1))


def test_halt_is_ended_by_an_order_alone_and_one_at_a_time_asks(
    desk: Desk,
    redis: Redis,  # noqa: F811
    unhurried: None,
) -> None:
    order(desk)
    resting = order(desk, limit_price=Decimal(80_000))
    desk.sandbox.fault("halted", "order", probability=1.0)

    refused = order(desk)
    tasks.sync_account_now(desk.operator.pk, desk.account.pk)
    cancelled = cancel_order(desk.adapter, desk.account, Order.objects.get(is_open=True), form_key=uuid4())
    assert (refused.state, resting.state, cancelled.state) == ("rejected", "accepted", "accepted")
    assert "takes post-only orders for now" in refused.message
    assert sky() is Sky.HALTED
    with pytest.raises(VenueAway, match="halted usual trading"):
        order(desk)

    remember_as_older()
    assert order(desk).state == CommandState.REJECTED
    assert sky() is Sky.HALTED
    with pytest.raises(VenueAway):
        order(desk)

    desk.sandbox.clear_faults()
    remember_as_older()
    with pytest.raises(VenueAway, match="Another order is asking"):
        order(desk)
    redis.delete(keys.asking(*HERE))  # as its few seconds do
    assert order(desk).state == CommandState.ACCEPTED
    assert sky() is Sky.FINE


def test_order_that_would_ask_goes_out_where_valkey_has_gone_since_the_weather_was_read(
    desk: Desk,
    unhurried: None,
    leave: Callable[[], None],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk.sandbox.fault("halted", "order", count=1)
    assert order(desk).state == CommandState.REJECTED
    remember_as_older()
    monkeypatch.setattr(weather, "REMEMBERED_SECONDS", PATIENCE)
    assert sky() is Sky.HALTED

    leave()

    assert order(desk).state == CommandState.ACCEPTED


def test_closing_in_a_halt_is_tried_and_its_success_ends_it(desk: Desk, unhurried: None) -> None:
    order(desk)
    desk.sandbox.fault("halted", "order", count=2)
    position = Position.objects.get()
    assert order(desk).state == CommandState.REJECTED

    tried = [
        close_position(desk.adapter, desk.account, position, mark=Decimal(86_000), form_key=uuid4()) for _ in range(2)
    ]

    assert [command.state for command in tried] == [CommandState.REJECTED, CommandState.ACCEPTED]
    assert sky() is Sky.FINE


def test_venue_that_answers_reads_and_no_orders_takes_no_new_risk_until_one_is_answered(
    desk: Desk,
    browser: Client,  # noqa: F811
    unhurried: None,
) -> None:
    order(desk)
    desk.sandbox.fault("error_before", "exchange", probability=1.0)
    ends = time.monotonic() + PATIENCE
    while sky() is not Sky.ORDERS_UNANSWERED:
        assert time.monotonic() < ends
        assert order(desk).state == CommandState.UNKNOWN
        time.sleep(0.8)

    with pytest.raises(VenueAway, match="answers no orders"):
        order(desk)
    assert "Hyperliquid is not answering orders." in browser.get(reverse("banner")).content.decode()
    closing = close_position(desk.adapter, desk.account, Position.objects.get(), mark=Decimal(86_000), form_key=uuid4())
    assert closing.state == CommandState.UNKNOWN
    old = desk.reread().synced_at
    tasks.sync_account_now(desk.operator.pk, desk.account.pk)
    assert desk.reread().synced_at != old
    assert sky() is Sky.ORDERS_UNANSWERED

    desk.sandbox.clear_faults()
    remember_as_older()
    assert order(desk).state == CommandState.ACCEPTED
    assert sky() is Sky.FINE


def test_reloading_a_page_hands_out_no_reading(desk: Desk, browser: Client) -> None:  # noqa: F811
    VenueAccount.objects.update(synced_at=timezone.now() - timedelta(hours=1))
    before = desk.reread().attempted_at
    for _ in range(3):
        assert browser.get(reverse("terminal", args=["BTC"])).status_code == 200

    assert desk.reread().attempted_at == before
    VenueAccount.objects.update(attempted_at=timezone.now() - timedelta(seconds=5))
    assert tasks.sync_due_accounts() == 1
