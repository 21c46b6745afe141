"""The cross account: its collateral, its maintenance, what is free, and every liquidation price in one pass.

With E the equity of the cross account at the present marks and MM(i) the maintenance of position i:

    free collateral = E − Σ initial margin − margin reserved by resting orders
    cash leg behind position i = E − q(i) · m(i) − Σ MM(j), j ≠ i        then as in `liquidation.py`

The marks of all other positions are taken to stand still, and the set leverage does not enter. Isolated positions have
buckets of their own: they never enter a sum here.

Collateral is data (Hyperliquid rules 3.4, 3.9). A standard account's equity is the venue's figure. In a unified account
it is the spot balance less the isolated buckets. Otherwise it is *anchored*: each liquidation price that the venue
gives implies one equity, and it must be the same for every position. Where nothing tells, there is no price.

Sources: Hyperliquid rules 2.3, 3.2, 3.4, 3.9; Aster rules 4.3, 4.7 (E = cross wallet + Σ cross profit).

>>> from trading.margin.rules import HYPERLIQUID
>>> from trading.margin.types import MarginMode, TierTable
>>> held = Position("BTC", Decimal("0.00496"), Decimal("111900"), Decimal("111836"), MarginMode.CROSS, 20,
...                 TierTable.single(40))
>>> account = Account.of([held], Decimal("462.860761"))
>>> maintenance(account)
Decimal('6.933832000')
>>> liquidations(account)[0].price.quantize(Decimal("1e-9"))
Decimal('18751.694365047')
>>> state_of(account).free_collateral(HYPERLIQUID)
Decimal('435.125433')
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from trading.margin.isolated import Bound, BoundRule
from trading.margin.isolated import liquidation as isolated_liquidation
from trading.margin.liquidation import cash_for_liquidation, liquidation_from_cash
from trading.margin.rounding import positive, removable_down, without_dust
from trading.margin.rules import MarginRules
from trading.margin.types import Account, AccountMode, Basis, Liquidation, MarginMode, NoLiquidation, Position

_ZERO = Decimal(0)
_CROSS = MarginMode.CROSS
# The venue's printed price carries some twelve significant figures; two anchors agree within a millionth of notional.
ANCHOR_TOLERANCE = Decimal("1e-6")


@dataclass(frozen=True, slots=True)
class CrossCollateral:
    """The equity behind the cross positions, and how it is known; `missing` is what the payload's own equity lacks."""

    equity: Decimal | None
    basis: Basis = Basis.OWN
    reason: NoLiquidation | None = None
    missing: Decimal = _ZERO


@dataclass(frozen=True, slots=True)
class CrossState:
    """An account at one moment of a preview: `moved` is the cross equity gained or lost since the venue's snapshot."""

    account: Account
    collateral: CrossCollateral
    positions: tuple[Position, ...]
    moved: Decimal = _ZERO

    @property
    def equity(self) -> Decimal | None:
        """Equity of the cross account now; None when not knowable."""
        return None if self.collateral.equity is None else self.collateral.equity + self.moved

    @property
    def maintenance(self) -> Decimal:
        """Maintenance of all cross positions, those included that the venue counts but does not list."""
        return _maintenance_of(self.positions) + _unlisted_maintenance(self.account)

    def initial_margin(self, rules: MarginRules) -> Decimal:
        """Initial margin of all cross positions at the mark."""
        listed = _initial_margin_of(self.positions, rules)
        if self.account.cross_initial_margin is None:
            return listed
        return listed + self.account.cross_initial_margin - _initial_margin_of(self.account.positions, rules)

    def free_collateral(self, rules: MarginRules) -> Decimal | None:
        """What new positions and transfers may use, below zero where nothing is left; None when not knowable."""
        if self.account.available is not None:
            tied = _initial_margin_of(self.positions, rules) - _initial_margin_of(self.account.positions, rules)
            return self.account.available + self.moved - tied
        if self.equity is None:
            return None
        return self.equity - self.initial_margin(rules) - self.account.order_margin

    def with_position(self, market: str, position: Position | None, equity_change: Decimal) -> "CrossState":
        """The state after one market's position became `position` and the cross equity changed."""
        others = tuple(held for held in self.positions if held.market != market)
        kept = others if position is None else (*others, position)
        return replace(self, positions=kept, moved=self.moved + equity_change)

    def position(self, market: str) -> Position | None:
        """The position in a market, if there is one."""
        return next((held for held in self.positions if held.market == market), None)

    def at_mark(self, market: str, mark_price: Decimal) -> "CrossState":
        """The state after the mark of one market moved; only its own position notices."""
        held = self.position(market)
        if held is None or held.mark_price == mark_price:
            return self
        gain = held.size * (mark_price - held.mark_price) if held.mode is _CROSS else _ZERO
        return self.with_position(market, replace(held, mark_price=mark_price), gain)


