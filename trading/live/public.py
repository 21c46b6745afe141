"""A market's public numbers as patches: made once, the same bytes for every page of every operator."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trading.live.board import Board
from trading.panels.market import day_change, funding_text, interest_text, price_text, tone_of
from trading.panels.numbers import compact, percent
from trading.venues.snapshots import Candle, MarketSpec, MarketState

Patch = dict[str, Any]

# What the chart offers.
CANDLE_INTERVALS = ("5m", "15m", "1h", "4h", "1d")


def market_patch(spec: MarketSpec, state: MarketState, as_of: datetime) -> Patch:
    """Everything the market bar shows that moves. The keys are the names in the page's ``data-live``."""
    key, change = f"market-{spec.address}", day_change(state)
    tone = f"tone-{tone_of(change)}"
    return {
        f"{key}-mark": price_text(state.mark, spec),
        f"{key}-index": price_text(state.oracle, spec),
        f"{key}-change": {"text": percent(change, signed=True), "class": tone},
        f"{key}-volume": compact(state.day_volume),
        f"{key}-interest": interest_text(state),
        f"{key}-funding": funding_text(spec, state),
        f"{key}-age": {"datetime": as_of.isoformat()},
        "mark_price": {"class": tone},
    }


def marks_patch(specs: Mapping[str, MarketSpec], board: Board) -> Patch:
    """The marks of all markets, for the switcher."""
    return {
        f"market-{specs[name].address}-mark": price_text(state.mark, specs[name])
        for name, state in board.states.items()
        if name in specs
    }


def candles_patch(market: str, candles: Mapping[str, Candle]) -> Patch:
    """The bar that is growing, for each interval that the chart offers: open time in Unix seconds, then open, high,
    low and close exactly as the venue wrote them."""
    return {
        f"candle-{market}-{interval}": {
            "candle": [
                int(bar.opened_at.timestamp()),
                *(f"{price:f}" for price in (bar.open, bar.high, bar.low, bar.close)),
            ]
        }
        for interval, bar in candles.items()
    }


def difference(known: Mapping[str, Any], new: Mapping[str, Any]) -> Patch:
    """The entries of ``new`` that ``known`` does not hold in the same form."""
    return {key: value for key, value in new.items() if known.get(key) != value}
