"""Events of the public streams by their names (Aster rules 2.3)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from trading.sandbox.aster import market_shapes
from trading.sandbox.aster.market_shapes import INTERVALS, Ladder
from trading.sandbox.aster.numbers import plain
from trading.sandbox.aster.records import LIQUIDATION, order_row
from trading.sandbox.engine import Engine
from trading.sandbox.markets import Market
from trading.sandbox.prices import Candle
from trading.sandbox.state import Fill, Order
from trading.sandbox.tape import News, PublicTrade

Json = dict[str, Any]
Frames = list[Json | list[Json]]

SLOW_MARK = 3
WHOLE_BOOK = 1000
_ONE = re.compile(r"(?P<symbol>[a-z0-9]+)@(?P<kind>[A-Za-z0-9_@]+)")
_DEPTH = re.compile(r"depth(?P<levels>5|10|20)?(?:@(?:100|500)ms)?")
_CHANGES = re.compile(r"[a-z0-9]+@depth(?:@(?:100|500)ms)?")
_MARK = ("markPrice", "markPrice@1s")
_ALL_MARKS = ("!markPrice@arr", "!markPrice@arr@1s")


@dataclass
class Moment:
    """What is new: public trades and news since the last time; ``beat`` counts seconds, None between them."""

    trades: list[PublicTrade]
    news: list[News]
    beat: int | None


@dataclass
class MarketFrames:
    """Remembers what every stream was last told, so that only changes are told again."""

    engine: Engine
    ladders: dict[str, Ladder] = field(default_factory=dict)
    told: dict[str, object] = field(default_factory=dict)

    def frames(self, name: str, moment: Moment) -> Frames:
        """Events of one stream; of a stream that does not exist there are none, as on the venue."""
        if name.startswith("!"):
            return self._of_all(name, moment)
        found = _ONE.fullmatch(name)
        market = self.engine.markets.get(found["symbol"].upper()) if found else None
        return [] if found is None or market is None else self._of_one(name, market, found["kind"], moment)

    def _of_all(self, name: str, moment: Moment) -> Frames:
        markets = self.engine.by_index
        if name in _ALL_MARKS:
            return [[self.mark(market) for market in markets]] if self._is_due(name, moment) else []
        if name == "!bookTicker":
            return [row for market in markets for row in self._book_ticker(f"!{market.name}", market)]
        if name == "!forceOrder@arr":
            return list(self._forced(moment.news, None))
        if name in ("!miniTicker@arr", "!ticker@arr") and moment.beat is not None:
            make = self.mini_ticker if name.startswith("!mini") else self.ticker
            return [[make(market) for market in markets]]
        return []

    def _of_one(self, name: str, market: Market, kind: str, moment: Moment) -> Frames:
        if kind == "aggTrade":
            return [self.trade(row) for row in moment.trades if row.market == market.name]
        if kind == "bookTicker":
            return list(self._book_ticker(name, market))
        if kind == "forceOrder":
            return list(self._forced(moment.news, market.name))
        depth = _DEPTH.fullmatch(kind)
        if depth is not None:
            return list(self._depth(name, market, depth["levels"]))
        return list(self._timed(name, market, kind, moment))

    def _timed(self, name: str, market: Market, kind: str, moment: Moment) -> Iterable[Json]:
        """What is repeated with the clock whether it changed or not."""
        if kind in _MARK and self._is_due(kind, moment):
            return [self.mark(market)]
        if moment.beat is None:
            return []
        interval = kind.removeprefix("kline_")
        if interval != kind and interval in INTERVALS:
            return self._klines(name, market, interval)
        makers: dict[str, Callable[[Market], Json]] = {"miniTicker": self.mini_ticker, "ticker": self.ticker}
        return [makers[kind](market)] if kind in makers else []

    @staticmethod
    def _is_due(name: str, moment: Moment) -> bool:
        return moment.beat is not None and (name.endswith("@1s") or moment.beat % SLOW_MARK == 0)

    def _event(self, kind: str, market: Market) -> Json:
        return {"e": kind, "E": self.engine.clock(), "s": market.name}

    # prices

    def mark(self, market: Market) -> Json:
        row = market_shapes.premium(self.engine, market)
        return self._event("markPriceUpdate", market) | {
            "p": row["markPrice"],
            "i": row["indexPrice"],
            "P": row["estimatedSettlePrice"],
            "r": row["lastFundingRate"],
            "T": row["nextFundingTime"],
        }

    def trade(self, row: PublicTrade) -> Json:
        return self._event("aggTrade", self.engine.markets[row.market]) | market_shapes.aggregate_trade(row)

    def mini_ticker(self, market: Market) -> Json:
        row = market_shapes.day(self.engine, market)
        names = {
            "c": "lastPrice",
            "o": "openPrice",
            "h": "highPrice",
            "l": "lowPrice",
            "v": "volume",
            "q": "quoteVolume",
        }
        return self._event("24hrMiniTicker", market) | {key: row[name] for key, name in names.items()}

    def ticker(self, market: Market) -> Json:
        row = market_shapes.day(self.engine, market)
        names = {"p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "c": "lastPrice"}
        names |= {"Q": "lastQty", "o": "openPrice", "h": "highPrice", "l": "lowPrice", "v": "volume"}
        names |= {"q": "quoteVolume", "O": "openTime", "C": "closeTime", "F": "firstId", "L": "lastId", "n": "count"}
        return self._event("24hrTicker", market) | {key: row[name] for key, name in names.items()}

    def _klines(self, name: str, market: Market, interval: str) -> Iterable[Json]:
        """The growing candle, after the last word on the one before it."""
        length, now = INTERVALS[interval], self.engine.clock()
        start = now - now % length
        before = self.told.get(name)
        self.told[name] = start
        if isinstance(before, int) and before < start:
            for row in market_shapes.growing(self.engine, market, length, before, before):
                yield self._kline(market, interval, row, is_closed=True)
        for row in market_shapes.growing(self.engine, market, length, start, now):
            yield self._kline(market, interval, row, is_closed=False)

    def _kline(self, market: Market, interval: str, row: Candle, *, is_closed: bool) -> Json:
        opened, first, high, low, last, volume, closed, value, count, taken, taken_value, _ = market_shapes.kline(row)
        return self._event("kline", market) | {
            "k": {
                "t": opened,
                "T": closed,
                "s": market.name,
                "i": interval,
                "f": opened,
                "L": closed,
                "o": first,
                "c": last,
                "h": high,
                "l": low,
                "v": volume,
                "n": count,
                "x": is_closed,
                "q": value,
                "V": taken,
                "Q": taken_value,
                "B": "0",
            }
        }

    # books

    def _book_ticker(self, name: str, market: Market) -> Iterable[Json]:
        row = market_shapes.best(self.engine, market)
        best = {"b": row["bidPrice"], "B": row["bidQty"], "a": row["askPrice"], "A": row["askQty"]}
        if self.told.get(name) == best:
            return
        self.told[name] = best
        now = self.engine.clock()
        yield {"e": "bookTicker", "u": self.ladder(market).number, "E": now, "T": now, "s": market.name, **best}

    def ladder(self, market: Market) -> Ladder:
        return self.ladders.setdefault(market.name, Ladder(number=self.engine.clock()))

    def _depth(self, name: str, market: Market, levels: str | None) -> Iterable[Json]:
        """The top of the book whenever it changed, or the changes of the whole book."""
        now, head = self.engine.clock(), self._event("depthUpdate", market)
        if levels is None:
            changes = self.told.get(f"{market.name} changes")
            if isinstance(changes, dict) and changes:
                yield head | {"T": now} | changes
            return
        top = self.sides(market, int(levels))
        if self.told.get(name) != top:
            self.told[name] = top
            number = self.ladder(market).number
            yield head | {"T": now, "U": number, "u": number, "pu": number - 1} | top

    def sides(self, market: Market, levels: int) -> dict[str, list[list[str]]]:
        return {
            key: market_shapes.side(self.engine, market, levels, bids=bids) for key, bids in (("b", True), ("a", False))
        }

    def follow_books(self, names: Iterable[str]) -> None:
        """Find out what changed in the books that somebody follows change by change."""
        for key in [key for key in self.told if key.endswith(" changes")]:
            del self.told[key]
        for symbol in {name.partition("@")[0].upper() for name in names if _CHANGES.fullmatch(name)}:
            market = self.engine.markets.get(symbol)
            if market is not None:
                self.told[f"{symbol} changes"] = self._changes(market)

    def _changes(self, market: Market) -> Json:
        """Levels that changed since the last time, with the numbers that chain them together."""
        ladder, fresh = self.ladder(market), self.sides(market, WHOLE_BOOK)
        changes: dict[str, list[list[str]]] = {}
        for key, rows in fresh.items():
            new = {row[0]: row[1] for row in rows}
            old, ladder.sides[key] = ladder.sides[key], new
            gone = [[price, "0"] for price in old if price not in new]
            changes[key] = [[price, size] for price, size in new.items() if old.get(price) != size] + gone
        count = sum(map(len, changes.values()))
        if not count:
            return {}
        before, ladder.number = ladder.number, ladder.number + count
        return {"U": before + 1, "u": ladder.number, "pu": before, **changes}

    # liquidations

    def _forced(self, news: list[News], symbol: str | None) -> Iterable[Json]:
        for item in news:
            order, fill = item.order, item.item
            if order is None or not isinstance(fill, Fill) or order.time_in_force != LIQUIDATION:
                continue
            if symbol in (None, order.market):
                yield {"e": "forceOrder", "E": self.engine.clock(), "o": _forced_order(order, fill)}


def _forced_order(order: Order, fill: Fill) -> Json:
    row = order_row(order)
    return {
        "s": order.market,
        "S": row["side"],
        "o": "LIMIT",
        "f": "IOC",
        "q": row["origQty"],
        "p": row["price"],
        "ap": plain(Decimal(row["avgPrice"])),
        "X": "FILLED" if order.size <= 0 else "PARTIALLY_FILLED",
        "l": plain(fill.size),
        "z": row["executedQty"],
        "T": fill.time,
    }
