"""What stands before every door: the bad days that were ordered, in the words of the venue they happen to."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from trading.sandbox.faults import Faults, Manner

Execute = Callable[[], web.Response]


@dataclass(frozen=True)
class Doorway:
    """``serve`` runs a request through the faults that strike it."""

    faults: Faults
    late: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(
        self, request: web.Request, names: set[str], manner: Manner, execute: Execute
    ) -> web.StreamResponse:
        """The answer of ``execute``, or what the faults make of it."""
        plan = self.faults.plan(names)
        if plan.is_late:
            self._execute_later(plan.seconds, execute)
            return cut(request)
        early = await plan.before(manner)
        if early is not None:
            return cut(request) if early.cut else early.response
        response = execute()
        if plan.is_delivered_twice:
            response = execute()
        spoiled = plan.after(response, manner)
        return cut(request) if spoiled.cut else spoiled.response

    def _execute_later(self, seconds: float, execute: Execute) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            execute()

        task = asyncio.create_task(wait())
        self.late.add(task)
        task.add_done_callback(self.late.discard)

    def close(self) -> None:
        """Forget what has not been executed yet."""
        for task in self.late:
            task.cancel()


def cut(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
