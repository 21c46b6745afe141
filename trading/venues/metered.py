"""A transport that asks the budget first, tells it what came of every request, and keeps back what may not go now.

A venue's tariff says what a request costs; the transport around the venue's own does the rest, so adapters know
nothing of it. A command waits a moment where even its reserve is used up; a read never waits, it raises ``HeldBack``
with the time after which it may be tried again. Where the limit is nearly used up, one account's usual commands have a
share of it and no more, so that it is never one trader who uses up what all others need; and so have all proofs
together, which go before commands and are asked again and again. What one person's pages ask for has its share too.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from redis.exceptions import RedisError

from trading.venues.allowance import Allowance, Use
from trading.venues.budget import Budget, request_name
from trading.venues.errors import (
    CommandHeldBack,
    HeldBack,
    OutcomeUnknown,
    RateLimited,
    RequestsUsedUp,
    Shortage,
    Unavailable,
)
from trading.venues.ledger import Answer, Charge, Meter, Priority
from trading.venues.tariff import Cost, Limits, Tariff
from trading.venues.transport import NO_HEADERS, Response, Transport
from trading.venues.weather import Door, Kind, Outcome

logger = logging.getLogger(__name__)

# A command that finds no room waits so long, and is then not sent at all, which is told.
PATIENCE = 1.0
# In per cent of the weight of a minute: what orders find at a steady rate, whatever is read; how much one account's
# usual commands, and all proofs, half of what is kept, may take once so much of all of it is used that others could go
# without.
KEPT_FOR_ORDERS, ONE_ACCOUNT, PROOFS, NEARLY_USED = 24, 15, 12, 75
# And how much one person may have read while he waits, once half is used: what is kept for orders ends a burst of reads
# before the limit is nearly used up.
ONE_PERSON, HALF_USED = 20, 50
WITHOUT_REDIS = 1.0

_reads_are: ContextVar[Priority] = ContextVar("reads_are", default=Priority.URGENT)
NOBODY = ""
_person: ContextVar[str] = ContextVar("person", default=NOBODY)


@contextmanager
def reading(priority: Priority) -> Iterator[None]:
    """Every read in the block is of this priority; outside, somebody waits for it."""
    token = _reads_are.set(priority)
    try:
        yield
    finally:
        _reads_are.reset(token)


@contextmanager
def asked_by(person: str) -> Iterator[None]:
    """Every read in the block that somebody waits for is for this person; outside, for nobody in particular."""
    token = _person.set(person)
    try:
        yield
    finally:
        _person.reset(token)


def _priority(cost: Cost) -> Priority:
    if not cost.is_command:
        return _reads_are.get()
    return Priority.COMMAND if cost.use is Use.USUAL else Priority.RELIEF


def weight_meter(gate: str, limit: int) -> Meter:
    """What counts the weight that passes a gate."""
    return Meter(f"{gate}:weight", limit, kept=limit * KEPT_FOR_ORDERS // 100)


class MeteredTransport:
    """One account's way, or the public's, through our address to a venue.

    ``budget`` is our address's; its ``limits`` are asked for before every request, because the venue may have said
    others since. ``account`` is the gate that closes when the venue silences the account, and ``allowance`` counts the
    requests it has for life; None for public reads and where there is no such limit. ``heard`` is told of every
    outcome.
    """

    def __init__(
        self,
        inner: Transport,
        tariff: Tariff,
        budget: Budget,
        limits: Callable[[], Limits],
        *,
        account: Budget | None = None,
        allowance: Allowance | None = None,
        heard: Callable[[Outcome], None] = lambda outcome: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._inner = inner
        self._tariff = tariff
        self._budget = budget
        self._limits = limits
        self._account = account
        self._requests = _Requests(allowance, tariff)
        self._heard = heard
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"MeteredTransport({self._inner!r})"

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """As the transport inside; raises ``HeldBack`` where it may not be sent now, and of these ``RequestsUsedUp``
        where the account has no requests left."""
        cost, name = self._tariff.cost(method, path, body), request_name()
        charges = self._charges(cost)
        sent = self._requests.take(cost)
        try:
            self._admit(name, cost, charges)
        except HeldBack:
            self._requests.give_back(cost)
            raise
        started, answer, kind = time.monotonic(), Answer(), Kind.ANSWERED
        try:
            response = self._inner.request(method, path, body, headers)
            extra = self._tariff.surcharge(path, body, response.body) if response.status < 300 else 0
            answer = Answer(extra=extra, reported=self._tariff.reported(response.headers))
            self._rest(cost, response.body)
            self._requests.heard(cost, response, sent)
            self._hear_halt(cost, path, response, time.monotonic() - started)
            return response
        except RateLimited as error:
            if not self._rest(cost, error.body, error.retry_after):
                answer, kind = Answer(slow_down=True, wait=error.retry_after), Kind.SLOWED
            raise
        except Unavailable:
            kind = Kind.UNREACHABLE
            self._requests.give_back(cost)
            raise
        except OutcomeUnknown:
            kind = Kind.FAILED
            raise
        finally:
            self._settle(name, charges, answer)
            self._heard(Outcome(kind, time.monotonic() - started, answer.wait, cost.door))

    def _hear_halt(self, cost: Cost, path: str, response: Response, seconds: float) -> None:
        """A list of all markets, and a command that a halted venue would refuse, are told of the whole venue whether it
        is halted, which is no news of how it answers us; what is neither, or cannot be read, tells nothing of that."""
        has_open = self._tariff.has_open_market(path, response.body) if response.status < 300 else None
        if has_open is not None:
            self._heard(Outcome(Kind.ANSWERED if has_open else Kind.HALTED, seconds, door=Door.LISTING))
        is_halt = cost.is_command and self._tariff.is_halt(response.body)
        if is_halt or cost.is_usual:
            self._heard(Outcome(Kind.HALTED if is_halt else Kind.ANSWERED, seconds, door=Door.ORDER))

    def _charges(self, cost: Cost) -> list[Charge]:
        limits = self._limits()
        charges = [Charge(weight_meter(self._budget.gate, limits.weight), cost.weight)]
        if cost.orders and self._account is not None:
            for number, seconds in limits.orders:
                charges.append(Charge(Meter(f"{self._account.gate}:{seconds:g}", number, seconds), cost.orders))
        nearly_used, priority = limits.weight * NEARLY_USED // 100, _priority(cost)
        if priority is Priority.COMMAND and self._account is not None:
            share = Meter(f"{self._account.gate}:share", limits.weight * ONE_ACCOUNT // 100)
            charges.append(Charge(share, cost.weight, above=nearly_used))
        if priority is Priority.PROOF:
            proofs = Meter(f"{self._budget.gate}:proofs", limits.weight * PROOFS // 100)
            charges.append(Charge(proofs, cost.weight, above=nearly_used))
        if priority is Priority.URGENT and (person := _person.get()):
            his = Meter(f"{self._budget.gate}:person:{person}", limits.weight * ONE_PERSON // 100)
            charges.append(Charge(his, cost.weight, above=limits.weight * HALF_USED // 100))
        return charges

    def _admit(self, name: str, cost: Cost, charges: list[Charge]) -> None:
        """Return when the request may go. Raises ``HeldBack``."""
        try:
            wait = self._wait(name, cost, charges)
            if cost.is_command and 0 < wait <= PATIENCE:
                self._sleep(wait)
                wait = self._wait(name, cost, charges)
        except RedisError as error:
            logger.warning("The budget cannot be reached: %s", error)
            wait = 0.0 if cost.is_command else WITHOUT_REDIS
        if wait > 0 and cost.is_command:
            raise CommandHeldBack(self._why_not(cost), retry_after=wait)
        if wait > 0:
            raise HeldBack("the venue's limit on us", retry_after=wait)

    def _wait(self, name: str, cost: Cost, charges: list[Charge]) -> float:
        priority = _priority(cost)
        if cost.may_rest and self._account is not None and (rest := self._account.take(name, priority, [])) > 0:
            return rest
        return self._budget.take(name, priority, charges)

    def _why_not(self, cost: Cost) -> Shortage:
        """Why a command finds no room."""
        try:
            gate, account = self._budget.state(), self._account and self._account.state()
        except RedisError as error:
            logger.warning("The budget cannot be reached: %s", error)
            return Shortage.USED_UP
        if gate.closed_for and gate.is_ordered:
            return Shortage.SILENCED
        if cost.may_rest and account and account.closed_for:
            return Shortage.ACCOUNT_RESTS
        return Shortage.NEARLY_USED_UP if cost.use is Use.USUAL else Shortage.USED_UP

    def _rest(self, cost: Cost, said: bytes, named: float | None = None) -> bool:
        """Have the account rest where that is what the venue said, for as long as it named; whether it was.

        What one account did too often is its own affair: our address goes on for all others.
        """
        rest = self._tariff.rest(said) if cost.is_command else 0.0
        if rest and self._account is not None:
            try:
                self._account.settle(request_name(), [], Answer(slow_down=True, wait=named or rest))
            except RedisError as error:
                logger.warning("The budget cannot be reached: %s", error)
        return rest > 0

    def _settle(self, name: str, charges: list[Charge], answer: Answer) -> None:
        try:
            self._budget.settle(name, charges, answer)
        except RedisError as error:
            logger.warning("The budget cannot be reached: %s", error)


class _Requests:
    """What an account may send in its lifetime, asked and told; nothing where there is no such limit, or no Redis."""

    def __init__(self, allowance: Allowance | None, tariff: Tariff) -> None:
        self._allowance = allowance
        self._tariff = tariff

    def take(self, cost: Cost) -> int:
        """Count a command. Of a question after the account's requests: how many we had sent until then. Raises
        ``RequestsUsedUp``."""
        allowance, wait, sent = self._allowance, 0.0, 0
        if allowance is None:
            return 0
        try:
            if cost.requests:
                wait = allowance.take(cost.requests, cost.use)
            elif cost.tells:
                sent = allowance.sent()
        except RedisError as error:
            logger.warning("The requests of an account cannot be counted: %s", error)
        if wait > 0:
            raise RequestsUsedUp(retry_after=wait)
        return sent

    def give_back(self, cost: Cost, *, is_refused: bool = False) -> None:
        """Nothing was sent after all, or the venue refused it as one too many."""
        if self._allowance is not None and cost.requests:
            try:
                self._allowance.give_back(cost.requests, cost.use, is_refused=is_refused)
            except RedisError as error:
                logger.warning("The requests of an account cannot be counted: %s", error)

    def heard(self, cost: Cost, response: Response, sent: int) -> None:
        """What an answer says of the account's requests."""
        if cost.requests and self._tariff.is_used_up(response.body):
            self.give_back(cost, is_refused=True)
        if self._allowance is None or cost.tells != self._allowance.account or not cost.tells:
            return
        told = self._tariff.told(response.body) if response.status < 300 else None
        if told is not None:
            try:
                self._allowance.told(told, sent)
            except RedisError as error:
                logger.warning("The requests of an account cannot be counted: %s", error)
