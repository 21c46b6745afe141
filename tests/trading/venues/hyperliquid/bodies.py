"""Bodies in the venue's shape, of which tests change what they are about."""

import json
from typing import Any

# A recorded isolated long (testnet, July 2026), in the venue's shape with what we do not use left out.
POSITION: dict[str, Any] = {
    "coin": "BTC",
    "szi": "0.002",
    "entryPx": "64815.0",
    "positionValue": "129.588",
    "unrealizedPnl": "-0.042",
    "liquidationPx": "52522.497721519",
    "marginUsed": "25.856067",
    "maxLeverage": 40,
    "leverage": {"type": "isolated", "value": 5, "rawUsd": "-103.731933"},
    "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"},
}
UNIVERSE: list[dict[str, Any]] = [
    {"szDecimals": 5, "name": "BTC", "maxLeverage": 40, "marginTableId": 56},
    {"szDecimals": 1, "name": "MATIC", "maxLeverage": 20, "marginTableId": 20, "isDelisted": True},
    {"szDecimals": 2, "name": "TLT", "maxLeverage": 20, "marginTableId": 20, "marginMode": "noCross"},
]
CONTEXT: dict[str, Any] = {
    "funding": "0.0000125",
    "openInterest": "38060.24832",
    "prevDayPx": "84083.0",
    "dayNtlVlm": "3039013020.3949518204",
    "premium": None,
    "oraclePx": "86340.0",
    "markPx": "86319.4",
    "midPx": None,
    "impactPxs": None,
    "aFieldOfTomorrow": {"is": "ignored"},
}
TIERS_56 = [{"lowerBound": "0.0", "maxLeverage": 40}, {"lowerBound": "150000000.0", "maxLeverage": 20}]
TABLE_56 = [56, {"description": "tiered 40x", "marginTiers": TIERS_56}]
ORDER: dict[str, Any] = {
    "coin": "INJ",
    "side": "A",
    "limitPx": "9.1954",
    "sz": "12.5",
    "oid": 3184595906,
    "timestamp": 1700126022555,
    "origSz": "20.0",
    "orderType": "Stop Market",
    "tif": None,
    "reduceOnly": True,
    "isTrigger": True,
    "triggerPx": "9.995",
    "triggerCondition": "Price below 9.995",
    "isPositionTpsl": False,
    "children": [],
    "cloid": None,
}
# A recorded fill with a builder's fee (mainnet, February 2026).
FILL: dict[str, Any] = {
    "coin": "HYPE",
    "px": "33.209",
    "sz": "0.73",
    "side": "B",
    "time": 1770458548926,
    "startPosition": "0.0",
    "dir": "Open Long",
    "closedPnl": "0.0",
    "hash": "0x53542a9ac057af8454cd0434d851d202028b00805b5ace56f71cd5ed7f5b896e",
    "oid": 314848230306,
    "crossed": True,
    "fee": "0.012896",
    "builderFee": "0.002424",
    "tid": 882779857052503,
    "feeToken": "USDC",
    "twapId": None,
}


def account_body(*positions: dict[str, Any], **changes: object) -> bytes:
    """An account's state that holds these positions."""
    summary = {"accountValue": "25.856067", "totalNtlPos": "129.588", "totalRawUsd": "0", "totalMarginUsed": "1"}
    body = {
        "marginSummary": summary,
        "crossMarginSummary": summary | {"accountValue": "7.5", "totalMarginUsed": "1.25"},
        "crossMaintenanceMarginUsed": "0.5",
        "withdrawable": "6.25",
        "time": 1730000060000,
        "assetPositions": [{"type": "oneWay", "position": row} for row in positions],
    }
    return json.dumps(body | changes).encode()
