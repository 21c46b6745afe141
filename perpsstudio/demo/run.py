"""Brings one local copy up, watches it, takes it down.

What can start beside something else does: Valkey and the sandbox start while PostgreSQL makes its cluster, the web
server imports its code while migrations run. The worker and the stream, which no page waits for, come after the first
page, so that they do not compete with it for the processor.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

from perpsstudio.demo import health, programs
from perpsstudio.demo import state as states
from perpsstudio.demo.progress import Progress, ready_lines
from perpsstudio.demo.state import State
from perpsstudio.demo.supervisor import StopRequestedError, Supervisor
from perpsstudio.embedded import ports, postgres, processes, valkey
from perpsstudio.embedded.errors import StartError
from perpsstudio.embedded.processes import Child

DEFAULT_PORT = "8000"
PORT_LIMIT = 65536
STEPS = 9
CODE = ("branding", "perpsstudio", "tenants", "trading")


@dataclass(frozen=True)
class Run:
    """One start of one copy: what it was given and who helps it."""

    state: State
    port: int
    given: Mapping[str, str]
    supervisor: Supervisor
    progress: Progress
    former: Mapping[str, str]

    def former_port(self, variable: str) -> int | None:
        """The loopback port that an address had in the run before."""
        address = urlsplit(self.former.get(variable, ""))
        return address.port if address.hostname == ports.LOOPBACK else None


def main(given: Mapping[str, str], output: TextIO) -> int:
    """Run until stopped. ``given`` is the environment that the person at the terminal set; returns the exit code."""
    began = time.monotonic()
    progress = Progress(output, steps=STEPS)
    try:
        run = _open(given, progress)
    except StartError as reason:
        progress.say(str(reason))
        return 1
    try:
        report = _bring_up(run)
        processes.replace_file(run.state.ready, json.dumps(report, indent=2) + "\n")
        for line in ready_lines(report, folder=str(run.state.folder), seconds=time.monotonic() - began):
            progress.say(line)
        run.supervisor.watch()
    except StopRequestedError:
        progress.say("\nStopping.")
        return 0
    except StartError as reason:
        progress.say(str(reason))
        return 1
    finally:
        run.state.ready.unlink(missing_ok=True)
        run.supervisor.stop(programs.STOP_ORDER)


def _open(given: Mapping[str, str], progress: Progress) -> Run:
    port = given.get("PORT") or DEFAULT_PORT
    if not port.isdecimal() or not 0 < int(port) < PORT_LIMIT:
        raise StartError(f"PORT is '{port}': give a number from 1 to {PORT_LIMIT - 1}.")
    if not programs.STATIC.is_dir():
        raise StartError("The front-end files are not in place: run make setup first.")
    folder = Path(given.get("STATE") or programs.PROJECT / ".state").resolve()
    with progress.step(f"State folder {folder}"):
        state = states.open_state(folder)
        states.claim(state)
        supervisor = Supervisor(record=state.processes, say=progress.say)
        survivors = processes.stop_recorded(state.processes)
        if not ports.is_free(int(port)):
            raise StartError(f"Port {port} is in use: choose another with PORT=, for example PORT={int(port) + 1}.")
    if survivors:
        progress.say(f"      stopped what a killed run had left: {', '.join(survivors)}")
    return Run(state, int(port), given, supervisor, progress, states.read_environment(state.environment))


def _bring_up(run: Run) -> dict[str, Any]:
    alone = dict(run.given) | {"STATE": str(run.state.folder), "PYTHONUNBUFFERED": "1"}
    had_world = run.state.sandbox.exists()
    venue = _start_sandbox(run, alone)
    redis_url = _start_valkey(run)
    database_url = _start_postgres(run)
    settings = _settings(run, database_url=database_url, redis_url=redis_url, venue_url=venue.url)
    states.write_environment(run.state.environment, settings)
    environment = alone | settings

    web_began = time.monotonic()
    web = run.supervisor.start(programs.web(run.port, state=run.state, environment=environment))
    _prepare(run, environment, venue, had_world=had_world)
    made = states.operators(run.state)
    with run.progress.step(f"Web server on port {run.port}", since=web_began):
        for host in (run.given.get("PLATFORM_HOST") or "localhost", *(operator["host"] for operator in made)):
            run.supervisor.wait(web, partial(health.answers, host, run.port, "/healthz", "/"))
    _start_background(run, environment)
    return states.ready_report(made, port=run.port, sandbox_url=venue.url)


@dataclass(frozen=True)
class SandboxVenue:
    """The sandbox, started and perhaps not answering yet."""

    child: Child
    port: int
    began: float

    @property
    def url(self) -> str:
        """``HYPERLIQUID_URL``."""
        return f"http://{ports.LOOPBACK}:{self.port}"


def _start_sandbox(run: Run, environment: Mapping[str, str]) -> SandboxVenue:
    port = ports.choose(run.former_port("HYPERLIQUID_URL"))
    began = time.monotonic()
    child = run.supervisor.start(programs.sandbox(port, state=run.state, environment=environment))
    return SandboxVenue(child, port, began)


def _prepare(run: Run, environment: Mapping[str, str], venue: SandboxVenue, *, had_world: bool) -> None:
    """Tables and demo data, unless this code has made them in this database and this sandbox before."""
    fingerprint = _fingerprint(environment["DATABASE_URL"])
    current = had_world and "DATABASE_URL" not in run.given and _is_prepared(run.state, fingerprint)
    unchanged = ", unchanged" if current else ""
    with run.progress.step(f"Database tables{unchanged}"):
        if not current:
            _finish(run, "migrate", environment, "--no-input")
    with run.progress.step(f"Sandbox venue on port {venue.port}", since=venue.began):
        run.supervisor.wait(venue.child, partial(health.answers, "localhost", venue.port, "/sandbox/state"))
    with run.progress.step(f"Demo operators{unchanged}"):
        if not current:
            _finish(run, "seed_demo", environment)
            processes.replace_file(run.state.prepared, fingerprint)


def _start_valkey(run: Run) -> str:
    if given := run.given.get("REDIS_URL"):
        with run.progress.step("Valkey or Redis of REDIS_URL"):
            return given
    server = valkey.find(run.state.folder, log=run.state.log("valkey"), environment=run.given)
    port = ports.choose(run.former_port("REDIS_URL"))
    with run.progress.step(f"Valkey {server.version}"):
        child = run.supervisor.start(server.program(port))
        run.supervisor.wait(child, partial(server.is_ready, port))
    return server.url(port)


def _start_postgres(run: Run) -> str:
    if given := run.given.get("DATABASE_URL"):
        with run.progress.step("PostgreSQL of DATABASE_URL"):
            return given
    server = postgres.find(run.state.folder, log=run.state.log("postgres"), environment=run.given)
    port = ports.choose(run.former_port("DATABASE_URL"))
    with run.progress.step(f"PostgreSQL {server.version}"):
        postgres.recover(server)
        postgres.create(server, may_create_databases=False)
        child = run.supervisor.start(server.program(port))
        run.supervisor.wait(child, partial(server.is_ready, child))
    return server.url(port)


def _start_background(run: Run, environment: Mapping[str, str]) -> None:
    began = time.monotonic()
    worker = run.supervisor.start(programs.worker(state=run.state, environment=environment))
    stream = run.supervisor.start(programs.stream(state=run.state, environment=environment))
    with run.progress.step("Celery worker with beat", since=began):
        run.supervisor.wait(worker, lambda: " ready." in worker.output())
    with run.progress.step("Venue stream", since=began):
        run.supervisor.wait(stream, lambda: True)


def _settings(run: Run, *, database_url: str, redis_url: str, venue_url: str) -> dict[str, str]:
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        **states.kept_secrets(run.state),
        "DEBUG": "false",
        "HTTPS": "false",
        "PUBLIC_PORT": str(run.port),
        "HYPERLIQUID_URL": venue_url,
        "HYPERLIQUID_NETWORK": "testnet",
    }
    return settings | {name: run.given[name] for name in settings if run.given.get(name)}


def _finish(run: Run, command: str, environment: Mapping[str, str], *arguments: str) -> None:
    program = programs.manage(command, command, *arguments, state=run.state, environment=environment)
    run.supervisor.finish(run.supervisor.start(program))


def _fingerprint(database_url: str) -> str:
    """Of the code that makes tables and demo data, and of the database that holds them."""
    digest = hashlib.sha256((urlsplit(database_url).password or "").encode())
    for package in CODE:
        for path in sorted((programs.PROJECT / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_prepared(state: State, fingerprint: str) -> bool:
    return state.demo.exists() and state.prepared.exists() and state.prepared.read_text() == fingerprint
