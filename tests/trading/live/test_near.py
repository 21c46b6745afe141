"""Whoever is near a liquidation is followed though nobody looks: what happens to him is heard and not asked for."""

from collections.abc import Iterator
from decimal import Decimal
from threading import Thread

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from redis import Redis

from tenants.scope import every_operator, operator_scope
from tests.sandbox_process import SandboxProcess
from tests.trading.aster.conftest import aster, make_operator
from tests.trading.aster.people import AsterTrader, sit_down
from tests.trading.live.aster_wires import QUICK
from tests.trading.live.follower import eventually, running
from tests.trading.live.private_frames import GAP, NOW, execution, moved
from trading.connect import account_adapter, public_adapter, stream_of
from trading.live import board, follow, near, presence, watching
from trading.live.followed import Candidate, Followed, Moves, Outcome, choose
from trading.live.told import Told
from trading.live.watching import Watching
from trading.models import Fill, Liquidation, Position
from trading.services import executions
from trading.services.readings import locked
from trading.services.roster import RosterOf
from trading.tasks.accounts import _claims, _purse
from trading.venues.aster import listening
from trading.venues.aster.stream import AsterStream
from trading.venues.connection import beside
from trading.venues.snapshots import Network, PositionSide, Venue
from trading.venues.streaming import (
    ConfirmedFrame,
    FillsFrame,
    Happening,
    HappeningFrame,
    OrdersFrame,
    PrivateFrame,
)

__all__ = ["aster"]

READINGS_AT_FIRST = 8
HERE = (Venue.ASTER, Network.TESTNET)
BUY = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01"


@pytest.fixture
def alice(
    transactional_db: None, aster: SandboxProcess, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AsterTrader]:
    """A trader who holds something at twenty times and looks at nothing."""
    monkeypatch.setattr(watching, "CHOOSE_SECONDS", 0.1)
    monkeypatch.setattr(listening, "CHECK_SECONDS", 0.5)
    operator = make_operator(Venue.ASTER)
    with operator_scope(operator.pk):
        trader = sit_down(aster)
        trader.become_ready()
        trader.order(leverage="20")
        trader.sync()
        yield trader


def take_turn(trader: AsterTrader) -> None:
    """The scheduler's look at everybody, without the readings that would follow."""
    board.forget()
    with every_operator():
        known = RosterOf(*HERE).known(timezone.now())
        _claims(*HERE, known, _purse(*HERE))


def follower(aster: SandboxProcess) -> follow.Follower:
    return follow.Follower(
        public_adapter(Venue.ASTER), lambda listen: AsterStream(beside(aster.url), listen, timings=QUICK)
    )


def test_liquidation_of_somebody_near_is_heard_though_nobody_looks_or_reads(
    alice: AsterTrader,
    aster: SandboxProcess,
) -> None:
    with running(follower(aster)):
        account = (alice.account.operator_id, alice.account.pk)
        attempts = set()

        def is_told() -> bool:
            """It counts as read again and again, and not only by the few readings that take up its stream."""
            take_turn(alice)
            attempts.add(alice.account.attempted_at)
            return len(attempts) > READINGS_AT_FIRST

        assert eventually(is_told)
        assert near.read(*HERE).keys() == {account}
        assert presence.looked_at_accounts() == set()
        price = alice.position.liquidation_price
        assert price is not None
        aster.mark("BTCUSDT", f"{int(price) - 10}", venue="aster")

        def is_known() -> bool:
            take_turn(alice)
            found: bool = Liquidation.objects.filter(account=alice.account).exists()
            return found

        assert eventually(is_known)
        assert not Position.objects.filter(account=alice.account).exists()
        assert eventually(lambda: Fill.objects.exclude(liquidation="").exists())


def test_whoever_is_far_is_not_followed(alice: AsterTrader, aster: SandboxProcess) -> None:
    aster.mark("BTCUSDT", "86900", venue="aster")
    alice.hear_prices()
    take_turn(alice)
    assert [distance < 0.0625 for distance in near.read(*HERE).values()] == [True]
    aster.mark("BTCUSDT", "95000", venue="aster")
    alice.hear_prices()
    take_turn(alice)
    assert near.read(*HERE) == {}


