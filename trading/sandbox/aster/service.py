"""Aster over HTTP: its paths beside the other venue's on one port (Aster rules 1.1, 1.2)."""

import json
from dataclasses import dataclass

from aiohttp import web

from trading.sandbox.aster.doors import Doors, Incoming
from trading.sandbox.aster.listing import WEIGHT_LIMIT
from trading.sandbox.aster.weights import Usage
from trading.sandbox.doorway import Doorway
from trading.sandbox.engine import Engine

VENUE = "aster"
FORM = "application/x-www-form-urlencoded"


class AsterManner:
    """How the venue refuses before it looks at a request (rules 5)."""

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

    def attach(self, app: web.Application) -> None:
        """Add the venue's paths."""
        app.router.add_route("*", "/fapi/{path:.*}", self._answer)
        # The spot venue lists nothing: clients that read both at once find it empty.
        app.router.add_get("/api/v3/exchangeInfo", self._spot)

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
        return await self.doorway.serve(request, names, AsterManner(), lambda: self._execute(incoming))

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
        self.engine.tape.drain()
