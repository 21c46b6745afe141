"""Settling commands whose outcome the venue did not tell: by proof, never by policy.

An order is asked for by its client id, a cancellation by the order's. A margin or leverage change has no id: its nonce
keeps the identical bytes from acting twice, and the state it leaves behind tells whether they acted. Once the venue's
own clock is past the expiry and there is still no effect, a command that never arrived is dead; one that did arrive was
refused, unless other changes hide what it did (Hyperliquid 4, 5.3; the clock is ``AccountSnapshot.venue_time``).
"""

from datetime import timedelta
from decimal import Decimal

from django.db.models import F

from trading.margin.types import AccountMode
from trading.models import Command
from trading.models.commands import CommandKind, CommandState
from trading.services.commands import is_past, send_again, settle
from trading.venues.base import AccountSnapshot, Adapter, OrderReport, OrderState
from trading.venues.errors import VenueError

# The venue refuses a request that arrives after its expiry; one that arrived just before may still be at work.
GRACE = timedelta(seconds=2)
# The venue rounds the cash leg and the funding it reports to a millionth each (Hyperliquid 2.3).
ROUNDING = Decimal("0.00001")

HIDDEN = "hidden"
RECEIVED_AND_REFUSED = "The venue received this and did not carry it out. Nothing was changed by it."
CANNOT_BE_TOLD = "The position changed since, so it cannot be told whether this was carried out. Check its margin."
NEVER_CARRIED_OUT = "The venue never carried this out. Nothing was changed."
FILLED_FIRST = "The order was filled before it could be cancelled."


def prove(adapter: Adapter, command: Command) -> bool:
    """Try once to settle an unknown command; False where there is no proof yet. Safe to repeat at any time.

    The adapter needs no key: proving asks, and sends at most the bytes that were signed before.
    """
    Command.objects.filter(pk=command.pk).update(attempts=F("attempts") + 1)
    try:
        snapshot = _look(adapter, command)
        if _settle_by_effect(adapter, command, snapshot):
            return True
        if command.dead_at and is_past(command.dead_at + GRACE, snapshot.venue_time):
            return _bury(adapter, command, snapshot)
    except VenueError:
        return False  # the venue is silent or unreadable: nothing is proven, and the next round asks again
    if _may_be_sent_again(command):
        send_again(adapter, command)
    command.refresh_from_db()
    return command.is_settled


def _look(adapter: Adapter, command: Command) -> AccountSnapshot:
    account = command.account
    return adapter.account(account.address, mode=AccountMode(account.mode) if account.synced_at else None)


def _may_be_sent_again(command: Command) -> bool:
    """An order is not sent again once the trader has gone on: he may have closed what it would open anew."""
    later = Command.objects.filter(
        account=command.account_id, market=command.market_id, prepared_at__gt=command.prepared_at
    )
    return command.kind != CommandKind.ORDER or not later.exists()


def _settle_by_effect(adapter: Adapter, command: Command, snapshot: AccountSnapshot) -> bool:
    evidence = _effect(adapter, command, snapshot)
    if not evidence or evidence.get("state") == HIDDEN:
        return False
    return settle(command, CommandState(evidence.pop("state")), evidence, evidence.pop("message", ""))


def _bury(adapter: Adapter, command: Command, snapshot: AccountSnapshot) -> bool:
    """Past the expiry by the venue's clock, one later look decides."""
    later = _look(adapter, command)
    if _settle_by_effect(adapter, command, later):
        return True
    is_hidden = bool(_effect(adapter, command, later))
    was_received = "received" in command.evidence
    proof = command.evidence | {"venue clock": snapshot.venue_time.isoformat(), "expired": str(command.dead_at)}
    if is_hidden:
        return settle(command, CommandState.UNPROVEN, proof | {"effect": HIDDEN}, CANNOT_BE_TOLD)
    if was_received:
        return settle(command, CommandState.REJECTED, proof | {"effect": "none"}, RECEIVED_AND_REFUSED)
    return settle(command, CommandState.DEAD, proof | {"effect": "none"}, NEVER_CARRIED_OUT)


def _effect(adapter: Adapter, command: Command, snapshot: AccountSnapshot) -> dict[str, str]:
    """What the venue shows of the command's effect; empty where it shows none, ``hidden`` where it cannot be told."""
    match command.kind:
        case CommandKind.ORDER:
            return _order_effect(_status(adapter, command, command.client_id))
        case CommandKind.CANCEL:
            return _cancel_effect(_status(adapter, command, int(command.intent["order"])))
        case CommandKind.LEVERAGE:
            return _leverage_effect(adapter, command)
        case _:
            return _margin_effect(adapter, command, snapshot)


def _status(adapter: Adapter, command: Command, order: int | str) -> OrderReport:
    return adapter.order_status(command.account.address, order, market=command.market.rules)


ORDER_KINDS = {
    OrderState.FILLED: "filled",
    OrderState.CANCELLED: "cancelled",
    OrderState.OPEN: "resting",
    OrderState.TRIGGERED: "resting",
}


def _order_effect(report: OrderReport) -> dict[str, str]:
    if report.state is OrderState.UNKNOWN:
        return {}
    if report.state is OrderState.REJECTED:
        return {"state": CommandState.REJECTED, "status": report.label, "message": f"The venue said: {report.label}."}
    found = {"state": CommandState.ACCEPTED, "kind": ORDER_KINDS[report.state], "status": report.label}
    if report.order is None:
        return found
    filled = report.order.original_size - report.order.size
    return found | {"order": str(report.order.order_id), "filled": f"{filled:f}"}


def _cancel_effect(report: OrderReport) -> dict[str, str]:
    match report.state:
        case OrderState.CANCELLED:
            return {"state": CommandState.ACCEPTED, "status": report.label}
        case OrderState.FILLED:
            return {"state": CommandState.REJECTED, "status": report.label, "message": FILLED_FIRST}
        case _:
            return {}


def _leverage_effect(adapter: Adapter, command: Command) -> dict[str, str]:
    setting = adapter.market_setting(command.account.address, command.market.rules)
    if (setting.mode, str(setting.leverage)) != (command.intent["mode"], command.intent["leverage"]):
        return {}
    return {"state": CommandState.ACCEPTED, "mode": setting.mode, "leverage": str(setting.leverage)}


def _margin_effect(adapter: Adapter, command: Command, snapshot: AccountSnapshot) -> dict[str, str]:
    """The cash leg moved by the amount, funding apart; trades in between hide what moved it."""
    position = next((p for p in snapshot.positions if p.market == command.market.name), None)
    if position is None or position.cash is None or position.size != Decimal(command.before["size"]):
        return {"state": HIDDEN}
    fills = adapter.fills(command.account.address, command.prepared_at)
    if any(fill.market == command.market.name for fill in fills):
        return {"state": HIDDEN}
    # Funding paid in between left the bucket as well (Hyperliquid 3.6).
    funding = (position.funding_since_open or 0) - Decimal(command.before["funding"])
    moved = position.cash - Decimal(command.before["cash"]) + funding
    if abs(moved - Decimal(command.intent["amount"])) <= ROUNDING:
        return {
            "state": CommandState.ACCEPTED,
            "cash before": command.before["cash"],
            "cash after": f"{position.cash:f}",
        }
    return {} if abs(moved) <= ROUNDING else {"state": HIDDEN}
