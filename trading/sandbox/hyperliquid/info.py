"""The open door: every read by its type (Hyperliquid rules 2). Unknown users get empty structures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from trading.sandbox.engine import HOUR, Engine
from trading.sandbox.hyperliquid import market_shapes, shapes
from trading.sandbox.hyperliquid.actions import (
    Json,
    MalformedError,
    address,
    boolean,
    choice,
    mapping,
    oid_or_client_id,
    struct,
    text,
    unsigned,
)
from trading.sandbox.hyperliquid.authority import Authority
from trading.sandbox.hyperliquid.rules import HYPERLIQUID_RULES, MARKET_ORDER_LIMITS
from trading.sandbox.markets import Market
from trading.sandbox.numbers import ZERO, shown, wire
from trading.sandbox.prices import DAY
from trading.sandbox.state import Account, Fill, FundingPayment, LedgerUpdate

ROWS, FILL_ROWS, ORDER_ROWS = 500, 2000, 2000
FREE_REQUESTS = 10_000
FAR = 1 << 62

_Row = TypeVar("_Row", Fill, FundingPayment, LedgerUpdate)


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
        return self._market_readers() | self._account_readers()

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
            "perpDexs": lambda _: [None],
            "marginTable": lambda raw: market_shapes.margin_tiers(struct(raw, {"id": unsigned})["id"]),
            "maxMarketOrderNtls": lambda _: [[leverage, shown(limit)] for leverage, limit in MARKET_ORDER_LIMITS],
            "exchangeStatus": lambda _: {"time": self.engine.clock(), "specialStatuses": None},
        }

    def _account_readers(self) -> dict[str, Callable[[Json], object]]:
        return {
            "clearinghouseState": lambda raw: shapes.clearinghouse_state(self.engine, self._account(raw)),
            "spotClearinghouseState": lambda raw: shapes.spot_state(self.engine, self._account(raw)),
            "openOrders": self._open_orders,
            "frontendOpenOrders": self._frontend_open_orders,
            "orderStatus": self._order_status,
            "historicalOrders": self._historical_orders,
            "userFills": self._fills,
            "userFillsByTime": self._fills_by_time,
            "userFunding": lambda raw: [shapes.funding_row(row) for row in self._timed(raw, "payments", ROWS)],
            "userNonFundingLedgerUpdates": lambda raw: [
                shapes.ledger_row(row) for row in self._timed(raw, "updates", ROWS)
            ],
            "activeAssetData": self._active_asset_data,
            "userFees": self._fees,
            "userRateLimit": self._rate_limit,
            "userRole": self._role,
            "userAbstraction": self._abstraction,
            "extraAgents": self._agents,
            "maxBuilderFee": self._builder_fee,
            "approvedBuilders": self._builders,
            "referral": self._referral,
            "portfolio": self._portfolio,
            "subAccounts": self._sub_accounts,
        }

    def _account(self, raw: Json) -> Account | None:
        self._main_dex(raw)
        return self.engine.account(struct(raw, {"user": address})["user"])

    @staticmethod
    def _main_dex(raw: Json) -> None:
        if struct(raw, {}, {"dex": text}).get("dex", "") != "":
            raise MalformedError("no such dex")

    def _market(self, raw: Json) -> Market:
        market = self.engine.markets.get(struct(raw, {"coin": text})["coin"])
        if market is None:
            raise MalformedError("no such coin")
        return market

    # markets

    def _meta(self, raw: Json) -> Json:
        self._main_dex(raw)
        return market_shapes.meta(self.engine)

    def _contexts(self, raw: Json) -> list[object]:
        return [self._meta(raw), [market_shapes.context(self.engine, market) for market in self.engine.by_index]]

    def _mids(self, raw: Json) -> dict[str, str]:
        self._main_dex(raw)
        return market_shapes.all_mids(self.engine)

    def _book(self, raw: Json) -> Json:
        options = struct(raw, {}, {"nSigFigs": unsigned, "mantissa": unsigned})
        figures, mantissa = options.get("nSigFigs"), options.get("mantissa")
        if figures not in (None, 2, 3, 4, 5) or mantissa not in (None, 1, 2, 5):
            raise MalformedError("nSigFigs 2 to 5, mantissa 1, 2 or 5")
        if mantissa is not None and figures != 5:
            raise MalformedError("mantissa goes with nSigFigs 5 alone")
        return market_shapes.l2_book(self.engine, self._market(raw), figures, mantissa)

    def _candles(self, raw: Json) -> list[Json]:
        request = dict(mapping(raw.get("req")))
        fields = {"interval": choice(*market_shapes.INTERVALS), "startTime": unsigned}
        span: Json = {"endTime": FAR} | struct(request, fields, {"endTime": unsigned})
        return market_shapes.candle_snapshot(
            self.engine, self._market(request), span["interval"], span["startTime"], span["endTime"]
        )

    def _trades(self, raw: Json) -> list[Json]:
        rows = self.engine.tape.trades.get(self._market(raw).name, ())
        return [market_shapes.trade(row) for row in list(rows)[:10]]

    def _funding_history(self, raw: Json) -> list[Json]:
        span = {"endTime": FAR} | struct(raw, {"startTime": unsigned}, {"endTime": unsigned})
        return market_shapes.funding_history(self.engine, self._market(raw), span["startTime"], span["endTime"])

    # accounts

    def _open_orders(self, raw: Json) -> list[Json]:
        return [shapes.plain_order(row) for row in shapes.open_orders(self.engine, self._account(raw))]

    def _frontend_open_orders(self, raw: Json) -> list[Json]:
        return [shapes.order(self.engine, row) for row in shapes.open_orders(self.engine, self._account(raw))]

    def _order_status(self, raw: Json) -> Json:
        account, key = self._account(raw), struct(raw, {"oid": oid_or_client_id})["oid"]
        order = self.engine.desk.find(account, key) if account else None
        if order is None:
            return {"status": "unknownOid"}
        return {"status": "order", "order": shapes.order_with_status(self.engine, order)}

    def _historical_orders(self, raw: Json) -> list[Json]:
        account = self._account(raw)
        newest = reversed(account.orders[-ORDER_ROWS:] if account else [])
        return [shapes.order_with_status(self.engine, self.engine.state.orders[oid]) for oid in newest]

    def _fills(self, raw: Json) -> list[Json]:
        struct(raw, {}, {"aggregateByTime": boolean})
        account = self._account(raw)
        return [shapes.fill(row) for row in reversed(account.fills[-FILL_ROWS:] if account else [])]

    def _fills_by_time(self, raw: Json) -> list[Json]:
        struct(raw, {}, {"aggregateByTime": boolean})
        account, (start, end) = self._account(raw), self._span(raw)
        return [shapes.fill(row) for row in _between(account.fills if account else [], start, end, FILL_ROWS)]

    @staticmethod
    def _span(raw: Json) -> tuple[int, int]:
        span = {"endTime": FAR} | struct(raw, {"startTime": unsigned}, {"endTime": unsigned})
        return span["startTime"], span["endTime"]

    def _timed(self, raw: Json, name: str, limit: int) -> list[Any]:
        account, (start, end) = self._account(raw), self._span(raw)
        if account is None:
            return []
        if name == "payments":
            return _between(account.payments, start, end, limit)
        return _between(account.updates, start, end, limit)

    def _active_asset_data(self, raw: Json) -> Json:
        return shapes.active_asset_data(self.engine, struct(raw, {"user": address})["user"], self._market(raw))

    def _fees(self, raw: Json) -> Json:
        self._account(raw)
        schedule = {
            "cross": wire(HYPERLIQUID_RULES.taker_rate),
            "add": wire(HYPERLIQUID_RULES.maker_rate),
            "spotCross": "0.0007",
            "spotAdd": "0.0004",
            "tiers": {"vip": [], "mm": []},
            "referralDiscount": "0.04",
            "stakingDiscountTiers": [{"bpsOfMaxSupply": "0.0", "discount": "0.0"}],
        }
        return {
            "dailyUserVlm": [],
            "feeSchedule": schedule,
            "userCrossRate": wire(HYPERLIQUID_RULES.taker_rate),
            "userAddRate": wire(HYPERLIQUID_RULES.maker_rate),
            "userSpotCrossRate": "0.0007",
            "userSpotAddRate": "0.0004",
            "activeReferralDiscount": "0.0",
            "trial": None,
            "feeTrialReward": "0.0",
            "nextTrialAvailableTimestamp": None,
            "stakingLink": None,
            "activeStakingDiscount": None,
        }

    def _rate_limit(self, raw: Json) -> Json:
        account = self._account(raw)
        volume, used = (account.volume, account.requests) if account else (ZERO, 0)
        return {
            "cumVlm": shown(volume),
            "nRequestsUsed": used,
            "nRequestsCap": FREE_REQUESTS + int(volume),
            "nRequestsSurplus": 0,
        }

    def _role(self, raw: Json) -> Json:
        user = struct(raw, {"user": address})["user"]
        master = Authority(self.engine.state).master(user, self.engine.clock())
        if master is not None:
            return {"role": "agent", "data": {"user": master.address}}
        return {"role": "user" if self.engine.account(user) else "missing"}

    def _abstraction(self, raw: Json) -> str:
        account = self._account(raw)
        return account.abstraction if account else "default"

    def _agents(self, raw: Json) -> list[Json]:
        account, now = self._account(raw), self.engine.clock()
        rows = [row for row in account.agents if row.name and row.valid_until > now] if account else []
        return [{"name": row.name, "address": row.address, "validUntil": row.valid_until} for row in rows]

    def _builder_fee(self, raw: Json) -> int:
        account, builder = self._account(raw), struct(raw, {"builder": address})["builder"]
        return account.builders.get(builder, 0) if account else 0

    def _builders(self, raw: Json) -> list[str]:
        account = self._account(raw)
        return [builder for builder, rate in account.builders.items() if rate] if account else []

    def _referral(self, raw: Json) -> Json:
        user, account = struct(raw, {"user": address})["user"], self._account(raw)
        return {
            "referredBy": None,
            "cumVlm": shown(account.volume if account else ZERO),
            "unclaimedRewards": "0.0",
            "claimedRewards": "0.0",
            "builderRewards": shown(self.engine.state.builder_rewards.get(user, ZERO), 6),
            "tokenToState": [],
            "referrerState": {"stage": "needToTrade", "data": {"required": "10000.0"}},
            "rewardHistory": [],
        }

    def _portfolio(self, raw: Json) -> list[object]:
        """Present value alone: the sandbox keeps no history of equity."""
        account, now = self._account(raw), self.engine.clock()
        summary = shapes.clearinghouse_state(self.engine, account)["marginSummary"]
        points = {"accountValueHistory": [[now - HOUR, summary["accountValue"]], [now, summary["accountValue"]]]}
        row = points | {
            "pnlHistory": [[now - DAY, "0.0"], [now, "0.0"]],
            "vlm": shown(account.volume if account else ZERO),
        }
        names = ("day", "week", "month", "allTime", "perpDay", "perpWeek", "perpMonth", "perpAllTime")
        return [[name, row] for name in names]

    def _sub_accounts(self, raw: Json) -> None:
        self._account(raw)


def _between(rows: Sequence[_Row], start: int, end: int, limit: int) -> list[_Row]:
    """Rows of the inclusive range, oldest first, cut at ``limit``."""
    return [row for row in rows if start <= row.time <= end][:limit]
