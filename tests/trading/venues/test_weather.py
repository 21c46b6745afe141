"""A venue's weather is what its newest answers say, and it clears by itself."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from trading.venues.weather import MEMORY, Evidence, Kind, Outcome, Sky, Weather, judge

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD, SLOW = Outcome(Kind.ANSWERED, 0.1), Outcome(Kind.ANSWERED, 2.0)
FAILED, UNREACHABLE = Outcome(Kind.FAILED, 5.0), Outcome(Kind.UNREACHABLE, 0.1)
HALTED, SLOWED = Outcome(Kind.HALTED, 0.1), Outcome(Kind.SLOWED, 0.1)
BANNED = Outcome(Kind.SLOWED, 0.1, wait=120.0)


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
        ([(0, GOOD), (1, HALTED)], Sky.FINE),
        ([(0, SLOW), (1, SLOW), (2, GOOD), (3, SLOW)], Sky.SLOW),
        ([(0, SLOW), (1, GOOD), (2, GOOD), (3, SLOW), (4, GOOD), (5, SLOW), (6, GOOD)], Sky.FINE),
        ([(0, SLOWED), (1, SLOWED), (2, SLOWED)], Sky.RATE_LIMITED),
        ([(0, GOOD), (1, SLOWED), (2, SLOWED), (3, SLOWED)], Sky.FINE),
    ],
)
def test_sky_is_what_the_newest_outcomes_say(told: Iterable[tuple[float, Outcome]], sky: Sky) -> None:
    assert weather(*told).sky is sky


def test_ban_lasts_as_long_as_the_venue_said() -> None:
    found = weather((100, BANNED))
    assert (found.sky, found.silent_until) == (Sky.FINE, None)  # nobody remembers that long
    found = weather((50, BANNED))
    assert (found.sky, found.since, found.silent_until) == (Sky.RATE_LIMITED, ago(50), NOW + timedelta(seconds=70))


def test_weather_says_since_when() -> None:
    assert weather((0, FAILED), (10, FAILED), (20, FAILED), (30, GOOD)) == Weather(Sky.DOWN, ago(20))


def test_old_evidence_is_none() -> None:
    told = [(0.0, FAILED), (1.0, FAILED), (2.0, FAILED)]

    assert weather(*told).sky is Sky.DOWN
    assert weather(*told, now=NOW + MEMORY + timedelta(seconds=1)) == Weather()


def test_only_a_venue_that_cannot_tell_takes_no_risk() -> None:
    assert [sky for sky in Sky if not sky.takes_risk] == [Sky.HALTED, Sky.DOWN]
