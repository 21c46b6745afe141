"""Price paths: the same for one seed, valid on the tick, as lively as a market."""

from decimal import Decimal
from statistics import pstdev

import pytest

from trading.sandbox.markets import Market
from trading.sandbox.prices import DAY, Paths, candles, drift, funding_rate
from trading.sandbox.venues import ASTER, HYPERLIQUID, VENUES

NOW = 1_790_000_000_000
MOVING = [row for venue in VENUES.values() for row in venue.markets.values() if not row.delisted]
FIRST_FOUR = ("91783", "93090", "90609", "91613")


def test_a_seed_has_one_past_and_another_seed_another() -> None:
    times = range(NOW - 40 * DAY, NOW, DAY)
    one, again, other = Paths(3), Paths(3), Paths(4)
    prices = [one.price(HYPERLIQUID.markets["BTC"], time) for time in times]
    assert prices == [again.price(HYPERLIQUID.markets["BTC"], time) for time in times]
    assert prices != [other.price(HYPERLIQUID.markets["BTC"], time) for time in times]
    # These four are what seed 3 gives on every machine.
    assert prices[:4] == [Decimal(text) for text in FIRST_FOUR]


@pytest.mark.parametrize("market", MOVING, ids=lambda row: row.name)
def test_prices_stand_on_the_tick_and_move_as_much_as_told(market: Market) -> None:
    for time in range(NOW, NOW + 50_000, 1000):
        assert market.fits_tick(Paths(1).price(market, time))
    moves = [drift(1, market, NOW - day * DAY) - drift(1, market, NOW - (day + 1) * DAY) for day in range(300)]
    assert 0.75 < pstdev(moves) / market.volatility < 1.35


def test_a_still_market_rests_at_its_start_and_its_past_leads_there() -> None:
    paths = Paths(1, still_since=NOW)
    assert paths.price(HYPERLIQUID.markets["BTC"], NOW) == 86320
    assert paths.price(HYPERLIQUID.markets["BTC"], NOW + DAY) == 86320
    before = paths.price(HYPERLIQUID.markets["BTC"], NOW - 1000)
    assert abs(before - 86320) < 60
    assert paths.price(HYPERLIQUID.markets["BTC"], NOW - DAY) != 86320


def test_a_push_is_exact_at_its_instant_and_the_path_goes_on_from_there() -> None:
    paths = Paths(1)
    paths.push(HYPERLIQUID.markets["BTC"], Decimal("52522.497721519"), NOW)
    assert paths.price(HYPERLIQUID.markets["BTC"], NOW) == Decimal("52522.497721519")
    later = [paths.price(HYPERLIQUID.markets["BTC"], NOW + second * 1000) for second in range(1, 60)]
    assert len(set(later)) > 5
    assert all(abs(price - 52522) < 300 for price in later)
    assert paths.price(HYPERLIQUID.markets["BTC"], NOW - 1) == Paths(1).price(HYPERLIQUID.markets["BTC"], NOW - 1)


def test_candles_join_and_the_last_one_closes_at_the_mark() -> None:
    paths = Paths(1)
    paths.push(HYPERLIQUID.markets["ETH"], Decimal(2000), NOW - 90_000)
    rows = candles(paths, HYPERLIQUID.markets["ETH"], 60_000, NOW - 600_000, NOW)
    assert [row.opened for row in rows[1:]] == [row.closed for row in rows[:-1]]
    assert rows[-1].closed == paths.price(HYPERLIQUID.markets["ETH"], NOW)
    assert all(row.low <= min(row.opened, row.closed) <= max(row.opened, row.closed) <= row.high for row in rows)
    assert any(row.low <= 2000 and row.high > 2300 for row in rows)


def test_funding_rates_are_the_base_rate_or_a_premium() -> None:
    rates = {funding_rate(1, HYPERLIQUID.markets["BTC"], hour * 3_600_000) for hour in range(200)}
    assert Decimal("0.0000125") in rates
    assert len(rates) > 20
    assert all(abs(rate) < Decimal("0.0001") for rate in rates)


def test_an_underlying_has_one_price_on_both_venues_and_a_rate_for_each_interval() -> None:
    paths, bitcoin = Paths(1), ASTER.markets["BTCUSDT"]
    for time in range(NOW, NOW + 10 * DAY, DAY):
        assert abs(paths.price(bitcoin, time) - paths.price(HYPERLIQUID.markets["BTC"], time)) < 1
    rates = {funding_rate(1, bitcoin, hour * 3_600_000) for hour in range(0, 200, 8)}
    assert Decimal("0.0001") in rates
