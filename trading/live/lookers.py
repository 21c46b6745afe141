"""The accounts somebody looks at: loaded when they change, rendered when prices move, forgotten when nobody looks."""

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection
from redis.asyncio import Redis

from trading.desk import Desk
from trading.live import keys
from trading.live.board import Board
from trading.live.private import account_patch, load_desk
from trading.live.public import Patch, difference
from trading.live.publish import Fragment, queue_patch
from trading.panels.view_models import FreshnessState
from trading.venues.snapshots import Venue

logger = logging.getLogger(__name__)

# Announcements make an account be read at once; this is for those that were missed.
RELOAD_SECONDS = 10.0
LOADERS = 3
# How many accounts are rendered before other work of the loop gets its turn.
ACCOUNTS_AT_ONCE = 20

Account = tuple[int, int]


@dataclass
class Looker:
    """One account that is looked at, and what its pages were sent."""

    desk: Desk | None = None
    sent: Patch = field(default_factory=dict)
    loaded_at: float = 0.0
    is_waiting: bool = False


class Lookers:
    """All accounts at one venue that are looked at, whichever operator they belong to; each is read inside its own
    scope."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._known: dict[Account, Looker] = {}
        self._waiting: asyncio.Queue[Account] = asyncio.Queue()
        # Set where an account was read anew, so that its pages need not wait for the next turn.
        self.loaded = asyncio.Event()

    def keep(self, accounts: set[Account]) -> None:
        """Follow exactly these accounts, and read again those whose last reading is long ago."""
        for account in self._known.keys() - accounts:
            del self._known[account]
        now = time.monotonic()
        for account in accounts:
            looker = self._known.get(account)
            if looker is None or now - looker.loaded_at > RELOAD_SECONDS:
                self.reload(account)

    def reload(self, account: Account) -> None:
        """Read an account anew as soon as a loader is free."""
        looker = self._known.setdefault(account, Looker())
        if not looker.is_waiting:
            looker.is_waiting = True
            self._waiting.put_nowait(account)

    def announced(self, channel: str) -> None:
        """Somebody arrived at, or something changed on, an account's channel."""
        operator_id, _, account_id = channel.partition(":account:")
        if operator_id.isdigit() and account_id.isdigit():
            self.reload((int(operator_id), int(account_id)))

    async def load(self) -> None:
        """Read accounts as they are asked for, a few at a time, for ever."""
        async with asyncio.TaskGroup() as group:
            for _ in range(LOADERS):
                group.create_task(self._load_one_by_one())

    async def _load_one_by_one(self) -> None:
        while True:
            account = await self._waiting.get()
            looker = self._known.get(account)
            if looker is None:
                continue
            looker.is_waiting = False
            try:
                desk = await asyncio.to_thread(_load, *account)
            except DatabaseError as error:
                logger.warning("Account %s of operator %s could not be read: %s", account[1], account[0], error)
                continue
            looker.loaded_at = time.monotonic()
            looker.desk = desk
            self.loaded.set()

    async def publish(self, redis: Redis, board: Board, now: datetime) -> None:
        """Send every account's pages what moved. Raises ``RedisError``."""
        rendered = self.render(board, now)
        while batch := list(islice(rendered, ACCOUNTS_AT_ONCE)):
            async with redis.pipeline(transaction=False) as pipeline:
                for one in batch:
                    one.queue(pipeline)
                await pipeline.execute()
            await asyncio.sleep(0)

    def render(self, board: Board, now: datetime) -> Iterator["Rendered"]:
        """What the pages of each account have to be sent; nothing for accounts where nothing moved."""
        for account, looker in tuple(self._known.items()):
            if looker.desk is None or looker.desk.venue is not self._venue:
                continue
            patch = account_patch(looker.desk, board, now)
            changed = difference(looker.sent, patch)
            if changed:
                turned = bool(looker.sent) and _is_closed(looker.sent, account) != _is_closed(patch, account)
                looker.sent = patch
                yield Rendered(keys.account_channel(*account), changed, patch, turned)


@dataclass(frozen=True, slots=True)
class Rendered:
    """One account's changed numbers, all of its numbers, and whether its figures became too old or current again."""

    channel: str
    changed: Patch
    full: Patch
    turned: bool

    def queue(self, pipeline: Any) -> None:
        """Add to a pipeline what the account's pages get."""
        queue_patch(pipeline, self.channel, self.changed, self.full)
        if self.turned:
            # Sentences and buttons depend on whether figures are too old, and they are structure.
            pipeline.publish(self.channel, f"refresh {Fragment.POSITIONS} {Fragment.ACCOUNT}")


def _is_closed(patch: Patch, account: Account) -> bool:
    return bool(patch.get(f"positions-{account[1]}", {}).get("class") == f"is-{FreshnessState.CLOSED}")


def _load(operator_id: int, account_id: int) -> Desk | None:
    """Read in a thread of its own, and give the connection back to the pool."""
    try:
        return load_desk(operator_id, account_id)
    finally:
        connection.close()
