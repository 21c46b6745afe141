"""The venue that the adapter's tests talk to."""

import pytest

from tests.trading.venues.aster.venue import Venue
from tests.trading.venues.misbehaving import MisbehavingServer


@pytest.fixture
def venue(server: MisbehavingServer) -> Venue:
    return Venue(server)
