"""Many reads at once on one event loop: what a worker uses to follow a batch of accounts."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from trading.margin.types import AccountMode
from trading.venues.base import AccountSnapshot
from trading.venues.errors import OutcomeUnknown, Unavailable, VenueError
from trading.venues.hyperliquid import questions, wire
from trading.venues.hyperliquid.adapter import read, utc_now
from trading.venues.hyperliquid.questions import Question
from trading.venues.transport import ConcurrentTransport

T = TypeVar("T")


class HyperliquidBatch:
    """Reads over an open ``AsyncTransport``; it never signs."""

    def __init__(self, transport: ConcurrentTransport, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._transport = transport
        self._clock = clock

    async def ask(self, question: Question[T]) -> T:
        """The answer to one read. Raises ``Unavailable``, ``Malformed`` or ``UnknownState``."""
        try:
            response = await self._transport.request("POST", wire.INFO_PATH, question.body)
        except OutcomeUnknown as error:
            raise Unavailable(error.cause, retry_after=error.retry_after) from None
        return read(question, response, self._clock())

    async def account(self, address: str, mode: AccountMode) -> AccountSnapshot:
        """Money and positions on the main book."""
        spot = () if mode is AccountMode.STANDARD else await self.ask(questions.spot_balances(address))
        return await self.ask(questions.account(address, mode=mode, spot=spot))

    async def accounts(self, modes: Mapping[str, AccountMode]) -> dict[str, AccountSnapshot | VenueError]:
        """The snapshot of every address, or the error that stood in its way: one account never spoils another."""
        results = await asyncio.gather(*(self._account_or_error(address, mode) for address, mode in modes.items()))
        return dict(zip(modes, results, strict=True))

    async def _account_or_error(self, address: str, mode: AccountMode) -> AccountSnapshot | VenueError:
        try:
            return await self.account(address, mode)
        except VenueError as error:
            return error
