"""What Aster takes as requests of their own and the common vocabulary does not name: an order at market is a type of
its own, and one request cancels all orders of a market (Aster 3.7)."""

from dataclasses import dataclass
from decimal import Decimal

from trading.venues.base import BuilderFee, Command, MarketSpec


@dataclass(frozen=True, slots=True)
class PlaceMarketOrder:
    """An order at market: the venue bounds its price by the market's own limit around the mark (Aster 2.1)."""

    market: MarketSpec
    is_buy: bool
    size: Decimal
    reduce_only: bool = False
    client_id: str | None = None
    builder: BuilderFee | None = None


@dataclass(frozen=True, slots=True)
class CancelEveryOrder:
    """Cancels every resting order of one market."""

    market: MarketSpec


AsterCommand = Command | PlaceMarketOrder | CancelEveryOrder
