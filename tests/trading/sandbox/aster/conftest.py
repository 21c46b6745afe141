"""Doors over a standing engine, and traders at them."""

from decimal import Decimal

import pytest

from tests.trading.sandbox.aster.trader import Trader
from trading.sandbox.aster.doors import Doors
from trading.sandbox.engine import Engine


@pytest.fixture
def doors(aster: Engine) -> Doors:
    return Doors(aster)


@pytest.fixture
def trader(doors: Doors) -> Trader:
    """Ten thousand dollars and an approved agent."""
    trader = Trader(doors)
    doors.engine.fund(trader.address, Decimal(10_000))
    assert trader.approve_agent().status == 200
    return trader
