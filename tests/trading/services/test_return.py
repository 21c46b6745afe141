"""A venue that was silent for ten minutes is back: everybody is current soon, and it meets no herd."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from tests.factories import make_account, make_position
from tests.trading.conftest import Desk
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.services.test_storm import HERE, eager, go_down, sky  # noqa: F401  # fixtures
from trading import tasks
from trading.live import handing, keys, weather
from trading.models import VenueAccount
from trading.services.readings import weights_of
from trading.services.schedule import CATCHING_UP
from trading.tasks import accounts
from trading.venues.weather import Sky

# Calls to settle a command go by name, which no eager task answers: here nobody is to settle anything.
pytestmark = pytest.mark.filterwarnings("ignore::celery.exceptions.AlwaysEagerIgnored")

OTHERS, LIMIT = 16, 1200
PAUSES, PAUSE_SECONDS = 10, 60.0
MOST_SECONDS = 30


@dataclass
class Clock:
    """The time of whoever takes the turns: it goes on when it is told to."""

    seconds: float = field(default_factory=time.time)

    def time(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (accounts, handing):
        monkeypatch.setattr(module, "time", made)
    monkeypatch.setattr(timezone, "now", made.now)
    return made


def turn(clock: Clock, redis: Redis, seconds: float) -> int:  # noqa: F811
    """So much time passes, and a turn is taken; how many it hands out."""
    clock.seconds += seconds
    redis.delete(keys.probe(*HERE))  # as a third of a second does
    weather.forget()
    return int(tasks.sync_due_accounts())


def read_at(desk: Desk) -> set[tuple[int, datetime]]:
    """Who near a liquidation was read last when, by the venue's answer."""
    others = VenueAccount.objects.exclude(pk=desk.account.pk)
    return set(others.values_list("pk", "synced_at"))


def test_everybody_near_liquidation_is_current_within_thirty_seconds_and_no_turn_is_a_herd(
    desk: Desk,
    redis: Redis,  # noqa: F811
    clock: Clock,
    settings: Settings,
) -> None:
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = LIMIT
    for place in range(OTHERS):
        account = make_account(desk.account.trader, f"0x{place:040x}", synced_at=clock.now(), attempted_at=clock.now())
        make_position(account, desk.market, size=1, mark_price=100, liquidation_price=Decimal(97))
    go_down(desk)
    while_down = [turn(clock, redis, PAUSE_SECONDS) for _ in range(PAUSES)]
    assert sky() is Sky.DOWN

    desk.sandbox.clear_faults()
    before, turns = read_at(desk), list[int]()
    while read_at(desk) & before:
        assert len(turns) < MOST_SECONDS
        time.sleep(1.0)  # what an address of ours may spend is counted by the clock of Redis
        turns.append(turn(clock, redis, 1.0))

    assert set(while_down) == {1}
    assert sky() is Sky.FINE
    assert sum(turns) >= OTHERS
    assert max(turns) * weights_of(HERE[0]).account <= CATCHING_UP * LIMIT / 60
