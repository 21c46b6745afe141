"""What the margin engine makes of an account, beside what the venue says of it.

A price agrees when it is within one part in a million of the venue's, or half a unit of the last digit the venue
printed where that is more. Isolated positions carry all they need. What backs cross positions is not always in the
payload (Hyperliquid rules 3.4, 3.9; Aster rules 4.7), so an account comes with every reading of its collateral that
the payload allows, and with a word on what may lie outside it. A reading counts when it explains everything that the
venue says of the cross positions. Where none does and collateral may lie outside, the venue's own prices tell how much:
a price worked out from that repeats the venue, so it is listed as not knowable, never as agreement. Only prices that no
single sum explains are found to differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from statistics import median_low

from trading.margin.cross import collateral, liquidations
from trading.margin.rounding import decimal_of
from trading.margin.types import Account, AccountMode, Basis, Liquidation, MarginMode, NoLiquidation, Position

PART_IN_A_MILLION = Decimal("1e-6")
_NONE_GIVEN = Liquidation(None, NoLiquidation.VENUE_GIVES_NONE)
_ZERO = Decimal(0)

REASONS = {
    NoLiquidation.COVERED: "No price: the collateral outlasts a fall to zero.",
    NoLiquidation.UNDER_WATER: "No price: no equity is left at any price.",
    NoLiquidation.BEYOND_REACH: "No price: it would lie beyond any price.",
    NoLiquidation.COLLATERAL_OUTSIDE: "Not knowable: the collateral lies outside the payload.",
    NoLiquidation.CONTRADICTORY_PRICES: "Not knowable: the venue's own prices imply different collateral.",
    NoLiquidation.MULTI_ASSET_COLLATERAL: "Not knowable: several assets with haircuts back the account.",
    NoLiquidation.VENUE_GIVES_NONE: "The venue gives no price.",
    NoLiquidation.FLAT: "No price: there is no position.",
}
ANCHORED = "Not knowable: collateral outside the payload backs it, and the venue's own price says how much."
DIFFERS = "The two prices differ by more than the venue's rounding and one part in a million."
ONLY_OURS = "The venue gives no price and ours exists."
ONLY_THEIRS = "The venue gives a price and ours does not exist."


class Verdict(StrEnum):
    """What became of one position."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_KNOWABLE = "not knowable"


class Outside(StrEnum):
    """How much of what backs the cross positions may lie outside the payload."""

    NOTHING = "nothing"
    """One of the readings holds."""
    PERHAPS_MORE = "perhaps_more"
    """A reading holds, or there is more collateral than the payload shows, never less."""
    ANYTHING = "anything"
    """The payload's own figure of equity says nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One position: the venue's price, ours, how far they are apart as a fraction of the venue's, and why if so."""

    market: str
    mode: MarginMode
    verdict: Verdict
    venue_price: Decimal | None = None
    our_price: Decimal | None = None
    relative_difference: Decimal | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AuditedAccount:
    """Positions with their venue's prices, and each reading of their collateral, the likeliest first.

    ``bare`` holds the same positions with the payload's own equity, from which missing collateral is counted.
    """

    bare: Account
    readings: tuple[Account, ...] = ()
    outside: Outside = Outside.NOTHING


def quoted(price: Decimal | None) -> Liquidation:
    """What a venue says of a liquidation price; zero and less are its way to say that there is none."""
    if price is None or decimal_of(price, "liquidation price") <= 0:
        return _NONE_GIVEN
    return Liquidation(price)


def not_knowable(market: str, mode: MarginMode, venue: Liquidation, reason: str) -> Finding:
    """A position that the payload does not say enough about."""
    return Finding(market, mode, Verdict.NOT_KNOWABLE, venue.price, reason=f"Not knowable: {reason}")


def findings(audited: AuditedAccount) -> tuple[Finding, ...]:
    """The finding of every position, in the order of the account."""
    answers = _answers(audited)
    return tuple(_finding(held, ours) for held, ours in zip(audited.bare.positions, answers, strict=True))


def tolerance(venue_price: Decimal) -> Decimal:
    """How far a price may be from the one that the venue printed.

    >>> tolerance(Decimal("5930.78")), tolerance(Decimal("20518.83998788"))
    (Decimal('0.00593078'), Decimal('0.02051883998788'))
    >>> tolerance(Decimal("98240"))
    Decimal('0.5')
    """
    last_digit = Decimal(1).scaleb(int(venue_price.as_tuple().exponent))
    return max(PART_IN_A_MILLION * venue_price, last_digit / 2)


