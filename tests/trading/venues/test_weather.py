"""A venue's weather is what its newest answers say, and it clears by itself."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from trading.tasks.markets import MARKETS_SECONDS
from trading.venues.weather import CLOSED, LISTED, MEMORY, Door, Evidence, Kind, Outcome, Sky, Weather, judge

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD, SLOW = Outcome(Kind.ANSWERED, 0.1), Outcome(Kind.ANSWERED, 2.0)
FAILED, UNREACHABLE = Outcome(Kind.FAILED, 5.0), Outcome(Kind.UNREACHABLE, 0.1)
SLOWED, BANNED = Outcome(Kind.SLOWED, 0.1), Outcome(Kind.SLOWED, 0.1, wait=600.0)
HALTED, TAKEN = Outcome(Kind.HALTED, 0.1, door=Door.ORDER), Outcome(Kind.ANSWERED, 0.1, door=Door.ORDER)
CLOSED_ALL, OPEN_ONE = Outcome(Kind.HALTED, 0.1, door=Door.LISTING), Outcome(Kind.ANSWERED, 0.1, door=Door.LISTING)
A_TURN = 5  # seconds from one turn of the workers to the next
CANCELLED, UNANSWERED = Outcome(Kind.ANSWERED, 0.1, door=Door.COMMAND), Outcome(Kind.FAILED, 0.1, door=Door.COMMAND)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def weather(*told: tuple[float, Outcome], now: datetime = NOW) -> Weather:
    """The weather by outcomes and how many seconds ago they were known, newest first."""
    return judge([Evidence(ago(seconds), outcome) for seconds, outcome in told], now)


@pytest.mark.parametrize(
    ("told", "sky"),
    [
        ([], Sky.FINE),
        ([(1, GOOD)], Sky.FINE),
        ([(0, FAILED), (1, FAILED)], Sky.FINE),
        ([(0, FAILED), (0.5, FAILED), (1, FAILED)], Sky.FINE),
        ([(0, FAILED), (1, UNREACHABLE), (2, FAILED), (3, GOOD)], Sky.DOWN),
        ([(0, FAILED), (1, GOOD), (2, FAILED), (3, FAILED), (4, FAILED)], Sky.FINE),
        ([(0, GOOD), (1, FAILED), (2, FAILED), (3, FAILED)], Sky.FINE),
        ([(0, HALTED), (1, GOOD)], Sky.HALTED),
        ([(0, GOOD), (1, HALTED)], Sky.HALTED),
        ([(0, CANCELLED), (1, HALTED)], Sky.HALTED),
        ([(0, UNANSWERED), (1, HALTED)], Sky.HALTED),
        ([(0, TAKEN), (1, HALTED)], Sky.FINE),
        ([(0, HALTED), (1, TAKEN), (2, HALTED)], Sky.HALTED),
        ([(0, GOOD), (0, TAKEN), (1, CLOSED_ALL)], Sky.HALTED),
        ([(0, HALTED), (1, OPEN_ONE)], Sky.HALTED),
        ([(0, GOOD), (1, OPEN_ONE), (2, CLOSED_ALL)], Sky.FINE),
        ([(0, OPEN_ONE), (0, FAILED), (1, FAILED), (2, FAILED), (3, OPEN_ONE)], Sky.DOWN),
        ([(0, OPEN_ONE), (0, UNANSWERED), (1, UNANSWERED), (2, UNANSWERED), (3, GOOD)], Sky.DOWN),
        ([(0, GOOD), (0, UNANSWERED), (1, GOOD), (1, UNANSWERED), (2, UNANSWERED), (3, GOOD)], Sky.ORDERS_UNANSWERED),
        ([(0, GOOD), (0, UNANSWERED), (0.5, UNANSWERED), (1, UNANSWERED), (3, GOOD)], Sky.FINE),
        ([(0, GOOD), (0, CANCELLED), (1, UNANSWERED), (2, UNANSWERED), (3, UNANSWERED), (4, GOOD)], Sky.FINE),
        ([(0, UNANSWERED), (1, UNANSWERED), (2, UNANSWERED), (3, GOOD)], Sky.DOWN),
        ([(0, GOOD), (1, UNANSWERED), (2, FAILED), (3, UNANSWERED), (4, FAILED), (5, UNANSWERED)], Sky.FINE),
        ([(0, SLOW), (1, SLOW), (2, GOOD), (3, SLOW)], Sky.SLOW),
        ([(0, SLOW), (1, GOOD), (2, GOOD), (3, SLOW), (4, GOOD), (5, SLOW), (6, GOOD)], Sky.FINE),
        ([(0, SLOWED), (1, SLOWED), (2, SLOWED)], Sky.RATE_LIMITED),
        ([(0, SLOWED), (0.2, SLOWED), (0.4, SLOWED)], Sky.RATE_LIMITED),
        ([(0.9, SLOWED)], Sky.FINE),
        ([(1, SLOWED)], Sky.RATE_LIMITED),
        ([(0.5, SLOWED), (1, SLOWED), (2, GOOD)], Sky.RATE_LIMITED),
        ([(0.5, SLOWED), (1, GOOD), (2, SLOWED)], Sky.FINE),
        ([(0, GOOD), (1, SLOWED), (2, SLOWED), (3, SLOWED)], Sky.FINE),
    ],
)
def test_sky_is_what_the_newest_outcomes_say(told: Iterable[tuple[float, Outcome]], sky: Sky) -> None:
    assert weather(*told).sky is sky


@pytest.mark.parametrize("seconds", [0, 59, 70, 599])
def test_ban_lasts_as_long_as_the_venue_said(seconds: float) -> None:
    found = weather((seconds, BANNED))

    assert found == Weather(Sky.RATE_LIMITED, ago(seconds), NOW + timedelta(seconds=600 - seconds))


def test_ban_is_over_at_its_end() -> None:
    assert weather((600, BANNED)) == Weather()


def test_shorter_ban_after_a_longer_one_ends_nothing() -> None:
    short = Outcome(Kind.SLOWED, 0.1, wait=5.0)

    assert weather((1, short), (100, BANNED)) == Weather(Sky.RATE_LIMITED, ago(100), NOW + timedelta(seconds=500))


@pytest.mark.parametrize(
    "told", [[(3, HALTED), (9, HALTED)], [(2, GOOD), (3, UNANSWERED), (5, UNANSWERED), (9, UNANSWERED), (10, GOOD)]]
)
def test_an_order_asks_a_while_after_the_last_one_was_of_no_use(told: list[tuple[float, Outcome]]) -> None:
    found, opens = weather(*told), ago(3) + CLOSED

    assert (found.since, found.asks_at) == (ago(9), opens)
    assert [found.may_ask(opens - timedelta(seconds=1)), found.may_ask(opens)] == [False, True]


@pytest.mark.parametrize(
    ("told", "sky"), [([(0, FAILED), (1, FAILED), (2, FAILED)], Sky.DOWN), ([(0, CLOSED_ALL)], Sky.HALTED)]
)
def test_reads_alone_tell_when_a_venue_is_back_that_is_down_or_lists_nothing_open(
    told: list[tuple[float, Outcome]], sky: Sky
) -> None:
    found = weather(*told)

    assert (found.sky, found.may_ask(NOW + timedelta(days=1))) == (sky, False)


def test_weather_says_since_when() -> None:
    assert weather((0, FAILED), (10, FAILED), (20, FAILED), (30, GOOD)) == Weather(Sky.DOWN, ago(20))


def test_old_evidence_is_none() -> None:
    told = [(0.0, FAILED), (1.0, FAILED), (2.0, FAILED)]

    assert weather(*told).sky is Sky.DOWN
    assert weather(*told, now=NOW + MEMORY + timedelta(seconds=1)) == Weather()


@pytest.mark.parametrize("lists", [0, 1, 2, 3])
def test_list_of_markets_is_believed_while_those_after_it_fail(lists: int) -> None:
    ended = lists * (MARKETS_SECONDS + A_TURN)

    assert weather((0, GOOD), (ended, CLOSED_ALL)).sky is Sky.HALTED
    assert weather((0, GOOD), (ended, OPEN_ONE), (ended + 1, CLOSED_ALL)).sky is Sky.FINE
    assert weather((ended, CLOSED_ALL), now=NOW + LISTED + timedelta(seconds=1)) == Weather()


def test_only_a_venue_that_cannot_tell_takes_no_risk() -> None:
    assert [sky for sky in Sky if not sky.takes_risk] == [Sky.HALTED, Sky.ORDERS_UNANSWERED, Sky.DOWN]
