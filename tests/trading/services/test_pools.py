"""What lies apart backs nothing else: no position's price leans on another book's collateral (Hyperliquid 3.4, 3.9),
nor on another token's (Aster 4.7)."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from tests.factories import make_spec
from tests.trading.desks import NOW, make_desk, state
from trading.desk import Desk
from trading.live.board import Board
from trading.margin.types import AccountMode, MarginMode
from trading.models import Market, Order, Position
from trading.panels.history import build_account
from trading.panels.positions import build_positions
from trading.services.estimates import estimated_liquidations
from trading.venues.snapshots import AccountSnapshot, MarketSpec, Network, Pool, PositionSnapshot, Venue

AT = datetime(2026, 11, 1, tzinfo=UTC)
# A tier of 10x: 5 % of 1000 are 50.
SPECS: dict[str, MarketSpec] = {
    "BTC": make_spec("BTC", 10),
    "xyz:GOLD": msgspec.structs.replace(make_spec("xyz:GOLD", 10), base="GOLD", dex="xyz"),
}
# mark − (equity − maintenance) / size / (1 − 0.05)
ALONE = {"BTC": Decimal("63.1579"), "xyz:GOLD": Decimal("84.2105")}  # 400 and 200, 50 of maintenance each
TOGETHER = {"BTC": Decimal("68.4211"), "xyz:GOLD": Decimal("68.4211")}  # 400, 100 of maintenance
POOL = Pool("xyz", equity=Decimal(200), free=Decimal(0), cross_equity=Decimal(200))


def held(name: str) -> PositionSnapshot:
    """A cross long of ten coins at 100."""
    return PositionSnapshot(
        name, Decimal(10), Decimal(100), Decimal(100), Decimal(1000), MarginMode.CROSS, 5, Decimal(200), None,
        Decimal(0), None, 10, Decimal(0),
    )  # fmt: skip


def snapshot(mode: AccountMode, pools: tuple[Pool, ...] | None) -> AccountSnapshot:
    both = (held("BTC"), held("xyz:GOLD"))
    equity, used = Decimal(400), Decimal(200)
    return AccountSnapshot(AT, AT, mode, equity, equity, Decimal(50), used, used, both, pools=pools)


def rounded(prices: dict[str, Decimal | None]) -> dict[str, Decimal]:
    return {name: round(price, 4) for name, price in prices.items() if price is not None}


@pytest.mark.parametrize(
    ("mode", "pools", "prices"),
    [
        (AccountMode.STANDARD, (POOL,), ALONE),
        (AccountMode.STANDARD, None, {"BTC": ALONE["BTC"]}),
        (AccountMode.UNIFIED, (), TOGETHER),
    ],
)
def test_price_comes_from_the_collateral_of_its_book(
    mode: AccountMode, pools: tuple[Pool, ...] | None, prices: dict[str, Decimal]
) -> None:
    assert rounded(estimated_liquidations(snapshot(mode, pools), SPECS)) == prices


def desk(mode: AccountMode) -> Desk:
    """The same account as rows."""
    rows = []
    for number, (name, spec) in enumerate(SPECS.items(), start=1):
        market = Market.described(spec, state(name, "100"), Network.TESTNET, NOW)
        market.pk = number
        rows.append(
            Position(
                pk=number, market=market, size=Decimal(10), entry_price=Decimal(100), mark_price=Decimal(100),
                mode="cross", leverage=5, margin=Decimal(200), unrealised_pnl=Decimal(0), max_leverage=10,
                venue_time=NOW,
            )
        )  # fmt: skip
    pools = {"xyz": {"equity": "200", "free": "0", "cross": "200"}} if mode is AccountMode.STANDARD else {}
    figures = {"equity": Decimal(400), "cross_equity": Decimal(400), "mode": mode.value, "pools": pools}
    board = Board({name: state(name, "100") for name in SPECS}, NOW)
    return replace(make_desk(board=board, **figures), positions=tuple(rows))  # type: ignore[arg-type]


# Towards the mark, never flatter.
@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        (AccountMode.STANDARD, {"BTC": "63.2", "xyz:GOLD": "84.3"}),
        (AccountMode.UNIFIED, {"BTC": "68.5", "xyz:GOLD": "68.5"}),
    ],
)
def test_pages_show_each_position_by_the_collateral_of_its_book(mode: AccountMode, shown: dict[str, str]) -> None:
    assert {row.base: row.liquidation for row in build_positions(desk(mode)).rows} == shown


def test_free_collateral_of_a_book_is_what_its_own_positions_leave() -> None:
    one = desk(AccountMode.STANDARD)

    main, apart = one.engines
    assert ([row.market for row in main.positions], main.cross_equity) == (["BTC"], Decimal(400))
    assert ([row.market for row in apart.positions], apart.cross_equity) == (["xyz:GOLD"], Decimal(200))


# The same at Aster: one market settled in USDT, one in USD1.
TOKENS = {
    "BTCUSDT": make_spec("BTCUSDT", 10, venue=Venue.ASTER),
    "BTCUSD1": msgspec.structs.replace(make_spec("BTCUSD1", 10, venue=Venue.ASTER), collateral="USD1"),
}
USD1 = Pool("", equity=Decimal(200), free=Decimal(0), cross_equity=Decimal(200), collateral="USD1")


@pytest.mark.parametrize(
    ("mode", "pools", "prices"),
    [
        (AccountMode.STANDARD, (USD1,), {"BTCUSDT": Decimal("63.1579"), "BTCUSD1": Decimal("84.2105")}),
        (AccountMode.STANDARD, (), {"BTCUSDT": Decimal("63.1579")}),
    ],
)
def test_price_comes_from_the_token_that_its_market_is_settled_in(
    mode: AccountMode, pools: tuple[Pool, ...], prices: dict[str, Decimal]
) -> None:
    both = (held("BTCUSDT"), held("BTCUSD1"))
    told = msgspec.structs.replace(snapshot(mode, pools), positions=both)

    assert rounded(estimated_liquidations(told, TOKENS)) == prices


def token_desk(mode: str) -> Desk:
    """400 USDT and 200 USD1 with such a position each, isolated ones with 200 in them, and an order for ten more coins
    that rests in USD1."""
    markets = []
    for number, (name, spec) in enumerate(TOKENS.items(), start=1):
        market = Market.described(spec, state(name, "100"), Network.TESTNET, NOW)
        market.pk = number
        markets.append(market)
    cash = Decimal(-800) if mode == "isolated" else None
    rows = tuple(
        Position(
            pk=market.pk, market=market, size=Decimal(10), entry_price=Decimal(100), mark_price=Decimal(100),
            mode=mode, leverage=5, margin=Decimal(200), cash=cash, unrealised_pnl=Decimal(0), max_leverage=10,
            venue_time=NOW,
        )
        for market in markets
    )  # fmt: skip
    pools = {"USD1": {"equity": "200", "free": "0", "cross": "200", "withdrawable": "0", "collateral": "USD1"}}
    board = Board({name: state(name, "100") for name in TOKENS}, NOW)
    desk = make_desk(board=board, equity=Decimal(400), cross_equity=Decimal(400), withdrawable=Decimal(0), pools=pools)
    assert desk.account is not None
    desk.account.venue = Venue.ASTER.value
    order = Order(market=markets[1], is_buy=True, size=Decimal(10), limit_price=Decimal(50))
    return replace(desk, positions=rows, orders=(order,), venue=Venue.ASTER)


def test_pages_show_each_position_by_its_own_token() -> None:
    shown = {row.base: row.liquidation for row in build_positions(token_desk("cross")).rows}

    assert shown == {"BTCUSDT": "63.2", "BTCUSD1": "84.3"}


def test_figures_that_the_venue_tells_of_a_hedge_are_those_of_its_main_token() -> None:
    desk = token_desk("isolated")
    assert desk.account is not None
    desk.account.hedge_mode = True

    panel = build_account(replace(desk, positions=desk.positions[::-1]))

    assert (panel.equity, panel.isolated_locked, panel.collateral) == ("400.00", "200.00", "USDT")


def test_orders_reserve_the_token_of_their_market() -> None:
    """Ten coins at 50 and 5x reserve 100."""
    main, apart = token_desk("cross").engines

    assert (main.order_margin, apart.order_margin) == (Decimal(0), Decimal(100))


def test_account_tells_each_token_by_itself_and_offers_no_move_between_them() -> None:
    panel = build_account(token_desk("isolated"))

    assert (panel.equity, panel.free, panel.isolated_locked) == ("600.00", "400.00", "200.00")
    (pool,) = panel.pools
    assert (pool.label, pool.equity, pool.unit, pool.free) == ("USD1 balance", "400.00", "USD1", "100.00 free")
    assert panel.moves_at == ""
