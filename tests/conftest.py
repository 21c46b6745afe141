"""Fixtures every test may use."""

from itertools import count
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings as configured
from pytest_django.fixtures import Settings

from tenants.hosts import forget_hosts
from tenants.recent import forget_people
from tests import factories
from tests.factories import Belongings, Exchange
from trading.live import board, weather
from trading.models import Market
from trading.recent import forget_desks

# However slow the machine is, it finds nothing wrong with the code. CI tries the same examples every time, so that a
# change is judged by itself; everywhere else new ones are found.
UNHURRIED = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("here", UNHURRIED)
hypothesis.settings.register_profile("ci", UNHURRIED, derandomize=True, database=None)
hypothesis.settings.load_profile("ci" if configured.CI else "here")

# Nothing listens there: a test that forgets its sandbox never reaches a real venue.
NO_VENUE = "http://127.0.0.1:9"
ADDRESSES = count()


@pytest.fixture(scope="session")
def venue_data() -> Path:
    """The folder of recorded venue payloads: required in CI, optional in a lone clone."""
    folder = Path(configured.VENUE_DATA)
    if not folder.is_dir():
        message = f"recorded venue payloads are not at {folder}; set VENUE_DATA to their folder"
        if configured.CI:
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(autouse=True)
def everyday_settings(settings: Settings) -> None:
    """Plain HTTP, no venue unless a test brings one, and passwords that cost nothing to check."""
    settings.HYPERLIQUID_URL = NO_VENUE
    settings.ASTER_URL = ""
    settings.ASTER_NETWORK = "testnet"
    # Each test has an address of its own and all the budget it wants; those that are about the budget set one.
    settings.EGRESS = f"test-{next(ADDRESSES)}"
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = settings.ASTER_WEIGHT_PER_MINUTE = 1_000_000_000
    settings.SECURE_SSL_REDIRECT = False
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    settings.HYPERLIQUID_NETWORK = "testnet"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def fresh_memory() -> None:
    """What a process remembers of hosts, people, desks, prices and venues belongs to the test before."""
    forget_hosts()
    forget_people()
    forget_desks()
    board.forget()
    weather.forget()


@pytest.fixture
def alpha(db: None) -> Exchange:
    """Alice's exchange."""
    return factories.make_exchange("alpha", "alice", "olga", "sam")


@pytest.fixture
def beta(db: None) -> Exchange:
    """Bob's exchange."""
    return factories.make_exchange("beta", "bob", "oscar", "sue")


@pytest.fixture
def market(db: None) -> Market:
    """BTC at the venue's test network, 40x at most."""
    return factories.make_market()


@pytest.fixture
def alices(alpha: Exchange, market: Market) -> Belongings:
    """One row of every kind that belongs to Alice."""
    return factories.make_belongings(alpha, market, factories.ALICES_ADDRESS)


@pytest.fixture
def bobs(beta: Exchange, market: Market) -> Belongings:
    """One row of every kind that belongs to Bob."""
    return factories.make_belongings(beta, market, factories.BOBS_ADDRESS)
