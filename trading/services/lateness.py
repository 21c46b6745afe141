"""When a command that was written down and never sent is no longer sent: late, it acts against what it was meant for.

Both reasons are sentences for the trader; empty where nothing speaks against sending.
"""

from datetime import datetime, timedelta

from trading.models import Command
from trading.models.commands import CommandKind
from trading.services.order_effects import names_cancelled
from trading.statements import Statement

CANCELLING = (CommandKind.CANCEL, CommandKind.CANCEL_ALL)
# What was not sent by then meets another market than the one it was decided in.
LATEST = timedelta(seconds=3.5)
# Taking an order away and protecting a position are wanted for longer, and mean the same in any market.
LATEST_RELIEF = timedelta(seconds=15)
TOO_OLD = "This was held up here and never sent: by then it was too old. Nothing was changed by it."
OVERTAKEN = "This was held up here and never sent: you had gone on since. Nothing was changed by it."

SINCE = "account_id = %s AND market_id = %s AND nonce > %s AND kind"
LATER, LATER_CHANGES = Statement(Command, f"{SINCE} <> 'move' LIMIT 1"), Statement(Command, f"{SINCE} = 'modify'")


def too_old(command: Command, now: datetime) -> str:
    """Why the command may not leave any more by its age."""
    limit = LATEST_RELIEF if command.kind in CANCELLING or _only_protects(command) else LATEST
    return TOO_OLD if now > command.prepared_at + limit else ""


def _only_protects(command: Command) -> bool:
    """Whether its orders are nothing but exits, which name no size of their own in its record."""
    return command.kind == CommandKind.ORDERS and "size" not in command.intent


def overtaken(command: Command) -> str:
    """Why it may not leave by what the trader has decided since in the same market.

    A cancel names orders that nothing later brings back, so only a change that keeps one of them speaks against it;
    collateral that moved between books speaks against nothing.
    Nonces tell the order of one account's commands whatever the clocks of the processes say.
    """
    since = command.account_id, command.market_id, command.nonce
    if command.kind in CANCELLING:
        cancelled = names_cancelled(command)
        is_kept = any(change.intent["order"] in cancelled for change in LATER_CHANGES.rows(*since))
        return OVERTAKEN if is_kept else ""
    return OVERTAKEN if LATER.rows(*since) else ""
