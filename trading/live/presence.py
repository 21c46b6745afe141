"""Who is looking: marks with an expiry, set by the live application for the accounts and markets of its clients.

Workers sync accounts that are looked at first; the stream renders private numbers for them alone.
"""

import time
from collections.abc import Iterable
from typing import Any

from trading.live import keys
from trading.live.connections import blocking

# The live application renews its marks every HEARTBEAT_SECONDS; a mark outlives two that failed.
SECONDS = 25


def queue_marks(pipeline: Any, accounts: Iterable[tuple[int, int]], markets: Iterable[str], now: float) -> None:
    """Add to a pipeline (blocking or not) the commands that mark accounts, as (operator, account), and markets."""
    until = now + SECONDS
    operators = set()
    for operator_id, account_id in accounts:
        pipeline.zadd(keys.looking(operator_id), {account_id: until})
        operators.add(operator_id)
    for operator_id in operators:
        pipeline.expire(keys.looking(operator_id), SECONDS)
        pipeline.zadd(keys.OPERATORS_WITH_LOOKERS, {operator_id: until})
    for channel in markets:
        pipeline.zadd(keys.LOOKED_AT_MARKETS, {channel: until})


def look(operator_id: int, account_id: int) -> None:
    """Mark one account as looked at from now on, as a page without a stream does when it polls."""
    with blocking().pipeline(transaction=False) as pipeline:
        queue_marks(pipeline, [(operator_id, account_id)], (), time.time())
        pipeline.execute()


def looked_at_accounts() -> set[tuple[int, int]]:
    """Every (operator, account) somebody looks at now."""
    now = time.time()
    operators = [int(member) for member in _current(keys.OPERATORS_WITH_LOOKERS, now)]
    with blocking().pipeline(transaction=False) as pipeline:
        for operator_id in operators:
            pipeline.zrangebyscore(keys.looking(operator_id), now, "+inf")
        found = pipeline.execute()
    return {
        (operator_id, int(account_id))
        for operator_id, account_ids in zip(operators, found, strict=True)
        for account_id in account_ids
    }


def looked_at_markets() -> set[str]:
    """The channel of every market somebody looks at now."""
    return {member.decode() for member in _current(keys.LOOKED_AT_MARKETS, time.time())}


def _current(key: str, now: float) -> list[bytes]:
    client = blocking()
    client.zremrangebyscore(key, "-inf", f"({now}")
    members: Any = client.zrangebyscore(key, now, "+inf")
    return list(members)
