"""How old figures are beside what is promised: measured in a turn, told to the operator, printed for Prometheus."""

import doctest
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from celery.signals import before_task_publish
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import DjangoAssertNumQueries, Settings
from redis import Redis

from perpsstudio.celery import app
from tenants.scope import every_operator, operator_scope
from tests.factories import Exchange, browser_at, make_account, make_market, make_position
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.services.outages import cut_off
from trading import tasks
from trading.connect import gateway_of
from trading.live import handing, keys, weather
from trading.live.connections import blocking
from trading.metering import budget_of, meter_of
from trading.models import Position, VenueAccount
from trading.panels import freshness as words
from trading.services import freshness
from trading.services.freshness import EVERYBODY, Ages, Figures, Measured, measure
from trading.services.risk import nearest
from trading.services.roster import RosterOf
from trading.services.schedule import Need
from trading.tasks.accounts import forget_rosters
from trading.venues.budget import request_name
from trading.venues.ledger import Answer, Charge, Priority
from trading.venues.snapshots import Network, Venue
from trading.venues.weather import Kind, Outcome

HERE = (Venue.HYPERLIQUID, Network.TESTNET)
ADDRESSES = ("harbour", "hill")
TASKS = ("sync_account_in_turn", "look_at_accounts")


@pytest.fixture(autouse=True)
def apart(redis: Redis) -> Iterator[None]:  # noqa: F811
    """Turns hand accounts out and nobody takes them."""
    forget_rosters()
    yield
    app.conf.task_always_eager = False


def accounts_of(exchange: Exchange, count: int, **changes: object) -> list[VenueAccount]:
    """Read three hours ago where nothing else is said: they are due."""
    changes = {"synced_at": timezone.now() - timedelta(hours=3)} | changes
    with operator_scope(exchange.operator.pk):
        return [
            make_account(exchange.trader, f"0x{exchange.operator.slug}{place}", **changes) for place in range(count)
        ]


def test_every_class_has_its_own_ages() -> None:
    needs = np.array([Need.NEAR] * 100 + [Need.IDLE] * 2, np.int8)
    ages = np.array([*range(1, 101), 5.0, np.nan])

    found = measure(Figures(needs, ages, np.full(102, np.nan), ages > 90, ages == 100))
    assert found == Measured(
        held_back=10,
        failing=1,
        ages=(Ages(Need.NEAR, 100, 0, 60, 50.0, 99.0, 100.0), Ages(Need.IDLE, 2, 1, 1, 5.0, 5.0, 5.0)),
    )


def test_turn_measures_every_operators_accounts_apart(alpha: Exchange, beta: Exchange) -> None:
    long_ago = timezone.now() - timedelta(seconds=50)
    accounts_of(alpha, 3, synced_at=long_ago, attempted_at=long_ago)
    accounts_of(beta, 1, synced_at=None)
    tasks.sync_due_accounts()

    (his,) = freshness.read(alpha.operator.pk, *HERE).ages
    (hers,) = freshness.read(beta.operator.pk, *HERE).ages
    (all_of_them,) = freshness.read(EVERYBODY, *HERE).ages
    assert [(row.accounts, row.never, row.kept) for row in (his, hers, all_of_them)] == [
        (3, 0, 3),
        (1, 1, 0),
        (4, 1, 3),
    ]
    assert 50 <= his.median <= his.oldest < 80


def test_operator_sees_how_fresh_his_accounts_are(alpha: Exchange, beta: Exchange) -> None:
    accounts_of(beta, 7)
    accounts_of(alpha, 2, synced_at=timezone.now(), attempted_at=timezone.now())
    tasks.sync_due_accounts()
    client = browser_at(alpha, alpha.owner)

    page = client.get("/console/").content.decode()
    assert "How fresh" in page
    assert "No position" in page
    assert "2.5 h" in page
    fragment = client.get("/console/freshness/").content.decode()
    assert '<span class="muted number">2</span>' in fragment
    assert '<span class="muted number">7</span>' not in fragment


