"""The sandbox venue as a witness: it writes down every request it executed, its answer, and every fault that struck.

A request is named by the digest of its body, which holds its signature: the same command's bytes have one name however
often they arrive, and anything signed anew has another.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import signal
import subprocess
import sys
import time
import urllib.request
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from trading.sandbox import tape
from trading.sandbox.doorway import Doorway, Execute
from trading.sandbox.engine import Engine, fresh_state, wall_clock
from trading.sandbox.faults import FRAME_KINDS, Faults, Manner, Plan
from trading.sandbox.server import Server

PROJECT = Path(__file__).resolve().parent.parent.parent
HOST, READY = "127.0.0.1", "venue ready"
MOST_KEPT = 10_000_000
_struck: ContextVar[list[str]] = ContextVar("struck")


def digest(body: bytes) -> str:
    """The name of a request."""
    return hashlib.sha256(body).hexdigest()[:32]


@dataclass(frozen=True)
class Execution:
    """A request that the venue carried out or refused, and what it answered, heard or not."""

    request: str
    moment: float
    status: int
    answer: str


@dataclass(frozen=True)
class Strike:
    """A fault of one request: of a command (its digest) or of a read (its account). It ends when its effect does."""

    request: str
    kinds: list[str]
    ended: float


@dataclass
class Record:
    executions: list[Execution] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)


class TellingFaults(Faults):
    """Says which faults strike the request at hand."""

    def plan(self, names: set[str]) -> Plan:
        plan = super().plan(names)
        _struck.set(sorted(plan.kinds))
        return plan


@dataclass(frozen=True)
class WitnessDoorway(Doorway):
    """Writes down what passes through."""

    record: Record = field(default_factory=Record)

    async def serve(
        self, request: web.Request, names: set[str], manner: Manner, execute: Execute
    ) -> web.StreamResponse:
        body = await request.read()
        is_command = request.path != "/info" and request.method != "GET" and not request.path.endswith("listenKey")
        name = digest(body) if is_command else _account(body or request.query_string.encode())

        def witnessed() -> web.Response:
            response = execute()
            now = time.time()
            if is_command:
                self.record.executions.append(Execution(name, now, response.status, response.text or ""))
            if "late" in _struck.get():
                self.record.strikes.append(Strike(name, _struck.get(), now))
            return response

        _struck.set([])
        try:
            return await super().serve(request, names, manner, witnessed)
        finally:
            if _struck.get():
                self.record.strikes.append(Strike(name, _struck.get(), time.time()))


def _account(text: bytes) -> str:
    """Whose account a read is about, "" for a public one."""
    if text.startswith(b"{"):
        read: dict[str, Any] = json.loads(text)
        return str(read.get("user", "")).lower()
    return parse_qs(text.decode()).get("user", [""])[0].lower()


async def _serve(seed: int, port: int, output: Path) -> None:
    tape.KEPT_EVENTS = tape.KEPT_ORDERS = tape.KEPT_FILLS = MOST_KEPT
    record = Record()
    faults = TellingFaults()
    server = Server(Engine(fresh_state(seed, wall_clock(), still=True)), faults=faults)
    server.doorway = WitnessDoorway(faults, record=record)
    server.aster.doorway = server.doorway
    runner = web.AppRunner(server.application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, HOST, port)
    await site.start()
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    state = msgspec.to_builtins(server.engine.state)
    totals = {engine.venue.name: [str(engine.state.money()), str(engine.state.deposits)] for engine in _engines(server)}
    frames = {venue: {kind: faults.struck[venue, kind] for kind in FRAME_KINDS} for venue in totals}
    output.write_text(json.dumps({"state": state, "totals": totals, "frames": frames, **asdict(record)}, default=str))
    await runner.cleanup()


def _engines(server: Server) -> list[Engine]:
    return [server.engine, *server.others.values()]


class VenueProcess:
    """The venue in a process of its own. ``url`` is its address; ``record`` is there once it has stopped."""

    def __init__(self, seed: int, port: int, output: Path) -> None:
        self.output, self.url = output, f"http://{HOST}:{port}"
        self._command = [sys.executable, "-m", "tests.chaos.venue", str(seed), str(port), str(output)]

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(self._command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        return self

    def wait(self) -> None:
        """Until it listens."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if line != READY:
            raise RuntimeError(f"the venue did not start: {line}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; its record is written then."""
        if self.process.poll() is None:
            self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        self.process.kill()
        self.process.wait()

    def post(self, control: str, **body: object) -> Any:
        """One of the sandbox's controls."""
        data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/sandbox/{control}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read())

    def recorded(self) -> dict[str, Any]:
        """What it wrote down, after it has stopped."""
        found: dict[str, Any] = json.loads(self.output.read_text())
        return found


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("seed", type=int)
    arguments.add_argument("port", type=int)
    arguments.add_argument("output", type=Path)
    given = arguments.parse_args()
    asyncio.run(_serve(given.seed, given.port, given.output))
