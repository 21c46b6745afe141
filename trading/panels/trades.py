"""The newest public trades of a market, as rows."""

from collections.abc import Mapping
from dataclasses import dataclass

from trading.panels.market import price_decimals
from trading.panels.numbers import fixed
from trading.panels.view_models import Tone
from trading.venues.snapshots import MarketSpec, Trade

ROWS = 24


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One trade; ``time`` is UTC, for the reader to have in his own zone."""

    price: str
    size: str
    time: str
    moment: str
    tone: Tone


def build_trades(spec: MarketSpec, trades: Mapping[str, Trade]) -> tuple[TradeRow, ...]:
    """The newest first."""
    newest = sorted(trades.values(), key=lambda trade: (trade.time, trade.key), reverse=True)[:ROWS]
    return tuple(
        TradeRow(
            price=fixed(trade.price, price_decimals(spec, trade.price)),
            size=fixed(trade.size, spec.size_decimals),
            time=f"{trade.time:%H:%M:%S}",
            moment=trade.time.isoformat(),
            tone=Tone.UP if trade.is_buy else Tone.DOWN,
        )
        for trade in newest
    )
