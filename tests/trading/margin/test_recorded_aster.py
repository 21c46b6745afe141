"""Our prices against the rows recorded on Aster's engine family, and against its published worked examples."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.trading.margin.recorded import Row, read
from trading.margin.buckets import cash_of_wallet, entry_price_held
from trading.margin.cross import liquidations
from trading.margin.isolated import liquidation
from trading.margin.liquidation import liquidation_from_cash
from trading.margin.rules import ASTER
from trading.margin.tiers import Bracket, Tier, TierTable
from trading.margin.types import (
    Account,
    AccountMode,
    MarginMode,
    NoLiquidation,
    Position,
)

# size, entry, mark, open profit, wallet, ratio, cum, the venue's price, tolerance
ISOLATED = [
    ("20", "6563.66500", "6679.50671178", "2316.83423560", "13200.70726908", "0.005", "50", "5930.78", "0.005"),
    ("0.010", "21396.6", "21434.68734933", "0.38087349", "10.82948412", "0.01", "0", "20518.83998788", "1e-8"),
    ("-14", "0.3842", "0.38440335", "-0.00284690", "2.68857946", "0.005", "0", "0.57337452", "1e-8"),
    ("1660", "0.1327488795181", "0.12813", "-7.66588", "10.93088776", "0.01", "0", "0.12743750", "1e-8"),
    ("0.010", "101264.68", "100867.36121277", "-3.97318787", "29.59644049", "0.004", "0", "98699.83529217", "1e-8"),
    ("65457", "0.4281605481461", "0.3787", "-3237.53856678", "11962.99576933", "0.015", "50", "0.24836096", "1e-8"),
    ("5.737", "2614.8", "2546.86", "-389.77178", "5722.76987864", "0.004", "0", "1623.77551366", "1e-8"),
    ("88176", "0.2861057884231", "0.26623989", "-1751.69471664", "10891.46267895", "0.007", "5", "0.16367522", "1e-8"),
    ("11309", "4.504999381024", "4.677", "1945.15501158", "16808.38972798", "0.015", "50", "3.06019672", "1e-8"),
    ("20", "0.6052", "0.6046", "-0.012", "2.414748", "0.02", "0", "0.49434959", "1e-8"),
]


def one_bracket(ratio: str, cum: str) -> TierTable:
    return TierTable((Tier(Decimal(0), 125, Decimal(ratio), Decimal(cum)),))


@pytest.mark.parametrize("row", ISOLATED, ids=[row[7] for row in ISOLATED])
def test_isolated_price_is_the_recorded_one(row: tuple[str, ...]) -> None:
    size, shown, mark, profit, wallet, *_, price, tolerance = (Decimal(text) for text in row)
    entry = entry_price_held(size, shown, mark, profit)
    cash, tiers = cash_of_wallet(size, entry, wallet), one_bracket(row[5], row[6])
    held = Position("ANY", size, entry, mark, MarginMode.ISOLATED, 10, tiers, cash=cash)
    ours = liquidation(held).price
    assert ours is not None
    assert abs(ours - price) <= tolerance


def test_every_recorded_isolated_row(venue_data: Path) -> None:
    checks = read(venue_data / "aster/liquidation_checks.json")["isolated_positions"]
    assert [check["id"] for check in checks if not _within_tolerance(check)] == []
    assert len(checks) == len(ISOLATED)


def _within_tolerance(check: Row) -> bool:
    row, bracket = check["position"], check["bracket"]
    names = ("positionAmt", "entryPrice", "markPrice", "unRealizedProfit", "isolatedWallet", "liquidationPrice")
    size, entry, mark, profit, wallet, price = (Decimal(row[name]) for name in names)
    cash = cash_of_wallet(size, entry_price_held(size, entry, mark, profit), wallet)
    ours = liquidation_from_cash(size, cash, one_bracket(bracket["maintMarginRatio"], bracket["cum"])).price
    return ours is not None and abs(ours - price) <= Decimal(check["tolerance"])


def test_the_published_isolated_example() -> None:
    cash = cash_of_wallet(Decimal("3683.979"), Decimal("1456.84"), Decimal("1535443.01"))
    ours = liquidation_from_cash(Decimal("3683.979"), cash, one_bracket("0.10", "135365")).price
    assert ours is not None
    assert abs(ours - Decimal("1114.78")) < Decimal("0.01")


def test_the_published_cross_account_of_two_positions() -> None:
    bitcoin_mark, ether_mark = Decimal("31967.27"), Decimal("1335.18")
    bitcoin = Position(
        "BTCUSDT",
        Decimal("109.488"),
        Decimal("32481.98"),
        bitcoin_mark,
        MarginMode.CROSS,
        10,
        one_bracket("0.025", "16300"),
    )
    ether = Position(
        "ETHUSDT",
        Decimal("3683.979"),
        Decimal("1456.84"),
        ether_mark,
        MarginMode.CROSS,
        10,
        one_bracket("0.10", "135365"),
    )
    wallet = Decimal("1535443.01")
    account = Account.of([bitcoin, ether], wallet + bitcoin.unrealised_profit + ether.unrealised_profit)
    prices = [answer.price for answer in liquidations(account)]
    assert [price is not None and round(price, 2) for price in prices] == [Decimal("26316.89"), Decimal("1153.26")]


def test_recorded_margins_of_account_rows(venue_data: Path) -> None:
    rows = read(venue_data / "aster/liquidation_checks.json")["margin_rows"]
    assert len(rows) == 4
    for row in rows:
        position = row["position"]
        notional = abs(Decimal(position["notional"]))
        initial = ASTER.initial_margin(notional, int(position["leverage"]))
        kept = one_bracket(row["maintMarginRatio"], row["cum"]).maintenance(notional)
        assert abs(initial - Decimal(position["positionInitialMargin"])) <= Decimal("1e-8"), row["id"]
        assert abs(kept - Decimal(position["maintMargin"])) <= Decimal("1e-8"), row["id"]


def test_initial_rate_is_rounded_up_at_the_eighth_decimal() -> None:
    assert [ASTER.initial_rate(leverage) for leverage in (75, 3, 10)] == [
        Decimal("0.01333334"),
        Decimal("0.33333334"),
        Decimal("0.10000000"),
    ]


def test_constructed_bracket_tables_are_read_with_their_deductions(venue_data: Path) -> None:
    answers = read(venue_data / "aster/leverage_bracket.json")[1]["response"]
    tables = {answer["symbol"]: TierTable.from_brackets(_brackets(answer)) for answer in answers}
    assert tables["BTCUSDT"].maintenance(Decimal(3_000_000)) == Decimal("28700.000")
    assert tables["BTCUSDT"].max_notional(20) == Decimal(20_000_000)
    assert tables["ASTERUSDT"].max_notional(1) == Decimal(25_000_000)
    assert tables["SOLUSDT"].max_leverage == 100


def _brackets(answer: Row) -> list[Bracket]:
    return [
        Bracket(
            Decimal(row["notionalFloor"]),
            Decimal(row["notionalCap"]),
            row["initialLeverage"],
            Decimal(row["maintMarginRatio"]),
            Decimal(row["cum"]),
        )
        for row in answer["brackets"]
    ]


def test_cross_price_under_multi_asset_collateral_is_refused_with_its_reason() -> None:
    tiers = one_bracket("0.004", "0")
    cross = Position("BTCUSDT", Decimal(1), Decimal(60000), Decimal(60000), MarginMode.CROSS, 10, tiers)
    isolated = Position(
        "ETHUSDT", Decimal(1), Decimal(3000), Decimal(3000), MarginMode.ISOLATED, 10, tiers, cash=Decimal(-2700)
    )
    account = Account((cross, isolated), Decimal(10000), AccountMode.MULTI_ASSET)
    first, second = liquidations(account)
    assert (first.price, first.reason) == (None, NoLiquidation.MULTI_ASSET_COLLATERAL)
    assert second.price == Decimal(2700) / (1 - Decimal("0.004"))
