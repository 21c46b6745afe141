"""The websocket door: subscriptions, heartbeats, requests over the stream (Hyperliquid rules 6)."""

import json
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from trading.sandbox.connection import Connection, Connections
from trading.sandbox.delivery import Delivery
from trading.sandbox.engine import Engine
from trading.sandbox.faults import Faults
from trading.sandbox.hyperliquid import books
from trading.sandbox.hyperliquid.actions import Json, MalformedError, choice, mapping, struct, text, unsigned
from trading.sandbox.hyperliquid.exchange import Exchange
from trading.sandbox.hyperliquid.frames import USER_CHANNELS, Frames, understand
from trading.sandbox.hyperliquid.info import Info

TRACKED_USERS = 10
SUBSCRIPTIONS = 1000


@dataclass(eq=False, kw_only=True)
class Listener(Connection):
    """Who listens from which address, and to what."""

    remote: str
    subscriptions: dict[str, Json] = field(default_factory=dict)

    def users(self) -> set[str]:
        return {row["user"] for row in self.subscriptions.values() if "user" in row}


class LimitError(Exception):
    """The venue's sentence about one of its limits on streams."""


@dataclass
class Hub(Connections[Listener]):
    """All connections of one venue. ``publish`` hands on what happened since it was last called."""

    engine: Engine
    info: Info
    exchange: Exchange
    faults: Faults

    def __post_init__(self) -> None:
        self.frames = Frames(self.engine)

    async def serve(self, socket: web.WebSocketResponse, remote: str) -> None:
        """Run one connection to its end."""
        connection = Listener(delivery=Delivery(self.faults, self.engine.venue.name), remote=remote)
        async with self.joined(connection, socket):
            await socket.send_str("Websocket connection established.")
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                self._receive(connection, message.data)

    def _receive(self, connection: Listener, data: str) -> None:
        try:
            message = mapping(json.loads(data))
            method = text(choice("subscribe", "unsubscribe", "ping", "post")(message.get("method")))
            if method == "ping":
                connection.send({"channel": "pong"})
            elif method == "post":
                self._post(connection, dict(message))
            else:
                self._subscription(connection, method, message.get("subscription"))
        except (ValueError, RecursionError, MalformedError) as error:
            connection.send({"channel": "error", "data": f"Error parsing JSON into valid websocket request: {error}"})
        except LimitError as error:
            connection.send({"channel": "error", "data": str(error)})

    def _subscription(self, connection: Listener, method: str, raw: object) -> None:
        wanted = understand(self.engine, raw)
        key = json.dumps(wanted, sort_keys=True)
        acknowledgement = {"channel": "subscriptionResponse", "data": {"method": method, "subscription": raw}}
        if method == "unsubscribe":
            if connection.subscriptions.pop(key, None) is None:
                raise LimitError(f"Already unsubscribed: {json.dumps(raw)}")
            connection.send(acknowledgement)
            return
        if key in connection.subscriptions:
            raise LimitError(f"Already subscribed: {json.dumps(raw)}")
        self._check_limits(connection, wanted)
        connection.subscriptions[key] = wanted
        connection.send(acknowledgement)
        for frame in self.frames.snapshot(wanted):
            connection.tell(key, frame)

    def _check_limits(self, connection: Listener, wanted: Json) -> None:
        """Limits count over all connections of one address."""
        mine = [other for other in self.connections if other.remote == connection.remote]
        users = set().union(*(other.users() for other in mine))
        if "user" in wanted and len(users | {wanted["user"]}) > TRACKED_USERS:
            raise LimitError("Cannot track more than 10 total users.")
        if sum(len(other.subscriptions) for other in mine) >= SUBSCRIPTIONS:
            raise LimitError("Cannot subscribe to more than 1000 channels.")

    def _post(self, connection: Listener, message: Json) -> None:
        number = unsigned(message.get("id"))
        request = struct(message.get("request"), {"type": choice("info", "action"), "payload": lambda raw: raw})
        try:
            if request["type"] == "info":
                kind = text(mapping(request["payload"]).get("type"))
                payload: object = {"type": kind, "data": self.info.handle(request["payload"])}
            else:
                payload = self.exchange.handle(request["payload"])
            response: Json = {"type": request["type"], "payload": payload}
        except MalformedError as error:
            response = {"type": "error", "payload": f"422 Unprocessable Entity: {error}"}
        connection.send({"channel": "post", "data": {"id": number, "response": response}})
        if request["type"] == "action":
            self.publish(tick=False)

    def publish(self, *, tick: bool) -> None:
        """Send what is new to everybody who subscribed to it; ``tick`` also repeats prices and states."""
        news, trades = self.engine.tape.drain()
        if self.is_silent or not (tick or news or trades):
            return
        touched = {books.owner(item.address) for item in news}
        made: dict[str, list[Json]] = {}
        for connection in list(self.connections):
            for key, wanted in connection.subscriptions.items():
                if not tick and wanted["type"] in USER_CHANNELS and wanted["user"] not in touched:
                    continue
                if key not in made:
                    made[key] = self.frames.updates(wanted, news, trades, tick=tick)
                for frame in made[key]:
                    connection.tell(key, frame)
            if tick:
                connection.tick()
