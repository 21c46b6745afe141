"""An account as its venue tells it, for accounts that the margin engine does not work out: both sides of a hedge.

Marks, profit and distance move with the newest prices; liquidation prices are the venue's own.
"""

from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal

from trading.connect import gateway_of
from trading.desk import Desk
from trading.margin.isolated import distance
from trading.margin.liquidation import within_reach
from trading.margin.types import Liquidation, MarginMode, Side
from trading.models import Position, VenueAccount
from trading.panels.liquidation import brief_reason, distance_text, price_value, risk_of
from trading.panels.market import liquidation_text, price_text, tone_of
from trading.panels.numbers import known_money, known_unit, money, percent, short_address
from trading.panels.utilisation import utilisation
from trading.panels.view_models import AccountPanel, Freshness, PositionRow, Risk
from trading.venues.snapshots import Venue

NO_PRICE = "The venue gives no liquidation price for this position."
SEE_VENUE = "the venue's"


def told_row(desk: Desk, row: Position, bare: PositionRow) -> PositionRow:
    """``bare`` with the venue's own figures at the newest mark."""
    spec, mark = row.market.rules, desk.mark(row.market) or row.mark_price
    side = Side.LONG if row.size > 0 else Side.SHORT
    profit, notional = row.size * (mark - row.entry_price), abs(row.size) * mark
    told = within_reach(Liquidation(row.liquidation_price), side, mark)
    price = told.price or None
    away = distance(side, mark, price)
    risk = risk_of(away)
    return replace(
        bare,
        value=money(notional),
        entry=price_text(row.entry_price, spec),
        mark=price_text(mark, spec),
        pnl=money(profit, signed=True),
        pnl_percent=percent(profit / (abs(row.size) * row.entry_price / row.leverage), 1, signed=True),
        pnl_tone=tone_of(profit),
        margin=money(_margin(row, mark, notional), rounding=ROUND_FLOOR),
        liquidation=liquidation_text(price, mark, spec) if price else "",
        liquidation_value=price_value(price, mark, spec),
        liquidation_reason="" if price else brief_reason(told) or NO_PRICE,
        distance=distance_text(side, away),
        risk=risk,
        risk_words=f"{risk.value}, {SEE_VENUE}" if risk is not Risk.NONE else "none",
        add_closed_because="",
        remove_closed_because="",
    )


def _margin(row: Position, mark: Decimal, notional: Decimal) -> Decimal:
    return notional / row.leverage if row.cash is None else row.cash + row.size * mark


def told_account(desk: Desk, account: VenueAccount, fresh: Freshness) -> AccountPanel:
    """The venue's own totals, as old as they say."""
    collateral = gateway_of(Venue(account.venue)).collateral
    locked = (row for row in desk.positions if row.mode == MarginMode.ISOLATED)
    isolated = sum((row.margin for row in locked if row.market.rules.collateral == collateral), Decimal(0))
    usage = utilisation(account.cross_maintenance, account.cross_equity)
    return AccountPanel(
        equity=known_money(account.told_equity),
        free=known_money(account.told_withdrawable),
        isolated_locked=money(isolated, rounding=ROUND_FLOOR),
        cross_usage=usage.text,
        cross_usage_words=usage.words,
        cross_usage_tone=usage.tone,
        collateral=known_unit(account.told_equity, collateral),
        address=short_address(account.address),
        freshness=fresh,
        key=str(account.pk),
    )
