"""The board in a real Valkey."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pytest_django.fixtures import Settings
from redis import Redis

from tests.trading.live.prices import START, at, state
from trading.live import board, connections, keys
from trading.live.board import NOTHING_KNOWN, Board
from trading.venues.snapshots import MarketState, Network, Venue

HERE = (Venue.HYPERLIQUID, Network.TESTNET)


def test_board_comes_back_exactly(redis: Redis) -> None:
    exact = MarketState(
        "kPEPE",
        Decimal("0.0087650"),
        Decimal("1E-8"),
        None,
        Decimal("3"),
        Decimal("-0.0000125"),
        Decimal(0),
        Decimal(7),
    )
    board.publish(*HERE, [exact, state("BTC", "86000")], START, {"kPEPE": at(-3)})
    known = board.read(*HERE)

    assert known == Board({"kPEPE": exact, "BTC": state("BTC", "86000")}, START, {"kPEPE": at(-3)})
    assert str(known.states["kPEPE"].mark) == "0.0087650"
    assert known.marks == {"kPEPE": Decimal("0.0087650"), "BTC": Decimal(86000)}
    assert known.mark("ETH") is None
    assert (known.time_of("kPEPE"), known.time_of("BTC"), known.time_of("ETH")) == (at(-3), START, None)


def test_older_board_changes_nothing(redis: Redis) -> None:
    assert board.publish(*HERE, [state("BTC", "86000")], at(1))
    assert not board.publish(*HERE, [state("BTC", "85000")], at(0.999))

    assert board.read(*HERE).mark("BTC") == 86000


def test_board_of_the_same_moment_takes_the_place(redis: Redis) -> None:
    assert board.publish(*HERE, [state("BTC", "86000")], START)
    assert board.publish(*HERE, [state("BTC", "86000"), state("ETH", "4000")], START)

    assert board.read(*HERE).marks == {"BTC": Decimal(86000), "ETH": Decimal(4000)}


def test_networks_and_venues_do_not_mix(redis: Redis) -> None:
    board.publish(*HERE, [state("BTC", "86000")], START)

    assert board.read(Venue.HYPERLIQUID, Network.MAINNET) == NOTHING_KNOWN
    assert board.read(Venue.ASTER, Network.TESTNET) == NOTHING_KNOWN


def test_nothing_published_is_nothing_known(redis: Redis) -> None:
    known = board.read(*HERE)

    assert (known.is_known, known.as_of, known.marks, known.time_of("BTC")) == (False, None, {}, None)


@dataclass
class Clock:
    """The seconds that a process counts, standing until a test moves them."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_board_is_asked_for_once_in_a_quarter_of_a_second(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(board, "time", clock)
    board.publish(*HERE, [state("BTC", "86000")], START)
    assert board.read(*HERE).mark("BTC") == 86000
    redis.eval(board.PUT_UNLESS_OLDER, 1, *board.script_arguments(*HERE, Board({"BTC": state("BTC", "86001")}, at(1))))
    before = redis.info("commandstats")["cmdstat_hget"]["calls"]
    clock.now += 0.249
    reads = [board.read(*HERE).mark("BTC") for _ in range(100)]
    after = redis.info("commandstats")["cmdstat_hget"]["calls"]
    clock.now += 0.001

    assert (set(reads), after - before) == ({Decimal(86000)}, 0)
    assert board.read(*HERE).mark("BTC") == 86001


def test_board_of_another_release_is_nothing_known(redis: Redis) -> None:
    redis.hset(keys.board(*HERE), "data", b'{"states":{"BTC":{"mark":1}}}')

    assert board.read(*HERE) == NOTHING_KNOWN


def test_without_redis_the_last_board_stays_and_shows_its_age(
    redis: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.publish(*HERE, [state("BTC", "86000")], datetime.now(UTC))
    board.read(*HERE)
    monkeypatch.setattr(board, "REMEMBERED_SECONDS", 0.0)
    board.read(*HERE)
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    connections.blocking.cache_clear()
    known = board.read(*HERE)

    assert known.mark("BTC") == 86000
    assert board.read(Venue.ASTER, Network.TESTNET) == NOTHING_KNOWN
    connections.blocking.cache_clear()


def test_ignorance_is_not_published() -> None:
    with pytest.raises(ValueError, match="knows nothing"):
        board.script_arguments(*HERE, NOTHING_KNOWN)
