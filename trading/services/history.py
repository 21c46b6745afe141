"""What the venue keeps no list of, written from our own proven commands."""

from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from trading.models import Command, MarginChange, Position, VenueAccount
from trading.models.commands import CommandKind, CommandState


def record_margin_changes(account: VenueAccount, read_from: datetime) -> None:
    """Put every proven margin change of the account on record, whoever proved it; repeats add nothing.

    To be called when the positions were stored as read from ``read_from`` on, by our clock: only a change that was
    settled before then is in them, and its liquidation price afterwards is the venue's.
    """
    proven = Command.objects.filter(
        account=account,
        kind=CommandKind.MARGIN,
        state=CommandState.ACCEPTED,
        margin_change=None,
        settled_at__lt=read_from,
    )
    for command in proven.order_by("prepared_at"):
        position = Position.objects.filter(account=account, market=command.market_id).first()
        MarginChange.objects.get_or_create(
            command=command,
            defaults={
                "account": account,
                "market_id": command.market_id,
                "amount": Decimal(command.intent["amount"]),
                "margin_before": Decimal(command.before["margin"]),
                "liquidation_before": _price(command.before["liquidation"]),
                "liquidation_after": position.liquidation_price if position else None,
                "happened_at": command.settled_at or timezone.now(),
            },
        )


def _price(text: str) -> Decimal | None:
    return Decimal(text) if text else None
