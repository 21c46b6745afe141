"""Hyperliquid's payloads against the engine: every mode of account, every shape of file, every recorded sample."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.trading.audit.payloads import (
    LONG,
    META,
    PAIR_PRICES,
    RICH_PRICES,
    SHORT,
    Payload,
    cross_row,
    encoded,
    isolated_row,
    pair,
    state,
)
from trading.audit.hyperliquid import audit
from trading.audit.judging import Finding, Verdict
from trading.margin.errors import MarginInputError
from trading.venues.errors import Malformed, UnknownState

AGREES, DIFFERS, NOT_KNOWABLE = Verdict.AGREES, Verdict.DIFFERS, Verdict.NOT_KNOWABLE
SPOT = {"balances": [{"coin": "USDC", "token": 0, "total": "15000", "hold": "0"}]}


def audited(account: Payload, market_data: Any = META) -> tuple[Finding, ...]:
    return audit(encoded(market_data), encoded(account))


def verdicts(account: Payload) -> list[Verdict]:
    return [finding.verdict for finding in audited(account)]


@pytest.mark.parametrize("market_data", [META, [META, []], [META, [{"markPx": "1"}]]])
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_shape_of_the_files_is_read(market_data: Any, *, wrapped: bool) -> None:
    answer = state([isolated_row()])
    (finding,) = audited({"clearinghouseState": answer} if wrapped else answer, market_data)

    assert (finding.market, finding.mode, finding.verdict) == ("BTC", "isolated", AGREES)
    assert finding.venue_price == Decimal("52522.497721519")
    assert finding.our_price is not None
    assert finding.relative_difference == abs(finding.our_price - finding.venue_price) / finding.venue_price


def test_wrong_isolated_price_differs() -> None:
    (finding,) = audited(state([isolated_row("52522.6")]))

    assert (finding.verdict, finding.reason is None) == (DIFFERS, False)
    assert finding.relative_difference is not None
    assert f"{finding.relative_difference:.2e}" == "1.95e-6"


def test_missing_price_of_the_venue_must_be_missing_from_us() -> None:
    short_of_debt = isolated_row(None, leverage={"type": "isolated", "value": 5, "rawUsd": "1"}, marginUsed="130.588")
    none, ours = audited(state([short_of_debt])), audited(state([isolated_row(None)]))

    assert [(finding.verdict, finding.our_price, bool(finding.reason)) for finding in none] == [(AGREES, None, True)]
    assert [(finding.verdict, bool(finding.reason)) for finding in ours] == [(DIFFERS, True)]


def test_market_that_is_not_listed_falls_back_on_the_rows_leverage() -> None:
    unlisted = isolated_row("53879.9599999999", coin="xyz:GOLD", maxLeverage=20)

    assert verdicts(state([unlisted])) == [DIFFERS]
    assert verdicts(state([isolated_row("53195.8630769231", coin="xyz:GOLD", maxLeverage=20)])) == [AGREES]


@pytest.mark.parametrize("mode", [None, "default", "disabled"])
def test_cross_prices_agree_in_a_standard_account(mode: str | None) -> None:
    answers = {"clearinghouseState": pair(PAIR_PRICES)} | ({"userAbstraction": mode} if mode else {})

    assert verdicts(answers) == [AGREES, AGREES]


def test_positions_that_are_not_listed_still_count_in_the_venues_totals() -> None:
    rows = [cross_row("BTC", "1", "50000", 40, PAIR_PRICES[0])]

    assert verdicts(state(rows, "5000", "1025")) == [AGREES]
    assert verdicts(state(rows, "5000")) != [AGREES]


def test_spot_balance_backs_a_unified_account() -> None:
    answers = {"clearinghouseState": pair(RICH_PRICES), "spotClearinghouseState": SPOT}

    assert verdicts(answers | {"userAbstraction": "unifiedAccount"}) == [AGREES, AGREES]
    assert verdicts(answers) == [AGREES, AGREES]
    assert verdicts(answers | {"userAbstraction": "default"}) == [DIFFERS, DIFFERS]


def test_spot_balance_that_also_backs_other_books_is_read_after_maintenance() -> None:
    spot = {
        "balances": [{"coin": "USDC", "token": 0, "total": "25000", "hold": "0"}],
        "tokenToAvailableAfterMaintenance": [[0, "13975"]],
    }
    answers = {"clearinghouseState": pair(RICH_PRICES), "userAbstraction": "unifiedAccount"}

    assert verdicts(answers | {"spotClearinghouseState": spot}) == [AGREES, AGREES]


def test_wrong_price_in_a_unified_account_differs() -> None:
    answers = {"clearinghouseState": pair((RICH_PRICES[0], "3370.2")), "spotClearinghouseState": SPOT}

    assert verdicts(answers | {"userAbstraction": "unifiedAccount"}) == [AGREES, DIFFERS]


@pytest.mark.parametrize("mode", [None, "unifiedAccount", "portfolioMargin", "dexAbstraction"])
def test_collateral_outside_the_payload_is_not_knowable(mode: str | None) -> None:
    answers = {"clearinghouseState": pair(RICH_PRICES)} | ({"userAbstraction": mode} if mode else {})
    found = audited(answers)

    assert [(finding.verdict, finding.our_price) for finding in found] == [(NOT_KNOWABLE, None)] * 2
    assert all(finding.reason and finding.venue_price for finding in found)


# The pair and 100 SOL short at 100, backed by 15000 of which the payload shows 5000; maintenance 1275 in all.
THREE_PRICES = ("36101.2658227848", "3345.5882352941", "233.9024390244")


def three(prices: tuple[str, str, str]) -> Payload:
    rows = (LONG, SHORT, ("SOL", "-100", "10000", 20))
    return state([cross_row(*row, price) for row, price in zip(rows, prices, strict=True)], "5000", "1275")


@pytest.mark.parametrize("mode", [None, "unifiedAccount", "portfolioMargin"])
@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_price_that_contradicts_the_others_differs(mode: str | None, wrong: int) -> None:
    prices = [price if place != wrong else str(Decimal(price) * 2) for place, price in enumerate(THREE_PRICES)]
    found = audited({"clearinghouseState": three((prices[0], prices[1], prices[2])), "userAbstraction": mode})

    expected = [DIFFERS if place == wrong else NOT_KNOWABLE for place in range(3)]
    assert [finding.verdict for finding in found] == expected
    assert found[wrong].our_price == pytest.approx(Decimal(THREE_PRICES[wrong]), rel=Decimal("1e-12"))


def test_price_that_contradicts_the_payloads_own_equity_differs() -> None:
    assert verdicts({"clearinghouseState": three(THREE_PRICES)}) == [NOT_KNOWABLE] * 3
    assert verdicts({"clearinghouseState": pair((PAIR_PRICES[0], "3400"))}) == [AGREES, DIFFERS]


@pytest.mark.parametrize(("printed", "verdict"), [("52522", AGREES), ("52523", DIFFERS), ("52522.4", DIFFERS)])
def test_price_agrees_to_half_a_unit_of_the_last_digit_printed(printed: str, verdict: Verdict) -> None:
    (finding,) = audited(state([isolated_row(printed)]))

    assert finding.verdict is verdict


def test_less_collateral_than_the_payload_shows_is_no_excuse() -> None:
    alone = cross_row("BTC", "1", "50000", 40, "46000")

    assert verdicts(state([alone], "5000", "1025")) == [DIFFERS]
    assert verdicts(state([alone | {"liquidationPx": "45000"}], "5000", "1025")) == [NOT_KNOWABLE]


def test_venue_without_any_price_where_ours_exists_is_not_knowable_until_the_mode_is_told() -> None:
    answers = {"clearinghouseState": state([cross_row(*LONG, None)], "5000", "625")}

    assert verdicts(answers) == [NOT_KNOWABLE]
    assert verdicts(answers | {"userAbstraction": "default"}) == [DIFFERS]


def test_account_without_positions_finds_nothing() -> None:
    assert audited(state([])) == ()


@pytest.mark.parametrize(
    ("account", "market_data"),
    [
        ([], META),
        ({}, META),
        ({"clearinghouseState": {"assetPositions": 1}}, META),
        (state([isolated_row(szi="0")]), META),
        (state([isolated_row(szi="NaN")]), META),
        (state([isolated_row(leverage={"type": "isolated", "value": 5})]), META),
        (state([isolated_row()]), []),
        (state([isolated_row()]), {"universe": [{"name": "BTC", "marginTableId": 99}]}),
        ({"clearinghouseState": state([isolated_row()]), "userAbstraction": "somethingNew"}, META),
        (state([isolated_row(leverage={"type": "portfolio", "value": 5})]), META),
    ],
)
def test_payload_that_makes_no_sense_is_refused(account: Any, market_data: Any) -> None:
    with pytest.raises(Malformed):
        audited(account, market_data)


def test_unknown_account_mode_is_its_own_error() -> None:
    with pytest.raises(UnknownState):
        audited({"clearinghouseState": state([]), "userAbstraction": "somethingNew"})


def test_leverage_of_zero_names_its_field() -> None:
    row = isolated_row(leverage={"type": "isolated", "value": 0, "rawUsd": "-103.731933"})
    with pytest.raises(MarginInputError) as caught:
        audited(state([row]))
    assert caught.value.field == "leverage"


# What is not knowable without the spot balance, or without any price of the venue.
BACKED_FROM_OUTSIDE = {
    "mainnet_2026_10_02_cross10": 10,
    "mainnet_2026_09_cross_btc_long": 1,
    "testnet_2026_07_cross_btc_long": 1,
}


def test_every_recorded_account_passes(venue_data: Path) -> None:
    market_data = (venue_data / "hyperliquid/meta_and_asset_ctxs.json").read_bytes()
    states = json.loads((venue_data / "hyperliquid/clearinghouse_states.json").read_text())
    counted = dict.fromkeys(Verdict, 0)
    for name, sample in states.items():
        found = audit(market_data, encoded(sample["response"]))
        assert [finding for finding in found if finding.verdict is DIFFERS] == [], name
        unknown = sum(finding.verdict is NOT_KNOWABLE for finding in found)
        assert unknown == BACKED_FROM_OUTSIDE.get(name, 0), name
        for finding in found:
            counted[finding.verdict] += 1
    assert counted == {AGREES: 29, DIFFERS: 0, NOT_KNOWABLE: 12}


def test_recorded_account_agrees_once_its_spot_balance_is_told(venue_data: Path) -> None:
    market_data = (venue_data / "hyperliquid/meta_and_asset_ctxs.json").read_bytes()
    sample = json.loads((venue_data / "hyperliquid/clearinghouse_states.json").read_text())[
        "mainnet_2026_10_02_cross10"
    ]
    equity = Decimal(sample["response"]["crossMarginSummary"]["accountValue"])
    total = equity + Decimal(sample["impliedExtraCollateral"])
    spot = {"balances": [{"coin": "USDC", "token": 0, "total": str(total), "hold": "0.0"}]}
    answers = {
        "clearinghouseState": sample["response"],
        "spotClearinghouseState": spot,
        "userAbstraction": "unifiedAccount",
    }

    assert {finding.verdict for finding in audit(market_data, encoded(answers))} == {AGREES}


def test_every_step_of_the_recorded_sequence_agrees(venue_data: Path) -> None:
    steps = json.loads((venue_data / "hyperliquid/isolated_margin_sequence.json").read_text())["steps"]
    row, compared = isolated_row(), 0
    for after in (step["after"] for step in steps if "after" in step):
        row |= {name: after[name] for name in ("marginUsed", "positionValue", "liquidationPx") if name in after}
        row["leverage"] = row["leverage"] | {"rawUsd": after["rawUsd"]}
        assert verdicts(state([row])) == [AGREES]
        compared += 1
    assert compared == 4


def test_wrong_price_in_any_recorded_standard_account_differs(venue_data: Path) -> None:
    market_data = (venue_data / "hyperliquid/meta_and_asset_ctxs.json").read_bytes()
    states = json.loads((venue_data / "hyperliquid/clearinghouse_states.json").read_text())
    for entry in states["mainnet_2026_01_14_cross14_isolated2"]["response"]["assetPositions"]:
        position = entry["position"]
        true_price = position["liquidationPx"]
        if true_price is None:
            continue
        position["liquidationPx"] = str(Decimal(true_price) * Decimal("1.00001"))
        found = audit(market_data, encoded(states["mainnet_2026_01_14_cross14_isolated2"]["response"]))
        assert [finding.market for finding in found if finding.verdict is DIFFERS] == [position["coin"]]
        position["liquidationPx"] = true_price
