"""The websocket as a client meets it: acknowledgements, first frames, news, posts, limits; shapes as recorded."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hyperliquid.utils import signing

from tests.sandbox_process import SandboxProcess
from tests.trading.sandbox.shapes import NOBODY, shape

PATIENCE_SECONDS = 30


class Stream:
    """One connection that remembers what it received."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[Any] = []

    async def send(self, message: object) -> None:
        await self.socket.send_str(json.dumps(message))

    async def subscribe(self, **subscription: object) -> None:
        await self.send({"method": "subscribe", "subscription": subscription})

    async def until(self, condition: Callable[[Any], bool]) -> Any:
        """The next frame that fits; earlier ones are kept in ``seen``."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                frame = json.loads(await self.socket.receive_str())
                self.seen.append(frame)
                if condition(frame):
                    return frame

    async def channel(self, name: str) -> Any:
        return await self.until(lambda frame: frame["channel"] == name)


def streamed(venue: SandboxProcess, scenario: Callable[[Stream], Awaitable[None]]) -> None:
    async def run() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(venue.url + "/ws") as socket:
            assert await socket.receive_str() == "Websocket connection established."
            await scenario(Stream(socket))

    asyncio.run(run())


def funded(venue: SandboxProcess) -> LocalAccount:
    wallet: LocalAccount = Account.create()
    venue.fund(wallet.address, "10000")
    return wallet


def signed_order(wallet: LocalAccount, price: str, tif: str) -> dict[str, object]:
    row = {"a": 5, "b": True, "p": price, "s": "1", "r": False, "t": {"limit": {"tif": tif}}}
    action = {"type": "order", "orders": [row], "grouping": "na"}
    nonce = time.time_ns() // 1_000_000
    signature = signing.sign_l1_action(wallet, action, None, nonce, None, is_mainnet=False)
    return {"action": action, "nonce": nonce, "signature": signature}


def test_market_channels_send_a_first_frame_of_the_recorded_shape(venue: SandboxProcess, venue_data: Path) -> None:
    recorded = json.loads((venue_data / "hyperliquid" / "ws_frames.json").read_text())
    venue.mark("SOL", "122.03")

    async def scenario(stream: Stream) -> None:
        await stream.subscribe(type="allMids")
        assert (await stream.channel("allMids"))["data"]["mids"]["SOL"] == "122.03"
        for name in ("bbo", "l2Book", "activeAssetCtx"):
            await stream.subscribe(type=name, coin="SOL")
            assert shape(await stream.channel(name)) == shape(recorded[name]), name
        await stream.subscribe(type="candle", coin="SOL", interval="15m")
        assert shape(await stream.channel("candle")) == shape(recorded["candle"])
        await stream.send({"method": "ping"})
        assert await stream.channel("pong") == recorded["pong"]

    streamed(venue, scenario)


def test_account_channels_tell_snapshots_from_news(venue: SandboxProcess, venue_data: Path) -> None:
    recorded = json.loads((venue_data / "hyperliquid" / "ws_frames.json").read_text())
    wallet = funded(venue)
    venue.mark("SOL", "122.03")

    async def scenario(stream: Stream) -> None:
        for name in ("userFills", "orderUpdates", "userEvents", "openOrders", "allDexsClearinghouseState", "webData3"):
            await stream.subscribe(type=name, user=wallet.address)
        await stream.channel("webData3")
        (snapshot,) = [frame for frame in stream.seen if frame["channel"] == "userFills"]
        assert snapshot["data"] == {"isSnapshot": True, "user": wallet.address.lower(), "fills": []}
        acknowledged = [frame for frame in stream.seen if frame["channel"] == "subscriptionResponse"]
        assert len(acknowledged) == 6
        assert acknowledged[0]["data"]["subscription"] == {"type": "userFills", "user": wallet.address}
        stream.seen.clear()

        await stream.send(
            {"method": "post", "id": 7, "request": {"type": "action", "payload": signed_order(wallet, "125", "Ioc")}}
        )
        answer = await stream.channel("post")
        assert answer["data"]["id"] == 7
        assert answer["data"]["response"]["payload"]["status"] == "ok"
        fills = await stream.channel("userFills")
        assert "isSnapshot" not in fills["data"]
        assert fills["data"]["fills"][0]["dir"] == "Open Long"
        state = await stream.until(
            lambda frame: (
                frame["channel"] == "allDexsClearinghouseState"
                and bool(frame["data"]["clearinghouseStates"][0][1]["assetPositions"])
            )
        )
        assert shape(state["data"]["clearinghouseStates"][0][0]) == "str"
        kinds = {frame["channel"] for frame in stream.seen}
        assert {"orderUpdates", "user"} <= kinds
        update = next(frame for frame in stream.seen if frame["channel"] == "orderUpdates")
        assert {"order", "status", "statusTimestamp"} == set(update["data"][0])
        assert set(recorded["orderUpdates"]["data"][0]["order"]) - {"cloid"} == set(update["data"][0]["order"])

    streamed(venue, scenario)


def test_a_liquidation_is_told_on_the_user_channel(venue: SandboxProcess) -> None:
    wallet = funded(venue)
    venue.mark("SOL", "122.03")

    async def scenario(stream: Stream) -> None:
        await stream.subscribe(type="userEvents", user=wallet.address)
        await stream.channel("subscriptionResponse")
        leverage = {"type": "updateLeverage", "asset": 5, "isCross": False, "leverage": 20}
        nonce = time.time_ns() // 1_000_000 - 10
        signature = signing.sign_l1_action(wallet, leverage, None, nonce, None, is_mainnet=False)
        venue.post("/exchange", {"action": leverage, "nonce": nonce, "signature": signature})
        venue.post("/exchange", signed_order(wallet, "125", "Ioc"))
        venue.mark("SOL", "110")
        event = await stream.until(lambda frame: frame["channel"] == "user" and "liquidation" in frame["data"])
        assert event["data"]["liquidation"]["liquidated_user"] == wallet.address.lower()
        assert event["data"]["liquidation"]["liquidated_ntl_pos"] == "110.0"

    streamed(venue, scenario)


def test_errors_are_texts_and_limits_are_kept(venue: SandboxProcess) -> None:
    async def scenario(stream: Stream) -> None:
        for number in range(11):
            await stream.subscribe(type="orderUpdates", user=f"0x{number:040x}")
        error = await stream.channel("error")
        assert error["data"] == "Cannot track more than 10 total users."
        await stream.subscribe(type="l2Book", coin="NONE")
        assert (await stream.channel("error"))["data"].startswith("Error parsing JSON")
        await stream.socket.send_str("{nonsense")
        assert (await stream.channel("error"))["data"].startswith("Error parsing JSON")
        await stream.send({"method": "post", "id": 1, "request": {"type": "info", "payload": {"type": "none"}}})
        response = (await stream.channel("post"))["data"]["response"]
        assert (response["type"], response["payload"].partition(":")[0]) == ("error", "422 Unprocessable Entity")
        await stream.send(
            {"method": "post", "id": 2, "request": {"type": "info", "payload": {"type": "subAccounts", "user": NOBODY}}}
        )
        payload = (await stream.channel("post"))["data"]["response"]["payload"]
        assert payload == {"type": "subAccounts", "data": None}

    streamed(venue, scenario)


def test_nothing_comes_after_unsubscribing(venue: SandboxProcess) -> None:
    async def scenario(stream: Stream) -> None:
        await stream.subscribe(type="bbo", coin="ETH")
        await stream.channel("bbo")
        await stream.send({"method": "unsubscribe", "subscription": {"type": "bbo", "coin": "ETH"}})
        await stream.until(lambda frame: frame["data"].get("method") == "unsubscribe")
        await stream.subscribe(type="allMids")
        stream.seen.clear()
        await stream.channel("allMids")
        await stream.channel("allMids")
        assert "bbo" not in {frame["channel"] for frame in stream.seen}

    streamed(venue, scenario)


def test_streams_can_be_cut_and_silenced(venue: SandboxProcess) -> None:
    async def scenario(stream: Stream) -> None:
        await stream.subscribe(type="allMids")
        await stream.channel("allMids")
        began = time.monotonic()
        await asyncio.to_thread(venue.fault, "silence", seconds=0.6)
        await asyncio.to_thread(venue.mark, "ATOM", "1.7")
        await stream.until(lambda frame: frame["channel"] == "allMids" and frame["data"]["mids"]["ATOM"] == "1.7")
        assert time.monotonic() - began > 0.6
        await stream.send({"method": "ping"})
        await stream.channel("pong")
        await asyncio.to_thread(venue.fault, "disconnect")
        while (message := await stream.socket.receive(PATIENCE_SECONDS)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING}

    streamed(venue, scenario)


def test_frames_can_be_dropped_doubled_and_cut_off(venue: SandboxProcess) -> None:
    async def scenario(stream: Stream) -> None:
        await stream.subscribe(type="userNonFundingLedgerUpdates", user=wallet.address)
        await stream.channel("userNonFundingLedgerUpdates")
        for fault, amount in (("drop", "11"), ("double", "12")):
            await asyncio.to_thread(venue.fault, fault, "hyperliquid")
            await asyncio.to_thread(venue.fund, wallet.address, amount)
        frames = [await stream.channel("userNonFundingLedgerUpdates") for _ in range(2)]
        amounts = [row["delta"]["usdc"] for frame in frames for row in frame["data"]["nonFundingLedgerUpdates"]]
        assert amounts == ["12.0", "12.0"]
        await asyncio.to_thread(venue.fault, "cut", "hyperliquid")
        await asyncio.to_thread(venue.fund, wallet.address, "13")
        assert (await stream.socket.receive(PATIENCE_SECONDS)).type is aiohttp.WSMsgType.CLOSE

    wallet = funded(venue)
    streamed(venue, scenario)
