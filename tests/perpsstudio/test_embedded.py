"""``python -m perpsstudio.embedded -- COMMAND``."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from perpsstudio.embedded import processes
from tests.endings import is_gone
from tests.perpsstudio.servers import PATIENCE_SECONDS

RUNNER = [sys.executable, "-m", "perpsstudio.embedded"]
BARE = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL", "STATE"}}
LOOK_AROUND = """
import os, psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    print(connection.execute("SELECT rolcreatedb, rolsuper FROM pg_roles WHERE rolname = current_user").fetchone())
print(redis.Redis.from_url(os.environ["REDIS_URL"]).ping())
print(os.environ["STATE"])
raise SystemExit(7)
"""


def test_command_finds_both_servers_and_nothing_is_left() -> None:
    done = subprocess.run(
        [*RUNNER, "--", sys.executable, "-c", LOOK_AROUND], env=BARE, capture_output=True, text=True, check=False
    )

    role, ping, folder = done.stdout.splitlines()
    assert (done.returncode, role, ping) == (7, "(True, False)", "True"), done.stderr
    assert not Path(folder).exists()


def test_given_servers_are_left_alone() -> None:
    given = BARE | {"DATABASE_URL": "postgres://mine", "REDIS_URL": "redis://mine"}
    command = [*RUNNER, "--", "sh", "-c", 'echo "$DATABASE_URL $REDIS_URL"']

    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)

    assert done.stdout == "postgres://mine redis://mine\n"


def test_no_command_is_a_usage_error() -> None:
    done = subprocess.run(RUNNER, env=BARE, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (
        2,
        "usage: python -m perpsstudio.embedded -- COMMAND [ARGUMENT ...]\n",
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_command_dies_with_a_killed_runner() -> None:
    command = [*RUNNER, "--", "sh", "-c", "echo $STATE; exec sleep 3600"]
    with subprocess.Popen(command, env=BARE, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        folder = Path(runner.stdout.readline().strip())
        family = psutil.Process(runner.pid).children(recursive=True)
        runner.kill()

    assert processes.wait_until(lambda: all(map(is_gone, family)), seconds=PATIENCE_SECONDS)
    shutil.rmtree(folder)


def test_termination_stops_command_and_servers() -> None:
    command = [*RUNNER, "--", "sh", "-c", "echo $STATE; exec sleep 60"]
    with subprocess.Popen(command, env=BARE, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        folder = Path(runner.stdout.readline().strip())
        family = psutil.Process(runner.pid).children(recursive=True)
        runner.send_signal(signal.SIGTERM)

    assert runner.returncode == 130
    assert len(family) >= 3
    assert processes.wait_until(lambda: all(map(is_gone, family)), seconds=PATIENCE_SECONDS)
    assert not folder.exists()
