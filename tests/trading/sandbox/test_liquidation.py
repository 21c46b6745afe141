"""Liquidation happens by definition: one tick before it nothing, one tick past it the position is gone."""

from decimal import Decimal

import pytest

from tests.trading.sandbox.conftest import ALICE, Clock
from tests.trading.sandbox.orders import isolate, place, take
from trading.sandbox.engine import Engine
from trading.sandbox.state import Account
from trading.sandbox.venues import HYPERLIQUID


def set_price(engine: Engine, market: str, price: Decimal) -> None:
    engine.set_mark(HYPERLIQUID.markets[market], price)


@pytest.mark.parametrize(
    ("market", "size", "leverage", "rate"),
    [
        ("BTC", "0.05", 10, "0.0125"),
        ("BTC", "-0.05", 10, "0.0125"),
        ("ETH", "1", 20, "0.02"),
        ("SOL", "-9", 3, "0.025"),
    ],
)
def test_an_isolated_position_dies_where_its_equity_falls_below_maintenance(
    engine: Engine, alice: Account, market: str, size: str, leverage: int, rate: str
) -> None:
    isolate(engine, alice, market, leverage)
    take(engine, alice, market, size)
    position = alice.positions[market]
    side = 1 if position.size > 0 else -1
    # equity = cash + size * p and maintenance = |size| * p * rate meet here
    meeting = -position.cash / (position.size * (1 - side * Decimal(rate)))
    step = Decimal("0.000001")
    set_price(engine, market, meeting.quantize(step) + side * step)
    assert market in alice.positions
    set_price(engine, market, meeting.quantize(step) - side * step)
    assert market not in alice.positions


def test_exactly_at_maintenance_the_position_lives(engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "BTC", 10)
    take(engine, alice, "BTC", "0.08")
    position = alice.positions["BTC"]
    position.cash = Decimal("0.08") * 80_000 * (Decimal("0.0125") - 1)
    engine.state.pool += 10_000 - engine.state.money()
    set_price(engine, "BTC", Decimal(80_000))
    assert "BTC" in alice.positions
    assert engine.ledger.equity(position) == engine.ledger.maintenance(position)


def test_a_liquidated_isolated_position_leaves_the_rest_of_the_account_untouched(
    engine: Engine, alice: Account
) -> None:
    isolate(engine, alice, "BTC", 20)
    isolate(engine, alice, "ETH", 5)
    take(engine, alice, "BTC", "0.05")
    take(engine, alice, "ETH", "1")
    take(engine, alice, "SOL", "10")
    resting = place(engine, alice, "SOL", "1", "100")
    cash, ether, sol = alice.cash, alice.positions["ETH"].cash, alice.positions["SOL"].size
    set_price(engine, "BTC", Decimal(83_000))
    assert set(alice.positions) == {"ETH", "SOL"}
    assert (alice.positions["ETH"].cash, alice.positions["SOL"].size) == (ether, sol)
    assert alice.cash >= cash
    assert resting.status == "open"


def test_it_is_sold_into_the_book_and_the_remainder_returns(engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "BTC", 20)
    take(engine, alice, "BTC", "0.05")
    cash, bucket = alice.cash, alice.positions["BTC"].cash
    mark = (-bucket / (Decimal("0.05") * (1 - Decimal("0.0125")))).quantize(Decimal(1)) - 5
    set_price(engine, "BTC", mark)
    fill = alice.fills[-1]
    assert fill.liquidation is not None
    assert (fill.liquidation.method, fill.liquidation.mark) == ("market", mark)
    assert fill.fee == (fill.size * fill.price * Decimal("0.00045")).quantize(Decimal("0.000001"), "ROUND_DOWN")
    assert alice.cash == cash + bucket + fill.size * fill.price - fill.fee
    assert alice.cash > cash


