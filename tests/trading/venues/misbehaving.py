"""A real HTTP server on loopback that answers as it is told, or does not."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Behaviour = Callable[[BaseHTTPRequestHandler, bytes], None]


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the game."""


class MisbehavingServer:
    """``paths`` maps a path to what happens there; every request that arrived whole is kept in ``received``."""

    def __init__(self) -> None:
        self.paths: dict[str, Behaviour] = {}
        self.received: list[tuple[str, str, bytes]] = []
        self.released = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                server.received.append((self.command, self.path, body))
                with contextlib.suppress(OSError):
                    server.paths[self.path](self, body)

            do_GET = do_POST  # noqa: N815 - the base class's way of naming

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Stay silent."""

        self._http = _QuietServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def answer(status: int, body: bytes, *, kind: str = "application/json", **headers: str) -> Behaviour:
    """Answer in full; ``retry_after="3"`` becomes the header Retry-After."""

    def behave(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """One behaviour after another, the last one for good."""
    left = list(behaviours)

    def behave(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler, body)

    return behave


def by_body(answers: Callable[[bytes], bytes]) -> Behaviour:
    """Answer 200 with whatever the function makes of the request's body."""

    def behave(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        answer(200, answers(body))(handler, body)

    return behave


def silent(released: threading.Event) -> Behaviour:
    """Take the request and say nothing."""
    return lambda _handler, _body: wait(released)


def wait(released: threading.Event) -> None:
    released.wait(30)


def cut_before_the_head(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
    """Take the request and hang up."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut_in_the_body(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
    """Promise more than is sent."""
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"status":')
    handler.wfile.flush()
    cut_before_the_head(handler, b"")


def endless(chunk: bytes, count: int, pause: float = 0.0) -> Behaviour:
    """A chunked answer of ``count`` chunks, of whose length nothing is said beforehand."""

    def behave(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(count):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            handler.wfile.flush()
            time.sleep(pause)
        handler.wfile.write(b"0\r\n\r\n")

    return behave


@contextlib.contextmanager
def serving() -> Iterator[MisbehavingServer]:
    server = MisbehavingServer()
    try:
        yield server
    finally:
        server.close()


def refused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
