"""What the venue says that an account may use in a market, in the ticket: of accounts that are not standard alone. And
what is set in the market, which the ticket follows where its trader chose nothing else."""

from dataclasses import replace
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from trading.desk import Desk
from trading.forms import OrderForm
from trading.models import Market
from trading.panels.market import freshness
from trading.panels.numbers import money
from trading.panels.view_models import AvailableNote
from trading.services.available import HOLDS_FOR, holds, is_asked_for, last_available

HOLDS_SECONDS = int(HOLDS_FOR.total_seconds())
WAITING = "The venue has not said yet how much this account may use here."


def build_available(desk: Desk, market: Market, found: OrderForm, now: datetime) -> AvailableNote | None:
    """The venue's last answer and its age; without words for a standard account, whose own sums are the truth.

    ``found`` is the ticket as the trader finds it now.
    """
    account = desk.account
    if account is None:
        return None
    note = AvailableNote(mode=found.mode.value, leverage=str(found.leverage))
    if not is_asked_for(account):
        return note
    known = last_available(account, market)
    if known is None:
        return replace(note, text=WAITING)
    setting, spec = known.setting, market.rules
    amounts = [_amount(amount) for amount in (setting.available_to_buy, setting.available_to_sell)]
    text = f"Venue: {amounts[0]} {spec.collateral} available"
    if amounts[0] != amounts[1]:
        text = f"Venue: {amounts[0]} to buy, {amounts[1]} {spec.collateral} to sell"
    if not holds(known, account, now):
        text = f"{text} then: too old to reckon with"
    return replace(note, text=text, freshness=freshness(known.asked_at, now, (HOLDS_SECONDS, HOLDS_SECONDS)))


def _amount(amount: Decimal) -> str:
    return money(amount, rounding=ROUND_FLOOR)
