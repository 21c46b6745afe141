"""A cluster with all tables, made at installation: the first start copies it instead of making its own.

``python -m perpsstudio.demo.template`` (``make setup``) makes it. No operator's row is in it. Where it is missing, or
was made of other migrations, the first start makes its cluster and tables itself.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from perpsstudio.demo import programs
from perpsstudio.embedded import ports, postgres, processes
from perpsstudio.embedded.errors import StartError
from perpsstudio.embedded.postgres import Postgres

FOLDER = programs.PROJECT / ".venv" / "cluster"
MADE_OF = "perpsstudio.made_of"
START_SECONDS = 60.0
# What decides which tables there are, and how their cluster is made; the requirements pin Django, whose tables are
# among them, and PostgreSQL.
SOURCES = (
    "requirements.txt",
    "perpsstudio/settings.py",
    "perpsstudio/embedded/postgres.py",
    "perpsstudio/demo/template.py",
    "tenants/row_security.py",
    "*/migrations/*.py",
)


def main(kept: Path = FOLDER) -> int:
    """Make the template unless there is a current one. A platform without the embedded server goes without, and so does
    one whose disk refuses it."""
    if current(kept) is not None:
        return 0
    folder = Path(tempfile.mkdtemp(prefix="perpsstudio-"))
    folder.chmod(0o711)  # PostgreSQL's account must pass through
    try:
        make(folder, kept)
    except (StartError, OSError) as reason:
        sys.stderr.write(f"The first start will take longer: {reason}\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def current(folder: Path = FOLDER) -> Path | None:
    """The template; None where there is none of these migrations."""
    try:
        made_of = (folder / MADE_OF).read_text()
    except OSError:  # there is none, or it is another account's
        return None
    return folder if made_of == fingerprint() else None


def fingerprint(project: Path = programs.PROJECT) -> str:
    """Of everything that decides which tables there are, and how their cluster is made."""
    digest = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(project.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def make(scratch: Path, folder: Path = FOLDER) -> None:
    """Make a cluster and its tables in a scratch folder, and keep it stopped."""
    log = scratch / "postgres.log"
    settings, made_of = postgres.FLEETING, fingerprint()
    server = postgres.find(scratch, port=ports.choose(), log=log, environment=os.environ, settings=settings)
    try:
        postgres.create(server, may_create_databases=False)
        _migrate(server, scratch)
        fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
        try:
            postgres.keep_as_template(server, fresh)
            (fresh / MADE_OF).write_text(made_of)
            put_in_place(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    finally:
        postgres.remove(server)


def put_in_place(fresh: Path, folder: Path) -> None:
    """Let a template that is complete take its place, unless a parallel run was first: others copy that one by now."""
    if current(folder) is None:
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)


def _migrate(server: Postgres, scratch: Path) -> None:
    child = processes.start(server.program())
    try:
        if not processes.wait_until(lambda: server.is_ready(child), seconds=START_SECONDS):
            raise StartError(f"PostgreSQL did not start: {child.output().strip()}")
        command = [sys.executable, "manage.py", programs.MIGRATE, "--no-input", "--verbosity", "0"]
        environment = os.environ | {"DATABASE_URL": server.url, "STATE": str(scratch), "DEBUG": "true"}
        done = subprocess.run(  # noqa: S603  # our own command
            command, cwd=programs.PROJECT, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise StartError(f"the tables could not be made: {done.stderr.strip()}")
    finally:
        processes.stop_all([child])


if __name__ == "__main__":
    sys.exit(main())
