"""A following process in a thread of this one, and how to wait for what it does."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.sandbox_process import SandboxProcess
from trading.connect import public_adapter
from trading.live import follow
from trading.venues.connection import Timings, beside
from trading.venues.hyperliquid.stream import HyperliquidStream
from trading.venues.snapshots import Venue

QUICK = Timings(first_delay=0.1, longest_delay=0.2, probe_when_quiet=0.2, dead_when_silent=0.6)
# Costs nothing where all is well, and outlasts a machine that stands still for seconds.
PATIENCE_SECONDS = 60.0


def eventually(check: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether it becomes so in time."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class FollowerThread:
    """A follower in an event loop of its own, that can be stopped as a service or die without a word."""

    def __init__(self, follower: follow.Follower) -> None:
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(follower.run())
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(timeout=PATIENCE_SECONDS)
        assert not self._thread.is_alive()


@contextmanager
def running(follower: follow.Follower) -> Iterator[FollowerThread]:
    """The follower at work, and stopped however the block ends."""
    thread = FollowerThread(follower)
    try:
        yield thread
    finally:
        thread.stop()


@contextmanager
def following(sandbox: SandboxProcess) -> Iterator[FollowerThread]:
    """The first venue followed."""
    url = beside(sandbox.url)
    with running(
        follow.Follower(public_adapter(Venue.HYPERLIQUID), lambda listen: HyperliquidStream(url, listen, timings=QUICK))
    ) as thread:
        yield thread
