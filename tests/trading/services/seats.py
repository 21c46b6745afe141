"""One trader's account at one venue beside the venue's own ledger of it: how the two differ, and what was believed."""

import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from tenants.models import User
from tests.sandbox_process import SandboxProcess
from trading import connect
from trading.management.commands.seed_demo import give_agent_key
from trading.models import Command, Fill, Market, Order, Position, VenueAccount
from trading.models.commands import CommandKind, CommandState
from trading.services import nonces
from trading.services.commands import SETTING
from trading.services.readings import EVERYTHING
from trading.services.sync import sync_account, sync_markets
from trading.services.totals import money_totals
from trading.venues.base import Adapter, OrderState, Venue
from trading.venues.base import Command as VenueCommand
from trading.venues.keys import PrivateSigningKey

BITCOIN = {Venue.HYPERLIQUID: "BTC", Venue.ASTER: "BTCUSDT"}
# The venues' wires carry averages and money with fewer digits than their ledgers.
WIRE = Decimal("0.000001")
ORDERING = (CommandKind.ORDER, CommandKind.ORDERS)
# The venue's word for a margin mode that is set already (Aster 3.5).
SO_ALREADY = b"-4046"
CANCELLING = (CommandKind.CANCEL, CommandKind.CANCEL_ALL)
Json = dict[str, Any]


@dataclass
class Seat:
    """``elsewhere`` is what another client did at the venue, by nonce: of which kind, and when."""

    sandbox: SandboxProcess
    account: VenueAccount
    market: Market
    adapter: Adapter
    wallet: PrivateSigningKey
    elsewhere: dict[int, tuple[CommandKind, datetime]] = field(default_factory=dict)
    former: frozenset[int] = frozenset()

    @property
    def venue(self) -> Venue:
        return Venue(self.account.venue)

    @property
    def commands(self) -> QuerySet[Command]:
        rows: QuerySet[Command] = Command.objects.filter(account=self.account)
        return rows.select_related("account", "market").order_by("nonce")

    @property
    def resting(self) -> QuerySet[Order]:
        rows: QuerySet[Order] = Order.objects.filter(account=self.account, is_open=True)
        return rows.select_related("market").order_by("venue_id")

    @property
    def position(self) -> Position | None:
        rows: QuerySet[Position] = Position.objects.filter(account=self.account)
        return rows.select_related("market", "account").first()

    def act_elsewhere(self, kind: CommandKind, command: VenueCommand) -> None:
        """Another client with the same key asks the venue itself: nothing of it is in our rows."""
        nonce = nonces.draw(self.account, self.adapter.moment(timezone.now()))
        self.elsewhere[nonce] = kind, timezone.now()
        self.adapter.send(self.adapter.sign(command, nonce=nonce))

    def state(self) -> Json:
        """The venue's whole record."""
        state: Json = self.sandbox.state()
        found: Json = state["others"].get(self.venue.value, state)
        return found

    def differences(self) -> list[str]:
        """How our rows, read anew, differ from the venue's ledger; money to the last unit."""
        assert sync_account(self.adapter, self.account, EVERYTHING)
        self.account.refresh_from_db()
        state = self.state()
        theirs = state["accounts"][self.account.address]
        found = [f"{name}: {ours} for {said}" for name, ours, said in self._figures(theirs, state["marks"])
                 if not _same(ours, said)]  # fmt: skip
        ours, resting = (
            {row.venue_id: _our_order(row) for row in self.resting if row.parent_id is None},
            theirs["orders"],
        )
        if ours != (said := {row["oid"]: _their_order(row) for row in resting}):
            found.append(f"orders: {ours} for {said}")
        waiting = {(row.parent_id, row.venue_id) for row in self.resting if row.parent_id is not None}
        if waiting != (children := {(row["oid"], child) for row in resting for child in row["children"]}):
            found.append(f"orders that wait for another: {waiting} for {children}")
        totals = money_totals(self.account)
        if totals is None or totals.unexplained != 0:
            found.append(f"unexplained: {totals}")
        return found

    def _figures(self, theirs: Json, marks: dict[str, str]) -> Iterator[tuple[str, object, object]]:
        """Name, our figure and the venue's. Equity is what is left where everything is sold at the mark."""
        held = {row.market.name: row for row in self.account.positions.select_related("market")}
        rows = {row["market"]: row for row in theirs["positions"]}
        yield "markets", sorted(held), sorted(rows)
        equity = Decimal(theirs["cash"])
        for name, row in rows.items():
            equity += Decimal(row["cash"]) + Decimal(row["size"]) * Decimal(marks[name])
            if (ours := held.get(name)) is None:
                continue
            yield f"{name} size", ours.size, Decimal(row["size"])
            yield f"{name} mode", ours.mode, row["mode"]
            yield f"{name} leverage", ours.leverage, row["leverage"]
            yield f"{name} entry", ours.entry_price, _near(ours.entry_price, Decimal(row["entry"]), relative=True)
            if row["mode"] == "isolated":
                margin = Decimal(row["cash"]) + Decimal(row["size"]) * Decimal(marks[name])
                yield f"{name} margin", ours.margin, _near(ours.margin, margin)
                if ours.cash is not None:
                    yield f"{name} cash", ours.cash, _near(ours.cash, Decimal(row["cash"]))
        yield "equity", self.account.equity, _near(self.account.equity, equity)
        yield "withdrawable", self.account.withdrawable, self.adapter.account(self.account.address).withdrawable

    def wrong_beliefs(self) -> list[str]:
        """Commands whose end is not what the venue did, what it did twice, and what it did that nobody asked for."""
        rows = [row for row in self.state()["commands"] if row["address"] == self.account.address]
        done = Counter(row["nonce"] for row in rows if row["outcome"] == "ok" and "noop" not in row["kind"].lower())
        found = [f"{nonce} was done {times} times" for nonce, times in done.items() if times > 1]
        commands = list(self.commands)
        known = {command.nonce for command in commands} | self.elsewhere.keys() | self.former
        found += [f"{nonce} is nobody's" for nonce in done.keys() - known]
        for command in commands:
            if not self._is_true(command, is_taken=bool(done[command.nonce])):
                found.append(f"{command.kind} {command.intent} ended {command.state} {command.evidence}")
        return found

    def _is_true(self, command: Command, *, is_taken: bool) -> bool:
        """``is_taken``: the venue took a request of that nonce."""
        if command.kind in SETTING:
            return self._is_setting_true(command, is_taken=is_taken)
        if command.state == CommandState.UNPROVEN:
            return self._is_hidden(command)
        is_accepted = command.state == CommandState.ACCEPTED
        if command.kind in ORDERING or (command.kind == CommandKind.MODIFY and self.adapter.renames_changed):
            reports = {self._status(command, name) for name in command.names.values()}
            return is_accepted == bool(reports - {OrderState.UNKNOWN, OrderState.REJECTED})
        if command.kind in CANCELLING:
            return self._is_cancellation_true(command, is_taken=is_taken)
        return is_accepted == is_taken

    def _is_setting_true(self, command: Command, *, is_taken: bool) -> bool:
        """Accepted: the venue took it, or showed that it was so already. Refused or never executed: it did not take it.
        Unproven: it showed something else, after a refusal that nobody heard or another client's change."""
        names = ("mode",) if command.kind == CommandKind.MODE else ("mode", "leverage")
        is_so = all(command.evidence.get(name) == command.intent[name] for name in names)
        if command.state == CommandState.ACCEPTED:
            return is_taken or is_so or any(SO_ALREADY in bytes(event.answer) for event in command.events.all())
        if command.state == CommandState.UNPROVEN:
            return not is_so and (not is_taken or self._set_elsewhere(command))
        return not is_taken

    def _is_cancellation_true(self, command: Command, *, is_taken: bool) -> bool:
        """Accepted: no order of it rests. Never executed: the venue took no such request."""
        names = command.intent.get("order") or command.intent.get("orders", "")
        open_still = {self._status(command, int(name)) for name in names.split(",") if name} & {OrderState.OPEN}
        if command.state == CommandState.ACCEPTED:
            return not open_still
        return not is_taken or not open_still

    def _status(self, command: Command, order: int | str) -> OrderState:
        return self.adapter.order_status(self.account.address, order, market=command.market.rules).state

    def _set_elsewhere(self, command: Command) -> bool:
        until = command.settled_at or timezone.now()
        times = [at for kind, at in self.elsewhere.values() if kind in SETTING]
        return any(command.prepared_at <= at <= until for at in times)

    def _is_hidden(self, command: Command) -> bool:
        """Whether nobody can tell what became of it: a margin change that has no name at the venue, whose trace a trade
        or another client's change of the same position has covered (Hyperliquid 3.3)."""
        fills = Fill.objects.filter(account=self.account, market=command.market)
        moved = any(kind in (CommandKind.MARGIN, *SETTING) for kind, _ in self.elsewhere.values())
        is_nameless = self.venue is Venue.HYPERLIQUID and command.kind == CommandKind.MARGIN
        return is_nameless and (moved or fills.filter(happened_at__gte=command.prepared_at).exists())


