"""What the venues write on their streams, byte for byte of the recorded form, with figures of a day that goes on."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

Json = dict[str, Any]
ADDRESS = "0x0000000000000000000000000000000000000001"
BEGAN = 1_790_951_245_000  # milliseconds since 1970
MARKETS = ("BTC", "ETH", "SOL")

# Hyperliquid 6: one frame of each channel that is followed.
CONTEXT: Json = {
    "coin": "BTC",
    "ctx": {
        "funding": "0.0000125", "openInterest": "38060.24832", "prevDayPx": "84083.0", "dayNtlVlm": "3039013020.39",
        "premium": "-0.0002779708", "oraclePx": "86340.0", "markPx": "86319.4", "midPx": "86315.5",
        "impactPxs": ["86302.1", "86316.0"], "dayBaseVlm": "35516.4449599999",
    },
}  # fmt: skip
BOOK: Json = {
    "coin": "BTC", "time": BEGAN,
    "levels": [[{"px": "86326.0", "sz": "13.74071", "n": 70}], [{"px": "86327.0", "sz": "1.02484", "n": 10}]],
}  # fmt: skip
TRADE: Json = {
    "coin": "BTC", "side": "B", "px": "86319.4", "sz": "1.2", "time": BEGAN, "hash": "0x" + "0" * 64, "tid": 1,
    "users": [ADDRESS, ADDRESS],
}  # fmt: skip
CANDLE: Json = {
    "t": BEGAN, "T": BEGAN + 899_999, "s": "BTC", "i": "15m", "o": "29295.0", "c": "29258.0", "h": "29309.0",
    "l": "29250.0", "v": "0.98639", "n": 1,
}  # fmt: skip
POSITION: Json = {
    "type": "oneWay",
    "position": {
        "coin": "BTC", "szi": "0.002", "entryPx": "64815.0", "positionValue": "129.588", "unrealizedPnl": "-0.042",
        "returnOnEquity": "-0.0016217", "marginUsed": "25.856067", "liquidationPx": "52522.497721519",
        "maxLeverage": 40, "leverage": {"type": "isolated", "value": 5, "rawUsd": "-103.731933"},
        "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"},
    },
}  # fmt: skip
SUMMARY = {"accountValue": "0.0", "totalMarginUsed": "0.0", "totalNtlPos": "0.0", "totalRawUsd": "0.0"}
STATE: Json = {
    "assetPositions": [], "crossMaintenanceMarginUsed": "0.0", "crossMarginSummary": SUMMARY, "marginSummary": SUMMARY,
    "time": BEGAN, "withdrawable": "0.0",
}  # fmt: skip
ORDER: Json = {
    "children": [], "cloid": None, "coin": "BTC", "isPositionTpsl": False, "isTrigger": False, "limitPx": "80000.0",
    "oid": 1, "orderType": "Limit", "origSz": "10.0", "reduceOnly": False, "side": "B", "sz": "10.0", "tif": "Gtc",
    "timestamp": BEGAN, "triggerCondition": "N/A", "triggerPx": "0.0",
}  # fmt: skip
FILL: Json = {
    "coin": "BTC", "px": "86000.0", "sz": "1.0", "side": "B", "time": BEGAN, "startPosition": "0.0",
    "dir": "Open Long", "closedPnl": "0.0", "hash": "0x" + "1" * 64, "oid": 1, "crossed": False, "fee": "0.309992",
    "tid": 1, "feeToken": "USDC", "twapId": None,
}  # fmt: skip
FUNDING: Json = {
    "time": BEGAN, "coin": "ETH", "usdc": "-3.625312", "szi": "49.1477", "fundingRate": "0.0000417", "nSamples": None,
}  # fmt: skip
# Aster 2.3, 2.4.
ASTER_MARK: Json = {
    "e": "markPriceUpdate", "E": BEGAN, "s": "BTCUSDT", "p": "11185.87786614", "i": "11784.62659091",
    "P": "11784.25641265", "r": "0.00030000", "T": BEGAN,
}  # fmt: skip
ASTER_DEPTH: Json = {
    "e": "depthUpdate", "E": BEGAN, "T": BEGAN, "s": "BTCUSDT", "U": 157, "u": 160, "pu": 149, "b": [["0.0024", "10"]],
    "a": [["0.0026", "100"]],
}  # fmt: skip
ASTER_TRADE: Json = {
    "e": "aggTrade", "E": BEGAN, "s": "BTCUSDT", "a": 1, "p": "0.001", "q": "100", "f": 100, "l": 105, "T": BEGAN,
    "m": True,
}  # fmt: skip
ASTER_KLINE: Json = {
    "e": "kline", "E": BEGAN, "s": "BTCUSDT",
    "k": {
        "t": BEGAN, "T": BEGAN + 59_999, "s": "BTCUSDT", "i": "1m", "f": 100, "L": 200, "o": "0.0010", "c": "0.0020",
        "h": "0.0025", "l": "0.0015", "v": "1000", "n": 1, "x": False, "q": "1.0000", "V": "500", "Q": "0.500",
        "B": "123456",
    },
}  # fmt: skip
ASTER_ORDER: Json = {
    "e": "ORDER_TRADE_UPDATE", "E": BEGAN, "T": BEGAN,
    "o": {
        "s": "BTCUSDT", "c": "mine", "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "10", "p": "80000", "ap": "0",
        "sp": "0", "x": "NEW", "X": "NEW", "i": 1, "l": "0", "z": "0", "L": "0", "N": "USDT", "n": "0", "T": BEGAN,
        "t": 0, "b": "0", "a": "0", "m": False, "R": False, "wt": "CONTRACT_PRICE", "ot": "LIMIT", "ps": "BOTH",
        "cp": False, "rp": "0",
    },
}  # fmt: skip
ASTER_ACCOUNT: Json = {
    "e": "ACCOUNT_UPDATE", "E": BEGAN, "T": BEGAN,
    "a": {
        "m": "ORDER", "B": [{"a": "USDT", "wb": "122624.12345678", "cw": "100.12345678", "bc": "50.12345678"}],
        "P": [{"s": "BTCUSDT", "pa": "0", "ep": "0.00000", "cr": "200", "up": "0", "mt": "isolated", "iw": "0.0",
               "ps": "BOTH"}],
    },
}  # fmt: skip
EXPIRED: Json = {"e": "listenKeyExpired", "E": BEGAN}


@dataclass
class Day:
    """What an account does while its markets move: orders that rest, fill in parts and end, and what is booked."""

    dice: random.Random
    sizes: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(MARKETS, Decimal(0)))
    open_orders: dict[int, Decimal] = field(default_factory=dict)
    last: dict[object, bytes] = field(default_factory=dict)
    made: int = 0
    now: int = 0

    def step(self) -> list[bytes]:
        """What the venue writes next."""
        self.now += 1
        name = self.dice.choice(MARKETS)
        return self.dice.choice(self.things(name))()

    def things(self, name: str) -> tuple[Callable[[], list[bytes]], ...]:
        raise NotImplementedError

    @property
    def time(self) -> int:
        return BEGAN + 10 * self.now

    def price(self) -> str:
        return str(self.dice.randrange(80_000, 90_000))

    def kept(self, key: object, text: bytes) -> list[bytes]:
        """A frame that is the last word on something; the venue says it again to whoever connects."""
        self.last[key] = text
        return [text]

    def rest(self) -> int:
        self.made += 1
        self.open_orders[self.made] = Decimal(10)
        return self.made


@dataclass
class HyperliquidDay(Day):
    """Hyperliquid's stream of the markets and of one account."""

    def things(self, name: str) -> tuple[Callable[[], list[bytes]], ...]:
        market = (lambda: self._context(name), lambda: self._book(name), lambda: self._trade(name))
        return (*market, lambda: self._candle(name), self._order, self._fill, self._funding)

    def frame(self, channel: str, data: object) -> bytes:
        return msgspec.json.encode({"channel": channel, "data": data})

    def _context(self, name: str) -> list[bytes]:
        prices = {"markPx": self.price(), "oraclePx": self.price()}
        data = CONTEXT | {"coin": name, "ctx": CONTEXT["ctx"] | prices}
        return self.kept(("context", name), self.frame("activeAssetCtx", data))

    def _book(self, name: str) -> list[bytes]:
        bids, asks = BOOK["levels"]
        data = BOOK | {"coin": name, "time": self.time, "levels": [[bids[0] | {"px": self.price()}], asks]}
        return self.kept(("book", name), self.frame("l2Book", data))

    def _trade(self, name: str) -> list[bytes]:
        row = TRADE | {"coin": name, "time": self.time, "tid": self.now, "px": self.price()}
        return [self.frame("trades", [row])]

    def _candle(self, name: str) -> list[bytes]:
        opened = BEGAN + (self.time - BEGAN) // 900_000 * 900_000
        data = CANDLE | {"s": name, "t": opened, "T": opened + 899_999, "c": self.price(), "n": self.now}
        return self.kept(("candle", name), self.frame("candle", data))

    def _order(self) -> list[bytes]:
        if len(self.open_orders) < 5:
            self.rest()
        else:
            del self.open_orders[self.dice.choice(list(self.open_orders))]
        return self.orders()

    def orders(self) -> list[bytes]:
        rows = [
            ORDER | {"oid": number, "coin": MARKETS[number % 3], "sz": f"{left}"}
            for number, left in self.open_orders.items()
        ]
        return self.kept("orders", self.frame("openOrders", {"dex": "", "user": ADDRESS, "orders": rows}))

    def _fill(self) -> list[bytes]:
        if not self.open_orders:
            return []
        number = self.dice.choice(list(self.open_orders))
        name = MARKETS[number % 3]
        fill = FILL | {"coin": name, "time": self.time, "tid": self.now, "oid": number}
        fill |= {"startPosition": f"{self.sizes[name]}"}
        self.sizes[name] += 1
        self.open_orders[number] -= 1
        if not self.open_orders[number]:
            del self.open_orders[number]
        told = self.frame("userFills", {"user": ADDRESS, "fills": [fill]})
        return [told, *self.state(), *self.orders()]

    def state(self) -> list[bytes]:
        rows = [
            POSITION | {"position": POSITION["position"] | {"coin": name, "szi": f"{size}"}}
            for name, size in self.sizes.items()
            if size
        ]
        state = STATE | {"assetPositions": rows, "time": self.time}
        data = {"user": ADDRESS, "clearinghouseStates": [["", state]]}
        return self.kept("state", self.frame("allDexsClearinghouseState", data))

    def _funding(self) -> list[bytes]:
        return [self.frame("userFundings", {"user": ADDRESS, "fundings": [FUNDING | {"time": self.time}]})]


