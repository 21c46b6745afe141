"""A newcomer's start: ``make run`` from nothing and once more, timed from the command to the first page.

The first page is an operator's sign-in, whole; the trader's own is the terminal of a trader who signs in at once.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from perpsstudio.embedded import ports, processes
from tests.bench.measuring import Line

PROJECT = Path(__file__).resolve().parents[2]
# What would make it another copy than a newcomer's: servers and venues that were given, and what make tells make.
GIVEN = re.compile(
    "DATABASE_URL|REDIS_URL|.*_URL|.*_NETWORK|DJANGO_SETTINGS_MODULE|LOG_LEVEL|STATE|PORT|M(AKE|FLAGS).*"
)
HOST = "vanta.localhost"
SIGN_IN = {"email": "trader@vanta.example", "password": "vanta-trader-demo"}
COMMAND = ("make", "run")
ROUNDS, PATIENCE_SECONDS = 3, 120.0


@dataclass(slots=True)
class Newcomer:
    """A browser that asks again as long as nothing answers, and keeps its cookies."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def opens(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Status, and where it leads or what the page says; 0 where nobody answers."""
        connection = HTTPConnection(ports.LOOPBACK, self.port, timeout=5)
        headers = {"Host": f"{HOST}:{self.port}", "Cookie": "; ".join(map("=".join, self.cookies.items()))}
        body = None
        if form is not None:
            body = urlencode(form | {"csrfmiddlewaretoken": self.cookies["csrf"]})
            headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            connection.request("GET" if form is None else "POST", path, body, headers)
            answer = connection.getresponse()
            self._keep_cookies(answer)
            return answer.status, answer.getheader("Location") or answer.read().decode()
        except (OSError, HTTPException):
            return 0, ""
        finally:
            connection.close()

    def _keep_cookies(self, answer: HTTPResponse) -> None:
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value

    def sees_sign_in(self) -> bool:
        """Whether the first address leads to the sign-in page, and that is there."""
        status, target = self.opens("/")
        return status == 302 and self.opens(target)[0] == 200

    def sees_terminal(self) -> bool:
        """Whether the first address leads to a market's page, and that is there."""
        status, target = self.opens("/")
        return status == 302 and target.startswith("/trade/") and self.opens(target)[0] == 200


def starts() -> list[Line]:
    """P10: the first page from nothing and the second time, and the page behind the sign-in."""
    taken: list[list[float]] = [[] for _ in range(4)]
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            state = Path(folder)
            state.chmod(0o711)  # PostgreSQL's account must pass through
            for times, seconds in zip(taken, (*_run(state / "state"), *_run(state / "state")), strict=True):
                times.append(seconds)
    first, own, again, own_again = map(median, taken)
    return [
        Line("P10", "make run from nothing, first page", first, "", None, 4.0),
        Line("P10", "make run from nothing, trader's own page", own, "", None),
        Line("P10", "make run again, first page", again, "", None, 1.5),
        Line("P10", "make run again, trader's own page", own_again, "", None),
    ]


def _run(state: Path) -> tuple[float, float]:
    """Seconds from the command to the first page, and to the trader's own."""
    newcomer = Newcomer(ports.choose())
    began = time.perf_counter()
    with _running(state, newcomer.port):
        _wait(newcomer.sees_sign_in, "no page")
        first = time.perf_counter() - began
        assert newcomer.opens("/sign-in/", SIGN_IN)[0] == 302
        _wait(newcomer.sees_terminal, "no market's page")
        own = time.perf_counter() - began
        _wait((state / "ready.json").exists, "no end of the start")
        assert json.loads((state / "ready.json").read_text())["operators"]
    return first, own


def _wait(ready: Callable[[], bool], missing: str) -> None:
    if not processes.wait_until(ready, seconds=PATIENCE_SECONDS):
        raise RuntimeError(f"There was {missing} after {PATIENCE_SECONDS:.0f} s.")


@contextlib.contextmanager
def _running(state: Path, port: int) -> Iterator[None]:
    """The product as a newcomer starts it, stopped with Ctrl-C."""
    bare = {name: value for name, value in os.environ.items() if not GIVEN.fullmatch(name)}
    environment = bare | {"STATE": str(state), "PORT": str(port)}
    run = subprocess.Popen(COMMAND, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(run.pid, signal.SIGINT)
        run.wait()
