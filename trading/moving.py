"""From what a trader typed to the collateral that is moved: an amount, or the liquidation price he wants.

A wanted price or distance is answered by the engine's inverse (``margin.inverse``), rounded up to the cent: what is
added never falls short of it, and what is taken out never goes beyond it.
"""

from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

from trading.desk import NO_FIGURES, Desk
from trading.forms import Unreadable, read_number
from trading.holdings import market_terms
from trading.margin.changes import preview_margin_change
from trading.margin.errors import MarginInputError
from trading.margin.inverse import margin_for_distance, margin_for_price
from trading.margin.quotes import MarginChange, Preview
from trading.margin.types import Position as Held
from trading.models import Position
from trading.panels.numbers import plain

AMOUNT_DECIMALS = 2
CENT = Decimal("0.01")


class Direction(StrEnum):
    """Which way collateral moves, or that a price decides it."""

    ADD = "add"
    REMOVE = "remove"
    PRICE = "price"


def signed_amount(desk: Desk, row: Position, direction: Direction, amount: str, target: str) -> Decimal | None:
    """What is moved: above zero into the position, below zero out of it; None where nothing is typed.

    Raises ``Unreadable`` with the sentence for the field, and what the engine raises where the rows make no sense.
    """
    if direction is Direction.PRICE:
        return _amount_for(desk, row, target) if target else None
    if not amount:
        return None
    unsigned = read_number(amount, "The amount", AMOUNT_DECIMALS)
    return unsigned if direction is Direction.ADD else -unsigned


def _amount_for(desk: Desk, row: Position, target: str) -> Decimal:
    held = desk.engine_in(row.market).position(row.market.rules.name)
    if held is None:
        raise Unreadable("There is no such position any more.")
    is_distance = target.endswith("%")
    wanted = read_number(target.rstrip("%"), "The distance" if is_distance else "The price")
    try:
        exact = margin_for_distance(held, wanted / 100) if is_distance else margin_for_price(held, wanted)
    except MarginInputError:
        raise Unreadable(_out_of_reach(held)) from None
    amount = exact.quantize(CENT, ROUND_CEILING)
    if not amount:
        raise Unreadable("Liquidation is there already: nothing has to be moved.")
    return amount


def _out_of_reach(held: Held) -> str:
    side, where = held.side.value, "below" if held.side.sign > 0 else "above"
    return f"A {side} is liquidated {where} the mark of {plain(held.mark_price)}. Choose a price {where} it."


def unmoved(desk: Desk, row: Position) -> Preview | None:
    """The position as it is, with its bounds: the smallest amount that can be moved stands for none.

    None where no figure may be computed.
    """
    terms = market_terms(row.market.rules)
    try:
        preview = preview_margin_change(desk.engine_in(row.market), MarginChange(terms, terms.rules.margin_step))
    except NO_FIGURES:
        return None
    return replace(preview, after=preview.before, free_after=preview.free_before, refusals=())


def preview_move(desk: Desk, row: Position, amount: Decimal) -> Preview:
    """What moving the signed amount does."""
    return preview_margin_change(desk.engine_in(row.market), MarginChange(market_terms(row.market.rules), amount))


def refusal_of(desk: Desk, row: Position, direction: Direction, amount: Decimal, preview: Preview) -> str:
    """Why the amount cannot be moved, with the most that can, or the farthest price to be had; empty if it can."""
    if not preview.refusals:
        return ""
    refusal, collateral = preview.refusals[0], row.market.rules.collateral
    if refusal.bound is None:
        return refusal.reason
    most = max(Decimal(0), refusal.bound).quantize(CENT, "ROUND_FLOOR")
    moved = f"{plain(abs(amount))} {collateral}"
    if direction is not Direction.PRICE or not most:
        return f"{moved} is more than can be moved: {plain(most)} is the most. {refusal.reason}"
    reach = preview_move(desk, row, most.copy_sign(amount)).after
    price = reach.liquidation.price if reach else None
    verb = "added" if amount > 0 else "taken out"
    farthest = "" if price is None else f", which puts liquidation at about {plain(round(price, 2))}"
    return f"That takes {moved}, but only {plain(most)} can be {verb}{farthest}. {refusal.reason}"
