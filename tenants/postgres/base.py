"""Django's PostgreSQL backend, telling each connection which operator it serves.

Row-level security compares ``perpsstudio.operator`` with a row's ``operator_id``. The setting follows the scope
lazily: one extra round trip when the scope changed since the connection's last statement, none otherwise. A
connection that was told nothing sees no owned row at all.
"""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import pq

from tenants.scope import current_scope

SETTING = "perpsstudio.operator"


class DatabaseWrapper(base.DatabaseWrapper):
    """Announces the scope before a cursor is handed out."""

    def create_cursor(self, name: str | None = None) -> Any:
        self._announce_scope()
        return super().create_cursor(name)

    def _announce_scope(self) -> None:
        scope = current_scope()
        value = "" if scope is None else str(scope)
        connection: Any = self.connection
        if getattr(connection, "announced_operator", "") == value:
            return
        if connection.info.transaction_status == pq.TransactionStatus.INERROR:
            return  # only a rollback can follow, and it forgets what was announced
        connection.execute("SELECT set_config(%s, %s, false)", [SETTING, value])
        connection.announced_operator = value

    def _forget_announcement(self) -> None:
        """A rollback also takes back the setting, so the next cursor has to announce again."""
        if self.connection is not None:
            self.connection.announced_operator = None

    def _rollback(self) -> None:
        super()._rollback()  # type: ignore[misc]  # Django's own, unknown to its type stubs
        self._forget_announcement()

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]  # Django's own, unknown to its type stubs
        self._forget_announcement()

    def _close(self) -> None:
        # The pool rolls back what a closed connection left open, and lends the same connection to others.
        if self.connection is not None and self.connection.info.transaction_status != pq.TransactionStatus.IDLE:
            self._forget_announcement()
        super()._close()  # type: ignore[misc]  # Django's own, unknown to its type stubs
