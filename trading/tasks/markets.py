"""Keeping every market's rules and state, and the board where no stream does."""

import logging
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from trading.connect import configured_venues, public_adapter
from trading.live import board, keys, weather
from trading.markets import state_of
from trading.models import Market
from trading.services import sync
from trading.tasks.turns import alone, is_first_within
from trading.venues.base import Network, Venue
from trading.venues.errors import VenueError
from trading.venues.weather import Sky

logger = logging.getLogger(__name__)

# While the stream is alive its board is younger than this, and the market sync leaves the board alone.
STREAM_IS_LATE = timedelta(seconds=2)
# Beside a stream. What a list says of a halt is believed for more than three of these (``weather.LISTED``).
MARKETS_SECONDS = 30


@shared_task  # type: ignore[untyped-decorator]
def sync_markets() -> None:
    """Store every market's rules and state, and keep the board alive where no stream does."""
    with alone(keys.task_lock("sync_markets")) as is_mine:
        if is_mine:
            for venue, network in configured_venues():
                _sync_venue(venue, network)


def _sync_venue(venue: Venue, network: Network) -> None:
    as_of = board.read(venue, network).as_of
    is_streaming = as_of is not None and timezone.now() - as_of < STREAM_IS_LATE
    if is_streaming and not _is_to_be_listed(venue, network):
        return
    try:
        sync.sync_markets(public_adapter(venue))
    except VenueError as error:
        logger.warning("The markets of %s %s could not be read: %s", venue, network, error)
        return
    if not is_streaming:
        _publish_board(venue, network)


def _is_to_be_listed(venue: Venue, network: Network) -> bool:
    """Now and then beside a stream; in every turn while only a list can tell that a halt is over."""
    present = weather.read(venue, network)
    waits_for_a_list = present.sky is Sky.HALTED and present.asks_at is None
    return waits_for_a_list or is_first_within(keys.markets_read(venue, network), MARKETS_SECONDS)


def _publish_board(venue: Venue, network: Network) -> None:
    rows = list(Market.objects.filter(venue=venue, network=network))
    received_at = max((row.received_at for row in rows if row.received_at is not None), default=None)
    if received_at is not None:
        states = [state for row in rows if (state := state_of(row, board.NOTHING_KNOWN)) is not None]
        lagging = {row.name: row.received_at for row in rows if row.received_at not in (None, received_at)}
        board.publish(venue, network, states, received_at, lagging)
