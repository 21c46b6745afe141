"""Death at a chosen point of a path: beside any SQL statement and beside any request.

The points are those that Django and the transport offer to whoever watches: no line of the product knows of them. What
only reads leaves the world as it was, so it has one point, before it; what changes something has one before and one
after it.
"""

import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from trading import connect
from trading.venues.base import Network, Venue
from trading.venues.errors import OutcomeUnknown
from trading.venues.transport import NO_HEADERS, Response, Transport

CHANGES = re.compile(r"\s*(INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
NUMBER = re.compile(r"\d+")


@dataclass
class Points:
    """Names the points that are passed while it is on, and ends the process at the so-manieth of them; at 0 at none."""

    fatal: int = 0
    is_on: bool = False
    passed: list[str] = field(default_factory=list)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """What is passed meanwhile counts."""
        self.is_on = True
        with connection.execute_wrapper(self._around_statement):
            yield
        self.is_on = False

    def pass_one(self, name: str) -> None:
        """Be at a point."""
        if not self.is_on:
            return
        self.passed.append(NUMBER.sub("#", name))
        if len(self.passed) == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def _around_statement(
        self, execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any
    ) -> Any:
        """Django's ``execute_wrapper``."""
        self.pass_one(f"before {sql}")
        result = execute(sql, parameters, many, context)
        if CHANGES.match(sql):
            self.pass_one(f"after {sql}")
        return result


@dataclass
class Cut:
    """What happens to the next command on its way: carried out or not, its answer is lost; None for nothing."""

    arrives: bool | None = None

    def take(self) -> bool | None:
        """What happens to this one."""
        arrives, self.arrives = self.arrives, None
        return arrives


@dataclass
class WatchedTransport:
    """A transport whose requests are points, and which loses the answer of a command that is to be cut."""

    inner: Transport
    points: Points
    cut: Cut

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """Send it, with everything that happens on the way."""
        name = f"REQUEST {method} {path.partition('?')[0]}"
        self.points.pass_one(f"before {name}")
        if method == "GET" or path == "/info":
            return self.inner.request(method, path, body, headers)
        arrives = self.cut.take()
        if arrives is not None:
            if arrives:
                self.inner.request(method, path, body, headers)
            raise OutcomeUnknown("the connection was cut")
        try:
            return self.inner.request(method, path, body, headers)
        finally:
            self.points.pass_one(f"after {name}")


def watch(points: Points, cut: Cut) -> None:
    """Put watchers on this process's ways to the venues, for its whole life."""
    within_the_budget = connect._way

    def watched(venue: Venue, network: Network, account: str) -> Transport:
        return WatchedTransport(within_the_budget(venue, network, account), points, cut)

    connect._way = watched
