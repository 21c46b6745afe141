"""Whose turn it is: which accounts are read from the venue next, and which open commands are proven next.

A venue's read budget is shared by all operators and traders (Hyperliquid 7: 1200 weight a minute for an address), so
freshness is bought by need: accounts that somebody looks at first, then those with open commands, then those near a
liquidation, then the rest. A part of every turn goes to whoever has waited longest for his class, so that nobody
starves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import IntEnum

from trading.margin.types import AccountMode

WEIGHT_PER_MINUTE = 1200
# The rest is for traders' commands, for proofs, for market data and for whole readings.
SHARE_FOR_ACCOUNTS = Decimal("0.6")
SHARE_FOR_LONGEST_WAITING = Decimal("0.1")
WEIGHT = 2
WEIGHT_WITH_SPOT = 4

VERY_NEAR = Decimal("0.02")
NEAR = Decimal("0.05")

# A command is proven when the process that sent it has said that it does not know, or must have died.
SENDING_SECONDS = 10
ABANDONED_SECONDS = 2
LONGEST_BETWEEN_PROOFS = 10

NEVER = datetime.min.replace(tzinfo=UTC)


class Need(IntEnum):
    """Why an account is read, the most urgent first."""

    LOOKED_AT = 0
    UNSETTLED = 1
    VERY_NEAR = 2
    NEAR = 3
    OPEN = 4
    IDLE = 5


PERIODS: Mapping[Need, timedelta] = {
    Need.LOOKED_AT: timedelta(seconds=1.5),
    Need.UNSETTLED: timedelta(seconds=2),
    Need.VERY_NEAR: timedelta(seconds=8),
    Need.NEAR: timedelta(seconds=25),
    Need.OPEN: timedelta(minutes=5),
    Need.IDLE: timedelta(hours=1),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that could be read. ``distance`` is that of its nearest liquidation, None without positions."""

    operator_id: int
    account_id: int
    mode: AccountMode
    attempted_at: datetime | None
    is_looked_at: bool
    has_unsettled: bool
    distance: Decimal | None

    @property
    def need(self) -> Need:
        """Why it should be read."""
        if self.is_looked_at:
            return Need.LOOKED_AT
        if self.has_unsettled:
            return Need.UNSETTLED
        if self.distance is None:
            return Need.IDLE
        if self.distance <= VERY_NEAR:
            return Need.VERY_NEAR
        return Need.NEAR if self.distance <= NEAR else Need.OPEN

    @property
    def weight(self) -> int:
        """What reading its money and positions costs at the venue (Hyperliquid 7)."""
        return WEIGHT if self.mode is AccountMode.STANDARD else WEIGHT_WITH_SPOT

    def waited(self, now: datetime) -> float:
        """How long it has waited, in periods of its class: from 1 on it is due."""
        return (now - (self.attempted_at or NEVER)) / PERIODS[self.need]


def turn_weight(seconds: float) -> int:
    """What one turn of so many seconds may cost."""
    return int(WEIGHT_PER_MINUTE * SHARE_FOR_ACCOUNTS * Decimal(str(seconds)) / 60)


def choose(candidates: Iterable[Candidate], now: datetime, weight: int) -> list[Candidate]:
    """The accounts to read in this turn, most urgent first, for at most ``weight`` in all."""
    due = [candidate for candidate in candidates if candidate.waited(now) >= 1]
    longest = sorted(due, key=lambda one: -one.waited(now))
    reserved = _within(longest, int(weight * SHARE_FOR_LONGEST_WAITING))
    chosen = {one.account_id for one in reserved}
    urgent = sorted((one for one in due if one.account_id not in chosen), key=lambda one: (one.need, -one.waited(now)))
    left = weight - sum(one.weight for one in reserved)
    return sorted([*reserved, *_within(urgent, left)], key=lambda one: (one.need, -one.waited(now)))


def _within(candidates: Iterable[Candidate], weight: int) -> list[Candidate]:
    taken: list[Candidate] = []
    for candidate in candidates:
        weight -= candidate.weight
        if weight < 0:
            break
        taken.append(candidate)
    return taken


@dataclass(frozen=True, slots=True)
class OpenCommand:
    """As much of an unsettled command as decides whether it is time to do something about it."""

    prepared_at: datetime
    sent_at: datetime | None
    attempts: int
    is_doubted: bool


def is_abandoned(command: OpenCommand, now: datetime) -> bool:
    """Whether nobody has sent it although somebody should have: its process died between writing and sending."""
    return command.sent_at is None and now - command.prepared_at >= timedelta(seconds=ABANDONED_SECONDS)


def is_proof_due(command: OpenCommand, now: datetime) -> bool:
    """Whether to look for proof now: at once when its sender doubts, else when the sender's time must be over.

    While the first request is still under way nothing is sent again: the answer "nonce used" would then reach the one
    who takes it for a refusal. Later proofs come at growing intervals.
    """
    if command.sent_at is None:
        return False
    waited = (now - command.sent_at).total_seconds()
    if not command.is_doubted and waited < SENDING_SECONDS:
        return False
    growing: int = (1 << max(command.attempts - 1, 0)) - 1
    return waited >= min(growing, LONGEST_BETWEEN_PROOFS * command.attempts)
