"""While a venue is down or halted nothing is sent there that adds risk: nobody could tell what became of it.

Closing, reducing, adding margin and cancelling are always tried, whatever the weather. Where only orders can tell
whether orders are taken again, one at a time is let through to ask; the venue's refusal of it changes nothing, and what
it does not answer is settled by proof like any other.
"""

import logging
from datetime import datetime

from django.utils import timezone
from redis.exceptions import RedisError

from trading.live import weather
from trading.models import VenueAccount
from trading.services.commands import Intent, earlier
from trading.venues.errors import InvalidCommand, Reason
from trading.venues.snapshots import Network, Venue
from trading.venues.weather import Sky, Weather

logger = logging.getLogger(__name__)

SENTENCES = {
    Sky.DOWN: "The venue is not answering: nothing that adds risk is sent. Reducing is still tried.",
    Sky.ORDERS_UNANSWERED: "The venue answers no orders: nothing that adds risk is sent. Reducing is still tried.",
    Sky.HALTED: "The venue has halted usual trading: nothing that adds risk is sent. Reducing is still tried.",
}
SILENT = "The venue takes nothing from this exchange until {until:%d %b %H:%M:%S} UTC."
ONE_ASKS = " Another order is asking right now; try again in a few seconds."


class VenueAway(InvalidCommand):
    """New risk was refused before anything was written down or sent."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, reason=Reason.VENUE_AWAY)


def closed_because(present: Weather, now: datetime) -> str:
    """Why this weather keeps new risk from a venue; nothing where it may be tried."""
    if present.silent_until is not None and now < present.silent_until:
        return SILENT.format(until=present.silent_until)
    return "" if present.sky.takes_risk or present.may_ask(now) else SENTENCES[present.sky]


def refuse_new_risk(account: VenueAccount, intent: Intent) -> None:
    """Raise ``VenueAway`` where the weather forbids a new command that adds risk; a repeat of an earlier form passes,
    because what it did is on record already. An ordered silence is kept by the budget, which sends nothing."""
    venue, network = Venue(account.venue), Network(account.network)
    present = weather.read(venue, network)
    if present.sky.takes_risk or earlier(account, intent.kind, intent.form_key, intent.form) is not None:
        return
    if not present.may_ask(timezone.now()):
        raise VenueAway(SENTENCES[present.sky])
    if not _is_first_to_ask(venue, network):
        raise VenueAway(SENTENCES[present.sky] + ONE_ASKS)


def _is_first_to_ask(venue: Venue, network: Network) -> bool:
    """Without Redis everybody is: there is no weather to ask about, though some is remembered for a moment."""
    try:
        return weather.may_ask(venue, network)
    except RedisError as error:
        logger.warning("Who asks whether %s takes orders is not known: %s", venue, error)
        return True
