"""The budget: exact over any sliding minute, the same in Redis as in memory, and deaf to nothing a venue says."""

import threading
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from trading.venues.budget import Budget, request_name
from trading.venues.ledger import LONGEST_PAUSE, UNDER_WAY, Answer, Charge, Ledger, Meter, Priority

MINUTE = Meter("budget:test:minute", 1200)
ORDERS = Meter("budget:test:orders", 30, 10.0)
CLEAN = Answer()
SLOW = Answer(slow_down=True)
NAMES = count()


def take(ledger: Ledger, now: float, weight: int, priority: Priority = Priority.ROUTINE) -> float:
    return ledger.take(now, f"r{next(NAMES)}", priority, [Charge(MINUTE, weight)])


def test_reads_stop_at_their_share_and_commands_at_the_limit() -> None:
    ledger = Ledger()

    assert [take(ledger, 0, 1140), take(ledger, 0, 1)] == [0, UNDER_WAY + 60]
    assert [take(ledger, 0, 24, Priority.URGENT), take(ledger, 0, 1, Priority.URGENT)] == [0, UNDER_WAY + 60]
    assert [take(ledger, 0, 36, Priority.COMMAND), take(ledger, 0, 1, Priority.COMMAND)] == [0, UNDER_WAY + 60]


def test_request_counts_until_a_whole_window_after_its_answer() -> None:
    ledger, charges = Ledger(), [Charge(MINUTE, 1140)]
    ledger.take(0, "slow", Priority.ROUTINE, charges)
    ledger.settle(3.5, "slow", charges, CLEAN)

    assert take(ledger, 63.4, 1) == pytest.approx(0.1)
    assert take(ledger, 63.5, 1) == 0


def test_request_that_was_never_answered_counts_as_if_it_arrived_last() -> None:
    ledger = Ledger()
    take(ledger, 0, 1140)

    assert take(ledger, 74.9, 1140) == pytest.approx(0.1)
    assert take(ledger, 75, 1140) == 0


def test_wait_is_until_enough_has_dropped_out() -> None:
    ledger = Ledger()
    for second in range(57):
        charges = [Charge(MINUTE, 20)]
        ledger.take(second, f"w{second}", Priority.ROUTINE, charges)
        ledger.settle(second, f"w{second}", charges, CLEAN)

    assert [take(ledger, 56, weight) for weight in (1, 20, 21, 40)] == [4, 4, 5, 5]


def test_rows_of_an_answer_are_counted_after_it() -> None:
    ledger, charges = Ledger(), [Charge(MINUTE, 20)]
    ledger.take(0, "fills", Priority.ROUTINE, charges)
    ledger.settle(0, "fills", charges, Answer(extra=100))

    assert ledger.used(MINUTE, 0) == 120


def test_what_others_spend_from_our_address_is_learnt_from_the_venue() -> None:
    ledger, charges = Ledger(), [Charge(MINUTE, 5)]
    for second, reported in ((125.0, 5), (126.0, 400), (127.0, 405)):
        ledger.take(second, f"a{second}", Priority.ROUTINE, charges)
        ledger.settle(second, f"a{second}", charges, Answer(reported=(reported,)))

    assert ledger.used(MINUTE, 127) == 405
    assert ledger.used(MINUTE, 187) == 0


def test_all_meters_let_a_request_through_or_none_counts_it() -> None:
    ledger = Ledger()
    order = [Charge(MINUTE, 1), Charge(ORDERS, 1)]
    for number in range(30):
        assert ledger.take(0, f"o{number}", Priority.COMMAND, order) == 0

    assert ledger.take(0, "o30", Priority.COMMAND, order) == UNDER_WAY + 10
    assert ledger.used(MINUTE, 0) == 30


