"""Many accounts are looked at in one go: for the price of one, and none at another's expense."""

import json
import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings
from redis import Redis

from tenants.models import Operator
from tenants.scope import operator_scope
from tests.factories import NOW, make_account, make_market, make_user
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.services.answered import held, snapshot
from trading.live.shapes import announce_all
from trading.models import FormerPosition, Position, VenueAccount
from trading.services import looks
from trading.services.apply_account import apply_snapshots
from trading.services.looks import Came, look_at
from trading.services.readings import Explainer, Taken, begin_readings
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.snapshots import Network, Venue
from trading.venues.transport import NO_HEADERS, Response

MILLISECONDS = int(NOW.timestamp() * 1000)
PATIENCE = 60.0


class Told:
    """A venue that answers about each address what it was told to: an equity, or an error to raise."""

    def __init__(self) -> None:
        self.equity: dict[str, str] = {}
        self.errors: dict[str, Exception] = {}
        self.gates: dict[str, threading.Event] = {}
        self.asked: list[str] = []
        self.moment = MILLISECONDS

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """The account's state, with one position, as soon as its gate is open."""
        address = json.loads(body)["user"]
        self.asked.append(address)
        if address in self.gates:
            assert self.gates[address].wait(PATIENCE)
        if address in self.errors:
            raise self.errors[address]
        return Response(200, json.dumps(self._state(self.equity.get(address, "1000"))).encode())

    def _state(self, equity: str) -> dict[str, Any]:
        summary = {"accountValue": equity, "totalNtlPos": "64000", "totalRawUsd": "0", "totalMarginUsed": "12800"}
        position = {
            "coin": "BTC",
            "szi": "1",
            "leverage": {"type": "isolated", "value": 5, "rawUsd": "-51200"},
            "entryPx": "64000",
            "positionValue": f"{64000 + self.moment - MILLISECONDS}",
            "unrealizedPnl": "0",
            "returnOnEquity": "0",
            "liquidationPx": "52000",
            "marginUsed": "12800",
            "maxLeverage": 40,
            "cumFunding": {"allTime": "0", "sinceOpen": "0", "sinceChange": "0"},
        }
        return {
            "marginSummary": summary,
            "crossMarginSummary": summary,
            "crossMaintenanceMarginUsed": "0",
            "withdrawable": "500",
            "assetPositions": [{"type": "oneWay", "position": position}],
            "time": self.moment,
        }


@pytest.fixture
def accounts(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[VenueAccount]]:
    """Thirty accounts of one operator; however busy the machine is, all answers are waited for."""
    monkeypatch.setattr(looks, "TOGETHER_SECONDS", PATIENCE)
    with made_accounts(30) as rows:
        yield rows


@contextmanager
def made_accounts(count: int) -> Iterator[list[VenueAccount]]:
    make_market("BTC")
    operator = Operator.objects.create(slug="alpha", name="Alpha")
    with operator_scope(operator.pk):
        trader = make_user("alice@alpha.example")
        yield [make_account(trader, f"0x{number:040x}", venue_time=None) for number in range(count)]


def look(venue: Told, rows: list[VenueAccount]) -> dict[int, Came]:
    adapter = HyperliquidAdapter(venue, Network.TESTNET)
    return {pk: what for came in look_at([(adapter, row) for row in rows]) for pk, what in came.items()}


def statements(venue: Told, rows: list[VenueAccount]) -> list[str]:
    """What a look and the word to the pages send to the database, each statement by its beginning."""
    with CaptureQueriesContext(connection) as sent:
        look(venue, rows)
        announce_all(rows[0].operator_id, [row.pk for row in rows])
    return [query["sql"].strip()[:40] for query in sent.captured_queries if "SAVEPOINT" not in query["sql"]]


def test_thirty_accounts_cost_as_many_statements_as_one(accounts: list[VenueAccount], redis: Redis) -> None:  # noqa: F811
    venue = Told()
    look(venue, accounts)
    venue.moment += 1
    alone = statements(venue, accounts[:1])
    venue.moment += 1

    assert len(alone) == 7
    assert statements(venue, accounts) == alone
    assert set(Position.objects.values_list("mark_price", flat=True)) == {Decimal(64002)}


