"""Support's figures come from the rows alone: no prices of another test are on the board."""

import pytest

from trading.live import board, keys
from trading.live.connections import blocking
from trading.venues.snapshots import Network, Venue


@pytest.fixture(autouse=True)
def empty_board() -> None:
    blocking().delete(keys.board(Venue.HYPERLIQUID, Network.TESTNET))
    board.forget()
