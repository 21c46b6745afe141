"""The live application under load: as many open pages as one process should carry, and a market that keeps moving.

It needs a Valkey of its own (``make bench`` brings it). Processor time of the server is measured, which other work on
the machine disturbs little, and its memory before and after the pages came.
"""

import contextlib
import os
import selectors
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import psutil

from perpsstudio.embedded import ports, processes
from perpsstudio.embedded.processes import Program
from tests.bench.measuring import Line

PROJECT = Path(__file__).resolve().parents[2]
HOST = "alpha.localhost"
STREAMS, UPDATES_PER_SECOND, SECONDS = 2000, 20, 5.0
START_SECONDS, JOIN_SECONDS, LAST_SECONDS = 30.0, 60.0, 2.0
# In every update and in nothing else that a stream carries.
MARK = b'"mark_price"'


def updates() -> list[Line]:
    """P7: what one update costs for each of the pages that get it, and what an open page holds."""
    if not os.environ.get("REDIS_URL"):
        return [
            Line("P7", "live updates", 0.0, "", None, note="no Valkey of its own was given (make bench brings one)")
        ]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perpsstudio.settings")
    import django  # noqa: PLC0415  # only this goal needs Django

    django.setup()
    with _serving() as (port, server):
        empty = _memory(server)
        pages = _open_pages(port)
        held = (_memory(server) - empty) / STREAMS / 1000
        before = _processor_time(server)
        delivered, wanted = _deliver(pages)
        cost = (_processor_time(server) - before) / max(delivered, 1)
        for page in pages:
            page.close()
    work = f"live update to one of {STREAMS:,} pages, {delivered / wanted:.0%} arrived, {held:.1f} KB a page"
    return [Line("P7", work, cost, "", None, 1 / (STREAMS * UPDATES_PER_SECOND))]


@contextlib.contextmanager
def _serving() -> Iterator[tuple[int, psutil.Process]]:
    """The live application in a process of its own."""
    port = ports.choose()
    command = [
        sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--backlog", str(STREAMS),
        "--log-level", "warning", "trading.live.app:application",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        child = processes.start(Program("live", command, Path(folder) / "live.log", os.environ, PROJECT))
        try:
            if not processes.wait_until(partial(_listens, port), seconds=START_SECONDS):
                raise RuntimeError(child.output())
            yield port, psutil.Process(child.process.pid)
        finally:
            processes.stop_all([child])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _memory(server: psutil.Process) -> float:
    return float(server.memory_info().rss)


def _processor_time(server: psutil.Process) -> float:
    times = server.cpu_times()
    return float(times.user + times.system)


def _open_pages(port: int) -> list[socket.socket]:
    """As many visitors' streams as are wanted, each of which has got its first bytes."""
    from trading.live.tickets import issue  # noqa: PLC0415  # after Django's setup
    from trading.venues.snapshots import Network, Venue  # noqa: PLC0415  # after Django's setup

    ticket = issue(
        operator_id=1, user_id=0, account_ids=(), venue=Venue.HYPERLIQUID, network=Network.TESTNET, market="M0",
        host=HOST,
    )  # fmt: skip
    request = f"GET /live/?ticket={ticket} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    pages = []
    for _ in range(STREAMS):
        page = socket.create_connection(("127.0.0.1", port), JOIN_SECONDS)
        page.sendall(request)
        if not page.recv(1 << 16).startswith(b"HTTP/1.1 200"):
            raise RuntimeError("a page was not admitted to the stream")
        page.settimeout(0)
        pages.append(page)
    return pages


def _deliver(pages: list[socket.socket]) -> tuple[int, int]:
    """Publish updates at their pace while every page reads; how many arrived, and how many should have."""
    selector = selectors.DefaultSelector()
    for page in pages:
        selector.register(page, selectors.EVENT_READ)
    publish = _publisher()
    delivered, published, began = 0, 0, time.perf_counter()
    while (now := time.perf_counter() - began) < SECONDS + LAST_SECONDS:
        if published < min(now, SECONDS) * UPDATES_PER_SECOND:
            publish(published)
            published += 1
        elif delivered >= len(pages) * published and now >= SECONDS:
            break
        for key, _ in selector.select(0.005):
            delivered += key.fileobj.recv(1 << 18).count(MARK)  # type: ignore[union-attr]
    return delivered, len(pages) * published


def _publisher() -> Callable[[int], None]:
    """Puts out the whole market, at another mark each time."""
    from tests.factories import make_spec  # noqa: PLC0415  # after Django's setup
    from trading.live import keys  # noqa: PLC0415  # after Django's setup
    from trading.live.connections import blocking  # noqa: PLC0415  # after Django's setup
    from trading.live.public import market_patch  # noqa: PLC0415  # after Django's setup
    from trading.live.publish import queue_patch  # noqa: PLC0415  # after Django's setup
    from trading.venues.snapshots import MarketState, Network, Venue  # noqa: PLC0415  # after Django's setup

    channel, spec, one = keys.market_channel(Venue.HYPERLIQUID, Network.TESTNET, "M0"), make_spec("M0", 20), Decimal(1)

    def publish(number: int) -> None:
        mark = Decimal(100) + Decimal(number) / 100
        patch = market_patch(spec, MarketState("M0", mark, mark, mark, mark, one, one, one), datetime.now(UTC))
        pipeline = blocking().pipeline(transaction=False)
        queue_patch(pipeline, channel, patch, patch)
        pipeline.execute()

    return publish