def test_account_that_cannot_be_read_or_stored_spoils_no_other(accounts: list[VenueAccount]) -> None:
    venue = Told()
    look(venue, accounts)
    venue.moment += 1
    too_much, broken, fine = accounts[3], accounts[7], [*accounts[:3], *accounts[4:7], *accounts[8:]]
    venue.equity = {too_much.address: "1" + "0" * 30, fine[0].address: "2000"}
    venue.errors = {broken.address: RuntimeError("a mistake of ours")}

    came = look(venue, accounts)

    assert came == dict.fromkeys([row.pk for row in fine], Came.READ) | {
        too_much.pk: Came.FAILED,
        broken.pk: Came.FAILED,
    }
    rows = VenueAccount.objects.in_bulk()
    assert (rows[fine[0].pk].equity, rows[fine[1].pk].equity, rows[too_much.pk].equity) == (2000, 1000, 1000)
    assert {rows[row.pk].venue_time for row in fine} == {NOW + timedelta(milliseconds=1)}
    assert {rows[pk].venue_time for pk in (too_much.pk, broken.pk)} == {NOW}


def test_account_alone_whose_answer_cannot_be_stored_says_so(accounts: list[VenueAccount]) -> None:
    venue = Told()
    venue.errors = {accounts[0].address: RuntimeError("a mistake of ours")}

    with pytest.raises(RuntimeError, match="a mistake of ours"):
        look(venue, accounts[:1])


def test_who_is_slow_keeps_nobody_waiting(accounts: list[VenueAccount], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "TOGETHER_SECONDS", 0.05)
    venue, slow = Told(), accounts[0]
    venue.gates = {slow.address: threading.Event()}
    adapter, came = HyperliquidAdapter(venue, Network.TESTNET), set[int]()

    for group in look_at([(adapter, row) for row in accounts[:5]]):
        came |= group.keys()
        if len(came) == 4:
            assert slow.pk not in came
            assert VenueAccount.objects.exclude(venue_time=None).count() == 4
            venue.gates[slow.address].set()

    assert came == {row.pk for row in accounts[:5]}


@contextmanager
def silent_venue(network: Network) -> Iterator[None]:
    """All hands at the venue wait for an answer."""
    hands, answer = looks._hands(os.getpid(), Venue.HYPERLIQUID, network), threading.Event()
    waiting = [hands.submit(answer.wait, PATIENCE) for _ in range(looks.QUESTIONS_AT_ONCE)]
    try:
        yield
    finally:
        answer.set()
        assert [one.result(PATIENCE) for one in waiting] == [True] * looks.QUESTIONS_AT_ONCE


def test_venue_that_keeps_silent_keeps_nobody_from_another(accounts: list[VenueAccount]) -> None:
    with silent_venue(Network.MAINNET):
        assert look(Told(), accounts[:3]) == {row.pk: Came.MOVED for row in accounts[:3]}