def test_below_two_thirds_the_backstop_takes_position_and_margin(engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "BTC", 20)
    take(engine, alice, "BTC", "0.05")
    cash = alice.cash
    set_price(engine, "BTC", Decimal(82_600))
    fill = alice.fills[-1]
    assert fill.liquidation is not None
    assert (fill.liquidation.method, fill.fee, fill.direction) == ("backstop", Decimal(0), "Liquidated Isolated Long")
    assert alice.cash == cash
    assert alice.updates[-1].delta["leverageType"] == "Isolated"
    assert alice.updates[-1].delta["liquidatedPositions"] == [{"coin": "BTC", "szi": "0.05"}]


def test_a_gap_through_everything_costs_at_most_the_margin(engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "BTC", 10)
    take(engine, alice, "BTC", "0.5")
    cash = alice.cash
    set_price(engine, "BTC", Decimal(30_000))
    assert (alice.cash, alice.positions) == (cash, {})
    assert engine.state.money() == engine.state.deposits


def test_cross_positions_die_together_and_isolated_ones_stay(engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "ETH", 5)
    take(engine, alice, "ETH", "1")
    take(engine, alice, "BTC", "1.1")
    take(engine, alice, "SOL", "-10")
    resting = place(engine, alice, "SOL", "-1", "150")
    equity, maintenance = engine.ledger.cross_equity(alice), engine.ledger.cross_maintenance(alice)
    # only BTC moves: equity falls by 1.1 a dollar, maintenance by 1.1 * 1.25 %
    fall = (equity - maintenance) / (Decimal("1.1") * (1 - Decimal("0.0125")))
    step = Decimal("0.000001")
    set_price(engine, "BTC", (86_320 - fall).quantize(step) + step)
    assert set(alice.positions) == {"ETH", "BTC", "SOL"}
    set_price(engine, "BTC", (86_320 - fall).quantize(step) - step)
    assert set(alice.positions) == {"ETH"}
    assert resting.status == "liquidatedCanceled"
    assert alice.updates[-1].delta["leverageType"] == "Cross"


def test_a_cross_account_below_two_thirds_loses_its_whole_cross_margin(engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "ETH", 5)
    take(engine, alice, "ETH", "1")
    bucket = alice.positions["ETH"].cash
    take(engine, alice, "BTC", "1.5")
    set_price(engine, "BTC", Decimal(70_000))
    assert (alice.cash, alice.positions["ETH"].cash) == (Decimal(0), bucket)
    assert alice.fills[-1].direction == "Liquidated Cross Long"
    assert engine.state.money() == engine.state.deposits


def test_maintenance_in_a_higher_tier_has_its_deduction(engine: Engine) -> None:
    table = HYPERLIQUID.markets["BNB"].tiers
    assert table.maintenance(Decimal(3_000_000)) == 150_000
    assert table.maintenance(Decimal(4_000_000)) == 250_000
    assert table.at(Decimal(3_000_000)).max_leverage == 5
    assert HYPERLIQUID.markets["BTC"].tiers.at(Decimal(150_000_000)).deduction == 1_875_000


def test_a_position_in_the_second_tier_dies_by_its_tiers_maintenance(engine: Engine, alice: Account) -> None:
    engine.fund(alice.address, Decimal(2_000_000))
    isolate(engine, alice, "BNB", 5)
    for _ in range(3):
        take(engine, alice, "BNB", "1800")
    position = alice.positions["BNB"]
    meeting = -(position.cash + 150_000) / (position.size * (1 - Decimal("0.1")))
    assert meeting * position.size > 3_000_000
    step = Decimal("0.000001")
    set_price(engine, "BNB", meeting.quantize(step) + step)
    assert "BNB" in alice.positions
    set_price(engine, "BNB", meeting.quantize(step) - step)
    # the first fifth: what is left lies nearer to the first tier and needs less
    assert alice.positions["BNB"].size == 4320


