"""Reading the accounts whose turn it is, each by one worker at a time."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from celery import shared_task
from django.conf import settings

from trading.connect import KeyUnreadable, account_adapter
from trading.live import addresses, handing, keys, weather
from trading.live.shapes import announce, announce_all
from trading.models import VenueAccount
from trading.services import executions, looks, schedule, sync
from trading.services.fees import keep_fees_current
from trading.services.looks import Came
from trading.services.readings import weights_of
from trading.tasks.turns import Leases, OperatorTask, is_first_within, leases
from trading.venues.base import Adapter, Network, Venue
from trading.venues.ledger import Priority
from trading.venues.metered import reading
from trading.venues.weather import Sky

logger = logging.getLogger(__name__)

# A reading that no worker has begun by then is left to the next turns.
EXPIRES_SECONDS = 4
# Whom no worker has taken up by then is handed out anew.
QUEUED_SECONDS = EXPIRES_SECONDS + 1.0
# Whom somebody else reads is left to him for so long: he may fail.
BUSY_SECONDS = 2.0
# As much of an account as a look takes.
LOOKED_AT = ("operator", "venue", "network", "address", "agent_key", "mode", "synced_at")


@dataclass(frozen=True, slots=True)
class Hand:
    """Accounts that this worker alone has in its hands, by id. ``rests``: one that fails is left alone for a while."""

    accounts: dict[int, VenueAccount]
    held: Leases
    rests: bool

    def put_down(self, came: Mapping[int, Came]) -> None:
        """Keep what came of these accounts for the next turns, and let others have them.

        An account that fails rests, the longer the more often. Where the venue is down or our limit there is used up,
        that is not its fault; while it is down, others may ask in its place at once.
        """
        done = [(self.accounts.pop(account_id), what) for account_id, what in came.items()]
        for account, what in done:
            venue, network = Venue(account.venue), Network(account.network)
            if what.is_read:
                handing.give_back(venue, network, account.pk)
            elif not self.rests or weather.read(venue, network).sky is Sky.DOWN:
                handing.put_back(venue, network, account.pk)
            else:
                count = handing.failures(venue, network, account.pk) + (what is Came.FAILED)
                handing.let_rest(venue, network, account.pk, count, schedule.rest_after(max(1, count)))
        self.held.release(_lease(account) for account, _ in done)


@contextmanager
def _in_hand(
    operator_id: int, account_ids: Collection[int], columns: Sequence[str] = (), *, rests: bool = True
) -> Iterator[Hand]:
    """Those of these accounts that nobody else reads now, with all or some of their columns; of those that are not put
    down, nothing came."""
    with leases(keys.account_lock(operator_id, account_id) for account_id in account_ids) as held:
        rows = VenueAccount.objects.only(*columns) if columns else VenueAccount.objects.all()
        free: dict[int, VenueAccount] = {}
        busy: dict[int, VenueAccount] = {}
        for pk, account in rows.in_bulk(list(account_ids)).items():
            (free if _lease(account) in held else busy)[pk] = account
        _hand_out(free.values(), handing.HANDED_SECONDS)
        _hand_out(busy.values(), BUSY_SECONDS)
        hand = Hand(free, held, rests)
        try:
            yield hand
        finally:
            hand.put_down(dict.fromkeys(hand.accounts, Came.FAILED))


def _hand_out(accounts: Collection[VenueAccount], seconds: float) -> None:
    """Leave accounts of one venue and network to those who have them for so long."""
    if accounts:
        first = next(iter(accounts))
        ids = [account.pk for account in accounts]
        handing.hand_out(Venue(first.venue), Network(first.network), ids, seconds)


def _lease(account: VenueAccount) -> str:
    return keys.account_lock(account.operator_id, account.pk)


@shared_task(base=OperatorTask)  # type: ignore[untyped-decorator]
def look_at_accounts(operator_id: int, account_ids: list[int]) -> None:
    """Read money and positions of accounts of one venue because it is their turn, all at once.

    Whoever was never read is read whole by a task of his own, which expires, fails and is lost alone.
    """
    addresses.mark()
    with reading(Priority.ROUTINE), _in_hand(operator_id, account_ids, LOOKED_AT) as hand:
        new = [account for account in hand.accounts.values() if account.synced_at is None]
        hand.held.release(_lease(account) for account in new)
        _hand_out(new, QUEUED_SECONDS)
        for account in new:
            del hand.accounts[account.pk]
            read_soon(operator_id, account.pk, 0.0)
        _look(operator_id, hand)


@shared_task(base=OperatorTask)  # type: ignore[untyped-decorator]
def sync_account_in_turn(operator_id: int, account_id: int, whole_every: float = schedule.WHOLE_OFTEN) -> None:
    """Read one account because it is its turn: all of it where that was not done for ``whole_every`` seconds, else
    money and positions."""
    addresses.mark()
    with reading(Priority.ROUTINE), _in_hand(operator_id, [account_id]) as hand:
        for account in [*hand.accounts.values()]:
            if _is_whole(account, whole_every):
                hand.put_down({account_id: _read_whole(account)})
            else:
                _look(operator_id, hand)


@shared_task(base=OperatorTask)  # type: ignore[untyped-decorator]
def sync_account_now(operator_id: int, account_id: int) -> None:
    """Read one account whole, because something has just happened to it; where that fails, in one of the next turns."""
    with _in_hand(operator_id, [account_id], rests=False) as hand:
        for account in [*hand.accounts.values()]:
            hand.put_down({account_id: _read_whole(account)})


def _is_whole(account: VenueAccount, every: float) -> bool:
    """Whether all of it is to be read: where it was not for so long, and always where ``every`` is 0."""
    return not every or is_first_within(keys.whole_read(account.operator_id, account.pk), every)


def read_soon(operator_id: int, account_id: int, whole_every: float, queue: str = "") -> None:
    """Have one account read by a worker of an address of ours, of this process's where no ``queue`` is named."""
    sync_account_in_turn.apply_async(
        args=[operator_id, account_id, whole_every],
        expires=EXPIRES_SECONDS,
        queue=queue or addresses.queue(settings.EGRESS),
    )


