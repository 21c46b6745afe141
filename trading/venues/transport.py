"""The door to a venue over HTTP.

Timeouts are mandatory, redirects are not followed, nothing is ever retried, bodies are limited, and a success must be
JSON. What happens to a request is told by three errors and one value:

- ``Unavailable``: provably nothing was sent (refused, not resolved, no connection in time, certificate refused);
- ``RateLimited``: HTTP 429, or 418 as some venues ban with it;
- ``OutcomeUnknown``: it may have arrived (no answer in time, cut, 5xx, redirect, oversized or unreadable answer);
- ``Response``: a success, or a 4xx whose text the adapter has to judge.
"""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
)

from trading.venues.errors import OutcomeUnknown, RateLimited, Unavailable

MEBIBYTE = 1024 * 1024
CHUNK = 64 * 1024
SLOW_DOWN, BANNED = 429, 418
# So much of what a "slow down" says is read: whose limit it was.
REFUSAL = 4 * 1024
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much: seconds to connect, seconds between two reads, seconds in all, bytes of an answer."""

    connect: float = 3.0
    read: float = 10.0
    total: float = 15.0
    body: int = 10 * MEBIBYTE
    connections: int = 16


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer: HTTP 2xx with JSON, or a 4xx other than "slow down"."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it left, and the complete answer to it."""

    path: str
    body: bytes
    response: Response


_overheard: ContextVar[list[Exchange] | None] = ContextVar("overheard", default=None)


@contextmanager
def overhearing() -> Iterator[None]:
    """Every exchange in the block is remembered until it is taken (``take_overheard``)."""
    token = _overheard.set([])
    try:
        yield
    finally:
        _overheard.reset(token)


def overheard(path: str, body: bytes, response: Response) -> Response:
    """Remember an exchange where somebody wants to know; returns the answer."""
    exchanges = _overheard.get()
    if exchanges is not None:
        exchanges.append(Exchange(path, body, response))
    return response


def take_overheard() -> tuple[Exchange, ...]:
    """What was exchanged since it was taken last; nothing outside of ``overhearing``."""
    exchanges = _overheard.get() or []
    taken = tuple(exchanges)
    exchanges.clear()
    return taken


class Transport(Protocol):
    """The door as an adapter sees it. ``headers`` are sent beside the door's own."""

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """Send once and wait for the whole answer; raises as the module says."""


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, given in seconds or as a date; None when it is absent or unreadable."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return max(0.0, (moment - now).total_seconds())


def admit(status: int, headers: Mapping[str, str], limit: int) -> None:
    """Judge an answer by its head, before the body is read. Raises as the module says.

    A venue orders silence by "slow down" alone: how long a gateway expects to be broken keeps nobody from his proof.
    """
    if status in (SLOW_DOWN, BANNED):
        wait = retry_after(headers.get("Retry-After"), datetime.now(UTC))
        raise RateLimited(f"HTTP {status}", retry_after=wait)
    if status >= 500:
        raise OutcomeUnknown(f"HTTP {status}")
    if not (200 <= status < 300 or 400 <= status < 500):
        raise OutcomeUnknown(f"HTTP {status} instead of an answer")
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if status < 300 and kind != "application/json":
        raise OutcomeUnknown("an answer that is not JSON")
    length = headers.get("Content-Length", "")
    if length.isdigit() and int(length) > limit:
        raise OutcomeUnknown(f"an answer of more than {limit} bytes")


class BlockingTransport:
    """One pool of connections to one base URL, for use by any number of threads."""

    def __init__(self, base_url: str, *, limits: Limits | None = None, content_type: str = "application/json") -> None:
        self.base_url = base_url.rstrip("/")
        self.limits = limits or Limits()
        self._headers = {"Content-Type": content_type, "Accept-Encoding": "gzip, deflate"}
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=self.limits.connections, retries=False)

    def __repr__(self) -> str:
        return f"BlockingTransport({self.base_url!r})"

    def close(self) -> None:
        """Close every idle connection."""
        self._pool.clear()

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """Send once and wait for the whole answer; raises as the module says."""
        deadline = time.monotonic() + self.limits.total
        timeout = urllib3.Timeout(connect=self.limits.connect, read=self.limits.read)
        try:
            response = self._pool.request(
                method,
                self.base_url + path,
                body=body or None,
                headers={**self._headers, **headers},
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (NewConnectionError, NameResolutionError, ConnectTimeoutError) as error:
            raise Unavailable(type(error).__name__) from None
        except SSLError as error:
            raise _tls_failure(error) from None
        except HTTPError as error:
            raise OutcomeUnknown(type(error).__name__) from None
        return overheard(path, body, self._read(response, deadline))

    def _read(self, response: urllib3.BaseHTTPResponse, deadline: float) -> Response:
        """The body within the limits; the connection goes back to the pool only after a complete answer."""
        complete = False
        try:
            admit(response.status, response.headers, self.limits.body)
            body = b"".join(self._chunks(response, deadline, self.limits.body))
            complete = True
        except RateLimited as error:
            if response.status == SLOW_DOWN:
                error.body = self._words(response, deadline)
            raise
        except HTTPError as error:
            raise OutcomeUnknown(type(error).__name__) from None
        finally:
            if complete:
                response.release_conn()
            else:
                response.close()
        return Response(response.status, body, response.headers)

    def _words(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        """What a refusal says; nothing where it is long, or does not come whole and in time."""
        try:
            return b"".join(self._chunks(response, deadline, REFUSAL))
        except (HTTPError, OutcomeUnknown):
            return b""

    def _chunks(self, response: urllib3.BaseHTTPResponse, deadline: float, most: int) -> Iterator[bytes]:
        size = 0
        while chunk := response.read1(CHUNK, decode_content=True):
            size += len(chunk)
            if size > most:
                raise OutcomeUnknown(f"an answer of more than {most} bytes")
            if time.monotonic() > deadline:
                raise OutcomeUnknown("an answer that took too long")
            yield chunk


def _tls_failure(error: Exception) -> Unavailable | OutcomeUnknown:
    """A refused certificate stops us before we send; any other TLS failure may have come later."""
    chain: BaseException | None = error
    while chain is not None:
        causes = (chain, *(argument for argument in chain.args if isinstance(argument, BaseException)))
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return Unavailable("the venue's certificate was refused")
        chain = chain.__cause__ or chain.__context__
    return OutcomeUnknown("the encrypted connection failed")
