"""Nonsense never becomes a number: it becomes an error that names its field."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from trading.margin.buckets import cash_of_wallet
from trading.margin.cross import remarked
from trading.margin.errors import MarginInputError, Problem
from trading.margin.inverse import LossBudget, margin_for_distance, margin_for_price, plan_for
from trading.margin.quotes import LeverageChange, MarginChange, MarketTerms, OrderRequest
from trading.margin.rounding import PriceRule, decimal_of, positive, whole_positive
from trading.margin.rules import HYPERLIQUID
from trading.margin.types import (
    Account,
    Bracket,
    FeeRates,
    MarginMode,
    Position,
    Side,
    Tier,
    TierTable,
)

AT_40X = TierTable.single(40)
HELD = Position(
    "BTC", Decimal(1), Decimal(60000), Decimal(60000), MarginMode.ISOLATED, 10, AT_40X, cash=Decimal(-54000)
)
TERMS = MarketTerms("BTC", AT_40X, HYPERLIQUID)
ORDER = OrderRequest(TERMS, Side.LONG, Decimal(1), Decimal(60000), MarginMode.ISOLATED, 10)
BUDGET = LossBudget(TERMS, Side.LONG, Decimal(60000), Decimal(100), Decimal("0.001"), 10)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (1.5, Problem.FLOAT_REFUSED),
        (float("nan"), Problem.FLOAT_REFUSED),
        (Decimal("NaN"), Problem.NOT_A_NUMBER),
        (Decimal("sNaN"), Problem.NOT_A_NUMBER),
        (Decimal("Infinity"), Problem.NOT_A_NUMBER),
        ("NaN", Problem.NOT_A_NUMBER),
        ("1e5000", Problem.NOT_A_NUMBER),
        ("1e400", Problem.OUT_OF_RANGE),
        ("1e-99", Problem.OUT_OF_RANGE),
        ("1_000", Problem.NOT_A_NUMBER),
        ("１２", Problem.NOT_A_NUMBER),
        (" 1", Problem.NOT_A_NUMBER),
        ("1\n", Problem.NOT_A_NUMBER),
        ("", Problem.NOT_A_NUMBER),
        ("9" * 65, Problem.NOT_A_NUMBER),
        (True, Problem.NOT_A_NUMBER),
        (None, Problem.NOT_A_NUMBER),
        ([], Problem.NOT_A_NUMBER),
    ],
)
def test_the_door_refuses(value: object, problem: Problem) -> None:
    with pytest.raises(MarginInputError) as caught:
        decimal_of(value, "size")
    assert (caught.value.field, caught.value.problem) == ("size", problem)


@pytest.mark.parametrize(
    ("value", "number"),
    [("1e-8", "0.00000001"), ("-0.5", "-0.5"), (".5", "0.5"), (7, "7"), ("1064075.6000000001", "1064075.6000000001")],
)
def test_the_door_keeps_every_digit(value: str | int, number: str) -> None:
    assert decimal_of(value, "size") == Decimal(number)


REFUSED: list[tuple[str, Problem, Callable[[], object]]] = [
    ("size", Problem.ZERO, lambda: replace(HELD, size=Decimal(0))),
    ("size", Problem.FLOAT_REFUSED, lambda: replace(HELD, size=0.5)),  # type: ignore[arg-type]
    ("size", Problem.NOT_A_NUMBER, lambda: replace(HELD, size=Decimal("NaN"))),
    ("mark_price", Problem.ZERO, lambda: replace(HELD, mark_price=Decimal(0))),
    ("entry_price", Problem.NOT_POSITIVE, lambda: replace(HELD, entry_price=Decimal(-1))),
    ("leverage", Problem.ZERO, lambda: replace(HELD, leverage=0)),
    ("leverage", Problem.NOT_WHOLE, lambda: whole_positive(Decimal("2.5"), "leverage")),
    ("mode", Problem.UNKNOWN_VALUE, lambda: replace(HELD, mode="isolated")),  # type: ignore[arg-type]
    ("cash", Problem.MISSING, lambda: replace(HELD, cash=None)),
    ("cash", Problem.MISSING, lambda: replace(HELD, mode=MarginMode.CROSS)),
    ("cash", Problem.FLOAT_REFUSED, lambda: replace(HELD, cash=-54000.0)),  # type: ignore[arg-type]
    ("cash", Problem.MISSING, lambda: replace(HELD, mode=MarginMode.CROSS, cash=None).equity),
    ("wallet", Problem.NEGATIVE, lambda: cash_of_wallet(Decimal(1), Decimal(60000), Decimal(-1))),
    ("tiers", Problem.MISSING, lambda: TierTable(())),
    ("lower_bound", Problem.GAP, lambda: TierTable.from_max_leverages([("100", 40)])),
    ("lower_bound", Problem.OUT_OF_ORDER, lambda: TierTable.from_max_leverages([("0", 40), ("9", 20), ("5", 10)])),
    ("max_leverage", Problem.OUT_OF_ORDER, lambda: TierTable.from_max_leverages([("0", 20), ("9", 40)])),
    ("lower_bound", Problem.NOT_A_NUMBER, lambda: TierTable.from_max_leverages([("x", 40)])),
    ("lower_bound", Problem.GAP, lambda: brackets((0, 100, 50, "0.01", 0), (200, 300, 20, "0.02", 2))),
    ("lower_bound", Problem.GAP, lambda: brackets((100, 200, 50, "0.01", 0))),
    ("deduction", Problem.INCONSISTENT, lambda: brackets((0, 100, 50, "0.01", 0), (100, 300, 20, "0.02", 90))),
    ("maintenance_rate", Problem.OUT_OF_ORDER, lambda: brackets((0, 100, 50, "0.02", 0), (100, 300, 20, "0.01", 0))),
    ("notional_cap", Problem.OUT_OF_ORDER, lambda: brackets((0, 100, 50, "0.02", 0), (100, 100, 20, "0.03", 1))),
    ("tiers", Problem.MISSING, lambda: TierTable.from_brackets([])),
    ("maintenance_rate", Problem.OUT_OF_RANGE, lambda: Tier(Decimal(0), 1, Decimal(1), Decimal(0))),
    ("notional", Problem.NEGATIVE, lambda: AT_40X.at(Decimal(-1))),
    ("taker", Problem.NEGATIVE, lambda: FeeRates(taker=Decimal("-0.001"))),
    ("builder", Problem.NEGATIVE, lambda: FeeRates(builder=Decimal("-0.001"))),
    ("maker", Problem.OUT_OF_RANGE, lambda: FeeRates(maker=Decimal("0.5"))),
    ("positions", Problem.INCONSISTENT, lambda: Account.of([HELD, HELD])),
    ("order_margin", Problem.NEGATIVE, lambda: Account(order_margin=Decimal(-1))),
    ("spot_collateral", Problem.NOT_A_NUMBER, lambda: Account(spot_collateral=Decimal("NaN"))),
    ("cross_equity", Problem.FLOAT_REFUSED, lambda: Account.of([], 1.5)),  # type: ignore[arg-type]
    ("mark_price", Problem.ZERO, lambda: remarked(Account.of([HELD]), {"BTC": Decimal(0)})),
    ("size", Problem.ZERO, lambda: replace(ORDER, size=Decimal(0))),
    ("size", Problem.NOT_POSITIVE, lambda: replace(ORDER, size=Decimal(-1))),
    ("mark_price", Problem.ZERO, lambda: replace(ORDER, mark_price=Decimal(0))),
    ("limit_price", Problem.ZERO, lambda: replace(ORDER, limit_price=Decimal(0))),
    ("mode", Problem.UNKNOWN_VALUE, lambda: replace(ORDER, mode="both")),  # type: ignore[arg-type]
    ("amount", Problem.ZERO, lambda: MarginChange(TERMS, Decimal(0))),
    ("amount", Problem.NOT_A_NUMBER, lambda: MarginChange(TERMS, Decimal("NaN"))),
    ("leverage", Problem.ZERO, lambda: LeverageChange(TERMS, 0)),
    ("price", Problem.OUT_OF_RANGE, lambda: margin_for_price(HELD, Decimal(60000))),
    ("price", Problem.ZERO, lambda: margin_for_price(HELD, Decimal(0))),
    ("distance", Problem.OUT_OF_RANGE, lambda: margin_for_distance(HELD, Decimal(1))),
    ("distance", Problem.ZERO, lambda: margin_for_distance(HELD, Decimal(0))),
    ("stop_price", Problem.OUT_OF_RANGE, lambda: replace(BUDGET, stop_price=Decimal(60001))),
    ("budget", Problem.OUT_OF_RANGE, lambda: plan_for(replace(BUDGET, budget=Decimal("0.5")))),
    ("leverage", Problem.OUT_OF_RANGE, lambda: plan_for(replace(BUDGET, leverage=41))),
    ("size_decimals", Problem.OUT_OF_RANGE, lambda: PriceRule.significant(7)),
    ("tick", Problem.ZERO, lambda: PriceRule.of_tick(Decimal(0))),
]


def brackets(*rows: tuple[int, int, int, str, int]) -> TierTable:
    return TierTable.from_brackets(
        Bracket(Decimal(floor), Decimal(cap), leverage, Decimal(rate), Decimal(cum))
        for floor, cap, leverage, rate, cum in rows
    )


@pytest.mark.parametrize(("field", "problem", "attempt"), REFUSED, ids=[f"{row[0]}-{row[1]}" for row in REFUSED])
def test_it_names_the_field_and_the_problem(field: str, problem: Problem, attempt: Callable[[], object]) -> None:
    with pytest.raises(MarginInputError) as caught:
        attempt()
    assert (caught.value.field, caught.value.problem) == (field, problem)
    assert str(caught.value).startswith(f"{field}: ")


def test_positive_takes_what_is_above_zero() -> None:
    assert positive("0.00001", "size") == Decimal("0.00001")
