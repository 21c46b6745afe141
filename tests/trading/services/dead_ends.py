"""Ways to a venue on which nothing gets through."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trading.venues.errors import Unavailable
from trading.venues.transport import NO_HEADERS, Response


@dataclass
class Unreached:
    """A way to the venue that leads nowhere. While it is tried, something else happens."""

    meanwhile: Callable[[], object]

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        self.meanwhile()
        raise Unavailable("refused")


@dataclass
class Refused:
    """The venue knows no such key, whatever it is asked. While it answers, something else happens."""

    meanwhile: Callable[[], object]

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        self.meanwhile()
        return Response(200, b'{"status":"err","response":"User or API Wallet 0x17 does not exist."}')
