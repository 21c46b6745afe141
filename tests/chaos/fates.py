"""How a process leaves a command that it wrote down when it dies: not sent, lost on its way, carried out unheard."""

from trading.models import Command
from trading.services import commands
from trading.venues.base import Adapter

UNSENT, LOST, ARRIVED = FATES = ("unsent", "lost", "arrived")


def leave(adapter: Adapter, command: Command, fate: str) -> bool:
    """Do with a prepared command what that process did with it; False where somebody else has taken it."""
    if fate != UNSENT and not commands._claim(command, ""):
        return False
    if fate == ARRIVED:
        adapter.deliver(commands.as_signed(command))
    return True
