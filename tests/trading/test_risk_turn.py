"""Each second everybody's risk is worked out anew from the marks that streamed in, and no venue is asked for it."""

from collections import Counter
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from redis import Redis

from perpsstudio.celery import app
from tenants.scope import operator_scope
from tests.factories import Exchange, make_account, make_market, make_position
from tests.sandbox_process import SandboxProcess
from tests.trading.aster.conftest import aster  # noqa: F401  # fixture
from tests.trading.live.aster_wires import QUICK
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.live.follower import eventually, running
from tests.trading.workers import dealt  # noqa: F401  # fixture
from trading import tasks
from trading.connect import public_adapter
from trading.live import board, follow, keys, near, presence
from trading.models import Market
from trading.services import freshness
from trading.services.schedule import Need
from trading.tasks.accounts import forget_rosters
from trading.venues.aster.stream import AsterStream
from trading.venues.connection import beside
from trading.venues.hyperliquid.stream import HyperliquidStream
from trading.venues.snapshots import Network, Venue

STREAMS = {Venue.HYPERLIQUID: HyperliquidStream, Venue.ASTER: AsterStream}
BITCOIN = {Venue.HYPERLIQUID: "BTC", Venue.ASTER: "BTCUSDT"}
PRICE, FALLEN = Decimal(86_000), Decimal(83_000)
# A long that is far at first, one that is near, a short that is near, and a cross long that has no price of its own:
# 4,200 of equity above what it has to keep.
LONG, NEAR_LONG, NEAR_SHORT = Decimal(79_000), Decimal(81_900), Decimal(90_000)
HELD: dict[str, dict[str, Any]] = {
    "long": {"size": Decimal(1), "liquidation_price": LONG},
    "near long": {"size": Decimal(1), "liquidation_price": NEAR_LONG},
    "near short": {"size": Decimal(-1), "liquidation_price": NEAR_SHORT},
    "cross": {"size": Decimal(1), "liquidation_price": None, "mode": "cross"},
}
WORTH = Decimal(4_200)
# By the marks at first and after the fall: what is nearer than 6.25 % is told, and each class is read at its own pace.
AWAY = {
    PRICE: {
        "near long": (PRICE - NEAR_LONG) / PRICE,
        "near short": (NEAR_SHORT - PRICE) / PRICE,
        "cross": WORTH / PRICE,
    },
    FALLEN: {
        "long": (FALLEN - LONG) / FALLEN,
        "near long": (FALLEN - NEAR_LONG) / FALLEN,
        "cross": (WORTH - (PRICE - FALLEN)) / FALLEN,
    },
}
NEEDS = {
    PRICE: {Need.NEAR: 3, Need.OPEN: 1},
    FALLEN: {Need.VERY_NEAR: 2, Need.NEAR: 1, Need.OPEN: 1},
}


@pytest.fixture
def markets(transactional_db: None, aster: SandboxProcess) -> dict[Venue, Market]:  # noqa: F811
    """One at each venue, in rows that a stream's thread can see."""
    return {venue: make_market(name, mark=f"{PRICE}", venue=venue.value) for venue, name in BITCOIN.items()}


@pytest.fixture
def held(alpha: Exchange, beta: Exchange, markets: dict[Venue, Market]) -> dict[tuple[Exchange, Venue, str], int]:
    """Accounts of two operators at two venues, each read just now; their ids."""
    return {
        (exchange, venue, name): hold(exchange, market, f"0x{exchange.operator.slug}{name}", **figures)
        for exchange in (alpha, beta)
        for venue, market in markets.items()
        for name, figures in HELD.items()
    }


def hold(exchange: Exchange, market: Market, address: str, **figures: object) -> int:
    """An account that holds this."""
    with operator_scope(exchange.operator.pk):
        account = make_account(exchange.trader, address, venue=market.venue, cross_equity=WORTH)
        make_position(account, market, mark_price=PRICE, **figures)
    return account.pk


def stream(sandbox: SandboxProcess, price: Decimal) -> None:
    """Both venues' marks move, and their streams tell it."""
    for venue, name in BITCOIN.items():
        sandbox.mark(name, f"{price}", venue=venue.value)
        listened = partial(STREAMS[venue], beside(sandbox.url), timings=QUICK)
        with running(follow.Follower(public_adapter(venue), listened)):
            assert eventually(partial(is_told, venue, name, price))


def is_told(venue: Venue, name: str, price: Decimal) -> bool:
    board.forget()
    return board.read(venue, Network.TESTNET).mark(name) == price


def take_turn(redis: Redis) -> None:  # noqa: F811
    """The task that the beat starts each second; what is measured every few seconds is measured in this one."""
    for venue in BITCOIN:
        redis.delete(keys.measured(venue, Network.TESTNET))
    tasks.sync_due_accounts()


def test_all_accounts_have_new_risk_after_a_streamed_mark_and_one_turn(
    held: dict[tuple[Exchange, Venue, str], int],
    aster: SandboxProcess,  # noqa: F811
    redis: Redis,  # noqa: F811
    dealt: Counter[str],  # noqa: F811
) -> None:
    for price in (PRICE, FALLEN):
        stream(aster, price)
        take_turn(redis)

        for venue in BITCOIN:
            told = near.read(venue, Network.TESTNET)
            wanted = {
                (exchange.operator.pk, account_id): float(AWAY[price][name])
                for (exchange, at, name), account_id in held.items()
                if at is venue and name in AWAY[price]
            }
            assert told == pytest.approx(wanted)
            assert list(told.values()) == sorted(told.values())
            for exchange in {exchange for exchange, _, _ in held}:
                ages = freshness.read(exchange.operator.pk, venue, Network.TESTNET).ages
                assert {Need(age.need): age.accounts for age in ages} == NEEDS[price]
    assert presence.looked_at_accounts() == set()


def test_turn_that_works_it_out_is_begun_each_second() -> None:
    (entry,) = [row for row in app.conf.beat_schedule.values() if row["task"] == tasks.sync_due_accounts.name]

    assert entry["schedule"] == 1.0


def test_turn_over_thirty_accounts_takes_as_many_statements_as_over_one(
    alpha: Exchange,
    beta: Exchange,
    markets: dict[Venue, Market],
    redis: Redis,  # noqa: F811
    dealt: Counter[str],  # noqa: F811
) -> None:
    hold(alpha, markets[Venue.HYPERLIQUID], "0x0", **HELD["near long"])
    alone = statements(redis)
    for number in range(1, 30):
        hold((alpha, beta)[number % 2], markets[(*BITCOIN,)[number % 3 % 2]], f"0x{number}", **HELD["near long"])

    assert statements(redis) == alone
    measured = [freshness.read(freshness.EVERYBODY, venue, Network.TESTNET).ages for venue in BITCOIN]
    assert [sum(age.accounts for age in ages) for ages in measured] == [20, 10]


def statements(redis: Redis) -> list[int]:  # noqa: F811
    """What a turn that knows nobody yet sends to the database, and the next one."""
    forget_rosters()
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as sent:
            take_turn(redis)
        counts.append(len(sent))
    return counts
