"""How a venue is doing, judged by what came of the newest requests and by its own words. Pure.

Evidence is recent or it is none: what is older than ``MEMORY``, or ``LISTED`` where a list of markets said it, says
nothing, so a state ends by itself when its evidence ages or is contradicted; only a silence that the venue ordered
lasts exactly as long as it said (Aster 5: two minutes to three days). A read is always tried now and then (``PROBE``
seconds apart while the venue is down), so evidence never runs out for good.

Reads say nothing of orders: a venue that answers every read may refuse or ignore each order. Only orders end what
orders have said, and while none is sent none can. So ``CLOSED`` seconds after the last of them one order at a time is
let through and asks, ``ASKING`` seconds apart; reducing and cancelling are tried all the time and count as well.
Where a venue's orders tell of one market only, its list of markets tells of a halt and of its end. Either is its
word to all addresses of ours, whichever heard it, and says nothing of how it answers one of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile

MEMORY = timedelta(seconds=60)
# Markets are listed every half minute or so while a stream lives: this is more than three lists, two of which may fail.
LISTED = timedelta(minutes=2)
PROBE = 2.0
# Three commands that were not answered are settled by their own proofs meanwhile; a halt takes minutes.
CLOSED = timedelta(seconds=15)
ASKING = 5.0
# So many failures in a row, over at least so long, with no answer between them, are more than bad luck.
FAILURES, FAILING = 3, timedelta(seconds=2)
# A venue that says "slow down" is read ever more seldom: unless it answers meanwhile, its word holds after so long.
UNANSWERED = timedelta(seconds=1)
SLOW_SECONDS = 1.5
SLOW_SHARE = 2  # every second one
JUDGED = 20


class Sky(StrEnum):
    """The state of a venue, the worst last."""

    FINE = "fine"
    SLOW = "slow"
    RATE_LIMITED = "rate_limited"
    HALTED = "halted"
    ORDERS_UNANSWERED = "orders_unanswered"  # it answers reads and no commands
    DOWN = "down"

    @property
    def takes_risk(self) -> bool:
        """Whether orders that add risk may be sent: not to a venue that would not tell what became of them."""
        return self not in (Sky.DOWN, Sky.ORDERS_UNANSWERED, Sky.HALTED)


class Door(StrEnum):
    """What a request was, or what told of a halt."""

    READ = "read"
    COMMAND = "command"
    LISTING = "listing"  # no request: what a list of all markets said of a halt
    ORDER = "order"  # no request: what the answer to an order that a halted venue would refuse said of one


class Kind(StrEnum):
    """What came of one request."""

    ANSWERED = "answered"
    SLOWED = "slowed"  # it said "slow down"
    FAILED = "failed"  # sent, and no usable answer
    UNREACHABLE = "unreachable"  # provably not sent
    HALTED = "halted"  # it said that trading is halted


# A venue's word to everybody, whichever address of ours heard it; all else is what came of requests of one address.
WORDS = (Door.LISTING, Door.ORDER)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request, and how many seconds that took. ``wait``: for how long the venue told us to be silent,
    where it did."""

    kind: Kind
    seconds: float
    wait: float | None = None
    door: Door = Door.READ

    @property
    def has_failed(self) -> bool:
        """Whether there was no answer at all."""
        return self.kind in (Kind.FAILED, Kind.UNREACHABLE)

    @property
    def lasts(self) -> timedelta:
        """For how long it says something."""
        return LISTED if self.door is Door.LISTING else MEMORY


@dataclass(frozen=True, slots=True)
class Evidence:
    """An outcome and when it was known."""

    at: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Weather:
    """The state of a venue, since when (None while it is fine), and until when it told us to be silent.

    ``asks_at``: from when on one order at a time asks whether orders are taken again; None where reads tell.
    """

    sky: Sky = Sky.FINE
    since: datetime | None = None
    silent_until: datetime | None = None
    asks_at: datetime | None = None

    def may_ask(self, now: datetime) -> bool:
        """Whether it is time for an order that asks."""
        return self.asks_at is not None and now >= self.asks_at