def _look(operator_id: int, hand: Hand) -> None:
    """Read money and positions of all accounts in hand and tell their pages. Whose positions moved is read whole."""
    accounts = dict(hand.accounts)
    for came in looks.look_at(list(_with_adapters(accounts.values()))):
        announce_all(operator_id, came)
        hand.put_down(came)
        for account_id, what in came.items():
            if what is Came.MOVED:
                _explain(accounts[account_id])


def _with_adapters(accounts: Iterable[VenueAccount]) -> Iterator[tuple[Adapter, VenueAccount]]:
    for account in accounts:
        try:
            yield account_adapter(account), account
        except KeyUnreadable as problem:
            logger.warning("Account %s cannot be read: %s", account.pk, problem)


def _explain(account: VenueAccount) -> None:
    """Have read now, where there is room, what happened to an account that fell behind; else, or where that is lost, it
    is read when there is."""
    venue, network = Venue(account.venue), Network(account.network)
    if executions.have_room(venue, network, weights_of(venue).explaining, Priority.URGENT):
        _hand_out([account], QUEUED_SECONDS)
        read_soon(account.operator_id, account.pk, 0.0)


def _read_whole(account: VenueAccount) -> Came:
    """Read all of an account and tell its pages what changed."""
    adapter = account_adapter(account)
    is_read = sync.sync_account(adapter, account)
    announce(account.operator_id, account.pk)
    if is_read:
        keep_fees_current(adapter, account)
        return Came.READ
    return Came.FAILED if _problem(account) else Came.NOTHING


def _problem(account: VenueAccount) -> str:
    """Why the venue did not answer; nothing where it was not even asked."""
    return VenueAccount.objects.filter(pk=account.pk).values_list("sync_problem", flat=True).first() or ""
