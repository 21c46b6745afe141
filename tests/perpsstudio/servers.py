"""Starting the embedded PostgreSQL the way the product does, for its tests."""

import os
import pwd
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from perpsstudio.embedded import ports, postgres, processes
from perpsstudio.embedded.postgres import Postgres
from perpsstudio.embedded.processes import Child

# An account that PostgreSQL can look up, as it must.
ORDINARY_UID = pwd.getpwnam("nobody").pw_uid
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")

# Outlasts a machine that has much else to do.
PATIENCE_SECONDS = 60.0
PASSED = 0
FAILED = 1


def find(state: Path) -> Postgres:
    """The server of this folder."""
    return postgres.find(state, port=ports.choose(), log=state / "postgres.log", environment=os.environ)


def start(server: Postgres, children: list[Child]) -> str:
    """Make the cluster if need be, start it, and return its URL."""
    postgres.create(server, may_create_databases=False)
    child = processes.start(server.program())
    children.append(child)
    assert processes.wait_until(lambda: server.is_ready(child), seconds=PATIENCE_SECONDS), child.output()
    return server.url


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    """What one statement answers."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def fork(uid: int, work: Callable[[], None]) -> int:
    """Do the work in a process of another account, and return its id.

    A fork and not a new interpreter: the interpreter may lie where that account cannot reach.
    """
    pid = os.fork()
    if pid == 0:
        code = FAILED
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            work()
            code = PASSED
        finally:
            os._exit(code)
    return pid


def passes(pid: int) -> bool:
    """Whether the work of a fork ended without an exception."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == PASSED
