"""How a fill changes a position, and what it moves between its bucket and the free collateral.

With signed fill size Δ at price f, mark m, leverage L, and cash leg C of an isolated bucket:

    open or add     C' = C + |Δ| · p / L − fee − Δ · f       p = m (Hyperliquid) or f (Aster); only Δ is margined
    reduce by q     C' = (1 − q) · C − fee,  q · (C + size · f) is released
    close           C + size · f − fee is released
    flip            close, then open the rest

A cross position has no bucket: the equity of the cross account changes by Δ · (m − f) − fee.

Sources: Hyperliquid rules 3.3; Aster rules 4.2, 4.9 and 3.6 (realised profit and released margin follow the share
that is closed). The opening fee leaves the bucket on both venues; on Aster that is known from the engine's family only.

>>> from trading.margin.rules import HYPERLIQUID
>>> from trading.margin.types import TierTable
>>> hype = Fill(Decimal("2"), Decimal("37.829"), Decimal("37.829"), 10, Decimal("0.034046"))
>>> terms = MarketTerms("HYPE", TierTable.single(10), HYPERLIQUID)
>>> opened = after_fill(None, hype, terms, MarginMode.ISOLATED)
>>> opened.position.collateral, opened.taken
(Decimal('7.531754'), Decimal('7.5658'))
>>> half = Fill(Decimal("-1"), Decimal("37.829"), Decimal("37.829"), 10, Decimal(0))
>>> after_fill(opened.position, half, terms, MarginMode.ISOLATED).released
Decimal('3.7658770')
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from trading.margin.quotes import Fill, MarketTerms, OrderEffect
from trading.margin.rules import MarginPrice, MarginRules
from trading.margin.types import MarginMode, Position

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The position after a fill (None when flat), and the money that moved between it and the cross account.

    `taken` and `released` pass between bucket and cross account; `gain` is what a cross fill earns against the mark;
    `fee_outside` is paid by the cross account where there is no bucket.
    """

    position: Position | None
    taken: Decimal = _ZERO
    released: Decimal = _ZERO
    gain: Decimal = _ZERO
    fee_outside: Decimal = _ZERO

    @property
    def equity_change(self) -> Decimal:
        """What the equity of the cross account gains."""
        return self.released + self.gain - self.taken - self.fee_outside


def effect_of(held: Position | None, size: Decimal) -> OrderEffect:
    """What a signed order size does to the position held."""
    if held is None:
        return OrderEffect.OPENS
    if (held.size > 0) == (size > 0):
        return OrderEffect.ADDS
    if abs(size) == abs(held.size):
        return OrderEffect.CLOSES
    return OrderEffect.REDUCES if abs(size) < abs(held.size) else OrderEffect.FLIPS


def increase_of(held: Position | None, size: Decimal) -> Decimal:
    """The signed part of an order that opens new exposure."""
    effect = effect_of(held, size)
    if effect is OrderEffect.FLIPS and held is not None:
        return held.size + size
    return size if effect in (OrderEffect.OPENS, OrderEffect.ADDS) else _ZERO


def after_fill(held: Position | None, fill: Fill, terms: MarketTerms, mode: MarginMode) -> Outcome:
    """The position and the money after a fill; `held` is the position in that market, if any."""
    if held is None:
        return _open(fill, terms, mode)
    effect = effect_of(held, fill.size)
    if effect is OrderEffect.ADDS:
        return _increase(held, fill, terms.rules)
    if effect in (OrderEffect.REDUCES, OrderEffect.CLOSES):
        return _reduce(held, fill)
    closed = _reduce(held, fill.part(-held.size))
    opened = after_fill(None, fill.part(fill.size + held.size), terms, mode)
    return replace(
        opened,
        released=closed.released,
        gain=closed.gain + opened.gain,
        fee_outside=closed.fee_outside + opened.fee_outside,
    )


def _open(fill: Fill, terms: MarketTerms, mode: MarginMode) -> Outcome:
    if mode is MarginMode.CROSS:
        return _cross(_new(fill, terms, mode), fill)
    margin = _given(fill, terms.rules)
    bucket = _new(fill, terms, mode, margin - fill.size * fill.price - fill.fee)
    return Outcome(bucket, taken=margin)


def _new(fill: Fill, terms: MarketTerms, mode: MarginMode, cash: Decimal | None = None) -> Position:
    return Position(
        terms.market,
        fill.size,
        fill.price,
        fill.mark_price,
        mode,
        fill.leverage,
        terms.tiers,
        cash=cash,
        restriction=terms.restriction,
    )


def _increase(held: Position, fill: Fill, rules: MarginRules) -> Outcome:
    size = held.size + fill.size
    entry = (held.entry_price * held.size + fill.price * fill.size) / size
    if held.mode is MarginMode.CROSS:
        return _cross(_grown(held, size, entry, fill), fill)
    margin = _given(fill, rules)
    bucket = _grown(held, size, entry, fill, held.bucket - fill.size * fill.price + margin - fill.fee)
    return Outcome(bucket, taken=margin)


def _given(fill: Fill, rules: MarginRules) -> Decimal:
    """The margin that a bucket is given for a fill, of which it pays the fee."""
    price = fill.mark_price if rules.margin_price is MarginPrice.MARK else fill.price
    return rules.initial_margin(abs(fill.size) * price, fill.leverage)


def _grown(held: Position, size: Decimal, entry: Decimal, fill: Fill, cash: Decimal | None = None) -> Position:
    return replace(held, size=size, entry_price=entry, mark_price=fill.mark_price, leverage=fill.leverage, cash=cash)


def _reduce(held: Position, fill: Fill) -> Outcome:
    left = held.size + fill.size
    shrunk = replace(held, size=left, mark_price=fill.mark_price) if left != 0 else None
    if held.mode is MarginMode.CROSS:
        return _cross(shrunk, fill)
    value = held.bucket + held.size * fill.price
    if shrunk is None:
        return Outcome(None, released=max(_ZERO, value - fill.fee))
    share = left / held.size
    return Outcome(replace(shrunk, cash=held.bucket * share - fill.fee), released=value * (1 - share))


def _cross(position: Position | None, fill: Fill) -> Outcome:
    return Outcome(position, gain=fill.size * (fill.mark_price - fill.price), fee_outside=fill.fee)
