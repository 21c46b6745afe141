"""Calling a worker at once where a command's outcome is open, instead of waiting for the next beat."""

import logging
from datetime import timedelta

from celery import current_app
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from trading.models import Command
from trading.services.claims import HELD

logger = logging.getLogger(__name__)

# Who was called should have come by then.
CALLED = timedelta(seconds=0.3)
TASK = "trading.tasks.commands.settle_command"


def settle_soon(command: Command) -> None:
    """Ask for a proof at once; where that call is lost, the command is due a moment later all the same."""
    Command.objects.filter(pk=command.pk).update(next_at=timezone.now() + CALLED)
    try:
        current_app.send_task(TASK, args=[command.operator_id, str(command.pk)], expires=HELD, retry=False)
    except (OperationalError, RedisError) as error:
        logger.warning("Nobody could be called to settle command %s: %s", command.pk, error)
