"""Adding and removing the collateral of one isolated position."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from trading.models import Command, Position, VenueAccount
from trading.models.commands import CommandKind
from trading.services.apply_account import CLOCKS_APART
from trading.services.commands import Intent, StillChecking, earlier, prepare, submit
from trading.services.reconcile import settle_margin_first
from trading.services.storm import refuse_new_risk
from trading.services.sync import sync_after_command, sync_positions
from trading.venues.base import Adapter, AdjustMargin


def change_margin(
    adapter: Adapter,
    account: VenueAccount,
    position: Position,
    amount: Decimal,
    form_key: UUID,
    form: Mapping[str, str] | None = None,
) -> Command:
    """Move ``amount`` into the position (positive) or out of it (negative), in units of the collateral.

    ``form`` is what the trader said, where that was not the amount itself: a liquidation price, say.

    The state before is kept with the command: the venue gives margin changes no id of their own, so a lost answer is
    settled by comparing the cash leg (Hyperliquid 3.3). Raises ``FormReused`` and ``InvalidCommand``, and of a removal
    ``StillChecking`` while an earlier change of this position is not proven. An addition never waits for one: both
    count if both are carried out.
    """
    said = form or {"position": str(position.pk), "amount": f"{amount:f}"}
    if (made := earlier(account, CommandKind.MARGIN, form_key, said)) is not None:
        return made
    if amount < 0 and not settle_margin_first(adapter, account, position.market):
        raise StillChecking
    position, asked = _as_the_venue_has_it(adapter, account, position)
    market = position.market
    intent = Intent(
        kind=CommandKind.MARGIN,
        form_key=form_key,
        form=said,
        fields={"market": market.name, "amount": f"{amount:f}"},
        build=lambda name: AdjustMargin(market.rules, position.size > 0, amount, name()),
        before=_state(position) | {"asked": asked.isoformat()},
    )
    if amount < 0:
        refuse_new_risk(account, intent)
    command, is_new = prepare(adapter, account, market, intent)
    if is_new:
        command = submit(adapter, command)
        sync_after_command(adapter, account, command)
    return command


def _state(position: Position) -> dict[str, str]:
    """The position as it goes on record."""
    return {
        "cash": f"{position.cash:f}",
        "size": f"{position.size.normalize():f}",
        "funding": f"{position.funding_since_open:f}",
        "margin": f"{position.margin:f}",
        "liquidation": "" if position.liquidation_price is None else f"{position.liquidation_price:f}",
        "at": position.venue_time.isoformat(),
    }


def _as_the_venue_has_it(adapter: Adapter, account: VenueAccount, position: Position) -> tuple[Position, datetime]:
    """The position read again, so that a later proof compares with what really was, and a moment after which nothing is
    in it; where it cannot be read, the old row, which is as old as the venue's clock says."""
    asked = timezone.now()
    is_read = sync_positions(adapter, account)
    found = Position.objects.select_related("market").filter(pk=position.pk).first() or position
    return found, asked if is_read else min(asked, found.venue_time - CLOCKS_APART)
