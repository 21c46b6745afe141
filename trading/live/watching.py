"""The accounts whose private streams are followed: the ones that are looked at, as many as the venue allows, and in the
room that is left those that are near a liquidation though nobody looks at them.

Of those who look, whoever is near a liquidation comes first, then whoever looked first; of the others the nearest. To
keep a stream costs less than to be told as often by readings (Aster 2.4: weight 1 against 11). What a stream tells
is written to the rows at once and announced to the pages. While it does, the account counts as read, so that nobody
spends the venue's budget on asking for what is told anyway; when the stream falls silent, readings come back by
themselves.

Where a venue tells accounts to anybody, one stream of an address serves all operators. Elsewhere each account has a
stream of its own under its own trading key, for nothing but that key says whose figures they are: a typed address does
not. With the key the stream ends.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from decimal import Decimal

from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.utils import timezone
from redis.exceptions import LockError, RedisError

from tenants.scope import every_operator, operator_scope
from trading.connect import KeyUnreadable, account_adapter, stream_of
from trading.live import keys, near, presence
from trading.live.connections import blocking
from trading.live.followed import Account, Candidate, Followed, Outcome, choose
from trading.live.publish import account_changed
from trading.live.shapes import announce
from trading.live.told import Told
from trading.margin.types import AccountMode
from trading.models import Position, VenueAccount
from trading.services import executions, streamed
from trading.services.available import note_setting_moved
from trading.services.readings import accounts_in_use
from trading.services.risk import FAR, distance
from trading.venues.base import Adapter
from trading.venues.errors import VenueError
from trading.venues.ledger import Priority
from trading.venues.metered import reading
from trading.venues.streaming import Disconnected, Frame, GapFrame, PrivateFrame, Unreadable, Watch

logger = logging.getLogger(__name__)

CHOOSE_SECONDS = 1.0
TURN_SECONDS = 0.05
WRITERS = 4
# What a process that was killed held is free by then. A reading may take longer: what the lock guards is safe without.
LOCK_SECONDS = 15.0


class Watching:
    """Everything one stream tells of accounts, on its way to their rows."""

    def __init__(self, adapter: Adapter, most: int) -> None:
        self._venue, self._network = adapter.venue, adapter.network
        self._most = most
        self._since: dict[Account, float] = {}
        self._followed: dict[Account, Followed] = {}
        self._left: set[Account] = set()
        self.watches: tuple[Watch, ...] = ()

    def listen(self, frame: Frame, now: datetime) -> None:
        """Take in one frame; frames that concern markets alone change nothing."""
        match frame:
            case Disconnected(cause) | Unreadable(cause):
                for one in self._followed.values():
                    one.take_in(GapFrame(cause, one.stream), now)
            case _ if isinstance(frame, PrivateFrame | GapFrame):
                for one in self._followed.values():
                    if one.stream == frame.account:
                        one.take_in(frame, now)

    async def choose(self) -> None:
        """Look who looks, once a second, and choose whom to follow."""
        while True:
            try:
                self._follow(await asyncio.to_thread(self._choose))
                await asyncio.to_thread(self._leave_to_workers)
            except (RedisError, DatabaseError) as error:
                logger.warning("Who is looked at at %s cannot be told: %s", self._venue, error)
            await asyncio.sleep(CHOOSE_SECONDS)

    def _choose(self) -> dict[Account, VenueAccount]:
        """The accounts to follow, with their rows; a public stream may be several operators' account."""
        looked_at = presence.looked_at_accounts()
        followed = tuple(self._followed.items())
        # Whom nobody looks at and who is not near any more stays until all that he was told is written.
        told = {account: 0.0 for account, one in followed if not one.is_settled and account not in looked_at}
        told |= near.read(self._venue, self._network)
        try:
            with every_operator():
                rows = _rows_of(looked_at | told.keys(), self._venue, self._network)
                distances = _nearest(rows) | {account[1]: Decimal(away) for account, away in told.items()}
                self._count_as_read()
        finally:
            connection.close()
        now = time.monotonic()
        self._since = {account: self._since.get(account, now) for account in rows if account in looked_at}
        streams = {account: stream for account, row in rows.items() if (stream := stream_of(row))}
        candidates = (
            Candidate(
                account, stream, distances.get(account[1], FAR), self._since.get(account), account in self._followed
            )
            for account, stream in streams.items()
        )
        order = {stream: place for place, stream in enumerate(choose(candidates, self._most))}
        kept = [account for account, stream in streams.items() if stream in order]
        return {account: rows[account] for account in sorted(kept, key=lambda one: order[streams[one]])}

    def _count_as_read(self) -> None:
        """Whose row a worker writes just now counts the next time, so that neither ever waits for the other."""
        told = [account_id for (_, account_id), one in tuple(self._followed.items()) if one.is_current]
        if told:
            now = timezone.now()
            with transaction.atomic():
                rows = VenueAccount.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=told)
                free = list(rows.values_list("pk", flat=True))
                VenueAccount.objects.filter(pk__in=free).update(attempted_at=now, confirmed_at=now)

    def _leave_to_workers(self) -> None:
        """Have the executions read of whoever lost his stream in the middle of his news: nobody tells them any more."""
        left = tuple(self._left)
        if not left:
            return
        try:
            with every_operator():
                for row in _rows_of(left, self._venue, self._network).values():
                    executions.fall_behind(row)
        finally:
            connection.close()
        self._left.difference_update(left)

    def _follow(self, chosen: Mapping[Account, VenueAccount]) -> None:
        for account in self._followed.keys() - chosen.keys():
            if not self._followed.pop(account).is_settled:
                self._left.add(account)
        watches: dict[str, Watch] = {}
        for account, row in chosen.items():
            one = self._followed.get(account)
            if one is None or one.stream != stream_of(row):
                self._followed.pop(account, None)
                try:
                    one = self._followed[account] = Followed(stream_of(row), account_adapter(row))
                except (KeyUnreadable, LookupError) as error:
                    logger.warning("Account %s of operator %s cannot be followed: %s", *reversed(account), error)
                    continue
            one.look(is_looked_at=account in self._since)
            watches.setdefault(one.stream, Watch(one.stream, AccountMode(row.mode), one.adapter))
        self.watches = tuple(watches.values())

    async def write(self) -> None:
        """Write what was told to the rows as soon as it is told, a few accounts at a time, for ever."""
        places = asyncio.Semaphore(WRITERS)
        async with asyncio.TaskGroup() as group:
            while True:
                now = time.monotonic()
                for account, followed in tuple(self._followed.items()):
                    followed.look_after(now)
                    if followed.is_due(now):
                        group.create_task(_write(account, followed, followed.take_out(now), places))
                await asyncio.sleep(TURN_SECONDS)


