"""A venue that answers some addresses and not others."""

from datetime import UTC, datetime, timedelta

import msgspec

from trading.live import keys, weather
from trading.live.connections import blocking
from trading.venues.snapshots import Network, Venue
from trading.venues.weather import Evidence, Kind, Outcome

HERE = (Venue.HYPERLIQUID, Network.TESTNET)


def cut_off(*addresses: str) -> None:
    """The venue has answered nothing to these addresses for three seconds."""
    now, lost = datetime.now(UTC), Outcome(Kind.UNREACHABLE, 0.1)
    evidence = [msgspec.json.encode(Evidence(now - timedelta(seconds=seconds), lost)) for seconds in (0, 1, 3)]
    for address in addresses:
        blocking().rpush(keys.weather(*HERE, address), *evidence)
    weather.forget()