def agrees(ours: Decimal | None, venue_price: Decimal | None) -> bool:
    """Whether both say the same price, or both say that there is none."""
    if ours is None or venue_price is None:
        return ours is venue_price
    return abs(ours - venue_price) <= tolerance(venue_price)


def _finding(held: Position, ours: Liquidation) -> Finding:
    theirs = _venue_price(held)
    agreed = agrees(ours.price, theirs)
    if ours.reason is not None and not ours.reason.is_known:
        return Finding(held.market, held.mode, Verdict.NOT_KNOWABLE, theirs, reason=REASONS[ours.reason])
    if ours.basis is Basis.ANCHORED and agreed:
        reason = REASONS[NoLiquidation.COLLATERAL_OUTSIDE] if theirs is None else ANCHORED
        return Finding(held.market, held.mode, Verdict.NOT_KNOWABLE, theirs, reason=reason)
    if ours.price is None or theirs is None:
        reason = ONLY_OURS if theirs is None else ONLY_THEIRS
        if agreed and ours.reason is not None:
            reason = REASONS[ours.reason]
        verdict = Verdict.AGREES if agreed else Verdict.DIFFERS
        return Finding(held.market, held.mode, verdict, theirs, ours.price, reason=reason)
    apart = abs(ours.price - theirs) / theirs
    if agreed:
        return Finding(held.market, held.mode, Verdict.AGREES, theirs, ours.price, apart)
    return Finding(held.market, held.mode, Verdict.DIFFERS, theirs, ours.price, apart, DIFFERS)


def _venue_price(held: Position) -> Decimal | None:
    return None if held.venue_liquidation is None else held.venue_liquidation.price


def _answers(audited: AuditedAccount) -> tuple[Liquidation, ...]:
    """The engine's prices under the reading that explains what the venue says, or comes nearest to it."""
    readings = [liquidations(account) for account in audited.readings]
    positions = audited.bare.positions
    for answers in readings:
        if _explained(positions, answers) == len(_cross(positions)):
            return answers
    if audited.outside is not Outside.NOTHING:
        implied = liquidations(_anchorable(audited.bare))
        behind = collateral(_anchorable(audited.bare))
        if behind.reason is NoLiquidation.COLLATERAL_OUTSIDE:
            return implied
        if _is_possible(behind.missing, audited.outside) and _explained(positions, implied) == len(_cross(positions)):
            return implied
        readings += _by_majority(audited)
    return max(readings, key=lambda answers: _explained(positions, answers))


def _cross(positions: Sequence[Position]) -> list[Position]:
    return [held for held in positions if held.mode is MarginMode.CROSS]


def _explained(positions: Sequence[Position], answers: Sequence[Liquidation]) -> int:
    """How many cross positions an answer agrees on with the venue."""
    pairs = zip(positions, answers, strict=True)
    return sum(held.mode is MarginMode.CROSS and agrees(ours.price, _venue_price(held)) for held, ours in pairs)


def _is_possible(missing: Decimal, outside: Outside) -> bool:
    return outside is Outside.ANYTHING or missing >= _ZERO


def _anchorable(bare: Account) -> Account:
    """The account as the engine takes one whose collateral only the venue's own prices can tell."""
    return replace(bare, mode=AccountMode.UNIFIED, spot_collateral=None)


def _by_majority(audited: AuditedAccount) -> list[tuple[Liquidation, ...]]:
    """Prices that contradict each other, read by the collateral that the middle one of them implies."""
    bare = _anchorable(audited.bare)
    implied = [
        collateral(_only_anchor(bare, held)).missing
        for held in _cross(bare.positions)
        if _venue_price(held) is not None
    ]
    middle = median_low(implied)
    return [liquidations(replace(bare, outside_collateral=middle))] if _is_possible(middle, audited.outside) else []


def _only_anchor(bare: Account, anchor: Position) -> Account:
    kept = (held if held is anchor else replace(held, venue_liquidation=_NONE_GIVEN) for held in bare.positions)
    return replace(bare, positions=tuple(kept))
