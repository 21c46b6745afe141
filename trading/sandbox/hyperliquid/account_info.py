"""What is asked about an account, by its type (Hyperliquid rules 2.3-2.7). Unknown users get empty structures.

Fills, orders, funding and ledger rows come for all books of an address in one list; positions and open orders by book.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from trading.sandbox.engine import HOUR, Engine
from trading.sandbox.hyperliquid import books, shapes
from trading.sandbox.hyperliquid.actions import Json, address, boolean, oid_or_client_id, struct
from trading.sandbox.hyperliquid.allowance import Allowance
from trading.sandbox.hyperliquid.authority import Authority
from trading.sandbox.hyperliquid.requests import dex_in, market_in, span_in
from trading.sandbox.hyperliquid.rules import HYPERLIQUID_RULES
from trading.sandbox.numbers import ZERO, shown, wire
from trading.sandbox.prices import DAY
from trading.sandbox.state import Account, Fill, FundingPayment, LedgerUpdate, Order

ROWS, FILL_ROWS, ORDER_ROWS = 500, 2000, 2000

_Row = TypeVar("_Row", Fill, FundingPayment, LedgerUpdate)


@dataclass(frozen=True)
class AccountInfo:
    engine: Engine

    def readers(self) -> dict[str, Callable[[Json], object]]:
        """The questions that this answers."""
        return {
            "clearinghouseState": lambda raw: shapes.clearinghouse_state(self.engine, self._book(raw), dex_in(raw)),
            "spotClearinghouseState": lambda raw: shapes.spot_state(self.engine, self._account(raw)),
            "openOrders": self._open_orders,
            "frontendOpenOrders": self._frontend_open_orders,
            "orderStatus": self._order_status,
            "historicalOrders": self._historical_orders,
            "userFills": self._fills,
            "userFillsByTime": self._fills_by_time,
            "userFunding": self._payments,
            "userNonFundingLedgerUpdates": self._updates,
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
        """The main book's account, which holds what belongs to the address."""
        return self.engine.account(struct(raw, {"user": address})["user"])

    def _book(self, raw: Json) -> Account | None:
        return books.find(self.engine, struct(raw, {"user": address})["user"], dex_in(raw))

    def _books(self, raw: Json) -> list[Account]:
        return books.all_of(self.engine, struct(raw, {"user": address})["user"])

    # accounts

    def _resting(self, raw: Json) -> list[Order]:
        return shapes.open_orders(self.engine, self._book(raw), dex_in(raw))

    def _open_orders(self, raw: Json) -> list[Json]:
        return [shapes.plain_order(row) for row in self._resting(raw)]

    def _frontend_open_orders(self, raw: Json) -> list[Json]:
        return [shapes.order(self.engine, row) for row in self._resting(raw)]

    def _order_status(self, raw: Json) -> Json:
        fields = struct(raw, {"user": address, "oid": oid_or_client_id})
        order = books.find_order(self.engine, fields["user"], fields["oid"])
        if order is None:
            return {"status": "unknownOid"}
        return {"status": "order", "order": shapes.order_with_status(self.engine, order)}

    def _historical_orders(self, raw: Json) -> list[Json]:
        oids = sorted(oid for account in self._books(raw) for oid in account.orders)
        newest = reversed(oids[-ORDER_ROWS:])
        return [shapes.order_with_status(self.engine, self.engine.state.orders[oid]) for oid in newest]

    def _fills(self, raw: Json) -> list[Json]:
        rows = _by_time(account.fills for account in self._books(raw))[-FILL_ROWS:]
        return [shapes.fill(row) for row in reversed(_as_asked(rows, raw))]

    def _fills_by_time(self, raw: Json) -> list[Json]:
        rows = _between(_by_time(account.fills for account in self._books(raw)), span_in(raw), FILL_ROWS)
        return [shapes.fill(row) for row in _as_asked(rows, raw)]

    def _payments(self, raw: Json) -> list[Json]:
        rows = _between(_by_time(account.payments for account in self._books(raw)), span_in(raw), ROWS)
        return [shapes.funding_row(row) for row in rows]

    def _updates(self, raw: Json) -> list[Json]:
        rows = _between(_by_time(account.updates for account in self._books(raw)), span_in(raw), ROWS)
        return [shapes.ledger_row(row) for row in rows]

    def _active_asset_data(self, raw: Json) -> Json:
        return shapes.active_asset_data(
            self.engine, struct(raw, {"user": address})["user"], market_in(self.engine, raw)
        )

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
        user, account = struct(raw, {"user": address})["user"], self._account(raw)
        requests = account.requests if account else 0
        return {
            "cumVlm": shown(books.volume(self.engine, user)),
            "nRequestsUsed": max(0, requests),
            "nRequestsCap": Allowance(self.engine).cap(user),
            "nRequestsSurplus": max(0, -requests),
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


def _by_time(lists: Iterable[Sequence[_Row]]) -> list[_Row]:
    """The rows of all books, oldest first."""
    return sorted((row for rows in lists for row in rows), key=lambda row: row.time)


def _between(rows: Sequence[_Row], span: tuple[int, int], limit: int) -> list[_Row]:
    """Rows of the inclusive range, oldest first, cut at ``limit``."""
    start, end = span
    return [row for row in rows if start <= row.time <= end][:limit]


def _as_asked(rows: list[Fill], raw: Json) -> list[Fill]:
    """Each execution, or those of one order at one moment together."""
    together = struct(raw, {}, {"aggregateByTime": boolean}).get("aggregateByTime", False)
    return shapes.aggregated(rows) if together else rows
