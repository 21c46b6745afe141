"""The pages under load: the product behind its own server, asked by one and by eight connections at a time.

It needs a PostgreSQL and a Valkey of its own (``make bench`` brings both): it makes its tables and rows in them.
"""

import contextlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

from perpsstudio.embedded import ports, processes
from perpsstudio.embedded.processes import Program
from tests.bench.load import requests_per_second
from tests.bench.measuring import Line, in_turns

PROJECT = Path(__file__).resolve().parents[2]
MARKETS, POSITIONS = 200, 10
SECONDS, ROUNDS, START_SECONDS = 2.0, 3, 30.0
QUOTE = "/trade/M0/quote/?side=long&kind=market&size=0.5&unit=coin&mode=isolated&leverage="
# A slider never asks for the same quote twice in a row.
SLIDER = [f"{QUOTE}{leverage}" for leverage in range(1, 21)]


def unavailable() -> str:
    """Why pages cannot be measured here; empty where they can."""
    return "" if os.environ.get("DATABASE_URL") else "no database of its own was given (make bench brings one)"


@contextlib.contextmanager
def serving() -> Iterator[tuple[int, str, str]]:
    """The product on one worker with one thread: its port, a host of an operator, and a signed-in trader's cookie."""
    host, cookie = _made()
    port = ports.choose()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
            "--workers", "1", "--blocking-threads", "1", "--log-level", "warning", "tests.bench.site:application",
        ]  # fmt: skip
        log = Path(folder) / "web.log"
        child = processes.start(Program("web", command, log, os.environ | _environment(), PROJECT))
        stopped = threading.Event()
        refreshing = threading.Thread(target=_keep_fresh, args=(stopped,))
        refreshing.start()
        try:
            requests = [_request(host, "/empty/", cookie)]
            if not processes.wait_until(partial(_answers, port, requests), seconds=START_SECONDS):
                raise RuntimeError(child.output())
            yield port, host, cookie
        finally:
            stopped.set()
            refreshing.join()
            processes.stop_all([child])


def _environment() -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "tests.bench.site_settings",
        "LOG_LEVEL": "WARNING",
        "HYPERLIQUID_NETWORK": "testnet",
    }


@cache
def _made() -> tuple[str, str]:
    """Tables, one operator, a trader with ten positions among two hundred markets; his host and his cookie."""
    os.environ.update(_environment())
    import django  # noqa: PLC0415  # only this goal needs Django

    django.setup()
    from tests.bench.rows import make_rows  # noqa: PLC0415  # models exist from here on

    return make_rows(MARKETS, POSITIONS)


def _keep_fresh(stopped: threading.Event) -> None:
    """What the stream and the worker do in a running product, once a second."""
    from tests.bench.rows import refresh  # noqa: PLC0415  # models exist from here on

    while not stopped.wait(1.0):
        refresh()


def _request(host: str, path: str, cookie: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", f"Cookie: {cookie}", "HX-Request: true", "", ""]
    return "\r\n".join(lines).encode()


def _answers(port: int, requests: list[bytes]) -> bool:
    try:
        requests_per_second(port, requests, connections=1, seconds=0)
    except OSError:
        time.sleep(0.05)
        return False
    return True


def _rates(visits: list[list[str]], connections: int) -> list[float]:
    """Seconds of one answer for each kind of visit, taken in turns. A visit goes through its paths again and again."""
    with serving() as (port, host, cookie):
        ask = partial(requests_per_second, port, connections=connections, seconds=SECONDS)
        kinds = [[_request(host, path, cookie) for path in paths] for paths in visits]
        works = [partial(lambda requests: 1 / ask(requests), requests) for requests in kinds]
        for work in works:
            work()  # the first answers build what later ones find built
        return in_turns(works, ROUNDS)


def quotes() -> list[Line]:
    """P5: quotes of a slider's steps, beside an empty view on the same server."""
    missing = unavailable()
    if missing:
        return [Line("P5", "slider quote", 0.0, "an empty view", None, note=missing)]
    lines = []
    for connections, share in ((1, 0.60), (8, 0.45)):
        quote, empty = _rates([SLIDER, ["/empty/"]], connections)
        work = f"slider quote, {POSITIONS} positions held, {connections} at a time"
        lines.append(Line("P5", work, quote, "an empty view", empty, empty / share))
    return lines


def tables() -> list[Line]:
    """P6: the positions table, beside the same rows through the ORM and Django's own templates."""
    missing = unavailable()
    if missing:
        return [Line("P6", "positions table", 0.0, "ORM and Django templates", None, note=missing)]
    ours, anew, plain = _rates([["/positions/"], ["/anew/"], ["/plain/"]], 1)
    peer = "ORM, Django templates"
    return [
        Line("P6", f"positions table, {POSITIONS} rows", ours, peer, plain, plain / 6),
        Line("P6", f"positions table, {POSITIONS} rows, read anew", anew, peer, plain, plain / 6),
    ]
