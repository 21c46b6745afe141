"""Book and trades: a size is printed in the market's own lots, however small it is."""

from decimal import Decimal

from tests.trading.desks import NOW, market, state
from trading.panels.market import build_book, freshness
from trading.panels.trades import build_trades
from trading.venues.snapshots import Book, BookLevel, Trade

SMALL, LARGE = Decimal("0.00012"), Decimal("1.5")


def test_book_prints_the_smallest_lot_and_its_total() -> None:
    bids, asks = ([BookLevel(Decimal(price), size, 1) for size in (SMALL, LARGE)] for price in (85_999, 86_001))
    told = Book("BTC", NOW, tuple(bids), tuple(asks))
    shown = build_book(market(), told, state("BTC"), freshness(NOW, NOW, (5, 15)))

    assert [(row.size, row.total) for row in shown.bids] == [("0.00012", "0.00012"), ("1.50000", "1.50012")]
    assert [row.size for row in shown.asks] == ["1.50000", "0.00012"]


def test_trades_print_the_smallest_lot() -> None:
    trade = Trade("1", "BTC", NOW, is_buy=True, price=Decimal(86_000), size=SMALL)

    assert [row.size for row in build_trades(market().rules, {"1": trade})] == ["0.00012"]
