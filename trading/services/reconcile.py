"""Settling commands whose outcome the venue did not tell: by proof, never by policy.

An order is asked for by its client id. A margin or leverage change has none: its nonce keeps the identical bytes from
acting twice, and the venue's state tells whether they acted. Once the venue's own clock is past the expiry and the
effect is still not there, the command is dead (Hyperliquid 4, 5.3; that clock is ``AccountSnapshot.venue_time``).
"""

from datetime import timedelta
from decimal import Decimal

from django.db.models import F

from trading.margin.types import AccountMode
from trading.models import Command
from trading.models.commands import CommandKind, CommandState
from trading.services.commands import deliver, is_past, settle
from trading.venues.base import AccountSnapshot, Adapter, OrderState
from trading.venues.errors import VenueError

# The venue refuses a request that arrives after its expiry; one that arrived just before may still be at work.
GRACE = timedelta(seconds=2)


def prove(adapter: Adapter, command: Command) -> bool:
    """Try once to settle an unknown command; False where there is no proof yet. Safe to repeat at any time."""
    try:
        snapshot = _look(adapter, command)
        evidence = _effect(adapter, command, snapshot)
        if evidence:
            return settle(command, CommandState(evidence.pop("state")), evidence)
        if command.expires_at and is_past(command.expires_at + GRACE, snapshot.venue_time):
            return _bury(adapter, command, snapshot)
    except VenueError:
        return False  # the venue is silent or unreadable: nothing is proven, and the next round asks again
    Command.objects.filter(pk=command.pk).update(attempts=F("attempts") + 1)
    deliver(adapter, command, is_first=False)
    command.refresh_from_db()
    return command.is_settled


def _look(adapter: Adapter, command: Command) -> AccountSnapshot:
    account = command.account
    return adapter.account(account.address, mode=AccountMode(account.mode) if account.synced_at else None)


def _bury(adapter: Adapter, command: Command, snapshot: AccountSnapshot) -> bool:
    """Past the expiry by the venue's clock, one later look decides."""
    evidence = _effect(adapter, command, _look(adapter, command))
    if evidence:
        return settle(command, CommandState(evidence.pop("state")), evidence)
    proof = {"venue clock": snapshot.venue_time.isoformat(), "expired": str(command.expires_at), "effect": "none"}
    return settle(command, CommandState.DEAD, proof, "The venue never carried this out. Nothing was changed.")


def _effect(adapter: Adapter, command: Command, snapshot: AccountSnapshot) -> dict[str, str]:
    """What the venue shows of the command's effect; empty where it shows none."""
    match command.kind:
        case CommandKind.ORDER:
            return _order_effect(adapter, command)
        case CommandKind.CANCEL:
            return _cancel_effect(adapter, command)
        case CommandKind.LEVERAGE:
            return _leverage_effect(adapter, command)
        case _:
            return _margin_effect(command, snapshot)


def _order_effect(adapter: Adapter, command: Command) -> dict[str, str]:
    report = adapter.order_status(command.account.address, command.client_id)
    if report.state is OrderState.UNKNOWN:
        return {}
    refused = report.state is OrderState.REJECTED
    state = CommandState.REJECTED if refused else CommandState.ACCEPTED
    return {"state": state, "status": report.label, "order": str(report.order.order_id) if report.order else ""}


def _cancel_effect(adapter: Adapter, command: Command) -> dict[str, str]:
    wanted = int(command.intent["order"])
    if any(order.order_id == wanted for order in adapter.open_orders(command.account.address)):
        return {}
    return {"state": CommandState.ACCEPTED, "order": "no longer open"}


def _leverage_effect(adapter: Adapter, command: Command) -> dict[str, str]:
    setting = adapter.market_setting(command.account.address, command.market.rules)
    if (setting.mode, str(setting.leverage)) != (command.intent["mode"], command.intent["leverage"]):
        return {}
    return {"state": CommandState.ACCEPTED, "mode": setting.mode, "leverage": str(setting.leverage)}


def _margin_effect(command: Command, snapshot: AccountSnapshot) -> dict[str, str]:
    """The cash leg moves by exactly the amount; a little funding may have come on top, so the nearer state counts."""
    position = next((p for p in snapshot.positions if p.market == command.market.name), None)
    if position is None or position.cash is None:
        return {}
    before, amount = Decimal(command.before["cash"]), Decimal(command.intent["amount"])
    if abs(position.cash - before - amount) >= abs(position.cash - before):
        return {}
    return {"state": CommandState.ACCEPTED, "cash before": str(before), "cash after": str(position.cash)}
