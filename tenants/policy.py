"""What an operator's margin policy means for one market. Pure: it can only tighten what the venue allows.

>>> offered_venues(Policy(venues=(Venue.ASTER,)), [Venue.HYPERLIQUID, Venue.ASTER])
(<Venue.ASTER: 'aster'>,)
>>> policy = Policy(leverage_cap=5, isolated_leverage=3, slider_marks=(1, 2, 3, 5, 10))
>>> highest_leverage(policy, venue_maximum=40), highest_leverage(policy, venue_maximum=3)
(5, 3)
>>> slider_marks(policy, highest=5)
(1, 2, 3, 5)
>>> starting_leverage(policy, MarginMode.ISOLATED, highest=5, chosen=20)
5
>>> chosen = {(Venue.ASTER, "KAITOUSDT"): MarketOffer(is_offered=False)}
>>> [offers_market(Policy(markets=chosen), Venue.ASTER, name) for name in ("KAITOUSDT", "BTCUSDT")]
[False, True]
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from trading.margin.types import MarginMode, MarginRestriction
from trading.venues.snapshots import MarketSpec, Venue

# A market as it keeps its identity from one reading of its venue to the next.
MarketKey = tuple[Venue, str]


@dataclass(frozen=True, slots=True)
class MarketOffer:
    """What an operator makes of one market.

    ``place``: where it stands among those that are shown first, from 1; None: not there. ``leverage_cap``: the most a
    trader may choose in it; None: what holds everywhere.
    """

    is_offered: bool = True
    place: int | None = None
    leverage_cap: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """An operator's choices; leverages are whole multiples, presets are amounts of collateral.

    ``venues``: where traders may trade; empty stands for every venue that the deployment is connected to.
    ``markets``: the markets that he has decided about; ``offers_new_markets`` decides about all others.
    """

    offers_cross: bool = True
    default_mode: MarginMode = MarginMode.ISOLATED
    isolated_leverage: int = 3
    cross_leverage: int = 3
    leverage_cap: int | None = None
    slider_marks: tuple[int, ...] = ()
    margin_presets: tuple[Decimal, ...] = ()
    venues: tuple[Venue, ...] = ()
    markets: Mapping[MarketKey, MarketOffer] = field(default_factory=dict)
    offers_new_markets: bool = True


def offered_venues(policy: Policy, connected: Iterable[Venue]) -> tuple[Venue, ...]:
    """The connected venues on which an operator's traders may trade, in the platform's order."""
    return tuple(venue for venue in connected if not policy.venues or venue in policy.venues)


def with_markets_of(policy: Policy, other: Policy) -> Policy:
    """A policy with another one's decisions about markets, which are taken apart from all the rest."""
    return replace(policy, markets=other.markets, offers_new_markets=other.offers_new_markets)


def offer_of(policy: Policy, venue: Venue, name: str) -> MarketOffer:
    """What holds for one market of a venue."""
    return policy.markets.get((venue, name)) or MarketOffer(is_offered=policy.offers_new_markets)


def offers_market(policy: Policy, venue: Venue, name: str) -> bool:
    """Whether traders may open positions in a market."""
    return (not policy.venues or venue in policy.venues) and offer_of(policy, venue, name).is_offered


def closed_because(policy: Policy, spec: MarketSpec) -> str:
    """Why nothing new is opened in a market here; empty where it is offered."""
    if offers_market(policy, spec.venue, spec.name):
        return ""
    return f"This exchange has closed {spec.label} for new positions. You can add margin, reduce and close."


def highest_leverage(policy: Policy, venue_maximum: int) -> int:
    """The greatest leverage a trader may choose: the venue's maximum, or the operator's cap where that is lower."""
    return venue_maximum if policy.leverage_cap is None else min(venue_maximum, policy.leverage_cap)


def highest_leverage_in(policy: Policy, spec: MarketSpec) -> int:
    """The same in one market, which may have a cap of its own."""
    highest, own = highest_leverage(policy, spec.max_leverage), offer_of(policy, spec.venue, spec.name).leverage_cap
    return highest if own is None else min(highest, own)


def offered_modes(policy: Policy, restriction: MarginRestriction) -> tuple[MarginMode, ...]:
    """The margin modes a trader may choose from on a market, isolated always among them."""
    if policy.offers_cross and restriction is MarginRestriction.NONE:
        return (MarginMode.ISOLATED, MarginMode.CROSS)
    return (MarginMode.ISOLATED,)


def starting_mode(policy: Policy, offered: Iterable[MarginMode], chosen: MarginMode | None) -> MarginMode:
    """The mode the ticket opens with: the trader's own choice before the operator's default, if it is offered."""
    wanted = chosen or policy.default_mode
    return wanted if wanted in offered else MarginMode.ISOLATED


def starting_leverage(policy: Policy, mode: MarginMode, highest: int, chosen: int | None) -> int:
    """The leverage the ticket opens with: the trader's own choice before the operator's default, clamped."""
    default = policy.isolated_leverage if mode is MarginMode.ISOLATED else policy.cross_leverage
    return max(1, min(chosen or default, highest))


def slider_marks(policy: Policy, highest: int) -> tuple[int, ...]:
    """The labelled stops of the slider: the operator's, cut at the highest leverage, with both ends always there."""
    inside = {mark for mark in policy.slider_marks if 1 <= mark <= highest}
    if not inside:
        inside = {round(highest * part / 4) for part in range(1, 4)} - {0}
    return tuple(sorted(inside | {1, highest}))
