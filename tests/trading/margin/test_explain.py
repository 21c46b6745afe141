"""An explanation is the computation itself: its last figure is the panel's, and it checks itself."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings

from tests.trading.margin.strategies import NEAR, accounts
from trading.margin.cross import liquidations
from trading.margin.errors import MarginInputError
from trading.margin.explain import Step, explain_liquidation, explain_maximum_loss, plain
from trading.margin.liquidation import within_reach
from trading.margin.rules import HYPERLIQUID
from trading.margin.types import Account, AccountMode, FeeRates, MarginMode, NoLiquidation, Position, TierTable

AT_40X = TierTable.single(40)
CROSS = Position("BTC", Decimal("0.00496"), Decimal(111900), Decimal(111836), MarginMode.CROSS, 20, AT_40X)
OTHER = Position("ETH", Decimal("-0.1"), Decimal(4000), Decimal(4000), MarginMode.CROSS, 20, AT_40X)
ACCOUNT = Account.of([CROSS, OTHER], Decimal("462.860761"))


@settings(max_examples=60, deadline=None)
@given(accounts())
def test_the_explained_price_is_the_engines_and_proves_itself(account: Account) -> None:
    for held, answer in zip(account.positions, liquidations(account), strict=True):
        explained = explain_liquidation(account, held.market)
        results = {step.name: step.result for step in explained.steps}
        assert explained.liquidation == within_reach(answer, held.side, held.mark_price)
        assert results["Liquidation price"] == answer.price
        if answer.price is not None:
            equity, kept = results["Equity there"], results["Maintenance there"]
            assert equity is not None
            assert kept is not None
            assert abs(equity - kept) <= NEAR * 10 * (
                abs(held.size) * (answer.price + held.mark_price) + account.cross_equity
            )


def test_a_cross_explanation_names_the_accounts_own_numbers() -> None:
    steps = explain_liquidation(ACCOUNT, "BTC").steps
    assert [(step.name, step.formula) for step in steps[:3]] == [
        ("Equity of the cross account", "value of the cross account at the present marks"),
        ("Maintenance of the other cross positions", "11.933832 − 6.933832"),
        ("Cash leg behind the position", "462.860761 − 5 − 0.00496 × 111836"),
    ]
    assert steps[2].result == Decimal("462.860761") - 5 - Decimal("554.70656")


def test_what_cannot_be_known_ends_the_explanation() -> None:
    explained = explain_liquidation(replace(ACCOUNT, mode=AccountMode.UNIFIED), "BTC")
    assert explained.steps[-1] == Step("Liquidation price", "collateral outside", None)
    assert explained.liquidation.reason is NoLiquidation.COLLATERAL_OUTSIDE


def test_a_covered_long_is_explained_as_safe() -> None:
    explained = explain_liquidation(replace(ACCOUNT, cross_equity=Decimal(10000)), "BTC")
    assert explained.steps[-1] == Step("Liquidation price", "no price above zero: covered", None)


def test_the_source_of_collateral_is_named() -> None:
    spot = replace(ACCOUNT, mode=AccountMode.UNIFIED, spot_collateral=Decimal(500))
    anchored = replace(ACCOUNT, mode=AccountMode.PORTFOLIO, outside_collateral=Decimal(100))
    assert [explain_liquidation(account, "BTC").steps[0].formula for account in (spot, anchored)] == [
        "spot balance less the equity of isolated positions",
        "implied by the venue's own liquidation prices",
    ]


def test_the_maximum_loss_of_a_cross_position_is_the_whole_account() -> None:
    explained = explain_maximum_loss(ACCOUNT, "BTC", HYPERLIQUID)
    assert [step.result for step in explained.steps] == [Decimal("462.860761")]


def test_the_maximum_loss_of_an_isolated_position_adds_up() -> None:
    held = Position(
        "BTC", Decimal("0.1"), Decimal(60000), Decimal(60000), MarginMode.ISOLATED, 10, AT_40X, cash=Decimal(-5400)
    )
    fees = FeeRates(taker=Decimal("0.0005"))
    results = [
        step.result for step in explain_maximum_loss(Account.of([held]), "BTC", HYPERLIQUID, fees, Decimal(3)).steps
    ]
    assert results[0] == 600
    assert results[1] == 3
    assert results[2] == Decimal("0.1") * (Decimal(5400) / (Decimal("0.1") * Decimal("0.9875"))) * Decimal("0.0005")
    assert results[3] == Decimal("603.000000")


def test_a_market_without_a_position_has_no_explanation() -> None:
    with pytest.raises(MarginInputError) as caught:
        explain_liquidation(ACCOUNT, "SOL")
    assert caught.value.field == "market"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("52522.497721518987", "52522.4977215"),
        ("1E+3", "1000"),
        ("0.00000001", "0.00000001"),
        ("-8500.10", "-8500.1"),
        ("0E-8", "0"),
        ("123456789012345.6", "123456789012346"),
    ],
)
def test_numbers_are_written_plainly(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text
