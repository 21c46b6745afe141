"""How many requests one account may send in its lifetime: as its venue told it last, and counted by us since.

Hyperliquid gives an address one request for each dollar it trades and 10,000 to begin with; cancels have a larger limit
of their own, and when all is used up one request in ten seconds still passes (Hyperliquid 7). So the same is done here
before a request leaves, in Redis for all processes together: what adds risk gives way first, while enough is left to
take risk away, and nobody has to learn of the limit by a refusal of the venue.

What was never told is not limited here. What was sent while the venue told its count may be counted twice until it
tells the next: never too little.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from trading.venues.budget import Scripts
from trading.venues.snapshots import RequestAllowance

# As long as no account trades that its venue has not told of for so long.
KEPT_SECONDS = 30 * 24 * 3600


class Use(IntEnum):
    """What a request does: takes an order away, takes risk away, or anything else."""

    CANCEL = 0
    RELIEF = 1
    USUAL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """A venue's rule. ``cancels``: what may be cancelled, from the limit of all else; ``reserve``: how many requests
    are kept for what takes risk away; ``slot``: in how many seconds one request passes when no more are left."""

    cancels: Callable[[int], int]
    reserve: int
    slot: float


@dataclass(frozen=True, slots=True)
class AllowanceState:
    """What is left to send, and to cancel; ``cap`` is the limit of all else. ``told_at``: when the venue told it, in
    seconds since 1970. ``is_moved``: whether we have sent anything since, or were refused: the figure may be wrong."""

    left: int
    cancels_left: int
    cap: int
    told_at: float
    is_moved: bool


CLOCK = """
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + time[2] / 1000
end
"""

# KEYS: the account's row; accounts with no more left than the reserve, by the ms at which their row expires.
# ARGV: time, the account's name, ms that the row is kept, reserve, ms of a slot.
COMMON = (
    CLOCK
    + """
local row = redis.call('HMGET', KEYS[1], 'cap', 'cancels', 'used', 'slot', 'sent')
local cap, cancels, used = tonumber(row[1]), tonumber(row[2]), tonumber(row[3])
local reserve, slot = tonumber(ARGV[4]), tonumber(ARGV[5])
local function rank()
  if cap - used <= reserve then
    redis.call('ZADD', KEYS[2], string.format('%.17g', now + ARGV[3]), ARGV[2])
  else
    redis.call('ZREM', KEYS[2], ARGV[2])
  end
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
local function count(number)
  redis.call('HINCRBY', KEYS[1], 'sent', number)
  if cap then
    used = math.max(0, used + number)
    redis.call('HSET', KEYS[1], 'used', used)
    rank()
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
-- No number of requests sent is this one: what the venue told is doubted until it tells again.
local function doubt() redis.call('HSET', KEYS[1], 'base', -1) end
"""
)

# ARGV: requests, use. Answers the ms to wait, 0 where the request may go and is counted.
TAKE = (
    COMMON
    + """
local number, use = tonumber(ARGV[6]), tonumber(ARGV[7])
if cap then
  local room = (use == 0 and cancels or cap) - used - (use == 2 and reserve or 0)
  if room < number then
    local free_at = tonumber(row[4]) or 0
    if free_at > now then
      doubt()
      return string.format('%.17g', free_at - now)
    end
    redis.call('HSET', KEYS[1], 'slot', string.format('%.17g', now + slot))
  end
end
count(number)
return '0'
"""
)

# ARGV: requests that were not counted by the venue, use, 1 where it refused them as too many.
GIVE_BACK = (
    COMMON
    + """
count(-tonumber(ARGV[6]))
if ARGV[8] == '1' and cap then
  used = math.max(used, ARGV[7] == '0' and cancels or cap)
  redis.call('HSET', KEYS[1], 'used', used, 'slot', string.format('%.17g', now + slot))
  doubt()
  rank()
end
"""
)

# ARGV: limit, limit of cancels, used, what we had sent when the venue was asked.
TOLD = (
    COMMON
    + """
local since = (tonumber(row[5]) or 0) - tonumber(ARGV[9])
cap, used = tonumber(ARGV[6]), tonumber(ARGV[8]) + math.max(0, since)
redis.call('HSET', KEYS[1], 'cap', cap, 'cancels', ARGV[7], 'used', used, 'told', string.format('%.17g', now),
  'base', ARGV[9])
count(0)
"""
)

# KEYS: accounts that run short. ARGV: time. Answers how many there are whose row is still kept.
SHORT = (
    CLOCK
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.17g', now))
return redis.call('ZCARD', KEYS[1])
"""
)


class Rows(Scripts, Protocol):
    """As much of a Redis client as is needed."""

    def hget(self, name: str, key: str, /) -> Any:
        """One field of a row."""

    def hmget(self, name: str, keys: list[str], /) -> Any:
        """Several fields of a row, None for those that are not there."""


class Allowance:
    """The requests of one account at one venue. Raises what the Redis client raises.

    ``group`` names the venue and ``account`` the address. ``clock`` gives seconds in tests; without it Redis's own
    clock counts.
    """

    def __init__(
        self, redis: Rows, group: str, account: str, rule: Lifetime, *, clock: Callable[[], float] | None = None
    ) -> None:
        self.account = account
        self._redis = redis
        self._rule = rule
        self._clock = clock
        self._keys = [f"{group}:requests:{account}", f"{group}:requests"]
        self._take, self._give_back, self._told = (redis.register_script(text) for text in (TAKE, GIVE_BACK, TOLD))

    def take(self, requests: int, use: Use) -> float:
        """Count so many requests as sent: 0; or the seconds to wait, and nothing is counted."""
        return float(self._run(self._take, [requests, int(use)])) / 1000

    def give_back(self, requests: int, use: Use, *, is_refused: bool = False) -> None:
        """So many were never sent, or ``is_refused`` by the venue as too many: it counts neither."""
        self._run(self._give_back, [requests, int(use), int(is_refused)])

    def sent(self) -> int:
        """How many were counted so far: to be asked before the venue is."""
        return int(self._redis.hget(self._keys[0], "sent") or 0)

    def told(self, told: RequestAllowance, sent: int) -> None:
        """The venue's own count; ``sent`` is ours from before it was asked."""
        self._run(self._told, [told.cap, self._rule.cancels(told.cap), told.used, sent])

    def state(self) -> AllowanceState | None:
        """What is left; None while the venue has not told."""
        row = self._redis.hmget(self._keys[0], ["cap", "cancels", "used", "told", "sent", "base"])
        if any(field is None for field in row):
            return None
        cap, cancels, used, told, sent, base = (float(field) for field in row)
        left, cancels_left = max(0, int(cap - used)), max(0, int(cancels - used))
        return AllowanceState(left, cancels_left, int(cap), told / 1000, is_moved=sent != base)

    def _run(self, script: Callable[[list[str], list[object]], bytes], arguments: Sequence[object]) -> bytes:
        common = [self.account, KEPT_SECONDS * 1000, self._rule.reserve, self._rule.slot * 1000]
        return script(self._keys, [_now(self._clock), *common, *arguments])


def short_of(redis: Scripts, group: str, *, clock: Callable[[], float] | None = None) -> int:
    """How many accounts have no more requests left than are kept for taking risk away. One that nothing was counted of
    for ``KEPT_SECONDS`` is none of them. ``clock`` as of ``Allowance``."""
    return int(redis.register_script(SHORT)([f"{group}:requests"], [_now(clock)]))


def _now(clock: Callable[[], float] | None) -> str:
    return "" if clock is None else repr(clock() * 1000)