def judge(evidence: Sequence[Evidence], now: datetime) -> Weather:
    """The weather by this evidence, newest first.

    Down: the newest outcomes are all failures, several and over some time; one answer ends it. Orders unanswered: the
    newest commands are, though reads are answered. Halted: the venue said so to an order and has answered none
    otherwise since, or its newest list of markets has none that is open. Rate-limited: we were told to be silent and
    the time is not over, however long ago that was, or to slow down, and nothing was answered since. Slow: half of the
    newest answers took longer than ``SLOW_SECONDS``.
    """
    remembered = [one for one in evidence if timedelta(0) <= now - one.at <= one.outcome.lasts]
    requests = [one for one in remembered if one.outcome.door not in WORDS]
    return (
        _down(requests)
        or _orders_unanswered(requests)
        or _halted(remembered)
        or _rate_limited(evidence, requests, now)
        or _slow(requests[:JUDGED])
        or Weather()
    )


def _down(requests: Sequence[Evidence]) -> Weather | None:
    failures = list(takewhile(lambda one: one.outcome.has_failed, requests))
    return Weather(Sky.DOWN, failures[-1].at) if _are_more_than_bad_luck(failures) else None


def _orders_unanswered(requests: Sequence[Evidence]) -> Weather | None:
    """A command that failed beside a read that failed too tells of the venue, not of its orders."""
    reads = [one for one in requests if one.outcome.door is Door.READ]
    commands = [one for one in requests if one.outcome.door is not Door.READ]
    failures = list(takewhile(lambda one: one.outcome.has_failed, commands))
    alone = [one for one in failures if not any(read.outcome.has_failed for read in _beside(one.at, reads))]
    if not _are_more_than_bad_luck(alone):
        return None
    return Weather(Sky.ORDERS_UNANSWERED, alone[-1].at, asks_at=alone[0].at + CLOSED)


def _beside(moment: datetime, reads: Sequence[Evidence]) -> Iterator[Evidence]:
    """The last read until a moment and the first after it."""
    yield from [one for one in reads if one.at <= moment][:1]
    yield from [one for one in reads if one.at > moment][-1:]


def _are_more_than_bad_luck(failures: Sequence[Evidence]) -> bool:
    return len(failures) >= FAILURES and failures[0].at - failures[-1].at >= FAILING


def _halted(remembered: Sequence[Evidence]) -> Weather | None:
    """While all markets are listed as closed no order has to ask: the next list tells."""
    if closed := _halts(remembered, Door.LISTING):
        return Weather(Sky.HALTED, closed[-1].at)
    refused = _halts(remembered, Door.ORDER)
    return Weather(Sky.HALTED, refused[-1].at, asks_at=refused[0].at + CLOSED) if refused else None


def _halts(remembered: Sequence[Evidence], door: Door) -> list[Evidence]:
    """What was said of a halt at this door since it last answered otherwise."""
    told = (one for one in remembered if one.outcome.door is door)
    return list(takewhile(lambda one: one.outcome.kind is Kind.HALTED, told))


def _rate_limited(evidence: Sequence[Evidence], requests: Sequence[Evidence], now: datetime) -> Weather | None:
    ends = [(one.at + timedelta(seconds=one.outcome.wait), one.at) for one in evidence if one.outcome.wait is not None]
    lasting = [(end, told) for end, told in ends if end > now]
    if lasting:
        return Weather(Sky.RATE_LIMITED, min(told for _, told in lasting), max(end for end, _ in lasting))
    slowed = list(takewhile(lambda one: one.outcome.kind is Kind.SLOWED, requests))
    is_meant = slowed and (len(slowed) >= FAILURES or now - slowed[-1].at >= UNANSWERED)
    return Weather(Sky.RATE_LIMITED, slowed[-1].at) if is_meant else None


def _slow(recent: Sequence[Evidence]) -> Weather | None:
    slow = [one for one in recent if one.outcome.kind is Kind.ANSWERED and one.outcome.seconds > SLOW_SECONDS]
    is_slow = len(slow) >= FAILURES and len(slow) * SLOW_SHARE >= len(recent)
    return Weather(Sky.SLOW, slow[-1].at) if is_slow else None
