"""The servers of one run, which it may kill and restart: PostgreSQL, Valkey and the sandbox venue."""

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import redis

from perpsstudio.demo import template
from perpsstudio.embedded import ports, postgres, processes, valkey
from perpsstudio.embedded.postgres import Postgres
from perpsstudio.embedded.processes import Child
from perpsstudio.embedded.valkey import Valkey
from tests.chaos.venue import VenueProcess

START_SECONDS = 30


@dataclass
class Servers:
    """Everything outside the processes that trade and settle. ``has_tables``: they were copied with the cluster."""

    database: Postgres
    broker: Valkey
    venue: VenueProcess
    made: Future[bool]
    children: dict[str, Child]
    has_tables: bool = False

    def wait(self) -> None:
        """Until all of them are ready."""
        self.has_tables = self.made.result()
        self.children["database"] = _started(self.database)
        processes.wait_until(self.broker.is_ready, seconds=START_SECONDS)
        self.venue.wait()

    @property
    def environment(self) -> dict[str, str]:
        """What our own processes are told of them."""
        return {
            "DATABASE_URL": self.database.url,
            "REDIS_URL": self.broker.url,
            "HYPERLIQUID_URL": self.venue.url,
            "ASTER_URL": self.venue.url,
            "HYPERLIQUID_NETWORK": "testnet",
            "HYPERLIQUID_DEXES": "xyz",
            "ASTER_NETWORK": "testnet",
            # Every request asks our budget; that it holds the venue's own limit is proven elsewhere.
            "HYPERLIQUID_WEIGHT_PER_MINUTE": "600000",
            "ASTER_WEIGHT_PER_MINUTE": "600000",
            "VENUE_READ_TIMEOUT": "1.0",
            "VENUE_CONNECT_TIMEOUT": "1.0",
            "AGENT_KEY_SECRETS": "5xVYmHk6u4wgMHOYqPsp1XA0YbVN1Tj2hUPzFmq0WfM=",
            "SECRET_KEY": "a key for one run of the chaos test only",
            "DEBUG": "false",
            "HTTPS": "false",
        }

    def crash_database(self) -> None:
        """Kill PostgreSQL without a goodbye and start it again: it recovers from its own log."""
        child = self.children["database"]
        child.process.send_signal(signal.SIGQUIT)
        child.process.wait()
        child.finish()
        self.children["database"] = _started(self.database)

    def empty_broker(self) -> None:
        """Valkey forgets every queue, lock and board."""
        with contextlib.closing(redis.Redis.from_url(self.broker.url)) as client:
            client.flushall()


def _started(server: Postgres) -> Child:
    child = processes.start(server.program())
    processes.wait_until(lambda: server.is_ready(child) or child.exit_code is not None, seconds=START_SECONDS)
    return child


@contextlib.contextmanager
def running(seed: int) -> Iterator[Servers]:
    """All servers, which start while their user loads what it needs (``wait``), gone with their data at the end."""
    with contextlib.ExitStack() as ending:
        state = Path(tempfile.mkdtemp(prefix="perpsstudio-chaos-"))
        ending.callback(shutil.rmtree, state, ignore_errors=True)
        state.chmod(0o711)
        database = postgres.find(state, port=ports.choose(), log=state / "postgres.log", environment=os.environ)
        ending.callback(postgres.remove, database)
        # A crash must leave what was committed: nothing is switched off that a real deployment has on.
        database = replace(database, settings=("max_connections=200",))
        log = state / "valkey.log"
        broker = valkey.find(state, port=ports.choose(), log=log, environment=os.environ, durable=False)
        venue = ending.enter_context(VenueProcess(seed, ports.choose(), state / "venue.json"))
        beside = ending.enter_context(ThreadPoolExecutor(1))
        children = {"broker": processes.start(broker.program())}
        ending.callback(lambda: processes.stop_all([*children.values()]))
        make = partial(postgres.create, database, may_create_databases=True, template=template.current())
        yield Servers(database, broker, venue, beside.submit(make), children)
