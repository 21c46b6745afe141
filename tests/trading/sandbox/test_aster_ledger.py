"""Aster's ledger against the documents' worked figures and the rules of its margin (Aster rules 3.4-3.6, 4)."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.trading.sandbox.conftest import ALICE
from tests.trading.sandbox.orders import isolate, place
from trading.sandbox.engine import Engine
from trading.sandbox.ledger import Trade
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account, Position
from trading.sandbox.venues import ASTER

BITCOIN = ASTER.markets["BTCUSDT"]
STEP = Decimal("0.00000001")

# documents: a long of 0.1 at 100 000, 10x; its price with the margin untouched, after the taker fee, and with 200 added
LIQUIDATION = "90361.4458"
AFTER_FEE = "90396.5863"
AFTER_ADDING = "88353.4137"
SHORT = "109561.7530"


def mark(engine: Engine, price: str | Decimal, market: str = "BTCUSDT") -> None:
    engine.set_mark(ASTER.markets[market], Decimal(price))


def trade(engine: Engine, account: Account, size: str, price: str, fee: str = "0") -> Position:
    """A fill against the pool, so that money stays whole."""
    signed, paid = Decimal(size), Decimal(fee)
    engine.ledger.trade(account, Trade(BITCOIN, signed, Decimal(price), paid))
    engine.state.pool += signed * Decimal(price)
    engine.state.fees += paid
    return account.positions["BTCUSDT"]


@pytest.fixture
def alice(aster: Engine) -> Account:
    return aster.state.accounts[ALICE]


@pytest.fixture
def long(aster: Engine, alice: Account) -> Position:
    """The documents' long: 0.1 at 100 000, 10x, without a fee."""
    isolate(aster, alice, "BTCUSDT", 10)
    mark(aster, "100000")
    return trade(aster, alice, "0.1", "100000")


def assert_it_dies_at(engine: Engine, account: Account, printed: str) -> None:
    """The printed four decimals are the last price at which it lives or the first at which it dies."""
    price, unit = Decimal(printed), Decimal("0.0001")
    against = -unit if account.positions["BTCUSDT"].size > 0 else unit
    mark(engine, price - against)
    assert "BTCUSDT" in account.positions
    mark(engine, price + against)
    assert "BTCUSDT" not in account.positions
    assert engine.state.money() == engine.state.deposits


def test_a_long_dies_where_the_documents_say(aster: Engine, alice: Account, long: Position) -> None:
    assert aster.ledger.bucket(long).wallet == 1000
    assert_it_dies_at(aster, alice, LIQUIDATION)


def test_a_short_dies_where_the_documents_say(aster: Engine, alice: Account) -> None:
    isolate(aster, alice, "BTCUSDT", 10)
    mark(aster, "100000")
    trade(aster, alice, "-0.1", "100000")
    assert_it_dies_at(aster, alice, SHORT)


def test_the_opening_fee_leaves_the_wallet(aster: Engine, alice: Account) -> None:
    isolate(aster, alice, "BTCUSDT", 10)
    mark(aster, "100000")
    position = trade(aster, alice, "0.1", "100000", "3.5")
    assert aster.ledger.bucket(position).wallet == Decimal("996.5")
    assert_it_dies_at(aster, alice, AFTER_FEE)


def test_adding_collateral_moves_the_price_as_the_documents_say(aster: Engine, alice: Account, long: Position) -> None:
    aster.ledger.update_margin(alice, BITCOIN, Decimal(200))
    assert aster.ledger.bucket(long).wallet == 1200
    assert_it_dies_at(aster, alice, AFTER_ADDING)


def test_brackets_have_the_documented_deductions(venue_data: Path) -> None:
    assert [tier.deduction for tier in BITCOIN.tiers.tiers[:4]] == [0, 50, 1300, 46_300]
    samples = json.loads((venue_data / "aster" / "leverage_bracket.json").read_text())
    for row in samples[1]["response"]:
        tiers = ASTER.markets[row["symbol"]].tiers
        assert [(tier.lower_bound, tier.max_leverage, tier.rate, tier.deduction) for tier in tiers.tiers] == [
            (cell["notionalFloor"], cell["initialLeverage"], Decimal(str(cell["maintMarginRatio"])), cell["cum"])
            for cell in row["brackets"]
        ]
        assert tiers.cap == row["brackets"][-1]["notionalCap"]


def test_an_opening_is_margined_at_its_fill_and_not_at_the_mark(aster: Engine, alice: Account) -> None:
    isolate(aster, alice, "BTCUSDT", 75)
    mark(aster, "100000")
    position = trade(aster, alice, "0.1", "101000")
    # one over 75 is rounded up at its eighth decimal
    assert aster.ledger.bucket(position).wallet == 10_100 * Decimal("0.01333334")


def test_the_most_that_may_leave_is_the_documented_minimum(aster: Engine, alice: Account, long: Position) -> None:
    aster.ledger.update_margin(alice, BITCOIN, Decimal(500))
    mark(aster, "101000")
    with pytest.raises(RefusedError) as refusal:
        aster.ledger.update_margin(alice, BITCOIN, -Decimal(590) - STEP)
    assert (refusal.value.code, str(refusal.value)) == (-4051, "Isolated balance insufficient.")
    aster.ledger.update_margin(alice, BITCOIN, Decimal(-590))
    assert aster.ledger.bucket(long).wallet == 910


