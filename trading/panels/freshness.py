"""How fresh an operator's accounts are and how the venues are doing, as text for his own pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading.connect import configured_venues, gateway_of
from trading.live import weather
from trading.panels.numbers import fixed
from trading.services import freshness
from trading.services.schedule import Need
from trading.venue_metrics import our_addresses, purse
from trading.venues.snapshots import Network, Venue
from trading.venues.weather import Sky

CLASSES = {
    Need.UNSETTLED: "After an order",
    Need.LOOKED_AT: "Looked at",
    Need.VERY_NEAR: "2 % to liquidation",
    Need.NEAR: "5 % to liquidation",
    Need.OPEN: "Open positions",
    Need.IDLE: "No position",
}
SKIES = {
    Sky.FINE: "answers",
    Sky.SLOW: "slow",
    Sky.RATE_LIMITED: "asks us to slow down",
    Sky.HALTED: "halted",
    Sky.ORDERS_UNANSWERED: "not answering orders",
    Sky.DOWN: "not answering",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessRow:
    """One class of accounts. ``is_kept``: the promise holds for 99 in 100."""

    name: str
    accounts: str
    promised: str
    median: str
    p99: str
    kept: str
    is_kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRow:
    """One address of ours: how it finds a venue, and how much of its budget there is used."""

    name: str
    sky: str
    is_fine: bool
    budget: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRow:
    """One venue: how our addresses fare there, and how fresh the operator's accounts are. ``executions``: how many of
    them wait for theirs to be read, and ``held_back``, how many are due and wait for room in our limit, nothing while
    that is not known; ``failing``: how many fail again and again, ``unread``: how many nobody may read, nothing where
    there are none."""

    label: str
    addresses: tuple[AddressRow, ...]
    executions: str
    held_back: str
    is_held_back: bool
    failing: str
    unread: str
    rows: tuple[FreshnessRow, ...]


def build_freshness(operator_id: int) -> tuple[VenueRow, ...]:
    """The venues where the operator has accounts; every connected one while none of his was measured."""
    ours = our_addresses()
    every = tuple(_venue(operator_id, venue, network, ours) for venue, network in configured_venues())
    return tuple(venue for venue in every if venue.rows or venue.unread) or every


def _venue(operator_id: int, venue: Venue, network: Network, ours: Sequence[str]) -> VenueRow:
    measured = freshness.read(operator_id, venue, network)
    return VenueRow(
        label=gateway_of(venue).label,
        addresses=tuple(_address(venue, network, address) for address in ours),
        executions=_executions(measured) if measured.ages else "",
        held_back=(counted(measured.held_back) if measured.held_back else "none") if measured.ages else "",
        is_held_back=measured.held_back > 0,
        failing=counted(measured.failing) if measured.failing else "",
        unread=counted(measured.unread) if measured.unread else "",
        rows=tuple(_row(ages) for ages in measured.ages),
    )


def _executions(measured: freshness.Measured) -> str:
    return f"{counted(measured.waiting)}, up to {span(measured.longest)}" if measured.waiting else "none"


def _address(venue: Venue, network: Network, address: str) -> AddressRow:
    sky = weather.read(venue, network, address).sky
    return AddressRow(name=address, sky=SKIES[sky], is_fine=sky is Sky.FINE, budget=_budget(venue, network, address))


def _budget(venue: Venue, network: Network, address: str) -> str:
    found = purse(venue, network, address)
    if found is None:
        return "not known"
    meter, state = found
    words = f"{state.used[0]:,} of {meter.limit:,}"
    return f"{words}, silent for {state.closed_for:.0f} s" if state.closed_for else words


def _row(ages: freshness.Ages) -> FreshnessRow:
    share = Decimal(100 * ages.kept) / ages.accounts
    return FreshnessRow(
        name=CLASSES[Need(ages.need)],
        accounts=f"{ages.accounts:,}",
        promised=span(ages.promised),
        median=span(ages.median),
        p99=span(ages.p99),
        kept=f"{fixed(share, 0 if share == 100 else 1)} %",
        is_kept=share >= 99,
    )


def counted(accounts: int) -> str:
    """How many accounts.

    >>> counted(1), counted(1200)
    ('1 account', '1,200 accounts')
    """
    return "1 account" if accounts == 1 else f"{accounts:,} accounts"


def span(seconds: float) -> str:
    """A length of time in the unit that suits it.

    >>> span(0.42), span(59.4), span(150), span(9000)
    ('0.4 s', '59 s', '2.5 min', '2.5 h')
    """
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    if seconds < 100:
        return f"{seconds:.0f} s"
    amount, unit = (seconds / 60, "min") if seconds < 3600 else (seconds / 3600, "h")
    return f"{amount:.1f} {unit}".replace(".0 ", " ")
