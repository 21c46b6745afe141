"""Death at a chosen point of a command's path: before or after any statement, before or after any request.

The points are those that Django and the transport offer to whoever watches: no line of the product knows of them.
"""

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from django.db import connection

from trading.venues.errors import OutcomeUnknown
from trading.venues.transport import NO_HEADERS, Response, Transport


@dataclass
class Points:
    """Counts the points that were passed and ends the process at one of them; at 0 it only counts."""

    fatal: int = 0
    passed: int = 0

    def pass_one(self) -> None:
        self.passed += 1
        if self.passed == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def around_statement(self, execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:
        """Django's ``execute_wrapper``."""
        self.pass_one()
        result = execute(sql, parameters, many, context)
        self.pass_one()
        return result

    def watch(self, stack: ExitStack) -> None:
        """Watch this thread's statements until the stack unwinds."""
        stack.enter_context(connection.execute_wrapper(self.around_statement))


@dataclass
class WatchedTransport:
    """A transport whose requests are points."""

    inner: Transport
    points: Points

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        self.points.pass_one()
        try:
            return self.inner.request(method, path, body, headers)
        finally:
            self.points.pass_one()


@dataclass
class CuttingTransport:
    """Loses the answer of the first command, or the command itself."""

    inner: Transport
    arrives: bool
    is_cut: bool = False

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        if self.is_cut or method == "GET" or path == "/info":
            return self.inner.request(method, path, body, headers)
        self.is_cut = True
        if self.arrives:
            self.inner.request(method, path, body, headers)
        raise OutcomeUnknown("the connection was cut")
