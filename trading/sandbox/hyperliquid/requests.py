"""Parts that many questions share: a book, a market, a span of time."""

from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid.actions import Json, MalformedError, struct, text, unsigned
from trading.sandbox.hyperliquid.markets import DEXES
from trading.sandbox.markets import Market

FAR = 1 << 62
_DEXES = ("", *(dex.name for dex in DEXES))


def dex_in(raw: Json) -> str:
    """The book that is asked about; the main one where none is named."""
    dex: str = struct(raw, {}, {"dex": text}).get("dex", "")
    if dex not in _DEXES:
        raise MalformedError("no such dex")
    return dex


def market_in(engine: Engine, raw: Json) -> Market:
    """The market that is asked about, of whichever book."""
    market = engine.markets.get(struct(raw, {"coin": text})["coin"])
    if market is None:
        raise MalformedError("no such coin")
    return market


def span_in(raw: Json) -> tuple[int, int]:
    """First and last millisecond, both inclusive."""
    span = {"endTime": FAR} | struct(raw, {"startTime": unsigned}, {"endTime": unsigned})
    return span["startTime"], span["endTime"]
