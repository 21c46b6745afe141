"""An exchange on the second venue, or on both, and traders with wallets in front of its pages."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from pytest_django.fixtures import Settings

from tenants.hosts import forget_hosts
from tenants.models import Domain, MarginPolicy, Operator
from tenants.scope import operator_scope
from tests.sandbox_process import SandboxProcess
from tests.trading.aster.people import AsterTrader, sit_down
from trading.connect import public_adapter
from trading.recent import forget_desks
from trading.services.sync import sync_markets
from trading.tiers import tiers_of
from trading.venues.base import Venue

BITCOIN_PRICE = "86000"


@pytest.fixture
def aster(venue: SandboxProcess, settings: Settings) -> Iterator[SandboxProcess]:
    """The sandbox as this deployment's two venues, calm and at known prices."""
    settings.ASTER_URL = venue.url
    settings.ASTER_NETWORK = "testnet"
    cache.clear()
    tiers_of.cache_clear()
    venue.mark("BTCUSDT", BITCOIN_PRICE, venue="aster")
    yield venue
    tiers_of.cache_clear()


def make_operator(*venues: Venue) -> Operator:
    """Alpha, whose traders may trade on these venues."""
    forget_hosts()
    forget_desks()
    operator = Operator.objects.create(slug="alpha", name="Alpha")
    Domain.objects.create(host="alpha.localhost", operator=operator)
    with operator_scope(operator.pk):
        MarginPolicy(isolated_leverage=5, venues=[venue.value for venue in venues]).save()
    return operator


@pytest.fixture
def operator(db: None, aster: SandboxProcess) -> Iterator[Operator]:
    """An operator on the second venue alone, in its scope."""
    operator = make_operator(Venue.ASTER)
    with operator_scope(operator.pk):
        yield operator


@pytest.fixture
def both(db: None, aster: SandboxProcess) -> Iterator[Operator]:
    """An operator on both venues, in its scope, with the first venue's markets read."""
    operator = make_operator(Venue.HYPERLIQUID, Venue.ASTER)
    with operator_scope(operator.pk):
        sync_markets(public_adapter(Venue.HYPERLIQUID))
        yield operator


@pytest.fixture
def alice(operator: Operator, aster: SandboxProcess) -> AsterTrader:
    """A funded wallet that this exchange has not seen."""
    return sit_down(aster)


@pytest.fixture
def ready(alice: AsterTrader) -> AsterTrader:
    """Alice with a trading key her wallet has approved."""
    alice.become_ready()
    return alice
