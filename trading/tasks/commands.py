"""Bringing every command to its end: sending what was never sent, proving what is unknown.

These tasks have a queue and workers of their own, so a proof never waits behind a reading. Handing out and proving are
apart: a command that is slow or fails takes up its own turn and nobody else's.
"""

import logging
import threading
import time
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from trading.connect import KeyUnreadable, account_adapter, public_adapter
from trading.live import keys
from trading.live.connections import blocking
from trading.models import Command
from trading.services import claims, reconcile
from trading.services.commands import submit_left_behind
from trading.services.followups import leads_on, next_intent
from trading.services.reconcile import Look
from trading.tasks.followups import follow_up
from trading.tasks.readings import sync_account_now
from trading.tasks.turns import OperatorTask, is_first_within
from trading.venues.base import Venue
from trading.venues.ledger import Priority
from trading.venues.metered import reading

logger = logging.getLogger(__name__)

TURN_SECONDS = 1.0
MOMENT = 0.25  # seconds
BETWEEN = 0.05  # seconds until it is asked again what is due
QUEUE, COMMANDS_AT_ONCE = "settle", 16
# Two turns in one process would only be in each other's way; one begins when the other ends, so that somebody is there
# at every moment.
_turn = threading.Lock()


@shared_task  # type: ignore[untyped-decorator]
def settle_commands() -> int:
    """Hand out every open command when it is due, for the length of a turn; how many were handed out."""
    if not _turn.acquire(timeout=TURN_SECONDS):
        return 0
    try:
        return _hand_out(time.monotonic() + TURN_SECONDS)
    finally:
        _turn.release()


def _hand_out(ends: float) -> int:
    count = 0
    while True:
        # More than the hands can take up at once would only grow old in the queue, and be handed out again.
        room = max(0, COMMANDS_AT_ONCE - blocking().llen(QUEUE))
        for operator_id, command_id in claims.claim(timezone.now(), room):
            settle_command.apply_async(args=[operator_id, str(command_id)], expires=claims.HELD)
            count += 1
        if time.monotonic() + BETWEEN > ends:
            return count
        time.sleep(BETWEEN)


@shared_task(base=OperatorTask)  # type: ignore[untyped-decorator]
def settle_command(operator_id: int, command_id: str) -> None:
    """Send one command that was never sent, or give it up, or look for proof of what became of it; then read its
    account."""
    command = Command.objects.select_related("account", "market").get(pk=UUID(command_id))
    if not claims.hold(command, timezone.now()):
        return
    found = Look()
    try:
        found = _settle(command)
    finally:
        if not found.is_settled:
            wait = claims.pause(command.attempts + 1, earliest=found.earliest, latest=found.latest)
            claims.release(command.pk, timezone.now(), wait, counts=not found.was_held_back)
    if found.is_settled:
        logger.info("Command %s of operator %s is settled.", command_id, operator_id)
        _go_on(command)
        _read_soon(operator_id, command.account_id)


def _go_on(command: Command) -> None:
    if not leads_on(command):
        return
    command.refresh_from_db(fields=["state", "evidence"])
    if next_intent(command) is not None:
        follow_up(command.account)


def _read_soon(operator_id: int, account_id: int) -> None:
    """One reading for all commands of an account that end within a moment: it begins when the moment is over."""
    if is_first_within(keys.commands_ending(operator_id, account_id), MOMENT):
        sync_account_now.apply_async(args=[operator_id, account_id], countdown=MOMENT)


def _settle(command: Command) -> Look:
    """What was signed is sent or given up, and what was sent is asked about: neither needs the account's key."""
    try:
        adapter = account_adapter(command.account)
    except KeyUnreadable:
        # Without a key the venue tells nothing, and the command ends as one that nobody may ask about any more.
        adapter = public_adapter(Venue(command.account.venue))
    if command.sent_at is None:
        return Look(submit_left_behind(adapter, command).is_settled)
    # A proof is the end of a command: it may use what is kept back for commands.
    with reading(Priority.COMMAND):
        return reconcile.look(adapter, command)
