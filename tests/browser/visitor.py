"""Requests beside the browser: with a browser's cookies, or with nobody's, to any host of the product."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from perpsstudio.embedded.ports import LOOPBACK


@dataclass(frozen=True)
class Answer:
    """A response that has arrived whole."""

    status: int
    text: str
    location: str


@dataclass(frozen=True)
class Visitor:
    """Asks ``host`` (name and port) as a browser with these cookies would."""

    host: str
    cookies: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form, with the token against forgery that these cookies call for."""
        return self.ask("POST", path, {"csrfmiddlewaretoken": self.cookies.get("csrf", "")} | fields)

    def ask(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> Answer:
        """One request, no redirects followed; the name goes into it, for not every system resolves *.localhost."""
        connection = http.client.HTTPConnection(LOOPBACK, int(self.host.rpartition(":")[2]), timeout=60)
        headers = {"Host": self.host, "Content-Type": "application/x-www-form-urlencoded"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, path, urlencode(fields or {}), headers)
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(response.status, text, response.headers.get("Location", ""))
        finally:
            connection.close()
