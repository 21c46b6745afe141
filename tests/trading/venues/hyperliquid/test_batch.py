"""Many accounts side by side over one connection: none holds up or spoils another."""

import asyncio
from decimal import Decimal
from typing import Any

from tests.trading.venues.hyperliquid.figures import NOW, OWNER
from tests.trading.venues.hyperliquid.test_adapter import LIMITS, info
from tests.trading.venues.hyperliquid.test_parse import POSITION, account_body
from tests.trading.venues.misbehaving import MisbehavingServer, answer, in_turn
from trading.margin.types import AccountMode
from trading.venues.base import AccountSnapshot
from trading.venues.concurrent import AsyncTransport
from trading.venues.errors import Malformed, Unavailable
from trading.venues.hyperliquid.batch import HyperliquidBatch


def test_one_account_of_a_batch_never_spoils_another(server: MisbehavingServer) -> None:
    broken, unified = "0x" + "2" * 40, "0x" + "3" * 40

    def state(question: dict[str, Any]) -> object:
        return b"{}" if question["user"] == broken else account_body(POSITION)

    info(server, clearinghouseState=state, spotClearinghouseState=lambda _: {"balances": []})

    async def follow() -> dict[str, Any]:
        async with AsyncTransport(server.url, limits=LIMITS) as transport:
            modes = {OWNER: AccountMode.STANDARD, broken: AccountMode.STANDARD, unified: AccountMode.UNIFIED}
            return await HyperliquidBatch(transport, clock=lambda: NOW).accounts(modes)

    found = asyncio.run(follow())
    assert list(found) == [OWNER, broken, unified]
    assert isinstance(found[OWNER], AccountSnapshot)
    assert (found[OWNER].equity, found[unified].equity) == (Decimal("25.856067"), 0)
    assert isinstance(found[broken], Malformed)


def test_a_batch_hears_limits_and_silence_as_the_adapter_does(server: MisbehavingServer) -> None:
    server.paths["/info"] = in_turn(answer(429, b"", Retry_After="3"), answer(502, b""))

    async def follow() -> list[Any]:
        async with AsyncTransport(server.url, limits=LIMITS) as transport:
            batch = HyperliquidBatch(transport)
            return [(await batch.accounts({OWNER: AccountMode.STANDARD}))[OWNER] for _ in range(2)]

    limited, failed = asyncio.run(follow())
    assert (type(limited), limited.cause, limited.retry_after) == (Unavailable, "HTTP 429", 3.0)
    assert "do not send it again" not in limited.explanation
    assert (type(failed), failed.retryable) == (Unavailable, True)
