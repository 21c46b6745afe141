"""Bad days on demand: delays, cut connections, refusals and nonsense, for the next requests or by chance."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

REQUEST_KINDS = (
    "delay",
    "drop_before",
    "drop_after",
    "too_many_requests",
    "error_before",
    "error_after",
    "malformed",
    "truncated",
)
STREAM_KINDS = ("disconnect", "silence")
KINDS = REQUEST_KINDS + STREAM_KINDS


@dataclass(frozen=True)
class Outcome:
    """What leaves: an answer, or nothing when the connection is cut."""

    response: web.Response
    cut: bool = False


@dataclass
class Fault:
    """``request`` is a door (info, exchange), one of its types (order, clearinghouseState) or "any".

    It strikes the next ``count`` requests, or each with ``probability`` when that is given.
    """

    request: str
    kind: str
    count: int = 1
    probability: float | None = None
    seconds: float = 0.0
    chance: random.Random = field(default_factory=random.Random)

    def strikes(self, names: set[str]) -> bool:
        if self.request != "any" and self.request not in names:
            return False
        if self.probability is not None:
            return self.chance.random() < self.probability
        self.count -= 1
        return self.count >= 0


@dataclass(frozen=True)
class Plan:
    """Faults that strike one request."""

    faults: list[Fault]

    async def before(self) -> Outcome | None:
        """Wait, then answer without executing if a fault says so."""
        for fault in self.faults:
            if fault.seconds:
                await asyncio.sleep(fault.seconds)
        kinds = {fault.kind for fault in self.faults}
        if "drop_before" in kinds:
            return Outcome(web.Response(), cut=True)
        if "too_many_requests" in kinds:
            return Outcome(web.Response(status=429, text="429 Too Many Requests"))
        if "error_before" in kinds:
            return Outcome(web.Response(status=500, text="Internal Server Error"))
        return None

    def after(self, body: str) -> Outcome:
        """The answer of an executed request, spoiled where a fault says so."""
        kinds = {fault.kind for fault in self.faults}
        if "drop_after" in kinds:
            return Outcome(web.Response(), cut=True)
        if "error_after" in kinds:
            return Outcome(web.Response(status=500, text="Internal Server Error"))
        if "malformed" in kinds:
            body = '{"status": ok, }'
        if "truncated" in kinds:
            body = body[: len(body) // 2]
        return Outcome(web.Response(text=body, content_type="application/json"))


@dataclass
class Faults:
    active: list[Fault] = field(default_factory=list)

    def plan(self, door: str, body: object) -> Plan:
        names = {door}
        if isinstance(body, dict):
            action = body.get("action") if door == "exchange" else body
            kind = action.get("type") if isinstance(action, dict) else None
            names |= {kind} if isinstance(kind, str) else set()
        struck = [fault for fault in self.active if fault.strikes(names)]
        self.active = [fault for fault in self.active if fault.probability is not None or fault.count > 0]
        return Plan(struck)

    def take(self, kinds: tuple[str, ...]) -> list[Fault]:
        """Remove and return the faults of these kinds."""
        taken = [fault for fault in self.active if fault.kind in kinds]
        self.active = [fault for fault in self.active if fault.kind not in kinds]
        return taken

    def listed(self) -> list[dict[str, Any]]:
        return [
            {"request": row.request, "fault": row.kind, "count": row.count, "probability": row.probability}
            for row in self.active
        ]
