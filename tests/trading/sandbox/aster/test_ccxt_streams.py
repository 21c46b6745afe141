"""A general exchange library follows the sandbox's streams, unmodified but for its addresses."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

import ccxt.pro
from eth_account import Account

from tests.sandbox_process import SandboxProcess
from tests.trading.sandbox.aster.libraries import SYMBOL

T = TypeVar("T")

PATIENCE = 30


def connected(venue: SandboxProcess, key: str) -> ccxt.pro.aster:
    """The library's streaming client. It tells futures from spot by a word in the address, which is put into it."""
    client = ccxt.pro.aster(
        {"privateKey": key, "enableRateLimit": False, "options": {"v3ChainId": 714, "defaultType": "swap"}}
    )
    futures, spot, stream = f"{venue.url}/fapi", f"{venue.url}/api", venue.url.replace("http", "ws", 1)
    client.urls["api"] |= {"fapiPublic": futures, "fapiPrivate": futures, "sapiPublic": spot, "sapiPrivate": spot}
    public, private = {"swap": f"{stream}/stream?of=fstream"}, {"swap": f"{stream}/ws/fstream"}
    client.urls["api"]["ws"] = {"public": public, "private": private}
    return client


def follow(venue: SandboxProcess, talk: Callable[[ccxt.pro.aster], Coroutine[None, None, None]]) -> None:
    """Run ``talk`` with the client of a new wallet."""
    wallet = Account.create()
    venue.fund(wallet.address, "10000", "aster")
    venue.mark("BTCUSDT", "86320", "aster")

    async def run() -> None:
        client = connected(venue, "0x" + wallet.key.hex().removeprefix("0x"))
        try:
            await client.load_markets()
            await talk(client)
        finally:
            await client.close()

    asyncio.run(run())


async def soon(wanted: Awaitable[T]) -> T:
    return await asyncio.wait_for(wanted, PATIENCE)


def test_it_follows_prices_books_and_candles(venue: SandboxProcess) -> None:
    async def talk(client: ccxt.pro.aster) -> None:
        book = await soon(client.watch_order_book(SYMBOL, 20))
        assert [book["bids"][0][0], book["asks"][0][0]] == [86319.9, 86320.1]
        # It tells marks and tickers apart by what was asked for last.
        assert (await soon(client.watch_mark_price(SYMBOL)))["markPrice"] == 86320
        assert (await soon(client.watch_tickers([SYMBOL])))[SYMBOL]["symbol"] == SYMBOL
        assert (await soon(client.watch_bids_asks([SYMBOL])))[SYMBOL]["ask"] == 86320.1
        assert (await soon(client.watch_ohlcv(SYMBOL, "1m")))[-1][4] == 86320

    follow(venue, talk)


def test_it_follows_trades_and_its_own_position(venue: SandboxProcess) -> None:
    async def talk(client: ccxt.pro.aster) -> None:
        trades = asyncio.create_task(client.watch_trades(SYMBOL))
        positions = asyncio.create_task(client.watch_positions([SYMBOL]))
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not (trades.done() and positions.done()) and asyncio.get_running_loop().time() < deadline:
            await client.create_order(SYMBOL, "market", "buy", 0.001)
            await asyncio.sleep(0.1)
        assert trades.result()[-1]["amount"] == 0.001
        (position,) = positions.result()
        assert (position["symbol"], position["side"]) == (SYMBOL, "long")
        assert position["contracts"] >= 0.001

    follow(venue, talk)
