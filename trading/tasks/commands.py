"""Bringing every command to its end: sending what was never sent, proving what is unknown."""

import logging
from typing import Any
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from tenants.scope import every_operator, operator_scope
from trading.connect import account_adapter
from trading.live import keys
from trading.models import Command
from trading.models.commands import OPEN_STATES
from trading.services import reconcile, schedule
from trading.services.commands import submit
from trading.tasks.accounts import sync_account_now
from trading.tasks.turns import alone

logger = logging.getLogger(__name__)

COMMANDS_AT_ONCE = 20


@shared_task  # type: ignore[untyped-decorator]
def settle_commands() -> int:
    """Send what was written down and never sent, prove what is unknown, oldest first; how many are settled."""
    with alone(keys.task_lock("settle_commands")) as is_mine:
        if not is_mine:
            return 0
        return sum(_settle_alone(operator_id, command_id) for operator_id, command_id in _open_commands())


def _open_commands() -> list[tuple[int, UUID]]:
    now = timezone.now()
    with every_operator():
        rows = Command.objects.filter(state__in=OPEN_STATES).order_by("prepared_at")
        fields = rows.values_list("operator_id", "pk", "prepared_at", "sent_at", "attempts", "message")
        return [
            (operator_id, command_id)
            for operator_id, command_id, prepared_at, sent_at, attempts, message in fields
            if _is_due(schedule.OpenCommand(prepared_at, sent_at, attempts, bool(message)), now)
        ][:COMMANDS_AT_ONCE]


def _is_due(command: schedule.OpenCommand, now: Any) -> bool:
    return schedule.is_abandoned(command, now) or schedule.is_proof_due(command, now)


def _settle_alone(operator_id: int, command_id: UUID) -> bool:
    with operator_scope(operator_id), alone(keys.command_lock(operator_id, command_id)) as is_mine:
        command = Command.objects.filter(pk=command_id).select_related("account", "market").first()
        if not is_mine or command is None or command.is_settled:
            return False
        is_settled = _settle(command)
    if is_settled:
        logger.info("Command %s of operator %s is settled.", command_id, operator_id)
        sync_account_now.delay(operator_id, command.account_id)
    return is_settled


def _settle(command: Command) -> bool:
    """What was signed is sent, and what was sent is asked about: neither needs the account's key."""
    adapter = account_adapter(command.account)
    if command.sent_at is None:
        return submit(adapter, command).is_settled
    return reconcile.prove(adapter, command)
