"""Which operator the running code serves, and models that refuse to forget it.

A scope is entered in three places only: the middleware, the task base class and management commands. Outside a
scope every owned model raises. Row-level security (``tenants.postgres``) repeats the same rule in the database.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self, TypeVar

from django.db import models

# Operator ids start at 1, so 0 is free to mean "every operator" in the database setting as well.
EVERY_OPERATOR = 0

_operator_id: ContextVar[int | None] = ContextVar("operator_id", default=None)


class OutsideScope(RuntimeError):
    """Owned rows were asked for while no operator's scope was entered."""


class CrossOperatorWrite(RuntimeError):
    """A row of one operator was about to be written in the scope of another."""


def current_scope() -> int | None:
    """The operator id in force, ``EVERY_OPERATOR``, or None outside any scope."""
    return _operator_id.get()


def required_scope() -> int:
    """The scope in force. Raises ``OutsideScope`` where there is none."""
    scope = _operator_id.get()
    if scope is None:
        raise OutsideScope("Enter operator_scope() before touching rows that belong to an operator.")
    return scope


@contextmanager
def operator_scope(operator_id: int) -> Iterator[None]:
    """Serve one operator until the block ends, whatever way it ends."""
    if operator_id <= EVERY_OPERATOR:
        raise ValueError("An operator id is a positive number.")
    token = _operator_id.set(operator_id)
    try:
        yield
    finally:
        _operator_id.reset(token)


@contextmanager
def every_operator() -> Iterator[None]:
    """Read across operators: for schedulers, whose budget at a venue is shared by all of them."""
    token = _operator_id.set(EVERY_OPERATOR)
    try:
        yield
    finally:
        _operator_id.reset(token)


def check_owner(operator_id: int | None) -> None:
    """Raise ``CrossOperatorWrite`` unless the scope in force may write a row of this operator."""
    scope = required_scope()
    if scope not in (EVERY_OPERATOR, operator_id):
        raise CrossOperatorWrite(f"Scope of operator {scope} may not write a row of operator {operator_id}.")


Row = TypeVar("Row", bound=models.Model)


class OwnedQuerySet(models.QuerySet[Row]):
    """Guards the writes that bypass ``save``."""

    def bulk_create(self, objs: Iterable[Row], *args: Any, **kwargs: Any) -> list[Row]:
        rows = list(objs)
        for row in rows:
            adopt(row)
        return super().bulk_create(rows, *args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        if "operator" in kwargs or "operator_id" in kwargs:
            raise CrossOperatorWrite("A row never changes its operator.")
        return super().update(**kwargs)


class OwnedManager(models.Manager.from_queryset(OwnedQuerySet)):  # type: ignore[misc]
    """Sees the rows of the operator in scope, and raises outside a scope."""

    def get_queryset(self) -> OwnedQuerySet[Any]:
        rows: OwnedQuerySet[Any] = super().get_queryset()
        scope = required_scope()
        return rows if scope == EVERY_OPERATOR else rows.filter(operator_id=scope)


class OperatorOwned(models.Model):
    """A row that belongs to exactly one operator, for good."""

    operator = models.ForeignKey("tenants.Operator", on_delete=models.CASCADE, related_name="+")

    # Django's own machinery (relations, validation, serialisers) needs a manager that does not raise.
    unscoped = models.Manager[Self]()
    objects = OwnedManager()

    class Meta:
        abstract = True
        base_manager_name = "unscoped"
        default_manager_name = "unscoped"

    def save(self, *args: Any, **kwargs: Any) -> None:
        adopt(self)
        super().save(*args, **kwargs)


def adopt(row: models.Model) -> None:
    """Give a new row the operator in scope; refuse a row of any other operator."""
    if getattr(row, "operator_id", None) is None and required_scope() != EVERY_OPERATOR:
        row.operator_id = required_scope()  # type: ignore[attr-defined]
    check_owner(row.operator_id)  # type: ignore[attr-defined]
