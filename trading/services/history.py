"""What the venue keeps no list of, written from our own proven commands."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from trading.markets import rules_of
from trading.models import Command, MarginChange, Position, VenueAccount
from trading.models.commands import CommandKind, CommandState
from trading.services.apply_account import ROUNDING
from trading.venues.snapshots import Venue


def record_margin_changes(account: VenueAccount, read_from: datetime) -> None:
    """Put every proven margin change of the account on record, whoever proved it; repeats add nothing.

    To be called when the positions were stored as read from ``read_from`` on, by our clock: only a change that was
    settled before then is in them, and its liquidation price afterwards is the venue's. One that was settled just
    before, and that the venue does not show yet, is left to the reading that shows it, and so are all of its market
    that followed: what undoes a change looks as if there had been none, and only both together add up.
    """
    certain_until = read_from - rules_of(Venue(account.venue)).settling
    proven = Command.objects.filter(
        account=account,
        kind=CommandKind.MARGIN,
        state=CommandState.ACCEPTED,
        margin_change=None,
        settled_at__lt=read_from,
    )
    not_shown = set[int]()
    for command in proven.order_by("prepared_at"):
        position = Position.objects.filter(account=account, market=command.market_id).first()
        is_recent = command.settled_at is not None and command.settled_at > certain_until
        if is_recent and position is not None and stands_as_before(position, command.before):
            not_shown.add(command.market_id)
        if command.market_id in not_shown:
            continue
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


def stands_as_before(position: Position, before: Mapping[str, str]) -> bool:
    """Whether a position's collateral is what it was before a margin change, by the state on record with that. Funding
    leaves the cash leg too, and is told beside it (Hyperliquid 3.6)."""
    stands: Decimal = (position.cash or Decimal(0)) + position.funding_since_open
    return abs(stands - Decimal(before["cash"]) - Decimal(before["funding"])) <= ROUNDING


def _price(text: str) -> Decimal | None:
    return Decimal(text) if text else None
