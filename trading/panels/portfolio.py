"""A trader's accounts side by side: what they are worth together, and every position and order of all of them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal
from typing import TypeVar

from trading.balances import balances_of, worth
from trading.connect import gateway_of
from trading.desk import NO_FIGURES, Desk
from trading.models import Command, Fill, MarginChange
from trading.panels.history import build_account, build_fills, build_margin_changes
from trading.panels.numbers import money
from trading.panels.orders import build_orders
from trading.panels.positions import build_positions
from trading.panels.view_models import (
    AccountPanel,
    FillRow,
    MarginChangeRow,
    OrderRow,
    PositionsPanel,
    VenueBalance,
)
from trading.past import recent_fills, recent_margin_changes
from trading.portfolio import accounts_of
from trading.venues.base import Venue

CENT = Decimal("0.01")
TOTAL_NOTE = "{} counted as one dollar each."
UNREAD = "One of the accounts has not been read."
UNTOLD = "What one of the accounts is worth cannot be known from what its venue tells."


def build_portfolio(desk: Desk, desks: Sequence[Desk], offered: Collection[Venue]) -> AccountPanel:
    """The account at one venue in four numbers, and beside it all accounts of the trader and their total.

    ``desk`` is the venue's whose market is open, ``desks`` those of all his accounts. ``offered`` venues without an
    account are listed with the way to one.
    """
    panel = build_account(desk)
    held = {one.venue: one for one in desks if one.account is not None and one.venue is not None}
    venues = list(dict.fromkeys([*offered, *held]))
    if len(venues) < 2:
        return panel
    rows = tuple(_balance(held[venue]) if venue in held else _missing(venue) for venue in venues)
    total, unit, note = _total(list(held.values()))
    return replace(
        panel,
        venue=_label(desk.venue),
        venue_id=desk.venue or "",
        venues=rows,
        total=total,
        total_unit=unit,
        total_note=note,
    )


def _label(venue: Venue | None) -> str:
    return gateway_of(venue).label if venue else ""


def _balance(desk: Desk) -> VenueBalance:
    panel, account = build_account(desk), desk.account
    if account is None or desk.venue is None:
        raise ValueError("a balance is an account's")
    return VenueBalance(
        key=str(account.pk),
        venue=desk.venue.value,
        label=_label(desk.venue),
        equity=panel.equity,
        collateral=panel.collateral,
        freshness=panel.freshness,
        problem=panel.problem,
    )


def _missing(venue: Venue) -> VenueBalance:
    return VenueBalance(venue=venue.value, label=_label(venue), problem="Not connected")


def _total(desks: Sequence[Desk]) -> tuple[str, str, str]:
    """The equity of all accounts, its unit, and what was counted as what; not known where one of them is not."""
    if len(desks) < 2:
        return "", "", ""
    amounts = [equity_of(desk) for desk in desks]
    known = [amount for amount in amounts if amount is not None]
    coins = list(dict.fromkeys(gateway_of(desk.venue).collateral for desk in desks if desk.venue))
    if len(known) < len(amounts):
        is_unread = any(desk.account is None or desk.account.synced_at is None for desk in desks)
        return "not known", "", UNREAD if is_unread else UNTOLD
    # The sum of what stands beside it, to the cent.
    total = sum((amount.quantize(CENT, ROUND_FLOOR) for amount in known), Decimal(0))
    return money(total), "USD", TOTAL_NOTE.format(" and ".join(coins))


def equity_of(desk: Desk) -> Decimal | None:
    """What an account is worth in its venue's collateral at the newest marks, isolated positions and all books
    included; None where it cannot be known."""
    if desk.account is None or desk.account.synced_at is None:
        return None
    if desk.account.hedge_mode or desk.account.told_equity is None:
        return desk.account.told_equity
    try:
        return worth(balances_of(desk, desk.account))
    except NO_FIGURES:
        return None


def build_portfolio_positions(desks: Sequence[Desk], unsettled: Sequence[Command] = ()) -> PositionsPanel:
    """The positions of every account, one panel each; the first carries the others."""
    panels = [build_positions(desk, unsettled) for desk in desks]
    if len(panels) == 1:
        return panels[0]
    marked = [_marked(panel, _label(desk.venue)) for panel, desk in zip(panels, desks, strict=True)]
    return replace(marked[0], others=tuple(marked[1:]))


def _marked(panel: PositionsPanel, venue: str) -> PositionsPanel:
    return replace(panel, venue=venue, rows=tuple(replace(row, venue=venue) for row in panel.rows))


def build_portfolio_orders(desks: Sequence[Desk]) -> tuple[OrderRow, ...]:
    """The resting orders of every account, marked with their venue where there are several."""
    rows = [(desk, row) for desk in desks for row in build_orders(desk)]
    if len(desks) == 1:
        return tuple(row for _, row in rows)
    return tuple(replace(row, venue=_label(desk.venue)) for desk, row in rows)


def build_portfolio_fills(desks: Sequence[Desk]) -> tuple[FillRow, ...]:
    """The newest executions of every account."""
    fills = recent_fills(accounts_of(desks))
    return _with_venues(build_fills(fills), fills, desks)


def build_portfolio_margin_changes(desks: Sequence[Desk]) -> tuple[MarginChangeRow, ...]:
    """The newest margin changes of every account."""
    changes = recent_margin_changes(accounts_of(desks))
    return _with_venues(build_margin_changes(changes), changes, desks)


Row = TypeVar("Row", FillRow, MarginChangeRow)


def _with_venues(rows: tuple[Row, ...], told: Sequence[Fill | MarginChange], desks: Sequence[Desk]) -> tuple[Row, ...]:
    """Rows marked with the venue of what they tell, where there are several."""
    if len(desks) == 1:
        return rows
    return tuple(replace(row, venue=_label(Venue(one.market.venue))) for row, one in zip(rows, told, strict=True))
