"""A client that asks for pages again and again over kept connections, as fast as the server answers."""

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle

LENGTH = b"content-length: "
TIMEOUT_SECONDS = 10.0


class NotAnAnswer(Exception):
    """The server said something other than 200 with a length: nothing is measured then."""


@dataclass(slots=True)
class Visitor:
    """One kept connection and what it has received of the present answer."""

    connection: socket.socket
    received: bytes = b""
    sent_at: float = field(default_factory=time.perf_counter)

    def ask(self, request: bytes) -> None:
        """Send the request whole."""
        self.received, self.sent_at = b"", time.perf_counter()
        self.connection.sendall(request)

    def is_answered(self) -> bool:
        """Take in what has arrived; whether that is the whole answer."""
        self.received += self.connection.recv(1 << 18)
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return False
        lowered = head.lower()
        at = lowered.find(LENGTH)
        if not head.startswith(b"HTTP/1.1 200") or at < 0:
            raise NotAnAnswer(head.decode(errors="replace").splitlines()[0])
        return len(body) >= int(lowered[at + len(LENGTH) :].split(b"\r\n", 1)[0])


def requests_per_second(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> float:
    """How many whole answers arrive in a second, to each request in its turn. Raises ``NotAnAnswer``."""
    selector, turns, answered = selectors.DefaultSelector(), cycle(requests), 0
    visitors = [Visitor(socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)) for _ in range(connections)]
    for visitor in visitors:
        selector.register(visitor.connection, selectors.EVENT_READ, visitor)
        visitor.ask(next(turns))
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        for key, _ in selector.select(TIMEOUT_SECONDS):
            visitor = key.data
            if visitor.is_answered():
                answered += 1
                visitor.ask(next(turns))
    for visitor in visitors:
        visitor.connection.close()
    return answered / elapsed
