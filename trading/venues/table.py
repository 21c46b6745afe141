"""The venues of the platform. Another one is its folder and its line here."""

from collections.abc import Mapping

from trading.venues.aster.gateway import ASTER
from trading.venues.gateway import Gateway
from trading.venues.hyperliquid.gateway import HYPERLIQUID
from trading.venues.snapshots import Venue

GATEWAYS: Mapping[Venue, Gateway] = {gateway.venue: gateway for gateway in (HYPERLIQUID, ASTER)}
