"""What every venue's adapter owes the platform, as benches that the contract's tests run over.

A new venue adds one bench. A bench brings an adapter on a server of its own, the same adapter without its secret, and
the venue's words for the few answers that the contract speaks of.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from tests.trading.venues.aster import figures as aster
from tests.trading.venues.hyperliquid import figures as hyperliquid
from tests.trading.venues.misbehaving import Behaviour, MisbehavingServer, answer
from trading.margin.types import MarginMode
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.aster.doors import AsterDoor
from trading.venues.base import (
    Adapter,
    AdjustMargin,
    Attachment,
    CancelOrder,
    CancelOrders,
    Command,
    MarketSpec,
    ModifyOrder,
    Network,
    Noop,
    PlaceOrder,
    PlaceOrders,
    SetLeverage,
    SetMarginMode,
    TimeInForce,
    Trigger,
    TriggerKind,
)
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.signing import SigningKey
from trading.venues.transport import BlockingTransport, Limits

LIMITS = Limits(connect=2, read=1, total=2, body=1_000_000)


class Anywhere(dict[str, Behaviour]):
    """The same behaviour whatever is asked."""

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__()
        self.behaviour = behaviour

    def __missing__(self, path: str) -> Behaviour:
        return self.behaviour


@dataclass(frozen=True)
class Bench:
    """One adapter and what the contract needs to know of its venue.

    ``refusal`` is the venue's answer to an order without margin, ``stale`` its answer to a request that came too late.
    ``nonce`` is a moment in the venue's own unit. ``signs_network``: a signature is valid on one network only.
    """

    server: MisbehavingServer
    build: Callable[[str, Network, bool], Adapter]
    market: MarketSpec
    address: str
    secrets: tuple[str, ...]
    nonce: int
    accepted: Behaviour
    refusal: Behaviour
    stale: Behaviour
    signs_network: bool = True

    @property
    def adapter(self) -> Adapter:
        """On the test network, with its secret."""
        return self.build(self.server.url, Network.TESTNET, True)  # noqa: FBT003 - the builders take it by place

    @property
    def keyless(self) -> Adapter:
        """Without a secret."""
        return self.build(self.server.url, Network.TESTNET, False)  # noqa: FBT003 - as above

    def behave(self, behaviour: Behaviour) -> None:
        """Answer everything in one way."""
        self.server.paths = Anywhere(behaviour)

    def order(self, price: str = "60000", size: str = "0.01") -> PlaceOrder:
        """A limit order that the venue's rules allow."""
        return PlaceOrder(self.market, is_buy=True, size=Decimal(size), limit_price=Decimal(price))

    def commands(self) -> dict[str, Command]:
        """One command of every kind that the platform knows."""
        market, order = self.market, self.order()
        stop = PlaceOrder(
            market,
            is_buy=False,
            size=Decimal(0),
            limit_price=Decimal(50000),
            reduce_only=True,
            trigger=Trigger(Decimal(50000), TriggerKind.STOP_LOSS),
        )
        post_only = PlaceOrder(market, True, Decimal("0.01"), Decimal(60000), TimeInForce.POST_ONLY)  # noqa: FBT003
        return {
            "limit": order,
            "post only": post_only,
            "stop": stop,
            "batch": PlaceOrders((order, order)),
            "attached": PlaceOrders((order, stop), Attachment.PARENT),
            "modify": ModifyOrder(7, order),
            "cancel": CancelOrder(market, 7),
            "cancels": CancelOrders((CancelOrder(market, 7), CancelOrder(market, 8))),
            "mode": SetMarginMode(market, MarginMode.ISOLATED),
            "leverage": SetLeverage(market, MarginMode.ISOLATED, 5),
            "fill or kill": replace(order, time_in_force=TimeInForce.FILL_OR_KILL),
            "add": AdjustMargin(market, is_buy=True, amount=Decimal("1.5")),
            "remove": AdjustMargin(market, is_buy=True, amount=Decimal("-1.5")),
            "nothing": Noop(),
        }


def hyperliquid_bench(server: MisbehavingServer) -> Bench:
    """Hyperliquid with an agent's key."""

    def build(url: str, network: Network, has_key: bool) -> Adapter:
        key = SigningKey.from_hex(hyperliquid.PYTHON_SDK_KEY) if has_key else None
        return HyperliquidAdapter(BlockingTransport(url, limits=LIMITS), network, key)

    return Bench(
        server=server,
        build=build,
        market=hyperliquid.market(),
        address=hyperliquid.OWNER,
        secrets=(hyperliquid.PYTHON_SDK_KEY.removeprefix("0x"),),
        nonce=1790000000000,
        accepted=answer(
            200, b'{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":5}}]}}}'
        ),
        refusal=answer(
            200,
            b'{"status":"ok","response":{"type":"order","data":{"statuses":'
            b'[{"error":"Insufficient margin to place order. asset=0"}]}}}',
        ),
        stale=answer(200, b'{"status":"err","response":"Action already expired"}'),
    )


def aster_bench(server: MisbehavingServer) -> Bench:
    """Aster with an agent's key."""
    return _aster(server, is_agent=True)


def aster_api_key_bench(server: MisbehavingServer) -> Bench:
    """Aster with a key that the trader brought."""
    return _aster(server, is_agent=False)


def _aster(server: MisbehavingServer, *, is_agent: bool) -> Bench:
    def build(url: str, network: Network, has_key: bool) -> Adapter:
        login = (aster.agent() if is_agent else aster.api_key()) if has_key else None
        return AsterAdapter(AsterDoor(url, limits=LIMITS), network, login)

    return Bench(
        server=server,
        build=build,
        market=aster.market(),
        address=aster.OWNER,
        secrets=(aster.AGENT_KEY.removeprefix("0x"), aster.API_SECRET),
        nonce=aster.NONCE,
        accepted=answer(200, b'{"orderId":5,"status":"NEW","executedQty":"0"}'),
        refusal=answer(400, b'{"code":-2019,"msg":"Margin is insufficient."}'),
        stale=answer(400, b'{"code":-4225,"msg":"Nonce Expired"}'),
        signs_network=is_agent,
    )


BENCHES = {"hyperliquid": hyperliquid_bench, "aster": aster_bench, "aster with an API key": aster_api_key_bench}
