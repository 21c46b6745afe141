"""The websocket doors: single and combined streams, control messages, private streams by their key (Aster rules 2.3,
2.4)."""

import json
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from trading.sandbox.aster.listen_keys import ListenKeys
from trading.sandbox.aster.market_frames import MarketFrames, Moment
from trading.sandbox.aster.user_frames import UserFrames
from trading.sandbox.connection import Connection, Connections
from trading.sandbox.delivery import Delivery
from trading.sandbox.engine import Engine
from trading.sandbox.faults import Faults
from trading.sandbox.tape import News

Json = dict[str, Any]

MOST_STREAMS = 200
MOST_MESSAGES = 10


class BadRequestError(Exception):
    """A control message that the venue answers with a code of its own."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(eq=False, kw_only=True)
class Listener(Connection):
    """``streams`` in the order in which they were asked for; ``is_combined`` wraps each event with its name."""

    streams: dict[str, None]
    is_combined: bool
    heard: deque[float] = field(default_factory=deque)

    def tell(self, stream: str, frame: object) -> None:
        """Hand on one event of one of its streams."""
        super().tell(stream, {"stream": stream, "data": frame} if self.is_combined else frame)

    def hears_too_much(self) -> bool:
        now = time.monotonic()
        self.heard.append(now)
        while self.heard[0] < now - 1:
            self.heard.popleft()
        return len(self.heard) > MOST_MESSAGES


@dataclass
class Hub(Connections[Listener]):
    """All connections of the venue. ``publish`` hands on what happened since it was last called."""

    engine: Engine
    keys: ListenKeys
    market_frames: MarketFrames
    faults: Faults
    doubled_until: float = 0.0
    beats: int = 0

    def __post_init__(self) -> None:
        self.user_frames = UserFrames(self.engine)

    async def serve(self, socket: web.WebSocketResponse, streams: Iterable[str], *, is_combined: bool) -> None:
        """Run one connection to its end."""
        delivery = Delivery(self.faults, self.engine.venue.name)
        connection = Listener(delivery=delivery, streams=dict.fromkeys(streams), is_combined=is_combined)
        async with self.joined(connection, socket):
            async for message in socket:
                if message.type is not WSMsgType.TEXT or connection.hears_too_much():
                    break
                self._receive(connection, message.data)

    def double(self, seconds: float) -> None:
        """Send every event twice for a while."""
        self.doubled_until = time.monotonic() + seconds

    # control messages

    def _receive(self, connection: Listener, data: str) -> None:
        try:
            message = json.loads(data)
            if not isinstance(message, dict):
                raise BadRequestError(3, "Invalid JSON: an object is due")
            number = message.get("id")
            connection.send({"result": self._answered(connection, message), "id": number})
        except BadRequestError as error:
            connection.send({"code": error.code, "msg": str(error)})
        except (ValueError, RecursionError) as error:
            connection.send({"code": 3, "msg": f"Invalid JSON: {error}"})

    def _answered(self, connection: Listener, message: Json) -> object:
        number, method = message.get("id"), message.get("method")
        # A message without a number is taken, too: a general library sends none.
        if number is not None and (type(number) is not int or number < 0):
            raise BadRequestError(2, "Invalid request: request ID must be an unsigned integer")
        match method:
            case "SUBSCRIBE" | "UNSUBSCRIBE":
                return self._subscribe(connection, method, message.get("params"))
            case "LIST_SUBSCRIPTIONS":
                return list(connection.streams)
            case "SET_PROPERTY":
                return self._set_property(connection, message.get("params"))
            case "GET_PROPERTY":
                return connection.is_combined
        raise BadRequestError(
            0, "Unknown property" if method is None else f"Invalid request: unknown variant `{method}`"
        )

    @staticmethod
    def _subscribe(connection: Listener, method: str, params: object) -> None:
        if not isinstance(params, list) or not params or not all(isinstance(row, str) for row in params):
            raise BadRequestError(2, "Invalid request: params must be a list of strings")
        for name in params:
            if method == "SUBSCRIBE":
                connection.streams[name] = None
            else:
                connection.streams.pop(name, None)
        if len(connection.streams) > MOST_STREAMS:
            for name in params:
                connection.streams.pop(name, None)
            raise BadRequestError(2, "Invalid request: too many streams")

    @staticmethod
    def _set_property(connection: Listener, params: object) -> None:
        match params:
            case ["combined", bool() as is_combined]:
                connection.is_combined = is_combined
            case _:
                raise BadRequestError(1, "Invalid value type: expected Boolean")

    # events

    def publish(self, *, tick: bool) -> None:
        """Send what is new to everybody who follows it; ``tick`` also repeats prices."""
        news, trades = self.engine.tape.drain()
        self.beats += tick
        self.keys.expire()
        ended, self.keys.ended[:] = list(self.keys.ended), []
        if self.is_silent:
            return
        for key in ended:
            self._tell_all(key.text, [{"e": "listenKeyExpired", "E": self.engine.clock()}])
        if tick or news or trades:
            self._publish_markets(Moment(trades, news, self.beats if tick else None))
        self._publish_accounts(news, tick=tick)
        for connection in self.connections if tick else ():
            connection.tick()

    def _publish_markets(self, moment: Moment) -> None:
        followed = {name for connection in self.connections for name in connection.streams if "@" in name}
        followed |= {name for connection in self.connections for name in connection.streams if name.startswith("!")}
        self.market_frames.follow_books(followed)
        for name in followed:
            self._tell_all(name, self.market_frames.frames(name, moment))

    def _publish_accounts(self, news: list[News], *, tick: bool) -> None:
        """Only accounts with a key are told, and only the connections that hold it."""
        for key in list(self.keys.by_account.values()):
            account = self.engine.account(key.address)
            if account is None:
                continue
            frames = self.user_frames.frames(account, [item for item in news if item.address == key.address])
            frames += self.user_frames.warnings(account) if tick else []
            self._tell_all(key.text, frames)

    def _tell_all(self, stream: str, events: Iterable[object]) -> None:
        times = 2 if time.monotonic() < self.doubled_until else 1
        for event in events:
            for connection in self.connections:
                if stream in connection.streams:
                    for _ in range(times):
                        connection.tell(stream, event)
