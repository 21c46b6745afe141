"""A market's terms, asked for once more at the moment in which they decide what a trader risks."""

import msgspec
from django.db import transaction

from trading.margin.types import TierTable
from trading.models import Market
from trading.tiers import note_tiers
from trading.venues.base import Adapter, Network, Venue
from trading.venues.errors import VenueError

TIERS_CHANGED = "The venue has just changed the leverage tiers of this market. Look at the new numbers and send again."


class TiersChanged(Exception):
    """The quote was worked out from leverage tiers that the venue has replaced."""

    def __init__(self) -> None:
        super().__init__(TIERS_CHANGED)


def refuse_replaced_tiers(adapter: Adapter, market: Market) -> None:
    """Raise ``TiersChanged`` where the venue has other leverage tiers for the market than are stored; they are stored
    now.

    Where the venue does not answer, nothing is known to have changed: it has the last word on what is sent.
    """
    try:
        tiers = adapter.current_tiers(market.rules)
    except VenueError:
        return
    if tiers is None or tiers == market.rules.tiers:
        return
    note_tiers(Venue(market.venue), Network(market.network), market.name, tiers)
    _store(market, tiers)
    raise TiersChanged


def _store(market: Market, tiers: TierTable) -> None:
    """Write the tiers alone: everything else about the market is as it was read last, by whomever."""
    with transaction.atomic():
        row = Market.objects.select_for_update(no_key=True).get(pk=market.pk)
        row.max_leverage = tiers.max_leverage
        row.spec = msgspec.to_builtins(msgspec.structs.replace(row.rules, tiers=tiers, max_leverage=row.max_leverage))
        row.save(update_fields=["spec", "max_leverage"])
