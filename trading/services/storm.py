"""While a venue is down or halted nothing is sent there that adds risk: nobody could tell what became of it.

Closing, reducing, adding margin and cancelling are always tried, whatever the weather.
"""

from trading.live import weather
from trading.models import VenueAccount
from trading.services.commands import Intent, earlier
from trading.venues.errors import InvalidCommand, Reason
from trading.venues.snapshots import Network, Venue
from trading.venues.weather import Sky

SENTENCES = {
    Sky.DOWN: (
        "The venue is not answering, so nothing that adds risk is sent. Closing, reducing, adding margin and "
        "cancelling are still tried. This opens again by itself."
    ),
    Sky.HALTED: (
        "The venue has halted usual trading, so nothing that adds risk is sent. Cancelling and reducing are still "
        "tried. This opens again by itself."
    ),
}


class VenueAway(InvalidCommand):
    """New risk was refused before anything was written down or sent."""

    def __init__(self, sky: Sky) -> None:
        super().__init__(SENTENCES[sky], reason=Reason.VENUE_AWAY)


def refuse_new_risk(account: VenueAccount, intent: Intent) -> None:
    """Raise ``VenueAway`` where the weather forbids a new command that adds risk; a repeat of an earlier form passes,
    because what it did is on record already."""
    sky = weather.read(Venue(account.venue), Network(account.network)).sky
    if not sky.takes_risk and earlier(account, intent.kind, intent.form_key, intent.form) is None:
        raise VenueAway(sky)