def state_of(account: Account) -> CrossState:
    """The account as the start of a preview."""
    return CrossState(account, collateral(account), account.positions)


def maintenance(account: Account) -> Decimal:
    """Maintenance margin of the cross positions; isolated ones contribute nothing (Hyperliquid rules 2.3)."""
    given = account.cross_maintenance
    return _maintenance_of(account.positions) if given is None else given


def collateral(account: Account) -> CrossCollateral:
    """The equity behind the cross positions of an account, by the mode of the account."""
    mode = account.mode
    if mode is AccountMode.STANDARD:
        return CrossCollateral(account.cross_equity)
    if account.outside_collateral is not None:
        missing = account.outside_collateral
        return CrossCollateral(account.cross_equity + missing, Basis.ANCHORED, missing=missing)
    if mode is AccountMode.MULTI_ASSET:
        return CrossCollateral(None, reason=NoLiquidation.MULTI_ASSET_COLLATERAL)
    if mode is AccountMode.UNIFIED and account.spot_collateral is not None:
        buckets = sum((held.equity for held in account.of_mode(MarginMode.ISOLATED)), _ZERO)
        equity = account.spot_collateral - buckets
        return CrossCollateral(equity, Basis.SPOT, missing=equity - account.cross_equity)
    if mode is AccountMode.UNKNOWN and _venue_agrees(account):
        return CrossCollateral(account.cross_equity)
    return _anchored(account)


def liquidations(account: Account) -> tuple[Liquidation, ...]:
    """The liquidation price of every position, isolated and cross, in the order of the account's positions."""
    return _liquidations(account.positions, collateral(account), _unlisted_maintenance(account))


def liquidations_in(state: CrossState) -> dict[str, Liquidation]:
    """The liquidation price of every position of a preview's state, by market."""
    behind = replace(state.collateral, equity=state.equity)
    prices = _liquidations(state.positions, behind, _unlisted_maintenance(state.account))
    return {held.market: price for held, price in zip(state.positions, prices, strict=True)}


def _liquidations(held_in: tuple[Position, ...], behind: CrossCollateral, unlisted: Decimal) -> tuple[Liquidation, ...]:
    basis = behind.basis
    if behind.equity is None:
        absent = Liquidation(None, behind.reason, basis)
        return tuple(absent if held.cash is None else isolated_liquidation(held) for held in held_in)
    spare, rows = behind.equity - unlisted, []
    for held in held_in:
        backing = held.cash
        if backing is None:
            value = held.size * held.mark_price
            kept = held.tiers.maintenance(abs(value))
            spare -= kept
            backing = kept - value
        rows.append((held, backing))
    return tuple(
        liquidation_from_cash(held.size, spare + backing, held.tiers, basis)
        if held.cash is None
        else liquidation_from_cash(held.size, backing, held.tiers)
        for held, backing in rows
    )


def _unlisted_maintenance(account: Account) -> Decimal:
    """What the venue counts beyond the positions listed here."""
    given = account.cross_maintenance
    return _ZERO if given is None else given - _maintenance_of(account.positions)


def _maintenance_of(positions: tuple[Position, ...]) -> Decimal:
    return sum((held.maintenance for held in positions if held.mode is _CROSS), _ZERO)


def _initial_margin_of(positions: tuple[Position, ...], rules: MarginRules) -> Decimal:
    return sum((rules.initial_margin(held.notional, held.leverage) for held in positions if held.mode is _CROSS), _ZERO)


