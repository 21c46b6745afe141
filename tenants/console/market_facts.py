"""The markets of an operator's venues, with what is known of each: for the page on which he chooses among them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count

from tenants.policy import MarketKey, Policy, offer_of
from trading.connect import gateway_of
from trading.live.board import Board
from trading.margin.types import MarginRestriction
from trading.markets import board_of, in_order, known_at, markets_at, state_of, venues_offered
from trading.models import Market, Order, Position
from trading.panels.market import price_text
from trading.panels.numbers import compact
from trading.venues.snapshots import Venue

RESTRICTIONS = {
    MarginRestriction.NONE: "",
    MarginRestriction.ISOLATED_ONLY: "isolated only",
    MarginRestriction.STRICT_ISOLATED: "isolated only, margin stays in",
}


@dataclass(frozen=True, slots=True)
class Held:
    """How many positions are open, and of how many traders."""

    positions: int = 0
    traders: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFacts:
    """One market as its venue and this exchange's traders leave it.

    ``venue`` is told where several are offered. ``held``: what the traders have open in it, by leverage; ``resting``:
    their orders that could still open something.
    """

    key: MarketKey
    address: str
    label: str
    max_leverage: int
    venue: str = ""
    restriction: str = ""
    is_delisted: bool = False
    mark: str = "no price"
    as_of: datetime | None = None
    volume: str = "unknown"
    held: Mapping[int, Held] = field(default_factory=dict)
    resting: int = 0

    @property
    def words(self) -> str:
        """The market in a sentence."""
        return f"{self.label} ({self.venue})" if self.venue else self.label

    @property
    def positions(self) -> int:
        return sum(held.positions for held in self.held.values())

    @property
    def traders(self) -> int:
        return sum(held.traders for held in self.held.values())

    def above(self, leverage: int) -> int:
        """How many positions were opened with more leverage."""
        return sum(held.positions for chosen, held in self.held.items() if chosen > leverage)


def known_markets(policy: Policy) -> list[MarketFacts]:
    """Every market of the venues that the operator in scope offers, as they are shown; one that its venue has delisted
    as long as a trader is in it, or it has a place or a cap. One statement for each kind of fact."""
    venues = venues_offered(policy)
    boards = {venue: board_of(venue) for venue in venues}
    held, resting = _held(), _resting()
    several = len(venues) > 1
    return [
        _facts(row, boards[Venue(row.venue)], held.get(row.pk, {}), resting.get(row.pk, 0), several=several)
        for row in in_order(policy, markets_at(venues))
        if not row.is_delisted or row.pk in held or row.pk in resting or _stands_out(policy, row)
    ]


def _stands_out(policy: Policy, row: Market) -> bool:
    offer = offer_of(policy, *_key(row))
    return offer.place is not None or offer.leverage_cap is not None


def _key(row: Market) -> MarketKey:
    return Venue(row.venue), row.name


def _facts(row: Market, board: Board, held: Mapping[int, Held], resting: int, *, several: bool) -> MarketFacts:
    state, spec = state_of(row, board), row.rules
    return MarketFacts(
        key=_key(row),
        address=row.address,
        label=spec.label,
        max_leverage=spec.max_leverage,
        venue=gateway_of(Venue(row.venue)).label if several else "",
        restriction=RESTRICTIONS[spec.restriction],
        is_delisted=row.is_delisted,
        mark=price_text(state.mark, spec) if state else "no price",
        as_of=known_at(row, board) if state else None,
        volume=compact(state.day_volume) if state else "unknown",
        held=held,
        resting=resting,
    )


def _held() -> dict[int, dict[int, Held]]:
    """By market and leverage. A trader has one current account at a venue, so nobody counts twice in a market."""
    rows = Position.objects.filter(account__is_current=True).order_by().values_list("market_id", "leverage")
    found: dict[int, dict[int, Held]] = {}
    for market, leverage, positions, traders in rows.annotate(Count("pk"), Count("account__trader", distinct=True)):
        found.setdefault(market, {})[leverage] = Held(positions, traders)
    return found


def _resting() -> dict[int, int]:
    rows = Order.objects.filter(account__is_current=True, is_open=True, reduce_only=False).order_by()
    return dict(rows.values_list("market_id").annotate(Count("pk")))
