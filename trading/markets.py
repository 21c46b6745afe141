"""What the operator in scope offers to trade: his policy, the venues and their markets, and their newest prices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, reduce
from operator import or_

from django.conf import settings
from django.db.models import Q, QuerySet, Subquery
from django.http import Http404

from tenants.models import MarginPolicy
from tenants.policy import MarketKey, MarketOffer, Policy, offer_of, offered_venues, offers_market
from trading.connect import configured_venues, public_adapter
from trading.live import weather
from trading.live.board import NOTHING_KNOWN, Board, read
from trading.models import Market, VenueAccount
from trading.statements import Statement
from trading.venues.base import Adapter
from trading.venues.snapshots import MarketState, Network, TimeInForce, Venue
from trading.venues.weather import Weather

POLICY = Statement(
    MarginPolicy,
    "TRUE ORDER BY id LIMIT 1",
    {
        "chosen_markets": "(SELECT json_agg(json_build_array(venue, name, is_offered, place, chosen.leverage_cap))"
        " FROM tenants_marketchoice AS chosen WHERE chosen.operator_id = tenants_marginpolicy.operator_id)"
    },
)


def policy_in_force() -> Policy:
    """The policy of the operator in scope, his choices about single markets with it, by one statement."""
    rows = POLICY.rows()
    return rows[0].choices(_offers(rows[0].chosen_markets)) if rows else Policy()  # type: ignore[attr-defined]


def _offers(chosen: Iterable[tuple[str, str, bool, int | None, int | None]] | None) -> dict[MarketKey, MarketOffer]:
    return {
        (Venue(venue), name): MarketOffer(is_offered, place, leverage_cap)
        for venue, name, is_offered, place, leverage_cap in chosen or ()
    }


def markets_of(numbers: Iterable[int]) -> Mapping[int, Market]:
    """Markets as they are stored now, by their numbers; nothing is asked for none."""
    wanted = set(numbers)
    return Market.objects.in_bulk(wanted) if wanted else {}


def venues_offered(policy: Policy | None = None) -> dict[Venue, Network]:
    """Where traders of the operator in scope may trade, in the platform's order. ``policy``: his, where it is known."""
    connected = dict(configured_venues())
    return {venue: connected[venue] for venue in offered_venues(policy or policy_in_force(), connected)}


@dataclass(frozen=True, slots=True)
class Offers:
    """What a venue takes: how long a limit order may rest, and whether exits can be tied to an order not filled yet."""

    times_in_force: tuple[TimeInForce, ...]
    attaches_exits: bool


@cache
def offers_of(venue: Venue) -> Offers:
    """What a venue offers; it never changes while a process lives."""
    adapter = rules_of(venue)
    return Offers(adapter.times_in_force, adapter.attaches_exits)


@cache
def rules_of(venue: Venue) -> Adapter:
    """An adapter that is asked for nothing but its pure answers, which hold while a process lives."""
    return public_adapter(venue)


def listed_markets(policy: Policy | None = None) -> list[Market]:
    """The markets a trader may open: those that the operator in scope features, in his order, and then venue by venue
    in the venues' own. ``policy``: his, where it is known."""
    known = policy or policy_in_force()
    rows = markets_at(venues_offered(known)).filter(is_delisted=False)
    return in_order(known, [row for row in rows if offers_market(known, Venue(row.venue), row.name)])


def markets_at(venues: Mapping[Venue, Network]) -> QuerySet[Market]:
    """Every market that is known of some venues."""
    places = [Q(venue=venue, network=network) for venue, network in venues.items()]
    return Market.objects.filter(reduce(or_, places)) if places else Market.objects.none()


def in_order(policy: Policy, markets: Iterable[Market]) -> list[Market]:
    """Markets as they are shown: the featured ones first, then venue by venue."""
    venues = {venue.value: number for number, (venue, _) in enumerate(configured_venues())}

    def place(row: Market) -> tuple[bool, int, int, int]:
        featured = offer_of(policy, Venue(row.venue), row.name).place
        return featured is None, featured or 0, venues[row.venue], row.index

    return sorted(markets, key=place)


def market_named(address: str) -> Market:
    """A market by its address (``Market.address``), or by its name alone, which the first venue that has it answers to.

    404 for one that nobody lists; a name alone is looked for at the venues that the operator offers. One that he has
    closed, or whose venue he has, keeps its address: whose page it still is, the desk says (``Desk.may_look_at``). One
    query, for the slider's path.
    """
    prefix, _, name = address.partition(":")
    connected = dict(configured_venues())
    is_whole = bool(name) and prefix in set(Venue)
    wanted = [Venue(prefix)] if is_whole else list(connected)
    chosen = Subquery(MarginPolicy.objects.values("venues")[:1])
    rows = Market.objects.filter(name=name if is_whole else address, venue__in=wanted).annotate(chosen=chosen)
    found = {(row.venue, row.network): row for row in rows}
    for venue in wanted:
        market: Market | None = found.get((venue, connected.get(venue, "")))
        if market is not None and (is_whole or not market.chosen or venue in market.chosen):  # type: ignore[attr-defined]
            return market
    raise Http404


def board_of(venue: Venue, account: VenueAccount | None = None) -> Board:
    """The live prices of a venue: of the network an account lives on, or else of the one that is connected."""
    network = Network(account.network) if account else dict(configured_venues()).get(venue)
    return read(venue, network) if network else NOTHING_KNOWN


def weather_of(venue: Venue, account: VenueAccount | None = None) -> Weather:
    """How a venue is doing, on the same network."""
    network = Network(account.network) if account else dict(configured_venues()).get(venue)
    return weather.read(venue, network) if network else Weather()


def state_of(market: Market, board: Board) -> MarketState | None:
    """A market's state on the board, or as the last market sync left it; None where neither knows a mark."""
    live = board.states.get(market.name)
    if live is not None or market.mark_price is None:
        return live
    return MarketState(
        name=market.name,
        mark=market.mark_price,
        oracle=market.oracle_price or market.mark_price,
        mid=market.mid_price,
        previous_day_price=market.previous_day_price or market.mark_price,
        funding_rate=market.funding_rate or Decimal(0),
        open_interest=market.open_interest or Decimal(0),
        day_volume=market.day_volume or Decimal(0),
    )


def known_at(market: Market, board: Board) -> datetime | None:
    """When what ``state_of`` tells of a market was true; None where that is not known."""
    return board.time_of(market.name) if market.name in board.states else market.received_at


def stale_limits() -> tuple[int, int]:
    """Seconds after which a number says that it is old, and after which money buttons close."""
    return settings.STALE_AFTER_SECONDS, settings.CLOSED_AFTER_SECONDS
