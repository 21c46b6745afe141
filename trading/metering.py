"""Which budget a request falls under: that of this process's own address at the venue, shared by whoever shares it.

What one address of ours may spend is the venue's limit on everybody behind it (Hyperliquid 7, Aster 5), so its names
carry no operator. What one account may send is told apart by the account's own name.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import msgspec
from django.conf import settings
from redis.exceptions import RedisError

from trading.live import keys, weather
from trading.live.connections import blocking
from trading.venues.allowance import Allowance, short_of
from trading.venues.budget import Budget, Memory
from trading.venues.ledger import Meter
from trading.venues.metered import MeteredTransport, weight_meter
from trading.venues.snapshots import Network, Venue
from trading.venues.tariff import Limits, Tariff
from trading.venues.transport import NO_HEADERS, Response, Transport

logger = logging.getLogger(__name__)

# What a venue says of its limits holds for a day after it was last said, and is remembered by a process for so long.
LIMITS_SECONDS = 86_400
REMEMBERED_SECONDS = 5.0

_known: dict[tuple[Venue, Network], tuple[float, Limits | None]] = {}
# What this process was told of each gate, see ``Memory``. Threads share it.
_memories: dict[str, Memory] = {}


def metered(transport: Transport, tariff: Tariff, venue: Venue, network: Network, account: str) -> MeteredTransport:
    """A transport that asks the budget before every request.

    ``account`` names what an account may send: its address where the venue has made sure whose the keys are, else the
    one row that holds the key; it is empty for reads that no account answers for.
    """
    budget = budget_of(venue, network)
    gate = Budget(blocking(), f"{budget.gate}:{account}") if account else None
    heard = partial(weather.note, venue, network)
    return MeteredTransport(
        Listening(transport, tariff, partial(note_limits, venue, network)),
        tariff,
        budget,
        partial(limits_now, tariff, venue, network),
        account=gate,
        allowance=allowance_of(tariff, venue, network, account) if account else None,
        heard=heard,
    )


class Listening:
    """A transport whose answers are looked through for what the venue says of its limits."""

    def __init__(self, inner: Transport, tariff: Tariff, heard: Callable[[Limits], None]) -> None:
        self._inner = inner
        self._tariff = tariff
        self._heard = heard

    def __repr__(self) -> str:
        return repr(self._inner)

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """As the transport inside."""
        response = self._inner.request(method, path, body, headers)
        limits = self._tariff.limits(path, response.body) if response.status < 300 else None
        if limits is not None:
            self._heard(limits)
        return response


def note_limits(venue: Venue, network: Network, limits: Limits) -> None:
    """Keep what a venue says of its limits, for every process."""
    try:
        blocking().set(keys.limits(venue, network), msgspec.json.encode(limits), ex=LIMITS_SECONDS)
    except RedisError as error:
        logger.warning("The limits of %s cannot be kept: %s", venue, error)
    _known[venue, network] = (time.monotonic() + REMEMBERED_SECONDS, limits)


def limits_now(tariff: Tariff, venue: Venue, network: Network) -> Limits:
    """The limits that the venue said last, and the tariff's until it says any; the deployment may know of another
    weight."""
    limits = _limits_of(venue, network) or Limits(tariff.weight, tariff.orders)
    weight = getattr(settings, f"{venue.name}_WEIGHT_PER_MINUTE")
    return replace(limits, weight=weight) if weight else limits


def _limits_of(venue: Venue, network: Network) -> Limits | None:
    until, limits = _known.get((venue, network), (0.0, None))
    if time.monotonic() < until:
        return limits
    try:
        told = blocking().get(keys.limits(venue, network))
        limits = None if told is None else msgspec.json.decode(told, type=Limits)
    except (RedisError, msgspec.MsgspecError) as error:
        logger.warning("The limits of %s cannot be told: %s", venue, error)
    _known[venue, network] = (time.monotonic() + REMEMBERED_SECONDS, limits)
    return limits


def forget_limits() -> None:
    """Drop what this process remembers."""
    _known.clear()


def allowance_of(tariff: Tariff, venue: Venue, network: Network, account: str) -> Allowance | None:
    """The requests that an account has for life at a venue; None where the venue sets no such limit."""
    if tariff.lifetime is None:
        return None
    return Allowance(blocking(), keys.allowance(venue, network), account, tariff.lifetime)


def accounts_short_of_requests(tariff: Tariff, venue: Venue, network: Network) -> int | None:
    """How many accounts have no more requests left than are kept for taking risk away; None without such a limit."""
    if tariff.lifetime is None:
        return None
    return short_of(blocking(), keys.allowance(venue, network))


def budget_of(venue: Venue, network: Network, address: str = "") -> Budget:
    """The budget of an address of ours at a venue; of this process's where none is named."""
    gate = _gate(venue, network, address)
    # One step: of two threads that are first at once, both get the memory of the one that was.
    return Budget(blocking(), gate, memory=_memories.setdefault(gate, Memory()))


def meter_of(tariff: Tariff, venue: Venue, network: Network, address: str = "") -> Meter:
    """What counts the address's weight; its limit is what the venue says unless the deployment knows of another."""
    return weight_meter(_gate(venue, network, address), limits_now(tariff, venue, network).weight)


def _gate(venue: Venue, network: Network, address: str) -> str:
    return keys.budget(venue, network, address or settings.EGRESS)
