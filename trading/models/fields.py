"""Column types of money and choice."""

from enum import StrEnum
from typing import Any

from django.db import models


def money(**options: Any) -> "models.DecimalField[Any, Any]":
    """An exact amount, price or size: 12 decimals are more than any venue prints."""
    return models.DecimalField(max_digits=36, decimal_places=12, **options)


def choice(kind: type[StrEnum], **options: Any) -> "models.CharField[Any, Any]":
    """A column that holds one value of an enumeration."""
    return models.CharField(max_length=16, choices=[(member.value, member.value.title()) for member in kind], **options)
