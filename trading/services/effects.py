"""What a venue shows of a command: the order it placed, the state it left, the collateral it moved.

Some effects can be this command's alone (an order under its client id). Others look the same whoever caused them (a
leverage), so they are believed only once the command's own bytes can do nothing any more: see ``reconcile``.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone

from trading.margin.types import AccountMode, MarginMode
from trading.models import Command, Market, Position, VenueAccount
from trading.models.commands import CommandKind, CommandState
from trading.services import order_effects
from trading.services.commands import BURNED, SETTING
from trading.services.flat_settings import Chosen, Known, expected, followed_by
from trading.services.order_effects import HIDDEN, NOTHING, Effect
from trading.venues.base import Adapter, MarginMove
from trading.venues.errors import Unavailable

# The venue rounds the cash leg and the funding it reports to a millionth each (Hyperliquid 2.3).
ROUNDING = Decimal("0.00001")
MOVED_TOGETHER = (
    "This margin was changed more than once at a time, so it cannot be told whether this change was carried out. Check "
    "the position's margin."
)
SET_AS_BEFORE = (
    "Leverage and margin mode are what they were before. It cannot be told whether they were set and set back since."
)
SET_SINCE = (
    "Leverage and margin mode are not what was asked for. It cannot be told whether this was carried out and they were "
    "set elsewhere since."
)
# In the evidence of a mode or leverage: what was set when its nonce was not used up yet.
BEFORE_BURNING = "{} before"


def effect(adapter: Adapter, command: Command) -> Effect:
    """Ask the venue what became of the command. Raises ``VenueError`` where it cannot be read."""
    match command.kind:
        case CommandKind.ORDER | CommandKind.ORDERS:
            return order_effects.of_placed(adapter, command)
        case CommandKind.MODIFY:
            return order_effects.of_changed(adapter, command)
        case CommandKind.CANCEL | CommandKind.CANCEL_ALL:
            return order_effects.of_cancelled(adapter, command)
        case CommandKind.MODE | CommandKind.LEVERAGE:
            return _of_setting(adapter, command)
        case CommandKind.MOVE:
            return _of_transfer(adapter, command)
        case _:
            return _of_margin(adapter, command)


def _of_setting(adapter: Adapter, command: Command) -> Effect:
    """Mode and leverage as they are set now. Where they are not as asked, another client may have set them since: only
    of a nonce that we used up ourselves, with what was set before still there, it is certain that they never were. What
    uses it up may come while they wait to be set, and does not certainly keep them from it (Aster 1.3), so without
    anything to compare with it is not."""
    found = _set_now(adapter, command)
    if all(found[name] == command.intent[name] for name in _set_by(command)):
        return Effect(CommandState.ACCEPTED, found)
    before = command.before or {name: command.evidence.get(BEFORE_BURNING.format(name)) for name in found}
    stands = all(found[name] == before[name] for name in _set_by(command))
    if BURNED in command.evidence and stands:
        return NOTHING
    return replace(HIDDEN, evidence=found, message=SET_AS_BEFORE if stands else SET_SINCE)


def shown_before(adapter: Adapter, command: Command) -> dict[str, str]:
    """What is set just before a command's nonce is used up, for its record, where nobody could tell when it was written
    down: only a nonce is used up whose own bytes were not carried out by then, so they have no part in it (Aster 1.3).
    Raises ``VenueError`` where it cannot be read."""
    if command.kind not in SETTING or command.before:
        return {}
    return {BEFORE_BURNING.format(name): value for name, value in _set_now(adapter, command).items()}


def _set_now(adapter: Adapter, command: Command) -> dict[str, str]:
    setting = adapter.market_setting(command.account.address, command.market.rules)
    return {"mode": setting.mode.value, "leverage": str(setting.leverage)}


def _set_by(command: Command) -> tuple[str, ...]:
    return ("mode",) if command.kind == CommandKind.MODE else ("mode", "leverage")


def set_before(account: VenueAccount, market: Market) -> dict[str, str]:
    """Mode and leverage before a command of ours changes them, for its record: what the venue told last, and what
    commands that it accepted have set since. Of those that nobody could prove nothing is taken, and they take nothing
    away. Empty only where neither the venue nor a command of ours ever told."""
    held = Position.objects.filter(account=account, market=market).first()
    chosen = expected(account, market) if held is None else _expected_of(held)
    return {} if chosen is None else {"mode": chosen.mode.value, "leverage": str(chosen.leverage)}


def _expected_of(held: Position) -> Chosen | None:
    """What has to be set of a position: what it shows, and what was accepted and is not shown by any reading yet."""
    here = {"account": held.account_id, "market": held.market_id}
    newer = Command.objects.filter(**here, kind__in=SETTING, state=CommandState.ACCEPTED, shown_at=None)
    shown = Known(Chosen(MarginMode(held.mode), held.leverage), held.venue_time)
    return followed_by(shown, newer.order_by("settled_at"))


def _of_transfer(adapter: Adapter, command: Command) -> Effect:
    """The venue's record of the transfer: under the request's own nonce, or where it names none, one that is alike."""
    asked, since = command.intent, datetime.fromisoformat(command.before["at"])
    moves = adapter.collateral_moves(command.account.address, since)
    own = [move for move in moves if move.nonce == command.nonce]
    alike = [
        move
        for move in moves
        if move.nonce is None
        and move.time > since
        and (move.source, move.target, move.amount) == (asked["source"], asked["target"], Decimal(asked["amount"]))
    ]
    if not (found := own or alike):
        return NOTHING
    evidence = {"moved": f"{found[0].amount:f}", "moved at": found[0].time.isoformat()}
    return Effect(CommandState.ACCEPTED, evidence, is_own=bool(own))


def _of_margin(adapter: Adapter, command: Command) -> Effect:
    """The venue's record of the change where it keeps one, else the cash leg of the position."""
    since = datetime.fromisoformat(command.before["at"]) if command.before.get("at") else command.prepared_at
    moves = adapter.margin_moves(command.account.address, command.market.rules, since)
    return _of_cash(adapter, command) if moves is None else _of_moves(command, moves)


