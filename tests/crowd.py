"""Very many rows at once: copies of one that a factory made, by a single statement, and what PostgreSQL plans to do."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models

EXPLAINED = ("SELECT", "UPDATE", "WITH")
READ = re.compile(r"rows=([\d.]+) loops=|Rows Removed by Filter: (\d+)")


def copy_row(row: models.Model, source: str, **columns: str) -> int:
    """One copy of a stored row for each row of ``source``, such as ``generate_series(1, 100) AS n``; how many.

    ``columns``: those that differ, as expressions over the source. A key that the database does not number has to be
    among them.
    """
    fields = [field for field in row._meta.concrete_fields if not field.generated and field is not row._meta.auto_field]
    listed = [str(field.column) for field in fields]
    chosen = ", ".join(columns.get(name, f'original."{name}"') for name in listed)
    names, table = ", ".join(f'"{name}"' for name in listed), row._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {chosen} FROM {table} AS original, {source}"
            f" WHERE original.{row._meta.pk.column} = %s",
            [row.pk],
        )
        return int(cursor.rowcount)


def analyze() -> None:
    """Let PostgreSQL know how many rows there are, as it does by itself a while after they came."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@contextmanager
def plans(*, analyzed: bool = False) -> Iterator[list[tuple[str, str]]]:
    """The statements that the block sends, each with its plan (with its time as well where ``analyzed``)."""
    found: list[tuple[str, str]] = []

    def explain(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(EXPLAINED) and not many:
            with context["connection"].connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {'(ANALYZE, BUFFERS) ' if analyzed else ''}{sql}", parameters)
                found.append((sql, "\n".join(line for (line,) in cursor.fetchall())))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(explain):
        yield found


def most_read(found: Iterable[tuple[str, str]]) -> float:
    """The most rows that any step of these plans (``analyzed``) has read, those that it left out included."""
    return max(float(kept or left_out) for _, plan in found for kept, left_out in READ.findall(plan))
