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
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trading.margin.types import MarginMode, MarginRestriction
from trading.venues.snapshots import Venue


@dataclass(frozen=True, slots=True)
class Policy:
    """An operator's choices; leverages are whole multiples, presets are amounts of collateral.

    ``venues``: where traders may trade; empty stands for every venue that the deployment is connected to.
    """

    offers_cross: bool = True
    default_mode: MarginMode = MarginMode.ISOLATED
    isolated_leverage: int = 3
    cross_leverage: int = 3
    leverage_cap: int | None = None
    slider_marks: tuple[int, ...] = ()
    margin_presets: tuple[Decimal, ...] = ()
    venues: tuple[Venue, ...] = ()


def offered_venues(policy: Policy, connected: Iterable[Venue]) -> tuple[Venue, ...]:
    """The connected venues on which an operator's traders may trade, in the platform's order."""
    return tuple(venue for venue in connected if not policy.venues or venue in policy.venues)


def highest_leverage(policy: Policy, venue_maximum: int) -> int:
    """The greatest leverage a trader may choose: the venue's maximum, or the operator's cap where that is lower."""
    return venue_maximum if policy.leverage_cap is None else min(venue_maximum, policy.leverage_cap)


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
