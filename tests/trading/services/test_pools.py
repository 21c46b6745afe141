"""Books apart have collateral of their own: no position's price leans on another book's (Hyperliquid 3.4, 3.9)."""

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
from trading.models import Market, Position
from trading.panels.positions import build_positions
from trading.services.estimates import estimated_liquidations
from trading.venues.snapshots import AccountSnapshot, MarketSpec, Network, Pool, PositionSnapshot

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
