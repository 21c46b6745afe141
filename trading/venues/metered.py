"""A transport that asks the budget first, tells it what came of every request, and keeps back what may not go now.

A venue's tariff says what a request costs; the transport around the venue's own does the rest, so adapters know
nothing of it. A command waits a moment where even its reserve is used up; a read never waits, it raises ``HeldBack``
with the time after which it may be tried again.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from redis.exceptions import RedisError

from trading.venues.budget import Budget, request_name
from trading.venues.errors import HeldBack, OutcomeUnknown, RateLimited, Unavailable
from trading.venues.ledger import Answer, Charge, Meter, Priority
from trading.venues.transport import NO_HEADERS, Response, Transport
from trading.venues.weather import Kind, Outcome

logger = logging.getLogger(__name__)

# A command that finds no room waits so long, and is then not sent at all, which is told.
PATIENCE = 1.0
WITHOUT_REDIS = 1.0

_reads_are: ContextVar[Priority] = ContextVar("reads_are", default=Priority.URGENT)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request costs: weight for our address, and how many orders it is for its account.

    ``may_rest``: a command that an account without requests left may not send now; what takes risk away still may.
    """

    weight: int
    orders: int = 0
    is_command: bool = False
    may_rest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """How a venue counts. All functions are pure.

    ``weight``: what one address of ours may spend in 60 seconds. ``orders``: how many orders one account may send, as
    (number, seconds). ``cost`` judges a request by method, path and body; ``surcharge`` is what its answer adds, from
    path, request body and answer body; ``reported`` are the venue's own counts in an answer's headers, of the weight
    and then of ``orders``; ``rest`` is for how many seconds an answer (body) silences its account, ``is_halt`` whether
    it says that the venue takes no usual orders now.
    """

    weight: int
    orders: tuple[tuple[int, float], ...] = ()
    cost: Callable[[str, str, bytes], Cost]
    surcharge: Callable[[str, bytes, bytes], int] = lambda path, body, answer: 0
    reported: Callable[[Mapping[str, str]], tuple[int | None, ...]] = lambda headers: ()
    rest: Callable[[bytes], float] = lambda answer: 0.0
    is_halt: Callable[[bytes], bool] = lambda answer: False


@contextmanager
def reading(priority: Priority) -> Iterator[None]:
    """Every read in the block is of this priority; outside, somebody waits for it."""
    token = _reads_are.set(priority)
    try:
        yield
    finally:
        _reads_are.reset(token)


class MeteredTransport:
    """One account's way, or the public's, through our address to a venue.

    ``meter`` counts the address's weight in ``budget``; ``account`` is the gate that closes when the venue silences the
    account, None for public reads. ``heard`` is told of every outcome.
    """

    def __init__(
        self,
        inner: Transport,
        tariff: Tariff,
        budget: Budget,
        meter: Meter,
        *,
        account: Budget | None = None,
        heard: Callable[[Outcome], None] = lambda outcome: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._inner = inner
        self._tariff = tariff
        self._budget = budget
        self._meter = meter
        self._account = account
        self._heard = heard
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"MeteredTransport({self._inner!r})"

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """As the transport inside; raises ``HeldBack`` where it may not be sent now."""
        cost, name = self._tariff.cost(method, path, body), request_name()
        charges = self._charges(cost)
        self._admit(name, cost, charges)
        started, answer, kind = time.monotonic(), Answer(), Kind.ANSWERED
        try:
            response = self._inner.request(method, path, body, headers)
            extra = self._tariff.surcharge(path, body, response.body) if response.status < 300 else 0
            answer = Answer(extra=extra, reported=self._tariff.reported(response.headers))
            self._rest(cost, response)
            kind = Kind.HALTED if cost.is_command and self._tariff.is_halt(response.body) else kind
            return response
        except RateLimited as error:
            answer, kind = Answer(slow_down=True, wait=error.retry_after), Kind.SLOWED
            raise
        except Unavailable:
            kind = Kind.UNREACHABLE
            raise
        except OutcomeUnknown:
            kind = Kind.FAILED
            raise
        finally:
            self._settle(name, charges, answer)
            self._heard(Outcome(kind, time.monotonic() - started, wait=answer.wait))

    def _charges(self, cost: Cost) -> list[Charge]:
        charges = [Charge(self._meter, cost.weight)]
        if cost.orders and self._account is not None:
            for number, seconds in self._tariff.orders:
                charges.append(Charge(Meter(f"{self._account.gate}:{seconds:g}", number, seconds), cost.orders))
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
        if wait > 0:
            raise HeldBack("the venue's limit on us", retry_after=wait)

    def _wait(self, name: str, cost: Cost, charges: list[Charge]) -> float:
        priority = Priority.COMMAND if cost.is_command else _reads_are.get()
        if cost.may_rest and self._account is not None and (rest := self._account.take(name, priority, [])) > 0:
            return rest
        return self._budget.take(name, priority, charges)

    def _rest(self, cost: Cost, response: Response) -> None:
        rest = self._tariff.rest(response.body) if cost.is_command else 0.0
        if rest and self._account is not None:
            try:
                self._account.settle(request_name(), [], Answer(slow_down=True, wait=rest))
            except RedisError as error:
                logger.warning("The budget cannot be reached: %s", error)

    def _settle(self, name: str, charges: list[Charge], answer: Answer) -> None:
        try:
            self._budget.settle(name, charges, answer)
        except RedisError as error:
            logger.warning("The budget cannot be reached: %s", error)
