"""Which accounts workers have in their hands, which rest because they keep failing, and which somebody waits for.

All of it is in Redis and may be lost: then an account is read once more than needed.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from trading.live import keys
from trading.live.connections import blocking
from trading.venues.snapshots import Network, Venue

# A worker that died with an account loses it by then.
HANDED_SECONDS = 15.0
# What is wanted and cannot be had for so long is left to its class.
WANTED_SECONDS = 120.0
FORGOTTEN_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Hands:
    """Accounts by their ids. ``not_before``: until when (Unix seconds) some are left alone. ``wanted``: somebody waits
    for a reading of these."""

    not_before: dict[int, float]
    wanted: frozenset[int]


def read(venue: Venue, network: Network) -> Hands:
    """What is in hands, rests and is wanted now."""
    now = time.time()
    handed, wanted = keys.handed(venue, network), keys.wanted(venue, network)
    with blocking().pipeline(transaction=False) as pipeline:
        pipeline.zremrangebyscore(handed, "-inf", now)
        pipeline.zremrangebyscore(wanted, "-inf", now)
        pipeline.zrange(handed, 0, -1, withscores=True)
        pipeline.zrange(wanted, 0, -1)
        pipeline.hgetall(keys.resting(venue, network))
        *_, busy, asked, resting = pipeline.execute()
    not_before = {int(account_id): float(until) for account_id, until in busy}
    for account_id, text in resting.items():
        until = float(text.decode().partition(" ")[2])
        not_before[int(account_id)] = max(until, not_before.get(int(account_id), 0.0))
    return Hands(not_before, frozenset(int(account_id) for account_id in asked))


def hand_out(venue: Venue, network: Network, account_ids: Iterable[int]) -> None:
    """These are given to workers now."""
    until = time.time() + HANDED_SECONDS
    given: dict[Any, float] = dict.fromkeys(account_ids, until)
    if given:
        blocking().zadd(keys.handed(venue, network), given)


def want(venue: Venue, network: Network, account_id: int) -> None:
    """Somebody waits for a reading of this account."""
    blocking().zadd(keys.wanted(venue, network), {str(account_id): time.time() + WANTED_SECONDS})


def give_back(venue: Venue, network: Network, *account_ids: int) -> None:
    """These accounts were read."""
    if not account_ids:
        return
    with blocking().pipeline(transaction=False) as pipeline:
        pipeline.zrem(keys.handed(venue, network), *account_ids)
        pipeline.zrem(keys.wanted(venue, network), *account_ids)
        pipeline.hdel(keys.resting(venue, network), *map(str, account_ids))
        pipeline.execute()


def failures(venue: Venue, network: Network, account_id: int) -> int:
    """How many readings of the account have failed in a row."""
    text: Any = blocking().hget(keys.resting(venue, network), str(account_id))
    return int(text.decode().partition(" ")[0]) if text else 0


def let_rest(venue: Venue, network: Network, account_id: int, count: int, seconds: float) -> None:
    """A reading of the account failed, the ``count``-th in a row: leave it alone for so long."""
    resting = keys.resting(venue, network)
    with blocking().pipeline(transaction=False) as pipeline:
        pipeline.zrem(keys.handed(venue, network), account_id)
        pipeline.hset(resting, str(account_id), f"{count} {time.time() + seconds}")
        pipeline.expire(resting, FORGOTTEN_SECONDS)
        pipeline.execute()
