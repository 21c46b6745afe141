"""``manage.py stream``: follow every configured venue and keep live numbers moving."""

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from trading.connect import configured_venues, public_adapter
from trading.live.follow import Follower
from trading.venues.aster.stream import AsterStream
from trading.venues.connection import beside
from trading.venues.hyperliquid.stream import HyperliquidStream
from trading.venues.snapshots import Venue
from trading.venues.streaming import Listen, Stream


def open_stream(venue: Venue, listen: Listen) -> Stream:
    """The stream of a venue at the address this deployment is configured with."""
    match venue:
        case Venue.HYPERLIQUID:
            return HyperliquidStream(beside(settings.HYPERLIQUID_URL), listen, dexes=settings.HYPERLIQUID_DEXES)
        case Venue.ASTER:
            return AsterStream(settings.ASTER_STREAM_URL or beside(settings.ASTER_URL), listen)


class Command(BaseCommand):
    """Follows until it is told to stop. A second one waits and takes over when the first ends."""

    help = "Follow the venues' market data and publish live numbers."
    # It serves no pages: what `check --deploy` judged needs no second look at every start.
    requires_system_checks = []

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        asyncio.run(_follow_all())


async def _follow_all() -> None:
    following = asyncio.gather(*(_follower(venue).run() for venue, _ in configured_venues()))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, following.cancel)
    try:
        await following
    except asyncio.CancelledError:
        return


def _follower(venue: Venue) -> Follower:
    return Follower(public_adapter(venue), lambda listen: open_stream(venue, listen))
