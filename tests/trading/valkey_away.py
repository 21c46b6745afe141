"""Valkey goes away: there is nobody at its address, or somebody who says nothing."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from pytest_django.fixtures import Settings
from redis import Redis

from perpsstudio.cache import SharedCache
from trading.live import connections


@dataclass
class Door:
    """A port of ours where Valkey should be."""

    listener: socket.socket

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.listener.getsockname()[1]}/0"

    def knocks(self) -> int:
        """How many came to a silent door so far."""
        self.listener.settimeout(0.0)
        count = 0
        while True:
            try:
                self.listener.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1


@pytest.fixture
def door(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """Nobody listens there; whoever waits is soon tired of it, and comes back after the test at the earliest."""
    monkeypatch.setattr(connections, "BLOCKING_SECONDS", 0.2)
    monkeypatch.setattr(connections, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(connections, "SILENT_SECONDS", 600.0)
    for remembered in ("_answered_at", "_silent_until"):
        monkeypatch.setattr(connections, remembered, {})
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        yield Door(listener)


@pytest.fixture(params=["gone", "silent"])
def leave(request: pytest.FixtureRequest, door: Door, settings: Settings) -> Iterator[Callable[[], None]]:
    """Takes Valkey away, in the middle of a test."""

    def away() -> None:
        if request.param == "silent":
            door.listener.listen()
        move_valkey(settings, door.url)

    yield away
    SharedCache.meanwhile.clear()


def move_valkey(settings: Settings, url: str) -> None:
    """From now on Valkey is looked for at this address."""
    settings.REDIS_URL = url
    settings.CACHES = {alias: place | {"LOCATION": url} for alias, place in settings.CACHES.items()}
    connections.blocking.cache_clear()
