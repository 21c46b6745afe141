"""The cheap look: money and positions of many accounts at once.

The venue is asked about all of them side by side, each through its account's own adapter, so the budget lets every
question through or not. What has been answered is stored together, and who keeps the others waiting is stored later.
Where a batch cannot be written its accounts are written one by one, so that nobody's figures spoil another's.
"""

import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from enum import Enum
from functools import cache, partial

from django.db import DataError, IntegrityError, OperationalError, connection, connections
from redis.exceptions import RedisError

from trading.margin.types import AccountMode
from trading.models import VenueAccount
from trading.services.apply_account import apply_snapshots
from trading.services.readings import Explainer, Reading, Taken, begin_readings, nothing_explained
from trading.venues.base import AccountSnapshot, Adapter, Network, Venue
from trading.venues.errors import HeldBack, VenueError

logger = logging.getLogger(__name__)

# As many as the way to a venue keeps connections.
QUESTIONS_AT_ONCE = 16
# What has been answered waits so long for the rest of its batch.
TOGETHER_SECONDS = 0.25
# A question that has not begun by then is left to the next turns: others keep the venue, or the venue keeps them.
BEGUN_SECONDS = 4.0
# What figures that make no sense lead to.
SPOILT = (DataError, IntegrityError, ArithmeticError, LookupError, TypeError, ValueError)


class Came(Enum):
    """What came of a look: the account was ``READ``, or it was read and what it holds had ``MOVED``; ``NOTHING`` newer
    than what is stored, or the question was never asked, because our limit at the venue held it back or others took too
    long; or it ``FAILED``."""

    READ = "read"
    MOVED = "moved"
    NOTHING = "nothing"
    FAILED = "failed"

    @property
    def is_read(self) -> bool:
        """Whether there was anything newer, and it is stored."""
        return self in (Came.READ, Came.MOVED)


@dataclass(frozen=True, slots=True)
class Look:
    """One account on its way to be looked at."""

    account: VenueAccount
    adapter: Adapter
    reading: Reading


Answer = tuple[Look, AccountSnapshot | BaseException]


def sync_positions(adapter: Adapter, account: VenueAccount, explained: Explainer = nothing_explained) -> bool:
    """Read only money and positions of one account; False where nothing newer came. Raises what cannot be stored.

    Where they moved the account is behind with its executions, unless those are told besides (``explained``).
    """
    apply = partial(_apply, explained=explained)
    begun = begin_readings([account.pk])
    looks = [Look(account, adapter, reading) for reading in begun.values()]
    return any(came.is_read for look in looks for came in _stored([(look, _ask(look))], apply).values())


def try_positions(adapter: Adapter, account: VenueAccount) -> bool:
    """``sync_positions`` for whoever goes on without: False also where what the venue says cannot be stored."""
    try:
        return sync_positions(adapter, account)
    except (RedisError, *SPOILT):
        logger.exception("What the venue said of account %s could not be stored.", account.pk)
        return False


def look_at(accounts: Sequence[tuple[Adapter, VenueAccount]]) -> Iterator[dict[int, Came]]:
    """Read money and positions of accounts of one venue and network, and store them; what came of each, in groups as
    they are stored, and nothing of one that is gone. Whose positions moved is behind with his executions. The reason of
    a failure is on the account's row where the venue gave it. Of one account alone, what is not the venue's failure is
    raised."""
    begun = begin_readings([account.pk for _, account in accounts])
    looks = [Look(account, adapter, begun[account.pk]) for adapter, account in accounts if account.pk in begun]
    if len(looks) == 1:
        yield _stored([(looks[0], _ask(looks[0]))], _apply)
        return
    for answers in _side_by_side(looks):
        yield _stored(answers, _apply_what_can_be)


def _ask(look: Look) -> AccountSnapshot | VenueError:
    account = look.account
    try:
        return look.adapter.account(account.address, mode=AccountMode(account.mode) if account.synced_at else None)
    except VenueError as error:
        return error