def test_ban_is_obeyed_exactly_by_everybody() -> None:
    ledger = Ledger()
    take(ledger, 0, 1)
    ledger.settle(1, "x", [Charge(MINUTE, 1)], Answer(slow_down=True, wait=120))
    ledger.settle(2, "y", [Charge(MINUTE, 1)], Answer(slow_down=True, wait=10))

    assert [take(ledger, 120.5, 1, priority) for priority in Priority] == [0.5, 0.5, 0.5]
    assert [take(ledger, 121, 1, priority) for priority in Priority] == [0, 0, 0]


def test_pause_of_our_own_choosing_grows_and_stops_no_command() -> None:
    ledger, charges, pauses, now = Ledger(), [Charge(MINUTE, 1)], [], 0.0
    for _ in range(8):
        ledger.settle(now, "x", charges, SLOW)
        ledger.settle(now, "y", charges, SLOW)  # the same event
        assert take(ledger, now, 1, Priority.COMMAND) == 0
        pauses.append(take(ledger, now, 1))
        now += pauses[-1]
    ledger.settle(now, "x", charges, CLEAN)
    ledger.settle(now, "x", charges, SLOW)

    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert take(ledger, now, 1) == 0.5


STEPS = st.lists(
    st.tuples(
        st.integers(0, 9000),  # ms since the step before
        st.sampled_from(list(Priority)),
        st.integers(0, 90),  # weight
        st.booleans(),  # an order too
        st.integers(0, 4),  # which of the requests under way is answered then
        st.sampled_from([CLEAN, Answer(extra=7), Answer(reported=(150,)), SLOW, Answer(slow_down=True, wait=4.0)]),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_redis_decides_as_the_ledger_does(redis: Redis, steps: list[tuple]) -> None:  # type: ignore[type-arg]  # noqa: F811
    redis.flushall()
    now = 0.0
    small = Meter("budget:test:small", 200)
    ledger, budget = Ledger(), Budget(redis, "budget:test", clock=lambda: now, jitter=lambda: 1.0)
    under_way: list[tuple[str, list[Charge]]] = []
    for place, (passed, priority, weight, is_order, which, answer) in enumerate(steps):
        now += passed / 1000
        charges = [Charge(small, weight), *([Charge(ORDERS, 1)] if is_order else [])]
        theirs, ours = (
            one.take(*args)
            for one, args in (
                (budget, (f"r{place}", priority, charges)),
                (ledger, (now, f"r{place}", priority, charges)),
            )
        )
        assert theirs == pytest.approx(ours, abs=1e-6)
        if not ours:
            under_way.append((f"r{place}", charges))
        if which < len(under_way):
            name, paid = under_way.pop(which)
            budget.settle(name, paid, answer)
            ledger.settle(now, name, paid, answer)
        state = budget.state(small, ORDERS)
        assert state.used == (ledger.used(small, now), ledger.used(ORDERS, now))
        assert state.closed_for == pytest.approx(ledger.gate(now, Priority.ROUTINE), abs=1e-6)


@pytest.fixture
def budget(redis: Redis) -> Budget:  # noqa: F811
    return Budget(redis, "budget:test")


def test_threads_together_never_spend_more_than_the_share(budget: Budget) -> None:
    let_through: list[int] = []

    def spend() -> None:
        let_through.append(
            sum(not budget.take(request_name(), Priority.ROUTINE, [Charge(MINUTE, 7)]) for _ in range(60))
        )

    threads = [threading.Thread(target=spend) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(let_through) == 1140 // 7
    assert budget.state(MINUTE).used == (1140 // 7 * 7,)
    assert budget.take(request_name(), Priority.COMMAND, [Charge(MINUTE, 1)]) == 0


def test_nothing_is_left_in_redis_for_long(budget: Budget, redis: Redis) -> None:  # noqa: F811
    budget.take("x", Priority.ROUTINE, [Charge(MINUTE, 7)])
    budget.settle("x", [Charge(MINUTE, 7)], Answer(slow_down=True, wait=2.0))

    assert {name for name in redis.scan_iter() if not 0 < redis.pttl(name) <= (2 + 10 * LONGEST_PAUSE) * 1000} == set()