@dataclass
class AsterDay(Day):
    """Aster's combined streams of the markets, and of one account under its key."""

    def things(self, name: str) -> tuple[Callable[[], list[bytes]], ...]:
        market = (lambda: self._mark(name), lambda: self._depth(name), lambda: self._trade(name))
        return (*market, lambda: self._kline(name), self._order, self._fill, self._fill)

    def frame(self, stream: str, data: object) -> bytes:
        return msgspec.json.encode({"stream": stream, "data": data})

    def _mark(self, name: str) -> list[bytes]:
        row = ASTER_MARK | {"s": f"{name}USDT", "E": self.time, "p": self.price(), "i": self.price()}
        return self.kept(("mark", name), self.frame("!markPrice@arr@1s", [row]))

    def _depth(self, name: str) -> list[bytes]:
        row = ASTER_DEPTH | {"s": f"{name}USDT", "T": self.time, "b": [[self.price(), "1"]], "a": [["90000", "1"]]}
        return self.kept(("depth", name), self.frame(f"{name.lower()}usdt@depth20@500ms", row))

    def _trade(self, name: str) -> list[bytes]:
        row = ASTER_TRADE | {"s": f"{name}USDT", "T": self.time, "a": self.now, "p": self.price()}
        return [self.frame(f"{name.lower()}usdt@aggTrade", row)]

    def _kline(self, name: str) -> list[bytes]:
        opened = BEGAN + (self.time - BEGAN) // 60_000 * 60_000
        bar = {"s": f"{name}USDT", "t": opened, "T": opened + 59_999, "n": self.now, "c": self.price()}
        row = ASTER_KLINE | {"s": f"{name}USDT", "k": ASTER_KLINE["k"] | bar}
        return self.kept(("kline", name), self.frame(f"{name.lower()}usdt@kline_1m", row))

    def _order(self) -> list[bytes]:
        if len(self.open_orders) < 5:
            return [self._told(self.rest())]
        number = self.dice.choice(list(self.open_orders))
        text = self._told(number, x="CANCELED", X="CANCELED")
        del self.open_orders[number]
        return [text]

    def _fill(self) -> list[bytes]:
        if not self.open_orders:
            return []
        number = self.dice.choice(list(self.open_orders))
        self.open_orders[number] -= 1
        self.sizes[MARKETS[number % 3]] += 1
        state = "PARTIALLY_FILLED" if self.open_orders[number] else "FILLED"
        text = self._told(number, x="TRADE", X=state, l="1", L="86000", n="0.3", t=self.now)
        if not self.open_orders[number]:
            del self.open_orders[number]
        return [text, self.frame("key", ASTER_ACCOUNT | {"E": self.time, "T": self.time})]

    def _told(self, number: int, **values: object) -> bytes:
        filled = 10 - self.open_orders[number]
        told = {"s": f"{MARKETS[number % 3]}USDT", "i": number, "z": f"{filled}", "T": self.time} | values
        return self.frame("key", ASTER_ORDER | {"E": self.time, "T": self.time, "o": ASTER_ORDER["o"] | told})