def watched(*traders: AsterTrader, told: Told | None = None) -> Watching:
    """One stream's watching of these accounts, whose streams speak and have told so much that is not written."""
    watching = Watching(account_adapter(traders[0].account), 1)
    for trader in traders:
        row = trader.account
        one = Followed(stream_of(row), account_adapter(row), Told() if told is None else told, is_told=True)
        watching._followed[row.operator_id, row.pk] = one
    return watching


def test_whoever_is_far_and_told_much_takes_no_stream_from_one_who_is_near(
    alice: AsterTrader, aster: SandboxProcess
) -> None:
    """Both look, and the other one looked first."""
    other = sit_down(aster, "carol@alpha.example")
    other.become_ready()
    account, far = ((one.account.operator_id, one.account.pk) for one in (alice, other))
    for looked_at in (account, far):
        presence.look(*looked_at)
    watching = watched(other, told=Told(must_look=True))
    watching._since[far] = 0.0

    assert not watching._followed[far].is_settled
    assert list(watching._choose()) == [account]


def test_account_that_a_worker_writes_counts_as_read_the_next_time_and_nobody_waits(
    alice: AsterTrader, aster: SandboxProcess
) -> None:
    other = sit_down(aster, "carol@alpha.example")
    other.become_ready()
    watching, before, errors = watched(alice, other), timezone.now(), list[OperationalError]()

    def count() -> None:
        try:
            with every_operator(), transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '10s'")
                watching._count_as_read()
        except OperationalError as error:
            errors.append(error)
        finally:
            connection.close()

    with transaction.atomic():
        locked(alice.account)
        counting = Thread(target=count)
        counting.start()
        counting.join()

    assert errors == []
    assert [(one.account.confirmed_at or before) > before for one in (alice, other)] == [False, True]


def candidate(number: int, distance: str, since: float | None = None, *, is_followed: bool = False) -> Candidate:
    return Candidate((1, number), f"stream {number}", Decimal(distance), since, is_followed)


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (1, [2]),
        (2, [2, 1]),
        (3, [2, 1, 4]),
        (9, [2, 1, 4, 3]),
    ],
)
def test_lookers_go_first_and_the_nearest_fill_the_room_that_is_left(most: int, expected: list[int]) -> None:
    candidates = [
        candidate(1, "1", since=5.0),
        candidate(2, "0.01", since=9.0),
        candidate(3, "0.03"),
        candidate(4, "0.002"),
        candidate(5, "0.051"),
    ]
    assert choose(candidates, most) == tuple(f"stream {number}" for number in expected)


@pytest.mark.parametrize(
    ("distance", "is_followed", "expected"),
    [("0.05", False, 1), ("0.0501", False, 0), ("0.0501", True, 1), ("0.0625", True, 1), ("0.0626", True, 0)],
)
def test_whoever_is_followed_stays_a_little_longer(distance: str, is_followed: bool, expected: int) -> None:
    assert len(choose([candidate(1, distance, is_followed=is_followed)], 5)) == expected


def test_of_two_equally_near_the_one_who_is_followed_keeps_his_stream() -> None:
    assert choose([candidate(1, "0.02"), candidate(2, "0.024", is_followed=True)], 1) == ("stream 2",)
    assert choose([candidate(1, "0.02"), candidate(2, "0.026", is_followed=True)], 1) == ("stream 1",)


def followed(*, is_looked_at: bool) -> Followed:
    one = Followed("alice", public_adapter(Venue.ASTER))
    one.look(is_looked_at=is_looked_at)
    one.take_in(GAP, NOW)
    return one


def to_read(one: Followed, at: float) -> tuple[bool, bool, bool]:
    """What is done about the news: read whole, only looked at, executions when there is room."""
    told = one.take_out(at)
    one.settle(told, Outcome.WRITTEN, at)
    done = told.must_read, told.must_look, told.is_behind
    told.must_read = False
    one.told = Told()
    return done


def test_what_may_be_missing_is_read_whole_for_those_who_look_and_else_when_there_is_room() -> None:
    assert to_read(followed(is_looked_at=True), 10.0) == (True, False, False)
    assert to_read(followed(is_looked_at=False), 10.0) == (False, True, True)


