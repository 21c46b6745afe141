"""Venue payloads in their raw form, small enough to read, with prices worked out by hand or recorded."""

import json
from typing import Any

Payload = dict[str, Any]

META: Payload = {
    "universe": [
        {"name": "BTC", "szDecimals": 5, "maxLeverage": 40, "marginTableId": 56},
        {"name": "ETH", "szDecimals": 4, "maxLeverage": 25, "marginTableId": 25},
    ],
    "marginTables": [
        [
            56,
            {
                "marginTiers": [
                    {"lowerBound": "0.0", "maxLeverage": 40},
                    {"lowerBound": "150000000.0", "maxLeverage": 20},
                ]
            },
        ]
    ],
    "collateralToken": 0,
}


def encoded(payload: Any) -> bytes:
    return json.dumps(payload).encode()


def isolated_row(price: str | None = "52522.497721519", **changes: Any) -> Payload:
    """The recorded BTC long of 0.002 at 5x."""
    return {
        "coin": "BTC", "szi": "0.002", "entryPx": "64815.0", "positionValue": "129.588", "unrealizedPnl": "-0.042",
        "liquidationPx": price, "marginUsed": "25.856067", "maxLeverage": 40,
        "leverage": {"type": "isolated", "value": 5, "rawUsd": "-103.731933"},
    } | changes  # fmt: skip


def cross_row(coin: str, size: str, value: str, max_leverage: int, price: str | None) -> Payload:
    return {
        "coin": coin, "szi": size, "entryPx": "1", "positionValue": value, "liquidationPx": price, "marginUsed": "1",
        "maxLeverage": max_leverage, "leverage": {"type": "cross", "value": 10},
    }  # fmt: skip


def state(rows: list[Payload], equity: str | None = None, maintenance: str | None = None) -> Payload:
    answer: Payload = {"assetPositions": [{"type": "oneWay", "position": row} for row in rows], "time": 1730000060000}
    if equity is not None:
        answer["crossMarginSummary"] = {"accountValue": equity, "totalMarginUsed": "1"}
    if maintenance is not None:
        answer["crossMaintenanceMarginUsed"] = maintenance
    return answer


# Two cross positions: 1 BTC long at 50000, 10 ETH short at 2000; maintenance 50000/80 + 20000/50 = 1025.
# Backed by 5000: the long ends at 50000 − 3975/(1·0.9875), the short at 2000 + 3975/(10·1.02).
LONG = ("BTC", "1", "50000", 40)
SHORT = ("ETH", "-10", "20000", 25)
PAIR_EQUITY, PAIR_MAINTENANCE = "5000", "1025"
PAIR_PRICES = ("45974.6835443038", "2389.7058823529")
# Backed by 15000 instead: 10000 more.
RICH_PRICES = ("35848.1012658228", "3370.0980392157")


def pair(prices: tuple[str | None, str | None], equity: str | None = PAIR_EQUITY) -> Payload:
    rows = [cross_row(*row, price) for row, price in zip((LONG, SHORT), prices, strict=True)]
    return state(rows, equity, PAIR_MAINTENANCE)


BRACKETS: list[Payload] = [
    {"initialLeverage": 125, "notionalFloor": 0, "notionalCap": 50000, "maintMarginRatio": 0.004, "cum": 0},
    {"initialLeverage": 100, "notionalFloor": 50000, "notionalCap": 250000, "maintMarginRatio": 0.005, "cum": 50},
]
ASTER_MARKETS: Payload = {
    "leverageBracket": [{"symbol": "BTCUSDT", "brackets": BRACKETS}, {"symbol": "ETHUSDT", "brackets": BRACKETS}]
}


def aster_row(symbol: str, size: str, entry: str, mark: str, price: str, **changes: Any) -> Payload:
    """An isolated row with a wallet of 1000; its profit is that of its entry."""
    profit = float(size) * (float(mark) - float(entry))
    return {
        "symbol": symbol, "positionAmt": size, "entryPrice": entry, "markPrice": mark,
        "unRealizedProfit": f"{profit:.8f}", "liquidationPrice": price, "leverage": "10", "maxNotionalValue": "250000",
        "marginType": "isolated", "isolatedMargin": "0", "isolatedWallet": "1000", "isAutoAddMargin": "false",
        "positionSide": "BOTH", "notional": "0", "updateTime": 0,
    } | changes  # fmt: skip


def aster_account(wallet: str, **changes: Any) -> Payload:
    usdt = {"asset": "USDT", "walletBalance": wallet, "crossWalletBalance": wallet, "availableBalance": wallet}
    return {"assets": [usdt], "positions": []} | changes
