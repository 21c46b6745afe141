"""The venues of the sandbox: each is its markets and its rules; everything else about them is the same code."""

from collections.abc import Mapping
from dataclasses import dataclass

from trading.sandbox.aster.markets import MARKETS as ASTER_MARKETS
from trading.sandbox.aster.rules import ASTER_RULES
from trading.sandbox.hyperliquid.markets import MARKETS as HYPERLIQUID_MARKETS
from trading.sandbox.hyperliquid.rules import HYPERLIQUID_RULES
from trading.sandbox.markets import Market
from trading.sandbox.rules import Rules


@dataclass(frozen=True)
class Venue:
    name: str
    markets: Mapping[str, Market]
    rules: Rules


HYPERLIQUID = Venue("hyperliquid", {market.name: market for market in HYPERLIQUID_MARKETS}, HYPERLIQUID_RULES)
ASTER = Venue("aster", {market.name: market for market in ASTER_MARKETS}, ASTER_RULES)

# The first one is the venue that a request means when it names none.
VENUES = {venue.name: venue for venue in (HYPERLIQUID, ASTER)}