def test_question_that_has_not_begun_in_time_is_not_asked(
    accounts: list[VenueAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "BEGUN_SECONDS", 0.05)
    venue = Told()
    with silent_venue(Network.TESTNET):
        assert look(venue, accounts[:3]) == {row.pk: Came.NOTHING for row in accounts[:3]}
    assert looks._hands(os.getpid(), Venue.HYPERLIQUID, Network.TESTNET).submit(int).result(PATIENCE) == 0
    assert venue.asked == []


def test_nothing_more_is_asked_once_nobody_takes_the_answers(
    accounts: list[VenueAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "TOGETHER_SECONDS", 0.05)
    venue, first = Told(), accounts[0]
    venue.gates = {row.address: threading.Event() for row in accounts}
    groups = look_at([(HyperliquidAdapter(venue, Network.TESTNET), row) for row in accounts])
    venue.gates[first.address].set()
    assert next(groups) == {first.pk: Came.MOVED}

    groups.close()  # type: ignore[attr-defined]
    for gate in venue.gates.values():
        gate.set()
    hands = looks._hands(os.getpid(), Venue.HYPERLIQUID, Network.TESTNET)
    done = [hands.submit(time.sleep, 0) for _ in range(looks.QUESTIONS_AT_ONCE)]
    assert [one.result(PATIENCE) for one in done] == [None] * len(done)
    assert len(venue.asked) <= looks.QUESTIONS_AT_ONCE + 1


def test_batch_that_the_database_gave_up_is_stored_once_more(
    accounts: list[VenueAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [OperationalError("deadlock detected")]

    def apply(taken: Collection[Taken], explained: Explainer) -> dict[int, bool]:
        if failures:
            raise failures.pop()
        return apply_snapshots(taken, explained)

    monkeypatch.setattr(looks, "apply_snapshots", apply)
    assert set(look(Told(), accounts).values()) == {Came.MOVED}

    failures += [OperationalError("deadlock detected")] * 2
    with pytest.raises(OperationalError):
        look(Told(), accounts)


def test_reading_older_than_what_is_stored_changes_nothing_of_a_batch_but_the_others(
    accounts: list[VenueAccount],
) -> None:
    first, second = accounts[:2]
    numbers = begin_readings([first.pk, second.pk])
    apply_snapshots([Taken(first, snapshot(9, held("9")), numbers[first.pk])])
    before = (VenueAccount.objects.filter(pk=first.pk).values().get(), Position.objects.values().get())

    later = begin_readings([first.pk, second.pk])
    taken = [Taken(row, snapshot(5, held("5")), later[row.pk]) for row in (second, first)]

    assert apply_snapshots(taken) == {second.pk: True}
    row = VenueAccount.objects.filter(pk=first.pk).values().get()
    assert (row | {"readings": 1, "attempted_at": before[0]["attempted_at"]}) == before[0]
    assert Position.objects.filter(account=first).values().get() == before[1]
    assert Position.objects.get(account=second).size == 5
    assert not FormerPosition.objects.exists()


def test_figures_that_are_as_they_were_are_not_written_again(accounts: list[VenueAccount]) -> None:
    numbers = begin_readings([row.pk for row in accounts])
    taken = [Taken(row, snapshot(1, held("1")), numbers[row.pk]) for row in accounts]
    apply_snapshots(taken)
    versions = set(Position.objects.extra(select={"version": "ctid::text"}).values_list("pk", "version"))

    assert apply_snapshots(taken) == dict.fromkeys([row.pk for row in accounts], False)

    assert set(Position.objects.extra(select={"version": "ctid::text"}).values_list("pk", "version")) == versions


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_overlapping_batches_end_with_the_newest(settings: Settings) -> None:
    """Each takes the accounts in another order, so they would lock each other out if the order were theirs."""
    with made_accounts(12) as accounts:
        errors: list[BaseException] = []
        batches = [(accounts[:9], 1), (accounts[:2:-1], 2)]

        def write(rows: list[VenueAccount], size: int) -> None:
            try:
                with operator_scope(rows[0].operator_id):
                    for second in range(15):
                        begun = begin_readings([row.pk for row in rows])
                        found = snapshot(second, held(str(size)))
                        apply_snapshots([Taken(row, found, begun[row.pk]) for row in rows])
            except BaseException as error:
                errors.append(error)
                raise
            finally:
                connection.close()

        workers = [threading.Thread(target=write, args=batch) for batch in batches]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(PATIENCE)

        assert errors == []
        rows = VenueAccount.objects.in_bulk()
        assert {row.venue_time for row in rows.values()} == {NOW + timedelta(seconds=14)}
        assert [rows[row.pk].readings for row in accounts] == [15] * 3 + [30] * 6 + [15] * 3
        assert all(row.account_reading <= row.readings for row in rows.values())
        sizes = dict(Position.objects.values_list("account", "size"))
        assert [sizes[row.pk] for row in [*accounts[:3], *accounts[9:]]] == [1] * 3 + [2] * 3
