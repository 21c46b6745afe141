"""Readers of a venue's stream and what is on its way to them, whatever protocol they speak."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from aiohttp import web

from trading.sandbox.delivery import Delivery

# A reader this many frames behind is gone or hopeless: the venues close his connection, too.
QUEUE = 2000


@dataclass(eq=False, kw_only=True)
class Connection:
    """One reader. What is told passes through the faults of ``delivery``; an empty text in the queue ends it."""

    delivery: Delivery
    queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    overrun: bool = False

    def send(self, frame: object) -> None:
        """Answer what the reader asked."""
        self._put([json.dumps(frame)])

    def tell(self, stream: str, frame: object) -> None:
        """Hand on one frame of something the reader follows."""
        self._put(self.delivery.arriving(stream, json.dumps(frame)))

    def tick(self) -> None:
        """Send what was held back for too long."""
        self._put(self.delivery.tick())

    def _put(self, texts: Iterable[str]) -> None:
        try:
            for text in texts:
                self.queue.put_nowait(text)
            if self.delivery.is_cut:
                self.queue.put_nowait("")
        except asyncio.QueueFull:
            self.overrun = True

    async def write(self, socket: web.WebSocketResponse) -> None:
        """Write what is sent until the end, or until the reader is too far behind; then close the socket."""
        with contextlib.suppress(ConnectionError):
            while not self.overrun and (text := await self.queue.get()):
                await socket.send_str(text)
            await socket.close()


C = TypeVar("C", bound=Connection)


@dataclass(kw_only=True)
class Connections(Generic[C]):
    """All readers of one venue and their sockets."""

    connections: dict[C, web.WebSocketResponse] = field(default_factory=dict)
    silent_until: float = 0.0

    @contextlib.asynccontextmanager
    async def joined(self, connection: C, socket: web.WebSocketResponse) -> AsyncIterator[None]:
        """The reader hears what it is sent for as long as the block runs."""
        self.connections[connection] = socket
        writer = asyncio.create_task(connection.write(socket))
        try:
            yield
        finally:
            del self.connections[connection]
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    async def close(self) -> None:
        """Cut every connection."""
        for socket in list(self.connections.values()):
            await socket.close(code=1001, message=b"going away")

    def silence(self, seconds: float) -> None:
        """Send nothing for a while on connections that stay open: what happens meanwhile is lost to them."""
        self.silent_until = time.monotonic() + seconds

    @property
    def is_silent(self) -> bool:
        """Whether nothing is sent now."""
        return time.monotonic() < self.silent_until