def test_open_profit_alone_never_holds_a_position(aster: Engine, alice: Account, long: Position) -> None:
    """Equity above the initial margin is not enough: the wallet must cover maintenance, too."""
    mark(aster, "130000")
    maintenance = 13_000 * Decimal("0.004")
    with pytest.raises(RefusedError, match=r"^Isolated balance insufficient.$"):
        aster.ledger.update_margin(alice, BITCOIN, -(1000 - maintenance) - STEP)
    aster.ledger.update_margin(alice, BITCOIN, -(1000 - maintenance))
    assert aster.ledger.bucket(long).wallet == maintenance


def test_what_may_be_added_leaves_the_cross_wallet_above_its_maintenance(aster: Engine, alice: Account) -> None:
    isolate(aster, alice, "BTCUSDT", 10)
    mark(aster, "100000")
    trade(aster, alice, "0.1", "100000")
    aster.ledger.update_leverage(alice, ASTER.markets["ETHUSDT"], isolated=False, leverage=100)
    place(aster, alice, "ETHUSDT", "20", "2750", time_in_force="Ioc")
    mark(aster, "3500", "ETHUSDT")
    sums = aster.ledger.cross_sums(alice)
    most = sums.wallet - 20 * 3500 * Decimal("0.005")
    assert most < sums.free
    with pytest.raises(RefusedError) as refusal:
        aster.ledger.update_margin(alice, BITCOIN, most + STEP)
    assert refusal.value.code == -4050
    aster.ledger.update_margin(alice, BITCOIN, most)


def test_isolated_leverage_is_raised_without_moving_anything_and_never_lowered(
    aster: Engine, alice: Account, long: Position
) -> None:
    before = aster.ledger.bucket(long)
    isolate(aster, alice, "BTCUSDT", 20)
    assert aster.ledger.bucket(long) == before
    with pytest.raises(RefusedError) as refusal:
        isolate(aster, alice, "BTCUSDT", 19)
    assert refusal.value.code == -4161
    assert aster.ledger.leverage(alice, "BTCUSDT") == 20


def test_a_leverage_is_refused_above_the_market_and_above_the_positions_bracket(aster: Engine, alice: Account) -> None:
    aster.fund(ALICE, Decimal(1_000_000))
    aster.ledger.update_leverage(alice, BITCOIN, isolated=False, leverage=20)
    mark(aster, "100000")
    trade(aster, alice, "3", "100000")
    for leverage, code in ((126, -4028), (0, -4028), (51, -2027)):
        with pytest.raises(RefusedError) as refusal:
            aster.ledger.update_leverage(alice, BITCOIN, isolated=False, leverage=leverage)
        assert refusal.value.code == code
    aster.ledger.update_leverage(alice, BITCOIN, isolated=False, leverage=50)


def test_lowering_cross_leverage_needs_free_balance(aster: Engine, alice: Account) -> None:
    aster.ledger.update_leverage(alice, BITCOIN, isolated=False, leverage=20)
    mark(aster, "100000")
    trade(aster, alice, "0.5", "100000")
    aster.ledger.update_leverage(alice, BITCOIN, isolated=False, leverage=5)
    with pytest.raises(RefusedError) as refusal:
        aster.ledger.update_leverage(alice, BITCOIN, isolated=False, leverage=4)
    assert refusal.value.code == -2028


def test_the_mode_changes_only_without_position_and_without_orders(aster: Engine, alice: Account) -> None:
    order = place(aster, alice, "BTCUSDT", "0.01", "86000")
    with pytest.raises(RefusedError) as refusal:
        isolate(aster, alice, "BTCUSDT", 20)
    assert refusal.value.code == -4047
    aster.desk.cancel(alice, order)
    isolate(aster, alice, "BTCUSDT", 20)
    trade(aster, alice, "0.01", "86320")
    with pytest.raises(RefusedError) as refusal:
        aster.ledger.update_leverage(alice, BITCOIN, isolated=False, leverage=20)
    assert refusal.value.code == -4048


@pytest.mark.parametrize(
    ("size", "price", "code"),
    [
        ("0.001", "4000", -4164),
        ("0.0105", "86320", -4023),
        ("0.01", "86320.05", -4014),
        ("0.01", "88046.5", -4016),
        ("-0.01", "84593.5", -4024),
        ("1001", "86320", -4005),
        ("2.32", "86320", -2019),
    ],
)
def test_orders_are_refused_with_the_venues_codes(
    aster: Engine, alice: Account, size: str, price: str, code: int
) -> None:
    with pytest.raises(RefusedError) as refusal:
        place(aster, alice, "BTCUSDT", size, price)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("is_buy", "cost"),
    [(True, "5151.10"), (False, "5149.50")],
)
def test_an_order_costs_its_margin_and_the_loss_it_opens_with(
    aster: Engine, alice: Account, is_buy: bool, cost: str
) -> None:
    """The documents' order: one coin at 102 990, 20x, with the mark at 102 988.4."""
    mark(aster, "102988.4")
    order = place(aster, alice, "BTCUSDT", "0.001" if is_buy else "-0.001", "101500" if is_buy else "104000")
    assert aster.ledger.order_cost(alice, order, Decimal(1), Decimal(102_990)) == Decimal(cost)


