"""The budget in Redis: it decides as the ledger does, whoever asks at once, and though Redis loses its memory."""

import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import partial
from subprocess import PIPE

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.venues.meters import CLEAN, KEEPING, MINUTE, ORDERS, SLOW
from trading.venues.budget import MANY_METERS, Budget, Memory, request_name
from trading.venues.ledger import LONGEST_PAUSE, UNDER_WAY, Answer, Charge, Ledger, Meter, Priority

STEPS = st.lists(
    st.tuples(
        st.integers(0, 9000),  # ms since the step before
        st.sampled_from(list(Priority)),
        st.integers(0, 90),  # weight
        st.sampled_from(["", "an order too", "within a share"]),
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
    small, share = Meter("budget:test:small", 200, kept=40), Meter("budget:test:share", 30)
    more = {"": [], "an order too": [Charge(ORDERS, 1)], "within a share": [Charge(share, 9, above=100)]}
    ledger, budget = Ledger(), Budget(redis, "budget:test", clock=lambda: now, jitter=lambda: 1.0)
    under_way: list[tuple[str, list[Charge]]] = []
    for place, (passed, priority, weight, kind, which, answer) in enumerate(steps):
        now += passed / 1000
        charges = [Charge(small, weight), *more[kind]]
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
        state = budget.state(small, ORDERS, share)
        assert state.used == tuple(ledger.used(meter, now) for meter in (small, ORDERS, share))
        assert state.closed_for == pytest.approx(ledger.gate(now, Priority.ROUTINE), abs=1e-6)


@pytest.mark.parametrize(
    ("weight", "priority"), [(200, Priority.ROUTINE), (230, Priority.URGENT), (700, Priority.RELIEF)]
)
def test_redis_decides_as_the_ledger_does_of_many_requests(
    redis: Redis,  # noqa: F811
    weight: int,
    priority: Priority,
) -> None:
    now = 0.0
    ledger, budget = Ledger(), Budget(redis, "budget:test", clock=lambda: now)
    for place in range(450):
        now = place / 10
        for one in (partial(ledger.take, now), budget.take):
            assert one(f"r{place}", Priority.COMMAND, [Charge(KEEPING, 2)]) == 0

    expected = ledger.take(now, "more", priority, [Charge(KEEPING, weight)])
    assert budget.take("more", priority, [Charge(KEEPING, weight)]) == pytest.approx(expected, abs=1e-6)
    assert expected > 0


@dataclass
class Processes:
    """Processes that share a gate: what each was told is its own."""

    redis: Redis
    now: float = 0.0

    def begin(self) -> Budget:
        return Budget(self.redis, "budget:test", clock=lambda: self.now)


@pytest.fixture
def processes(redis: Redis) -> Processes:  # noqa: F811
    return Processes(redis)


def ask(budget: Budget, weight: int = 20, priority: Priority = Priority.ROUTINE) -> float:
    name, charges = request_name(), [Charge(MINUTE, weight)]
    wait = budget.take(name, priority, charges)
    if not wait:
        budget.settle(name, charges, CLEAN)
    return wait


def test_minute_that_redis_lost_still_counts(processes: Processes) -> None:
    one = processes.begin()
    spent = sum(20 for _ in range(60) if not ask(one))
    processes.redis.flushall()
    processes.now += 1

    assert spent == 1140
    assert ask(one) == pytest.approx(74)
    assert one.state(MINUTE).used == (1140,)
    assert [ask(one, 1, Priority.COMMAND) for _ in range(24)] + [ask(one, 1, Priority.RELIEF) for _ in range(36)] == [
        0
    ] * 60
    processes.now += 74
    assert ask(one) == 0


def test_whoever_asked_last_knows_of_all_that_others_spent(processes: Processes) -> None:
    one, two = processes.begin(), processes.begin()
    for _ in range(25):
        ask(one)
        ask(two)
    processes.redis.flushall()
    fresh = processes.begin()

    assert ask(fresh) == 0  # it was never told anything
    assert [ask(one), one.state(MINUTE).used] == [0, (20 + 980 + 20,)]
    assert [ask(two), two.state(MINUTE).used] == [0, (20 + 1000 + 40,)]
    assert [ask(one) for _ in range(4)] + [ask(two) == 0] == [0, 0, 0, 0, False]


def test_loss_is_made_good_by_the_most_that_anybody_knows_for_as_long_as_anybody_knows(processes: Processes) -> None:
    one, two = processes.begin(), processes.begin()
    for _ in range(50):
        ask(one)
    processes.now += 50
    ask(two, 2)
    processes.redis.flushall()

    assert [ask(one, 0), two.state(MINUTE).used] == [0, (1000,)]
    assert [ask(two, 0), two.state(MINUTE).used] == [0, (1002,)]
    processes.now += 74.9
    assert two.state(MINUTE).used == (1002,)
    processes.now += 0.2
    assert two.state(MINUTE).used == (0,)


def test_gate_that_never_was_holds_nobody_back(processes: Processes) -> None:
    assert [ask(processes.begin(), 1140), processes.begin().state(MINUTE).used] == [0, (1140,)]


def test_gate_that_was_idle_for_long_is_a_new_one(processes: Processes) -> None:
    one = processes.begin()
    ask(one, 1140)
    processes.now += 76
    processes.redis.flushall()

    assert ask(one, 1140) == 0


def test_ban_that_redis_lost_is_still_obeyed_by_all(processes: Processes) -> None:
    one, two = processes.begin(), processes.begin()
    ask(one)
    one.settle("banned", [Charge(MINUTE, 1)], Answer(slow_down=True, wait=120.0))
    processes.now += 10
    assert ask(two, 1, Priority.RELIEF) == 110
    processes.redis.flushall()
    processes.now += 10

    assert ask(two, 1, Priority.RELIEF) == 100
    assert processes.begin().state().is_ordered
    assert [ask(one, 1, Priority.RELIEF), ask(processes.begin(), 1, Priority.RELIEF)] == [100, 100]


@pytest.fixture
def budget(redis: Redis) -> Budget:  # noqa: F811
    return Budget(redis, "budget:test")


SPEND = """
import sys
from redis import Redis
from trading.venues.budget import Budget, request_name
from trading.venues.ledger import Charge, Meter, Priority

budget, meter = Budget(Redis.from_url(sys.argv[1]), "budget:test"), Meter("budget:test:minute", 1200)
print("ready", flush=True)
sys.stdin.readline()
print(sum(not budget.take(request_name(), Priority.ROUTINE, [Charge(meter, 7)]) for _ in range(120)), flush=True)
"""


def test_processes_together_never_spend_more_than_the_share(budget: Budget, valkey_url: str) -> None:  # noqa: F811
    command = [sys.executable, "-c", SPEND, valkey_url]
    spenders = [subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) for _ in range(3)]
    for spender in spenders:
        assert spender.stdout is not None
        assert spender.stdout.readline() == "ready\n"
    for spender in spenders:
        assert spender.stdin is not None
        spender.stdin.write("go\n")
        spender.stdin.flush()

    assert sum(int(spender.communicate()[0]) for spender in spenders) == 1140 // 7
    assert budget.state(MINUTE).used == (1140 // 7 * 7,)


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


def test_threads_that_keep_many_meters_lose_none() -> None:
    memory, errors = Memory(), list[BaseException]()

    def keep(first: int) -> None:
        try:
            for number in range(first, first + 400):
                memory.keep("gate", 0.0, {Meter(f"meter {number}", 1200): number}, 0.0)
        except BaseException as error:
            errors.append(error)
            raise

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=keep, args=[first]) for first in range(0, 3 * MANY_METERS, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(before)

    assert errors == []
    kept = [memory.told(Meter(f"meter {number}", 1200), 0.0)[1] for number in range(400 * len(threads))]
    assert kept == list(range(400 * len(threads)))


def test_answer_to_an_earlier_question_takes_nothing_back() -> None:
    memory = Memory()
    memory.keep("gate", 0.0, {MINUTE: 100}, 2.0)
    memory.keep("gate", 0.0, {MINUTE: 80}, 1.0)
    assert memory.told(MINUTE, 2.0) == ("gate", 100, UNDER_WAY + 60)

    memory.keep("gate", 0.0, {MINUTE: 120}, 1.0)
    assert memory.told(MINUTE, 2.0) == ("gate", 120, UNDER_WAY + 60)
    memory.keep("the gate before", 0.0, {MINUTE: 1000}, 1.0)
    assert memory.told(MINUTE, 2.0) == ("gate", 120, UNDER_WAY + 60)
    memory.keep("gate", 0.0, {MINUTE: 20}, 3.0)
    assert memory.told(MINUTE, 3.0) == ("gate", 20, UNDER_WAY + 60)


def test_nothing_is_left_in_redis_for_long(budget: Budget, redis: Redis) -> None:  # noqa: F811
    budget.take("x", Priority.ROUTINE, [Charge(MINUTE, 7)])
    budget.settle("x", [Charge(MINUTE, 7)], Answer(slow_down=True, wait=2.0))

    assert {name for name in redis.scan_iter() if not 0 < redis.pttl(name) <= (2 + 10 * LONGEST_PAUSE) * 1000} == set()
