"""The whole product in its own processes, as ``make run`` starts it, and the controls of its sandbox venue."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import psutil

from perpsstudio.demo.programs import PROJECT
from perpsstudio.embedded import ports, processes
from tests.endings import is_gone

READY_SECONDS = 240
STOP_SECONDS = 90
# A venue that does not answer within this is a bad day; the tests wait it out, so it is shorter than in production.
VENUE_READ_TIMEOUT = "2.5"
PATIENCE_SECONDS = 60
# Tests trade faster than people do, and all from one address; the sandbox counts no weight.
BUDGETS = {"HYPERLIQUID_WEIGHT_PER_MINUTE": "24000", "ASTER_WEIGHT_PER_MINUTE": "48000"}
PRODUCT_SETTINGS = {
    "AGENT_KEY_SECRETS", "ASTER_NETWORK", "ASTER_URL", "DATABASE_URL", "DEBUG", "HTTPS", "HYPERLIQUID_NETWORK",
    "HYPERLIQUID_URL", "PLATFORM_HOST", "PORT", "REDIS_URL", "SECRET_KEY", "STATE",
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in."""

    email: str
    password: str


@dataclass(frozen=True)
class Exchange:
    """One demo operator."""

    name: str
    url: str
    trader: Person
    owner: Person
    support: Person

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")


class Sandbox:
    """The venue's controls, and its ledger."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _call(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
            return json.loads(response.read())

    def mark(self, market: str, price: Decimal | str, venue: str = "hyperliquid") -> None:
        """Set mark, oracle and book; every liquidation that follows has happened on return."""
        self._call("/sandbox/mark", {"venue": venue, "market": market, "price": str(price)})

    def state(self) -> Any:
        return self._call("/sandbox/state")

    def accounts(self, venue: str = "hyperliquid") -> dict[str, Any]:
        """All accounts of a venue's ledger."""
        state = self.state()
        found: dict[str, Any] = (state if state["venue"] == venue else state["others"][venue])["accounts"]
        return found

    def account(self, address: str, venue: str = "hyperliquid") -> Any:
        """One account of a venue's ledger."""
        return self.accounts(venue)[address.lower()]

    def positions(self, address: str) -> dict[str, Any]:
        """The account's open positions by market."""
        return {row["market"]: row for row in self.account(address)["positions"]}

    def events(self, address: str) -> list[dict[str, Any]]:
        """What the venue noted of the account: liquidations and the like, the newest last."""
        return [row for row in self.state()["events"] if row["address"] == address.lower()]

    def fault(self, fault: str, request: str, **options: object) -> None:
        """Order a bad day for the next request of that kind."""
        self._call("/sandbox/fault", {"fault": fault, "request": request} | options)

    def clear_faults(self) -> None:
        self._call("/sandbox/fault", {"clear": True})


class Product:
    """Context manager around one run of the product in a folder of its own."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="perpsstudio-browser-")
        self.state = Path(self._folder.name).resolve() / "state"
        self.state.parent.chmod(0o711)  # PostgreSQL's own account passes through
        self.output = self.state.with_suffix(".output")
        self.port = ports.choose()
        inherited = {name: value for name, value in os.environ.items() if name not in PRODUCT_SETTINGS}
        own = {"STATE": str(self.state), "PORT": str(self.port), "VENUE_READ_TIMEOUT": VENUE_READ_TIMEOUT}
        self._environment = inherited | own | BUDGETS

    def __enter__(self) -> Self:
        with self.output.open("wb") as output:
            self.run = subprocess.Popen(
                [sys.executable, "-m", "perpsstudio.demo"],
                cwd=PROJECT,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        ready = self.state / "ready.json"
        if not processes.wait_until(lambda: ready.exists() or self.run.poll() is not None, seconds=READY_SECONDS):
            self._end()
        assert ready.exists(), self.output.read_text()
        report = json.loads(ready.read_text())
        self.platform: str = report["platform"]
        self.sandbox = Sandbox(report["sandbox"])
        self.exchanges = [_exchange(row) for row in report["operators"]]
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Press Ctrl-C; nothing may be left running."""
        relatives = psutil.Process(self.run.pid).children(recursive=True) if self.run.poll() is None else []
        code = self._end()
        left = [process.pid for process in relatives if not is_gone(process)]
        told = self.output.read_text()
        is_free = ports.is_free(self.port)
        processes.stop_recorded(self.state / "processes.json")
        self._folder.cleanup()
        assert (code, left, is_free) == (0, [], True), told

    def _end(self) -> int:
        if self.run.poll() is None:
            self.run.send_signal(signal.SIGINT)
        try:
            return self.run.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.run.kill()
            return self.run.wait()

    def process(self, name: str) -> psutil.Process:
        """A child that runs now, by its program's name."""
        record = json.loads((self.state / "processes.json").read_text())
        return psutil.Process(next(entry["pid"] for entry in record if entry["name"] == name))

    def said(self, line: str) -> int:
        """How often the supervisor has written this line."""
        return self.output.read_text().splitlines().count(line)

    def log(self, name: str) -> str:
        """What one of its programs has written."""
        return (self.state / "logs" / f"{name}.log").read_text(errors="replace")


def _exchange(row: dict[str, Any]) -> Exchange:
    people = {role: Person(**row[role]) for role in ("trader", "owner", "support")}
    return Exchange(row["name"], row["url"], **people)
