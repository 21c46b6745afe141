"""Which accounts workers have in their hands, and which rest because they keep failing.

All of it is in Redis and may be lost: then an account is read once more than needed.
"""

import time
from collections.abc import Iterable
from typing import Any

from trading.live import keys
from trading.live.connections import blocking
from trading.venues.snapshots import Network, Venue

# A worker that died with an account loses it by then.
HANDED_SECONDS = 15.0
FORGOTTEN_SECONDS = 3600


def left_alone(venue: Venue, network: Network) -> dict[int, float]:
    """The accounts that are in hands or rest now, by id, and until when (Unix seconds)."""
    handed = keys.handed(venue, network)
    with blocking().pipeline(transaction=False) as pipeline:
        pipeline.zremrangebyscore(handed, "-inf", time.time())
        pipeline.zrange(handed, 0, -1, withscores=True)
        pipeline.hgetall(keys.resting(venue, network))
        _, busy, resting = pipeline.execute()
    not_before = {int(account_id): float(until) for account_id, until in busy}
    for account_id, text in resting.items():
        until = float(text.decode().partition(" ")[2])
        not_before[int(account_id)] = max(until, not_before.get(int(account_id), 0.0))
    return not_before


def hand_out(venue: Venue, network: Network, account_ids: Iterable[int], seconds: float = HANDED_SECONDS) -> None:
    """Workers have these now, for so many seconds at the most."""
    until = time.time() + seconds
    given: dict[Any, float] = dict.fromkeys(account_ids, until)
    if given:
        blocking().zadd(keys.handed(venue, network), given)


def give_back(venue: Venue, network: Network, *account_ids: int) -> None:
    """These accounts were read."""
    if not account_ids:
        return
    with blocking().pipeline(transaction=False) as pipeline:
        pipeline.zrem(keys.handed(venue, network), *account_ids)
        pipeline.hdel(keys.resting(venue, network), *map(str, account_ids))
        pipeline.execute()


def put_back(venue: Venue, network: Network, *account_ids: int) -> None:
    """These accounts were not read, through no fault of theirs: whoever comes next may have them."""
    if account_ids:
        blocking().zrem(keys.handed(venue, network), *account_ids)


def failing(venue: Venue, network: Network, times: int) -> list[int]:
    """The accounts of which at least so many readings have failed in a row."""
    told: Any = blocking().hgetall(keys.resting(venue, network))
    return [int(account_id) for account_id, text in told.items() if int(text.decode().partition(" ")[0]) >= times]


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