def _same(ours: object, theirs: object) -> bool:
    return ours == theirs


def _near(ours: Decimal, theirs: Decimal, *, relative: bool = False) -> Decimal:
    """The venue's figure, or ours where the two differ only by what the wire leaves out."""
    return ours if abs(ours - theirs) <= WIRE * (abs(theirs) if relative else 1) else theirs


def _our_order(row: Order) -> tuple[object, ...]:
    size = None if row.covers_position else row.size
    limit = row.limit_price if row.trigger_price is None else None
    return row.market.name, row.is_buy, size, limit, row.trigger_price, row.reduce_only


def _their_order(row: Json) -> tuple[object, ...]:
    trigger = None if row["trigger_price"] is None else Decimal(row["trigger_price"])
    size = None if row["follows_position"] else Decimal(row["size"])
    limit = Decimal(row["limit_price"]) if trigger is None else None
    return row["market"], row["is_buy"], size, limit, trigger, row["reduce_only"]


def sit_down(sandbox: SandboxProcess, venue: Venue) -> Seat:
    """A new trader of the operator in scope, with a funded account at the venue and a key of its own."""
    wallet = PrivateSigningKey(secrets.token_bytes(32))
    trader = User(email=f"{wallet.address}@alpha.example")
    trader.save()
    account = VenueAccount(trader=trader, venue=venue.value, network="testnet", address=wallet.address)
    account.save()
    sandbox.fund(wallet.address, "10000", venue=venue.value)
    give_agent_key(account, wallet, connect.account_adapter(account))
    account.refresh_from_db()
    adapter = connect.trading_adapter(account)
    if not Market.objects.filter(venue=venue.value).exists():
        sync_markets(adapter)
    seat = Seat(sandbox, account, Market.objects.get(venue=venue.value, name=BITCOIN[venue]), adapter, wallet)
    assert sync_account(seat.adapter, account)
    rows = [row for row in seat.state()["commands"] if row["address"] == account.address]
    seat.former = frozenset(row["nonce"] for row in rows)
    return seat
