"""Reading accounts from their venues: by need, in small batches, within the venue's budget."""

from celery import shared_task
from django.utils import timezone

from tenants.scope import every_operator, operator_scope
from trading.connect import account_adapter, configured_venues
from trading.live import board, keys, presence
from trading.live.shapes import announce
from trading.margin.types import AccountMode
from trading.models import Command, VenueAccount
from trading.models.commands import OPEN_STATES
from trading.services import schedule, sync
from trading.services.risk import nearest_liquidations, open_positions
from trading.tasks.turns import OperatorTask, alone, is_first_within
from trading.venues.base import Network, Venue

TURN_SECONDS = 2
BATCH = 4
BATCH_EXPIRES_SECONDS = 4
# Orders and fills cost twenty times as much as positions, so they are read when positions moved, or after this time.
WHOLE_SECONDS = 10


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
