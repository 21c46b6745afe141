"""Three clients that share no code, each taking the same few words: the venue's SDK, ccxt, and the platform's adapter.

The first two are unmodified and were given nothing but the sandbox's address.
"""

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import ccxt
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info

from tests.sandbox_process import SandboxProcess
from trading.margin.types import MarginMode
from trading.venues.base import (
    AdjustMargin,
    Attachment,
    CancelOrder,
    CancelOrders,
    Command,
    MarketSpec,
    ModifyOrder,
    Network,
    PlaceOrder,
    PlaceOrders,
    SetLeverage,
    TimeInForce,
    Trigger,
    TriggerKind,
)
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.signing import SigningKey
from trading.venues.transport import BlockingTransport

STOP, TARGET = "sl", "tp"


@dataclass(frozen=True)
class Protection:
    """A trigger order at market: its kind, its trigger, and the limit it goes out with."""

    kind: str
    trigger: Decimal
    limit: Decimal


@dataclass(frozen=True)
class Held:
    """A position as a client reads it back."""

    size: Decimal
    entry: Decimal
    margin: Decimal
    leverage: int
    liquidation: Decimal


class Client(ABC):
    """One client on a fresh account; ``coin`` is the market as the venue names it."""

    def __init__(self, venue: SandboxProcess, wallet: LocalAccount, coin: str) -> None:
        self.venue, self.wallet, self.coin = venue, wallet, coin
        self.dex = coin.rpartition(":")[0]

    @property
    def address(self) -> str:
        """In lower case, as the venue knows it."""
        return str(self.wallet.address).lower()

    def open_oids(self) -> list[int]:
        """Oldest first."""
        rows = self.venue.info("frontendOpenOrders", user=self.address, dex=self.dex)
        return sorted(row["oid"] for row in rows)

    @abstractmethod
    def leverage(self, leverage: int, *, is_cross: bool) -> None: ...

    @abstractmethod
    def limit(self, size: Decimal, price: Decimal) -> None: ...

    @abstractmethod
    def modify(self, oid: int, size: Decimal, price: Decimal) -> None: ...

    @abstractmethod
    def take(self, size: Decimal, mark: Decimal, *, reduce_only: bool = False) -> None:
        """A market order, five per cent through the mark at most."""

    @abstractmethod
    def stop(self, size: Decimal, stop: Protection) -> None:
        """A stop of a fixed size that stands alone."""

    @abstractmethod
    def limit_with(self, size: Decimal, price: Decimal, target: Protection, stop: Protection) -> None:
        """A limit order whose target and stop wait for it."""

    @abstractmethod
    def protect(self, target: Protection, stop: Protection) -> None:
        """Target and stop of the whole position, a long."""

    @abstractmethod
    def margin(self, amount: int) -> None: ...

    @abstractmethod
    def cancel(self, oids: list[int]) -> None: ...

    @abstractmethod
    def held(self) -> Held | None: ...

    @abstractmethod
    def close(self) -> None: ...


