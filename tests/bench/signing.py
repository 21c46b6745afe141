"""P1: one order built, signed and made ready to post, ours beside the clients that others use, without a network.

The official SDK signs with whatever elliptic-curve library it finds: pure Python where nothing else is installed, which
is how it comes, and libsecp256k1 where coincurve is there. The bare signature is that library alone, over a digest that
is ready: nobody can be faster.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import ccxt
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data
from hyperliquid.exchange import Exchange
from hyperliquid.utils.constants import MAINNET_API_URL
from hyperliquid.utils.types import Cloid

from tests.bench.measuring import Line, in_turns, seconds_per_call
from tests.trading.venues.aster import figures as aster
from tests.trading.venues.hyperliquid import figures as hyperliquid
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.base import Adapter, MarketSpec, Network, PlaceOrder
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.signing import SigningKey
from trading.venues.transport import NO_HEADERS, Response

CALLS, SLOW_CALLS = 1000, 10
NEAR_THE_BARE_SIGNATURE, TIMES_AS_INSTALLED = 1.6, 75
CLIENT_ID = "0x" + "ab" * 16
DIGEST = b"\x11" * 32
PURE_PYTHON, COINCURVE = "eth_keys.backends.NativeECCBackend", "eth_keys.backends.CoinCurveECCBackend"

Work = Callable[[], object]


class Nowhere:
    """A transport that is never used."""

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """Fail: nothing here is sent."""
        raise AssertionError("nothing is sent")


def one_order() -> list[Line]:
    """Lines of both venues."""
    return [*_hyperliquid(), *_aster()]


def _lines(venue: str, ours: Work, bare: Work, peers: dict[str, tuple[str, Work]]) -> list[Line]:
    """``peers`` by name, each with the library it signs with; the first is the one as it is installed."""
    fast = [partial(seconds_per_call, work, CALLS) for work in (ours, bare)]
    slow = [partial(_with_backend, backend, work) for backend, work in peers.values()]
    time, floor, *others = in_turns([*fast, *slow])
    work = f"build and sign one order, {venue}"
    as_installed, *rest = zip(peers, others, strict=True)
    return [
        Line("P1", work, time, "the bare signature", floor, floor * NEAR_THE_BARE_SIGNATURE),
        Line("P1", work, time, *as_installed, as_installed[1] / TIMES_AS_INSTALLED),
        *(Line("P1", work, time, *peer) for peer in rest),
    ]


def _with_backend(backend: str, work: Work) -> float:
    with _elliptic_curves(backend):
        work()
        return seconds_per_call(work, SLOW_CALLS)


@contextmanager
def _elliptic_curves(backend: str) -> Iterator[None]:
    """Let eth-account use this library, as it chooses by its environment."""
    before = os.environ.get("ECC_BACKEND_CLASS", COINCURVE)
    os.environ["ECC_BACKEND_CLASS"] = backend
    try:
        yield
    finally:
        os.environ["ECC_BACKEND_CLASS"] = before


def _order(market: MarketSpec, client_id: str) -> PlaceOrder:
    return PlaceOrder(market, is_buy=True, size=Decimal("0.01"), limit_price=Decimal(60000), client_id=client_id)


def _signing(adapter: Adapter, order: PlaceOrder, nonce: int, expires_after: int | None = None) -> Work:
    return lambda: adapter.sign(order, nonce=nonce, expires_after=expires_after)


def _bare(secret: str) -> Work:
    return partial(PrivateKey.from_hex(secret.removeprefix("0x")).sign_recoverable, DIGEST, hasher=None)


def _hyperliquid() -> list[Line]:
    secret, nonce = hyperliquid.PYTHON_SDK_KEY, 1790000000000
    adapter = HyperliquidAdapter(Nowhere(), Network.MAINNET, SigningKey.from_hex(secret))
    sdk, library = _official_sdk(secret), _ccxt_hyperliquid(secret)
    peers = {
        "official SDK as installed": (PURE_PYTHON, sdk),
        "official SDK with coincurve": (COINCURVE, sdk),
        "ccxt": (COINCURVE, library),
    }
    order = _order(hyperliquid.market(), CLIENT_ID)
    return _lines("Hyperliquid", _signing(adapter, order, nonce, nonce + 5000), _bare(secret), peers)


class _OfflineExchange(Exchange):  # type: ignore[misc]
    """The official SDK up to the moment at which it would post."""

    def post(self, url_path: str, payload: Any = None) -> str:
        """The body that would be sent."""
        return json.dumps(payload)


def _official_sdk(secret: str) -> Work:
    meta = {"universe": [{"name": "BTC", "szDecimals": 5}]}
    spot: dict[str, list[object]] = {"universe": [], "tokens": []}
    exchange = _OfflineExchange(Account.from_key(secret), MAINNET_API_URL, meta=meta, spot_meta=spot)
    order_type, client_id = {"limit": {"tif": "Gtc"}}, Cloid.from_str(CLIENT_ID)
    return lambda: exchange.order("BTC", True, 0.01, 60000, order_type, cloid=client_id)  # noqa: FBT003 - its own way


def _ccxt_hyperliquid(secret: str) -> Work:
    client = ccxt.hyperliquid(
        {"walletAddress": hyperliquid.OWNER, "privateKey": secret, "options": {"builderFee": False}}
    )
    row = {"szDecimals": 5, "name": "BTC", "maxLeverage": 40, "baseId": 0, "markPx": "60000", "collateralToken": "0"}
    client.set_markets([client.parse_market(row)])
    order = {
        "symbol": "BTC/USDC:USDC",
        "type": "limit",
        "side": "buy",
        "amount": 0.01,
        "price": 60000,
        "params": {"clientOrderId": CLIENT_ID},
    }
    return lambda: json.dumps(client.create_orders_request([order]))


def _aster() -> list[Line]:
    secret = aster.AGENT_KEY
    adapter = AsterAdapter(Nowhere(), Network.MAINNET, aster.agent())
    order = _order(aster.market(), "ab" * 16)
    text = adapter.sign(order, nonce=aster.NONCE).body.decode().rpartition("&signature=")[0]
    by_eth_account, library = _eth_account(secret, text), _ccxt_aster(secret)
    peers = {
        "eth-account as installed": (PURE_PYTHON, by_eth_account),
        "eth-account with coincurve": (COINCURVE, by_eth_account),
        "ccxt": (COINCURVE, library),
    }
    return _lines("Aster", _signing(adapter, order, aster.NONCE), _bare(secret), peers)


def _eth_account(secret: str, text: str) -> Work:
    """The way of the venue's own examples: the text as typed data, signed by eth-account."""
    wallet = Account.from_key(secret)
    domain = {
        "name": "AsterSignTransaction",
        "version": "1",
        "chainId": 1666,
        "verifyingContract": "0x0000000000000000000000000000000000000000",
    }
    types = {"Message": [{"name": "msg", "type": "string"}]}

    def sign() -> str:
        signature: str = wallet.sign_message(encode_typed_data(domain, types, {"msg": text})).signature.hex()
        return signature

    return sign


def _ccxt_aster(secret: str) -> Work:
    client = ccxt.aster({"privateKey": secret})
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01",
        "price": "60000",
        "newClientOrderId": "ab" * 16,
    }
    return lambda: client.sign("fapi/v3/order", ["fapiPrivate"], "POST", dict(order))
