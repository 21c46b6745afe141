"""Aster's payloads against the engine: isolated legs, cross pools, and what cannot be known."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.trading.audit.payloads import ASTER_MARKETS, BRACKETS, Payload, aster_account, aster_row, encoded
from trading.audit.aster import audit
from trading.audit.judging import Finding, Verdict
from trading.margin.errors import MarginInputError
from trading.venues.errors import Malformed, UnknownState

AGREES, DIFFERS, NOT_KNOWABLE = Verdict.AGREES, Verdict.DIFFERS, Verdict.NOT_KNOWABLE

# Facts 4.3: long 0.1 at 100000 with a wallet of 1000 ends at 90361.4458, the short at 109561.7530.
LONG = aster_row("BTCUSDT", "0.1", "100000", "100000", "90361.44578313")
SHORT = aster_row("BTCUSDT", "-0.1", "100000", "100000", "109561.75298805")

# Cross, wallet 1500: BTC long 0.1 at 100000 (maintenance 40), ETH short 1 at 2000 (maintenance 8).
CROSS = [
    aster_row("BTCUSDT", "0.1", "100000", "100000", "85421.68674699", marginType="cross", isolatedWallet="0"),
    aster_row("ETHUSDT", "-1", "2000", "2000", "3446.21513944", marginType="CROSSED", isolatedWallet="0"),
]


def audited(account: Any, market_data: Any = ASTER_MARKETS) -> tuple[Finding, ...]:
    return audit(encoded(market_data), encoded(account))


def verdicts(account: Any, market_data: Any = ASTER_MARKETS) -> list[Verdict]:
    return [finding.verdict for finding in audited(account, market_data)]


@pytest.mark.parametrize("row", [LONG, SHORT])
def test_isolated_price_agrees(row: Payload) -> None:
    (finding,) = audited({"positionRisk": [row]})

    assert (finding.market, finding.mode, finding.verdict) == ("BTCUSDT", "isolated", AGREES)


def test_wrong_isolated_price_differs() -> None:
    assert verdicts({"positionRisk": [LONG | {"liquidationPrice": "90361.6"}]}) == [DIFFERS]


def test_bracket_at_the_liquidation_price_counts_and_not_the_one_now() -> None:
    # A short of 45000 now is worth 50000 and more where it is liquidated: (45000 + 10000 + 50) / 1.005.
    row = aster_row("BTCUSDT", "-1", "45000", "45000", "54776.11940299", isolatedWallet="10000")

    assert verdicts({"positionRisk": [row]}) == [AGREES]


def test_flat_rows_are_no_positions() -> None:
    flat = aster_row("BTCUSDT", "0.000", "0.0", "0.00000000", "0", unRealizedProfit="0")

    assert audited({"positionRisk": [flat]}) == ()


def test_zero_is_the_venues_way_to_say_none() -> None:
    covered = aster_row("ETHUSDT", "0.1", "2000", "2000", "0")
    (finding,) = audited({"positionRisk": [covered]})

    assert (finding.verdict, finding.venue_price, finding.our_price) == (AGREES, None, None)
    assert finding.reason is not None


@pytest.mark.parametrize("brackets", [{"symbol": "BTCUSDT", "brackets": BRACKETS}, ASTER_MARKETS["leverageBracket"]])
@pytest.mark.parametrize("info", [{}, {"exchangeInfo": {"symbols": [{"symbol": "BTCUSDT", "marginAsset": "USDT"}]}}])
def test_every_shape_of_the_market_data_is_read(brackets: Any, info: Payload) -> None:
    assert verdicts({"positionRisk": [LONG]}, {"leverageBracket": brackets} | info) == [AGREES]


def test_isolated_hedge_legs_have_prices_of_their_own() -> None:
    legs = [LONG | {"positionSide": "LONG"}, SHORT | {"positionSide": "SHORT"}]

    assert verdicts({"positionRisk": legs}) == [AGREES, AGREES]


def test_cross_positions_share_the_wallet_of_the_account() -> None:
    told = {"positionRisk": CROSS, "account": aster_account("1500")}

    assert verdicts(told) == [AGREES, AGREES]
    assert verdicts(told | {"account": aster_account("1600")}) == [DIFFERS, DIFFERS]


def test_cross_positions_without_the_account_are_not_knowable() -> None:
    found = audited({"positionRisk": [*CROSS, LONG | {"symbol": "BTCUSD1"}]})

    assert [finding.verdict for finding in found] == [NOT_KNOWABLE] * 3
    assert all(finding.reason and finding.our_price is None for finding in found)


def test_margin_assets_do_not_share_a_wallet() -> None:
    dollar = {"asset": "USD1", "walletBalance": "7", "crossWalletBalance": "7", "availableBalance": "7"}
    told = aster_account("1500")
    told["assets"].append(dollar)
    lone = CROSS[0] | {"symbol": "BTCUSD1", "liquidationPrice": "100331.32530120"}
    brackets = [*ASTER_MARKETS["leverageBracket"], {"symbol": "BTCUSD1", "brackets": BRACKETS}]

    found = audited({"positionRisk": [*CROSS, lone], "account": told}, {"leverageBracket": brackets})
    assert [finding.verdict for finding in found] == [AGREES, AGREES, AGREES]


@pytest.mark.parametrize(
    "told",
    [
        {"account": aster_account("1500"), "multiAssetsMargin": True},
        {"account": aster_account("1500", multiAssetsMargin=True)},
        {
            "account": {
                "assets": [
                    {"asset": "BTC", "walletBalance": "0", "crossWalletBalance": "0", "availableBalance": "0.0004"},
                    *aster_account("1500")["assets"],
                ]
            }
        },
    ],
)
def test_multi_asset_collateral_is_refused_with_its_reason(told: Payload) -> None:
    found = audited({"positionRisk": CROSS} | told)

    assert [finding.verdict for finding in found] == [NOT_KNOWABLE, NOT_KNOWABLE]
    assert all("several assets" in (finding.reason or "") for finding in found)


def test_two_open_cross_legs_are_not_knowable_and_count_for_the_others() -> None:
    legs = [CROSS[0] | {"positionSide": "LONG"}, CROSS[0] | {"positionSide": "SHORT", "positionAmt": "-0.1"}]
    # wallet 1500, maintenance of the legs 80: (1420 + 2000) / 1.004
    short = CROSS[1] | {"liquidationPrice": "3406.37450199"}

    found = audited({"positionRisk": [*legs, short], "account": aster_account("1500")})
    assert [finding.verdict for finding in found] == [NOT_KNOWABLE, NOT_KNOWABLE, AGREES]


@pytest.mark.parametrize(
    ("account", "market_data", "error"),
    [
        ([], ASTER_MARKETS, Malformed),
        ({}, ASTER_MARKETS, Malformed),
        ({"positionRisk": {}}, ASTER_MARKETS, Malformed),
        ({"positionRisk": [{"symbol": "BTCUSDT"}]}, ASTER_MARKETS, Malformed),
        ({"positionRisk": [LONG]}, {}, Malformed),
        ({"positionRisk": [LONG | {"marginType": "portfolio"}]}, ASTER_MARKETS, UnknownState),
        ({"positionRisk": [LONG | {"entryPrice": "0"}]}, ASTER_MARKETS, MarginInputError),
        ({"positionRisk": [LONG | {"positionAmt": "NaN"}]}, ASTER_MARKETS, Malformed),
        ({"positionRisk": [LONG | {"isolatedWallet": "Infinity"}]}, ASTER_MARKETS, Malformed),
        ({"positionRisk": [LONG | {"isolatedWallet": None}]}, ASTER_MARKETS, Malformed),
        ({"positionRisk": [LONG]}, {"leverageBracket": [{"symbol": "BTCUSDT", "brackets": []}]}, MarginInputError),
    ],
)
def test_payload_that_makes_no_sense_is_refused(account: Any, market_data: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        audited(account, market_data)


def test_every_recorded_isolated_position_agrees(venue_data: Path) -> None:
    checks = json.loads((venue_data / "aster/liquidation_checks.json").read_text())["isolated_positions"]
    for check in checks:
        markets = {"leverageBracket": _one_bracket(check["position"]["symbol"], check["bracket"])}
        (finding,) = audited({"positionRisk": [check["position"]]}, markets)
        assert finding.verdict is AGREES, check["id"]
    assert len(checks) == 10


def test_every_sample_of_position_risk_passes(venue_data: Path) -> None:
    samples = json.loads((venue_data / "aster/position_risk.json").read_text())
    account = json.loads((venue_data / "aster/account.json").read_text())[1]["response"]
    markets = {
        "leverageBracket": _one_bracket("BTCUSDT", {"maintMarginRatio": "0.005", "cum": "50"}),
        "exchangeInfo": json.loads((venue_data / "aster/exchange_info.json").read_text())[0]["response"],
    }
    found = [audited({"positionRisk": sample["response"], "account": account}, markets) for sample in samples]

    assert [[finding.verdict for finding in row] for row in found] == [[], [AGREES], []]


def test_recorded_accounts_tell_their_collateral(venue_data: Path) -> None:
    samples = json.loads((venue_data / "aster/account.json").read_text())
    reasons = [audited({"positionRisk": CROSS, "account": sample["response"]})[0].reason or "" for sample in samples]

    assert ["several assets" in reason for reason in reasons] == [True, False]


def _one_bracket(symbol: str, bracket: Payload) -> list[Payload]:
    ratio, deduction = Decimal(bracket["maintMarginRatio"]), Decimal(bracket["cum"])
    row = {"bracket": 1, "initialLeverage": 125, "notionalFloor": 0, "notionalCap": 10**9}
    return [{"symbol": symbol, "brackets": [row | {"maintMarginRatio": float(ratio), "cum": float(deduction)}]}]
