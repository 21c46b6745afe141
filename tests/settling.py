"""What a worker does with one command that it takes up."""

from uuid import UUID

from tenants.scope import operator_scope
from trading.models import Command
from trading.tasks.commands import bring_on


def settle_command(operator_id: int, command_id: str) -> None:
    """Bring a command on as it stands, whenever it is due."""
    with operator_scope(operator_id):
        bring_on(Command.objects.select_related("account", "market").get(pk=UUID(command_id)))