def _of_moves(command: Command, moves: tuple[MarginMove, ...]) -> Effect:
    """A move under the command's own name is its own; without names, one of the right amount (Aster 3.6)."""
    mine = [move for move in moves if move.by_trader and move.amount == Decimal(command.intent["amount"])]
    own = [move for move in mine if move.client_id and move.client_id == command.client_id]
    found = own or [move for move in mine if not move.client_id]
    if not found:
        return NOTHING
    evidence = {"moved": f"{found[0].amount:f}", "moved at": found[0].time.isoformat()}
    return Effect(CommandState.ACCEPTED, evidence, is_own=bool(own))


def _of_cash(adapter: Adapter, command: Command) -> Effect:
    """The cash leg moved by the amount, funding and other changes apart; trades in between hide what moved it."""
    account = command.account
    mode = AccountMode(account.mode) if account.synced_at else None
    shown_until = timezone.now() - adapter.settling
    snapshot = adapter.account(account.address, mode=mode)
    position = next((p for p in snapshot.positions if p.market == command.market.name), None)
    if position is None or position.cash is None or position.size != Decimal(command.before["size"]):
        return HIDDEN
    fills = adapter.fills(account.address, command.prepared_at)
    if any(fill.market == command.market.name for fill in fills):
        return HIDDEN
    others = _moved_by_others(command, shown_until)
    if others is None:
        return replace(HIDDEN, message=MOVED_TOGETHER)
    # Funding paid in between left the bucket as well (Hyperliquid 3.6).
    funding = (position.funding_since_open or 0) - Decimal(command.before["funding"])
    moved = position.cash - Decimal(command.before["cash"]) + funding - others
    if abs(moved - Decimal(command.intent["amount"])) <= ROUNDING:
        evidence = {"cash before": command.before["cash"], "cash after": f"{position.cash:f}"}
        return Effect(CommandState.ACCEPTED, evidence)
    return NOTHING if abs(moved) <= ROUNDING else HIDDEN


def _moved_by_others(command: Command, shown_until: datetime) -> Decimal | None:
    """What other changes of the same collateral moved after the state before was read; None where that cannot be told
    of one of them: its outcome is open, or it was written down before this one and may be in that state already.

    Raises ``Unavailable`` where one was accepted after ``shown_until``, so that the state now may or may not hold it,
    and where one that was written down after this one is still on its way: only the older waits for the younger.
    """
    asked = datetime.fromisoformat(command.before.get("asked") or command.prepared_at.isoformat())
    alike = Command.objects.filter(account=command.account_id, market=command.market_id, kind=CommandKind.MARGIN)
    beside = alike.filter(Q(settled_at=None) | Q(settled_at__gt=asked)).exclude(pk=command.pk)
    others = list(beside.exclude(state__in=(CommandState.REJECTED, CommandState.DEAD)))
    if any(other.settled_at is None and other.prepared_at > command.prepared_at for other in others):
        raise Unavailable("another change is still on its way")
    # Reading takes time: only what was written down after this one came for certain after its state before.
    if any(other.state != CommandState.ACCEPTED or other.prepared_at < command.prepared_at for other in others):
        return None
    last = max((other.settled_at for other in others if other.settled_at), default=shown_until)
    if last > shown_until:
        raise Unavailable("another change may not be shown yet", retry_after=(last - shown_until).total_seconds())
    return sum((Decimal(other.intent["amount"]) for other in others), Decimal(0))
