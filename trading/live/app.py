"""The stream as a raw ASGI application: ``GET /live/?ticket=…`` answers with server-sent events until the page leaves.

It stands beside Django and not under it: a page held open through Django's handler costs six times as much. It knows
settings and signatures, no database and no sessions; what a stream may carry stands in its ticket, and every private
channel's name is made from the operator id that was signed.
"""

import asyncio
import contextlib
import os
import time
from collections import Counter
from typing import Any, cast
from urllib.parse import parse_qs

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope
from redis.exceptions import RedisError

from trading.live import connections
from trading.live.hub import Client, Hub, heartbeat
from trading.live.tickets import Ticket, TicketRefused, admit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perpsstudio.settings")

PATH = "/live/"
RETRY_MILLISECONDS = 1000
# A stream ends after this time and the page fetches a new ticket: whoever was signed out does not listen for ever.
LONGEST_SECONDS = 900.0
# The page was rendered a little before its ticket was issued.
RENDERED_BEFORE_MILLISECONDS = 5000
CLIENTS_AT_MOST = 10_000
STREAMS_PER_USER = 16

RETRY = f"retry: {RETRY_MILLISECONDS}\n\n".encode()

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # Tells nginx not to hold events back.
    (b"x-accel-buffering", b"no"),
]


class Refused(Exception):
    """An answer other than a stream."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class LiveApplication:
    """One hub for each event loop, opened by the first stream."""

    def __init__(self) -> None:
        self._hubs: dict[asyncio.AbstractEventLoop, Hub] = {}
        self._streams: Counter[tuple[int, int]] = Counter()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """The ASGI entry: streams, and the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._live_and_die(receive, send)
        elif scope["type"] == "http":
            try:
                await self._open(scope, receive, send)
            except Refused as refusal:
                await _answer(send, refusal)

    async def _live_and_die(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def close(self) -> None:
        """End every stream of this event loop."""
        hub = self._hubs.pop(asyncio.get_running_loop(), None)
        if hub is not None:
            await hub.close()

    async def _open(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        ticket = _admitted(scope)
        user = (ticket.operator_id, ticket.user_id)
        if ticket.user_id and self._streams[user] >= STREAMS_PER_USER:
            raise Refused(429, "Too many pages are open: close some and reload.")
        self._streams[user] += 1
        try:
            await self._serve(ticket, _page_time(scope, ticket), receive, send)
        finally:
            self._streams[user] -= 1
            if not self._streams[user]:
                del self._streams[user]

    async def _serve(self, ticket: Ticket, page_time: int, receive: Any, send: Any) -> None:
        hub = self._hub()
        if len(hub.clients) >= CLIENTS_AT_MOST:
            raise Refused(503, "The stream is full: the page tries again in a moment.")
        accounts = tuple((ticket.operator_id, account_id) for account_id in ticket.account_ids)
        client = Client(ticket.market_channel, accounts)
        try:
            try:
                client.opening = await hub.join(client, ticket.channels)
                client.opening += await hub.refreshes_since(accounts, page_time)
            except RedisError:
                raise Refused(503, "The stream is not available: the page tries again in a moment.") from None
            await _stream(client, receive, send)
        finally:
            # Also where the server gives up on the page while it joins: presence would be renewed for ever.
            hub.part(client)

    def _hub(self) -> Hub:
        loop = asyncio.get_running_loop()
        hub = self._hubs.get(loop)
        if hub is None:
            hub = self._hubs[loop] = Hub(connections.concurrent())
        return hub


def _admitted(scope: HTTPScope) -> Ticket:
    if scope["path"] != PATH:
        raise Refused(404, "There is nothing here.")
    if scope["method"] != "GET":
        raise Refused(405, "A stream is only read.")
    texts = parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [])
    if len(texts) != 1:
        raise Refused(403, "A stream needs one ticket: reload the page.")
    try:
        return admit(texts[0], _header(scope, b"host"))
    except TicketRefused as refusal:
        raise Refused(403, str(refusal)) from None


def _page_time(scope: HTTPScope, ticket: Ticket) -> int:
    """The moment the page's content is from, in Unix ms: its last heartbeat, or the ticket's issue."""
    seen = _header(scope, b"last-event-id")
    if seen.isdigit() and len(seen) < 16:
        return int(seen)
    return ticket.issued_at - RENDERED_BEFORE_MILLISECONDS


def _header(scope: HTTPScope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


async def _stream(client: Client, receive: Any, send: Any) -> None:
    """Answer with what is known, then pass on what is new, until the page leaves or its time is over."""
    leaving = asyncio.ensure_future(_until_disconnect(receive, client))
    client.task = asyncio.current_task()
    ending = asyncio.get_running_loop().call_later(LONGEST_SECONDS, client.leave)
    try:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await _write(client, send, b"".join([RETRY, client.take_opening(), heartbeat()]))
        await _pour(client, send)
    finally:
        ending.cancel()
        leaving.cancel()


async def _until_disconnect(receive: ASGIReceiveCallable, client: Client) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client.leave()


async def _pour(client: Client, send: Any) -> None:
    """Write whatever is new until the client leaves."""
    while not client.is_gone:
        client.wake.clear()
        news = client.take()
        if news:
            await _write(client, send, news)
        else:
            await client.wake.wait()
    with contextlib.suppress(OSError):
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _write(client: Client, send: Any, content: bytes) -> None:
    client.sending_since = time.monotonic()
    await send({"type": "http.response.body", "body": content, "more_body": True})
    client.sending_since = 0.0


async def _answer(send: ASGISendCallable, refusal: Refused) -> None:
    body = refusal.sentence.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send(cast("Any", {"type": "http.response.start", "status": refusal.status, "headers": headers}))
    await send({"type": "http.response.body", "body": body, "more_body": False})


application = LiveApplication()
