"""Which addresses of ours have workers now: every turn spends the budgets of all of them.

A worker takes readings from its own address's queue alone, so what a turn deals to an address is spent there.
"""

import time
from typing import Any

from django.conf import settings

from trading.live import keys
from trading.live.connections import blocking

# An address whose workers are gone is dealt nothing from then on; what it was dealt goes to others when it expires.
ALIVE_SECONDS = 10.0


def mark() -> None:
    """A worker of this process's address is at work."""
    blocking().zadd(keys.ADDRESSES, {settings.EGRESS: time.time() + ALIVE_SECONDS})


def alive() -> tuple[str, ...]:
    """The names of all addresses with workers, in the order of their names."""
    with blocking().pipeline(transaction=False) as pipeline:
        pipeline.zremrangebyscore(keys.ADDRESSES, "-inf", time.time())
        pipeline.zrange(keys.ADDRESSES, 0, -1)
        found: Any = pipeline.execute()[-1]
    return tuple(sorted(name.decode() for name in found))


def queue(address: str) -> str:
    """The queue that the workers of an address take readings from."""
    return f"readings@{address}"
