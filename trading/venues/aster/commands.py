"""What Aster takes as requests of their own and the common vocabulary does not name.

Margin mode and leverage are two requests here, each of which may be refused alone (Aster 3.4, 3.5), so each is a
command of its own with its own nonce, answer and proof. A market order is a type of its own (Aster 3.7).
"""

from dataclasses import dataclass
from decimal import Decimal

from trading.margin.types import MarginMode
from trading.venues.base import BuilderFee, Command, MarketSpec, PlaceOrder


@dataclass(frozen=True, slots=True)
class SetMarginMode:
    """Chooses isolated or cross for a market without position and orders; the leverage stays."""

    market: MarketSpec
    mode: MarginMode


@dataclass(frozen=True, slots=True)
class ChooseLeverage:
    """Chooses the leverage of a market; the margin mode stays."""

    market: MarketSpec
    leverage: int


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
class FillOrKill:
    """A limit order that is filled whole at once or not at all, whatever its own time in force says."""

    order: PlaceOrder


@dataclass(frozen=True, slots=True)
class CancelEveryOrder:
    """Cancels every resting order of one market."""

    market: MarketSpec


AsterCommand = Command | SetMarginMode | ChooseLeverage | PlaceMarketOrder | FillOrKill | CancelEveryOrder
