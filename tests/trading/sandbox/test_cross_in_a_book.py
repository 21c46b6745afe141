"""Cross margin in a builder-deployed book: our price is the venue's, and a liquidation stays in its book."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.trading.sandbox.book_requests import order, send
from tests.trading.sandbox.conftest import Clock
from tests.trading.sandbox.signed import ADDRESS, DONE, OWNER, l1
from trading.margin.types import AccountMode, MarginMode, MarginRestriction
from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid.exchange import Exchange
from trading.sandbox.hyperliquid.info import Info
from trading.sandbox.markets import MarginMode as Sandboxed
from trading.services.estimates import estimated_liquidations
from trading.venues.base import AccountSnapshot, MarketSpec
from trading.venues.hyperliquid import books, markets, parse

BITCOIN, NVDA = 0, 110_001
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def trader(engine: Engine, clock: Clock) -> Exchange:
    """Cross longs in the main book and in another one, which allows cross margin here, with 400 behind the latter."""
    engine.fund(ADDRESS, Decimal(10_000))
    door = Exchange(engine)
    free = replace(engine.markets["xyz:NVDA"], mode=Sandboxed.FREE)
    engine.markets["xyz:NVDA"] = free
    engine.by_index[:] = engine.markets.values()
    steps: tuple[dict[str, Any], ...] = (
        {"type": "updateLeverage", "asset": BITCOIN, "isCross": True, "leverage": 10},
        {"type": "updateLeverage", "asset": NVDA, "isCross": True, "leverage": 10},
        order(BITCOIN, "0.5", "90000"),
        order(NVDA, "10", "180"),
    )
    assert door.handle(send("", "xyz", "400", clock.now)) == DONE
    for number, step in enumerate(steps, start=1):
        answer = door.handle(l1(OWNER, step, clock.now + number))
        assert answer["status"] == "ok"
        assert "error" not in str(answer)
    return door


def state_of(told: Info, dex: str) -> bytes:
    return json.dumps(told.handle({"type": "clearinghouseState", "user": ADDRESS, "dex": dex})).encode()


def read(told: Info) -> AccountSnapshot:
    """The account as our adapter reads it, book by book."""
    main, other = (parse.account(state_of(told, dex), NOW, dex=dex) for dex in ("", "xyz"))
    return books.together(main, [other], {"xyz": "USDC"})


def set_mark(door: Exchange, price: Decimal) -> None:
    door.engine.set_mark(door.engine.markets["xyz:NVDA"], round(price, 6))


def body_of(told: Info, dex: str) -> bytes:
    return json.dumps(told.handle({"type": "metaAndAssetCtxs", "dex": dex})).encode()


def specs(told: Info) -> dict[str, MarketSpec]:
    pages = [
        markets.markets(body_of(told, dex), NOW, dex=dex, dex_index=number) for number, dex in enumerate(("", "xyz"))
    ]
    known = {spec.name: spec for page in pages for spec in page.specs}
    cross = msgspec.structs.replace(known["xyz:NVDA"], restriction=MarginRestriction.NONE)
    return known | {"xyz:NVDA": cross}


def test_our_price_of_each_cross_position_is_the_venues(trader: Exchange) -> None:
    told = Info(trader.engine)
    snapshot = read(told)
    assert (snapshot.account_mode, [held.mode for held in snapshot.positions]) == (
        AccountMode.STANDARD,
        [MarginMode.CROSS, MarginMode.CROSS],
    )
    ours = estimated_liquidations(snapshot, specs(told))
    for held in snapshot.positions:
        assert held.liquidation_price is not None
        assert ours[held.market] == pytest.approx(held.liquidation_price, rel=Decimal("1e-9"))
    # 400 behind 1770 of notional: a fall of some 18 %, where the main book's thousands would carry it to zero
    assert Decimal(140) < snapshot.positions[1].liquidation_price < Decimal(150)  # type: ignore[operator]


def test_a_liquidation_there_takes_that_books_collateral_and_nothing_else(trader: Exchange) -> None:
    told = Info(trader.engine)
    before = read(told)
    price = before.positions[1].liquidation_price
    assert price is not None

    set_mark(trader, price + Decimal("0.01"))
    assert [held.market for held in read(told).positions] == ["BTC", "xyz:NVDA"]
    set_mark(trader, price - Decimal("0.01"))

    after = read(told)
    assert [(held.market, held.size) for held in after.positions] == [("BTC", Decimal("0.5"))]
    assert (after.equity, after.cross_equity, after.withdrawable) == (
        before.equity,
        before.cross_equity,
        before.withdrawable,
    )
    assert after.pools is not None
    assert 0 <= after.pools[0].equity < 90
