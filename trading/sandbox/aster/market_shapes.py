"""Prices, books, candles and trades as the venue prints them (Aster rules 2.2); both kinds of doors use them."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from trading.sandbox.aster.numbers import fixed, plain
from trading.sandbox.engine import HOUR, Engine
from trading.sandbox.markets import Market
from trading.sandbox.numbers import ZERO
from trading.sandbox.prices import DAY, Candle, candles
from trading.sandbox.tape import PublicTrade

Json = dict[str, Any]

MINUTE = 60_000
INTERVALS = {
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "6h": 6 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": 7 * DAY,
    "1M": 30 * DAY,
}
INTEREST = Decimal("0.0001")


@dataclass
class Ladder:
    """One book as the stream last told it, and the number of the last change it told."""

    number: int
    sides: dict[str, dict[str, str]] = field(default_factory=lambda: {"b": {}, "a": {}})


def growing(engine: Engine, market: Market, length: int, start: int, end: int) -> list[Candle]:
    """Candles from the one that holds ``start`` to the one that holds ``end``, the last of them as far as it is."""
    now = engine.clock()
    last = end - end % length + length - 1
    return candles(engine.state.paths, market, length, start, min(last, now))


def kline(row: Candle) -> list[object]:
    """One candle as twelve values (rules 2.2)."""
    value, half = row.volume * row.closed, row.volume / 2
    prices = [plain(price) for price in (row.opened, row.high, row.low, row.closed)]
    taken = [fixed(half, 3), fixed(half * row.closed, 4)]
    return [row.start, *prices, plain(row.volume), row.end, fixed(value, 4), row.trades, *taken, "0"]


def side(engine: Engine, market: Market, levels: int, *, bids: bool) -> list[list[str]]:
    """Price and size of each level."""
    sizes: dict[Decimal, Decimal] = {}
    for offer in engine.execution.offers(market, is_buy=not bids):
        sizes[offer.price] = sizes.get(offer.price, ZERO) + offer.size
    return [[plain(price), plain(size)] for price, size in list(sizes.items())[:levels]]


def aggregate_trade(row: PublicTrade) -> Json:
    """A public trade; ``m`` says that the buyer was the maker (rules 2.2)."""
    return {
        "a": row.tid,
        "p": plain(row.price),
        "q": plain(row.size),
        "f": row.tid,
        "l": row.tid,
        "T": row.time,
        "m": not row.is_buy,
    }


def next_funding(market: Market, now: int) -> int:
    """When the market pays funding next, in milliseconds (rules 4.8)."""
    length = market.funding_hours * HOUR
    return now - now % length + length


def premium(engine: Engine, market: Market) -> Json:
    """Mark, index and the rate that will be charged next."""
    now, mark = engine.clock(), engine.marks[market.name]
    upcoming = next_funding(market, now)
    return {
        "symbol": market.name,
        "markPrice": fixed(mark),
        "indexPrice": fixed(engine.oracles[market.name]),
        "estimatedSettlePrice": fixed(mark),
        "lastFundingRate": fixed(engine.funding_rate(market, upcoming)),
        "interestRate": fixed(INTEREST),
        "nextFundingTime": upcoming,
        "time": now,
    }


def best(engine: Engine, market: Market) -> Json:
    """The best price and size of each side (rules 2.2)."""
    bid, ask = (side(engine, market, 1, bids=bids) for bids in (True, False))
    return {
        "symbol": market.name,
        "bidPrice": bid[0][0] if bid else "0",
        "bidQty": bid[0][1] if bid else "0",
        "askPrice": ask[0][0] if ask else "0",
        "askQty": ask[0][1] if ask else "0",
        "time": engine.clock(),
    }


def day(engine: Engine, market: Market) -> Json:
    """The last 24 hours, of hourly candles."""
    now = engine.clock()
    rows = engine.last_day(market)
    opened, last = rows[0].opened, engine.marks[market.name]
    volume = sum((row.volume for row in rows), ZERO)
    value = sum((row.volume * row.closed for row in rows), ZERO)
    return {
        "symbol": market.name,
        "priceChange": plain(last - opened),
        "priceChangePercent": fixed((last / opened - 1) * 100, 3),
        "weightedAvgPrice": plain(market.to_tick(value / volume)) if volume else "0",
        "lastPrice": plain(last),
        "lastQty": plain(Decimal(1).scaleb(-market.size_decimals)),
        "openPrice": plain(opened),
        "highPrice": plain(max(row.high for row in rows)),
        "lowPrice": plain(min(row.low for row in rows)),
        "volume": plain(volume),
        "quoteVolume": fixed(value, 2),
        "openTime": now - DAY,
        "closeTime": now,
        "firstId": rows[0].start,
        "lastId": now,
        "count": sum(row.trades for row in rows),
    }
