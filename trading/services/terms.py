"""A market's terms, asked for once more at the moment in which they decide what a trader risks."""

import msgspec

from trading.connect import forget_tiers
from trading.models import Market
from trading.venues.base import Adapter, Network, Venue
from trading.venues.errors import VenueError

TIERS_CHANGED = "The venue has just changed the leverage tiers of this market. Look at the new numbers and send again."


def tiers_changed(adapter: Adapter, market: Market) -> bool:
    """Whether the venue has other leverage tiers for the market than are stored; they are stored now.

    Where the venue does not answer, nothing is known to have changed: it has the last word on what is sent.
    """
    try:
        tiers = adapter.current_tiers(market.rules)
    except VenueError:
        return False
    if tiers is None or tiers == market.rules.tiers:
        return False
    spec = msgspec.structs.replace(market.rules, tiers=tiers, max_leverage=tiers.max_leverage)
    Market.objects.filter(pk=market.pk).update(spec=msgspec.to_builtins(spec), max_leverage=spec.max_leverage)
    forget_tiers(Venue(market.venue), Network(market.network))
    return True
