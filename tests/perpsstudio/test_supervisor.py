"""Children under watch, as real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from perpsstudio.demo.supervisor import StopRequestedError, Supervisor
from perpsstudio.embedded import processes
from perpsstudio.embedded.errors import StartError
from perpsstudio.embedded.processes import Child, Program
from tests.endings import is_gone
from tests.perpsstudio.servers import PATIENCE_SECONDS


def shell(name: str, script: str, state: Path) -> Program:
    return Program(name, ["/bin/sh", "-c", script], state / "logs" / f"{name}.log", os.environ, state)


class Watched(Supervisor):
    """A supervisor whose lines are kept, and which is asked to stop as soon as it has said enough of them."""

    def __init__(self, state: Path) -> None:
        self.lines: list[str] = []
        self.enough = 1
        super().__init__(record=state / "processes.json", say=self._hear)

    def _hear(self, line: str) -> None:
        self.lines.append(line)
        if len(self.lines) == self.enough:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def supervisor(state: Path, signal_handlers: None) -> Iterator[Watched]:
    watched = Watched(state)
    yield watched
    watched.stop([])


def test_dead_child_is_started_again_with_growing_pauses(state: Path, supervisor: Watched) -> None:
    supervisor.enough = 4
    supervisor.start(shell("worker", "echo again; exit 3", state))

    with pytest.raises(StopRequestedError):
        supervisor.watch()

    log = state / "logs/worker.log"
    assert supervisor.lines == [
        f"worker stopped (exit code 3); it starts again in 0.5 s. Its log: {log}",
        "worker runs again.",
        f"worker stopped (exit code 3); it starts again in 1 s. Its log: {log}",
        "worker runs again.",
    ]
    assert log.read_text().splitlines()[:2] == ["again", "again"]


def test_child_that_dies_at_its_start_ends_the_wait_with_its_last_words(state: Path, supervisor: Watched) -> None:
    child = supervisor.start(shell("web", "echo first; echo 'no such module' >&2; exit 1", state))

    with pytest.raises(StartError) as refusal:
        supervisor.wait(child, lambda: False)
    assert str(refusal.value) == (
        "web stopped before it was ready (exit code 1).\n"
        f"    The end of {state}/logs/web.log:\n"
        "    first\n"
        "    no such module"
    )


def test_child_that_never_answers_ends_the_wait(state: Path, supervisor: Watched) -> None:
    child = supervisor.start(shell("web", "exec sleep 60", state))

    with pytest.raises(StartError, match=r"^web did not answer within 0 seconds\."):
        supervisor.wait(child, lambda: False, seconds=0.1)


def test_failed_step_shows_its_last_words(state: Path, supervisor: Watched) -> None:
    with pytest.raises(StartError, match=r"^migrate failed \(exit code 4\)\.\n.*\n    broken$"):
        supervisor.finish(supervisor.start(shell("migrate", "echo broken; exit 4", state)))
    supervisor.finish(supervisor.start(shell("migrate", "true", state)))


def test_signal_ends_a_wait_and_stops_everything_in_order(state: Path, supervisor: Watched) -> None:
    script = "trap 'echo {0} >>order; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
    names = ("database", "web", "worker")
    children = [supervisor.start(shell(name, script.format(name), state)) for name in names]
    for child in children:
        supervisor.wait(child, lambda child=child: "ready" in child.output())  # type: ignore[misc]  # bound at once
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()

    with pytest.raises(StopRequestedError):
        supervisor.wait(children[0], lambda: False)
    supervisor.stop([["web"], ["worker"], ["database"]])

    assert (state / "order").read_text().split() == ["web", "worker", "database"]
    assert [child.exit_code for child in children] == [0, 0, 0]
    assert not (state / "processes.json").exists()


def test_whole_group_ends_with_a_child_that_will_not_listen(state: Path, children: list[Child]) -> None:
    script = "trap '' TERM; sleep 60 & echo $! >helper; wait; sleep 60"
    deaf = Program("deaf", ["/bin/sh", "-c", script], state / "log", os.environ, state, patience_seconds=0.2)
    child = processes.start(deaf)
    assert processes.wait_until(
        lambda: (state / "helper").exists() and (state / "helper").read_text() != "", seconds=PATIENCE_SECONDS
    )
    helper = psutil.Process(int((state / "helper").read_text()))

    processes.stop_all([child])

    assert child.exit_code == -signal.SIGKILL
    assert processes.wait_until(lambda: is_gone(helper), seconds=PATIENCE_SECONDS)


@pytest.fixture
def sleepers() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two processes that somebody else started."""
    started = [subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) for _ in range(2)]
    yield started
    for process in started:
        process.kill()
        process.wait()


def test_next_run_stops_what_a_kill_left_and_spares_a_reused_process_id(
    state: Path, sleepers: list[subprocess.Popen[bytes]]
) -> None:
    survivor, stranger = sleepers
    record = state / "processes.json"
    processes.record([Child(shell("worker", "", state), survivor, 0)], record)
    entries = json.loads(record.read_text())
    entries.append({"name": "web", "pid": stranger.pid, "started": time.time() - 3600, "stop_signal": 15})
    record.write_text(json.dumps(entries))

    assert processes.stop_recorded(record) == ["worker"]

    assert psutil.pid_exists(survivor.pid) is False
    assert stranger.poll() is None
    assert not record.exists()
    assert processes.stop_recorded(record) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_children_die_with_a_killed_supervisor(state: Path) -> None:
    program = (
        "import os, pathlib, time\n"
        "from perpsstudio.embedded import processes\n"
        "from perpsstudio.embedded.processes import Program\n"
        f"folder = pathlib.Path({str(state)!r})\n"
        "child = processes.start(Program('web', ['/bin/sleep', '60'], folder / 'log', os.environ, folder))\n"
        "print(child.process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()

    assert processes.wait_until(lambda: is_gone(child), seconds=PATIENCE_SECONDS)
