"""Money adds up to the last unit after whatever an account has lived through."""

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.trading.conftest import Desk
from tests.trading.elsewhere import elsewhere, settled
from trading.margin.rounding import Direction
from trading.margin.types import MarginMode
from trading.models import Difference, Liquidation, Market, Position
from trading.services.totals import MoneyTotals, money_totals
from trading.venues.base import AdjustMargin, SetLeverage, market_order
from trading.venues.errors import VenueError

MARKETS = ("BTC", "ETH", "SOL")
ZERO = Decimal(0)


@pytest.fixture(autouse=True)
def same_prices_afterwards(desk: Desk) -> Iterator[None]:
    """The sandbox serves other tests after this one."""
    before = {name: f"{moved(name, Decimal(1)):f}" for name in MARKETS}
    yield
    for name, mark in before.items():
        desk.sandbox.mark(name, mark)


def live(desk: Desk, seed: int, steps: int) -> None:
    """Random trading, leverage, margin, funding, transfers and falls of the price, none of it through our rows."""
    chance = random.Random(seed)
    markets = {row.name: row for row in Market.objects.filter(name__in=MARKETS)}
    marks = {name: row.mark_price or ZERO for name, row in markets.items()}
    for name, mark in marks.items():
        desk.sandbox.mark(name, f"{mark:f}")
    for _ in range(steps):
        with suppress(VenueError):
            _step(desk, chance, chance.choice(list(markets.values())), marks)


def _step(desk: Desk, chance: random.Random, market: Market, marks: dict[str, Decimal]) -> None:
    rules, mark = market.rules, marks[market.name]
    match chance.choice(["order", "order", "order", "leverage", "margin", "funding", "transfer", "mark", "mark"]):
        case "order":
            size = rules.floor_size(Decimal(chance.randrange(200, 20_000)) / mark)
            slippage = Decimal("0.05")
            order = market_order(rules, is_buy=chance.random() < 0.5, size=size, mark=mark, slippage=slippage)
            elsewhere(desk, replace(order, client_id=None))
        case "leverage":
            mode = chance.choice([MarginMode.ISOLATED, MarginMode.ISOLATED, MarginMode.CROSS])
            elsewhere(desk, SetLeverage(rules, mode, chance.choice([3, 10, rules.max_leverage])))
        case "margin":
            elsewhere(desk, AdjustMargin(rules, is_buy=True, amount=Decimal(chance.randrange(-3000, 9000)) / 100))
        case "funding":
            desk.sandbox.pay_funding()
        case "transfer":
            desk.sandbox.fund(desk.account.address, str(Decimal(chance.randrange(1, 90_000)) / 1000))
        case _:
            moved = mark * (1 + Decimal(chance.randrange(-60, 60)) / 1000)
            marks[market.name] = rules.price_rule.rounded(moved, Direction.DOWN)
            desk.sandbox.mark(market.name, f"{marks[market.name]:f}")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_changes_on_record_are_the_change_of_the_balance(desk: Desk, seed: int) -> None:
    settled(desk)
    for part in range(4):
        live(desk, 10 * seed + part, steps=25)
        settled(desk)

        totals = totals_of(desk)
        assert totals.unexplained == 0

    assert not Difference.objects.exclude(kind__in=["margin", "order", "setting"]).exists()
    assert totals.balance == venue_balance(desk)
    assert totals.trading != 0


def totals_of(desk: Desk) -> MoneyTotals:
    totals = money_totals(desk.reread())
    assert totals is not None
    return totals


def venue_balance(desk: Desk) -> Decimal:
    """Cash, buckets and the cost of what is open, in the venue's own ledger."""
    ledger = desk.at_venue()
    held = ledger["positions"]
    assert isinstance(held, list)
    legs = sum((Decimal(row["cash"]) + Decimal(row["size"]) * Decimal(row["entry"]) for row in held), ZERO)
    return (Decimal(str(ledger["cash"])) + legs).quantize(Decimal("0.000001"))


def test_fall_and_rise_that_liquidate_everything_add_up(desk: Desk) -> None:
    settled(desk)
    for part in range(3):
        live(desk, part, steps=30)
        for factor in (Decimal("0.5"), Decimal(2)):
            for name in MARKETS:
                desk.sandbox.mark(name, f"{moved(name, factor):f}")
        settled(desk)

        assert totals_of(desk).unexplained == 0
        assert not Position.objects.filter(mode="isolated").exists()
    assert Liquidation.objects.count() >= 2


def moved(name: str, factor: Decimal) -> Decimal:
    market = Market.objects.get(name=name)
    assert market.mark_price is not None
    return market.rules.price_rule.rounded(market.mark_price * factor, Direction.DOWN)
