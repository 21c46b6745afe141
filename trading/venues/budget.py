"""The decisions of ``trading.venues.ledger`` for all processes together: two scripts in Redis, a round trip each.

Redis runs a script alone and by its own clock, so two processes never spend the same weight and their clocks do not
matter. A gate and its meters belong to one address of ours at one venue; whoever shares that address shares them.
"""

import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from trading.venues.ledger import FIRST_PAUSE, LONGEST_PAUSE, UNDER_WAY, Answer, Charge, Meter, Priority

# Shared by the scripts. KEYS: the gate, then log and total of each meter. A log is a sorted set of "request:weight" by
# the millisecond at which it drops out; the total is what it sums up to. ARGV[1] is a time for tests, else empty.
COMMON = """
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + time[2] / 1000
end
local function weight_of(member) return tonumber(string.match(member, ':(%d+)$')) end
local function prune(log, total)
  local gone = redis.call('ZRANGEBYSCORE', log, '-inf', now)
  local used = tonumber(redis.call('GET', total) or '0')
  if #gone == 0 then return used end
  for _, member in ipairs(gone) do used = used - weight_of(member) end
  redis.call('ZREMRANGEBYSCORE', log, '-inf', now)
  redis.call('SET', total, used, 'KEEPTTL')
  return used
end
local function keep(log, total, longest)
  redis.call('PEXPIRE', log, math.ceil(longest))
  redis.call('PEXPIRE', total, math.ceil(longest))
end
local gate = redis.call('HMGET', KEYS[1], 'until', 'ordered', 'strikes')
local closed_until, is_ordered = tonumber(gate[1] or '0') or 0, gate[2] == '1'
"""

# ARGV: time, request, 1 for a command, ms under way; then ceiling, window in ms and weight of each meter. Answers the
# milliseconds to wait, 0 where the request is let through.
TAKE = (
    COMMON
    + """
local wait = 0
if closed_until > now and (is_ordered or ARGV[3] == '0') then wait = closed_until - now end
local under_way = tonumber(ARGV[4])
for place = 1, (#KEYS - 1) / 2 do
  local log, total = KEYS[place * 2], KEYS[place * 2 + 1]
  local ceiling, window, weight = unpack(ARGV, place * 3 + 2, place * 3 + 4)
  local excess = prune(log, total) + weight - ceiling
  if excess > 0 then
    local free_at = now + window
    local rows = redis.call('ZRANGE', log, 0, -1, 'WITHSCORES')
    for row = 1, #rows, 2 do
      excess = excess - weight_of(rows[row])
      if excess <= 0 then
        free_at = tonumber(rows[row + 1])
        break
      end
    end
    wait = math.max(wait, free_at - now)
  end
end
if wait > 0 then return string.format('%.17g', wait) end
for place = 1, (#KEYS - 1) / 2 do
  local log, total = KEYS[place * 2], KEYS[place * 2 + 1]
  local window, weight = tonumber(ARGV[place * 3 + 3]), ARGV[place * 3 + 4]
  redis.call('ZADD', log, string.format('%.17g', now + under_way + window), ARGV[2] .. ':' .. weight)
  redis.call('INCRBY', total, weight)
  keep(log, total, under_way + window + 1000)
end
return '0'
"""
)

# ARGV: time, request, "ok", "slow" or the ms of the venue's own order, ms of the first and of the longest pause,
# jitter, ms under way; then window in ms, weight, weight with what the answer's size costs, and the venue's own count
# (or nothing) of each meter.
SETTLE = (
    COMMON
    + """
local under_way = tonumber(ARGV[7])
for place = 1, (#KEYS - 1) / 2 do
  local log, total = KEYS[place * 2], KEYS[place * 2 + 1]
  local window = tonumber(ARGV[place * 4 + 4])
  local weight, whole, reported = unpack(ARGV, place * 4 + 5, place * 4 + 7)
  prune(log, total)
  local counted = redis.call('ZREM', log, ARGV[2] .. ':' .. weight) == 1 and weight or 0
  redis.call('ZADD', log, string.format('%.17g', now + window), ARGV[2] .. ':' .. whole)
  redis.call('INCRBY', total, whole - counted)
  if reported ~= '' then
    local ours = 0
    local since = string.format('%.17g', now - now % window + window)
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', log, since, '+inf')) do ours = ours + weight_of(member) end
    local others = tonumber(reported) - ours
    if others > 0 then
      local name = 'others ' .. string.format('%.17g', now) .. ':' .. others
      redis.call('ZADD', log, string.format('%.17g', now + window), name)
      redis.call('INCRBY', total, others)
    end
  end
  keep(log, total, under_way + window + 1000)
end
local strikes = tonumber(gate[3] or '0') or 0
if ARGV[3] == 'ok' then
  if strikes > 0 and closed_until <= now then redis.call('HSET', KEYS[1], 'strikes', 0) end
  return
end
local ordered = tonumber(ARGV[3])
if ordered then
  is_ordered, closed_until = true, math.max(closed_until, now + ordered)
elseif closed_until <= now then
  strikes, is_ordered = strikes + 1, false
  closed_until = now + math.min(tonumber(ARGV[5]), ARGV[4] * 2 ^ (strikes - 1)) * ARGV[6]
end
redis.call('HSET', KEYS[1], 'until', string.format('%.17g', closed_until),
  'ordered', is_ordered and '1' or '0', 'strikes', strikes)
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(closed_until - now, 0) + 10 * ARGV[5]))
"""
)

