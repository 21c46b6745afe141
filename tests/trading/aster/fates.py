"""What became of a trader's commands: lost on the way, left behind by a process that died, proven, read."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from tests.trading.aster.people import AsterTrader
from tests.trading.tickets import ticket
from trading.connect import account_adapter, trading_adapter
from trading.models import Command
from trading.models.commands import CommandState
from trading.services.commands import prepare, submit
from trading.services.drafts import Exits, OrderTicket
from trading.services.intents import order_intent
from trading.services.readings import EVERYTHING
from trading.services.reconcile import prove
from trading.services.sync import sync_account
from trading.services.totals import MoneyTotals, money_totals
from trading.venues.base import OpenOrder


def entry(exits: Exits) -> OrderTicket:
    """A market order with exits tied to it."""
    return ticket(exits=exits, mark=Decimal(86000))


def left_behind(trader: AsterTrader) -> Command:
    """A filled entry whose process died before it wrote its exits down."""
    trader.order()
    adapter = trading_adapter(trader.account)
    intent = order_intent(adapter, trader.market, entry(Exits(Decimal(90000), Decimal(80000))))
    command, _ = prepare(adapter, trader.account, trader.market, intent)
    return submit(adapter, command)


def at_venue(trader: AsterTrader) -> tuple[OpenOrder, ...]:
    """The orders that rest at the venue."""
    orders: tuple[OpenOrder, ...] = trading_adapter(trader.account).open_orders(trader.address)
    return orders


def settled_at(command: Command) -> datetime:
    """When the command came to its end."""
    assert command.settled_at is not None
    return command.settled_at


def lose_an_order(trader: AsterTrader, fault: str) -> Command:
    """An order that the venue's answer to did not arrive, or that did not arrive itself."""
    trader.sandbox.fault(fault, "POST order")
    trader.order()
    trader.sandbox.clear_faults()
    command: Command = Command.objects.latest("prepared_at")
    assert (command.kind, command.state) == ("order", CommandState.UNKNOWN)
    return command


def proven_after_its_end(trader: AsterTrader, command: Command) -> bool:
    """The proof once the command's bytes can do nothing any more."""
    Command.objects.filter(pk=command.pk).update(dead_at=timezone.now() - timedelta(minutes=1))
    command.refresh_from_db()
    return prove(account_adapter(command.account), command)


def everything(trader: AsterTrader) -> MoneyTotals:
    """Read all there is, twice; the account's money."""
    for _ in range(2):
        assert sync_account(trading_adapter(trader.account), trader.account, EVERYTHING)
    totals = money_totals(trader.account)
    assert totals is not None
    return totals
