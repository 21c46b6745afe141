"""Accounts, positions and settings, in our own table and on the recorded payloads."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.trading.venues.aster.figures import AGENT, NOW, market, tiers
from tests.trading.venues.aster.rows import ACCOUNT, CROSS, FLAT, ISOLATED, USDT, Row, margins
from trading.margin.types import AccountMode, MarginMode
from trading.venues.aster import accounts
from trading.venues.base import AccountSnapshot
from trading.venues.errors import Malformed, UnknownState
from trading.venues.pools import Pool

TIERS = {"BTCUSDT": tiers(), "ETHUSDT": tiers()}
BITCOIN = market()
ZERO = Decimal(0)


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def held(*rows: Row) -> tuple[accounts.PositionRow, ...]:
    return accounts.positions(encoded(rows))


def read(
    account: Row = ACCOUNT, rows: tuple[Row, ...] = (ISOLATED, CROSS), mode: AccountMode = AccountMode.STANDARD
) -> AccountSnapshot:
    money = accounts.money(encoded(account))
    return accounts.account(money, held(*rows), TIERS, mode=mode, venue_time=NOW, received_at=NOW)


def test_an_isolated_position_has_its_own_cash() -> None:
    found = accounts.position(held(ISOLATED)[0], TIERS)
    assert (found.market, found.size, found.mode, found.leverage) == ("BTCUSDT", Decimal(20), MarginMode.ISOLATED, 10)
    assert (found.margin, found.unrealised_pnl) == (Decimal("15517.54150468"), Decimal("2316.83423560"))
    assert found.cash == Decimal("15517.54150468") - 20 * Decimal("6679.50671178")
    assert found.entry_price == Decimal("6563.66500")
    assert found.cash == Decimal("13200.70726908") - 20 * Decimal("6563.66500")
    assert (found.liquidation_price, found.max_leverage) == (Decimal("5930.78"), 125)


def test_a_cross_position_has_none() -> None:
    found = accounts.position(held(CROSS)[0], TIERS)
    assert (found.size, found.notional, found.mode) == (Decimal("-0.500"), Decimal(1450), MarginMode.CROSS)
    assert (found.margin, found.cash, found.liquidation_price) == (Decimal("72.5"), None, None)


def test_an_open_position_outlives_its_brackets(caplog: pytest.LogCaptureFixture) -> None:
    found = accounts.position(held(ISOLATED)[0], {})
    assert (found.market, found.max_leverage) == ("BTCUSDT", 10)
    assert "no brackets" in caplog.text


@pytest.mark.parametrize(("word", "mode"), [("ISOLATED", "isolated"), ("CROSSED", "cross"), ("Cross", "cross")])
def test_the_venues_spellings_of_a_mode_are_one(word: str, mode: str) -> None:
    assert held(ISOLATED | {"marginType": word})[0].mode == mode


def test_a_standard_account_is_its_pool_of_usdt() -> None:
    usd1 = USDT | {"asset": "USD1", "marginBalance": "7", "crossWalletBalance": "7", "crossUnPnl": "0"}
    other = CROSS | {"symbol": "BTCUSD1"}
    account = ACCOUNT | {
        "assets": [usd1, USDT],
        "positions": [*ACCOUNT["positions"], margins(other, "99", "99")],
        "totalMarginBalance": "25574.5",
    }
    found = read(account, (ISOLATED, CROSS, other, FLAT | {"symbol": "SOLUSDT"}))
    assert (found.equity, found.cross_equity, found.withdrawable) == (
        Decimal("25567.54150468"),
        Decimal(10050),
        Decimal(9900),
    )
    assert (found.cross_maintenance, found.cross_margin_used) == (Decimal("5.8"), Decimal("72.5"))
    assert [position.market for position in found.positions] == ["BTCUSDT", "ETHUSDT", "BTCUSD1"]
    assert (found.account_mode, found.hedge_mode, found.spot) == (AccountMode.STANDARD, False, ())
    assert (found.venue_time, found.received_at) == (NOW, NOW)


def test_each_other_asset_that_markets_are_settled_in_is_a_pool_of_its_own() -> None:
    usd1 = USDT | {
        "asset": "USD1", "walletBalance": "30", "marginBalance": "37", "crossWalletBalance": "20", "crossUnPnl": "7",
        "maxWithdrawAmount": "11",
    }  # fmt: skip
    cross = CROSS | {"symbol": "BTCUSD1", "unRealizedProfit": "7"}
    # Nothing is settled in BNB, in a "T" that only other names end with, or in what is not held.
    others = [USDT | {"asset": "BNB"}, USDT | {"asset": "T"}, nothing("USDC")]
    account = ACCOUNT | {
        "assets": [usd1, USDT, *others],
        "positions": [
            *ACCOUNT["positions"],
            margins(cross, "2", "12.5"),
            margins(FLAT | {"symbol": "ETHUSDC"}, "0", "0"),
        ],
    }

    found = read(account, (ISOLATED, CROSS, cross))

    assert found.pools == (Pool("", Decimal(37), Decimal("14.5"), Decimal(27), Decimal(11), "USD1"),)
    assert (found.cross_equity, found.cross_maintenance, found.cross_margin_used) == (
        Decimal(10050),
        Decimal("5.8"),
        Decimal("72.5"),
    )
    assert (read().pools, read(account, (ISOLATED, CROSS, cross), AccountMode.MULTI_ASSET).pools) == ((), ())


def nothing(asset: str) -> Row:
    """The row of an asset that is not held."""
    return dict.fromkeys(USDT, "0") | {"asset": asset}


def test_an_account_that_never_held_the_collateral_is_empty() -> None:
    found = read(ACCOUNT | {"assets": [], "positions": []}, ())
    assert (found.equity, found.cross_equity, found.withdrawable, found.positions) == (ZERO, ZERO, ZERO, ())


def test_a_multi_asset_account_is_its_totals_and_lists_what_backs_it() -> None:
    bitcoin = USDT | {"asset": "BTC", "walletBalance": "0.5", "initialMargin": "0.01"}
    nothing = USDT | {"asset": "BNB", "walletBalance": "0"}
    account = ACCOUNT | {"assets": [USDT, bitcoin, nothing], "totalMarginBalance": "90000"}
    found = read(account, mode=AccountMode.MULTI_ASSET)
    assert (found.account_mode, found.equity) == (AccountMode.MULTI_ASSET, Decimal(90000))
    assert [(asset.token, asset.total, asset.hold) for asset in found.spot] == [
        ("USDT", Decimal("23200.70726908"), 0),
        ("BTC", Decimal("0.5"), Decimal("0.01")),
    ]


def test_a_hedge_account_shows_both_legs_and_says_so() -> None:
    long = ISOLATED | {"positionSide": "LONG"}
    short = ISOLATED | {"positionSide": "SHORT", "positionAmt": "-10", "notional": "-66795.0671178"}
    found = read(rows=(long, short))
    assert found.hedge_mode is True
    assert [position.size for position in found.positions] == [20, -10]
    assert read(rows=(FLAT | {"positionSide": "LONG"},)).hedge_mode is True


def test_two_answers_of_different_moments_do_not_fit() -> None:
    money = accounts.money(encoded(ACCOUNT))
    assert accounts.fits(money, held(ISOLATED, CROSS, FLAT | {"symbol": "SOLUSDT"}))
    assert not accounts.fits(money, held(ISOLATED))
    assert not accounts.fits(money, held(ISOLATED | {"positionAmt": "21"}, CROSS))
    assert not accounts.fits(money, held(ISOLATED | {"isolatedWallet": "13100"}, CROSS))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"marginType": "portfolio"}, UnknownState),
        ({"positionSide": "SIDEWAYS"}, UnknownState),
        ({"leverage": "0"}, Malformed),
        ({"leverage": "2.5"}, Malformed),
        ({"positionAmt": "NaN"}, Malformed),
        ({"markPrice": "Infinity"}, Malformed),
        ({"markPrice": "0"}, Malformed),
        ({"entryPrice": None}, Malformed),
        ({"isolatedMargin": ""}, Malformed),
    ],
)
def test_a_position_that_is_not_understood_is_refused_and_not_guessed(changes: Row, kind: type[Malformed]) -> None:
    with pytest.raises(Malformed) as caught:
        read(rows=(ISOLATED | changes, CROSS))
    assert caught.type is kind


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"assets":{}}', b"\xff"])
def test_an_account_that_is_none_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        accounts.money(body)


def test_the_setting_of_a_market_bounds_what_an_order_may_be() -> None:
    flat = held(FLAT | {"markPrice": "50000"})
    setting = accounts.market_setting(flat, BITCOIN, Decimal(1000))
    assert (setting.mode, setting.leverage, setting.mark) == (MarginMode.ISOLATED, 10, Decimal(50000))
    assert (setting.available_to_buy, setting.available_to_sell) == (Decimal(1000), Decimal(1000))
    assert (setting.max_buy_size, setting.max_sell_size) == (Decimal("0.2"), Decimal("0.2"))
    capped = accounts.market_setting(held(FLAT | {"markPrice": "50000"}), BITCOIN, Decimal(9_000_000))
    assert capped.max_buy_size == 400
    long = accounts.market_setting(held(ISOLATED | {"markPrice": "50000"}), BITCOIN, Decimal(1000))
    assert (long.max_buy_size, long.max_sell_size) == (Decimal("0.2"), Decimal("20.2"))
    unpriced = accounts.market_setting(held(FLAT | {"markPrice": "0"}), BITCOIN, Decimal(1000))
    assert unpriced.max_buy_size == 0


def test_a_setting_of_another_market_is_none() -> None:
    with pytest.raises(Malformed):
        accounts.market_setting(held(CROSS), BITCOIN, Decimal(1))


def test_the_small_answers_are_read() -> None:
    balances = encoded([{"asset": "USDT", "availableBalance": "23.72469206"}])
    assert accounts.available(balances, "USDT") == Decimal("23.72469206")
    assert accounts.available(balances, "USD1") == 0
    assert accounts.account_mode(b'{"multiAssetsMargin":true}') is AccountMode.MULTI_ASSET
    assert accounts.account_mode(b'{"multiAssetsMargin":false}') is AccountMode.STANDARD
    rates = accounts.fee_rates(b'{"symbol":"X","makerCommissionRate":"0.000100","takerCommissionRate":"0.000350"}')
    assert (rates.maker, rates.taker) == (Decimal("0.0001"), Decimal("0.00035"))
    (agent,) = accounts.agents(encoded([{"agentAddress": AGENT, "agentName": "n", "expired": 1867945395040}]))
    assert (agent.address, agent.valid_until.year) == (AGENT, 2029)
    builders = encoded([{"builderAddress": AGENT, "maxFeeRate": 1e-05}])
    assert accounts.builder_fee(builders, AGENT.lower()) == Decimal("0.00001")
    assert accounts.builder_fee(b"[]", AGENT) == 0
    assert accounts.venue_time(b'{"serverTime":1499827319559}') == datetime(2017, 7, 12, 2, 41, 59, 559_000, UTC)


def test_every_recorded_account_is_understood(venue_data: Path) -> None:
    samples: list[dict[str, Any]] = json.loads((venue_data / "aster" / "account.json").read_text())
    multi, plain = (accounts.money(encoded(sample["response"])) for sample in samples)
    moments = {"venue_time": NOW, "received_at": NOW}
    found = accounts.account(multi, (), {}, mode=AccountMode.MULTI_ASSET, **moments)
    assert found.equity == Decimal("35.0112029814204")
    assert {asset.token for asset in found.spot} == {"USDT", "USDF"}
    assert accounts.account(plain, (), {}, mode=AccountMode.STANDARD, **moments).equity == Decimal("23.72469206")


def test_every_recorded_position_is_understood(venue_data: Path) -> None:
    rows: list[Row] = []
    for sample in json.loads((venue_data / "aster" / "position_risk.json").read_text()):
        rows += sample["response"]
    read_rows = held(*rows)
    assert [row.mode.value for row in read_rows] == ["isolated", "isolated", "cross"]
    assert [row.symbol for row in read_rows if row.position_amt] == ["BTCUSDT"]


def test_the_cash_leg_gives_the_recorded_liquidation_prices(venue_data: Path) -> None:
    """(cash + cum) / (a * mmr - q) is the isolated formula of Aster 4.3 with W - q * e written as the cash leg."""
    checks = json.loads((venue_data / "aster" / "liquidation_checks.json").read_text())["isolated_positions"]
    for check in checks:
        found = accounts.position(held(check["position"])[0], {})
        assert found.cash is not None
        ratio, cum = (Decimal(check["bracket"][key]) for key in ("maintMarginRatio", "cum"))
        price = (found.cash + cum) / (abs(found.size) * ratio - found.size)
        assert abs(price - Decimal(check["position"]["liquidationPrice"])) <= Decimal(check["tolerance"]), check["id"]
    assert len(checks) > 5


def test_the_small_recorded_answers_are_understood(venue_data: Path) -> None:
    folder = venue_data / "aster"
    balances = json.loads((folder / "balance.json").read_text())
    assert [accounts.available(encoded(sample["response"]), "USDT") for sample in balances] == [
        Decimal("0.81341089"),
        Decimal("23.72469206"),
    ]
    _, agents, builders = (
        encoded(sample["response"]) for sample in json.loads((folder / "agents_and_builders.json").read_text())
    )
    assert accounts.agents(agents)[0].name == "ross0001"
    assert accounts.builder_fee(builders, "0xc2af13e1B1de3A015252A115309A0F9DEEDCFa0A") == Decimal("0.00001")
