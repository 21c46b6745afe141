"""What margin and leverage changes do to an open position, and when the venue refuses them."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.trading.margin.recorded import read, relative_difference
from tests.trading.margin.strategies import accounts, decimals
from trading.margin.changes import preview_leverage_change, preview_margin_change
from trading.margin.cross import addable, state_of
from trading.margin.isolated import Bound, BoundRule
from trading.margin.quotes import LeverageChange, MarginChange, MarketTerms, Preview, RefusalCode
from trading.margin.rules import ASTER, HYPERLIQUID
from trading.margin.types import (
    Account,
    AccountMode,
    Bracket,
    MarginMode,
    MarginRestriction,
    Position,
    TierTable,
)

AT_40X = TierTable.single(40)
AT_125X = TierTable.from_brackets(
    [
        Bracket(Decimal(0), Decimal(5000), 125, Decimal("0.004"), Decimal(0)),
        Bracket(Decimal(5000), Decimal(90000), 20, Decimal("0.005"), Decimal(5)),
    ]
)
TERMS = MarketTerms("BTC", AT_40X, HYPERLIQUID)
ASTER_TERMS = MarketTerms("BTC", AT_125X, ASTER)
HELD = Position(
    "BTC", Decimal("0.1"), Decimal(100000), Decimal(101000), MarginMode.ISOLATED, 10, AT_40X, cash=Decimal(-8500)
)
ASTER_HELD = replace(HELD, tiers=AT_125X)
CROSS = replace(HELD, mode=MarginMode.CROSS, cash=None)
OTHER = Position("ETH", Decimal(-1), Decimal(3000), Decimal(3000), MarginMode.CROSS, 10, AT_40X)
ACCOUNT = Account.of([HELD, OTHER], Decimal(1000))


def refusals(answer: Preview) -> list[tuple[RefusalCode, Decimal | None]]:
    return [(refusal.code, refusal.bound) for refusal in answer.refusals]


def test_the_recorded_sequence_of_one_position(venue_data: Path) -> None:
    steps = read(venue_data / "hyperliquid/isolated_margin_sequence.json")["steps"]
    opened = steps[0]["after"]
    size, mark = Decimal("0.002"), Decimal(64794)
    cash = Decimal(opened["rawUsd"])
    held = Position("BTC", size, Decimal(64815), mark, MarginMode.ISOLATED, 5, AT_40X, cash=cash)
    assert held.collateral == Decimal(opened["collateral"])
    added = preview_margin_change(Account.of([held], Decimal(100)), MarginChange(TERMS, Decimal(20))).after
    assert added is not None
    assert added.margin == Decimal(steps[1]["after"]["marginUsed"])
    assert added.position.cash == Decimal(steps[1]["after"]["rawUsd"])
    assert relative_difference(added.liquidation.price, Decimal(steps[1]["after"]["liquidationPx"])) < Decimal("1e-12")
    account = Account.of([replace(added.position, mark_price=Decimal(64795))])
    for step in steps[2:4]:
        answer = preview_leverage_change(account, LeverageChange(TERMS, step["action"]["leverage"]))
        assert answer.allowed
        assert answer.after is not None
        assert answer.after.position.cash == Decimal(step["after"]["rawUsd"])
        assert answer.after.liquidation == added.liquidation
        account = Account.of([answer.after.position])
    refused = preview_leverage_change(account, LeverageChange(TERMS, steps[4]["action"]["leverage"]))
    assert refusals(refused) == [(RefusalCode.EQUITY_BELOW_INITIAL_MARGIN, Decimal(3))]


def test_added_margin_leaves_the_cross_account_and_moves_its_prices() -> None:
    answer = preview_margin_change(ACCOUNT, MarginChange(TERMS, Decimal(200)))
    assert answer.before is not None
    assert answer.after is not None
    assert answer.after.margin == answer.before.margin + 200
    assert (answer.free_before, answer.free_after) == (Decimal(700), Decimal(500))
    assert [effect.market for effect in answer.others] == ["ETH"]
    before, after = answer.others[0].before.price, answer.others[0].after.price
    assert before is not None
    assert after is not None
    assert before - after == pytest.approx(Decimal(200) / Decimal("1.0125"))


def test_the_documented_slope_of_added_collateral_on_aster() -> None:
    held = Position(
        "BTC", Decimal("0.1"), Decimal(100000), Decimal(100000), MarginMode.ISOLATED, 10, AT_40X, cash=Decimal(-9000)
    )
    wide = TierTable.from_brackets([Bracket(Decimal(0), Decimal(10**6), 125, Decimal("0.004"), Decimal(0))])
    terms = MarketTerms("BTC", wide, ASTER)
    account = Account.of([replace(held, tiers=wide)], Decimal(1000))
    answer = preview_margin_change(account, MarginChange(terms, Decimal(200)))
    assert answer.after is not None
    assert answer.after.liquidation.price is not None
    assert round(answer.after.liquidation.price, 4) == Decimal("88353.4137")
    assert answer.after.maximum_loss is not None
    assert answer.after.maximum_loss.total == 1200


def test_removal_is_bounded_by_initial_margin_and_a_tenth_of_the_value() -> None:
    answer = preview_margin_change(ACCOUNT, MarginChange(TERMS, Decimal("-590.000001")))
    assert refusals(answer) == [(RefusalCode.BEYOND_REMOVABLE, Decimal("590.000000"))]
    assert preview_margin_change(ACCOUNT, MarginChange(TERMS, Decimal(-590))).allowed
    faster = Account.of([replace(HELD, leverage=20), OTHER], Decimal(1000))
    assert refusals(preview_margin_change(faster, MarginChange(TERMS, Decimal(-591)))) == [
        (RefusalCode.BEYOND_REMOVABLE, Decimal("590.000000"))
    ]


def test_removal_on_aster_keeps_the_wallet_above_maintenance() -> None:
    rich = replace(ASTER_HELD, mark_price=Decimal(200000), leverage=125, cash=Decimal(-9880))
    account = Account.of([rich], Decimal(0))
    answer = preview_margin_change(account, MarginChange(ASTER_TERMS, Decimal(-100)))
    assert refusals(answer) == [(RefusalCode.BEYOND_REMOVABLE, Decimal("25.00000000"))]
    assert answer.refusals[0].reason == ASTER.wallet_reason


def test_strict_isolated_margin_never_leaves() -> None:
    account = Account.of([replace(HELD, restriction=MarginRestriction.STRICT_ISOLATED)], Decimal(0))
    answer = preview_margin_change(account, MarginChange(TERMS, Decimal(-1)))
    assert refusals(answer) == [(RefusalCode.REMOVAL_NOT_ALLOWED, Decimal(0))]


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("700.000001", (RefusalCode.BEYOND_ADDABLE, Decimal("700.000000"))),
        ("1.0000001", (RefusalCode.TOO_MANY_DECIMALS, Decimal("0.000001"))),
        ("-1.0000001", (RefusalCode.TOO_MANY_DECIMALS, Decimal("0.000001"))),
    ],
)
def test_an_amount_the_venue_cannot_move_is_refused(amount: str, expected: tuple[RefusalCode, Decimal]) -> None:
    assert refusals(preview_margin_change(ACCOUNT, MarginChange(TERMS, Decimal(amount)))) == [expected]


def test_adding_on_aster_keeps_the_cross_wallet_above_its_maintenance() -> None:
    winner = replace(OTHER, entry_price=Decimal(3900), tiers=AT_125X)
    account = Account.of([ASTER_HELD, winner], Decimal(1000))
    assert addable(state_of(account), ASTER) == Bound(
        Decimal("88.00000000"), BoundRule.CROSS_MAINTENANCE, ASTER.adding_reason
    )


def test_what_may_be_added_is_not_guessed_when_collateral_is_outside() -> None:
    account = Account((HELD, OTHER), Decimal(0), AccountMode.UNIFIED)
    answer = preview_margin_change(account, MarginChange(TERMS, Decimal(5)))
    assert answer.addable is not None
    assert (answer.addable.amount, answer.addable.rule, answer.allowed) == (None, BoundRule.NOT_KNOWABLE, True)


def test_margin_moves_only_to_and_from_isolated_positions() -> None:
    cross = preview_margin_change(Account.of([CROSS], Decimal(2000)), MarginChange(TERMS, Decimal(5)))
    assert refusals(cross) == [(RefusalCode.NOT_ISOLATED, None)]
    flat = preview_margin_change(Account.of([]), MarginChange(TERMS, Decimal(5)))
    assert (refusals(flat), flat.before, flat.after) == ([(RefusalCode.NO_POSITION, None)], None, None)


def test_raising_isolated_leverage_moves_nothing_but_what_may_be_removed() -> None:
    held = replace(HELD, leverage=5)
    answer = preview_leverage_change(Account.of([held, OTHER], Decimal(1000)), LeverageChange(TERMS, 8))
    assert answer.before is not None
    assert answer.after is not None
    assert answer.allowed
    assert answer.after.margin == answer.before.margin
    assert answer.after.liquidation == answer.before.liquidation
    assert answer.free_after == answer.free_before
    bounds = [readout.removable.amount for readout in (answer.before, answer.after) if readout.removable is not None]
    assert bounds == [Decimal(0), Decimal("337.500000")]


def test_lowering_isolated_leverage_needs_equity_on_hyperliquid_and_is_refused_on_aster() -> None:
    account = Account.of([HELD])
    assert refusals(preview_leverage_change(account, LeverageChange(TERMS, 7))) == []
    assert refusals(preview_leverage_change(account, LeverageChange(TERMS, 6))) == [
        (RefusalCode.EQUITY_BELOW_INITIAL_MARGIN, Decimal(7))
    ]
    aster = Account.of([ASTER_HELD])
    answer = preview_leverage_change(aster, LeverageChange(ASTER_TERMS, 9))
    assert refusals(answer) == [(RefusalCode.LOWER_LEVERAGE_NOT_ALLOWED, Decimal(10))]
    assert refusals(preview_leverage_change(aster, LeverageChange(ASTER_TERMS, 11))) == []


def test_lowering_cross_leverage_needs_free_collateral() -> None:
    account = Account.of([CROSS], Decimal(1500))
    assert preview_leverage_change(account, LeverageChange(TERMS, 7)).allowed
    answer = preview_leverage_change(account, LeverageChange(TERMS, 6))
    assert [(refusal.code, refusal.field, refusal.bound) for refusal in answer.refusals] == [
        (RefusalCode.NOT_ENOUGH_COLLATERAL, "leverage", Decimal(7))
    ]
    used_up = preview_leverage_change(Account.of([CROSS], Decimal(900)), LeverageChange(TERMS, 6))
    assert refusals(used_up) == [(RefusalCode.NOT_ENOUGH_COLLATERAL, Decimal(10))]
    raised = preview_leverage_change(account, LeverageChange(TERMS, 20))
    assert raised.before is not None
    assert raised.after is not None
    assert raised.free_after == 1500 - 505
    assert raised.after.liquidation == raised.before.liquidation


def test_the_ceiling_of_a_leverage_change_is_the_market_or_the_tier() -> None:
    assert refusals(preview_leverage_change(Account.of([HELD]), LeverageChange(TERMS, 41))) == [
        (RefusalCode.LEVERAGE_ABOVE_MARKET, Decimal(40))
    ]
    tiered = replace(TERMS, tiers=TierTable.from_max_leverages([("0", 40), ("5000", 20)]))
    assert preview_leverage_change(Account.of([HELD]), LeverageChange(tiered, 40)).allowed
    assert refusals(preview_leverage_change(Account.of([ASTER_HELD]), LeverageChange(ASTER_TERMS, 21))) == [
        (RefusalCode.LEVERAGE_ABOVE_TIER, Decimal(20))
    ]
    assert preview_leverage_change(Account.of([]), LeverageChange(ASTER_TERMS, 125)).allowed


@settings(max_examples=40, deadline=None)
@given(accounts(), decimals("0.01", "1000", 2))
def test_moving_margin_in_and_out_again_is_nothing(account: Account, amount: Decimal) -> None:
    for held in account.of_mode(MarginMode.ISOLATED):
        terms = MarketTerms(held.market, held.tiers, HYPERLIQUID)
        there = preview_margin_change(account, MarginChange(terms, amount))
        assert there.after is not None
        others = [other for other in account.positions if other.market != held.market]
        moved = Account.of([*others, there.after.position], account.cross_equity - amount)
        back = preview_margin_change(moved, MarginChange(terms, -amount))
        assert back.after is not None
        assert back.after.position.cash == held.cash
        assert back.free_after == there.free_before
        assert [effect.after for effect in back.others] == [effect.before for effect in there.others]
