"""The whole product started, killed, started again and stopped, as ``make run`` does it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from perpsstudio.demo import health
from perpsstudio.demo.programs import PROJECT
from perpsstudio.demo.state import ROLES
from perpsstudio.embedded import ports, processes
from tests.endings import is_gone
from tests.perpsstudio.environment import BARE
from tests.perpsstudio.servers import PATIENCE_SECONDS

READY_SECONDS = 240


class Copy:
    """One local copy: its folder, its port, and the run that is up."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = ports.choose()
        self.environment = BARE | {"STATE": str(state), "PORT": str(self.port)}
        self.output = state.with_suffix(".output")
        self.ready = state / "ready.json"
        self.runs: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        with self.output.open("wb") as output:
            run = subprocess.Popen(
                [sys.executable, "-m", "perpsstudio.demo"],
                cwd=PROJECT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.runs.append(run)
        return run

    def lines(self) -> list[str]:
        return self.output.read_text().splitlines()

    def report(self, run: subprocess.Popen[bytes]) -> dict[str, Any]:
        """What the run announces, once it does."""
        up = processes.wait_until(lambda: self.is_announced() or run.poll() is not None, seconds=READY_SECONDS)
        assert up, self.output.read_text()
        assert run.poll() is None, self.output.read_text()
        report: dict[str, Any] = json.loads(self.ready.read_text())
        return report

    def is_announced(self) -> bool:
        """Announced by the newest run: its last lines are the sign-ins, and an older run's file is gone by then."""
        return self.ready.exists() and any(line.startswith("Ready after") for line in self.lines())


@pytest.fixture
def copy(state: Path) -> Iterator[Copy]:
    made = Copy(state)
    yield made
    for run in made.runs:
        run.kill()
        run.wait()
    processes.stop_recorded(state / "processes.json")
    made.output.unlink(missing_ok=True)


def family(run: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(run.pid).children(recursive=True)


def end(relatives: list[psutil.Process]) -> bool:
    """Whether all of them do, by themselves and at once."""
    return processes.wait_until(lambda: all(map(is_gone, relatives)), seconds=PATIENCE_SECONDS)


def test_copy_lives_through_a_kill_and_stops_without_a_trace(copy: Copy) -> None:
    run = copy.start()
    report = copy.report(run)

    assert report["platform"] == f"http://localhost:{copy.port}"
    assert list(report) == ["platform", "sandbox", "operators"]
    assert [operator["name"] for operator in report["operators"]] == ["Harbor Markets", "Vanta", "Meridian"]
    for operator in report["operators"]:
        people = [role for role in ROLES if operator["name"] != "Meridian" or role != "unified"]
        assert list(operator) == ["name", "url", *people]
        assert [list(operator[role]) for role in people] == [["email", "password"]] * len(people)
        host = operator["url"].removeprefix("http://").removesuffix(f":{copy.port}")
        assert health.answers(host, copy.port, "/healthz", "/")
    assert joins(copy)
    assert refused_second_run(copy).startswith(f"Another run (process {run.pid}) uses {copy.state}: stop it,")
    assert copy.ready.exists()
    restarts_the_web_server(copy, run)

    killed = family(run)
    run.kill()
    run.wait()
    run = copy.start()
    assert copy.report(run) == report
    assert end(killed)
    assert any("Database tables, unchanged" in line for line in copy.lines())

    relatives = family(run)
    run.send_signal(signal.SIGINT)
    assert run.wait(PATIENCE_SECONDS) == 0, copy.output.read_text()
    assert end(relatives)
    assert not copy.ready.exists()
    assert ports.is_free(copy.port)


def joins(copy: Copy) -> bool:
    """Whether a ``manage.py`` command beside the run finds its database, whose role passes the checks."""
    command = [sys.executable, "manage.py", "check", "--database", "default"]
    joining = BARE | {"STATE": str(copy.state)}
    done = subprocess.run(command, cwd=PROJECT, env=joining, capture_output=True, text=True, check=False)
    return done.returncode == 0


def refused_second_run(copy: Copy) -> str:
    command = [sys.executable, "-m", "perpsstudio.demo"]
    environment = copy.environment | {"PORT": str(ports.choose())}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stdout.splitlines()[-1]


def restarts_the_web_server(copy: Copy, run: subprocess.Popen[bytes]) -> None:
    record = json.loads((copy.state / "processes.json").read_text())
    web = next(entry["pid"] for entry in record if entry["name"] == "web")
    os.kill(web, signal.SIGKILL)
    assert processes.wait_until(lambda: "web runs again." in copy.lines(), seconds=PATIENCE_SECONDS)
    assert processes.wait_until(lambda: health.answers("localhost", copy.port, "/healthz"), seconds=PATIENCE_SECONDS)
    assert run.poll() is None


@pytest.mark.parametrize("port", ["eight thousand", "0", "65536", "-1"])
def test_port_that_is_no_port_is_refused(copy: Copy, port: str) -> None:
    copy.environment["PORT"] = port

    assert copy.start().wait(PATIENCE_SECONDS) == 1
    assert copy.lines() == [f"PORT is '{port}': give a number from 1 to 65535."]


def test_port_in_use_is_refused_in_one_sentence(copy: Copy) -> None:
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, copy.port))
        taken.listen()
        assert copy.start().wait(PATIENCE_SECONDS) == 1

    assert copy.lines()[-1] == (
        f"Port {copy.port} is in use: choose another with PORT=, for example PORT={copy.port + 1}."
    )
    assert not copy.ready.exists()


def test_command_of_django_is_the_same_and_ignores_a_former_run_s_addresses(copy: Copy) -> None:
    """The settings have merged the former file by then, so DATABASE_URL in os.environ is not the person's word."""
    copy.state.joinpath("environment").write_text("DATABASE_URL=postgres://gone@localhost:1/gone\n")
    with subprocess.Popen(
        [sys.executable, "manage.py", "demo"], cwd=PROJECT, env=copy.environment, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        steps = [run.stdout.readline() for _ in range(3)]
        run.send_signal(signal.SIGTERM)
        rest = run.stdout.read()

    assert [step[:5] for step in steps] == ["[1/10", "[2/10", "[3/10"]
    assert steps[2].startswith("[3/10] PostgreSQL 18."), steps
    assert (run.returncode, rest.splitlines()[-1]) == (0, "Stopping."), rest
