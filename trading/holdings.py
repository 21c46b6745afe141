"""A trader's rows as the margin engine takes them, revalued at the newest marks.

The same mapping serves the panels (rows from PostgreSQL, marks from the live board), the sync (the venue's snapshot
itself) and support, so that all of them compute from one reading of an account.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from trading.margin.quotes import MarketTerms
from trading.margin.rules import MarginRules
from trading.margin.types import Account, AccountMode, Liquidation, MarginMode, NoLiquidation, Position, Side
from trading.venues.snapshots import AccountSnapshot, MarketSpec, Venue
from trading.venues.table import GATEWAYS

RULES: Mapping[Venue, MarginRules] = {venue: gateway.rules for venue, gateway in GATEWAYS.items()}
_ZERO = Decimal(0)


class Held(Protocol):
    """What a stored position and a venue's snapshot of one have in common."""

    @property
    def size(self) -> Decimal: ...

    @property
    def entry_price(self) -> Decimal: ...

    @property
    def mark_price(self) -> Decimal: ...

    @property
    def leverage(self) -> int: ...

    @property
    def cash(self) -> Decimal | None: ...

    @property
    def max_leverage(self) -> int: ...

    @property
    def liquidation_price(self) -> Decimal | None: ...


class Summary(Protocol):
    """What a stored account and a venue's snapshot of one have in common."""

    @property
    def equity(self) -> Decimal: ...

    @property
    def cross_equity(self) -> Decimal: ...


class RestingOrder(Protocol):
    """An order in the book, as far as it reserves margin."""

    @property
    def is_buy(self) -> bool: ...

    @property
    def size(self) -> Decimal: ...

    @property
    def limit_price(self) -> Decimal: ...

    @property
    def reduce_only(self) -> bool: ...


def market_terms(spec: MarketSpec) -> MarketTerms:
    """The margin terms of a market."""
    return MarketTerms(spec.name, spec.tiers, RULES[spec.venue], spec.restriction)


def engine_position(held: Held, spec: MarketSpec, mode: MarginMode) -> Position:
    """A position as the engine takes it, at the mark it was read with."""
    notional = abs(held.size) * held.mark_price
    return Position(
        market=spec.name,
        size=held.size,
        entry_price=held.entry_price,
        mark_price=held.mark_price,
        mode=mode,
        leverage=held.leverage,
        tiers=spec.tiers.as_shown(held.max_leverage, notional),
        cash=held.cash if mode is MarginMode.ISOLATED else None,
        restriction=spec.restriction,
        venue_liquidation=_venue_liquidation(held.liquidation_price),
    )


def _venue_liquidation(price: Decimal | None) -> Liquidation:
    return Liquidation(price) if price is not None else Liquidation(None, NoLiquidation.VENUE_GIVES_NONE)


def engine_account(
    summary: Summary,
    mode: AccountMode,
    positions: Iterable[Position],
    order_margin: Decimal = _ZERO,
    isolated_order_margin: Decimal = _ZERO,
) -> Account:
    """An account as the engine takes it, at the marks its summary was read with.

    ``margin.cross.remarked`` brings it to newer marks. In a unified account the summary's equity is the spot balance
    that backs everything (Hyperliquid 3.4, 3.9).
    """
    return Account(
        positions=tuple(positions),
        cross_equity=summary.cross_equity,
        mode=mode,
        spot_collateral=summary.equity if mode is AccountMode.UNIFIED else None,
        order_margin=order_margin,
        isolated_order_margin=isolated_order_margin,
    )


def pool_account(
    cross_equity: Decimal,
    positions: Iterable[Position],
    order_margin: Decimal = _ZERO,
    isolated_order_margin: Decimal = _ZERO,
) -> Account:
    """One pool of collateral beside the main one, which backs nothing else (Hyperliquid 3.9, Aster 4.7)."""
    return Account(
        positions=tuple(positions),
        cross_equity=cross_equity,
        order_margin=order_margin,
        isolated_order_margin=isolated_order_margin,
    )


def pool_of(spec: MarketSpec, mode: AccountMode) -> str:
    """The name of the collateral that positions in a market lean on in accounts of this mode, "" for the main: a
    builder-deployed book of a standard account, or another token of that or of a unified one (Hyperliquid 3.9, Aster
    4.7)."""
    if mode is AccountMode.STANDARD and spec.dex:
        return spec.dex
    is_apart = mode in (AccountMode.STANDARD, AccountMode.UNIFIED)
    return spec.collateral if is_apart and spec.collateral != GATEWAYS[spec.venue].collateral else ""


def snapshot_accounts(snapshot: AccountSnapshot, specs: Mapping[str, MarketSpec]) -> tuple[Account, ...]:
    """The venue's own snapshot as the engine takes it, one account for each pool of collateral, the main one first.
    Positions in markets or pools that we do not know are left out."""
    held: dict[str, list[Position]] = {}
    pools = {pool.name: pool.cross_equity for pool in snapshot.pools or ()}
    for position in snapshot.positions:
        spec = specs.get(position.market)
        if spec is not None:
            place = pool_of(spec, snapshot.account_mode)
            held.setdefault(place, []).append(engine_position(position, spec, position.mode))
    main = engine_account(snapshot, snapshot.account_mode, held.pop("", ()))
    return (main, *(pool_account(pools[name], rows) for name, rows in held.items() if name in pools))


def reserved_margin(order: RestingOrder, held_size: Decimal, leverage: int) -> Decimal:
    """Initial margin that a resting order reserves: none when it reduces, or stands opposite to the position.

    Hyperliquid 3.2. ``leverage`` is the market's setting.
    """
    side = Side.LONG if order.is_buy else Side.SHORT
    if order.reduce_only or held_size * side.sign < 0:
        return _ZERO
    return order.size * order.limit_price / leverage
