"""Number texts, ticks and lots (Hyperliquid rules 1.3, 5.4)."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from trading.sandbox.numbers import fits_size, fits_tick, parse, shown, tick, wire
from trading.sandbox.venues import ASTER, HYPERLIQUID, VENUES


@pytest.mark.parametrize(
    ("price", "size_decimals", "fits"),
    [("123456", 5, True), ("86326.5", 5, False), ("9999.9", 5, True), ("999.99", 5, False), ("0.0012345", 0, False)],
)
def test_a_price_has_five_figures_and_the_markets_decimals(price: str, size_decimals: int, fits: bool) -> None:
    assert fits_tick(Decimal(price), size_decimals) is fits


def test_recorded_prices_and_sizes_are_judged_as_the_venue_does(venue_data: Path) -> None:
    vectors = json.loads((venue_data / "hyperliquid" / "number_vectors.json").read_text())
    for row in vectors["perpPrice"]:
        assert fits_tick(Decimal(row["px"]), row["szDecimals"]) is row["ok"], row
    for row in vectors["size"]:
        assert fits_size(Decimal(row["sz"]), row["szDecimals"]) is row["ok"], row
    for raw, expected in vectors["toWire"]:
        assert wire(Decimal(raw)) == expected


@pytest.mark.parametrize("text", ["1e-8", "+1", " 1", "1.", ".5", "NaN", "Infinity", "", "١", 1, 1.5, None, "1" * 30])
def test_only_plain_decimal_text_is_a_number(text: object) -> None:
    with pytest.raises(ValueError, match="decimal text"):
        parse(text)


def test_texts_carry_one_decimal_at_least_and_no_trailing_zeros() -> None:
    assert [shown(Decimal(text)) for text in ("100", "129.5880", "0", "-0.042", "0.00000001")] == [
        "100.0",
        "129.588",
        "0.0",
        "-0.042",
        "0.00000001",
    ]


def test_fees_are_cut_and_money_is_rounded_at_the_venues_smallest_amount() -> None:
    rules = [venue.rules for venue in VENUES.values()]
    assert [row.fee(Decimal("0.058333555")) for row in rules] == [Decimal("0.058333"), Decimal("0.05833355")]
    assert [row.money(Decimal("0.0583335555")) for row in rules] == [Decimal("0.058334"), Decimal("0.05833356")]


def test_the_tick_follows_the_price() -> None:
    assert [tick(Decimal(price), 5) for price in ("86320", "9999", "123456")] == [1, Decimal("0.1"), 1]
    assert HYPERLIQUID.markets["BTC"].to_tick(Decimal("86320.4")) == 86320
    assert HYPERLIQUID.markets["ETH"].to_tick(Decimal("2736.56")) == Decimal("2736.6")


def test_a_fixed_tick_is_a_multiple_and_knows_no_figures() -> None:
    market = ASTER.markets["BTCUSDT"]
    assert market.to_tick(Decimal("86320.44")) == Decimal("86320.4")
    assert [market.fits_tick(Decimal(price)) for price in ("86320.4", "86320.45", "123456.70")] == [True, False, True]