# Answers the ms for which the gate is closed, whether the venue ordered it, and what is used of each meter.
STATE = (
    COMMON
    + """
local answer = { string.format('%.17g', math.max(0, closed_until - now)), is_ordered and 1 or 0 }
for place = 1, (#KEYS - 1) / 2 do answer[place + 2] = prune(KEYS[place * 2], KEYS[place * 2 + 1]) end
return answer
"""
)


class Scripts(Protocol):
    """As much of a Redis client as is needed."""

    def register_script(self, script: str | bytes) -> Any:
        """A script that is called with keys and arguments."""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """What is left: ``closed_for`` seconds nothing passes (``is_ordered``: because the venue said so, else only reads
    wait), and what is used of each meter that was asked about."""

    closed_for: float
    is_ordered: bool
    used: tuple[int, ...]


class Budget:
    """One address of ours at one venue, named by ``gate``. Raises what the Redis client raises.

    ``clock`` gives seconds in tests; without it Redis's own clock counts.
    """

    def __init__(
        self,
        redis: Scripts,
        gate: str,
        *,
        clock: Callable[[], float] | None = None,
        jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.0),  # noqa: S311  # spreads, hides nothing
    ) -> None:
        self.gate = gate
        self._clock = clock
        self._jitter = jitter
        self._take, self._settle, self._state = (redis.register_script(text) for text in (TAKE, SETTLE, STATE))

    def take(self, request: str, priority: Priority, charges: Sequence[Charge]) -> float:
        """Let a request through and count it: 0; or the seconds to wait, and nothing is counted."""
        arguments: list[object] = [self._now(), request, int(priority is Priority.COMMAND), UNDER_WAY * 1000]
        for charge in charges:
            arguments += [charge.meter.ceiling(priority), charge.meter.seconds * 1000, charge.weight]
        return float(self._take(self._keys([charge.meter for charge in charges]), arguments)) / 1000

    def settle(self, request: str, charges: Sequence[Charge], answer: Answer) -> None:
        """Count an answered request from its answer on, and heed what the venue said."""
        said = "ok" if not answer.slow_down else "slow" if answer.wait is None else str(answer.wait * 1000)
        pauses = (FIRST_PAUSE * 1000, LONGEST_PAUSE * 1000, self._jitter(), UNDER_WAY * 1000)
        arguments: list[object] = [self._now(), request, said, *pauses]
        for place, charge in enumerate(charges):
            whole = charge.weight + (answer.extra if place == 0 else 0)
            reported = answer.reported[place] if place < len(answer.reported) else None
            told = "" if reported is None else str(reported)
            arguments += [charge.meter.seconds * 1000, charge.weight, whole, told]
        self._settle(self._keys([charge.meter for charge in charges]), arguments)

    def state(self, *meters: Meter) -> BudgetState:
        """What is left now."""
        closed_for, is_ordered, *used = self._state(self._keys(meters), [self._now()])
        return BudgetState(float(closed_for) / 1000, bool(is_ordered), tuple(int(one) for one in used))

    def _keys(self, meters: Sequence[Meter]) -> list[str]:
        return [f"{self.gate}:gate", *(key for meter in meters for key in (meter.name, f"{meter.name}:used"))]

    def _now(self) -> str:
        return "" if self._clock is None else repr(self._clock() * 1000)


def request_name() -> str:
    """A name for one request that no other has."""
    return uuid.uuid4().hex