def test_what_has_happened_is_read_whole_whoever_looks() -> None:
    one = followed(is_looked_at=False)
    one.take_in(HappeningFrame("alice", Happening.LIQUIDATION), NOW)
    assert to_read(one, 10.0)[0] is True


def test_whoever_begins_to_look_finds_the_account_whole() -> None:
    one = followed(is_looked_at=False)
    to_read(one, 10.0)
    one.look(is_looked_at=True)
    assert to_read(one, 20.0) == (True, False, False)
    one.look(is_looked_at=True)
    assert to_read(one, 30.0) == (False, False, False)


def test_account_counts_as_read_only_while_nothing_is_left_to_be_read() -> None:
    one = followed(is_looked_at=False)
    one.take_in(ConfirmedFrame("alice"), NOW)
    assert (one.is_told, one.is_current, one.is_settled) == (True, False, False)
    told = one.take_out(10.0)
    assert (one.is_current, one.is_settled) == (False, False)
    one.settle(told, Outcome.FAILED, 11.0)
    assert (one.is_current, one.is_settled) == (False, False)
    told = one.take_out(13.0)
    told.must_read = False
    one.settle(told, Outcome.WRITTEN, 14.0)
    assert (one.is_current, one.is_settled) == (True, True)


def test_account_whose_news_cannot_be_written_is_neither_settled_nor_counted_as_read() -> None:
    one = followed(is_looked_at=True)
    to_read(one, 10.0)
    one.take_in(OrdersFrame("alice", ()), NOW)
    found = []
    for outcome in (Outcome.BUSY, Outcome.FAILED, Outcome.BUSY, Outcome.WRITTEN):
        told = one.take_out(20.0)
        assert not one.is_settled
        one.settle(told, outcome, 20.0)
        found.append((one.is_current, one.is_settled))

    assert found == [(True, False), (False, False), (False, False), (True, True)]


def test_account_whose_move_misses_its_executions_is_not_settled() -> None:
    one = followed(is_looked_at=False)
    one.moves.start_from({}, one.moves.standing.run)
    settled = []
    for frame in (moved("0.03"), fills("0.01"), fills("0.02")):
        one.take_in(frame, NOW)
        to_read(one, 10.0)
        settled.append(one.is_settled)

    assert settled == [False, False, True]


@pytest.mark.parametrize("is_settled", [True, False])
def test_executions_of_whoever_loses_his_stream_in_the_middle_of_his_news_are_left_to_a_worker(
    alice: AsterTrader, *, is_settled: bool
) -> None:
    row = alice.account
    executions.catch_up(row)
    watching = watched(alice)
    if not is_settled:
        watching.listen(FillsFrame(stream_of(row), fills("0.01").fills), NOW)

    for _ in range(2):
        watching._follow({})
        watching._leave_to_workers()

    assert list(executions.waiting(*HERE)) == ([] if is_settled else [row.pk])


def fills(*sizes: str) -> FillsFrame:
    return FillsFrame("alice", tuple(execution(Decimal(size)) for size in sizes))


@pytest.mark.parametrize(
    ("frames", "is_unexplained"),
    [
        ([moved("0.03"), fills("0.01")], False),
        ([fills("0.01"), moved("0.03")], False),
        ([moved("0.05"), fills("0.01", "0.02")], False),
        ([moved("0.02")], False),
        ([moved("0.03")], True),
        ([fills("0.01")], True),
        ([moved("0.03"), moved("0.04"), fills("0.01")], True),
    ],
)
def test_moves_are_followed_from_the_reading_where_the_stream_tells_only_changes(
    frames: list[PrivateFrame], *, is_unexplained: bool
) -> None:
    """The reading showed 0.02."""
    moves = Moves()
    moves.take(GAP)
    moves.start_from({("BTCUSDT", PositionSide.BOTH): Decimal("0.02")}, moves.standing.run)
    for frame in frames:
        moves.take(frame)
    moves.are_unexplained(0.0)
    assert moves.are_unexplained(2.0) is is_unexplained
