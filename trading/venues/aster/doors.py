"""The door to Aster: form bodies, no content type on reads, a key's header, and how long a "slow down" lasts.

A form's content type on a GET has been answered with error pages (Aster 7, G15), the older scheme needs a header of its
own (1.2), and an order to slow down may name no time (5). All else is the common door.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
)

from trading.venues.aster.weights import rest
from trading.venues.errors import OutcomeUnknown, RateLimited, Unavailable
from trading.venues.transport import BANNED, NO_HEADERS, BlockingTransport, Limits, Response, overheard

FORM = "application/x-www-form-urlencoded"
SHORTEST_BAN = 120.0  # seconds (Aster 5)


def waiting_time(status: int, now: datetime) -> float:
    """Seconds to stay silent where the venue names none: to the end of its minute, or the shortest ban (Aster 5)."""
    return SHORTEST_BAN if status == BANNED else 60.0 - now.second - now.microsecond / 1_000_000


class AsterDoor(BlockingTransport):
    """One pool of connections to Aster."""

    def __init__(self, base_url: str, *, limits: Limits | None = None) -> None:
        super().__init__(base_url, limits=limits, content_type=FORM)
        self._reading = {name: value for name, value in self._headers.items() if name != "Content-Type"}

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """Send once and wait for the whole answer; raises as ``trading.venues.transport`` says."""
        deadline = time.monotonic() + self.limits.total
        try:
            response = self._pool.request(
                method,
                self.base_url + path,
                body=body or None,
                headers={**(self._headers if body else self._reading), **headers},
                timeout=urllib3.Timeout(connect=self.limits.connect, read=self.limits.read),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (NewConnectionError, NameResolutionError, ConnectTimeoutError) as error:
            raise Unavailable(type(error).__name__) from None
        except SSLError:
            raise OutcomeUnknown("the encrypted connection failed") from None
        except HTTPError as error:
            raise OutcomeUnknown(type(error).__name__) from None
        return overheard(path, body, self._heard(response, deadline))

    def _heard(self, response: urllib3.BaseHTTPResponse, deadline: float) -> Response:
        try:
            return self._read(response, deadline)
        except RateLimited as error:
            if error.retry_after is None:
                error.retry_after = rest(error.body) or waiting_time(response.status, datetime.now(UTC))
            raise
