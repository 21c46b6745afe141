"""Adding and removing the collateral of one isolated position."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from trading.models import Command, Position, VenueAccount
from trading.models.commands import CommandKind, CommandState
from trading.services.apply_account import CLOCKS_APART
from trading.services.carrying import carry_out
from trading.services.commands import Intent, StillChecking, earlier
from trading.services.history import stands_as_before
from trading.services.looks import try_positions
from trading.services.reconcile import settle_margin_first
from trading.services.storm import refuse_new_risk
from trading.venues.base import Adapter, AdjustMargin


def change_margin(
    adapter: Adapter,
    account: VenueAccount,
    position: Position,
    *,
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
    return carry_out(adapter, account, market, intent)


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
    in it; where it cannot be read, or shows a change less than was accepted, the row counts as old as the venue's clock
    says at the worst."""
    asked = timezone.now()
    is_read = try_positions(adapter, account)
    found = Position.objects.select_related("market").filter(pk=position.pk).first() or position
    is_current = is_read and not _is_behind(found, asked - adapter.settling)
    return found, asked if is_current else min(asked, found.venue_time - CLOCKS_APART)


def _is_behind(position: Position, since: datetime) -> bool:
    """Whether it stands as it did before a change that the venue accepted since then, which it may not show yet."""
    rows = Command.objects.filter(account=position.account_id, market=position.market_id, kind=CommandKind.MARGIN)
    accepted = rows.filter(state=CommandState.ACCEPTED, settled_at__gt=since)
    return any(stands_as_before(position, before) for before in accepted.values_list("before", flat=True))
