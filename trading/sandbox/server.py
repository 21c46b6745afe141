"""The sandbox over HTTP: both venues' doors on one port and, on loopback only, the controls."""

import asyncio
import contextlib
import ipaddress
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from trading.sandbox.aster.service import AsterService
from trading.sandbox.control import NAMES, Control, ControlError
from trading.sandbox.doorway import Doorway
from trading.sandbox.engine import Engine, ShiftedClock
from trading.sandbox.faults import STREAM_KINDS, Faults
from trading.sandbox.hyperliquid.actions import MalformedError
from trading.sandbox.hyperliquid.exchange import Exchange
from trading.sandbox.hyperliquid.info import Info
from trading.sandbox.hyperliquid.stream import Hub
from trading.sandbox.hyperliquid.weights import Meter, after, before
from trading.sandbox.storage import Store
from trading.sandbox.venues import ASTER, HYPERLIQUID

logger = logging.getLogger(__name__)

LARGEST_BODY = 1 << 20
TICK_SECONDS = 1.0
HUNG_UP = 499
POST_ONLY = {"tif": "Alo"}
UPGRADED = "Only post-only orders allowed immediately after a network upgrade."
UNREADABLE = "Failed to deserialize the JSON body into the target type"


@dataclass(frozen=True)
class HyperliquidManner:
    """How Hyperliquid refuses a request, by its body, before it looks at the account."""

    body: object = None

    def too_many(self, seconds: float) -> web.Response:
        return web.Response(status=429, text="429 Too Many Requests")

    def banned(self, seconds: float) -> web.Response:
        return web.Response(status=403, text="403 Forbidden")

    def broken(self) -> web.Response:
        return web.Response(status=500, text="Internal Server Error")

    def halted(self) -> web.Response | None:
        """After an upgrade: orders are taken if they are post-only. Whether triggers are is not recorded anywhere."""
        action = self.body.get("action") if isinstance(self.body, dict) else None
        orders = action.get("orders", []) if isinstance(action, dict) and action.get("type") == "order" else []
        if all(order.get("t", {}).get("limit", POST_ONLY) == POST_ONLY for order in orders):
            return None
        answer = {"type": "order", "data": {"statuses": [{"error": f"{UPGRADED} asset={row['a']}"} for row in orders]}}
        return web.json_response({"status": "ok", "response": answer})


@dataclass
class Server:
    """Doors over the first venue's engine, and over the one beside it.

    ``store`` saves the ledgers, ``meter`` limits each caller's weight; either may be None.
    """

    engine: Engine
    store: Store | None = None
    meter: Meter | None = None
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        self.info = Info(self.engine)
        self.exchange = Exchange(self.engine)
        self.hub = Hub(self.engine, self.info, self.exchange, self.faults)
        self.doorway = Doorway(self.faults)
        ledger = self.engine.state.others[ASTER.name]
        aster = Engine(ledger, ShiftedClock(self.engine.clock), ASTER)
        self.aster = AsterService(aster, self.doorway, is_metered=self.meter is not None)
        self.others = {ASTER.name: aster}
        engines = {self.engine.venue.name: self.engine} | self.others
        self.control = Control(engines, self.faults, self.aster.end_listen_key)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[_excused])
        app.router.add_post("/info", self._info)
        app.router.add_post("/exchange", self._exchange)
        app.router.add_get("/ws", self._stream)
        self.aster.attach(app)
        for name in NAMES:
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
        self.doorway.close()
        await self.hub.close()
        await self.aster.close()
        self._save()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.engine.advance()
            for other in self.others.values():
                other.advance()
            self.hub.publish(tick=True)
            self.aster.publish(tick=True)
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
        remote, manner = request.remote or "", HyperliquidManner(body)

        def execute() -> web.Response:
            if self.meter and not self.meter.admit(remote, before(door, body), self.engine.clock()):
                return manner.too_many(0)
            try:
                answer = handle(body)
            except MalformedError as error:
                return web.Response(status=422, text=f"{UNREADABLE}: {error}")
            if self.meter:
                self.meter.add(remote, after(body, answer), self.engine.clock())
            self.hub.publish(tick=False)
            return web.Response(text=json.dumps(answer), content_type="application/json")

        return await self.doorway.serve(request, _names(door, body), manner, execute)

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
        self.aster.publish(tick=True)
        return web.json_response(answer)

    async def _disturb_streams(self) -> None:
        """Faults of streams happen at once, to one venue's or to all: connections are closed, fall silent, or (Aster's)
        say everything twice."""
        for fault in self.faults.take(STREAM_KINDS):
            if fault.request != HYPERLIQUID.name:
                await self.aster.disturb(fault.kind, fault.seconds)
            if fault.request == ASTER.name:
                continue
            if fault.kind == "disconnect":
                await self.hub.close()
            elif fault.kind == "silence":
                self.hub.silence(fault.seconds)


@web.middleware
async def _excused(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A caller that hangs up while its request is read is nobody's failure: there is nobody left to answer."""
    try:
        return await handler(request)
    except ConnectionError:
        return web.Response(status=HUNG_UP)


def _is_loopback(request: web.Request) -> bool:
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


def _names(door: str, body: object) -> set[str]:
    """What a fault may call the request: the venue, the door, and what is asked for."""
    names = {HYPERLIQUID.name, door}
    if isinstance(body, dict):
        action = body.get("action") if door == "exchange" else body
        kind = action.get("type") if isinstance(action, dict) else None
        names |= {kind} if isinstance(kind, str) else set()
    return names
