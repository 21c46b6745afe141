"""Markets, prices, books and candles, in our own table and on the recorded payloads."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.trading.venues.aster.figures import NOW, tiers
from tests.trading.venues.aster.rows import BEST, BRACKETS, DAY, FUNDING_INFO, PREMIUM, SYMBOL, Row
from trading.margin.types import TierTable
from trading.venues.aster import markets
from trading.venues.base import Book, BookLevel, MarketSpec
from trading.venues.errors import Malformed


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def prices(*symbols: str) -> markets.Prices:
    def rows(row: Row) -> bytes:
        return encoded([row | {"symbol": symbol} for symbol in symbols])

    return markets.Prices(
        markets.premiums(rows(PREMIUM)),
        markets.funding_hours(encoded([FUNDING_INFO])),
        markets.days(rows(DAY)),
        markets.best_prices(rows(BEST)),
    )


def read(*symbols: Row) -> Any:
    info = encoded({"serverTime": 1768185214423, "symbols": symbols})
    names = [row["symbol"] for row in symbols if "symbol" in row]
    return markets.markets(info, NOW, dict.fromkeys(names, tiers()), prices(*names))


def changed(kind: str, **values: object) -> Row:
    """The symbol with one filter changed."""
    filters = [row | values if row["filterType"] == kind else row for row in SYMBOL["filters"]]
    return SYMBOL | {"filters": filters}


def test_a_market_is_its_filters_and_its_brackets() -> None:
    found = read(SYMBOL)
    (spec,), (state,) = found.specs, found.states
    assert isinstance(spec, MarketSpec)
    assert (spec.name, spec.base, spec.collateral, spec.index) == ("BTCUSDT", "BTC", "USDT", 0)
    assert (spec.size_step, spec.price_rule.tick, spec.min_notional) == (Decimal("0.001"), Decimal("0.1"), Decimal(5))
    assert (spec.max_leverage, spec.delisted, spec.tiers) == (125, False, tiers())
    assert (state.mark, state.oracle) == (Decimal("106630.71786957"), Decimal("106678.52086957"))
    assert (state.mid, state.previous_day_price) == (Decimal("106626.85"), Decimal("105151.6"))
    assert (state.funding_rate, state.day_volume) == (Decimal("0.000025"), Decimal("918896966.74"))
    assert (found.venue_time, found.received_at) == (datetime(2026, 1, 12, 2, 33, 34, 423_000, UTC), NOW)


def test_sizes_slippage_and_funding_have_the_bounds_of_the_filters() -> None:
    (spec,) = read(SYMBOL).specs

    assert (spec.min_size, spec.max_size, spec.max_market_size) == (Decimal("0.001"), Decimal(1000), Decimal(120))
    assert (spec.max_slippage, spec.funding_hours) == (Decimal("0.02"), 4)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (changed("PERCENT_PRICE", multiplierDown="0.9900"), Decimal("0.01")),
        (SYMBOL | {"marketTakeBound": "0.015"}, Decimal("0.015")),
        (changed("PERCENT_PRICE", multiplierUp="0", multiplierDown="0") | {"marketTakeBound": "0"}, None),
    ],
)
def test_slippage_is_bounded_by_the_narrowest_rule(row: Row, expected: Decimal | None) -> None:
    (spec,) = read(row).specs

    assert spec.max_slippage == expected


def test_zero_switches_a_bound_of_sizes_off() -> None:
    (spec,) = read(changed("LOT_SIZE", minQty="0", maxQty="0")).specs

    assert (spec.min_size, spec.max_size) == (Decimal("0.001"), None)


def test_the_larger_of_both_kinds_least_sizes_fits_either() -> None:
    (spec,) = read(changed("MARKET_LOT_SIZE", minQty="0.005")).specs

    assert spec.min_size == Decimal("0.005")


def test_a_tick_and_a_step_are_numbers_and_not_texts() -> None:
    row = changed("PRICE_FILTER", tickSize="0.0100", minPrice="0.4200")
    filters = [one | {"stepSize": "1.000"} if "LOT" in one["filterType"] else one for one in row["filters"]]
    (spec,) = read(row | {"filters": filters}).specs
    assert spec.price_rule.is_valid(Decimal("250.01"))
    assert not spec.price_rule.is_valid(Decimal("250.005"))
    assert (spec.size_step, spec.accepts_size(Decimal("1.5"))) == (1, False)


def test_the_coarser_step_holds_for_every_order() -> None:
    (spec,) = read(changed("MARKET_LOT_SIZE", stepSize="0.1")).specs
    assert spec.size_step == Decimal("0.1")


def test_a_step_of_tens_is_a_step() -> None:
    filters = [one | {"stepSize": "10"} if "LOT" in one["filterType"] else one for one in SYMBOL["filters"]]
    (spec,) = read(SYMBOL | {"filters": filters}).specs
    assert (spec.size_decimals, spec.size_step, spec.floor_size(Decimal(57))) == (-1, 10, 50)


@pytest.mark.parametrize("status", ["SETTLING", "PRE_SETTLE", "PENDING_TRADING", "CLOSE", "A_NEW_WORD"])
def test_only_a_trading_market_is_traded(status: str) -> None:
    (spec,) = read(SYMBOL | {"status": status}).specs
    assert spec.delisted is True


def test_a_market_that_is_not_understood_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    odd: list[Row] = [
        {"symbol": "NAMEONLY"},
        changed("PRICE_FILTER", tickSize="0") | {"symbol": "NOTICKUSDT"},
        changed("PRICE_FILTER", minPrice="0.05") | {"symbol": "ODDMINUSDT"},
        changed("LOT_SIZE", stepSize="0.005") | {"symbol": "ODDSTEPUSDT"},
        SYMBOL | {"symbol": "NOFILTERUSDT", "filters": []},
    ]
    found = read(*odd, SYMBOL)
    assert [(spec.name, spec.index) for spec in found.specs] == [("BTCUSDT", 5)]
    assert [state.name for state in found.states] == ["BTCUSDT"]
    assert caplog.text.count("is left out") == 5
    assert found.unread == {row["symbol"] for row in odd}


def test_only_a_trading_market_that_is_not_understood_is_unread() -> None:
    closed = SYMBOL | {"symbol": "CLOSEDUSDT", "status": "SETTLING", "filters": []}
    nameless: Row = {"symbol": 7, "status": "TRADING"}

    found = markets.markets(encoded({"serverTime": 0, "symbols": [closed, nameless, SYMBOL]}), NOW, {}, prices())

    assert found.specs == ()
    assert found.unread == {"BTCUSDT"}


def test_a_market_without_brackets_or_prices_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    info = encoded({"serverTime": 0, "symbols": [SYMBOL]})
    assert markets.markets(info, NOW, {}, prices("BTCUSDT")).specs == ()
    assert markets.markets(info, NOW, {"BTCUSDT": tiers()}, prices("ETHUSDT")).specs == ()
    assert "no leverage brackets" in caplog.text
    assert "no prices" in caplog.text


def test_an_empty_side_has_no_middle_and_an_unlisted_interval_is_eight_hours() -> None:
    quotes = markets.Prices(
        markets.premiums(encoded(PREMIUM)),
        {},
        markets.days(encoded([DAY])),
        markets.best_prices(encoded([BEST | {"bidPrice": "0"}])),
    )
    info = encoded({"serverTime": 0, "symbols": [SYMBOL]})
    (state,) = markets.markets(info, NOW, {"BTCUSDT": tiers()}, quotes).states
    assert (state.mid, state.funding_rate) == (None, Decimal("0.0000125"))


def test_brackets_are_read_as_a_list_or_alone() -> None:
    table = markets.brackets(encoded([BRACKETS]))["BTCUSDT"]
    assert markets.brackets(encoded(BRACKETS)) == {"BTCUSDT": table}
    assert (table.max_leverage, table.maintenance(Decimal(60000))) == (125, Decimal(250))
    assert (table.max_notional(125), table.notional_cap) == (Decimal(50000), Decimal(250000))


def test_brackets_that_contradict_themselves_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    first, second = BRACKETS["brackets"]
    gap = {"symbol": "GAPUSDT", "brackets": [first, second | {"notionalFloor": 60000}]}
    assert markets.brackets(encoded([gap, {"symbol": "NONEUSDT", "brackets": []}, BRACKETS])).keys() == {"BTCUSDT"}
    assert caplog.text.count("are left out") == 2


@pytest.mark.parametrize("body", [b"", b"null", b"<html>", b'{"serverTime":"x","symbols":[]}'])
def test_an_answer_that_is_none_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        markets.markets(body, NOW, {}, prices())


def test_the_recorded_book_candle_and_trade(venue_data: Path) -> None:
    folder = venue_data / "aster"

    def response(name: str) -> bytes:
        return encoded(json.loads((folder / name).read_text())[0]["response"])

    book = markets.book(response("depth.json"), "BTCUSDT")
    assert (len(book.bids), book.asks[0]) == (5, BookLevel(Decimal("106626.9"), Decimal("8.092"), 0))
    (candle,) = markets.candles(response("klines.json"), "BTCUSDT")
    assert (candle.open, candle.high, candle.low, candle.close) == tuple(
        Decimal(text) for text in ("104577.2", "104625.0", "104563.5", "104587.3")
    )
    assert (candle.volume, candle.trades, candle.market) == (Decimal("17.771"), 766, "BTCUSDT")
    (trade,) = markets.trades(response("trades.json"), "BTCUSDT")
    assert (trade.key, trade.is_buy, trade.size) == ("BTCUSDT-23424931", False, Decimal("0.009"))


def test_a_book_a_candle_and_a_trade_in_our_own_form() -> None:
    book = markets.book(b'{"lastUpdateId":1,"E":2,"T":3,"bids":[["1.5","2"]],"asks":[]}', "X")
    moment = datetime(1970, 1, 1, 0, 0, 0, 3000, UTC)
    assert book == Book("X", moment, (BookLevel(Decimal("1.5"), Decimal(2), 0),), ())
    (candle,) = markets.candles(b'[[3,"1","4","0.5","2","9",3,"18",7,"1","1","0"]]', "X")
    assert (candle.opened_at, candle.high, candle.volume, candle.trades) == (moment, Decimal(4), Decimal(9), 7)
    (trade,) = markets.trades(b'[{"id":1,"price":"2","qty":"3","time":3,"isBuyerMaker":false}]', "X")
    assert (trade.is_buy, trade.price, trade.time) == (True, Decimal(2), moment)
    for wrong in (b"[[1]]", b'[["1","1","4","0.5","2","9",3,"18",7,"1","1","0"]]'):
        with pytest.raises(Malformed):
            markets.candles(wrong, "X")


def test_every_recorded_market_is_understood(venue_data: Path) -> None:
    folder = venue_data / "aster"
    info = json.loads((folder / "exchange_info.json").read_text())[0]["response"]
    names = [row["symbol"] for row in info["symbols"]]
    shared = TierTable.single(20)
    found = markets.markets(encoded(info), NOW, dict.fromkeys(names, shared), prices(*names))
    assert [spec.name for spec in found.specs] == names
    assert [spec.name for spec in found.specs if spec.delisted] == ["SANDUSDT"]
    ticks = {spec.name: (spec.price_rule.tick, spec.size_step) for spec in found.specs}
    assert ticks["ETHUSDT"] == (Decimal("0.1"), Decimal("0.001"))
    assert ticks["1000PEPEUSDT"] == (Decimal("0.000001"), Decimal(1))


def test_every_recorded_bracket_and_price_is_understood(venue_data: Path) -> None:
    folder = venue_data / "aster"
    for sample in json.loads((folder / "leverage_bracket.json").read_text()):
        tables = markets.brackets(encoded(sample["response"]))
        assert list(tables) == [row["symbol"] for row in sample["response"]]
        for row in sample["response"]:
            for line in row["brackets"]:
                cap, rate, cum = (Decimal(str(line[key])) for key in ("notionalCap", "maintMarginRatio", "cum"))
                inside = cap - 1
                assert tables[row["symbol"]].maintenance(inside) == inside * rate - cum
    funding = json.loads((folder / "premium_index_and_funding.json").read_text())
    assert markets.premiums(encoded(funding[0]["response"]))["BTCUSDT"].mark_price == Decimal("106630.71786957")
    assert markets.funding_hours(encoded(funding[2]["response"])) == {"INJUSDT": 8, "ZORAUSDT": 4}
