"""Weights of requests and the rolling minute (Hyperliquid rules 7)."""

import pytest

from tests.trading.sandbox.conftest import NOW
from trading.sandbox.hyperliquid.weights import Meter, after, before


@pytest.mark.parametrize(
    ("door", "body", "weight"),
    [
        ("info", {"type": "allMids"}, 2),
        ("info", {"type": "clearinghouseState"}, 2),
        ("info", {"type": "userRole"}, 60),
        ("info", {"type": "meta"}, 20),
        ("exchange", {"action": {"type": "noop"}}, 1),
        ("exchange", {"action": {"type": "order", "orders": [{}] * 39}}, 1),
        ("exchange", {"action": {"type": "order", "orders": [{}] * 80}}, 3),
    ],
)
def test_a_request_costs_by_its_kind(door: str, body: dict[str, object], weight: int) -> None:
    assert before(door, body) == weight


def test_rows_cost_extra() -> None:
    assert after({"type": "userFills"}, [{}] * 45) == 2
    assert after({"type": "candleSnapshot"}, [{}] * 119) == 1
    assert after({"type": "extraAgents"}, [{}] * 45) == 0


def test_the_minute_rolls() -> None:
    meter = Meter()
    for second in range(60):
        assert meter.admit("10.0.0.1", 20, NOW + second * 1000)
    assert not meter.admit("10.0.0.1", 2, NOW + 59_999)
    assert meter.admit("10.0.0.2", 2, NOW + 59_999)
    assert meter.admit("10.0.0.1", 20, NOW + 60_000)
    assert not meter.admit("10.0.0.1", 2, NOW + 60_000)
