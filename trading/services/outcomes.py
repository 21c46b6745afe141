"""How much of what was asked for a venue did, by what it said of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from trading.models import Command
from trading.models.commands import CommandKind, CommandState


def main_evidence(command: Command) -> Mapping[str, Any]:
    """What became of a command's one order, or of the first of several: the one that the others depend on."""
    told: Mapping[str, Any] = command.evidence
    return told["members"][0] if told.get("members") else told


def is_carried_out(command: Command) -> bool:
    """Whether the venue did all that was asked: of an order at market, filled the whole of it."""
    if command.state != CommandState.ACCEPTED or command.kind != CommandKind.ORDER:
        return bool(command.state == CommandState.ACCEPTED)
    told = main_evidence(command)
    filled = filled_of(told)
    if filled is None:
        return told.get("kind") != "cancelled"
    return command.intent["price"] != "market" or filled >= Decimal(command.intent["size"])


def filled_of(told: Mapping[str, Any]) -> Decimal | None:
    """How much of an order was executed: by the venue's answer, or by its status asked for later."""
    amount = told.get("filled") or told.get("size")
    return Decimal(amount) if amount else None
