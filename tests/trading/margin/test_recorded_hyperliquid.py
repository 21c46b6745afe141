"""Our prices against the venue's own: a table of recorded figures, and the recorded payloads themselves."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.trading.margin.recorded import hyperliquid_account, hyperliquid_tables, read, relative_difference
from trading.margin.cross import collateral, liquidations, maintenance, state_of
from trading.margin.isolated import liquidation, removable
from trading.margin.rules import HYPERLIQUID
from trading.margin.types import (
    Account,
    AccountMode,
    Basis,
    Liquidation,
    MarginMode,
    NoLiquidation,
    Position,
    TierTable,
)

PRINTED = Decimal("1e-8")

# market, signed size, position value, equity of the bucket, cash leg, greatest leverage, the venue's price
ISOLATED = [
    ("BTC", "0.002", "129.588", "25.856067", "-103.731933", 40, "52522.497721519"),
    ("BTC with 20 added", "0.002", "129.588", "45.856067", "-83.731933", 40, "42395.915443038"),
    ("BTC after the mark moved", "0.002", "129.59", "45.858067", "-83.731933", 40, "42395.915443038"),
    ("xyz:NVDA", "-56.0", "12100.48", "6385.392074", "18485.872074", 20, "322.053520453"),
    ("flx:CRCL", "0.13", "10.41482", "3.459702", "-6.955118", 3, "64.2010892308"),
    ("z:XYZ100", "-0.1", "2463.0", "154.195591", "2617.195591", 20, "25533.6155219512"),
    ("ETH", "0.0335", "100.02765", "4.967826", "-95.059824", 50, "2866.26936529"),
    ("BTC short", "-0.0003", "24.876", "4.964434", "29.840434", 40, "98240.1119341564"),
    ("MON", "-1114261.0", "26961.773417", "9397.472442", "36359.245859", 5, "0.0296643783"),
    ("MET", "-43463.0", "11878.87253", "4152.025031", "16030.897561", 3, "0.316148663"),
]

# market, signed size, position value, greatest leverage, the venue's price: one account of January 2026
CROSS_EQUITY, CROSS_MAINTENANCE = Decimal("8259027.0754620004"), Decimal("356978.709123")
CROSS = [
    ("BTC", "-1.47472", "140406.61648", 40, "5387394.7801264981"),
    ("ETH", "-45.7436", "151232.91596", 25, "172665.4473515121"),
    ("SOL", "30390.93", "4398175.3896000003", 20, None),
    ("LTC", "3.51", "277.72875", 10, None),
    ("LDO", "16332.0", "10661.85624", 10, None),
    ("XRP", "-92720.0", "197317.432", 20, "85.2742980086"),
    ("WIF", "146.0", "60.85864", 5, None),
    ("SAGA", "-220.2", "13.899024", 3, "30759.3016032192"),
    ("MOODENG", "54674.0", "4618.58615", 3, None),
    ("PURR", "-552200.0", "34082.3362", 3, "12.3275383017"),
    ("HYPE", "-149078.45", "3878574.0336500001", 10, "76.4988794996"),
    ("VIRTUAL", "-9594.1", "10004.72748", 5, "749.8030102371"),
    ("MORPHO", "-1286.7", "1801.50867", 5, "5584.4267052968"),
    ("IP", "55968.6", "211180.72152", 3, None),
]

# the account of October 2026 whose cross positions spot collateral backs; the missing sum was solved by others
UNIFIED_EQUITY, UNIFIED_MAINTENANCE = Decimal("2225318.2230509999"), Decimal("779850.680709")
UNIFIED_MISSING = Decimal("5938586.9122")
UNIFIED = [
    ("BTC", "-21.0955", "1820950.9027", 40, "432027.8823055762"),
    ("ARB", "1064075.6000000001", "218273.827828", 10, None),
    ("LDO", "1189281.0", "551172.27945", 5, None),
    ("AAVE", "21836.18", "4009341.0098000001", 10, None),
    ("ZRO", "1161681.8999999999", "2304893.05779", 5, None),
    ("ETHFI", "562442.3", "427107.433774", 5, None),
    ("ENA", "-9024119.0", "2211721.32571", 10, "1.0243830051"),
    ("EIGEN", "1572797.8999999999", "416162.32434", 5, None),
    ("WLFI", "-6144000.0", "347277.312", 5, "1.1490973452"),
    ("MEGA", "3727605.0", "182764.47315", 3, None),
]


def cross_position(market: str, size: str, value: str, leverage: int, price: str | None) -> Position:
    quantity = Decimal(size)
    mark = Decimal(value) / abs(quantity)
    quoted = Liquidation(None, NoLiquidation.VENUE_GIVES_NONE) if price is None else Liquidation(Decimal(price))
    tiers = TierTable.single(leverage)
    return Position(market, quantity, mark, mark, MarginMode.CROSS, 1, tiers, venue_liquidation=quoted)


@pytest.mark.parametrize(("market", "size", "value", "margin", "cash", "leverage", "price"), ISOLATED)
def test_isolated_price_is_the_venues(
    market: str, size: str, value: str, margin: str, cash: str, leverage: int, price: str
) -> None:
    quantity = Decimal(size)
    mark = Decimal(value) / abs(quantity)
    tiers = TierTable.single(leverage)
    held = Position(market, quantity, mark, mark, MarginMode.ISOLATED, 1, tiers, cash=Decimal(cash))
    assert relative_difference(liquidation(held).price, Decimal(price)) < PRINTED
    assert abs(held.equity - Decimal(margin)) < Decimal("1e-12")


def test_cross_prices_are_the_venues_in_a_standard_account() -> None:
    account = Account.of([cross_position(*row) for row in CROSS], CROSS_EQUITY)
    assert abs(maintenance(account) - CROSS_MAINTENANCE) < Decimal("0.00001")
    for row, ours in zip(CROSS, liquidations(account), strict=True):
        if row[4] is None:
            assert (ours.price, ours.reason) == (None, NoLiquidation.COVERED)
        else:
            assert relative_difference(ours.price, Decimal(row[4])) < PRINTED


def test_cross_prices_anchor_on_the_venue_where_spot_collateral_is_missing() -> None:
    positions = [cross_position(*row) for row in UNIFIED]
    account = Account(tuple(positions), UNIFIED_EQUITY, AccountMode.UNIFIED, cross_maintenance=UNIFIED_MAINTENANCE)
    behind = collateral(account)
    assert behind.basis is Basis.ANCHORED
    assert abs(behind.missing - UNIFIED_MISSING) < Decimal("0.001")
    for row, ours in zip(UNIFIED, liquidations(account), strict=True):
        assert (ours.price is None) == (row[4] is None)
        assert row[4] is None or relative_difference(ours.price, Decimal(row[4])) < PRINTED


@pytest.mark.parametrize("anchor", ["BTC", "ENA", "WLFI"])
def test_one_anchor_predicts_the_venues_other_prices(anchor: str) -> None:
    rows = [(*row[:4], row[4] if row[0] == anchor else None) for row in UNIFIED]
    positions = [cross_position(*row) for row in rows]
    account = Account(tuple(positions), UNIFIED_EQUITY, AccountMode.UNIFIED, cross_maintenance=UNIFIED_MAINTENANCE)
    for row, ours in zip(UNIFIED, liquidations(account), strict=True):
        assert (ours.price is None) == (row[4] is None)
        assert row[4] is None or relative_difference(ours.price, Decimal(row[4])) < PRINTED


def test_the_known_spot_balance_gives_the_same_prices_as_the_anchor() -> None:
    bare = tuple(cross_position(*row[:4], None) for row in UNIFIED)
    spot = UNIFIED_EQUITY + UNIFIED_MISSING
    account = Account(bare, UNIFIED_EQUITY, AccountMode.UNIFIED, spot, cross_maintenance=UNIFIED_MAINTENANCE)
    for row, ours in zip(UNIFIED, liquidations(account), strict=True):
        assert ours.basis is Basis.SPOT
        assert (ours.price is None) == (row[4] is None)
        assert row[4] is None or relative_difference(ours.price, Decimal(row[4])) < PRINTED


def test_every_recorded_account_state(venue_data: Path) -> None:
    tables = hyperliquid_tables(read(venue_data / "hyperliquid/meta_and_asset_ctxs.json"))
    states = read(venue_data / "hyperliquid/clearinghouse_states.json")
    compared = absent = 0
    for name, state in states.items():
        mode = AccountMode.STANDARD if "accountMode" not in state else AccountMode.UNKNOWN
        account = hyperliquid_account(state["response"], tables, mode)
        for held, ours in zip(account.positions, liquidations(account), strict=True):
            quoted = held.venue_liquidation
            assert quoted is not None
            if quoted.price is None:
                assert ours.price is None, (name, held.market)
                absent += 1
            else:
                assert relative_difference(ours.price, quoted.price) < Decimal("1e-7"), (name, held.market)
                compared += 1
    assert (compared, absent) == (23, 18)


def test_an_unnamed_account_mode_is_told_by_the_venues_own_prices(venue_data: Path) -> None:
    tables = hyperliquid_tables(read(venue_data / "hyperliquid/meta_and_asset_ctxs.json"))
    states = read(venue_data / "hyperliquid/clearinghouse_states.json")
    found = {
        name: collateral(hyperliquid_account(state["response"], tables, AccountMode.UNKNOWN)).basis
        for name, state in states.items()
        if "crossMarginSummary" in state["response"]
        and any(entry["position"]["leverage"]["type"] == "cross" for entry in state["response"]["assetPositions"])
    }
    assert found == {
        "mainnet_2026_01_14_cross14_isolated2": Basis.OWN,
        "mainnet_2025_10_cross_btc_long_small": Basis.OWN,
        "mainnet_2026_09_27_vault_cross_trimmed": Basis.OWN,
        "mainnet_2026_10_02_cross10": Basis.ANCHORED,
        "mainnet_2026_09_cross_btc_long": Basis.ANCHORED,
        "testnet_2026_07_cross_btc_long": Basis.OWN,
    }


def test_collateral_without_any_evidence_is_not_knowable(venue_data: Path) -> None:
    tables = hyperliquid_tables(read(venue_data / "hyperliquid/meta_and_asset_ctxs.json"))
    state = read(venue_data / "hyperliquid/clearinghouse_states.json")["testnet_2026_07_cross_btc_long"]
    account = hyperliquid_account(state["response"], tables, AccountMode.UNKNOWN)
    assert [(price.price, price.reason) for price in liquidations(account)] == [
        (None, NoLiquidation.COLLATERAL_OUTSIDE)
    ]


def test_free_collateral_of_the_standard_account(venue_data: Path) -> None:
    tables = hyperliquid_tables(read(venue_data / "hyperliquid/meta_and_asset_ctxs.json"))
    states = read(venue_data / "hyperliquid/clearinghouse_states.json")
    response = states["mainnet_2025_10_cross_btc_long_small"]["response"]
    account = hyperliquid_account(response, tables, AccountMode.STANDARD)
    assert state_of(account).free_collateral(HYPERLIQUID) == Decimal("435.125433")


def test_recorded_tiers_of_the_testnet(venue_data: Path) -> None:
    special = read(venue_data / "hyperliquid/meta_special_markets.json")
    rows = special["testnetMarginTables"][0][1]["marginTiers"]
    table = TierTable.from_max_leverages((row["lowerBound"], row["maxLeverage"]) for row in rows)
    assert table.maintenance(Decimal("12073.655")).quantize(Decimal("1e-4")) == Decimal("166.4731")
    assert table.maintenance(Decimal("5873.49")) == Decimal("73.418625")


def test_deductions_of_the_mainnet_tables(venue_data: Path) -> None:
    tables = hyperliquid_tables(read(venue_data / "hyperliquid/meta_and_asset_ctxs.json"))
    assert [tables[name].tiers[1].deduction.quantize(Decimal("0.01")) for name in ("BTC", "ETH", "SOL", "BNB")] == [
        Decimal("1875000.00"),
        Decimal("1333333.33"),
        Decimal("1750000.00"),
        Decimal("150000.00"),
    ]


def test_removable_margin_of_the_recorded_position_follows_its_leverage() -> None:
    tiers = TierTable.single(40)
    mark = Decimal("64795")
    held = Position(
        "BTC", Decimal("0.002"), Decimal(64815), mark, MarginMode.ISOLATED, 10, tiers, cash=Decimal("-83.731933")
    )
    assert removable(held, HYPERLIQUID).amount == Decimal("32.899067")
