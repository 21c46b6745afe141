"""The venue's own SDK as an independent witness: whatever it would send, we send, byte for byte."""

from decimal import Decimal

from eth_account import Account
from hyperliquid.utils.signing import (
    OrderRequest,
    action_hash,
    order_request_to_order_wire,
    order_wires_to_order_action,
    sign_l1_action,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.venues.hyperliquid.figures import PYTHON_SDK_KEY, market
from trading.margin.rounding import Direction
from trading.venues.base import MarketSpec, MoveCollateral, Network, PlaceOrder, Trigger, TriggerKind
from trading.venues.hyperliquid import signing, wire
from trading.venues.hyperliquid.adapter import HyperliquidAdapter

KEY = signing.SigningKey.from_hex(PYTHON_SDK_KEY)
WALLET = Account.from_key(PYTHON_SDK_KEY)
NONCES = st.integers(min_value=0, max_value=2**53)

markets = st.builds(market, index=st.integers(0, 119_999), size_decimals=st.integers(0, 5))


@st.composite
def orders(draw: st.DrawFn) -> PlaceOrder:
    spec: MarketSpec = draw(markets)
    size = draw(st.integers(1, 10**6)) * spec.size_step
    trigger = None
    if draw(st.booleans()):
        trigger = Trigger(price(draw, spec), draw(st.sampled_from(TriggerKind)), draw(st.booleans()))
    return PlaceOrder(
        spec,
        is_buy=draw(st.booleans()),
        size=size,
        limit_price=price(draw, spec),
        time_in_force=draw(st.sampled_from(HyperliquidAdapter.times_in_force)),
        reduce_only=draw(st.booleans()),
        trigger=trigger,
    )


def price(draw: st.DrawFn, spec: MarketSpec) -> Decimal:
    raw = draw(st.decimals(min_value=1, max_value=200_000, places=6))
    return spec.price_rule.rounded(raw, Direction.UP)


def as_the_sdk_takes_it(order: PlaceOrder) -> OrderRequest:
    kind: dict[str, object] = {"limit": {"tif": wire.TIME_IN_FORCE[order.time_in_force]}}
    if order.trigger is not None:
        kind = {
            "trigger": {
                "isMarket": order.trigger.is_market,
                "triggerPx": float(order.trigger.price),
                "tpsl": wire.TRIGGER_KIND[order.trigger.kind],
            }
        }
    return {
        "coin": order.market.name,
        "is_buy": order.is_buy,
        "sz": float(order.size),
        "limit_px": float(order.limit_price),
        "order_type": kind,
        "reduce_only": order.reduce_only,
        "cloid": None,
    }


@settings(max_examples=60, deadline=None)
@given(order=orders(), nonce=NONCES, expires_after=st.none() | NONCES, network=st.sampled_from(Network))
def test_an_order_equals_the_sdks(order: PlaceOrder, nonce: int, expires_after: int | None, network: Network) -> None:
    theirs = order_wires_to_order_action(
        [order_request_to_order_wire(as_the_sdk_takes_it(order), order.market.index)], None, "na"
    )
    ours = wire.action(order)
    assert ours == theirs
    assert_signed_as_the_sdk_would(ours, nonce, expires_after, network)


@settings(max_examples=60, deadline=None)
@given(
    source=st.sampled_from(["", "xyz"]),
    amount=st.decimals(min_value=Decimal("0.000001"), max_value=10**9, places=6),
    nonce=NONCES,
    expires_after=st.none() | NONCES,
    network=st.sampled_from(Network),
)
def test_a_move_of_collateral_is_signed_as_the_sdk_signs_it(
    source: str, amount: Decimal, nonce: int, expires_after: int | None, network: Network
) -> None:
    move = MoveCollateral(source, "flx", "USDC:0x6d1e7cde53ba9467b783cb7c530ce054", amount)
    action = wire.action(move, WALLET.address, nonce)
    assert_signed_as_the_sdk_would(action, nonce, expires_after, network)


def assert_signed_as_the_sdk_would(ours: wire.Action, nonce: int, expires_after: int | None, network: Network) -> None:
    theirs = ours
    assert signing.connection_id(ours, nonce, expires_after=expires_after) == action_hash(
        theirs, None, nonce, expires_after
    )
    made = signing.sign_action(KEY, ours, nonce, network, expires_after=expires_after)
    expected = sign_l1_action(WALLET, theirs, None, nonce, expires_after, network is Network.MAINNET)
    assert [int(str(made[part]), 16) for part in ("r", "s")] == [int(expected[part], 16) for part in ("r", "s")]
    assert made["v"] == expected["v"]
