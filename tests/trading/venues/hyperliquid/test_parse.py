"""Markets and accounts: recorded payloads, what is refused, what is left out."""

import json
import logging
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.trading.venues.hyperliquid.bodies import CONTEXT, POSITION, TABLE_56, UNIVERSE, account_body
from tests.trading.venues.hyperliquid.figures import NOW
from trading.margin.types import AccountMode, MarginMode, MarginRestriction
from trading.venues.base import SpotBalance
from trading.venues.errors import Malformed, UnknownState
from trading.venues.hyperliquid import markets, parse

CROSS = {"type": "cross", "value": 20}


def markets_body(universe: list[dict[str, Any]], contexts: list[Any] | None = None) -> bytes:
    rows = [CONTEXT] * len(universe) if contexts is None else contexts
    return json.dumps([{"universe": universe, "marginTables": [TABLE_56], "collateralToken": 0}, rows]).encode()


def test_an_account_is_read_as_the_venue_wrote_it() -> None:
    account = parse.account(account_body(POSITION), NOW)
    assert account.venue_time == datetime(2024, 10, 27, 3, 34, 20, tzinfo=UTC)
    assert account.received_at == NOW
    assert account.account_mode is AccountMode.STANDARD
    assert (account.equity, account.cross_equity) == (Decimal("25.856067"), Decimal("7.5"))
    assert (account.cross_maintenance, account.cross_margin_used) == (Decimal("0.5"), Decimal("1.25"))
    assert account.withdrawable == Decimal("6.25")
    (position,) = account.positions
    assert (position.market, position.size, position.entry_price) == ("BTC", Decimal("0.002"), Decimal("64815.0"))
    assert (position.mark_price, position.notional) == (Decimal(64794), Decimal("129.588"))
    assert (position.mode, position.leverage, position.max_leverage) == (MarginMode.ISOLATED, 5, 40)
    assert (position.margin, position.cash) == (Decimal("25.856067"), Decimal("-103.731933"))
    assert position.margin == position.cash + position.size * position.mark_price  # type: ignore[operator]
    assert position.liquidation_price == Decimal("52522.497721519")


def test_every_recorded_account_parses_to_the_recorded_text(venue_data: Path) -> None:
    recorded = json.loads((venue_data / "hyperliquid" / "clearinghouse_states.json").read_text())
    whole = {name: entry["response"] for name, entry in recorded.items() if "marginSummary" in entry["response"]}
    assert len(whole) == len(recorded) - 1  # of one only the position row was recorded
    for name, response in whole.items():
        account = parse.account(json.dumps(response).encode(), NOW)
        assert str(account.equity) == response["marginSummary"]["accountValue"], name
        assert str(account.cross_equity) == response["crossMarginSummary"]["accountValue"], name
        assert str(account.cross_maintenance) == response["crossMaintenanceMarginUsed"], name
        assert str(account.withdrawable) == response["withdrawable"], name
        assert len(account.positions) == len(response["assetPositions"]), name
    for name, entry in recorded.items():
        for row in (held["position"] for held in entry["response"]["assetPositions"]):
            body = account_body(row)
            (position,) = parse.account(body, NOW).positions
            profit = position.size * (position.mark_price - position.entry_price)
            assert position.unrealised_pnl == pytest.approx(profit, rel=Decimal("0.01"), abs=Decimal("0.01"))
            written = {
                "szi": str(position.size),
                "entryPx": str(position.entry_price),
                "positionValue": str(position.notional),
                "unrealizedPnl": str(position.unrealised_pnl),
                "marginUsed": str(position.margin),
                "liquidationPx": None if position.liquidation_price is None else str(position.liquidation_price),
                "maxLeverage": position.max_leverage,
            }
            assert written == {key: row.get(key, written[key]) for key in written}, (name, row["coin"])
            assert position.mode == row["leverage"]["type"]
            assert position.cash == (Decimal(row["leverage"]["rawUsd"]) if "rawUsd" in row["leverage"] else None)
            assert position.mark_price * abs(position.size) == pytest.approx(position.notional, rel=Decimal("1e-25"))


def test_a_unified_account_takes_its_equity_from_spot() -> None:
    spot = (SpotBalance("USDC", Decimal(500), Decimal(120)), SpotBalance("HYPE", Decimal(9), Decimal(0)))
    cross = POSITION | {"coin": "ETH", "leverage": CROSS}
    account = parse.account(account_body(POSITION, cross), NOW, mode=AccountMode.UNIFIED, spot=spot)
    assert account.equity == 500
    assert account.cross_equity == 500 - Decimal("25.856067")
    assert account.withdrawable == 380
    assert account.spot == spot


