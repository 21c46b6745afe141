"""Having an open command taken up at once: by the turn that is under way, or by a worker that is called."""

import logging
from collections.abc import Iterable

from celery import current_app
from django.utils import timezone
from kombu.exceptions import OperationalError
from kombu.pools import producers
from redis.exceptions import RedisError

from trading.live import connections
from trading.models import Command
from trading.services.claims import is_in_hand

logger = logging.getLogger(__name__)

TASK = "trading.tasks.commands.settle_now"
# By then a turn has come to it without being called.
EXPIRES_SECONDS = 1.0


def settle_soon(command: Command) -> None:
    """Have a command taken up at once; where the call is lost, the next turn does so all the same. Whoever has it in
    hand looks again by himself."""
    if is_in_hand(command.pk):
        return
    make_due([command])
    try:
        _call_a_worker()
    except (OperationalError, RedisError) as error:
        logger.warning("Nobody could be called to settle command %s: %s", command.pk, error)


def make_due(commands: Iterable[Command]) -> None:
    """Let whoever takes commands up find these, without calling anybody: a silent broker holds nobody up."""
    Command.objects.filter(pk__in=[command.pk for command in commands]).update(next_at=timezone.now())


def _call_a_worker() -> None:
    """By connections of their own, which give a silent broker up: those of the workers listen for as long as it takes.

    Raises ``OperationalError`` and ``RedisError``.
    """
    seconds = connections.BLOCKING_SECONDS
    hurried = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
    broker = current_app.connection_for_write(connect_timeout=seconds, transport_options=hurried)
    with producers[broker].acquire(block=True) as producer:
        current_app.send_task(TASK, expires=EXPIRES_SECONDS, retry=False, producer=producer)
