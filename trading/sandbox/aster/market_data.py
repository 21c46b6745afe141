"""Public reads: prices, books, candles, trades, funding (Aster rules 2.2)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from trading.sandbox.aster import failures, listing
from trading.sandbox.aster.calls import PUBLIC, Call, Route
from trading.sandbox.aster.market_shapes import (
    INTEREST,
    INTERVALS,
    Ladder,
    aggregate_trade,
    best,
    day,
    growing,
    kline,
    premium,
    side,
)
from trading.sandbox.aster.numbers import fixed, plain
from trading.sandbox.engine import HOUR, Engine
from trading.sandbox.markets import Market
from trading.sandbox.prices import Candle
from trading.sandbox.tape import PublicTrade

Json = dict[str, Any]

DEPTHS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}
USUAL_DEPTH, USUAL_ROWS, MOST_ROWS, MOST_CANDLES = 500, 500, 1000, 1500
USUAL_FUNDINGS = 100


@dataclass(frozen=True)
class MarketData:
    """``ladders`` are the books that the stream follows, by symbol: both doors number changes alike."""

    engine: Engine
    ladders: dict[str, Ladder] = field(default_factory=dict)

    def routes(self) -> dict[tuple[str, str], Route]:
        """What is answered, by method and name."""
        reads: dict[str, tuple[Callable[[Call], object], int | Callable[[Call], int]]] = {
            "ping": (lambda _: {}, 1),
            "time": (lambda _: {"serverTime": self.engine.clock()}, 1),
            "exchangeInfo": (lambda _: listing.exchange_info(self.engine.by_index, self.engine.clock()), 1),
            "depth": (self._depth, _depth_weight),
            "trades": (self._trades, 1),
            "historicalTrades": (self._trades, 20),
            "aggTrades": (self._aggregate_trades, 20),
            "klines": (self._klines, _candle_weight),
            "markPriceKlines": (self._mark_klines, _candle_weight),
            "indexPriceKlines": (self._mark_klines, _candle_weight),
            "premiumIndex": (self._premium, 1),
            "fundingRate": (self._funding_rates, 1),
            "fundingInfo": (self._funding_info, 1),
            "ticker/24hr": (self._days, lambda call: 1 if "symbol" in call.parameters else 40),
            "ticker/price": (self._prices, _ticker_weight),
            "ticker/bookTicker": (self._best, _ticker_weight),
        }
        return {("GET", name): Route(answer, PUBLIC, weight) for name, (answer, weight) in reads.items()}

    def market(self, call: Call, name: str = "symbol") -> Market:
        """The market that a request names."""
        market = self.engine.markets.get(call.parameters.text(name))
        if market is None:
            raise failures.bad_symbol()
        return market

    def _each(self, call: Call) -> list[Market]:
        return [self.market(call)] if "symbol" in call.parameters else self.engine.by_index

    @staticmethod
    def _one_or_all(call: Call, rows: list[Json]) -> Json | list[Json]:
        return rows[0] if "symbol" in call.parameters else rows

    # books and trades

    def _depth(self, call: Call) -> Json:
        levels = call.parameters.optional_integer("limit") or USUAL_DEPTH
        if levels not in DEPTHS:
            raise failures.other(-4021, f"{levels} is not valid depth limit.")
        market = self.market(call)
        ladder = self.ladders.get(market.name)
        now = self.engine.clock()
        return {
            # The picture is already that of the next change, which begins with this number (rules 2.3).
            "lastUpdateId": now if ladder is None else ladder.number + 1,
            "E": now,
            "T": now,
            "bids": side(self.engine, market, levels, bids=True),
            "asks": side(self.engine, market, levels, bids=False),
        }

    def _rows(self, call: Call) -> list[PublicTrade]:
        rows = list(self.engine.tape.trades.get(self.market(call).name, ()))
        return rows[: call.parameters.limit(USUAL_ROWS, MOST_ROWS)][::-1]

    def _trades(self, call: Call) -> list[Json]:
        return [
            {
                "id": row.tid,
                "price": plain(row.price),
                "qty": plain(row.size),
                "quoteQty": plain(row.price * row.size),
                "time": row.time,
                "isBuyerMaker": not row.is_buy,
            }
            for row in self._rows(call)
        ]

    def _aggregate_trades(self, call: Call) -> list[Json]:
        start, end = call.span()
        rows = [row for row in self._rows(call) if start <= row.time <= end]
        return [aggregate_trade(row) for row in rows]

    # candles

    def _klines(self, call: Call) -> list[list[object]]:
        return [kline(row) for row in self._candles(call)]

    def _mark_klines(self, call: Call) -> list[list[object]]:
        name = "pair" if "pair" in call.parameters else "symbol"
        rows = [kline(row) for row in self._candles(call, name)]
        return [[*row[:5], "0", row[6], "0", 60, "0", "0", "0"] for row in rows]

    def _candles(self, call: Call, name: str = "symbol") -> list[Candle]:
        """The rows of a span: the first ones if it has a start, otherwise the newest."""
        market, limit = self.market(call, name), call.parameters.limit(USUAL_ROWS, MOST_CANDLES)
        length = INTERVALS[call.parameters.choice("interval", list(INTERVALS))]
        now, start = self.engine.clock(), call.parameters.optional_integer("startTime")
        end = min(call.parameters.optional_integer("endTime") or now, now)
        if start is None:
            start = end - length * (limit - 1)
        first = -(-max(start, 0) // length) * length if "startTime" in call.parameters else max(start, 0)
        last = min(end, first + length * (limit - 1))
        return growing(self.engine, market, length, first, last) if first <= last else []

    # prices

    def _premium(self, call: Call) -> Json | list[Json]:
        return self._one_or_all(call, [premium(self.engine, market) for market in self._each(call)])

    def _funding_rates(self, call: Call) -> list[Json]:
        start, end = call.span()
        limit, now = call.parameters.limit(USUAL_FUNDINGS, MOST_ROWS), self.engine.clock()
        rows = []
        for market in self._each(call):
            length = market.funding_hours * HOUR
            last = min(end, now) // length * length
            first = max(-(-start // length) * length, last - length * (limit - 1))
            if "startTime" in call.parameters:
                first = -(-start // length) * length
                last = min(last, first + length * (limit - 1))
            rows += [_paid(self.engine, market, time) for time in range(first, last + 1, length)]
        return sorted(rows, key=lambda row: int(row["fundingTime"]))[:limit]

    def _funding_info(self, call: Call) -> list[Json]:
        return [
            {
                "symbol": market.name,
                "interestRate": fixed(INTEREST),
                "time": self.engine.clock(),
                "fundingIntervalHours": market.funding_hours,
                "fundingFeeCap": None,
                "fundingFeeFloor": None,
            }
            for market in self._each(call)
        ]

    def _days(self, call: Call) -> Json | list[Json]:
        return self._one_or_all(call, [day(self.engine, market) for market in self._each(call)])

    def _prices(self, call: Call) -> Json | list[Json]:
        rows = [
            {"symbol": market.name, "price": plain(self.engine.marks[market.name]), "time": self.engine.clock()}
            for market in self._each(call)
        ]
        return self._one_or_all(call, rows)

    def _best(self, call: Call) -> Json | list[Json]:
        return self._one_or_all(call, [best(self.engine, market) for market in self._each(call)])


def _depth_weight(call: Call) -> int:
    return DEPTHS.get(call.parameters.optional_integer("limit") or USUAL_DEPTH, 1)


def _candle_weight(call: Call) -> int:
    limit = call.parameters.optional_integer("limit") or USUAL_ROWS
    return next((weight for bound, weight in ((100, 1), (500, 2), (1001, 5)) if limit < bound), 10)


def _ticker_weight(call: Call) -> int:
    return 1 if "symbol" in call.parameters else 2


def _paid(engine: Engine, market: Market, time: int) -> Json:
    rate = fixed(engine.funding_rate(market, time))
    return {"symbol": market.name, "fundingTime": time, "fundingRate": rate}
