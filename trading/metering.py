"""Which budget a request falls under: that of this process's own address at the venue, shared by whoever shares it.

What one address of ours may spend is the venue's limit on everybody behind it (Hyperliquid 7, Aster 5), so its names
carry no operator. What one account may send is told apart by the account's own name.
"""

from functools import partial

from django.conf import settings

from trading.live import weather
from trading.live.connections import blocking
from trading.venues.allowance import Allowance, short_of
from trading.venues.budget import Budget
from trading.venues.ledger import Meter
from trading.venues.metered import MeteredTransport, Tariff
from trading.venues.snapshots import Network, Venue
from trading.venues.transport import Transport


def metered(transport: Transport, tariff: Tariff, venue: Venue, network: Network, account: str) -> MeteredTransport:
    """A transport that asks the budget before every request.

    ``account`` names what an account may send: its address where the venue has made sure whose the keys are, else the
    one row that holds the key; it is empty for reads that no account answers for.
    """
    budget = budget_of(venue, network)
    gate = Budget(blocking(), f"{budget.gate}:{account}") if account else None
    heard = partial(weather.note, venue, network)
    return MeteredTransport(
        transport,
        tariff,
        budget,
        meter_of(tariff, venue, network),
        account=gate,
        allowance=allowance_of(tariff, venue, network, account) if account else None,
        heard=heard,
    )


def allowance_of(tariff: Tariff, venue: Venue, network: Network, account: str) -> Allowance | None:
    """The requests that an account has for life at a venue; None where the venue sets no such limit."""
    if tariff.lifetime is None:
        return None
    return Allowance(blocking(), _allowances(venue, network), account, tariff.lifetime)


def accounts_short_of_requests(tariff: Tariff, venue: Venue, network: Network) -> int | None:
    """How many accounts have no more requests left than are kept for taking risk away; None without such a limit."""
    if tariff.lifetime is None:
        return None
    return short_of(blocking(), _allowances(venue, network), tariff.lifetime.reserve)


def _allowances(venue: Venue, network: Network) -> str:
    # The venue counts an address's requests wherever they come from: the name carries no address of ours.
    return f"allowance:{venue}:{network}"


def budget_of(venue: Venue, network: Network) -> Budget:
    """The budget of this process's address at a venue."""
    return Budget(blocking(), f"budget:{venue}:{network}:{settings.EGRESS}")


def meter_of(tariff: Tariff, venue: Venue, network: Network) -> Meter:
    """What counts the address's weight; its limit is the venue's unless the deployment knows of another."""
    limit = getattr(settings, f"{venue.name}_WEIGHT_PER_MINUTE") or tariff.weight
    return Meter(f"budget:{venue}:{network}:{settings.EGRESS}:weight", limit)
