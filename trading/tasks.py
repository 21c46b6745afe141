"""Background work as doormen: ids in, scope on, one call to a service, a word to the pages.

Every task may run twice or not at all: what it writes is the venue's newest word, its periodic turns exclude each
other, and a turn that comes too late expires. Locks are in Redis and expire by themselves, because a worker may die
with one; what they guard is safe without them (an older snapshot never overwrites, a used nonce is refused), so a lock
that expires early costs a request and never a wrong number.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import Task, shared_task
from django.utils import timezone
from redis.exceptions import LockError

from tenants.scope import every_operator, operator_scope
from trading.connect import account_adapter, configured_venues, public_adapter
from trading.desk import state_of
from trading.live import board, keys, presence
from trading.live.connections import blocking
from trading.live.shapes import announce
from trading.margin.types import AccountMode
from trading.models import Command, Market, VenueAccount
from trading.models.commands import OPEN_STATES
from trading.services import reconcile, schedule, sync
from trading.services.commands import submit
from trading.services.risk import nearest_liquidations, open_positions
from trading.venues.base import Network, Venue
from trading.venues.errors import VenueError

logger = logging.getLogger(__name__)

TURN_SECONDS = 2
BATCH = 4
BATCH_EXPIRES_SECONDS = 4
COMMANDS_AT_ONCE = 20
# Longer than the slowest reading of one account, or the slowest proof of one command.
LOCK_SECONDS = 60
# While the stream is alive its board is younger than this, and the market sync leaves the board alone.
STREAM_IS_LATE = timedelta(seconds=2)
# Orders and fills cost twenty times as much as positions, so they are read when positions moved, or after this time.
WHOLE_SECONDS = 10
MARKETS_SECONDS = 30


class OperatorTask(Task):  # type: ignore[misc]
    """A task of one operator, whose id is its first argument: the body runs in that operator's scope."""

    abstract = True

    def __call__(self, operator_id: int, *arguments: Any) -> Any:
        """Enter the scope, and leave it whatever happens."""
        with operator_scope(operator_id):
            return super().__call__(operator_id, *arguments)


@contextmanager
def alone(key: str, seconds: float = LOCK_SECONDS) -> Iterator[bool]:
    """Whether the block runs alone under this key; where another holds it, the block is to do nothing."""
    lock = blocking().lock(key, timeout=seconds, thread_local=False)
    is_mine = lock.acquire(blocking=False)
    try:
        yield is_mine
    finally:
        if is_mine:
            try:
                lock.release()
            except LockError:
                logger.warning("%s took longer than its lock.", key)


def is_first_within(key: str, seconds: float) -> bool:
    """Whether this is the first call with the key for so many seconds, over all processes."""
    return bool(blocking().set(key, 1, px=int(seconds * 1000), nx=True))


@shared_task  # type: ignore[untyped-decorator]
def sync_markets() -> None:
    """Store every market's rules and state, and keep the board alive where no stream does."""
    with alone(keys.task_lock("sync_markets")) as is_mine:
        if is_mine:
            for venue, network in configured_venues():
                _sync_venue(venue, network)


def _sync_venue(venue: Venue, network: Network) -> None:
    as_of = board.read(venue, network).as_of
    is_streaming = as_of is not None and timezone.now() - as_of < STREAM_IS_LATE
    if is_streaming and not is_first_within(keys.markets_read(venue, network), MARKETS_SECONDS):
        return
    try:
        sync.sync_markets(public_adapter(venue))
    except VenueError as error:
        logger.warning("The markets of %s %s could not be read: %s", venue, network, error)
        return
    if not is_streaming:
        _publish_board(venue, network)


def _publish_board(venue: Venue, network: Network) -> None:
    rows = list(Market.objects.filter(venue=venue, network=network))
    received_at = max((row.received_at for row in rows if row.received_at is not None), default=None)
    if received_at is not None:
        states = [state for row in rows if (state := state_of(row, board.NOTHING_KNOWN)) is not None]
        lagging = {row.name: row.received_at for row in rows if row.received_at not in (None, received_at)}
        board.publish(venue, network, states, received_at, lagging)


@shared_task  # type: ignore[untyped-decorator]
def sync_due_accounts() -> int:
    """Choose whose turn it is within the venue's budget, and hand out the work in small batches; how many accounts."""
    with alone(keys.task_lock("sync_due_accounts")) as is_mine:
        if not is_mine:
            return 0
        chosen = [account for venue, network in configured_venues() for account in _due(venue, network)]
    for start in range(0, len(chosen), BATCH):
        batch = [(account.operator_id, account.account_id) for account in chosen[start : start + BATCH]]
        sync_accounts.apply_async(args=[batch], expires=BATCH_EXPIRES_SECONDS)
    return len(chosen)


def _due(venue: Venue, network: Network) -> list[schedule.Candidate]:
    looked_at = presence.looked_at_accounts()
    with every_operator():
        accounts = VenueAccount.objects.filter(venue=venue, network=network).values_list(
            "operator_id", "pk", "mode", "attempted_at"
        )
        distances = nearest_liquidations(open_positions(venue, network), board.read(venue, network).marks)
        open_states = OPEN_STATES
        unsettled = set(Command.objects.filter(state__in=open_states).values_list("account_id", flat=True))
        candidates = [
            schedule.Candidate(
                operator_id,
                account_id,
                AccountMode(mode),
                attempted_at,
                (operator_id, account_id) in looked_at,
                account_id in unsettled,
                distances.get(account_id),
            )
            for operator_id, account_id, mode, attempted_at in accounts
        ]
    return schedule.choose(candidates, timezone.now(), schedule.turn_weight(TURN_SECONDS))


@shared_task  # type: ignore[untyped-decorator]
def sync_accounts(accounts: list[tuple[int, int]]) -> None:
    """Read a batch of accounts, each in its own operator's scope."""
    for operator_id, account_id in accounts:
        with operator_scope(operator_id):
            _sync(operator_id, account_id, is_urgent=False)


@shared_task(base=OperatorTask)  # type: ignore[untyped-decorator]
def sync_account_now(operator_id: int, account_id: int) -> None:
    """Read one account whole, because something has just happened to it."""
    _sync(operator_id, account_id, is_urgent=True)


def _sync(operator_id: int, account_id: int, *, is_urgent: bool) -> None:
    """Read an account unless somebody else does, and tell its pages what changed."""
    with alone(keys.account_lock(operator_id, account_id)) as is_mine:
        account = VenueAccount.objects.filter(pk=account_id).first() if is_mine else None
        if account is None:
            return
        adapter = account_adapter(account)
        if is_urgent or is_first_within(keys.whole_read(operator_id, account_id), WHOLE_SECONDS):
            sync.sync_account(adapter, account)
            announce(operator_id, account_id)
            return
        VenueAccount.objects.filter(pk=account_id).update(attempted_at=timezone.now())
        sync.sync_positions(adapter, account)
        if announce(operator_id, account_id):
            sync.sync_account(adapter, account)
            announce(operator_id, account_id)


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
