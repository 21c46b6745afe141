"""Models that belong to one operator and refuse to forget it."""

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import models

from tenants.scope import EVERY_OPERATOR, CrossOperatorWrite, check_owner, required_scope

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
    unscoped = models.Manager()
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