def scraped() -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample of a scrape, by its name and the values of its labels in their order."""
    answer = Client(headers={"host": "localhost"}).get("/metrics").content.decode()
    return {
        (sample.name, tuple(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(answer)
        for sample in family.samples
    }


def test_scrape_tells_ages_budget_and_weather(alpha: Exchange, settings: Settings) -> None:
    settings.EGRESS, now = ADDRESSES[0], timezone.now()
    accounts_of(alpha, 4, synced_at=now, attempted_at=now)
    tasks.sync_due_accounts()
    found = scraped()

    here, through_one = ("hyperliquid", "testnet"), (ADDRESSES[0], "hyperliquid", "testnet")
    assert found["perpsstudio_accounts", tuple(sorted(("idle", *here)))] == 4
    assert found["perpsstudio_accounts_as_promised", tuple(sorted(("idle", *here)))] == 4
    assert found["perpsstudio_account_age_seconds", tuple(sorted(("0.99", "idle", *here)))] < 60
    assert found["perpsstudio_account_age_promised_seconds", ("near",)] == 60
    assert found["perpsstudio_budget_used_weight", through_one] == 0
    assert found["perpsstudio_venue_weather", tuple(sorted(("fine", *through_one)))] == 1
    assert found["perpsstudio_venue_weather", tuple(sorted(("down", *through_one)))] == 0
    assert found["perpsstudio_executions_waiting", here] == 0


def test_executions_that_wait_are_told_to_whom_they_belong(alpha: Exchange, beta: Exchange) -> None:
    now = timezone.now()
    his, hers = (accounts_of(exchange, 2, synced_at=now, attempted_at=now) for exchange in (alpha, beta))
    waits = {his[0].pk: 7300, his[1].pk: 30, hers[0].pk: 60}
    with every_operator():
        for account_id, seconds in waits.items():
            VenueAccount.objects.filter(pk=account_id).update(behind_since=now - timedelta(seconds=seconds))
    tasks.sync_due_accounts()
    page = browser_at(alpha, alpha.owner).get("/console/freshness/").content.decode()
    told, found = freshness.read(beta.operator.pk, *HERE), scraped()

    assert "Executions waiting to be read" in page
    assert "2 accounts, up to 2 h" in page
    assert (told.waiting, 60 <= told.longest < 7300) == (1, True)
    assert found["perpsstudio_executions_waiting", HERE] == 3
    assert 7300 <= found["perpsstudio_executions_longest_wait_seconds", HERE] < 7400


def test_those_whom_our_limit_holds_back_are_told_to_whom_they_belong(
    alpha: Exchange, beta: Exchange, settings: Settings
) -> None:
    """Nine reads at 2 are 19 a second and none is left over; a fifth faster to catch up they are 22: eleven."""
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = 1200
    accounts_of(alpha, 20)
    accounts_of(beta, 3, synced_at=timezone.now())
    assert tasks.sync_due_accounts() == 11
    pages = [browser_at(each, each.owner).get("/console/freshness/").content.decode() for each in (alpha, beta)]

    assert [freshness.read(each.operator.pk, *HERE).held_back for each in (alpha, beta)] == [9, 0]
    assert [("Held back" in page, ">9 accounts<" in page) for page in pages] == [(True, True), (True, False)]
    assert scraped()["perpsstudio_accounts_held_back", HERE] == 9


def test_ban_holds_back_everybody_who_is_due(alpha: Exchange) -> None:
    accounts_of(alpha, 5)
    budget_of(*HERE).settle(request_name(), [], Answer(slow_down=True, wait=600))

    assert tasks.sync_due_accounts() == 0
    assert freshness.read(alpha.operator.pk, *HERE).held_back == 5


def test_accounts_that_fail_again_and_again_are_told_to_whom_they_belong(alpha: Exchange, beta: Exchange) -> None:
    his, hers = (accounts_of(exchange, 3) for exchange in (alpha, beta))
    for account, times in ((his[0], 3), (his[1], 9), (his[2], 2), (hers[0], 1)):
        handing.let_rest(*HERE, account.pk, times, 300)
    tasks.sync_due_accounts()
    pages = [browser_at(each, each.owner).get("/console/freshness/").content.decode() for each in (alpha, beta)]

    assert [freshness.read(each.operator.pk, *HERE).failing for each in (alpha, beta)] == [2, 0]
    assert ["Failing again and again" in page for page in pages] == [True, False]
    assert ">2 accounts<" in pages[0]
    assert scraped()["perpsstudio_accounts_failing", HERE] == 2


def test_every_address_with_workers_is_told_with_its_budget_and_weather(alpha: Exchange, settings: Settings) -> None:
    settings.EGRESS, settings.HYPERLIQUID_WEIGHT_PER_MINUTE = ADDRESSES[0], 1000
    blocking().zadd(keys.ADDRESSES, {ADDRESSES[1]: time.time() + 3600, "long gone": time.time() - 1})
    spend(70, ADDRESSES[1])
    cut_off(ADDRESSES[1])
    page = browser_at(alpha, alpha.owner).get("/console/freshness/").content.decode()
    found = scraped()

    used = {labels: weight for (name, labels), weight in found.items() if name == "perpsstudio_budget_used_weight"}
    assert used == {(ADDRESSES[0], *HERE): 0, (ADDRESSES[1], *HERE): 70}
    assert found["perpsstudio_venue_weather", tuple(sorted(("fine", ADDRESSES[0], *HERE)))] == 1
    assert found["perpsstudio_venue_weather", tuple(sorted(("down", ADDRESSES[1], *HERE)))] == 1
    assert "70 of 1,000" in page
    assert [f"through {address}" in page for address in (*ADDRESSES, "long gone")] == [True, True, False]
    assert "not answering" in page


def spend(weight: int, address: str) -> None:
    """A request of so much weight through an address of ours, which was answered."""
    charges = [Charge(meter_of(gateway_of(HERE[0]).tariff, *HERE, address), weight)]
    budget, name = budget_of(*HERE, address), request_name()
    assert budget.take(name, Priority.ROUTINE, charges) == 0
    budget.settle(name, charges, Answer())


def test_accounts_that_nobody_may_read_are_counted_and_have_no_age(
    alpha: Exchange, beta: Exchange, settings: Settings
) -> None:
    """Aster tells an account to its key alone (Aster 1.3): one whose key is gone is not late, and nobody's turn."""
    settings.ASTER_URL, there = "http://localhost:1", (Venue.ASTER, Network.TESTNET)
    now = timezone.now()
    accounts_of(alpha, 3, venue=Venue.ASTER, agent_key=b"", synced_at=now - timedelta(days=2))
    accounts_of(beta, 1, venue=Venue.ASTER, agent_key=b"sealed", synced_at=now, attempted_at=now)
    tasks.sync_due_accounts()
    page = browser_at(alpha, alpha.owner).get("/console/freshness/").content.decode()

    assert freshness.read(alpha.operator.pk, *there) == Measured(unread=3)
    (hers,) = freshness.read(beta.operator.pk, *there).ages
    assert (hers.accounts, hers.kept) == (1, 1)
    assert "Without a key, so nobody may read them" in page
    assert "3 accounts" in page
    assert scraped()["perpsstudio_accounts_without_key", ("aster", "testnet")] == 3


