"""Accounts that are read in their turn, ours and as it is usually written, from answers that are there already.

Ours is parsing, numbering, our own liquidation prices, rows, and what open pages are told; a whole turn has leases and
the budget as well. The usual way is the official SDK in threads and the ORM: figures and positions, nothing else.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any
from unittest.mock import patch

from django.core.management import call_command
from django.db import connection, connections
from django.test import override_settings

from tenants.scope import operator_scope
from tests.bench.parsing import account_state, official_sdk
from tests.factories import make_account, make_exchange, make_market
from trading import connect
from trading.live.shapes import announce_all
from trading.models import Market, Position, VenueAccount
from trading.services import looks, sets
from trading.tasks.readings import look_at_accounts
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.snapshots import Network
from trading.venues.transport import NO_HEADERS, Response

# The database's pool holds no more than eight connections.
ROUNDS, THREADS = 5, 6
# The database's time is told in hundredths of a second: a round has to take many of them.
BATCHES, STATEMENTS, SINGLE_ROWS = 5, 20, 100
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds of one account or row: this process's and the database's."""

    ours: float
    database: float

    @property
    def both(self) -> float:
        """All of them."""
        return self.ours + self.database


class Recorded:
    """A venue that answers from memory, each time a little later and at other marks."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._moments = count(1_790_000_000_000)

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """The next answer."""
        return Response(200, self.next())

    def next(self) -> bytes:
        """Its bytes."""
        moment = next(self._moments)
        later = self._body.replace(b"1790000000000", str(moment).encode())
        return later.replace(b"-12.481200", b"-12.%06d" % (moment % 1_000_000))


def accounts(many: int, positions: int) -> tuple[Cost, Cost, Cost]:
    """One account of a batch of so ``many``, each with so many positions: from bytes to rows and open pages, with the
    budget and leases around it, and as it is usually written."""
    with _account_rows("sync", many, positions) as rows:
        recorded = Recorded(account_state(positions))
        unlimited = override_settings(HYPERLIQUID_WEIGHT_PER_MINUTE=10**9)
        ours = _cost(partial(_looked_at, rows, HyperliquidAdapter(recorded, Network.TESTNET)), many * BATCHES)
        with unlimited, patch.object(connect, "_transport", return_value=recorded):
            ids = [row.pk for row in rows]
            turn = _cost(partial(look_at_accounts, rows[0].operator_id, ids), many)
        with ThreadPoolExecutor(THREADS) as threads:
            theirs = _cost(partial(_as_usual, threads, rows, recorded, _markets(positions)), many * BATCHES)
            list(threads.map(lambda _: connections.close_all(), range(THREADS)))
    return ours, turn, theirs


def _looked_at(rows: list[VenueAccount], adapter: HyperliquidAdapter) -> None:
    for _ in range(BATCHES):
        for came in looks.look_at([(adapter, row) for row in rows]):
            announce_all(rows[0].operator_id, came)


def rows(many: int, positions: int) -> tuple[Cost, Cost]:
    """One changed row: in a statement for all, and by ``update_or_create``."""
    with _account_rows("rows", many, positions) as accounts:
        markets = _markets(positions)
        held = [_position(account, market) for account in accounts for market in markets.values()]
        marks = count(1)

        def at_once() -> None:
            for _ in range(STATEMENTS):
                sets.upsert(Position, [row | {"mark_price": Decimal(next(marks))} for row in held], UNIQUE)

        def one_by_one() -> None:
            for row in held[:SINGLE_ROWS]:
                named = {name: row[name] for name in UNIQUE}
                Position.objects.update_or_create(**named, defaults=row | {"mark_price": Decimal(next(marks))})

        return _cost(at_once, STATEMENTS * len(held)), _cost(one_by_one, SINGLE_ROWS)


UNIQUE = ("account_id", "market_id", "position_side")


@contextmanager
def _account_rows(slug: str, many: int, positions: int) -> Iterator[list[VenueAccount]]:
    """Accounts of an operator of their own, in whose scope the block runs."""
    call_command("migrate", verbosity=0)
    for number in range(positions):
        if not Market.objects.filter(name=f"COIN{number}").exists():
            make_market(f"COIN{number}", index=number)
    exchange = make_exchange(slug, "alice", "olga", "sam")
    with operator_scope(exchange.operator.pk):
        yield [
            make_account(exchange.trader, f"0x{number:040x}", agent_key=b"", venue_time=None) for number in range(many)
        ]


def _markets(positions: int) -> dict[str, Market]:
    names = [f"COIN{number}" for number in range(positions)]
    return {market.name: market for market in Market.objects.filter(name__in=names)}


def _position(account: VenueAccount, market: Market) -> dict[str, Any]:
    return {
        "operator_id": account.operator_id,
        "account_id": account.pk,
        "market_id": market.pk,
        "position_side": "both",
        "size": Decimal("12.5"),
        "entry_price": Decimal("53.4055"),
        "mark_price": Decimal("53.41"),
        "mode": "cross",
        "leverage": 10,
        "margin": Decimal("66.7"),
        "cash": None,
        "unrealised_pnl": Decimal("-12.4812"),
        "liquidation_price": Decimal("43.3858"),
        "estimated_liquidation_price": Decimal("43.3858"),
        "max_leverage": 40,
        "funding_since_open": Decimal("1.312045"),
        "venue_time": datetime(2026, 11, 22, 12, tzinfo=UTC),
    }


def _as_usual(
    threads: ThreadPoolExecutor, rows: list[VenueAccount], recorded: Recorded, markets: Mapping[str, Market]
) -> None:
    every = rows * BATCHES
    work = [threads.submit(copy_context().run, _one_as_usual, row, recorded.next(), markets) for row in every]
    for future in work:
        future.result()


def _one_as_usual(account: VenueAccount, body: bytes, markets: Mapping[str, Market]) -> None:
    state = official_sdk(body).user_state(account.address)
    figures = state["marginSummary"]
    VenueAccount.objects.filter(pk=account.pk).update(
        equity=Decimal(figures["accountValue"]),
        withdrawable=Decimal(state["withdrawable"]),
        venue_time=datetime.fromtimestamp(state["time"] / 1000, UTC),
        synced_at=datetime.now(UTC),
    )
    held = [row["position"] for row in state["assetPositions"]]
    Position.objects.bulk_create(
        [Position(**_position(account, markets[one["coin"]]) | _told(one)) for one in held],
        update_conflicts=True,
        unique_fields=["account", "market", "position_side"],
        update_fields=list(_told(held[0])),
    )


def _told(position: Mapping[str, Any]) -> dict[str, Any]:
    liquidation = position["liquidationPx"]
    return {
        "size": Decimal(position["szi"]),
        "entry_price": Decimal(position["entryPx"]),
        "leverage": position["leverage"]["value"],
        "margin": Decimal(position["marginUsed"]),
        "unrealised_pnl": Decimal(position["unrealizedPnl"]),
        "liquidation_price": None if liquidation is None else Decimal(liquidation),
    }


def _cost(work: Callable[[], object], calls: int) -> Cost:
    """The median of some rounds, after one that finds nothing built."""
    work()
    taken = [_spent(work) for _ in range(ROUNDS)]
    ours, database = (median(one[place] for one in taken) / calls for place in (0, 1))
    return Cost(ours, database)


def _spent(work: Callable[[], object]) -> tuple[float, float]:
    mine, theirs = process_time(), _database_time()
    work()
    return process_time() - mine, _database_time() - theirs


def _database_time() -> float:
    """Processor time of all servers of this database, in steps of a hundredth of a second."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity")
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for (pid,) in cursor.fetchall()]
    return sum(int(one[11]) + int(one[12]) for one in stats) / TICK
