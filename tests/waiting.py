"""Waiting for another connection of the database to wait for this one."""

import time

from django.db import connection


def wait_until_somebody_waits() -> None:
    """Until a statement of another connection waits for what this one holds; for twenty seconds at most."""
    until = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT 1 FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid)) LIMIT 1",
            )
            if cursor.fetchone():
                return
            time.sleep(0.02)