def test_a_large_cross_position_is_sold_in_part_first_and_kept_where_that_is_enough(
    engine: Engine, alice: Account, clock: Clock
) -> None:
    engine.fund(ALICE, Decimal(20_000))
    engine.ledger.update_leverage(alice, engine.markets["BTC"], isolated=False, leverage=40)
    take(engine, alice, "BTC", "5")
    # 30,000 less the fall stands against 1.25 % of what is left: a fifth sold is enough just below the limit
    limit = -alice.cash / (5 * (1 - Decimal("0.0125")))
    set_price(engine, "BTC", limit.quantize(Decimal("0.1")) - 10)
    assert alice.positions["BTC"].size == 4
    assert [fill.liquidation.method for fill in alice.fills if fill.liquidation] == ["market"] * len(
        [fill for fill in alice.fills if fill.liquidation]
    )
    assert sum(fill.size for fill in alice.fills if fill.liquidation) == 1

    clock.now += 29_000
    again = -alice.cash / (4 * (1 - Decimal("0.0125")))
    set_price(engine, "BTC", again.quantize(Decimal("0.1")) - 10)
    assert "BTC" not in alice.positions
    assert engine.state.money() == engine.state.deposits


def test_after_the_pause_a_large_position_is_sold_in_part_again(engine: Engine, alice: Account, clock: Clock) -> None:
    engine.fund(ALICE, Decimal(20_000))
    engine.ledger.update_leverage(alice, engine.markets["BTC"], isolated=False, leverage=40)
    take(engine, alice, "BTC", "5")
    for left in (Decimal(4), Decimal("3.2")):
        limit = -alice.cash / (alice.positions["BTC"].size * (1 - Decimal("0.0125")))
        set_price(engine, "BTC", limit.quantize(Decimal("0.1")) - 10)
        assert alice.positions["BTC"].size == left
        clock.now += 30_000


def test_a_large_isolated_position_is_gone_whole_because_a_part_frees_its_margin_as_well(
    engine: Engine, alice: Account
) -> None:
    engine.fund(ALICE, Decimal(20_000))
    isolate(engine, alice, "BTC", 20)
    take(engine, alice, "BTC", "2")
    limit = -alice.positions["BTC"].cash / (2 * (1 - Decimal("0.0125")))
    set_price(engine, "BTC", limit.quantize(Decimal("0.1")) - 5)
    assert "BTC" not in alice.positions
    sold = [fill.oid for fill in alice.fills if fill.liquidation]
    assert len(set(sold)) == 2


@pytest.mark.parametrize(("part", "left"), [("0.02", "0.03"), ("0.05", "0")])
def test_a_deleveraged_position_is_closed_at_the_price_of_the_liquidated_one_without_a_fee(
    engine: Engine, alice: Account, part: str, left: str
) -> None:
    isolate(engine, alice, "BTC", 20)
    take(engine, alice, "BTC", "0.05")
    resting = place(engine, alice, "BTC", "-0.05", "95000", reduce_only=True)
    cost, trades = alice.positions["BTC"].cost, len(engine.tape.trades["BTC"])

    engine.deleverage(alice, alice.positions["BTC"], Decimal(part), Decimal(88_000))

    fill = alice.fills[-1]
    assert (fill.direction, fill.fee, fill.crossed) == ("Auto-Deleveraging", Decimal(0), True)
    assert fill.liquidation is not None
    assert (fill.liquidation.method, fill.liquidation.liquidated_user == ALICE) == ("backstop", False)
    share = (cost * Decimal(part) / Decimal("0.05")).quantize(Decimal("0.000001"))
    assert fill.closed_pnl == Decimal(part) * 88_000 - share
    assert engine.ledger.size(alice, "BTC") == Decimal(left)
    assert resting.status == ("open" if Decimal(left) else "reduceOnlyCanceled")
    assert len(engine.tape.trades["BTC"]) == trades
    assert engine.state.money() == engine.state.deposits
