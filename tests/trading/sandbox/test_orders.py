"""Orders: the venue's sentences, matching, triggers and groups."""

from decimal import Decimal

import pytest

from tests.trading.sandbox.conftest import Clock
from tests.trading.sandbox.orders import isolate, place, request, take
from trading.sandbox import book
from trading.sandbox.engine import Engine
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account
from trading.sandbox.venues import HYPERLIQUID


@pytest.mark.parametrize(
    ("market", "size", "price", "options", "sentence"),
    [
        ("BTC", "0.001", "86320.5", {}, "Price must be divisible by tick size."),
        ("BTC", "0.000001", "86320", {}, "Order has invalid size."),
        ("BTC", "0", "86320", {}, "Order has zero size."),
        ("BTC", "0.0001", "86320", {}, "Order must have minimum value of $10."),
        ("BTC", "2.4", "86320", {}, "Insufficient margin to place order."),
        ("BTC", "0.001", "86320", {"reduce_only": True}, "Reduce only order would increase position."),
        (
            "BTC",
            "0.001",
            "86320",
            {"time_in_force": "Ioc"},
            "Order could not immediately match against any resting orders.",
        ),
        (
            "BTC",
            "0.001",
            "86320",
            {"time_in_force": "FrontendMarket"},
            "No liquidity available for market order.",
        ),
        (
            "BTC",
            "0.001",
            "86321",
            {"time_in_force": "Alo"},
            "Post only order would have immediately matched, bbo was 86319@86321.",
        ),
        ("BTC", "0.01", "17000", {}, "Order price cannot be more than 80% away from the reference price"),
        (
            "BTC",
            "-0.01",
            "80000",
            {"trigger_price": Decimal(87000), "trigger_kind": "sl", "reduce_only": True},
            "Invalid TP/SL price.",
        ),
    ],
)
def test_a_bad_order_gets_the_venues_sentence_and_changes_nothing(
    engine: Engine, alice: Account, market: str, size: str, price: str, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(RefusedError) as refusal:
        place(engine, alice, market, size, price, **options)
    assert str(refusal.value) == sentence
    assert (alice.cash, alice.positions, alice.open_orders) == (Decimal(10_000), {}, [])
    status = engine.state.orders[alice.orders[-1]].status
    assert status.endswith("Rejected") or status == "rejected"


def test_leverage_beyond_the_tier_of_the_result_is_refused(engine: Engine, alice: Account) -> None:
    engine.fund(alice.address, Decimal(2_000_000))
    isolate(engine, alice, "BNB", 10)
    sentence = r"^Order would cause position to exceed margin tier limit at current leverage$"
    with pytest.raises(RefusedError, match=sentence):
        place(engine, alice, "BNB", "4000", "779")
    isolate(engine, alice, "BNB", 5)
    assert place(engine, alice, "BNB", "4000", "779").status == "open"


def test_a_reduce_only_close_of_the_whole_position_may_be_tiny(engine: Engine, alice: Account) -> None:
    take(engine, alice, "BTC", "0.00012")
    engine.set_mark(HYPERLIQUID.markets["BTC"], Decimal(50_000))
    with pytest.raises(RefusedError, match=r"^Order must have minimum value of \$10.$"):
        take(engine, alice, "BTC", "-0.0001", reduce_only=True)
    take(engine, alice, "BTC", "-0.00012", reduce_only=True)
    assert alice.positions == {}


def test_an_immediate_order_beyond_the_depth_fills_in_part(engine: Engine, alice: Account) -> None:
    engine.fund(alice.address, Decimal(2_000_000))
    depth = sum(level.size for level in book.side(7, HYPERLIQUID.markets["ATOM"], engine.marks["ATOM"], bids=False))
    order = place(engine, alice, "ATOM", str(depth + 1000), "1.9", time_in_force="Ioc")
    assert (order.filled, order.status) == (depth, "canceled")
    assert alice.positions["ATOM"].size == depth


def test_a_limit_price_stops_the_taking_and_the_rest_is_filled_as_maker(engine: Engine, alice: Account) -> None:
    engine.fund(alice.address, Decimal(2_000_000))
    levels = book.side(7, HYPERLIQUID.markets["BTC"], engine.marks["BTC"], bids=False)
    order = engine.desk.place(alice, request(engine, "BTC", "50", str(levels[1].price)))
    assert order.filled == levels[0].size + levels[1].size
    assert order.status == "open"
    engine.settle()
    assert order.status == "filled"
    assert [fill.crossed for fill in alice.fills] == [True, True, False]
    assert alice.fills[-1].price == levels[1].price


def test_a_resting_order_is_filled_as_maker_when_the_book_reaches_it(engine: Engine, alice: Account) -> None:
    order = place(engine, alice, "BTC", "0.01", "86000")
    engine.set_mark(HYPERLIQUID.markets["BTC"], Decimal(86_000))
    assert order.status == "open"
    engine.set_mark(HYPERLIQUID.markets["BTC"], Decimal(85_998))
    fill = alice.fills[-1]
    assert (order.status, fill.price, fill.crossed) == ("filled", Decimal(86_000), False)
    assert fill.fee == Decimal("0.129")


def test_two_accounts_trade_with_each_other_at_the_resting_price(engine: Engine, alice: Account, bob: Account) -> None:
    maker = place(engine, alice, "BTC", "0.01", "86320")
    taker = place(engine, bob, "BTC", "-0.01", "86320", time_in_force="Ioc")
    assert (maker.status, taker.status) == ("filled", "filled")
    assert (alice.fills[-1].crossed, bob.fills[-1].crossed) == (False, True)
    assert alice.positions["BTC"].size + bob.positions["BTC"].size == 0
    assert engine.state.pool == 0


def test_nobody_trades_with_himself(engine: Engine, alice: Account) -> None:
    resting = place(engine, alice, "BTC", "0.01", "86320")
    taker = place(engine, alice, "BTC", "-0.01", "86320")
    assert (resting.status, taker.status, alice.fills) == ("selfTradeCanceled", "open", [])


def test_reduce_only_orders_shrink_and_go_with_the_position(engine: Engine, alice: Account) -> None:
    take(engine, alice, "BTC", "0.02")
    order = place(engine, alice, "BTC", "-0.05", "90000", reduce_only=True)
    assert (order.size, order.original_size) == (Decimal("0.02"), Decimal("0.05"))
    take(engine, alice, "BTC", "-0.01")
    assert order.size == Decimal("0.01")
    take(engine, alice, "BTC", "-0.01")
    assert order.status == "reduceOnlyCanceled"


@pytest.mark.parametrize(
    ("kind", "size", "trigger", "before", "at"),
    [
        ("sl", "-0.01", "85000", "85001", "85000"),
        ("tp", "-0.01", "88000", "87999", "88000"),
        ("sl", "0.01", "88000", "87999", "88000"),
        ("tp", "0.01", "85000", "85001", "85000"),
    ],
)
def test_a_trigger_fires_at_its_price_and_not_before(
    engine: Engine, alice: Account, kind: str, size: str, trigger: str, before: str, at: str
) -> None:
    take(engine, alice, "BTC", str(-Decimal(size)))
    options = {"trigger_price": Decimal(trigger), "trigger_kind": kind, "trigger_is_market": True}
    limit = "95000" if Decimal(size) > 0 else "77000"
    order = place(engine, alice, "BTC", size, limit, reduce_only=True, **options)
    engine.set_mark(HYPERLIQUID.markets["BTC"], Decimal(before))
    assert order.status == "open"
    engine.set_mark(HYPERLIQUID.markets["BTC"], Decimal(at))
    assert (order.status, alice.positions) == ("filled", {})


def test_children_wait_for_the_parent_and_the_first_to_fill_ends_the_other(engine: Engine, alice: Account) -> None:
    options = {"reduce_only": True, "trigger_is_market": True}
    take_profit = request(engine, "BTC", "-0.01", "80000", trigger_price=Decimal(90000), trigger_kind="tp", **options)
    stop = request(engine, "BTC", "-0.01", "76000", trigger_price=Decimal(84000), trigger_kind="sl", **options)
    parent, children = engine.desk.place_with_children(
        alice, request(engine, "BTC", "0.01", "86000"), [take_profit, stop]
    )
    assert [child.status for child in children] == ["waitingForFill", "waitingForFill"]
    assert alice.open_orders == [parent.oid]
    engine.set_mark(HYPERLIQUID.markets["BTC"], Decimal(85_990))
    assert [child.status for child in children] == ["open", "open"]
    engine.set_mark(HYPERLIQUID.markets["BTC"], Decimal(90_000))
    assert [child.status for child in children] == ["filled", "siblingFilledCanceled"]
    assert alice.positions == {}


def test_cancelling_a_parent_cancels_its_children(engine: Engine, alice: Account) -> None:
    stop = request(engine, "BTC", "-0.01", "76000", reduce_only=True, trigger_price=Decimal(84000), trigger_kind="sl")
    parent, children = engine.desk.place_with_children(alice, request(engine, "BTC", "0.01", "86000"), [stop])
    engine.desk.cancel(alice, parent)
    assert [children[0].status, parent.status] == ["canceled", "canceled"]
    with pytest.raises(RefusedError, match=r"^Order was never placed, already canceled, or filled.$"):
        engine.desk.cancel(alice, parent)


def test_a_position_stop_follows_the_size_of_the_position(engine: Engine, alice: Account) -> None:
    take(engine, alice, "BTC", "0.01")
    stop = request(
        engine,
        "BTC",
        "-0.01",
        "76000",
        reduce_only=True,
        trigger_price=Decimal(84000),
        trigger_kind="sl",
        trigger_is_market=True,
    )
    (order,) = engine.desk.bind(alice, [stop])
    assert (order.size, order.original_size, order.follows_position) == (Decimal(0), Decimal(0), True)
    take(engine, alice, "BTC", "0.02")
    engine.set_mark(HYPERLIQUID.markets["BTC"], Decimal(84_000))
    assert (order.filled, alice.positions) == (Decimal("0.03"), {})


def test_a_refused_modification_leaves_the_old_order_where_it_was(engine: Engine, alice: Account) -> None:
    order = place(engine, alice, "BTC", "0.01", "80000")
    with pytest.raises(RefusedError, match=r"^Insufficient margin to place order.$"):
        engine.desk.modify(alice, order.oid, request(engine, "BTC", "50", "80000"))
    assert (order.status, alice.open_orders) == ("open", [order.oid])
    new = engine.desk.modify(alice, order.oid, request(engine, "BTC", "0.02", "81000"))
    assert (order.status, new.status, alice.open_orders) == ("canceled", "open", [new.oid])
    with pytest.raises(RefusedError, match=r"^Cannot modify canceled or filled order$"):
        engine.desk.modify(alice, order.oid, request(engine, "BTC", "0.02", "81000"))


def test_resting_orders_reserve_margin_and_opposite_ones_none(engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "BTC", 10)
    place(engine, alice, "BTC", "0.1", "80000")
    assert engine.ledger.free(alice) == 10_000 - 800
    take(engine, alice, "BTC", "-0.2")
    assert engine.ledger.reserved(alice) == 0


def test_a_resting_order_that_can_no_longer_be_paid_is_cancelled(engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "BTC", 20)
    order = place(engine, alice, "BTC", "2", "80000")
    isolate(engine, alice, "BTC", 5)
    engine.set_mark(HYPERLIQUID.markets["BTC"], Decimal(79_000))
    assert (order.status, alice.positions) == ("marginCanceled", {})


def test_a_scheduled_cancel_ends_all_orders_at_its_time(engine: Engine, alice: Account, clock: Clock) -> None:
    order = place(engine, alice, "BTC", "0.01", "80000")
    alice.cancel_at = clock.now + 5000
    clock.now += 4999
    engine.advance()
    assert order.status == "open"
    clock.now += 1
    engine.advance()
    assert order.status == "scheduledCancel"