@pytest.mark.parametrize("count", [1, 30])
def test_turn_costs_a_fixed_number_of_queries(
    alpha: Exchange, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    accounts_of(alpha, count)

    with django_assert_max_num_queries(8):
        assert tasks.sync_due_accounts() == count


def test_turn_spends_what_each_address_with_workers_has(alpha: Exchange, settings: Settings) -> None:
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = 2000
    accounts_of(alpha, 60)
    through_one = tasks.sync_due_accounts()
    forget_rosters()
    settings.EGRESS = "another address"

    assert 0 < through_one < 20
    assert tasks.sync_due_accounts() == 2 * through_one


@pytest.fixture
def dealt(settings: Settings) -> Iterator[Counter[str]]:
    """How many tasks to read go to each of two addresses of ours that have workers; the first takes the turns."""
    sent, places = Counter[str](), [f"trading.tasks.readings.{name}" for name in TASKS]

    def count(routing_key: str, **_: object) -> None:
        sent[routing_key.removeprefix("readings@")] += 1

    settings.EGRESS = ADDRESSES[0]
    blocking().zadd(keys.ADDRESSES, dict.fromkeys(ADDRESSES, time.time() + 3600))
    for place in places:
        before_task_publish.connect(count, sender=place)
    yield sent
    for place in places:
        before_task_publish.disconnect(count, sender=place)


@pytest.mark.parametrize(("cut", "other"), [ADDRESSES, ADDRESSES[::-1]])
def test_address_that_is_cut_off_is_dealt_nothing_whoever_takes_the_turn(
    alpha: Exchange, dealt: Counter[str], cut: str, other: str
) -> None:
    accounts_of(alpha, 6)
    cut_off(cut)

    assert tasks.sync_due_accounts() == 6
    assert dealt == {other: 6}


def test_one_reading_is_tried_where_every_address_is_cut_off(alpha: Exchange, dealt: Counter[str]) -> None:
    accounts_of(alpha, 6)
    cut_off(*ADDRESSES)

    assert tasks.sync_due_accounts() == dealt.total() == 1
    assert dealt.keys() <= set(ADDRESSES)


def test_address_that_is_answered_again_is_dealt_its_part(alpha: Exchange, dealt: Counter[str]) -> None:
    accounts_of(alpha, 6)
    cut_off(ADDRESSES[0])
    weather.note(*HERE, Outcome(Kind.ANSWERED, 0.1))
    weather.forget()

    assert tasks.sync_due_accounts() == 6
    assert dealt == dict.fromkeys(ADDRESSES, 3)


@pytest.mark.parametrize(("mode", "away"), [("standard", 0.005), ("unified", 1.0)])
def test_cross_position_is_as_near_as_the_collateral_of_its_book_lets_it(
    alpha: Exchange, mode: str, away: float
) -> None:
    (account,) = accounts_of(alpha, 1, mode=mode, cross_equity=100_000, cross_maintenance=0)
    with operator_scope(alpha.operator.pk):
        gold = make_market("xyz:GOLD", dex="xyz")
        make_position(account, gold, mode="cross", cash=None, size=1, mark_price=100, liquidation_price="99.5")
    with every_operator():
        known = RosterOf(*HERE).known(timezone.now())

    assert nearest(known.exposure, np.array([100.0])).tolist() == pytest.approx([away])


def test_roster_follows_what_is_written(alpha: Exchange) -> None:
    first, second, third = accounts_of(alpha, 3, attempted_at=timezone.now(), synced_at=timezone.now())
    with operator_scope(alpha.operator.pk):
        btc, eth = make_market("BTC"), make_market("ETH")
        make_position(first, btc, liquidation_price=90)
        make_position(third, eth, liquidation_price=80)
    marks = np.array([100.0, 100.0])
    with every_operator():
        roster = RosterOf(*HERE)
        known = roster.known(timezone.now())
        assert known.names == ("BTC", "ETH")
        assert nearest(known.exposure, marks)[[0, 2]].tolist() == pytest.approx([0.1, 0.2])

        Position.objects.filter(account=first).update(liquidation_price=95)
        VenueAccount.objects.filter(pk=first.pk).update(attempted_at=timezone.now())
        assert nearest(roster.known(timezone.now()).exposure, marks)[[0, 2]].tolist() == pytest.approx([0.05, 0.2])

        with operator_scope(alpha.operator.pk):
            make_position(second, eth, liquidation_price=99)
        Position.objects.filter(account=third).delete()
        VenueAccount.objects.filter(pk__in=[second.pk, third.pk]).update(attempted_at=timezone.now())
        found = nearest(roster.known(timezone.now()).exposure, marks)
        assert found[:2].tolist() == pytest.approx([0.05, 0.01])
        assert np.isnan(found[2])


@pytest.mark.parametrize("module", [freshness, words])
def test_modules_open_with_examples_that_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