def _venue_agrees(account: Account) -> bool:
    """Whether the payload's own equity explains every price, and every absence of one, that the venue gives."""
    own = CrossCollateral(account.cross_equity)
    prices = _liquidations(account.positions, own, _unlisted_maintenance(account))
    pairs = [
        (ours.price, held.venue_liquidation)
        for held, ours in zip(account.positions, prices, strict=True)
        if held.mode is _CROSS
    ]
    return all(theirs is not None and _same_price(ours, theirs.price) for ours, theirs in pairs)


def _same_price(ours: Decimal | None, theirs: Decimal | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return abs(ours - theirs) <= ANCHOR_TOLERANCE * theirs


def _anchored(account: Account) -> CrossCollateral:
    """The one equity that all of the venue's own cross prices imply (Hyperliquid rules 3.4)."""
    implied = [anchor for held in account.positions if (anchor := _anchor(held, maintenance(account))) is not None]
    if not implied:
        return CrossCollateral(None, reason=NoLiquidation.COLLATERAL_OUTSIDE)
    equity, doubt = min(implied, key=lambda anchor: anchor[1])
    if any(abs(other - equity) > doubt + margin for other, margin in implied):
        return CrossCollateral(None, reason=NoLiquidation.CONTRADICTORY_PRICES)
    return CrossCollateral(equity, Basis.ANCHORED, missing=equity - account.cross_equity)


def _anchor(held: Position, total_maintenance: Decimal) -> tuple[Decimal, Decimal] | None:
    """The equity that makes the venue's price of one cross position true, and how far it may be off."""
    quoted = held.venue_liquidation
    if held.mode is not _CROSS or quoted is None or quoted.price is None:
        return None
    price = positive(quoted.price, "venue_liquidation")
    cash = cash_for_liquidation(held.size, price, held.tiers)
    equity = cash + held.size * held.mark_price + total_maintenance - held.maintenance
    return equity, ANCHOR_TOLERANCE * abs(held.size) * price


def addable(state: CrossState, rules: MarginRules) -> Bound:
    """How much collateral may be added to an isolated position (Hyperliquid rules 3.7, Aster rules 4.6)."""
    free = state.free_collateral(rules)
    if free is None:
        reason = "The free collateral of this account lies outside what is known here; the venue decides."
        return Bound(None, BoundRule.NOT_KNOWABLE, reason)
    amount, rule = free, BoundRule.FREE_COLLATERAL
    if rules.adding_keeps_cross_maintenance and state.equity is not None:
        profit = sum((held.unrealised_profit for held in state.positions if held.mode is _CROSS), _ZERO)
        wallet = state.equity - profit - state.account.isolated_order_margin - state.maintenance
        if wallet < amount:
            amount, rule = wallet, BoundRule.CROSS_MAINTENANCE
    return Bound(removable_down(max(_ZERO, amount), rules.margin_step), rule, rules.adding_reason)


def remarked(account: Account, marks: Mapping[str, Decimal]) -> Account:
    """The account at other marks: cross equity moves with its positions, isolated cash legs stay.

    Markets without a mark keep theirs. What the venue's own prices imply is settled before the marks move, because
    those prices belong to the old marks.
    """
    gains = {held.market: _gain(held, marks) for held in account.positions}
    cross_gain = sum((gains[held.market] for held in account.of_mode(_CROSS)), _ZERO)
    behind, spot = collateral(account), account.spot_collateral
    is_anchored = behind.basis is Basis.ANCHORED and behind.equity is not None
    return replace(
        account,
        positions=tuple(_at(held, marks) for held in account.positions),
        cross_equity=without_dust(account.cross_equity + cross_gain),
        spot_collateral=None if spot is None else without_dust(spot + sum(gains.values())),
        outside_collateral=without_dust(behind.missing) if is_anchored else None,
        mode=AccountMode.STANDARD if _own_equity_holds(account, behind) else account.mode,
    )


def _at(held: Position, marks: Mapping[str, Decimal]) -> Position:
    mark = positive(marks.get(held.market, held.mark_price), "mark_price")
    return replace(held, mark_price=mark, venue_liquidation=None)


def _gain(held: Position, marks: Mapping[str, Decimal]) -> Decimal:
    return held.size * (marks.get(held.market, held.mark_price) - held.mark_price)


def _own_equity_holds(account: Account, behind: CrossCollateral) -> bool:
    return account.mode is AccountMode.UNKNOWN and behind.basis is Basis.OWN and behind.equity is not None
