"""A page's side of a stream: a plain socket that reads server-sent events."""

import json
import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from redis import Redis
from redis.client import PubSub

from tests.trading.live.follower import PATIENCE_SECONDS
from trading.live import keys
from trading.live.publish import queue_patch
from trading.live.tickets import issue
from trading.venues.snapshots import Network, Venue


def ticket_for(operator_id: int, *account_ids: int, market: str = "BTC", host: str = "alpha.localhost") -> str:
    """A ticket as the pages issue it."""
    return issue(
        operator_id=operator_id,
        user_id=operator_id * 100,
        account_ids=account_ids,
        venue=Venue.HYPERLIQUID,
        network=Network.TESTNET,
        market=market,
        host=host,
    )


def publish(redis: Redis, channel: str, patch: dict[str, object]) -> None:
    """Put out a patch that is all there is to know, as the stream does."""
    with redis.pipeline() as pipeline:
        queue_patch(pipeline, channel, patch, patch)
        pipeline.execute()


def heard_so_far(redis: Redis, heard: PubSub) -> list[tuple[str, str]]:
    """Channel and message of all that a subscription to ``*:account:*`` was sent and did not read yet."""
    end = keys.account_channel(0, 0)
    redis.publish(end, "end")
    found: list[tuple[str, str]] = []
    while True:
        message = heard.get_message(timeout=PATIENCE_SECONDS)
        assert message is not None
        if message["type"] == "pmessage":
            channel, content = message["channel"].decode(), message["data"].decode()
            if channel == end:
                return found
            found.append((channel, content))


@dataclass(frozen=True)
class Event:
    kind: str
    data: str
    identity: str

    @property
    def patch(self) -> dict[str, Any]:
        assert self.kind == "patch"
        return dict(json.loads(self.data))


class Page:
    """One open stream, or the refusal it got."""

    def __init__(self, port: int, ticket: str, host: str = "alpha.localhost", last_event: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        extra = f"Last-Event-ID: {last_event}\r\n" if last_event else ""
        query = urlencode({"ticket": ticket})
        self.socket.sendall(f"GET /live/?{query} HTTP/1.1\r\nHost: {host}\r\n{extra}\r\n".encode())
        self.received = b""
        # All numbers that were taken so far, the latest of each.
        self.shown: dict[str, Any] = {}
        self._events: list[Event] = []
        self._pending = b""
        head = self._head()
        self.status = int(head.split(b" ")[1])
        self.headers = head.decode().lower()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def _head(self) -> bytes:
        while b"\r\n\r\n" not in self._pending:
            self._pending += self._read()
        head, _, self._pending = self._pending.partition(b"\r\n\r\n")
        return head

    def _read(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the server ended the stream")
        self.received += data
        return data

    def body(self) -> str:
        """The text of a refusal."""
        length = (
            int(self.headers.partition("content-length: ")[2].split("\r\n")[0])
            if "content-length" in self.headers
            else 0
        )
        while len(self._pending) < length or not self._pending:
            self._pending += self._read()
        return self._pending.decode()

    def next(self, seconds: float = PATIENCE_SECONDS) -> Event:
        """The next event. Raises ``TimeoutError`` where none comes."""
        deadline = time.monotonic() + seconds
        while not self._events:
            self._parse()
            if self._events:
                break
            self.socket.settimeout(max(deadline - time.monotonic(), 0.01))
            self._pending += self._read()
        event = self._events.pop(0)
        if event.kind == "patch":
            self.shown |= event.patch
        return event

    def wait_for(self, key: str, seconds: float = PATIENCE_SECONDS) -> Any:
        """The value of a key in the first patch that holds it."""
        deadline = time.monotonic() + seconds
        while True:
            event = self.next(deadline - time.monotonic())
            if event.kind == "patch" and key in event.patch:
                return event.patch[key]

    def next_patch(self, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The next patch."""
        return self.wait_for_kind("patch", seconds).patch

    def wait_for_kind(self, kind: str, seconds: float = PATIENCE_SECONDS) -> Event:
        """The first event of a kind."""
        deadline = time.monotonic() + seconds
        while (event := self.next(deadline - time.monotonic())).kind != kind:
            continue
        return event

    def read_to_the_end(self) -> None:
        """Take whatever was sent until the server ends the stream, which raises ``EOFError``."""
        self.socket.settimeout(PATIENCE_SECONDS)
        while True:
            self._read()

    def _parse(self) -> None:
        """Undo the chunked encoding, whose frame lines never look like a field of an event, and cut out events."""
        while b"\n\n" in self._pending:
            block, _, self._pending = self._pending.partition(b"\n\n")
            fields = dict(line.split(": ", 1) for line in block.decode().splitlines() if ": " in line)
            if "data" in fields:
                self._events.append(Event(fields.get("event", ""), fields["data"], fields.get("id", "")))
