"""P2: an account of twenty positions from the venue's bytes to typed decimals, ours beside ccxt, the official SDK and a
bare decoder."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import ccxt
import requests
from hyperliquid.info import Info
from hyperliquid.utils.constants import MAINNET_API_URL

from tests.bench.measuring import Line, in_turns, seconds_per_call
from tests.trading.venues.hyperliquid.figures import OWNER
from trading.venues.hyperliquid import parse

POSITIONS, CALLS, SLOW_CALLS = 20, 1000, 20
TIMES_CCXT = 30
RECEIVED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def account() -> list[Line]:
    """Lines of Hyperliquid's account state."""
    body = account_state(POSITIONS)
    time, bare, sdk, library = in_turns(
        [
            partial(seconds_per_call, partial(parse.account, body, RECEIVED_AT), CALLS),
            partial(seconds_per_call, partial(json.loads, body), CALLS),
            partial(seconds_per_call, partial(official_sdk(body).user_state, OWNER), CALLS),
            partial(seconds_per_call, partial(_by_ccxt, _client(POSITIONS), body.decode()), SLOW_CALLS),
        ]
    )
    work = f"parse an account of {POSITIONS} positions, {len(body):,} bytes"
    return [
        Line("P2", work, time, "json.loads, no types", bare, bare),
        Line("P2", work, time, "official SDK, no types", sdk),
        Line("P2", work, time, "ccxt", library, library / TIMES_CCXT),
    ]


def account_state(count: int) -> bytes:
    """An answer of the venue with so many positions, every other one isolated and every fourth without a liquidation
    price, in the venue's own shape."""
    positions = [_position(number) for number in range(count)]
    summary = {
        "accountValue": "104532.218834",
        "totalNtlPos": "388412.90175",
        "totalRawUsd": "-283880.682916",
        "totalMarginUsed": "38841.290175",
    }
    state = {
        "marginSummary": summary,
        "crossMarginSummary": summary,
        "crossMaintenanceMarginUsed": "9710.322543",
        "withdrawable": "65690.928659",
        "assetPositions": positions,
        "time": 1790000000000,
    }
    return json.dumps(state, separators=(",", ":")).encode()


def _position(number: int) -> dict[str, object]:
    price = Decimal(17 + number) * Decimal("3.1415")
    size = Decimal(number + 1) * Decimal("12.5") * (-1 if number % 3 == 0 else 1)
    leverage: dict[str, object] = {"type": "cross", "value": 10}
    if number % 2:
        leverage = {"type": "isolated", "value": 5, "rawUsd": f"{-size * price * Decimal('0.8'):f}"}
    position = {
        "coin": f"COIN{number}",
        "szi": f"{size:f}",
        "leverage": leverage,
        "entryPx": f"{price:f}",
        "positionValue": f"{abs(size) * price:f}",
        "unrealizedPnl": "-12.481200",
        "returnOnEquity": "-0.0016217",
        "liquidationPx": None if number % 4 == 0 else f"{price * Decimal('0.81234567891'):f}",
        "marginUsed": f"{abs(size) * price / 5:f}",
        "maxLeverage": 40,
        "cumFunding": {"allTime": "514.085417", "sinceOpen": "1.312045", "sinceChange": "0.218445"},
    }
    return {"type": "oneWay", "position": position}


class _Answered(requests.Session):
    """A session whose every request has had this answer already."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body = body

    def post(self, *_: object, **__: object) -> requests.Response:
        """The answer, as bytes that nobody has read yet."""
        response = requests.Response()
        response.status_code, response._content = 200, self._body
        return response


def official_sdk(body: bytes) -> Info:
    """The official SDK's reader, whose every question is answered so."""
    info = Info(MAINNET_API_URL, skip_ws=True, meta={"universe": []}, spot_meta={"universe": [], "tokens": []})
    info.session = _Answered(body)
    return info


def _client(count: int) -> ccxt.hyperliquid:
    client = ccxt.hyperliquid()
    rows = [
        {"szDecimals": 2, "name": f"COIN{number}", "maxLeverage": 40, "baseId": number, "markPx": "50"}
        for number in range(count)
    ]
    client.set_markets([client.parse_market(row | {"collateralToken": "0"}) for row in rows])
    return client


def _by_ccxt(client: ccxt.hyperliquid, text: str) -> object:
    return client.parse_positions(client.parse_json(text)["assetPositions"])