class Sdk(Client):
    """The official SDK."""

    def __init__(self, venue: SandboxProcess, wallet: LocalAccount, coin: str) -> None:
        super().__init__(venue, wallet, coin)
        self.exchange = Exchange(wallet, venue.url, perp_dexs=["", "xyz"])

    @property
    def _info(self) -> Info:
        return self.exchange.info

    def leverage(self, leverage: int, *, is_cross: bool) -> None:
        _done(self.exchange.update_leverage(leverage, self.coin, is_cross=is_cross))

    def limit(self, size: Decimal, price: Decimal) -> None:
        _done(self.exchange.bulk_orders([self._row(size, price, {"limit": {"tif": "Gtc"}})]))

    def modify(self, oid: int, size: Decimal, price: Decimal) -> None:
        kind = {"limit": {"tif": "Gtc"}}
        is_buy = size > 0
        _done(self.exchange.modify_order(oid, self.coin, is_buy, float(abs(size)), float(price), kind))

    def take(self, size: Decimal, mark: Decimal, *, reduce_only: bool = False) -> None:
        price = mark * (Decimal("1.05") if size > 0 else Decimal("0.95"))
        row = self._row(size, price.quantize(_step(mark)), {"limit": {"tif": "Ioc"}}, reduce_only=reduce_only)
        _done(self.exchange.bulk_orders([row]))

    def stop(self, size: Decimal, stop: Protection) -> None:
        _done(self.exchange.bulk_orders([self._trigger(size, stop)]))

    def limit_with(self, size: Decimal, price: Decimal, target: Protection, stop: Protection) -> None:
        parent = self._row(size, price, {"limit": {"tif": "Gtc"}})
        rows = [parent, self._trigger(-size, target), self._trigger(-size, stop)]
        _done(self.exchange.bulk_orders(rows, grouping="normalTpsl"))

    def protect(self, target: Protection, stop: Protection) -> None:
        rows = [self._trigger(Decimal("-0"), one) for one in (target, stop)]
        _done(self.exchange.bulk_orders(rows, grouping="positionTpsl"))

    def margin(self, amount: int) -> None:
        _done(self.exchange.update_isolated_margin(amount, self.coin))

    def cancel(self, oids: list[int]) -> None:
        _done(self.exchange.bulk_cancel([{"coin": self.coin, "oid": oid} for oid in oids]))

    def held(self) -> Held | None:
        rows = [row["position"] for row in self._info.user_state(self.address, dex=self.dex)["assetPositions"]]
        return next((_held_by_venue(row) for row in rows if row["coin"] == self.coin), None)

    def close(self) -> None:
        self.exchange.session.close()
        self._info.session.close()

    def _row(self, size: Decimal, price: Decimal, kind: dict[str, Any], *, reduce_only: bool = False) -> dict[str, Any]:
        return {
            "coin": self.coin,
            "is_buy": size > 0,
            "sz": float(abs(size)),
            "limit_px": float(price),
            "order_type": kind,
            "reduce_only": reduce_only,
        }

    def _trigger(self, size: Decimal, one: Protection) -> dict[str, Any]:
        trigger = {"triggerPx": float(one.trigger), "isMarket": True, "tpsl": one.kind}
        return self._row(size, one.limit, {"trigger": trigger}, reduce_only=True)


class Ccxt(Client):
    """A general exchange library."""

    def __init__(self, venue: SandboxProcess, wallet: LocalAccount, coin: str) -> None:
        super().__init__(venue, wallet, coin)
        self.client = ccxt.hyperliquid(
            {
                "walletAddress": wallet.address,
                "privateKey": "0x" + wallet.key.hex().removeprefix("0x"),
                "enableRateLimit": False,
                # its name for the signing network "b"; no builder fee of its own
                "options": {"sandboxMode": True, "builderFee": False},
            }
        )
        self.client.urls["api"] = {"public": venue.url, "private": venue.url}
        self.client.load_markets()
        self.symbol = f"{coin.upper().replace(':', '-')}/USDC:USDC"

    def leverage(self, leverage: int, *, is_cross: bool) -> None:
        self.client.set_margin_mode("cross" if is_cross else "isolated", self.symbol, {"leverage": leverage})

    def _order(self, kind: str, size: Decimal, price: Decimal, **options: Any) -> None:
        side = "buy" if size > 0 else "sell"
        self.client.create_order(self.symbol, kind, side, float(abs(size)), float(price), options)

    def limit(self, size: Decimal, price: Decimal) -> None:
        self._order("limit", size, price)

    def modify(self, oid: int, size: Decimal, price: Decimal) -> None:
        side = "buy" if size > 0 else "sell"
        self.client.edit_order(str(oid), self.symbol, "limit", side, float(abs(size)), float(price))

    def take(self, size: Decimal, mark: Decimal, *, reduce_only: bool = False) -> None:
        self._order("market", size, mark, reduceOnly=reduce_only)

    def stop(self, size: Decimal, stop: Protection) -> None:
        self._order("market", size, stop.trigger, stopLossPrice=float(stop.trigger), reduceOnly=True)

    def limit_with(self, size: Decimal, price: Decimal, target: Protection, stop: Protection) -> None:
        self._order("limit", size, price, takeProfit=_at_market(target), stopLoss=_at_market(stop))

    def protect(self, target: Protection, stop: Protection) -> None:
        options = {"takeProfit": _at_market(target), "stopLoss": _at_market(stop), "grouping": "positionTpsl"}
        self.client.create_order(self.symbol, "limit", "buy", 0, float(target.trigger), options)

    def margin(self, amount: int) -> None:
        move = self.client.add_margin if amount > 0 else self.client.reduce_margin
        move(self.symbol, abs(amount))

    def cancel(self, oids: list[int]) -> None:
        self.client.cancel_orders([str(oid) for oid in oids], self.symbol)

    def held(self) -> Held | None:
        rows = [row["info"]["position"] for row in self.client.fetch_positions([self.symbol])]
        return _held_by_venue(rows[0]) if rows else None

    def close(self) -> None:
        self.client.session.close()


