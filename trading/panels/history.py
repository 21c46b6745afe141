"""Fills, margin changes, and the account in four numbers."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_FLOOR

from trading.balances import ZERO, Balance, balances_of, in_main_token, worth
from trading.connect import gateway_of
from trading.desk import NO_FIGURES, UNREADABLE, Desk
from trading.margin.cross import state_of
from trading.margin.types import AccountMode
from trading.models import Fill, MarginChange, VenueAccount
from trading.models.records import DELEVERAGED
from trading.panels.market import price_text, tone_of
from trading.panels.numbers import clock, known_money, known_unit, money, plain, short_address
from trading.panels.positions import account_freshness
from trading.panels.records import fee_text
from trading.panels.told import told_account
from trading.panels.utilisation import utilisation
from trading.panels.view_models import (
    AccountPanel,
    Change,
    FillRow,
    Freshness,
    MarginChangeRow,
    PoolBalance,
    Tone,
    Trend,
)
from trading.services.accounts import Stage
from trading.venues.snapshots import Venue

CONNECT_LABELS = {
    Stage.NOT_CONNECTED: "Connect an account",
    Stage.WATCHING: "Watching only: connect a trading key",
    Stage.FEE_WAITING: "Approve the exchange fee",
    Stage.EXPIRED: "Trading key expired: connect again",
    Stage.REVOKED: "Trading key revoked: connect again",
}


def build_fills(fills: Iterable[Fill]) -> tuple[FillRow, ...]:
    """Executions, newest first."""
    return tuple(_fill_row(fill) for fill in fills)


def _fill_row(fill: Fill) -> FillRow:
    spec = fill.market.rules
    return FillRow(
        id=fill.pk,
        time=clock(fill.happened_at),
        market=spec.label,
        direction=_direction(fill),
        side_tone=Tone.UP if fill.is_buy else Tone.DOWN,
        price=price_text(fill.price, spec),
        size=plain(fill.size),
        value=money(fill.size * fill.price),
        fee=fee_text(fill),
        pnl=money(fill.closed_pnl, signed=True) if fill.closed_pnl else "",
        pnl_tone=tone_of(fill.closed_pnl),
        note=_forced_words(fill),
    )


def _direction(fill: Fill) -> str:
    """What was bought or sold, in the venue's words; where the venue stepped in, which the note beside tells, what that
    closed."""
    if fill.liquidation:
        return "Close Short" if fill.is_buy else "Close Long"
    return fill.direction.capitalize() if fill.direction.isupper() else fill.direction


def _forced_words(fill: Fill) -> str:
    """How the venue came to close something, empty where it did not."""
    if fill.liquidation == DELEVERAGED:
        return "Auto-deleveraged"
    return f"Liquidated ({fill.liquidation})" if fill.liquidation else ""


def build_margin_changes(changes: Iterable[MarginChange]) -> tuple[MarginChangeRow, ...]:
    """Collateral moved in and out, newest first."""
    return tuple(_margin_change_row(change) for change in changes)


def _margin_change_row(change: MarginChange) -> MarginChangeRow:
    spec = change.market.rules
    before, after = change.liquidation_before, change.liquidation_after
    trend = Trend.BETTER if change.amount > 0 else Trend.WORSE
    held = change.margin_before
    unknown = Change(before="", after="not known")
    return MarginChangeRow(
        id=change.pk,
        time=clock(change.happened_at),
        market=spec.label,
        amount=money(change.amount, signed=True),
        amount_tone=tone_of(change.amount),
        margin=unknown if held is None else Change(before=money(held), after=money(held + change.amount), trend=trend),
        liquidation=unknown
        if held is None
        else Change(
            before=price_text(before, spec) if before else "none", after=price_text(after, spec) if after else "none"
        ),
        state="done" if change.command_id else "done elsewhere",
    )


def build_account(desk: Desk) -> AccountPanel:
    """The account in four numbers, at the newest marks."""
    fresh = account_freshness(desk)
    if desk.account is None:
        problem = "No account is connected yet. Connect one to trade; markets and estimates work without it."
        return _no_account(desk, problem)
    if desk.account.synced_at is None:
        return _no_account(desk, "Reading your account from the venue…")
    if desk.account.hedge_mode:
        return told_account(desk, desk.account, fresh)
    try:
        return _worked_out(desk, desk.account, fresh)
    except NO_FIGURES:
        return _no_account(desk, UNREADABLE)


def _worked_out(desk: Desk, account: VenueAccount, fresh: Freshness) -> AccountPanel:
    balances = balances_of(desk, account)
    state = state_of(desk.engine)
    usage = utilisation(state.maintenance, state.equity if account.told_equity is not None else None)
    equity = worth(balances)
    return AccountPanel(
        equity=known_money(equity),
        free=known_money(balances[0].free),
        isolated_locked=money(sum((one.isolated for one in in_main_token(balances)), ZERO), rounding=ROUND_FLOOR),
        cross_usage=usage.text,
        cross_usage_words=usage.words,
        cross_usage_tone=usage.tone,
        collateral=known_unit(equity, gateway_of(Venue(account.venue)).collateral),
        address=short_address(account.address),
        freshness=fresh,
        key=str(account.pk),
        pools=_pools(account, balances),
        moves_at=account.venue if _keeps_books(account) and desk.access.may_reduce else "",
        connect_label=CONNECT_LABELS.get(desk.access.stage, ""),
    )


def _keeps_books(account: VenueAccount) -> bool:
    """Whether collateral lies apart in books that it can be moved between (Hyperliquid 3.9). A pool that is not one is
    called by its token."""
    is_book = any(name != row.get("collateral") for name, row in account.pools.items())
    return is_book and account.mode == AccountMode.STANDARD


def _pools(account: VenueAccount, balances: Sequence[Balance]) -> tuple[PoolBalance, ...]:
    """What lies apart, where there is something; with books, the main one leads them."""
    apart = [one for one in balances[1:] if one.equity]
    if not apart:
        return ()
    main, token = (balances[:1] if _keeps_books(account) else ()), balances[0].token
    return tuple(
        PoolBalance(
            name=one.name or "main",
            label=f"In {one.name or 'the main book'}" if _keeps_books(account) else f"{one.token} balance",
            equity=known_money(one.equity),
            unit="" if one.token == token else known_unit(one.equity, one.token or "of a coin not known"),
            free=f"{known_money(one.free)} free",
        )
        for one in (*main, *apart)
    )


def _no_account(desk: Desk, problem: str) -> AccountPanel:
    return AccountPanel(
        equity="", free="", isolated_locked="", cross_usage="", cross_usage_words="", cross_usage_tone=Tone.PLAIN,
        collateral="", address="", freshness=account_freshness(desk), problem=problem,
        connect_label=CONNECT_LABELS.get(desk.access.stage, ""),
    )  # fmt: skip
