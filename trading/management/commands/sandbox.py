"""Run the sandbox venue alone: no database, no Redis."""

import asyncio
import signal
import socket
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from django.core.management.base import BaseCommand, CommandError

from trading.sandbox.control import ControlError, parse_address
from trading.sandbox.engine import Engine, fresh_state, wall_clock
from trading.sandbox.hyperliquid.weights import Meter
from trading.sandbox.numbers import fits_size, parse
from trading.sandbox.server import Server
from trading.sandbox.storage import Store, UnreadableStateError

DEFAULT_SEED = 1
LAST_PORT = 65535


class Command(BaseCommand):
    help = "Run the sandbox: Hyperliquid's and Aster's protocols over synthetic markets. It counts as a test network."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, required=True, help="port to listen on")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--seed", type=int, help=f"seed of the price paths ({DEFAULT_SEED})")
        parser.add_argument("--still", action="store_true", help="prices move only when told")
        parser.add_argument("--metered", action="store_true", help="hold each caller to the venues' limits")
        parser.add_argument("--fund", nargs="+", action="extend", default=[], metavar="[VENUE:]ADDRESS=USD")
        parser.add_argument("--state", type=Path, metavar="FILE", help="keep the ledger in this file between runs")

    def handle(self, *_args: str, **options: Any) -> None:
        if not 0 <= options["port"] <= LAST_PORT:
            raise CommandError(f"The port is between 0 and {LAST_PORT}, not {options['port']}.")
        store = Store(options["state"]) if options["state"] else None
        engine = self._engine(store, options["seed"], still=options["still"])
        server = Server(engine, store, Meter() if options["metered"] else None)
        for row in options["fund"]:
            _fund({engine.venue.name: engine} | server.others, row)
        asyncio.run(self._serve(server, options["host"], options["port"]))

    @staticmethod
    def _engine(store: Store | None, seed: int | None, *, still: bool) -> Engine:
        try:
            state = store.load() if store else None
        except (UnreadableStateError, OSError) as error:
            raise CommandError(str(error)) from error
        now = wall_clock()
        if state is None:
            return Engine(fresh_state(DEFAULT_SEED if seed is None else seed, now, still=still))
        if seed is not None and seed != state.paths.seed:
            raise CommandError(
                f"The saved ledger has seed {state.paths.seed}; start it without --seed or with that one."
            )
        if still != (state.paths.still_since is not None):
            raise CommandError(
                "The saved ledger was kept " + ("moving" if still else "still") + "; start it the same way."
            )
        return Engine(state)

    async def _serve(self, server: Server, host: str, port: int) -> None:
        runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1.0)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        listener = _listen(host, port)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            self.stdout.write(f"sandbox ready at http://{host}:{listener.getsockname()[1]}")
            self.stdout.flush()
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({stopped, server.clockwork}, return_when=asyncio.FIRST_COMPLETED)
            # The clockwork ends by itself only by a defect, and a venue without a clock must not go on.
            if server.clockwork.done():
                await server.clockwork
        finally:
            await runner.cleanup()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=256)
    except OSError as error:
        reason = "is already in use" if error.errno in _IN_USE else f"cannot be used: {error.strerror}"
        raise CommandError(f"Port {port} on {host} {reason}. Choose another with --port.") from error


_IN_USE = (48, 98)


def _fund(engines: Mapping[str, Engine], row: str) -> None:
    """Fund ADDRESS=USD once, at the first venue or at the one that is named: an account that a saved ledger already
    knows keeps what it has."""
    who, _, amount = row.partition("=")
    venue, _, address = who.rpartition(":")
    engine = engines.get(venue or next(iter(engines)))
    if engine is None:
        raise CommandError(f"--fund {row}: there is no venue {venue!r}; there are {', '.join(engines)}.")
    try:
        account, dollars = parse_address(address), parse(amount)
    except (ControlError, ValueError) as error:
        raise CommandError(f"--fund {row}: it reads ADDRESS=USD, such as 0x1111…=10000.") from error
    if dollars <= 0 or not fits_size(dollars, 6):
        raise CommandError(f"--fund {row}: the amount is above zero and has at most six decimals.")
    if engine.account(account) is None:
        engine.fund(account, dollars)
