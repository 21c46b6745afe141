"""The synthetic order book: twenty levels a side around the mark, of fixed sizes, full again after each order."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from trading.sandbox.markets import Market
from trading.sandbox.prices import noise

LEVELS = 20


@dataclass(frozen=True)
class Level:
    price: Decimal
    size: Decimal
    orders: int


def side(seed: int, market: Market, mark: Decimal, *, bids: bool) -> list[Level]:
    """Levels of one side, best first."""
    if market.delisted:
        return []
    step = market.tick(mark)
    price = market.to_tick(mark, ROUND_FLOOR if bids else ROUND_CEILING)
    sign = -1 if bids else 1
    if price == mark:
        price += sign * step
    rows = []
    for number in range(LEVELS):
        if price <= 0:
            break
        share = 1.0 + 0.9 * noise(seed, market.name, -1 if bids else -2, number)
        size = market.to_lot(market.depth / LEVELS * Decimal(repr(share)) / price)
        rows.append(Level(price, size, 1 + int(share * 6)))
        price = market.to_tick(price + sign * step, ROUND_FLOOR if bids else ROUND_CEILING)
    return rows
