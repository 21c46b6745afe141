"""Child processes that cannot outlive their purpose.

Each child leads a process group of its own, so a Ctrl-C in the terminal reaches only the supervisor, which then stops
children in order. On Linux the kernel sends each child a signal when the supervisor dies (``PR_SET_PDEATHSIG``); what
survives even that is found by the next run through its process id and start time (``stop_recorded``).
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1
# A process id with a start time this close is the same process: an id is not handed out again so soon.
SAME_START_SECONDS = 2.0
SURVIVOR_PATIENCE_SECONDS = 10.0
LOG_LIMIT_BYTES = 10_000_000
POLL_SECONDS = 0.005

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Account:
    """The system account that a child runs as, where it is not our own."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Program:
    """What to run, as whom, where its output goes, how it likes to be stopped, and whether it takes orders."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    folder: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    listens: bool = False
    patience_seconds: float = 10.0


@dataclass(frozen=True)
class Child:
    """A running program."""

    program: Program
    process: subprocess.Popen[bytes]
    log_offset: int

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    def output(self) -> str:
        """What this start of the program has written so far."""
        with self.program.log.open("rb") as log:
            log.seek(self.log_offset)
            return log.read().decode(errors="replace")

    def tell(self, order: str) -> None:
        """Write one line to a child that listens; one that is gone is found out by whoever waits for it."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{order}\n".encode())
            self.process.stdin.flush()

    def dismiss(self) -> None:
        """Tell a child that listens that no more orders come."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def request_stop(self) -> None:
        """Ask it to stop, in the way it likes."""
        if self.exit_code is None:
            self.process.send_signal(self.program.stop_signal)

    def finish(self) -> None:
        """Wait for a requested stop, then end whatever is left of its group."""
        try:
            self.process.wait(self.program.patience_seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            end_group(self.process.pid)
            self.process.wait()


def start(program: Program) -> Child:
    """Start a program in a group of its own, writing to its log.

    Must be called from the main thread: the kernel ties a child's parent-death signal to the thread that made it.
    """
    program.log.parent.mkdir(parents=True, exist_ok=True)
    if program.log.exists() and program.log.stat().st_size > LOG_LIMIT_BYTES:
        program.log.replace(program.log.with_suffix(".log.1"))
    with program.log.open("ab") as log:
        offset = log.tell()
        process = subprocess.Popen(  # noqa: S603  # our own command lines
            program.command,
            stdin=subprocess.PIPE if program.listens else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(program.environment),
            cwd=program.folder,
            start_new_session=True,
            user=program.account.uid if program.account else None,
            group=program.account.gid if program.account else None,
            extra_groups=[] if program.account else None,
            preexec_fn=die_with(os.getpid(), program.stop_signal),  # noqa: PLW1509  # one thread here, and it only calls prctl
        )
    return Child(program, process, offset)


def die_with(parent: int, stop_signal: signal.Signals) -> Callable[[], None] | None:
    """What a child does before it begins, so that it is told to stop when its parent dies; None where nobody tells."""
    if _libc is None:
        return None
    prctl = _libc.prctl

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:  # it died before the request was made
            os._exit(1)

    return ask_kernel


def end_group(leader: int) -> None:
    """Kill what is left of a process group, if anything."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS answers the latter for a group of zombies
        return


def stop_all(children: Sequence[Child]) -> None:
    """Ask all of them to stop at once, then wait for each."""
    for child in children:
        child.request_stop()
    for child in children:
        child.finish()


def record(children: Sequence[Child], path: Path) -> None:
    """Write down who runs, so that the next run can find survivors."""
    entries = []
    for child in children:
        try:
            started = psutil.Process(child.process.pid).create_time()
        except psutil.NoSuchProcess:
            continue
        entry = {"name": child.program.name, "pid": child.process.pid, "started": started}
        entries.append(entry | {"stop_signal": int(child.program.stop_signal)})
    replace_file(path, json.dumps(entries, indent=2))


def stop_recorded(path: Path) -> list[str]:
    """Stop the survivors of a run that was killed, and return their names. A reused process id is left alone."""
    if not path.exists():
        return []
    survivors: dict[str, psutil.Process] = {}
    for entry in json.loads(path.read_text()):
        try:
            process = psutil.Process(entry["pid"])
            if abs(process.create_time() - entry["started"]) <= SAME_START_SECONDS:
                process.send_signal(entry["stop_signal"])
                survivors[entry["name"]] = process
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(survivors.values(), timeout=SURVIVOR_PATIENCE_SECONDS)
    for process in survivors.values():
        end_group(process.pid)
    path.unlink()
    return list(survivors)


def replace_file(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a whole file or nothing: a reader sees the old text or the new."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def wait_until(ready: Callable[[], bool], *, seconds: float) -> bool:
    """Poll until it is ready; False when the time is up."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
