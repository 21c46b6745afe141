"""Aster over HTTP and websockets: its paths beside the other venue's on one port (Aster rules 1.1, 1.2)."""

import json
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import web

from trading.sandbox.aster.doors import Doors, Incoming
from trading.sandbox.aster.listing import WEIGHT_LIMIT
from trading.sandbox.aster.stream import Hub
from trading.sandbox.aster.weights import Usage
from trading.sandbox.doorway import Doorway
from trading.sandbox.engine import Engine

VENUE = "aster"
LARGEST_MESSAGE = 1 << 16
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class AsterManner:
    """How the venue refuses a request before it looks at the account (rules 3.8, 5)."""

    incoming: Incoming

    def too_many(self, seconds: float) -> web.Response:
        text = (
            f"Too many requests; current limit is {WEIGHT_LIMIT} requests per minute. "
            "Please use the websocket for live updates to avoid polling the API."
        )
        return _refusal(429, text, seconds)

    def banned(self, seconds: float) -> web.Response:
        return _refusal(418, "Way too many requests; IP banned.", seconds)

    def broken(self) -> web.Response:
        """Of 503 the venue says that the outcome is unknown."""
        return web.Response(status=503, text="<html><h1>503 Service Unavailable</h1></html>", content_type="text/html")

    def halted(self) -> web.Response | None:
        """The venue says it of one market after the other: new orders open nothing, reducing ones are taken."""
        sent = dict(parse_qsl(self.incoming.body or self.incoming.query))
        is_new = self.incoming.method == "POST" and self.incoming.name == "order"
        if not is_new or "true" in (sent.get("reduceOnly"), sent.get("closePosition")):
            return None
        return web.json_response({"code": -4140, "msg": "Invalid symbol status for opening position."}, status=400)


def _refusal(status: int, text: str, seconds: float) -> web.Response:
    headers = {"Retry-After": str(-(-seconds // 1)).removesuffix(".0")}
    return web.json_response({"code": -1003, "msg": text}, status=status, headers=headers)


@dataclass
class AsterService:
    """All of the venue that is reached over HTTP."""

    engine: Engine
    doorway: Doorway
    is_metered: bool = False

    def __post_init__(self) -> None:
        self.doors = Doors(self.engine, Usage(self.is_metered))
        self.hub = Hub(self.engine, self.doors.listen_keys, self.doors.market_frames, self.doorway.faults)

    def attach(self, app: web.Application) -> None:
        """Add the venue's paths."""
        app.router.add_route("*", "/fapi/{path:.*}", self._answer)
        # The spot venue lists nothing: clients that read both at once find it empty.
        app.router.add_get("/api/v3/exchangeInfo", self._spot)
        app.router.add_get("/ws/{streams:.+}", self._single)
        app.router.add_get("/stream", self._combined)

    @staticmethod
    async def _spot(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=json.dumps({"timezone": "UTC", "symbols": []}), content_type="application/json")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        if request.method == "GET" and request.headers.get("Content-Type", "").startswith(FORM):
            # As the venue's sibling answers it (rules 1.3).
            return web.Response(status=500, text="<html><h1>500</h1></html>", content_type="text/html")
        incoming = Incoming(
            method=request.method,
            path=path,
            query=query,
            body=(await request.read()).decode("utf-8", "replace"),
            api_key=request.headers.get("X-MBX-APIKEY"),
            remote=request.remote or "",
        )
        names = {VENUE, incoming.name, f"{incoming.method} {incoming.name}"}
        return await self.doorway.serve(request, names, AsterManner(incoming), lambda: self._execute(incoming))

    def _execute(self, incoming: Incoming) -> web.Response:
        answer = self.doors.handle(incoming)
        self.publish(tick=False)
        return web.Response(
            status=answer.status, text=answer.text, headers=dict(answer.headers), content_type=answer.content_type
        )

    def end_listen_key(self, address: str, silently: bool) -> bool:
        """End an account's stream key now; False where it has none."""
        return self.doors.listen_keys.end(address, silently=silently)

    def publish(self, *, tick: bool) -> None:
        """Hand on what happened since the last time; ``tick`` also repeats prices."""
        self.hub.publish(tick=tick)

    async def _single(self, request: web.Request) -> web.StreamResponse:
        return await self._stream(request, request.match_info["streams"].split("/"), is_combined=False)

    async def _combined(self, request: web.Request) -> web.StreamResponse:
        streams = [name for name in request.query.get("streams", "").split("/") if name]
        return await self._stream(request, streams, is_combined=True)

    async def _stream(self, request: web.Request, streams: list[str], *, is_combined: bool) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=LARGEST_MESSAGE)
        await socket.prepare(request)
        await self.hub.serve(socket, streams, is_combined=is_combined)
        return socket

    async def disturb(self, kind: str, seconds: float) -> None:
        """What a fault does to the streams that are open now."""
        match kind:
            case "disconnect":
                await self.hub.close()
            case "silence":
                self.hub.silence(seconds)
            case "repeat":
                self.hub.double(seconds)

    async def close(self) -> None:
        """Cut every stream."""
        await self.hub.close()
