"""The weather as all processes share it: what one was told, every other knows, for as long as it is true."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from redis import Redis

from tests.trading.clocks import Clock
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from trading.live import keys, weather
from trading.venues.snapshots import Network, Venue
from trading.venues.weather import JUDGED, LISTED, MEMORY, Door, Kind, Outcome, Sky, Weather

HERE = (Venue.ASTER, Network.TESTNET)
DAY = 86_400.0


def told(kind: Kind, *, door: Door = Door.READ, wait: float | None = None) -> None:
    weather.note(*HERE, Outcome(kind, 0.1, wait, door))


def seen_by_another_process() -> Weather:
    weather.forget()
    return weather.read(*HERE)


@pytest.mark.parametrize("seconds", [600.0, 3 * DAY])
def test_ban_is_known_to_its_end_though_nothing_is_heard_meanwhile(redis: Redis, seconds: float) -> None:  # noqa: F811
    before = datetime.now(UTC)
    told(Kind.SLOWED, wait=seconds)
    redis.delete(keys.weather(*HERE, settings.EGRESS))  # as a minute without an answer does

    found = seen_by_another_process()

    assert found.sky is Sky.RATE_LIMITED
    assert found.silent_until is not None
    assert timedelta(0) <= found.silent_until - before - timedelta(seconds=seconds) < timedelta(minutes=1)
    kept = redis.pttl(keys.silences(*HERE, settings.EGRESS)) / 1000
    assert seconds - 60 < kept < seconds + 1


@pytest.mark.parametrize("seconds", [(600.0, 5.0), (5.0, 600.0)])
def test_of_several_bans_the_one_that_ends_last_is_kept(redis: Redis, seconds: tuple[float, float]) -> None:  # noqa: F811
    for one in seconds:
        told(Kind.SLOWED, wait=one)
    redis.delete(keys.weather(*HERE, settings.EGRESS))

    until = seen_by_another_process().silent_until

    assert until is not None
    assert until > datetime.now(UTC) + timedelta(seconds=500)
    assert redis.pttl(keys.silences(*HERE, settings.EGRESS)) > 500_000


def test_ban_is_over_by_itself(redis: Redis) -> None:  # noqa: F811
    told(Kind.SLOWED, wait=0.01)
    until = datetime.now(UTC) + timedelta(seconds=0.02)
    while datetime.now(UTC) < until:
        pass

    assert seen_by_another_process() == Weather()


def test_many_reads_do_not_make_a_halt_forgotten(redis: Redis) -> None:  # noqa: F811
    told(Kind.HALTED, door=Door.ORDER)
    for _ in range(JUDGED + 5):
        weather.forget()  # each of another process, which keeps back none
        told(Kind.ANSWERED)
        told(Kind.ANSWERED, door=Door.COMMAND)

    assert seen_by_another_process().sky is Sky.HALTED
    told(Kind.ANSWERED, door=Door.ORDER)
    assert seen_by_another_process() == Weather()


def test_venue_that_fails_many_requests_a_second_is_found_down(
    redis: Redis,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Thousands of accounts wait for their turn, and each turn fails at once."""
    clock = Clock(1_800_000_000.0)
    monkeypatch.setattr(weather, "datetime", clock)
    for second in range(3):
        clock.seconds += 1
        assert (second, seen_by_another_process().sky) == (second, Sky.FINE)
        for _ in range(50):
            told(Kind.UNREACHABLE)

    assert seen_by_another_process().sky is Sky.DOWN


@pytest.mark.parametrize(("door", "lasts"), [(Door.LISTING, LISTED), (Door.ORDER, MEMORY)])
def test_every_address_knows_what_the_venue_said_of_a_halt_and_how_long(
    redis: Redis,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    door: Door,
    lasts: timedelta,
) -> None:
    told(Kind.HALTED, door=door)
    first = settings.EGRESS
    monkeypatch.setattr(settings, "EGRESS", "another")

    assert seen_by_another_process().sky is Sky.HALTED
    assert lasts / 2 < timedelta(milliseconds=redis.pttl(keys.said(*HERE, door))) <= lasts
    told(Kind.ANSWERED, door=door)
    assert seen_by_another_process() == weather.read(*HERE, first) == Weather()


def test_what_another_address_was_told_does_not_bring_back_one_that_is_cut_off(
    redis: Redis,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, cut_off = Clock(1_800_000_000.0), settings.EGRESS
    monkeypatch.setattr(weather, "datetime", clock)
    for _ in range(3):
        clock.seconds += 1
        told(Kind.UNREACHABLE)
    monkeypatch.setattr(settings, "EGRESS", "another")
    for door in Door:
        told(Kind.ANSWERED, door=door)

    assert [weather.read(*HERE, address).sky for address in (cut_off, "another")] == [Sky.DOWN, Sky.FINE]


def test_one_order_at_a_time_asks(redis: Redis) -> None:  # noqa: F811
    assert [weather.may_ask(*HERE) for _ in range(3)] == [True, False, False]


def test_weather_says_since_when_though_what_began_it_is_forgotten(redis: Redis) -> None:  # noqa: F811
    for _ in range(3):
        told(Kind.HALTED, door=Door.ORDER)
    began = seen_by_another_process().since
    redis.delete(keys.weather(*HERE, settings.EGRESS, Door.ORDER))  # as a minute of refused orders does
    told(Kind.HALTED, door=Door.ORDER)

    assert seen_by_another_process() == replace(weather.read(*HERE), sky=Sky.HALTED, since=began)


def test_other_weather_has_a_beginning_of_its_own(redis: Redis) -> None:  # noqa: F811
    told(Kind.HALTED, door=Door.ORDER)
    halted_since = seen_by_another_process().since
    told(Kind.ANSWERED, door=Door.ORDER)
    told(Kind.SLOWED, wait=60.0)
    found = seen_by_another_process()

    assert halted_since is not None
    assert found.since is not None
    assert (found.sky, found.since > halted_since) == (Sky.RATE_LIMITED, True)