@pytest.mark.parametrize(
    "change",
    [
        {"leverage": {"type": "portfolio", "value": 5, "rawUsd": "1"}},
        {"leverage": {"type": "Isolated", "value": 5, "rawUsd": "1"}},
    ],
)
def test_an_unknown_margin_mode_is_refused_loudly(change: dict[str, Any]) -> None:
    with pytest.raises(UnknownState):
        parse.account(account_body(POSITION | change), NOW)


def test_an_unknown_position_type_is_refused_loudly() -> None:
    body = account_body(assetPositions=[{"type": "hedge", "position": POSITION}])
    with pytest.raises(UnknownState, match="hedge"):
        parse.account(body, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"szi": "0.0"},
        {"szi": "NaN"},
        {"szi": "sNaN"},
        {"marginUsed": "Infinity"},
        {"marginUsed": "-inf", "unrealizedPnl": "inf"},
        {"entryPx": "1,5"},
        {"entryPx": None},
        {"entryPx": "0.0"},
        {"entryPx": "-1907.3"},
        {"positionValue": "0.0"},
        {"positionValue": "-165.4"},
        {"entryPx": True},
        {"leverage": {"type": "isolated", "value": 5}},
        {"leverage": {"type": "cross", "value": 5, "rawUsd": "1"}},
        {"leverage": {"type": "cross", "value": "5"}},
        {"maxLeverage": 40.5},
    ],
)
def test_a_position_that_does_not_add_up_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parse.account(account_body(POSITION | change), NOW)


@pytest.mark.parametrize(
    "change", [{"withdrawable": "NaN"}, {"crossMaintenanceMarginUsed": "inf"}, {"time": 10**18}, {"marginSummary": {}}]
)
def test_an_account_without_sound_totals_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parse.account(account_body(POSITION, **change), NOW)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b"<html>502</html>"])
def test_nonsense_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse.account(body, NOW)


def test_a_number_in_exponent_form_keeps_its_value() -> None:
    (position,) = parse.account(account_body(POSITION | {"szi": "2e-3"}), NOW).positions
    assert position.size == Decimal("0.002")


def test_markets_are_read_with_their_tiers_and_prices() -> None:
    found = markets.markets(markets_body(UNIVERSE), NOW)
    bitcoin, matic, bond = found.specs
    assert (bitcoin.name, bitcoin.index, bitcoin.size_decimals, bitcoin.collateral) == ("BTC", 0, 5, "USDC")
    assert [(tier.lower_bound, tier.max_leverage) for tier in bitcoin.tiers.tiers] == [
        (Decimal(0), 40),
        (Decimal(150_000_000), 20),
    ]
    assert bitcoin.tiers.tiers[1].deduction == 1_875_000
    assert bitcoin.max_market_notional == 30_000_000
    assert [spec.restriction for spec in found.specs] == [
        MarginRestriction.NONE,
        MarginRestriction.NONE,
        MarginRestriction.ISOLATED_ONLY,
    ]
    assert (matic.delisted, matic.max_leverage, bond.delisted) == (True, 20, False)
    state = found.states[0]
    assert (state.mark, state.oracle, state.mid) == (Decimal("86319.4"), Decimal("86340.0"), None)
    assert state.funding_rate == Decimal("0.0000125")


def test_every_recorded_market_parses_to_the_recorded_text(venue_data: Path) -> None:
    for name, count, dex in (("meta_and_asset_ctxs.json", 16, ""), ("meta_and_asset_ctxs_hip3.json", 3, "xyz")):
        body = (venue_data / "hyperliquid" / name).read_bytes()
        meta, contexts = json.loads(body)
        found = markets.markets(body, NOW, dex=dex, dex_index=1 if dex else 0)
        offset = 110_000 if dex else 0
        assert [spec.index for spec in found.specs] == [offset + index for index in range(count)]
        assert [spec.name for spec in found.specs] == [row["name"] for row in meta["universe"]]
        assert [spec.max_leverage for spec in found.specs] == [spec.tiers.max_leverage for spec in found.specs]
        keys = ("markPx", "oraclePx", "prevDayPx", "funding", "openInterest", "dayNtlVlm")
        assert [[str(v) for v in (s.mark, s.oracle, s.previous_day_price, s.funding_rate, s.open_interest,
        s.day_volume)] for s in found.states] == [ [row[key] for key in keys] for row in contexts
        ]  # fmt: skip
        if dex:
            assert {spec.restriction for spec in found.specs} == {MarginRestriction.STRICT_ISOLATED}


