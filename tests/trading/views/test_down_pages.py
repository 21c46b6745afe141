"""While a venue answers nothing, every page still does: the trader's, the owner's and support's."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.cache import cache
from pytest_django.fixtures import Settings
from redis import Redis

from tenants.scope import every_operator
from tests.factories import ALICES_ADDRESS, Belongings, Exchange, browser_at, make_belongings, make_market
from tests.tenants.visits import ANSWERS, visited
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from trading.candles import Candles, candles_key
from trading.connect import _transport, _vault
from trading.live import keys, weather
from trading.models import VenueAccount
from trading.venues import weather as rules
from trading.venues.snapshots import Candle, Network, Venue
from trading.venues.weather import Evidence, Kind, Outcome, Sky

NOBODY_LISTENS = "http://127.0.0.1:9"


@pytest.fixture
def dead(settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # noqa: F811
    """Both venues are connected and nobody is there."""
    monkeypatch.setattr(rules, "MEMORY", timedelta(hours=2))
    for venue in Venue:
        setattr(settings, f"{venue.name}_URL", NOBODY_LISTENS)
        setattr(settings, f"{venue.name}_NETWORK", "testnet")
    settings.AGENT_KEY_SECRETS = [Fernet.generate_key().decode()]
    for remembered in (_transport, _vault):
        remembered.cache_clear()
    cache.clear()
    yield
    for remembered in (_transport, _vault):
        remembered.cache_clear()
    cache.clear()


@pytest.fixture(params=Venue)
def alices(request: pytest.FixtureRequest, alpha: Exchange, dead: None, redis: Redis) -> Belongings:  # noqa: F811
    """Alice holds a position at the venue that went away, and was liquidated there once; she was read an hour ago."""
    venue = request.param
    belongings = make_belongings(alpha, make_market("BTC", venue=venue.value), ALICES_ADDRESS)
    with every_operator():
        VenueAccount.objects.update(venue=venue.value, synced_at=datetime.now(UTC) - timedelta(hours=1))
    for seconds in (3, 1, 0):
        told = Evidence(datetime.now(UTC) - timedelta(seconds=seconds), Outcome(Kind.UNREACHABLE, 0.1))
        redis.lpush(keys.weather(venue, Network.TESTNET, settings.EGRESS), msgspec.json.encode(told))
    weather.forget()
    assert weather.read(venue, Network.TESTNET).sky is Sky.DOWN
    return belongings


def test_every_page_answers(alpha: Exchange, alices: Belongings) -> None:
    found = {}
    for address, path, role in visited(alpha, alices):
        for htmx in (False, True):
            answer = browser_at(alpha, alpha.person(role), htmx=htmx).get(path)
            found[address.name, role, htmx] = answer.status_code

    expected = {key: ANSWERS.get(key[0], 200) for key in found} | {("command", "trader", True): 200}
    assert found == expected
    assert len({name for name, _, _ in found}) > 40


def test_chart_that_was_never_read_says_so_and_one_that_was_stays(alpha: Exchange, alices: Belongings) -> None:
    browser, market = browser_at(alpha, alpha.trader), alices.position.market
    path = f"/trade/{market.address}/candles/"

    answer = browser.get(path)
    assert (answer.status_code, list(answer.json())) == (503, ["error"])

    opened = datetime.fromtimestamp(900, UTC)
    first, high, low, last = (Decimal(text) for text in ("1.0", "2.5", "0.5", "2"))
    bar = Candle("BTC", opened, opened + timedelta(minutes=15), first, high, low, last, Decimal(1), 3)
    cache.set(candles_key(market, "15m"), Candles((bar,), read_at=0.0))
    answer = browser.get(path)
    told = {"time": 900, "open": "1.0", "high": "2.5", "low": "0.5", "close": "2"}
    assert (answer.status_code, answer.json()) == (200, {"candles": [told]})


def test_support_sees_how_old_the_figures_are(alpha: Exchange, alices: Belongings) -> None:
    page = browser_at(alpha, alpha.support).get(f"/support/traders/{alpha.trader.pk}/").content.decode()

    assert re.findall(r'<time[^>]*class="(age age-[a-z]+)"', page)[:1] == ["age age-closed"]