class Platform(Client):
    """The platform's adapter."""

    def __init__(self, venue: SandboxProcess, wallet: LocalAccount, coin: str) -> None:
        super().__init__(venue, wallet, coin)
        self.transport = BlockingTransport(venue.url)
        key = SigningKey(bytes(wallet.key))
        self.adapter = HyperliquidAdapter(
            self.transport, Network.TESTNET, key, dexes=("xyz",), collaterals=lambda: {"xyz": "USDC"}
        )
        self.market: MarketSpec = next(spec for spec in self.adapter.markets().specs if spec.name == coin)
        self.nonce = time.time_ns() // 1_000_000

    def _do(self, command: Command) -> None:
        for step in self.adapter.steps(command):
            self.nonce += 1
            self.adapter.send(self.adapter.sign(step, nonce=self.nonce, expires_after=self.nonce + 60_000))

    def _place(self, size: Decimal, price: Decimal, **fields: Any) -> PlaceOrder:
        return PlaceOrder(self.market, is_buy=size > 0, size=abs(size), limit_price=price, **fields)

    def _trigger(self, size: Decimal, one: Protection) -> PlaceOrder:
        kind = TriggerKind.STOP_LOSS if one.kind == STOP else TriggerKind.TAKE_PROFIT
        return self._place(size, one.limit, reduce_only=True, trigger=Trigger(one.trigger, kind))

    def leverage(self, leverage: int, *, is_cross: bool) -> None:
        self._do(SetLeverage(self.market, MarginMode.CROSS if is_cross else MarginMode.ISOLATED, leverage))

    def limit(self, size: Decimal, price: Decimal) -> None:
        self._do(self._place(size, price))

    def modify(self, oid: int, size: Decimal, price: Decimal) -> None:
        self._do(ModifyOrder(oid, self._place(size, price)))

    def take(self, size: Decimal, mark: Decimal, *, reduce_only: bool = False) -> None:
        price = (mark * (Decimal("1.05") if size > 0 else Decimal("0.95"))).quantize(_step(mark))
        self._do(self._place(size, price, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL, reduce_only=reduce_only))

    def stop(self, size: Decimal, stop: Protection) -> None:
        self._do(self._trigger(size, stop))

    def limit_with(self, size: Decimal, price: Decimal, target: Protection, stop: Protection) -> None:
        orders = (self._place(size, price), self._trigger(-size, target), self._trigger(-size, stop))
        self._do(PlaceOrders(orders, Attachment.PARENT))

    def protect(self, target: Protection, stop: Protection) -> None:
        orders = tuple(self._trigger(Decimal("-0"), one) for one in (target, stop))
        self._do(PlaceOrders(orders, Attachment.POSITION))

    def margin(self, amount: int) -> None:
        self._do(AdjustMargin(self.market, is_buy=True, amount=Decimal(amount)))

    def cancel(self, oids: list[int]) -> None:
        self._do(CancelOrders(tuple(CancelOrder(self.market, oid) for oid in oids)))

    def held(self) -> Held | None:
        for one in self.adapter.account(self.address).positions:
            if one.market == self.coin and one.liquidation_price is not None:
                return Held(one.size, one.entry_price, one.margin, one.leverage, one.liquidation_price)
        return None

    def close(self) -> None:
        self.transport.close()


CLIENTS: tuple[type[Client], ...] = (Sdk, Ccxt, Platform)


def fresh(kind: type[Client], venue: SandboxProcess, coin: str) -> Client:
    """The client with an account of its own, with ten thousand dollars in it."""
    wallet: LocalAccount = Account.create()
    venue.fund(wallet.address, "10000")
    return kind(venue, wallet, coin)


def _done(answer: Any) -> None:
    """Fail unless everything that was asked for was taken."""
    assert answer["status"] == "ok", answer
    statuses = answer["response"].get("data", {}).get("statuses", [])
    assert not [status for status in statuses if isinstance(status, dict) and "error" in status], answer


def _step(mark: Decimal) -> Decimal:
    """Five significant figures."""
    return Decimal(1).scaleb(min(0, mark.adjusted() - 4))


def _at_market(one: Protection) -> dict[str, Any]:
    return {"triggerPrice": float(one.trigger), "type": "market"}


def _held_by_venue(row: dict[str, Any]) -> Held:
    leverage = row["leverage"]
    figures = (Decimal(row[name]) for name in ("szi", "entryPx", "marginUsed"))
    size, entry, margin = figures
    return Held(size, entry, margin, int(leverage["value"]), Decimal(row["liquidationPx"]))