def _side_by_side(looks: Sequence[Look]) -> Iterator[list[Answer]]:
    """All answers, in groups as they come. Nothing is asked any more once nobody takes the answers."""
    asked: dict[Future[AccountSnapshot | VenueError], Look] = {}
    for look in looks:
        hands = _hands(os.getpid(), look.adapter.venue, look.adapter.network)
        asked[hands.submit(copy_context().run, _ask_in_thread, look)] = look
    waiting, begun_by = set(asked), time.monotonic() + BEGUN_SECONDS
    try:
        while waiting:
            _lend_connection()
            answered, waiting = wait(waiting, timeout=min(TOGETHER_SECONDS, max(0.0, begun_by - time.monotonic())))
            if time.monotonic() >= begun_by:
                begun_by = math.inf
                answered |= {future for future in waiting if future.cancel()}
                waiting -= answered
            if answered:
                yield [(asked[future], _answer(future)) for future in answered]
    finally:
        for future in waiting:
            future.cancel()


def _answer(future: Future[AccountSnapshot | VenueError]) -> AccountSnapshot | BaseException:
    if future.cancelled():
        return CancelledError()
    return future.exception() or future.result()


def _lend_connection() -> None:
    """Whoever waits for a venue needs no connection, and those who ask it may."""
    if not connection.in_atomic_block:
        connection.close()


def _ask_in_thread(look: Look) -> AccountSnapshot | VenueError:
    try:
        return _ask(look)
    finally:
        connections.close_all()


@cache
def _hands(process: int, venue: Venue, network: Network) -> ThreadPoolExecutor:
    """The threads of a process that ask one venue, so that one that keeps silent keeps nobody from another; a fork
    leaves them behind."""
    return ThreadPoolExecutor(QUESTIONS_AT_ONCE, thread_name_prefix=f"looks {venue} {network}")


def _stored(answers: Iterable[Answer], write: Callable[[Sequence[Taken]], dict[int, Came]]) -> dict[int, Came]:
    came, taken = {}, []
    for look, answer in answers:
        if isinstance(answer, AccountSnapshot):
            taken.append(Taken(look.account, answer, look.reading))
        else:
            came[look.account.pk] = _refused(look.account, answer)
    return came | write(taken)


def _refused(account: VenueAccount, error: BaseException) -> Came:
    """Where the venue was not even asked, nothing is wrong with the account and no reason is kept."""
    if isinstance(error, HeldBack | CancelledError):
        return Came.NOTHING
    if isinstance(error, VenueError):
        VenueAccount.objects.filter(pk=account.pk).update(sync_problem=error.explanation[:200])
    else:
        logger.error("Account %s could not be looked at.", account.pk, exc_info=error)
    return Came.FAILED


def _apply(taken: Sequence[Taken], explained: Explainer = nothing_explained) -> dict[int, Came]:
    came = dict.fromkeys([one.account.pk for one in taken], Came.NOTHING)
    newest = apply_snapshots(taken, explained)
    return came | {pk: Came.MOVED if has_moved else Came.READ for pk, has_moved in newest.items()}


def _apply_what_can_be(taken: Sequence[Taken]) -> dict[int, Came]:
    try:
        return _apply_again(taken)
    except SPOILT:
        return {account_id: came for one in taken for account_id, came in _apply_alone(one).items()}


def _apply_again(taken: Sequence[Taken]) -> dict[int, Came]:
    """Once more where the database gave up on us: of two that held each other up it lets the other through, and a
    connection that it dropped is opened anew."""
    try:
        return _apply(taken)
    except OperationalError as error:
        logger.warning("A batch of %s accounts is stored once more: %s", len(taken), error)
        return _apply(taken)


def _apply_alone(one: Taken) -> dict[int, Came]:
    try:
        return _apply([one])
    except SPOILT:
        logger.exception("What the venue said of account %s could not be stored.", one.account.pk)
        return {one.account.pk: Came.FAILED}
