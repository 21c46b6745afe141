"""A real sandbox venue for tests: ``manage.py sandbox --still`` in its own process, on a free port."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROJECT = Path(__file__).resolve().parent.parent
READY = "sandbox ready at "
START_SECONDS = 120
PATIENCE_SECONDS = 30


class SandboxProcess:
    """Context manager around one sandbox. ``url`` is the base URL of the venue.

    >>> with SandboxProcess() as sandbox:                                   # doctest: +SKIP
    ...     sandbox.fund("0x14791697260e4c9a71f18484c9f997b308e59325", "10000")
    ...     sandbox.mark("BTC", "86000")
    """

    def __init__(self, *arguments: str, still: bool = True) -> None:
        self.arguments = [*(["--still"] if still else []), *arguments]
        self.url = ""

    def __enter__(self) -> Self:
        command = [sys.executable, str(PROJECT / "manage.py"), "sandbox", "--port", "0", *self.arguments]
        # It must run alone: addresses where no database and no Redis listens prove that it asks for none.
        alone = {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9/0"}
        # A file and not a pipe: nobody reads along, and a full pipe would stop the venue.
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command, cwd=PROJECT, env=os.environ | alone, stdout=subprocess.PIPE, stderr=self.errors, text=True
        )
        watchdog = threading.Timer(START_SECONDS, self.process.kill)
        watchdog.start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        watchdog.cancel()
        if not line.startswith(READY):
            self.process.kill()
            self.process.communicate()
            self.errors.seek(0)
            raise RuntimeError(f"the sandbox did not start: {line} {self.errors.read()}")
        self.url = line.removeprefix(READY)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it as a service manager would and return its exit code; killed where it does not end."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
        self.errors.close()
        return self.process.returncode

    def post(self, path: str, body: object) -> Any:
        """POST JSON and return the JSON answer; a refusal raises urllib's HTTPError."""
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
            return json.loads(response.read())

    def info(self, kind: str, **fields: object) -> Any:
        return self.post("/info", {"type": kind} | fields)

    def fund(self, address: str, amount: str, venue: str = "hyperliquid") -> Any:
        return self.post("/sandbox/fund", {"venue": venue, "address": address, "amount": amount})

    def mark(self, market: str, price: str, venue: str = "hyperliquid") -> Any:
        """Set mark, oracle and book; every liquidation that follows has happened on return."""
        return self.post("/sandbox/mark", {"venue": venue, "market": market, "price": price})

    def fault(self, fault: str, request: str = "any", **options: object) -> Any:
        """Order a bad day: see trading.sandbox.faults.KINDS; options count, probability, seed, seconds."""
        return self.post("/sandbox/fault", {"fault": fault, "request": request} | options)

    def clear_faults(self) -> Any:
        return self.post("/sandbox/fault", {"clear": True})

    def pay_funding(self, venue: str = "hyperliquid") -> Any:
        """Charge one interval of funding now; a still sandbox charges none by itself."""
        return self.post("/sandbox/funding", {"venue": venue})

    def change_market(self, market: str, venue: str = "aster", **changes: object) -> Any:
        """Change ``status`` (trading, closing, gone) or ``brackets`` and ``cap`` of a market."""
        return self.post("/sandbox/market", {"venue": venue, "market": market} | changes)

    def state(self) -> Any:
        """The whole ledger as it stands."""
        with urllib.request.urlopen(self.url + "/sandbox/state", timeout=PATIENCE_SECONDS) as response:
            return json.loads(response.read())