async def _write(account: Account, followed: Followed, told: Told, places: asyncio.Semaphore) -> None:
    async with places:
        try:
            outcome = await asyncio.to_thread(_store, account, followed, told)
        except (DatabaseError, RedisError, VenueError, LookupError, ValueError, ArithmeticError):
            logger.exception("What account %s of operator %s was told is not written yet.", *reversed(account))
            outcome = Outcome.FAILED
    followed.settle(told, outcome, time.monotonic())


def _store(account: Account, followed: Followed, told: Told) -> Outcome:
    """In a thread of its own, in the operator's scope, and alone: nobody else writes the account meanwhile.

    What was told to a key that the account has no longer is dropped.
    """
    operator_id, account_id = account
    try:
        with operator_scope(operator_id), _held(keys.account_lock(operator_id, account_id)) as is_mine:
            if not is_mine:
                return Outcome.BUSY
            row = VenueAccount.objects.filter(pk=account_id).first()
            if row is None or stream_of(row) != followed.stream:
                return Outcome.WRITTEN
            is_quiet = told.is_confirmation
            is_written = _write_down(followed, row, told)
            if is_quiet:
                account_changed(operator_id, account_id, [])
            else:
                announce(operator_id, account_id)
            return Outcome.WRITTEN if is_written else Outcome.FAILED
    finally:
        connection.close()


def _write_down(followed: Followed, row: VenueAccount, told: Told) -> bool:
    """Write the news to the rows, and have what else they mean done; False where the venue did not answer a reading.
    Where nobody looks, nobody waits for one either."""
    is_reading = told.must_read or told.must_look
    if told.is_behind:
        executions.fall_behind(row)
    with nullcontext() if followed.is_looked_at else reading(Priority.ROUTINE):
        is_written = streamed.store(followed.adapter, row, told)
    if is_written and is_reading and followed.moves.need_a_start:
        followed.moves.start_from(streamed.sizes_held(row), told.standing.run)
    if told.has_set:
        note_setting_moved(row)
    return is_written


@contextmanager
def _held(key: str) -> Iterator[bool]:
    """Whether the block holds the lock that workers take when they read the account."""
    lock = blocking().lock(key, timeout=LOCK_SECONDS, thread_local=False)
    is_mine = lock.acquire(blocking=False)
    try:
        yield is_mine
    finally:
        if is_mine:
            with suppress(LockError):
                lock.release()


def _rows_of(accounts: Iterable[Account], venue: str, network: str) -> dict[Account, VenueAccount]:
    """The rows of those accounts that live here, are in use and were read once, so that it is known how balances back
    them.

    A mark that names an account of another operator names nothing.
    """
    wanted = set(accounts)
    here = accounts_in_use().filter(venue=venue, network=network, synced_at__isnull=False)
    rows = here.filter(pk__in=[pk for _, pk in wanted])
    found = {(row.operator_id, row.pk): row for row in rows}
    return {account: row for account, row in found.items() if account in wanted}


def _nearest(rows: Mapping[Account, VenueAccount]) -> dict[int, Decimal]:
    """The distance of each account's nearest liquidation as of the last reading, a fraction of the mark."""
    held = Position.objects.filter(account__in=[row.pk for row in rows.values()]).values_list(
        "account_id", "mark_price", "liquidation_price", "estimated_liquidation_price"
    )
    nearest: dict[int, Decimal] = {}
    for account_id, mark, theirs, ours in held:
        nearest[account_id] = min(nearest.get(account_id, FAR), distance(mark, theirs or ours))
    return nearest
