"""The venue that the adapter's tests talk to, and the adapter that talks to it."""

from collections.abc import Iterator

import pytest

from tests.trading.venues.aster.figures import NOW, agent, tiers
from tests.trading.venues.aster.venue import LIMITS, Venue
from tests.trading.venues.misbehaving import MisbehavingServer
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.aster.doors import AsterDoor
from trading.venues.base import Network


@pytest.fixture
def venue(server: MisbehavingServer) -> Venue:
    return Venue(server)


@pytest.fixture
def adapter(venue: Venue) -> Iterator[AsterAdapter]:
    door = AsterDoor(venue.server.url, limits=LIMITS)
    yield AsterAdapter(door, Network.TESTNET, agent(), brackets=lambda _: {"BTCUSDT": tiers()}, clock=lambda: NOW)
    door.close()
