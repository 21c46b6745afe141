"""Aster's paths on a real server: questions by name, answers as told, every request kept."""

import json
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl

from tests.trading.venues.misbehaving import Behaviour, MisbehavingServer, answer
from trading.venues.transport import Limits

Question = dict[str, str]
Answers = Callable[[Question], object]
LIMITS = Limits(connect=1, read=1, total=2)
LOGIN = {"nonce", "user", "signer", "signature"}


class Routes(dict[str, Behaviour]):
    """Finds a path without its query."""

    def __missing__(self, path: str) -> Behaviour:
        name, _, query = path.partition("?")
        if not query:
            raise KeyError(path)
        return self[name]


class Venue:
    """What a server on loopback answers; ``asked`` keeps the questions without what the login adds."""

    def __init__(self, server: MisbehavingServer) -> None:
        self.server = server
        self.asked: list[tuple[str, Question]] = []
        self.server.paths = Routes()
        handler = server._http.RequestHandlerClass
        handler.do_DELETE = handler.do_PUT = handler.do_POST  # type: ignore[attr-defined]

    def answers(self, **by_name: Answers) -> None:
        """Answer reads by their name; a double underscore stands for a slash."""
        for name, made in by_name.items():
            self.on(name.replace("__", "/"), self._reading(name.replace("__", "/"), made))

    def on(self, name: str, behaviour: Behaviour) -> None:
        """Behave as told on one path of the current scheme."""
        self.server.paths[f"/fapi/v3/{name}"] = behaviour

    def _reading(self, name: str, made: Answers) -> Behaviour:
        def behave(handler: BaseHTTPRequestHandler, body: bytes) -> None:
            query = handler.path.partition("?")[2]
            question = {key: value for key, value in parse_qsl(query) if key not in LOGIN}
            self.asked.append((name, question))
            answer(200, json.dumps(made(question)).encode())(handler, body)

        return behave


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
