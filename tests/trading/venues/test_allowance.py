"""An account's requests for life: counted beside the venue, and what gives way first when few are left."""

from redis import Redis

from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from trading.venues.allowance import KEPT_SECONDS, Allowance, AllowanceState, Lifetime, Use, short_of
from trading.venues.hyperliquid.weights import TARIFF, most_cancels
from trading.venues.snapshots import RequestAllowance

GROUP, ALICE, BOB = "allowance:test", "0xa", "0xb"
RULE = Lifetime(cancels=most_cancels, reserve=50, slot=10.0)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def told(redis: Redis, used: int, *, account: str = ALICE, clock: Time | None = None) -> Allowance:  # noqa: F811
    allowance = Allowance(redis, GROUP, account, RULE, clock=clock or Time())
    allowance.told(RequestAllowance(used, 10_000), allowance.sent())
    return allowance


def test_hyperliquid_keeps_this_rule() -> None:
    assert TARIFF.lifetime == RULE


def test_what_is_sent_is_counted_from_what_the_venue_told(redis: Redis) -> None:  # noqa: F811
    allowance = told(redis, 2_000)
    assert allowance.state() == AllowanceState(8_000, 18_000, 10_000, 1000.0, is_moved=False)

    assert [allowance.take(3, Use.USUAL), allowance.take(1, Use.CANCEL)] == [0, 0]

    assert allowance.state() == AllowanceState(7_996, 17_996, 10_000, 1000.0, is_moved=True)
    allowance.give_back(3, Use.USUAL)
    assert allowance.state() == AllowanceState(7_999, 17_999, 10_000, 1000.0, is_moved=True)


def test_what_was_never_told_limits_nobody(redis: Redis) -> None:  # noqa: F811
    allowance = Allowance(redis, GROUP, ALICE, RULE, clock=Time())

    assert [allowance.take(20_000, Use.USUAL), allowance.state()] == [0, None]
    assert allowance.sent() == 20_000


def test_last_requests_are_kept_for_what_takes_risk_away(redis: Redis) -> None:  # noqa: F811
    clock = Time()
    allowance = told(redis, 9_949, clock=clock)

    assert allowance.take(1, Use.USUAL) == 0  # 50 are left
    assert allowance.take(1, Use.USUAL) == 0  # the one that passes in ten seconds
    clock.now += 4
    assert allowance.take(1, Use.USUAL) == 6
    assert [allowance.take(1, Use.RELIEF) for _ in range(49)] == [0] * 49
    assert allowance.state() == AllowanceState(0, 10_000, 10_000, 1000.0, is_moved=True)
    assert allowance.take(1, Use.RELIEF) == 6
    clock.now += 6
    assert [allowance.take(1, Use.RELIEF), allowance.take(1, Use.RELIEF)] == [0, 10]


def test_cancels_have_the_larger_limit(redis: Redis) -> None:  # noqa: F811
    allowance = told(redis, 19_000)

    assert [allowance.take(200, Use.CANCEL) for _ in range(5)] == [0] * 5
    assert [allowance.take(1, Use.CANCEL), allowance.take(1, Use.CANCEL)] == [0, 10]


def test_refusal_of_the_venue_says_that_none_is_left_and_counts_nothing(redis: Redis) -> None:  # noqa: F811
    clock = Time()
    allowance = told(redis, 100, clock=clock)  # and somebody else sends for the account meanwhile
    allowance.take(1, Use.USUAL)

    allowance.give_back(1, Use.USUAL, is_refused=True)

    assert allowance.state() == AllowanceState(0, 10_000, 10_000, 1000.0, is_moved=True)
    assert allowance.take(1, Use.RELIEF) == 10
    allowance.told(RequestAllowance(10_000, 12_000), allowance.sent())  # it traded
    assert allowance.take(1, Use.RELIEF) == 0


def test_figure_by_which_something_was_refused_is_doubted_until_the_venue_tells_again(redis: Redis) -> None:  # noqa: F811
    allowance = told(redis, 10_000)  # all of it used elsewhere
    allowance.take(1, Use.USUAL)  # the one that passes in ten seconds
    told(redis, 10_001)
    state = allowance.state()
    assert state is not None
    assert not state.is_moved

    assert allowance.take(1, Use.USUAL) == 10

    state = allowance.state()
    assert state is not None
    assert state.is_moved
    assert told(redis, 10_001).state() == AllowanceState(0, 9_999, 10_000, 1000.0, is_moved=False)


def test_what_is_sent_while_the_venue_counts_is_never_forgotten(redis: Redis) -> None:  # noqa: F811
    allowance = told(redis, 0)
    before = allowance.sent()
    allowance.take(7, Use.USUAL)

    allowance.told(RequestAllowance(5, 10_000), before)

    assert allowance.state() == AllowanceState(9_988, 19_988, 10_000, 1000.0, is_moved=True)


def test_accounts_that_run_short_are_counted(redis: Redis) -> None:  # noqa: F811
    clock = Time()
    alice, bob = told(redis, 9_990, clock=clock), told(redis, 9_000, account=BOB, clock=clock)
    assert short_of(redis, GROUP, clock=clock) == 1

    bob.take(950, Use.RELIEF)
    assert short_of(redis, GROUP, clock=clock) == 2

    alice.told(RequestAllowance(9_990, 20_000), alice.sent())
    assert short_of(redis, GROUP, clock=clock) == 1


def test_account_that_left_is_no_longer_counted_as_short_once_its_row_is_gone(redis: Redis) -> None:  # noqa: F811
    clock = Time()
    told(redis, 9_960, clock=clock)
    clock.now += 1
    told(redis, 9_960, account=BOB, clock=clock)

    clock.now += KEPT_SECONDS - 1

    assert short_of(redis, GROUP, clock=clock) == 1
    assert redis.zrange(f"{GROUP}:requests", 0, -1) == [BOB.encode()]
    assert KEPT_SECONDS - 60 < redis.ttl(f"{GROUP}:requests") <= KEPT_SECONDS
