"""Calling a worker at once where a command's outcome is open, instead of waiting for the next beat."""

import logging

from celery import current_app
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from trading.models import Command

logger = logging.getLogger(__name__)

TASK = "trading.tasks.commands.settle_commands"
EXPIRES_SECONDS = 5


def settle_soon(command: Command) -> None:
    """Make the command due and ask for a proof of it. Without a broker the next beat comes to it all the same."""
    Command.objects.filter(pk=command.pk).update(next_at=timezone.now())
    try:
        current_app.send_task(TASK, expires=EXPIRES_SECONDS, retry=False)
    except (OperationalError, RedisError) as error:
        logger.warning("Nobody could be called to settle command %s: %s", command.pk, error)
