"""The sandbox over HTTP: the venue's three doors and, on loopback only, the controls."""

import asyncio
import contextlib
import ipaddress
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiohttp import web

from trading.sandbox.control import Control, ControlError
from trading.sandbox.engine import Engine
from trading.sandbox.faults import STREAM_KINDS, Faults, Plan
from trading.sandbox.hyperliquid.actions import MalformedError
from trading.sandbox.hyperliquid.exchange import Exchange
from trading.sandbox.hyperliquid.info import Info
from trading.sandbox.hyperliquid.stream import Hub
from trading.sandbox.hyperliquid.weights import Meter, after, before
from trading.sandbox.storage import Store
from trading.sandbox.venues import VENUES

logger = logging.getLogger(__name__)

LARGEST_BODY = 1 << 20
TICK_SECONDS = 1.0
UNREADABLE = "Failed to deserialize the JSON body into the target type"


@dataclass
class Server:
    """Doors over the first venue's engine; venues whose wire is not spoken have the controls alone.

    ``store`` saves the ledgers, ``meter`` limits each caller's weight; either may be None.
    """

    engine: Engine
    store: Store | None = None
    meter: Meter | None = None

    def __post_init__(self) -> None:
        self.info = Info(self.engine)
        self.exchange = Exchange(self.engine)
        self.hub = Hub(self.engine, self.info, self.exchange)
        self.faults = Faults()
        clock, ledgers = self.engine.clock, self.engine.state.others
        self.others = {name: Engine(ledger, clock, VENUES[name]) for name, ledger in ledgers.items()}
        self.control = Control({self.engine.venue.name: self.engine} | self.others, self.faults)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_post("/info", self._info)
        app.router.add_post("/exchange", self._exchange)
        app.router.add_get("/ws", self._stream)
        for name in ("fund", "mark", "fault", "funding"):
            app.router.add_post(f"/sandbox/{name}", self._controlled)
        app.router.add_get("/sandbox/state", self._controlled)
        app.cleanup_ctx.append(self._background)
        return app

    async def _background(self, _app: web.Application) -> AsyncIterator[None]:
        self.clockwork = asyncio.create_task(self._run())
        yield
        self.clockwork.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.clockwork
        await self.hub.close()
        self._save()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.engine.advance()
            for other in self.others.values():
                other.advance()
                other.tape.drain()
            self.hub.publish(tick=True)
            if self.store is not None and self.store.due():
                self._save()

    def _save(self) -> None:
        """A full disk does not stop the venue: it says so and tries again."""
        if self.store is None:
            return
        try:
            self.store.save(self.engine.state)
        except OSError as error:
            logger.error("The ledger could not be saved to %s: %s", self.store.path, error)

    # the venue's doors

    async def _info(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, "info", self.info.handle)

    async def _exchange(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, "exchange", self.exchange.handle)

    async def _answer(self, request: web.Request, door: str, handle: Callable[[object], object]) -> web.StreamResponse:
        try:
            body = json.loads(await request.read())
        except (ValueError, RecursionError):
            return web.Response(status=422, text=UNREADABLE)
        plan = self.faults.plan(door, body)
        early = await plan.before()
        if early is not None:
            return _cut(request) if early.cut else early.response
        if self.meter and not self.meter.admit(request.remote or "", before(door, body), self.engine.clock()):
            return web.Response(status=429, text="429 Too Many Requests")
        try:
            answer = handle(body)
        except MalformedError as error:
            return web.Response(status=422, text=f"{UNREADABLE}: {error}")
        if self.meter:
            self.meter.add(request.remote or "", after(body, answer), self.engine.clock())
        self.hub.publish(tick=False)
        return self._deliver(request, plan, answer)

    @staticmethod
    def _deliver(request: web.Request, plan: Plan, answer: object) -> web.StreamResponse:
        late = plan.after(json.dumps(answer))
        return _cut(request) if late.cut else late.response

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=LARGEST_BODY)
        await socket.prepare(request)
        await self.hub.serve(socket, request.remote or "")
        return socket

    # the controls

    async def _controlled(self, request: web.Request) -> web.StreamResponse:
        if not _is_loopback(request):
            return web.Response(status=404, text="Not Found")
        if request.method == "GET":
            return web.json_response(self.control.state())
        try:
            answer = self.control.handle(request.path.rpartition("/")[2], await request.read())
            await self._disturb_streams()
        except ControlError as error:
            return web.json_response({"error": str(error)}, status=400)
        self.hub.publish(tick=True)
        return web.json_response(answer)

    async def _disturb_streams(self) -> None:
        """Faults of streams happen at once: all connections are closed, or fall silent."""
        for fault in self.faults.take(STREAM_KINDS):
            if fault.kind == "disconnect":
                await self.hub.close()
            else:
                self.hub.silence(fault.seconds)


def _is_loopback(request: web.Request) -> bool:
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


def _cut(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
