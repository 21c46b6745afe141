"""What each subscription sends: first frames and later ones (Hyperliquid rules 6)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid import books, market_shapes, shapes
from trading.sandbox.hyperliquid.actions import (
    Json,
    MalformedError,
    Reader,
    address,
    boolean,
    choice,
    mapping,
    struct,
    text,
    unsigned,
)
from trading.sandbox.hyperliquid.markets import DEXES
from trading.sandbox.hyperliquid.requests import dex_in
from trading.sandbox.numbers import shown
from trading.sandbox.state import Fill, FundingPayment, LedgerUpdate, Order
from trading.sandbox.tape import News, PublicTrade

Fields = tuple[dict[str, Reader], dict[str, Reader]]
SNAPSHOT_ROWS = 500

_Row = TypeVar("_Row", Fill, FundingPayment, LedgerUpdate)

_USER: Fields = ({"user": address}, {"dex": text, "aggregateByTime": boolean})
_COIN: Fields = ({"coin": text}, {})
_CANDLE: Fields = ({"coin": text, "interval": choice(*market_shapes.INTERVALS)}, {})
CHANNELS: dict[str, Fields] = {
    "allMids": ({}, {"dex": text}),
    "l2Book": ({"coin": text}, {"nSigFigs": unsigned, "mantissa": unsigned, "fast": boolean}),
    "bbo": _COIN,
    "trades": _COIN,
    "candle": _CANDLE,
    "activeAssetCtx": _COIN,
    "activeAssetData": ({"user": address, "coin": text}, {}),
}
_ACCOUNT_CHANNELS = (
    "clearinghouseState",
    "allDexsClearinghouseState",
    "openOrders",
    "orderUpdates",
    "userFills",
    "userEvents",
    "userFundings",
    "userNonFundingLedgerUpdates",
    "spotState",
    "notification",
    "webData3",
)
USER_CHANNELS: dict[str, Fields] = dict.fromkeys(_ACCOUNT_CHANNELS, _USER)


def understand(engine: Engine, raw: object) -> Json:
    """A subscription with its fields checked; MalformedError says what is wrong."""
    kind = text(mapping(raw).get("type"))
    fields = CHANNELS.get(kind) or USER_CHANNELS.get(kind)
    if fields is None:
        raise MalformedError(f"unknown subscription {kind}")
    wanted = {"type": kind} | struct(raw, *fields)
    if "coin" in wanted and wanted["coin"] not in engine.markets:
        raise MalformedError(f"unknown coin {wanted['coin']}")
    dex_in(wanted)
    return wanted


@dataclass(frozen=True)
class Frames:
    engine: Engine

    def snapshot(self, wanted: Json) -> list[Json]:
        """Frames right after the acknowledgement."""
        accounts = books.all_of(self.engine, wanted["user"]) if "user" in wanted else []
        user: Json = {"isSnapshot": True, "user": wanted.get("user")}
        if wanted["type"] == "userFills":
            fills = [shapes.fill(row) for row in _newest_first(account.fills for account in accounts)]
            return [_frame("userFills", user | {"fills": fills})]
        if wanted["type"] == "userFundings":
            fundings = [_funding(row) for row in _newest_first(account.payments for account in accounts)]
            return [_frame("userFundings", user | {"fundings": fundings})]
        if wanted["type"] == "userNonFundingLedgerUpdates":
            rows = [shapes.ledger_row(row) for row in _newest_first(account.updates for account in accounts)]
            return [_frame("userNonFundingLedgerUpdates", user | {"nonFundingLedgerUpdates": rows})]
        if wanted["type"] == "trades":
            recent = list(self.engine.tape.trades.get(wanted["coin"], ()))[:10]
            return [_frame("trades", [market_shapes.trade(row) for row in recent])] if recent else []
        return self.updates(wanted, [], [], tick=True)

    def updates(self, wanted: Json, news: Sequence[News], trades: Sequence[PublicTrade], *, tick: bool) -> list[Json]:
        """Frames for what happened since the last ones."""
        kind = wanted["type"]
        if kind == "trades":
            rows = [market_shapes.trade(row) for row in trades if row.market == wanted["coin"]]
            return [_frame("trades", rows)] if rows else []
        if kind in CHANNELS:
            return [self._market_frame(wanted)] if tick or kind == "activeAssetData" else []
        mine = [item for item in news if books.owner(item.address) == wanted["user"]]
        makers: dict[str, Callable[[str, list[News]], list[Json]]] = {
            "orderUpdates": self._order_updates,
            "userFills": self._fills,
            "userEvents": self._events,
            "userFundings": self._fundings,
            "userNonFundingLedgerUpdates": self._ledger_updates,
            "notification": self._notifications,
        }
        if kind in makers:
            return makers[kind](wanted["user"], mine)
        return [self._state_frame(kind, wanted["user"], dex_in(wanted))]

    def _market_frame(self, wanted: Json) -> Json:
        kind = wanted["type"]
        if kind == "allMids":
            dex: Json = {"dex": wanted["dex"]} if wanted.get("dex") else {}
            return _frame(kind, {"mids": market_shapes.all_mids(self.engine, dex_in(wanted))} | dex)
        market = self.engine.markets[wanted["coin"]]
        if kind == "l2Book":
            book = market_shapes.l2_book(self.engine, market, wanted.get("nSigFigs"), wanted.get("mantissa"))
            if wanted.get("fast"):
                book["levels"] = [side[:5] for side in book["levels"]]
            return _frame(kind, book)
        if kind == "bbo":
            return _frame(kind, market_shapes.bbo(self.engine, market))
        if kind == "candle":
            now = self.engine.clock()
            return _frame(kind, market_shapes.candle_snapshot(self.engine, market, wanted["interval"], now, now)[-1])
        if kind == "activeAssetCtx":
            return _frame(kind, {"coin": market.name, "ctx": market_shapes.context(self.engine, market)})
        return _frame(kind, shapes.active_asset_data(self.engine, wanted["user"], market))

    def _state_frame(self, kind: str, user: str, dex: str) -> Json:
        account = books.find(self.engine, user, dex)
        if kind == "openOrders":
            orders = [shapes.order(self.engine, row) for row in shapes.open_orders(self.engine, account, dex)]
            return _frame(kind, {"dex": dex, "user": user, "orders": orders})
        if kind == "spotState":
            return _frame(kind, {"user": user, "spotState": shapes.spot_state(self.engine, self.engine.account(user))})
        if kind == "webData3":
            return _frame(kind, self._web_data(user))
        if kind == "clearinghouseState":
            return _frame(kind, {"dex": dex, "user": user, "clearinghouseState": self._state(user, dex)})
        states = [[name, self._state(user, name)] for name in (books.MAIN, *(row.name for row in DEXES))]
        return _frame(kind, {"user": user, "clearinghouseStates": states})

    def _state(self, user: str, dex: str) -> Json:
        return shapes.clearinghouse_state(self.engine, books.find(self.engine, user, dex), dex)

    def _web_data(self, user: str) -> Json:
        account, now = self.engine.account(user), self.engine.clock()
        agent = (
            next((row for row in account.agents if not row.name and row.valid_until > now), None) if account else None
        )
        state = {
            "agentAddress": agent.address if agent else None,
            "agentValidUntil": agent.valid_until if agent else None,
            "cumLedger": "0.0",
            "serverTime": now,
            "isVault": False,
            "user": user,
        }
        return {"userState": state, "perpDexStates": [{"totalVaultEquity": "0.0", "perpsAtOpenInterestCap": []}]}

    # news

    @staticmethod
    def _order_updates(_user: str, mine: list[News]) -> list[Json]:
        rows = [
            {
                "order": shapes.plain_order(item.item),
                "status": item.item.status,
                "statusTimestamp": item.item.status_time,
            }
            for item in mine
            if item.kind == "order" and isinstance(item.item, Order)
        ]
        return [_frame("orderUpdates", rows)] if rows else []

    @staticmethod
    def _fills(user: str, mine: list[News]) -> list[Json]:
        rows = [shapes.fill(item.item) for item in mine if isinstance(item.item, Fill)]
        return [_frame("userFills", {"user": user, "fills": rows})] if rows else []

    def _events(self, user: str, mine: list[News]) -> list[Json]:
        frames: list[Any] = []
        fills = [shapes.fill(item.item) for item in mine if isinstance(item.item, Fill)]
        if fills:
            frames.append({"fills": fills})
        frames += [{"funding": _funding(item.item)} for item in mine if isinstance(item.item, FundingPayment)]
        for item in mine:
            if item.kind == "liquidation" and isinstance(item.item, str):
                frames.append({"liquidation": self._liquidation(user, item.item)})
        cancels = [item.item for item in mine if item.kind == "cancel" and isinstance(item.item, Order)]
        if cancels:
            frames.append({"nonUserCancel": [{"coin": row.market, "oid": row.oid} for row in cancels]})
        return [_frame("user", data) for data in frames]

    def _liquidation(self, user: str, sums: str) -> Json:
        notional, value = sums.split()
        return {
            "lid": len(self.engine.state.events),
            "liquidator": user,
            "liquidated_user": user,
            "liquidated_ntl_pos": notional,
            "liquidated_account_value": value,
        }

    @staticmethod
    def _fundings(user: str, mine: list[News]) -> list[Json]:
        rows = [_funding(item.item) for item in mine if isinstance(item.item, FundingPayment)]
        return [_frame("userFundings", {"user": user, "fundings": rows})] if rows else []

    @staticmethod
    def _ledger_updates(user: str, mine: list[News]) -> list[Json]:
        rows = [shapes.ledger_row(item.item) for item in mine if isinstance(item.item, LedgerUpdate)]
        data = {"user": user, "nonFundingLedgerUpdates": rows}
        return [_frame("userNonFundingLedgerUpdates", data)] if rows else []

    @staticmethod
    def _notifications(_user: str, mine: list[News]) -> list[Json]:
        fills = [item.item for item in mine if isinstance(item.item, Fill) and not item.item.crossed]
        return [
            _frame(
                "notification",
                {
                    "notification": f"Resting order filled: {'Bought' if row.is_buy else 'Sold'} "
                    f"{shown(row.size)} {row.market} at ${shown(row.price)}"
                },
            )
            for row in fills
        ]


def _newest_first(lists: Iterable[Sequence[_Row]]) -> list[_Row]:
    rows = sorted((row for rows in lists for row in rows), key=lambda row: row.time)
    return rows[: -SNAPSHOT_ROWS - 1 : -1]


def _frame(channel: str, data: object) -> Json:
    return {"channel": channel, "data": data}


def _funding(row: FundingPayment) -> Json:
    return {"time": row.time} | shapes.funding(row)
