"""Many rows in one statement, where the ORM would prepare and send value by value.

The rows travel as one JSON text that the server takes apart by the types of the table's own columns. Amounts are texts
on the way, so they stay exact. Row-level security holds as for any other statement.
"""

from collections.abc import Callable, Collection, Mapping
from functools import cache

import msgspec
from django.db import connection, models

from tenants.scope import check_owner

Row = Mapping[str, object]


def upsert(model: type[models.Model], rows: Collection[Row], unique: tuple[str, ...]) -> None:
    """Insert rows, given by their columns' names, or write them over those with the same ``unique`` columns. A row that
    is as it was is not written. Raises ``CrossOperatorWrite`` for a row of another operator than the one in scope."""
    for operator_id in {row["operator_id"] for row in rows}:
        check_owner(operator_id)  # type: ignore[arg-type]  # a column of integers
    _execute(_upsert, model, rows, unique)


def update(model: type[models.Model], rows: Collection[Row]) -> None:
    """Write the columns that rows name, besides their ``id``, over the rows with these ids."""
    _execute(_update, model, rows)


def _execute(statement: Callable[..., str], model: type[models.Model], rows: Collection[Row], *more: object) -> None:
    if rows:
        columns = tuple(next(iter(rows)))
        with connection.cursor() as cursor:
            cursor.execute(statement(model, columns, *more), [msgspec.json.encode(rows).decode()])


@cache
def _upsert(model: type[models.Model], columns: tuple[str, ...], unique: tuple[str, ...]) -> str:
    table, listed = _quoted(model._meta.db_table), ", ".join(map(_quoted, columns))
    changing = [_quoted(name) for name in columns if name not in unique]
    new = [f"EXCLUDED.{name}" for name in changing]
    return (
        f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {_told(model, columns)}"  # noqa: S608  # our own names
        f" ON CONFLICT ({', '.join(map(_quoted, unique))}) DO UPDATE"
        f" SET {', '.join(f'{name} = {value}' for name, value in zip(changing, new, strict=True))}"
        f" WHERE ({', '.join(f'{table}.{name}' for name in changing)}) IS DISTINCT FROM ({', '.join(new)})"
    )


@cache
def _update(model: type[models.Model], columns: tuple[str, ...]) -> str:
    changing = [_quoted(name) for name in columns if name != "id"]
    return (
        f"UPDATE {_quoted(model._meta.db_table)} AS stored"  # noqa: S608  # our own names
        f" SET {', '.join(f'{name} = told.{name}' for name in changing)}"
        f" FROM {_told(model, columns)} WHERE stored.id = told.id"
    )


def _told(model: type[models.Model], columns: tuple[str, ...]) -> str:
    types = {field.column: field.rel_db_type(connection) if field.primary_key else field.db_type(connection)
             for field in model._meta.concrete_fields}  # fmt: skip
    return f"json_to_recordset(%s) AS told ({', '.join(f'{_quoted(name)} {types[name]}' for name in columns)})"


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
