"""The venue's streams on a port of their own, and what comes over them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.trading.sandbox.aster.trader import Trader
from trading.sandbox.aster.service import AsterService
from trading.sandbox.doorway import Doorway
from trading.sandbox.engine import Engine
from trading.sandbox.faults import Faults

Socket = aiohttp.ClientWebSocketResponse
PATIENCE_SECONDS = 30


class Venue:
    """The venue's streams on a port of their own; ``trade`` and time pass when a test says so."""

    def __init__(self, engine: Engine) -> None:
        self.service = AsterService(engine, Doorway(Faults()))
        self.trader = Trader(self.service.doors)
        engine.fund(self.trader.address, Decimal(10_000))
        assert self.trader.approve_agent().status == 200
        engine.tape.drain()

    @asynccontextmanager
    async def open(self, path: str) -> AsyncIterator[Socket]:
        """A socket at a path, once the venue knows of it."""
        app = web.Application()
        self.service.attach(app)
        async with TestClient(TestServer(app)) as client, client.ws_connect(path) as socket:
            while not self.service.hub.connections:
                await asyncio.sleep(0)
            yield socket

    def say(self, method: str, name: str, **parameters: Any) -> Any:
        """A request, and what it makes the streams say."""
        answer = self.trader.say(method, name, **parameters)
        self.service.publish(tick=False)
        return answer

    def listen_key(self) -> str:
        return str(self.say("POST", "listenKey")["listenKey"])

    def tick(self) -> None:
        self.service.engine.advance()
        self.service.publish(tick=True)


async def read(socket: Socket, count: int) -> list[Any]:
    """The next so many events."""
    return [json.loads((await socket.receive(timeout=PATIENCE_SECONDS)).data) for _ in range(count)]


async def is_silent(socket: Socket) -> bool:
    """Whether nothing is on its way: an answer to a question comes first."""
    await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 99})
    (row,) = await read(socket, 1)
    return bool(row.get("id") == 99)


@pytest.fixture
def venue(aster: Engine) -> Venue:
    """Aster with one trader of its own."""
    return Venue(aster)


def run(talk: Callable[[], Coroutine[None, None, None]]) -> None:
    """Carry out what is said over a stream."""
    asyncio.run(talk())
