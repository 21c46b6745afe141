"""A sandbox's account and orders as the margin engine is told of them, and what the sandbox says to an order."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st

from tests.trading.sandbox.random_accounts import Desk, size_of
from trading.margin.quotes import MarketTerms, OrderEffect, OrderRequest
from trading.margin.rules import ASTER, HYPERLIQUID, MarginRules
from trading.margin.types import (
    Account,
    Bracket,
    FeeRates,
    MarginMode,
    MarginRestriction,
    Position,
    Side,
    TierTable,
)
from trading.sandbox.checks import OrderRequest as SandboxOrder
from trading.sandbox.markets import MarginMode as Forbidden
from trading.sandbox.markets import Market
from trading.sandbox.refusals import Refusal, RefusedError

RULES = {"hyperliquid": HYPERLIQUID, "aster": ASTER}
RESTRICTIONS = {
    Forbidden.FREE: MarginRestriction.NONE,
    Forbidden.NO_CROSS: MarginRestriction.ISOLATED_ONLY,
    Forbidden.STRICT_ISOLATED: MarginRestriction.STRICT_ISOLATED,
}
PLACES = st.integers(0, 3)


def bounded(examples: int) -> settings:
    """So many examples, always the same."""
    return settings(max_examples=examples, deadline=None, derandomize=True)


# what the engine is told


def rules_of(desk: Desk) -> MarginRules:
    """The engine's rules of the desk's venue."""
    return RULES[desk.venue]


def tiers_of(market: Market) -> TierTable:
    """A market's tiers."""
    rows = market.tiers.tiers
    if market.tiers.cap is None:
        return TierTable.from_max_leverages([(row.lower_bound, row.max_leverage) for row in rows])
    caps = [row.lower_bound for row in rows[1:]] + [market.tiers.cap]
    return TierTable.from_brackets(
        Bracket(row.lower_bound, cap, row.max_leverage, row.rate, row.deduction)
        for row, cap in zip(rows, caps, strict=True)
    )


def terms_of(desk: Desk, market: Market) -> MarketTerms:
    """A market's margin terms."""
    return MarketTerms(market.name, tiers_of(market), rules_of(desk), RESTRICTIONS[market.mode])


def account_of(desk: Desk) -> Account:
    """The account as the venue would tell it: sizes, entries, cash legs, marks and the cross equity."""
    engine, account = desk.engine, desk.account
    positions, equity = [], account.cash
    for row in account.positions.values():
        market, isolated = engine.markets[row.market], account.settings[row.market].isolated
        mark = engine.marks[row.market]
        equity += Decimal(0) if isolated else row.size * mark
        positions.append(
            Position(
                row.market,
                row.size,
                row.cost / row.size,
                mark,
                MarginMode.ISOLATED if isolated else MarginMode.CROSS,
                account.settings[row.market].leverage,
                tiers_of(market),
                cash=row.cash if isolated else None,
                restriction=RESTRICTIONS[market.mode],
            )
        )
    return Account.of(positions, equity)


def fees_of(desk: Desk) -> FeeRates:
    """The venue's rates."""
    rules = desk.engine.venue.rules
    return FeeRates(taker=rules.taker_rate, maker=rules.maker_rate)


def order_request(desk: Desk, market: Market, size: Decimal, *, reduce_only: bool) -> OrderRequest:
    """An order at the leverage that is set."""
    setting = desk.engine.ledger.setting(desk.account, market)
    return OrderRequest(
        terms_of(desk, market),
        Side.LONG if size > 0 else Side.SHORT,
        abs(size),
        desk.engine.marks[market.name],
        MarginMode.ISOLATED if setting.isolated else MarginMode.CROSS,
        setting.leverage,
        fees_of(desk),
        reduce_only=reduce_only,
    )


def wanted_size(desk: Desk, market: Market, shape: OrderEffect, amount: Decimal) -> Decimal:
    """A signed size that does this to the position, or opens one where there is none."""
    held = desk.account.positions.get(market.name)
    fresh = size_of(market, desk.engine.marks[market.name], amount)
    if held is None:
        return fresh
    share = {OrderEffect.REDUCES: abs(amount), OrderEffect.CLOSES: Decimal(1), OrderEffect.FLIPS: 1 + abs(amount)}
    if shape in share:
        return market.to_lot(-held.size * share[shape])
    return abs(fresh).copy_sign(held.size)


SHAPES = st.sampled_from([OrderEffect.ADDS, OrderEffect.REDUCES, OrderEffect.CLOSES, OrderEffect.FLIPS])


def reason_of_refusal(desk: Desk, request: SandboxOrder) -> Refusal | None:
    """Why the venue would refuse an order, None where it takes it."""
    try:
        desk.copy().order(request)
    except RefusedError as refusal:
        return refusal.reason
    return None


MARGIN_REASONS = {Refusal.MARGIN_TOO_SMALL, Refusal.ABOVE_TIER}
