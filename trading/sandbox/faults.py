"""Bad days on demand: delays, cut connections, refusals and nonsense, for the next requests or by chance."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

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
    "banned",
    "late",
    "twice",
    "halted",
)
# These happen at once to whole streams, those to frames one by one.
STREAM_KINDS = ("disconnect", "silence", "repeat")
FRAME_KINDS = ("reorder", "double", "drop", "cut")
KINDS = REQUEST_KINDS + STREAM_KINDS + FRAME_KINDS

# The seconds of these are not waited but said, as the time to stay away for.
_SAID = ("too_many_requests", "banned")
USUAL_WAIT = 5.0


class Manner(Protocol):
    """How a venue refuses without looking at a request."""

    def too_many(self, seconds: float) -> web.Response:
        """Over the limit."""

    def banned(self, seconds: float) -> web.Response:
        """Shut out for going on beyond the limit."""

    def broken(self) -> web.Response:
        """A fault of the venue's own."""

    def halted(self) -> web.Response | None:
        """While usual trading is halted; None for a request that is taken all the same."""


@dataclass(frozen=True)
class Outcome:
    """What leaves: an answer, or nothing when the connection is cut."""

    response: web.Response
    cut: bool = False


@dataclass
class Fault:
    """``request`` is a venue (hyperliquid, aster), a door (info, exchange), one of its types (order,
    clearinghouseState), a path's name with or without its method (positionMargin, DELETE order), or "any".

    It strikes the next ``count`` requests, or each with ``probability`` when that is given. "late" cuts the connection
    at once and executes after the seconds, "twice" executes two times and answers the second. "halted" refuses what the
    venue refuses while usual trading is halted, and lets the rest through.

    Faults of frames name a venue or "any". They strike what streams tell, frame by frame: "reorder" holds one back
    while later ones of its stream are sent, "double" sends it twice, "drop" never, "cut" ends the connection.
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

    @property
    def kinds(self) -> set[str]:
        return {fault.kind for fault in self.faults}

    @property
    def seconds(self) -> float:
        """The longest time that any of them names."""
        return max((fault.seconds for fault in self.faults), default=0.0)

    @property
    def is_late(self) -> bool:
        return "late" in self.kinds

    @property
    def is_delivered_twice(self) -> bool:
        return "twice" in self.kinds

    async def before(self, manner: Manner) -> Outcome | None:
        """Wait, then answer without executing if a fault says so."""
        for fault in self.faults:
            if fault.seconds and fault.kind not in _SAID:
                await asyncio.sleep(fault.seconds)
        kinds = self.kinds
        if "drop_before" in kinds:
            return Outcome(web.Response(), cut=True)
        if "banned" in kinds:
            return Outcome(manner.banned(self.seconds or USUAL_WAIT))
        if "too_many_requests" in kinds:
            return Outcome(manner.too_many(self.seconds or USUAL_WAIT))
        if "error_before" in kinds:
            return Outcome(manner.broken())
        refused = manner.halted() if "halted" in kinds else None
        return None if refused is None else Outcome(refused)

    def after(self, response: web.Response, manner: Manner) -> Outcome:
        """The answer of an executed request, spoiled where a fault says so."""
        kinds = self.kinds
        if "drop_after" in kinds:
            return Outcome(web.Response(), cut=True)
        if "error_after" in kinds:
            return Outcome(manner.broken())
        body = response.text or ""
        if "malformed" in kinds:
            response.text = '{"status": ok, }'
        if "truncated" in kinds:
            response.text = body[: len(body) // 2]
        return Outcome(response)


@dataclass
class Faults:
    """``struck`` counts the frames of each venue that something happened to, by its kind."""

    active: list[Fault] = field(default_factory=list)
    struck: Counter[tuple[str, str]] = field(default_factory=Counter)

    def plan(self, names: set[str]) -> Plan:
        """The faults that strike a request that goes by these names."""
        return Plan(self._striking(names, REQUEST_KINDS))

    def of_a_frame(self, venue: str) -> set[str]:
        """What happens to one frame of a venue's streams. Who is overtaken counts once he is."""
        kinds = {fault.kind for fault in self._striking({venue}, FRAME_KINDS)} if self.active else set()
        for kind in kinds - {"reorder"}:
            self.count(venue, kind)
        return kinds

    def count(self, venue: str, kind: str, frames: int = 1) -> None:
        """So many frames more had this happen to them."""
        self.struck[venue, kind] += frames

    def _striking(self, names: set[str], kinds: tuple[str, ...]) -> list[Fault]:
        struck = [fault for fault in self.active if fault.kind in kinds and fault.strikes(names)]
        self.active = [fault for fault in self.active if fault.probability is not None or fault.count > 0]
        return struck

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
