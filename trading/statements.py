"""Rows that pages read again and again, by statements that are written once.

To turn a queryset into SQL takes several times as long as PostgreSQL takes to answer it. Each statement is confined to
the operator in scope, as the managers are, and row-level security repeats it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection, models

from tenants.scope import EVERY_OPERATOR, required_scope

Row = TypeVar("Row", bound=models.Model)
Reader = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class Statement(Generic[Row]):
    """The rows of one model that meet ``where``, a condition in SQL with places for values, and what follows it.

    ``also`` are further expressions; each row carries them as attributes by their names.
    """

    model: type[Row]
    where: str
    also: dict[str, str] = field(default_factory=dict)

    def rows(self, *values: Any) -> list[Row]:
        """The rows, each as a queryset would give it. Raises ``OutsideScope`` where no operator's scope was entered."""
        scope = required_scope()
        with connection.cursor() as cursor:
            if scope == EVERY_OPERATOR:
                cursor.execute(self._select + self.where, values)
            else:
                cursor.execute(f"{self._select}operator_id = %s AND {self.where}", (scope, *values))
            answers = cursor.fetchall()
        return [self._row(answer) for answer in answers]

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(column.attname for column in self.model._meta.concrete_fields)

    @cached_property
    def _readers(self) -> tuple[tuple[int, Reader], ...]:
        """What some types of column need to be read, such as JSON."""
        columns = enumerate(self.model._meta.concrete_fields)
        return tuple((place, column.from_db_value) for place, column in columns if hasattr(column, "from_db_value"))

    @cached_property
    def _select(self) -> str:
        table = connection.ops.quote_name(self.model._meta.db_table)
        names = [str(column.column) for column in self.model._meta.concrete_fields]
        columns = [f"{table}.{connection.ops.quote_name(name)}" for name in names]
        also = [f"{expression} AS {connection.ops.quote_name(name)}" for name, expression in self.also.items()]
        return f"SELECT {', '.join(columns + also)} FROM {table} WHERE "  # noqa: S608 - names of ours alone

    def _row(self, answer: tuple[Any, ...]) -> Row:
        values = list(answer)
        for place, read in self._readers:
            values[place] = read(values[place], None, connection)
        row = self.model.from_db(connection.alias, self._names, values[: len(self._names)])
        for name, value in zip(self.also, values[len(self._names) :], strict=True):
            setattr(row, name, value)
        return row
