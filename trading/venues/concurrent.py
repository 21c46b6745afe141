"""The asyncio door to a venue: the contract of ``transport`` for many requests at once.

It stands apart because its library takes a tenth of a second to load, which pages never need.
"""

import asyncio
from types import TracebackType
from typing import Self

import aiohttp

from trading.venues.errors import OutcomeUnknown, Unavailable
from trading.venues.transport import CHUNK, Limits, Response, admit


class AsyncTransport:
    """Many requests at once on one event loop. Use it as an async context manager."""

    def __init__(self, base_url: str, *, limits: Limits | None = None, content_type: str = "application/json") -> None:
        self.base_url = base_url.rstrip("/")
        self.limits = limits or Limits()
        self._headers = {"Content-Type": content_type}
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"AsyncTransport({self.base_url!r})"

    async def __aenter__(self) -> Self:
        limits = self.limits
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=limits.connections),
            timeout=aiohttp.ClientTimeout(
                total=limits.total, connect=None, sock_connect=limits.connect, sock_read=limits.read
            ),
            headers=self._headers,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(self, method: str, path: str, body: bytes = b"") -> Response:
        """Send once and wait for the whole answer; raises as the module says."""
        if self._session is None:
            raise RuntimeError("AsyncTransport is used as an async context manager")
        try:
            async with self._session.request(
                method, self.base_url + path, data=body or None, allow_redirects=False
            ) as response:
                admit(response.status, response.headers, self.limits.body)
                return Response(response.status, await self._read(response))
        except aiohttp.ClientConnectorCertificateError:
            raise Unavailable("the venue's certificate was refused") from None
        except (aiohttp.ClientConnectorSSLError, asyncio.IncompleteReadError):
            raise OutcomeUnknown("the encrypted connection failed") from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unavailable(type(error).__name__) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutcomeUnknown(type(error).__name__) from None

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_chunked(CHUNK):
            size += len(chunk)
            if size > self.limits.body:
                response.close()
                raise OutcomeUnknown(f"an answer of more than {self.limits.body} bytes")
            chunks.append(chunk)
        return b"".join(chunks)
