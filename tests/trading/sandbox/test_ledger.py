"""The ledger against recorded figures and the rules of isolated and cross margin (Hyperliquid rules 3)."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.trading.sandbox.orders import isolate, take
from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid.shapes import position
from trading.sandbox.ledger import Trade
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account
from trading.sandbox.venues import HYPERLIQUID

# A position of the test network: 0.002 BTC long at 5x, filled at 64815 while the mark stood at 64891.
OPENED = {"cash": "-103.731933", "equity": "25.856067", "liquidation": "52522.497721519"}
ADDED = {"cash": "-83.731933", "equity": "45.856067", "liquidation": "42395.915443038"}


def set_price(engine: Engine, market: str, price: str) -> None:
    engine.set_mark(HYPERLIQUID.markets[market], Decimal(price))


def open_recorded(engine: Engine, account: Account) -> None:
    isolate(engine, account, "BTC", 5)
    set_price(engine, "BTC", "64891")
    size, price = Decimal("0.002"), Decimal(64815)
    fee = engine.ledger.rules.fee(size * price * engine.ledger.rules.taker_rate)
    engine.ledger.trade(account, Trade(HYPERLIQUID.markets["BTC"], size, price, fee))
    engine.state.pool += size * price
    engine.state.fees += fee
    set_price(engine, "BTC", "64794")


def shown(engine: Engine, account: Account) -> dict[str, str]:
    row = position(engine, account, account.positions["BTC"])["position"]
    return {
        "cash": row["leverage"]["rawUsd"],
        "equity": row["marginUsed"],
        "liquidation": row["liquidationPx"],
    }


def test_an_isolated_position_holds_the_recorded_figures_after_opening(engine: Engine, alice: Account) -> None:
    open_recorded(engine, alice)
    assert shown(engine, alice) == OPENED


def test_adding_margin_moves_the_cash_leg_by_exactly_that(engine: Engine, alice: Account) -> None:
    open_recorded(engine, alice)
    engine.ledger.update_margin(alice, HYPERLIQUID.markets["BTC"], Decimal(20))
    assert shown(engine, alice) == ADDED


def test_changing_leverage_moves_nothing_and_refuses_what_the_venue_refused(engine: Engine, alice: Account) -> None:
    open_recorded(engine, alice)
    engine.ledger.update_margin(alice, HYPERLIQUID.markets["BTC"], Decimal(20))
    set_price(engine, "BTC", "64795")
    for leverage in (10, 3):
        engine.ledger.update_leverage(alice, HYPERLIQUID.markets["BTC"], isolated=True, leverage=leverage)
        assert shown(engine, alice) == ADDED | {"equity": "45.858067"}
    with pytest.raises(RefusedError, match=r"^Isolated position does not have sufficient margin available"):
        engine.ledger.update_leverage(alice, HYPERLIQUID.markets["BTC"], isolated=True, leverage=1)
    with pytest.raises(RefusedError, match=r"^Cannot switch leverage type with open position.$"):
        engine.ledger.update_leverage(alice, HYPERLIQUID.markets["BTC"], isolated=False, leverage=3)


def test_the_ledger_follows_the_recorded_sequence_step_by_step(
    engine: Engine, alice: Account, venue_data: Path
) -> None:
    steps = json.loads((venue_data / "hyperliquid" / "isolated_margin_sequence.json").read_text())["steps"]
    open_recorded(engine, alice)
    market = HYPERLIQUID.markets["BTC"]
    for step in steps:
        action, after = step["action"], step.get("after", {})
        refusal = None
        if "positionValue" in after:
            set_price(engine, "BTC", str(Decimal(after["positionValue"]) / Decimal("0.002")))
        try:
            if action["type"] == "updateIsolatedMargin":
                engine.ledger.update_margin(alice, market, Decimal(action["ntli"]) / 1_000_000)
            elif action["type"] == "updateLeverage":
                isolated, leverage = not action["isCross"], action["leverage"]
                engine.ledger.update_leverage(alice, market, isolated=isolated, leverage=leverage)
        except RefusedError as error:
            refusal = {"status": "err", "response": str(error)}
        names = {"rawUsd": "cash", "marginUsed": "equity", "liquidationPx": "liquidation"}
        expected = {names[key]: value for key, value in after.items() if key in names}
        assert {name: shown(engine, alice)[name] for name in expected} == expected
        assert refusal == (step["result"] if isinstance(step.get("result"), dict) else None)


def test_reducing_releases_its_share_and_keeps_the_liquidation_price_but_for_the_fee(
    engine: Engine, alice: Account
) -> None:
    isolate(engine, alice, "ETH", 10)
    take(engine, alice, "ETH", "-1")
    before, cash = alice.positions["ETH"].cash, alice.cash
    take(engine, alice, "ETH", "0.3")
    fee = alice.fills[-1].fee
    price = alice.fills[-1].price
    kept = (before * Decimal("0.7")).quantize(Decimal("0.000001"))
    assert alice.positions["ETH"].cash == kept - fee
    assert alice.cash == cash + (before - kept) - Decimal("0.3") * price


def test_a_full_close_returns_everything_to_the_free_balance(engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "BTC", 20)
    take(engine, alice, "BTC", "0.01")
    take(engine, alice, "BTC", "-0.01")
    fees = sum(fill.fee for fill in alice.fills)
    assert alice.positions == {}
    assert alice.cash == 10_000 + sum(fill.closed_pnl for fill in alice.fills) - fees


def test_a_flip_closes_and_opens_the_rest_at_the_leverage_set_now(engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "BTC", 20)
    take(engine, alice, "BTC", "0.01")
    isolate(engine, alice, "BTC", 40)
    take(engine, alice, "BTC", "-0.03")
    position = alice.positions["BTC"]
    margin = Decimal("0.02") * 86320 / 40
    assert position.size == Decimal("-0.02")
    assert alice.fills[-1].direction == "Long > Short"
    share = (alice.fills[-1].fee * 2 / 3).quantize(Decimal("0.000001"))
    assert position.cash == margin + Decimal("0.02") * 86319 - share


def test_adding_at_another_leverage_leaves_the_old_margin_untouched(engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "BTC", 5)
    take(engine, alice, "BTC", "0.01")
    cash, bucket = alice.cash, alice.positions["BTC"].cash
    isolate(engine, alice, "BTC", 20)
    take(engine, alice, "BTC", "0.01")
    assert cash - alice.cash == Decimal("0.01") * 86320 / 20
    margin = Decimal("0.01") * 86320 / 20
    assert alice.positions["BTC"].cash == bucket + margin - alice.fills[-1].fee - Decimal("0.01") * 86321


@pytest.mark.parametrize(
    ("leverage", "removable"),
    [(5, "0.00"), (40, "0")],
)
def test_margin_cannot_go_below_the_floor(engine: Engine, alice: Account, leverage: int, removable: str) -> None:
    isolate(engine, alice, "BTC", leverage)
    take(engine, alice, "BTC", "0.01")
    engine.ledger.update_margin(alice, HYPERLIQUID.markets["BTC"], Decimal(100))
    position = alice.positions["BTC"]
    notional = Decimal("0.01") * 86320
    most = engine.ledger.equity(position) - max(notional / leverage, notional / 10)
    with pytest.raises(RefusedError, match=r"^Position does not have sufficient margin for reduction.$"):
        engine.ledger.update_margin(alice, HYPERLIQUID.markets["BTC"], -most - Decimal("0.000001"))
    engine.ledger.update_margin(alice, HYPERLIQUID.markets["BTC"], -most)
    assert engine.ledger.equity(position) == max(notional / leverage, notional / 10) + Decimal(removable)


def test_strict_markets_give_no_margin_back_and_top_up_to_a_leverage(engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "XYZ100", 20)
    take(engine, alice, "XYZ100", "0.1")
    market = HYPERLIQUID.markets["XYZ100"]
    with pytest.raises(RefusedError, match=r"^Cannot remove isolated margin for this asset."):
        engine.ledger.update_margin(alice, market, Decimal(-1))
    engine.ledger.top_up(alice, market, Decimal(5))
    assert engine.ledger.equity(alice.positions["XYZ100"]) == Decimal("0.1") * 25451 / 5
    with pytest.raises(RefusedError, match=r"^Asset not strict isolated$"):
        engine.ledger.top_up(alice, HYPERLIQUID.markets["TLT"], Decimal(5))


@pytest.mark.parametrize(
    ("market", "isolated", "leverage", "sentence"),
    [
        ("BTC", True, 0, "Invalid leverage value"),
        ("BTC", False, 41, "Invalid leverage value"),
        ("TLT", False, 5, "Cross margin is not allowed for this asset."),
        ("XYZ100", False, 5, "Cross margin is not allowed for this asset."),
    ],
)
def test_a_leverage_the_market_does_not_allow_is_refused(
    engine: Engine, alice: Account, market: str, isolated: bool, leverage: int, sentence: str
) -> None:
    with pytest.raises(RefusedError) as refusal:
        engine.ledger.update_leverage(alice, HYPERLIQUID.markets[market], isolated=isolated, leverage=leverage)
    assert str(refusal.value) == sentence


def test_lowering_cross_leverage_needs_free_margin(engine: Engine, alice: Account) -> None:
    engine.ledger.update_leverage(alice, HYPERLIQUID.markets["BTC"], isolated=False, leverage=20)
    take(engine, alice, "BTC", "1")
    engine.ledger.update_leverage(alice, HYPERLIQUID.markets["BTC"], isolated=False, leverage=10)
    with pytest.raises(RefusedError, match=r"^Cross position does not have sufficient margin available to decrease"):
        engine.ledger.update_leverage(alice, HYPERLIQUID.markets["BTC"], isolated=False, leverage=5)


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        ("0", "Update to isolated margin cannot be zero."),
        ("100000", "Account does not have sufficient margin available for increase."),
    ],
)
def test_margin_updates_are_refused_in_the_venues_words(
    engine: Engine, alice: Account, amount: str, sentence: str
) -> None:
    isolate(engine, alice, "BTC", 5)
    take(engine, alice, "BTC", "0.01")
    with pytest.raises(RefusedError) as refusal:
        engine.ledger.update_margin(alice, HYPERLIQUID.markets["BTC"], Decimal(amount))
    assert str(refusal.value) == sentence


def test_margin_of_an_empty_or_a_cross_position_cannot_be_updated(engine: Engine, alice: Account) -> None:
    with pytest.raises(RefusedError, match=r"^Cannot update margin for empty position.$"):
        engine.ledger.update_margin(alice, HYPERLIQUID.markets["BTC"], Decimal(1))
    take(engine, alice, "BTC", "0.01")
    with pytest.raises(RefusedError, match=r"^Position does not use isolated margin.$"):
        engine.ledger.update_margin(alice, HYPERLIQUID.markets["BTC"], Decimal(1))


def test_withdrawable_keeps_the_initial_margin_or_a_tenth_of_the_notional(engine: Engine, alice: Account) -> None:
    engine.ledger.update_leverage(alice, HYPERLIQUID.markets["BTC"], isolated=False, leverage=40)
    take(engine, alice, "BTC", "0.1")
    equity = engine.ledger.cross_equity(alice)
    assert engine.ledger.withdrawable(alice) == equity - Decimal("0.1") * 86320 / 10
    engine.ledger.update_leverage(alice, HYPERLIQUID.markets["BTC"], isolated=False, leverage=5)
    assert engine.ledger.withdrawable(alice) == equity - Decimal("0.1") * 86320 / 5


def test_funding_moves_the_isolated_bucket_and_the_cross_cash(engine: Engine, alice: Account, bob: Account) -> None:
    isolate(engine, alice, "BTC", 5)
    take(engine, alice, "BTC", "0.1")
    take(engine, bob, "BTC", "-0.1")
    bucket, cash = alice.positions["BTC"].cash, bob.cash
    hour = engine.clock() - engine.clock() % 3_600_000
    engine.fund_hour(hour, engine.by_index)
    paid = (Decimal("0.1") * 86320 * engine.funding_rate(HYPERLIQUID.markets["BTC"], hour)).quantize(
        Decimal("0.000001")
    )
    assert paid != 0
    assert alice.positions["BTC"].cash == bucket - paid
    assert bob.cash == cash + paid
    assert alice.positions["BTC"].funding_since_open == paid
    assert bob.payments[-1].amount == paid
