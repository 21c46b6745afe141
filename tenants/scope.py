"""Which operator the running code serves.

A scope is entered in three places only: the middleware, the task base class and management commands. Outside a scope
every owned model raises (``tenants.owned``), and row-level security (``tenants.postgres``) repeats the rule in the
database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

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
