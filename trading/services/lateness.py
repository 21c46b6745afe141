"""When a command that was written down and never sent is no longer sent: late, it acts against what it was meant for.

Both reasons are sentences for the trader; empty where nothing speaks against sending.
"""

from datetime import datetime, timedelta

from trading.models import Command
from trading.models.commands import CommandKind

CANCELLING = (CommandKind.CANCEL, CommandKind.CANCEL_ALL)
# What was not sent by then meets another market than the one it was decided in.
LATEST = timedelta(seconds=3.5)
# Taking an order away is wanted for longer than anything else.
LATEST_CANCEL = timedelta(seconds=15)
TOO_OLD = "This was held up here and never sent: by then it was too old. Nothing was changed by it."
OVERTAKEN = "This was held up here and never sent: you had gone on since. Nothing was changed by it."


def too_old(command: Command, now: datetime) -> str:
    """Why the command may not leave any more by its age."""
    limit = LATEST_CANCEL if command.kind in CANCELLING else LATEST
    return TOO_OLD if now > command.prepared_at + limit else ""


def overtaken(command: Command) -> str:
    """Why it may not leave by what the trader has decided since in the same market.

    A cancel names an order that nothing later brings back, so only a change that keeps the order speaks against it;
    collateral that moved between books speaks against nothing.
    Nonces tell the order of one account's commands whatever the clocks of the processes say.
    """
    rows = Command.objects.filter(account=command.account_id, market=command.market_id, nonce__gt=command.nonce)
    later = rows.exclude(kind=CommandKind.MOVE)
    if command.kind in CANCELLING:
        later = later.filter(kind=CommandKind.MODIFY)
    return OVERTAKEN if later.exists() else ""
