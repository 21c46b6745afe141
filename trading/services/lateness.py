"""When a command that was written down and never sent is no longer sent: late, it acts against what it was meant for.

Both reasons are sentences for the trader; empty where nothing speaks against sending.
"""

from datetime import datetime, timedelta
from decimal import Decimal

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

# What a trader may decide after a command that lets it mean something else. A close is as right after the market's
# orders were cancelled or margin was added, which only shrink a risk as well; margin put in once more may be the same
# wish.
ORDERING = (CommandKind.ORDER, CommandKind.ORDERS, CommandKind.MODIFY)
AGAINST_A_CLOSE = ORDERING
AGAINST_MARGIN_PUT_IN = (*ORDERING, CommandKind.MARGIN)
AGAINST_ANYTHING_ELSE = tuple(kind for kind in CommandKind if kind is not CommandKind.MOVE)

SINCE = "account_id = %s AND market_id = %s AND nonce > %s AND kind"
LATER, LATER_CHANGES = Statement(Command, f"{SINCE} = ANY(%s) LIMIT 1"), Statement(Command, f"{SINCE} = 'modify'")


def too_old(command: Command, now: datetime) -> str:
    """Why the command may not leave any more by its age."""
    limit = LATEST_RELIEF if command.kind in CANCELLING or _only_protects(command) else LATEST
    return TOO_OLD if now > command.prepared_at + limit else ""


def _only_protects(command: Command) -> bool:
    """Whether its orders are nothing but exits, which name no size of their own in its record."""
    return command.kind == CommandKind.ORDERS and "size" not in command.intent


def overtaken(command: Command) -> str:
    """Why it may not leave by what the trader has decided since in the same market.

    A cancel names orders that nothing later brings back, so only a change that keeps one of them speaks against it.
    What only takes risk away is overtaken by another decision on the position, not by one beside it; collateral that
    moved between books speaks against nothing.
    Nonces tell the order of one account's commands whatever the clocks of the processes say.
    """
    since = command.account_id, command.market_id, command.nonce
    if command.kind in CANCELLING:
        cancelled = names_cancelled(command)
        is_kept = any(change.intent["order"] in cancelled for change in LATER_CHANGES.rows(*since))
        return OVERTAKEN if is_kept else ""
    return OVERTAKEN if LATER.rows(*since, list(_speaking_against(command))) else ""


def _speaking_against(command: Command) -> tuple[CommandKind, ...]:
    asked = command.intent
    if asked.get("reduce_only") == "True" and asked.get("price") == "market" and "trigger" not in asked:
        return AGAINST_A_CLOSE
    if command.kind == CommandKind.MARGIN and Decimal(asked["amount"]) > 0:
        return AGAINST_MARGIN_PUT_IN
    return AGAINST_ANYTHING_ELSE