def test_funding_is_paid_on_the_mark_out_of_the_wallet(aster: Engine, alice: Account, long: Position) -> None:
    aster.oracles["BTCUSDT"] = Decimal(99_000)
    aster.fund_hour(aster.clock(), aster.by_index)
    rate = aster.funding_rate(BITCOIN, aster.clock())
    assert rate != 0
    assert long.cash == 1000 - 10_000 - (10_000 * rate).quantize(STEP)


def test_the_liquidation_fee_takes_what_is_left_and_no_more(aster: Engine, alice: Account, long: Position) -> None:
    cash = alice.cash
    mark(aster, Decimal(LIQUIDATION) - Decimal("0.1"))
    fill = alice.fills[-1]
    assert fill.liquidation is not None
    assert (fill.liquidation.method, fill.fee) == ("market", Decimal(0))
    assert alice.cash == cash
    assert aster.state.money() == aster.state.deposits


def test_what_the_liquidation_fee_leaves_returns(aster: Engine, alice: Account) -> None:
    """In the last bracket half of the value is maintenance, and the fee is a fortieth."""
    aster.fund(ALICE, Decimal(20_000_000))
    isolate(aster, alice, "ASTERUSDT", 1)
    market, size, price = ASTER.markets["ASTERUSDT"], Decimal(-26_000_000), Decimal("0.7")
    mark(aster, "0.7", "ASTERUSDT")
    aster.ledger.trade(alice, Trade(market, size, price, Decimal(0)))
    aster.state.pool += size * price
    cash, bucket = alice.cash, alice.positions["ASTERUSDT"].cash
    mark(aster, "1.1", "ASTERUSDT")
    fills = [fill for fill in alice.fills if fill.market == "ASTERUSDT"]
    paid = sum(fill.size * fill.price for fill in fills)
    assert "ASTERUSDT" not in alice.positions
    assert {fill.liquidation.method for fill in fills if fill.liquidation} == {"market"}
    assert alice.cash == cash + bucket - paid - (paid * Decimal("0.025")).quantize(STEP, "ROUND_DOWN")
    assert alice.cash > cash
    assert aster.state.money() == aster.state.deposits


def test_beyond_the_bankruptcy_price_it_is_taken_over(aster: Engine, alice: Account, long: Position) -> None:
    cash = alice.cash
    mark(aster, "80000")
    fill = alice.fills[-1]
    assert fill.liquidation is not None
    assert (fill.liquidation.method, fill.size) == ("backstop", Decimal("0.1"))
    assert (alice.cash, alice.positions) == (cash, {})
    assert aster.state.money() == aster.state.deposits


def test_cross_positions_die_together_at_the_documented_ratio(aster: Engine, alice: Account) -> None:
    isolate(aster, alice, "BTCUSDT", 10)
    trade(aster, alice, "0.01", "86320")
    place(aster, alice, "ETHUSDT", "30", "2750", time_in_force="Ioc")
    place(aster, alice, "SOLUSDT", "-20", "121", time_in_force="Ioc")
    ledger = aster.ledger
    # only ether moves: equity falls by 30 a dollar, maintenance by 30 times half a percent
    fall = (ledger.cross_equity(alice) - ledger.cross_maintenance(alice)) / (30 * (1 - Decimal("0.005")))
    meeting = (aster.marks["ETHUSDT"] - fall).quantize(STEP)
    mark(aster, meeting + STEP, "ETHUSDT")
    assert set(alice.positions) == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}
    mark(aster, meeting - STEP, "ETHUSDT")
    assert set(alice.positions) == {"BTCUSDT"}
    assert aster.state.money() == aster.state.deposits


def test_exactly_at_maintenance_it_is_over(aster: Engine, alice: Account, long: Position) -> None:
    """A margin ratio of one hundred percent liquidates here; on the other venue the position still lives."""
    long.cash = Decimal("0.1") * 100_000 * (Decimal("0.004") - 1)
    aster.state.pool += aster.state.deposits - aster.state.money()
    aster.settle()
    assert alice.positions == {}


def test_what_may_be_withdrawn_is_the_smaller_documented_figure(aster: Engine, alice: Account) -> None:
    aster.ledger.update_leverage(alice, BITCOIN, isolated=False, leverage=10)
    mark(aster, "100000")
    trade(aster, alice, "0.1", "100000")
    assert aster.ledger.withdrawable(alice) == 9000
    mark(aster, "130000")
    assert aster.ledger.withdrawable(alice) == 10_000 - 13_000 * Decimal("0.004")
    with pytest.raises(ValueError, match=r"^only 9948.0 can be withdrawn$"):
        aster.fund(ALICE, Decimal(-9949))
