"""The open door: every read by its type (Hyperliquid rules 2)."""

from collections.abc import Callable
from dataclasses import dataclass

from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid import books, market_shapes
from trading.sandbox.hyperliquid.account_info import AccountInfo
from trading.sandbox.hyperliquid.actions import Json, MalformedError, choice, mapping, struct, text, unsigned
from trading.sandbox.hyperliquid.requests import FAR, dex_in, market_in, span_in
from trading.sandbox.hyperliquid.rules import MARKET_ORDER_LIMITS
from trading.sandbox.numbers import shown


@dataclass(frozen=True)
class Info:
    engine: Engine

    def handle(self, body: object) -> object:
        """Answer one request; MalformedError for what does not deserialize."""
        request = mapping(body)
        kind = text(request.get("type"))
        reader = self._readers().get(kind)
        if reader is None:
            raise MalformedError(f"unknown request {kind}")
        return reader(dict(request))

    def _readers(self) -> dict[str, Callable[[Json], object]]:
        return self._market_readers() | AccountInfo(self.engine).readers()

    def _market_readers(self) -> dict[str, Callable[[Json], object]]:
        return {
            "meta": self._meta,
            "metaAndAssetCtxs": self._contexts,
            "allMids": self._mids,
            "l2Book": self._book,
            "candleSnapshot": self._candles,
            "recentTrades": self._trades,
            "spotMeta": lambda _: market_shapes.SPOT_META,
            "spotMetaAndAssetCtxs": lambda _: [market_shapes.SPOT_META, []],
            "fundingHistory": self._funding_history,
            "predictedFundings": lambda _: market_shapes.predicted_fundings(self.engine),
            "perpsAtOpenInterestCap": lambda _: [],
            "perpDexs": lambda _: market_shapes.perp_dexs(),
            "marginTable": lambda raw: market_shapes.margin_tiers(struct(raw, {"id": unsigned})["id"]),
            "maxMarketOrderNtls": lambda _: [[leverage, shown(limit)] for leverage, limit in MARKET_ORDER_LIMITS],
            "exchangeStatus": lambda _: {"time": self.engine.clock(), "specialStatuses": None},
        }

    def _meta(self, raw: Json) -> Json:
        return market_shapes.meta(self.engine, dex_in(raw))

    def _contexts(self, raw: Json) -> list[object]:
        rows = books.markets(self.engine, dex_in(raw))
        return [self._meta(raw), [market_shapes.context(self.engine, market) for market in rows]]

    def _mids(self, raw: Json) -> dict[str, str]:
        return market_shapes.all_mids(self.engine, dex_in(raw))

    def _book(self, raw: Json) -> Json:
        options = struct(raw, {}, {"nSigFigs": unsigned, "mantissa": unsigned})
        figures, mantissa = options.get("nSigFigs"), options.get("mantissa")
        if figures not in (None, 2, 3, 4, 5) or mantissa not in (None, 1, 2, 5):
            raise MalformedError("nSigFigs 2 to 5, mantissa 1, 2 or 5")
        if mantissa is not None and figures != 5:
            raise MalformedError("mantissa goes with nSigFigs 5 alone")
        return market_shapes.l2_book(self.engine, market_in(self.engine, raw), figures, mantissa)

    def _candles(self, raw: Json) -> list[Json]:
        request = dict(mapping(raw.get("req")))
        fields = {"interval": choice(*market_shapes.INTERVALS), "startTime": unsigned}
        span: Json = {"endTime": FAR} | struct(request, fields, {"endTime": unsigned})
        return market_shapes.candle_snapshot(
            self.engine, market_in(self.engine, request), span["interval"], span["startTime"], span["endTime"]
        )

    def _trades(self, raw: Json) -> list[Json]:
        rows = self.engine.tape.trades.get(market_in(self.engine, raw).name, ())
        return [market_shapes.trade(row) for row in list(rows)[:10]]

    def _funding_history(self, raw: Json) -> list[Json]:
        return market_shapes.funding_history(self.engine, market_in(self.engine, raw), *span_in(raw))
