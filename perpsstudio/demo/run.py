"""Brings one local copy up, watches it, takes it down.

The first page comes first: the web server imports its code from the first moment, beside the servers that it needs, and
pages answer as soon as the operators and their people are there. Their accounts at the sandbox follow, then the workers
and the stream, which no page waits for; what a page misses until then it says itself. Only where accounts have to be
made does the sandbox start at once; else it would compete with the first page for the processor.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from perpsstudio.demo import health, plan, programs
from perpsstudio.demo import state as states
from perpsstudio.demo.plan import Plan
from perpsstudio.demo.progress import Progress, ready_lines
from perpsstudio.demo.state import State
from perpsstudio.demo.supervisor import StopRequestedError, Supervisor
from perpsstudio.embedded import ports, postgres, processes
from perpsstudio.embedded.errors import StartError
from perpsstudio.embedded.processes import Child

DEFAULT_PORT = "8000"
PORT_LIMIT = 65536
STEPS = 10


@dataclass(frozen=True)
class Run:
    """One start of one copy: what it was given, what it decided, who helps it."""

    state: State
    port: int
    given: Mapping[str, str]
    plan: Plan
    environment: Mapping[str, str]
    supervisor: Supervisor
    progress: Progress

    def start(self, program: programs.Maker) -> Child:
        """Start one of the project's programs with this copy's settings."""
        return self.supervisor.start(program(state=self.state, environment=self.environment))


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
        decided = plan.make(state, given)
        states.write_environment(state.environment, decided.settings)
    if survivors:
        progress.say(f"      stopped what a killed run had left: {', '.join(survivors)}")
    environment = {**given, **decided.settings, "STATE": str(folder), "PYTHONUNBUFFERED": "1"}
    return Run(state, int(port), given, decided, environment, supervisor, progress)


def _bring_up(run: Run) -> dict[str, Any]:
    prepared = run.plan.is_prepared
    began = time.monotonic()
    web = run.start(partial(programs.web, run.port))
    preparing = None if prepared else run.start(programs.preparation)
    sandbox = None if prepared else _start_sandbox(run)
    tables = start_servers(run)

    unchanged = ", unchanged" if prepared else ""
    with run.progress.step("Database tables, as installed" if tables else f"Database tables{unchanged}"):
        if not tables:
            _order(run, preparing, programs.MIGRATE)
    with run.progress.step(f"Demo operators{unchanged}"):
        _order(run, preparing, programs.SEED_OPERATORS)
    made = states.operators(run.state)
    with run.progress.step(f"First page on port {run.port}", since=began):
        for host in (run.given.get("PLATFORM_HOST") or "localhost", *(operator["host"] for operator in made)):
            run.supervisor.wait(web, partial(health.answers, host, run.port, "/healthz", "/"))
    began = began if sandbox else time.monotonic()
    sandbox = sandbox or _start_sandbox(run)
    with run.progress.step(f"Sandbox venue on port {run.plan.sandbox_port}", since=began):
        run.supervisor.wait(sandbox, partial(health.answers, "localhost", run.plan.sandbox_port, "/sandbox/state"))
    with run.progress.step(f"Demo accounts{unchanged}"):
        _order(run, preparing, programs.SEED_ACCOUNTS)
        _dismiss(run, preparing)
    _start_background(run)
    return states.ready_report(made, port=run.port, sandbox_url=run.plan.sandbox_url)


def _start_sandbox(run: Run) -> Child:
    return run.start(partial(programs.sandbox, run.plan.sandbox_port))


def start_servers(run: Run) -> bool:
    """Start those that are ours; whether the tables came with the cluster, as the installation made them."""
    cache, database, tables = run.plan.valkey, run.plan.postgres, False
    with run.progress.step(f"Valkey {cache.version}" if cache else "Valkey or Redis at REDIS_URL"):
        if cache:
            run.supervisor.wait(run.supervisor.start(cache.program()), cache.is_ready)
    with run.progress.step(f"PostgreSQL {database.version}" if database else "PostgreSQL at DATABASE_URL"):
        if database:
            postgres.recover(database)
            tables = postgres.create(database, may_create_databases=False, template=run.plan.tables)
            child = run.supervisor.start(database.program())
            run.supervisor.wait(child, partial(database.is_ready, child))
    return tables


def _start_background(run: Run) -> None:
    began = time.monotonic()
    worker = run.start(programs.worker)
    settle = run.start(programs.settle)
    stream = run.start(programs.stream)
    with run.progress.step("Celery workers with beat", since=began):
        run.supervisor.wait(worker, lambda: " ready." in worker.output())
        run.supervisor.wait(settle, lambda: " ready." in settle.output())
    with run.progress.step("Venue stream", since=began):
        run.supervisor.wait(stream, lambda: True)


def _order(run: Run, preparing: Child | None, command: str) -> None:
    if preparing:
        preparing.tell(command)
        run.supervisor.wait(preparing, lambda: programs.done(command) in preparing.output(), seconds=300)


def _dismiss(run: Run, preparing: Child | None) -> None:
    if preparing:
        preparing.dismiss()
        run.supervisor.finish(preparing)
        processes.replace_file(run.state.prepared, run.plan.fingerprint)