@pytest.mark.parametrize(
    ("row", "unread"),
    [
        (
            {"szDecimals": 5, "name": "NEW", "maxLeverage": 40, "marginTableId": 56, "marginMode": "aModeOfTomorrow"},
            {"NEW"},
        ),
        ({"szDecimals": 5, "name": "NEW", "maxLeverage": 40, "marginTableId": 99}, {"NEW"}),
        ({"szDecimals": 9, "name": "NEW", "maxLeverage": 40, "marginTableId": 56}, {"NEW"}),
        ({"szDecimals": "5", "name": "NEW", "maxLeverage": 40, "marginTableId": 56}, {"NEW"}),
        ({"name": "NEW"}, {"NEW"}),
        ({"name": "NEW", "isDelisted": True}, set()),
        ("NEW", set()),
    ],
)
def test_a_market_that_is_not_understood_is_left_out_and_keeps_its_place(
    row: Any, unread: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        found = markets.markets(markets_body([UNIVERSE[0], row, UNIVERSE[1]]), NOW)
    assert [(spec.name, spec.index) for spec in found.specs] == [("BTC", 0), ("MATIC", 2)]
    assert [state.name for state in found.states] == ["BTC", "MATIC"]
    assert found.unread == unread
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_market_without_a_sound_price_is_left_out() -> None:
    found = markets.markets(markets_body(UNIVERSE[:2], [CONTEXT | {"markPx": "NaN"}, CONTEXT]), NOW)
    assert [spec.name for spec in found.specs] == ["MATIC"]


def test_markets_and_prices_of_different_number_are_malformed() -> None:
    with pytest.raises(Malformed, match="3 markets but 2 contexts"):
        markets.markets(markets_body(UNIVERSE, [CONTEXT] * 2), NOW)


def test_recorded_settings_parse(venue_data: Path) -> None:
    recorded = json.loads((venue_data / "hyperliquid" / "active_asset_data.json").read_text())
    rows = [recorded["first_perp_dex_cross"], recorded["hip3_isolated"], recorded["ws_mainnet_2026_10"]["data"]]
    found = [parse.market_setting(json.dumps(row).encode()) for row in rows]
    assert [(setting.market, setting.mode, setting.leverage) for setting in found] == [
        ("APT", MarginMode.CROSS, 3),
        ("xyz:XYZ100", MarginMode.ISOLATED, 20),
        ("BTC", MarginMode.CROSS, 20),
    ]
    assert found[0].available_to_buy == Decimal("37019438.0284740031")
    assert found[0].max_sell_size == Decimal("24836370.4400000013")
    assert (found[2].available_to_sell, found[2].mark) == (Decimal("2941978.03"), Decimal("85970.0"))


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("default", AccountMode.STANDARD),
        ("disabled", AccountMode.STANDARD),
        ("unifiedAccount", AccountMode.UNIFIED),
        ("portfolioMargin", AccountMode.PORTFOLIO),
    ],
)
def test_account_modes_are_told_apart(text: str, mode: AccountMode) -> None:
    assert parse.account_mode(json.dumps(text).encode()) is mode


@pytest.mark.parametrize("text", ["dexAbstraction", "", "UnifiedAccount"])
def test_an_unknown_account_mode_is_refused_loudly(text: str) -> None:
    with pytest.raises(UnknownState):
        parse.account_mode(json.dumps(text).encode())


def test_recorded_balances_and_books_parse(venue_data: Path) -> None:
    recorded = json.loads((venue_data / "hyperliquid" / "misc_info.json").read_text())
    unified = parse.spot_balances(json.dumps(recorded["spotClearinghouseState_unified_ws"]).encode())
    assert unified == (SpotBalance("USDC", Decimal("100508.11272667"), Decimal("49999.89")),)
    assert markets.dex_indices(json.dumps(recorded["perpDexs"]).encode()) == {"": 0, "test": 1}
    assert parse.account_mode(json.dumps(recorded["userAbstraction"]).encode()) is AccountMode.UNIFIED


def test_a_builder_book_that_allows_cross_margin_is_traded_in_isolated_margin() -> None:
    row = {"name": "xyz:GOLD", "szDecimals": 3, "maxLeverage": 10, "marginTableId": 10}
    (spec,) = markets.markets(markets_body([row]), NOW, dex="xyz", dex_index=1).specs
    (main,) = markets.markets(markets_body([row | {"name": "GOLD"}]), NOW).specs
    assert (spec.restriction, main.restriction) == (MarginRestriction.ISOLATED_ONLY, MarginRestriction.NONE)
