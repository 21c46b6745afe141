"""``python -m perpsstudio.embedded -- COMMAND…``: run a command with a fresh PostgreSQL and Valkey.

The command finds them in ``DATABASE_URL`` and ``REDIS_URL`` (either one already set is left alone) and a ``STATE``
folder of its own. The role may create databases, as test runners do, and is no superuser. Servers and data are gone
when the command ends; its exit code is ours.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType

from perpsstudio.embedded import ports, postgres, processes, valkey
from perpsstudio.embedded.errors import StartError
from perpsstudio.embedded.processes import Child, Program

START_SECONDS = 30.0
INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Run the command after ``--`` and return its exit code; 2 when there is none or a server cannot start."""
    if len(arguments) < 2 or arguments[0] != "--":
        sys.stderr.write("usage: python -m perpsstudio.embedded -- COMMAND [ARGUMENT ...]\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    state = Path(tempfile.mkdtemp(prefix="perpsstudio-"))
    state.chmod(0o711)  # PostgreSQL's account must pass through; the servers' own folders are closed
    try:
        return _run_beside_servers(arguments[1:], state)
    except StartError as reason:
        sys.stderr.write(f"{reason}\n")
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        shutil.rmtree(state, ignore_errors=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run_beside_servers(command: list[str], state: Path) -> int:
    environment = os.environ | {"STATE": str(state)}
    with contextlib.ExitStack() as stack:
        if not environment.get("DATABASE_URL"):
            environment["DATABASE_URL"] = stack.enter_context(_postgres(state, environment))
        if not environment.get("REDIS_URL"):
            environment["REDIS_URL"] = stack.enter_context(_valkey(state, environment))
        return _run_in_foreground(command, environment)


@contextlib.contextmanager
def _postgres(state: Path, environment: Mapping[str, str]) -> Iterator[str]:
    log = state / "postgres.log"
    server = postgres.find(state, port=ports.choose(), log=log, environment=environment, settings=postgres.FLEETING)
    try:
        postgres.create(server, may_create_databases=True)
        with _running(server.program(), server.is_ready):
            yield server.url
    finally:
        postgres.remove(server)


@contextlib.contextmanager
def _valkey(state: Path, environment: Mapping[str, str]) -> Iterator[str]:
    log = state / "valkey.log"
    server = valkey.find(state, port=ports.choose(), log=log, environment=environment, durable=False)
    with _running(server.program(), lambda _: server.is_ready()):
        yield server.url


@contextlib.contextmanager
def _running(program: Program, is_ready: Callable[[Child], bool]) -> Iterator[Child]:
    child = processes.start(program)
    try:
        processes.wait_until(lambda: is_ready(child) or child.exit_code is not None, seconds=START_SECONDS)
        if not is_ready(child):
            raise StartError(f"{program.name} did not start: {child.output().strip()}")
        yield child
    finally:
        processes.stop_all([child])


def _run_in_foreground(command: list[str], environment: dict[str, str]) -> int:
    # A signal may come while it starts, when there is nobody to pass it on to yet: then it dies with us.
    with_us = processes.die_with(os.getpid(), signal.SIGTERM)
    process = subprocess.Popen(command, env=environment, preexec_fn=with_us)  # noqa: S603, PLW1509  # the caller's own
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
