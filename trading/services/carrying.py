"""Doing what a trader asks for: written down, sent once, and what it left read at once."""

from trading.models import Command, Market, VenueAccount
from trading.services.commands import Intent, prepare, submit
from trading.services.reconcile import settle_margin_first
from trading.services.sync import sync_after_command
from trading.venues.base import Adapter


def carry_out(adapter: Adapter, account: VenueAccount, market: Market, intent: Intent) -> Command:
    """The intent's command, as it stands after it was sent. A repeat of its form sends nothing.

    What may add to a position waits until an earlier change of its margin is settled, as far as that can be proven now;
    closing and cancelling wait for nothing. Raises ``FormReused``, ``InvalidCommand`` and ``StillChecking``.
    """
    if intent.may_add:
        settle_margin_first(adapter, account, market)
    command, is_new = prepare(adapter, account, market, intent)
    if is_new:
        command = submit(adapter, command)
        sync_after_command(adapter, account, command)
    return command
