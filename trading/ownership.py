"""Rows that a trader names by their number: his own, or else they do not exist (``Http404``)."""

from uuid import UUID

from django.shortcuts import get_object_or_404

from tenants.models import User
from trading.models import Command, Order, Position


def position_of(trader: User, position_id: int) -> Position:
    """One of the positions that a trader's pages show."""
    rows = Position.objects.filter(account__trader=trader, account__is_current=True)
    found: Position = get_object_or_404(rows.select_related("market", "account"), pk=position_id)
    return found


def order_of(trader: User, order_id: int) -> Order:
    """One of the orders that a trader's pages show."""
    rows = Order.objects.filter(account__trader=trader, account__is_current=True)
    found: Order = get_object_or_404(rows.select_related("market", "account"), pk=order_id)
    return found


def command_of(trader: User, command_id: UUID) -> Command:
    """One of the trader's own commands."""
    rows = Command.objects.filter(account__trader=trader).select_related("market", "account")
    found: Command = get_object_or_404(rows, pk=command_id)
    return found
