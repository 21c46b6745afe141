"""Starts children, restarts those that die, stops all of them in order."""

import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import NoReturn

from perpsstudio.embedded import processes
from perpsstudio.embedded.errors import StartError
from perpsstudio.embedded.processes import Child, Program

START_SECONDS = 60.0
WATCH_SECONDS = 0.1
# A child that lived this long had started well: its next death is a new story, answered without delay.
GOOD_LIFE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 30.0
TAIL_LINES = 15


class StopRequestedError(Exception):
    """Ctrl-C or a signal to stop, raised only where the supervisor waits and never halfway through a start."""


@dataclass(frozen=True)
class Ward:
    """A child under watch, with the history of its failures."""

    child: Child
    started: float
    failures: int = 0
    due: float | None = None


class Supervisor:
    """Owns every child of a run. Single-threaded: it acts only inside its own calls."""

    def __init__(self, *, record: Path, say: Callable[[str], None]) -> None:
        self._record = record
        self._say = say
        self._wards: dict[str, Ward] = {}
        self._stop_requested = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request_stop)

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_requested = True

    def start(self, program: Program) -> Child:
        """Start a program and keep it running from now on."""
        child = processes.start(program)
        self._wards[program.name] = Ward(child, started=time.monotonic())
        self._write_record()
        return child

    def wait(self, child: Child, ready: Callable[[], bool], *, seconds: float = START_SECONDS) -> None:
        """Wait until it is ready. Raises StartError with the end of its log when it dies or takes too long."""

        def settled() -> bool:
            self._heed()
            return child.exit_code is not None or ready()

        in_time = processes.wait_until(settled, seconds=seconds)
        if child.exit_code is not None:
            raise StartError(
                f"{child.program.name} stopped before it was ready (exit code {child.exit_code}).{_tail(child)}"
            )
        if not in_time:
            raise StartError(f"{child.program.name} did not answer within {seconds:.0f} seconds.{_tail(child)}")

    def finish(self, child: Child, *, seconds: float = 300.0) -> None:
        """Wait for a child that ends by itself. Raises StartError with the end of its log when it fails."""
        del self._wards[child.program.name]
        try:
            in_time = processes.wait_until(lambda: self._heed() or child.exit_code is not None, seconds=seconds)
            if not in_time or child.exit_code:
                raise StartError(f"{child.program.name} failed (exit code {child.exit_code}).{_tail(child)}")
        finally:
            processes.stop_all([child])

    def watch(self) -> NoReturn:
        """Keep every child running until a stop is requested; raises StopRequestedError then."""
        while True:
            self._heed()
            for name, ward in list(self._wards.items()):
                self._look_after(name, ward, now=time.monotonic())
            time.sleep(WATCH_SECONDS)

    def stop(self, order: Iterable[Iterable[str]]) -> None:
        """Stop the named children, one group after the other, then whatever else runs."""
        for names in order:
            group = [self._wards.pop(name).child for name in names if name in self._wards]
            processes.stop_all(group)
        processes.stop_all([ward.child for ward in self._wards.values()])
        self._wards.clear()
        self._record.unlink(missing_ok=True)

    def _heed(self) -> bool:
        if self._stop_requested:
            raise StopRequestedError
        return False

    def _look_after(self, name: str, ward: Ward, *, now: float) -> None:
        if ward.due is None and ward.child.exit_code is not None:
            processes.end_group(ward.child.process.pid)
            failures = 1 if now - ward.started > GOOD_LIFE_SECONDS else ward.failures + 1
            pause = min(2.0 ** (failures - 2), LONGEST_PAUSE_SECONDS)
            self._wards[name] = replace(ward, failures=failures, due=now + pause)
            code, log = ward.child.exit_code, ward.child.program.log
            self._say(f"{name} stopped (exit code {code}); it starts again in {pause:g} s. Its log: {log}")
        elif ward.due is not None and now >= ward.due:
            child = processes.start(ward.child.program)
            self._wards[name] = Ward(child, started=now, failures=ward.failures)
            self._write_record()
            self._say(f"{name} runs again.")

    def _write_record(self) -> None:
        processes.record([ward.child for ward in self._wards.values()], self._record)


def _tail(child: Child) -> str:
    lines = child.output().strip().splitlines()[-TAIL_LINES:]
    return "".join(f"\n    {line}" for line in [f"The end of {child.program.log}:", *lines])
