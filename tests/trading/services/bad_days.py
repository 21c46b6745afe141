"""What a day may bring to a process that trades: a venue that stumbles, and death at any statement or request."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import hypothesis.strategies as st
from django.db import connection

from tests.sandbox_process import SandboxProcess
from trading.services.commands import StillChecking
from trading.venues.base import Venue
from trading.venues.errors import VenueError
from trading.venues.transport import NO_HEADERS, Response, Transport

FAULTS = (
    None, "drop_before", "drop_after", "error_before", "error_after", "malformed", "truncated", "twice", "late",
    "delay", "too_many_requests",
)  # fmt: skip
# Where a bad day may begin: at any request, at one that changes something, at one that asks.
DOORS = {
    Venue.HYPERLIQUID: ("any", "exchange", "info"),
    Venue.ASTER: (
        "any", "POST order", "DELETE order", "positionMargin", "leverage", "noop", "GET order", "positionRisk",
        "batchOrders", "marginType", "allOpenOrders",
    ),
}  # fmt: skip
# How long a late request lies about, and a slow one takes.
LATE_SECONDS, SLOW_SECONDS = 0.03, 0.01
SECONDS = {"late": LATE_SECONDS, "delay": SLOW_SECONDS, "too_many_requests": 0.01}


@dataclass(frozen=True)
class Day:
    """What goes wrong once, at which of the venue's doors, and the point at which the process dies; never at 0."""

    fault: str | None
    door: int
    point: int

    def begin(self, sandbox: SandboxProcess, venue: Venue) -> None:
        """Have the venue stumble at its next chance; what it did not come to yesterday is over."""
        sandbox.clear_faults()
        if self.fault is not None:
            doors = DOORS[venue]
            sandbox.fault(self.fault, doors[self.door % len(doors)], count=1, seconds=SECONDS.get(self.fault, 0))


days = st.builds(Day, st.sampled_from(FAULTS), st.integers(0, 10), st.one_of(st.just(0), st.integers(1, 70)))


class Crash(BaseException):
    """The process ends here: nothing after this line happens."""


@dataclass
class Fuse:
    """Ends the process at the given point, before or after a statement or a request; never where ``left`` is 0."""

    left: int = 0

    def around_statement(self, execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:
        """Django's ``execute_wrapper``."""
        if sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            return execute(sql, parameters, many, context)
        self.burn()
        result = execute(sql, parameters, many, context)
        self.burn()
        return result

    def burn(self) -> None:
        """One point is passed."""
        self.left -= 1
        if self.left == 0:
            raise Crash


FUSE = Fuse()


@dataclass(frozen=True)
class MortalTransport:
    """The way to the venue: the process may die before a request leaves, and after the venue got it."""

    inner: Transport

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """As ``Transport``."""
        FUSE.burn()
        try:
            return self.inner.request(method, path, body, headers)
        finally:
            FUSE.burn()


@contextmanager
def mortal(point: int) -> Iterator[None]:
    """A process that may die. What it had committed stays, what was under way is undone."""
    FUSE.left = point
    try:
        with suppress(Crash, StillChecking, VenueError), connection.execute_wrapper(FUSE.around_statement):
            yield
    finally:
        FUSE.left = 0
