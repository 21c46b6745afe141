"""What one person's pages ask a venue for: all there is while it is plenty, a share of it afterwards."""

import math
from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.venues.misbehaving import MisbehavingServer, answer
from trading.venues.budget import Budget
from trading.venues.errors import HeldBack
from trading.venues.hyperliquid.weights import TARIFF
from trading.venues.ledger import Priority
from trading.venues.metered import NOBODY, MeteredTransport, asked_by, reading
from trading.venues.tariff import Limits
from trading.venues.transport import BlockingTransport

LIMIT = 200
DEAR, CHEAP = b'{"type":"meta"}', b'{"type":"allMids"}'  # 20 and 2
Read = Callable[..., float]


@pytest.fixture
def read(redis: Redis, server: MisbehavingServer) -> Iterator[Read]:  # noqa: F811
    """Reads at a venue while no time passes, and says for how many seconds that was held back."""
    server.paths["/info"] = answer(200, b"{}")
    door = BlockingTransport(server.url)
    budget = Budget(redis, "budget:test", clock=lambda: 1000.0)
    way = MeteredTransport(door, TARIFF, budget, lambda: Limits(LIMIT, ()))

    def ask(body: bytes = DEAR) -> float:
        try:
            way.request("POST", "/info", body)
        except HeldBack as error:
            return error.retry_after or math.inf
        return 0.0

    yield ask
    door.close()


def test_one_person_has_a_fifth_of_the_limit_once_half_is_used(read: Read) -> None:
    with asked_by("1"):
        assert [read() for _ in range(6)] == [0.0] * 5 + [60.0]
    with asked_by("2"):
        assert [read() for _ in range(2)] == [0.0, 60.0]


def test_share_is_of_what_somebody_waits_for_and_of_nothing_else(read: Read) -> None:
    with asked_by("1"):
        for _ in range(5):
            read()
        assert read(CHEAP) == 60.0
        with reading(Priority.ROUTINE):
            assert read(CHEAP) == 0.0
        with reading(Priority.PROOF):
            assert read(CHEAP) == 0.0
    assert read(CHEAP) == 0.0


def test_what_a_command_moved_is_read_though_the_one_who_sent_it_has_had_his_share(read: Read) -> None:
    with asked_by("1"):
        for _ in range(5):
            read()
        assert read(CHEAP) == 60.0
        with asked_by(NOBODY):
            assert read(CHEAP) == 0.0
        assert read(CHEAP) == 60.0
