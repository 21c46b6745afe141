"""Moving collateral between the books of one account (Hyperliquid 3.9): nothing here can leave the account."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from trading.margin.types import MarginMode
from trading.models import Command, Market, Position, VenueAccount
from trading.models.commands import CommandKind, CommandState
from trading.services.carrying import carry_out
from trading.services.commands import Intent, StillChecking, earlier
from trading.services.looks import try_positions
from trading.services.reconcile import prove
from trading.services.storm import refuse_new_risk
from trading.venues.base import Adapter, MoveCollateral
from trading.venues.errors import InvalidCommand, Reason


def move_collateral(
    adapter: Adapter,
    account: VenueAccount,
    *,
    source: Market,
    target: Market,
    amount: Decimal,
    form_key: UUID,
    form: Mapping[str, str],
) -> Command:
    """Move ``amount`` from the book of one market to that of another, in units of the collateral of both.

    A lost answer is settled by the venue's own record of the transfer, from the moment on that the account was last
    read. Raises ``FormReused`` and ``InvalidCommand``, and ``StillChecking`` while an earlier one between these books
    is not proven.
    """
    if (made := earlier(account, CommandKind.MOVE, form_key, form)) is not None:
        return made
    market = _standing_for(source, target)
    if not _settled(adapter, account, market):
        raise StillChecking
    try_positions(adapter, account)
    account.refresh_from_db()
    if account.venue_time is None:
        raise InvalidCommand("The account has not been read yet. Try again in a moment.", reason=Reason.VENUE_AWAY)
    rules, into = source.rules, target.rules.dex
    intent = Intent(
        kind=CommandKind.MOVE,
        form_key=form_key,
        form=form,
        fields={"source": rules.dex, "target": into, "amount": f"{amount:f}", "collateral": rules.collateral},
        build=lambda _: MoveCollateral(rules.dex, into, rules.token, amount),
        before={"at": account.venue_time.isoformat()},
    )
    if _backs_something(account, source):
        refuse_new_risk(account, intent)
    return carry_out(adapter, account, market, intent)


def _standing_for(source: Market, target: Market) -> Market:
    """The market that a move between two books is filed under: the same whichever way it goes, so that one direction
    waits for the other."""
    deployed = [market for market in (source, target) if market.rules.dex]
    return min(deployed, key=lambda market: market.rules.dex, default=target)


def _settled(adapter: Adapter, account: VenueAccount, market: Market) -> bool:
    """Whether every earlier move between these books is settled, as far as that can be proven now."""
    rows = Command.objects.filter(account=account, market=market, kind=CommandKind.MOVE, state=CommandState.UNKNOWN)
    return all(prove(adapter, command) for command in rows.select_related("account", "market"))


def _backs_something(account: VenueAccount, source: Market) -> bool:
    """Whether cross positions lean on the collateral that is to leave."""
    held = Position.objects.filter(account=account, mode=MarginMode.CROSS).select_related("market")
    return any(position.market.rules.dex == source.rules.dex for position in held)
