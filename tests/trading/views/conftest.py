"""Alice in front of her terminal: signed in, with live prices on the board."""

from datetime import datetime

import pytest
from django.test import Client
from django.utils import timezone

from tests.trading.conftest import Desk
from trading.live import board, keys
from trading.live.connections import blocking
from trading.venues.base import Network, Venue


def publish_prices(desk: Desk, as_of: datetime | None = None) -> None:
    """Put the venue's present prices on an empty board, as the stream would, or as it would have at another time."""
    blocking().delete(keys.board(Venue.HYPERLIQUID, Network.TESTNET))
    board._remembered.clear()
    board.publish(Venue.HYPERLIQUID, Network.TESTNET, desk.adapter.markets().states, as_of or timezone.now())


@pytest.fixture
def browser(desk: Desk) -> Client:
    """Alice's browser, htmx in it."""
    publish_prices(desk)
    client = Client(HTTP_HOST="alpha.localhost", headers={"HX-Request": "true"})
    client.force_login(desk.trader)
    return client
