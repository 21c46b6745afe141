"""Orders, fills, margin changes, the account in four numbers, and what became of a command."""

from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal
from uuid import UUID, uuid4

from trading.desk import NO_FIGURES, UNREADABLE, Desk
from trading.holdings import RULES
from trading.margin.cross import state_of
from trading.margin.types import MarginMode
from trading.models import Command, Fill, MarginChange, Order, VenueAccount
from trading.models.commands import CommandKind, CommandState
from trading.panels.market import price_text, tone_of
from trading.panels.numbers import clock, money, plain, short_address
from trading.panels.positions import account_freshness
from trading.panels.utilisation import utilisation
from trading.panels.view_models import (
    AccountPanel,
    Change,
    CommandNotice,
    FillRow,
    Freshness,
    MarginChangeRow,
    NoticeState,
    OrderRow,
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


def build_orders(desk: Desk) -> tuple[OrderRow, ...]:
    """Resting orders, newest first."""
    modes = {market_id: choice.mode for market_id, choice in desk.preferences.items()}
    modes |= {row.market_id: row.mode for row in desk.positions}
    return tuple(_order_row(order, modes.get(order.market_id, "")) for order in desk.orders)


def _order_row(order: Order, mode: str) -> OrderRow:
    spec = order.market.rules
    return OrderRow(
        id=order.pk,
        market=spec.base,
        side="Buy" if order.is_buy else "Sell",
        side_tone=Tone.UP if order.is_buy else Tone.DOWN,
        kind=order.kind,
        price=price_text(order.limit_price, spec),
        size=plain(order.size),
        filled=plain(order.original_size - order.size),
        value=money(order.size * order.limit_price),
        mode_label=mode.title() or "Market setting",
        placed=clock(order.placed_at),
        reduce_only=order.reduce_only,
        form_key=str(uuid4()),
    )


def build_fills(fills: Iterable[Fill]) -> tuple[FillRow, ...]:
    """Executions, newest first."""
    return tuple(_fill_row(fill) for fill in fills)


def _fill_row(fill: Fill) -> FillRow:
    spec = fill.market.rules
    return FillRow(
        id=fill.pk,
        time=clock(fill.happened_at),
        market=spec.base,
        direction=fill.direction,
        side_tone=Tone.UP if fill.is_buy else Tone.DOWN,
        price=price_text(fill.price, spec),
        size=plain(fill.size),
        value=money(fill.size * fill.price),
        fee=money(fill.fee, rounding="ROUND_CEILING") if fill.fee is not None else "not told",
        pnl=money(fill.closed_pnl, signed=True) if fill.closed_pnl else "",
        pnl_tone=tone_of(fill.closed_pnl),
        note=f"Liquidated ({fill.liquidation})" if fill.liquidation else "",
    )


def build_margin_changes(changes: Iterable[MarginChange]) -> tuple[MarginChangeRow, ...]:
    """Collateral moved in and out, newest first."""
    return tuple(_margin_change_row(change) for change in changes)


def _margin_change_row(change: MarginChange) -> MarginChangeRow:
    spec = change.market.rules
    before, after = change.liquidation_before, change.liquidation_after
    return MarginChangeRow(
        id=change.pk,
        time=clock(change.happened_at),
        market=spec.base,
        amount=money(change.amount, signed=True),
        amount_tone=tone_of(change.amount),
        margin=Change(
            before=money(change.margin_before),
            after=money(change.margin_before + change.amount),
            trend=Trend.BETTER if change.amount > 0 else Trend.WORSE,
        ),
        liquidation=Change(
            before=price_text(before, spec) if before else "none", after=price_text(after, spec) if after else "none"
        ),
        state="done",
    )


def build_account(desk: Desk) -> AccountPanel:
    """The account in four numbers, at the newest marks."""
    fresh = account_freshness(desk)
    if desk.account is None:
        problem = "No account is connected yet. Connect one to trade; markets and estimates work without it."
        return _no_account(desk, problem)
    if desk.account.synced_at is None:
        return _no_account(desk, "Reading your account from the venue…")
    try:
        return _worked_out(desk, desk.account, fresh)
    except NO_FIGURES:
        return _no_account(desk, UNREADABLE)


def _worked_out(desk: Desk, account: VenueAccount, fresh: Freshness) -> AccountPanel:
    state = state_of(desk.engine)
    free = state.free_collateral(RULES[Venue(account.venue)])
    isolated = sum((held.equity for held in desk.engine.of_mode(MarginMode.ISOLATED)), Decimal(0))
    equity = state.equity
    usage = utilisation(state.maintenance, equity)
    return AccountPanel(
        equity=money(equity + isolated, rounding=ROUND_FLOOR) if equity is not None else "not known",
        free=money(free, rounding=ROUND_FLOOR) if free is not None else "not known",
        isolated_locked=money(isolated, rounding=ROUND_FLOOR),
        cross_usage=usage.text,
        cross_usage_words=usage.words,
        cross_usage_tone=usage.tone,
        collateral="USDC",
        address=short_address(account.address),
        freshness=fresh,
        connect_label=CONNECT_LABELS.get(desk.access.stage, ""),
    )


def _no_account(desk: Desk, problem: str) -> AccountPanel:
    return AccountPanel(
        equity="", free="", isolated_locked="", cross_usage="", cross_usage_words="", cross_usage_tone=Tone.PLAIN,
        collateral="USDC", address="", freshness=account_freshness(desk), problem=problem,
        connect_label=CONNECT_LABELS.get(desk.access.stage, ""),
    )  # fmt: skip


def build_notice(command: Command, form_key: UUID | None = None) -> CommandNotice:
    """What became of a command, in the trader's words. ``form_key`` re-arms the form that sent it."""
    state, title = _outcome(command)
    return CommandNotice(
        id=str(command.pk),
        state=state,
        title=title,
        detail=_detail(command, state),
        time=f"{command.settled_at or command.prepared_at:%H:%M:%S}",
        next_step=command.next_step if state is NoticeState.REJECTED else "",
        form_key=str(form_key) if form_key else "",
    )


def _outcome(command: Command) -> tuple[NoticeState, str]:
    what = describe(command)
    match command.state:
        case CommandState.ACCEPTED:
            return NoticeState.ACCEPTED, _accepted_title(command, what)
        case CommandState.REJECTED:
            return NoticeState.REJECTED, f"Refused: {what}"
        case CommandState.DEAD:
            return NoticeState.REJECTED, f"Not carried out: {what}"
        case CommandState.UNPROVEN:
            return NoticeState.REJECTED, f"Not known: {what}"
        case CommandState.UNKNOWN:
            return NoticeState.CHECKING, f"Checking: {what}"
        case _:
            return NoticeState.SENT, f"Sent: {what}"


def _accepted_title(command: Command, what: str) -> str:
    """What the venue did, which for an order may be less than what was asked."""
    if command.kind != CommandKind.ORDER:
        return f"Done: {what}"
    filled, asked = _filled(command), Decimal(command.intent["size"])
    of_asked = "" if filled is None else f"{plain(filled)} of {plain(asked)} {command.market.rules.base}"
    match command.evidence.get("kind"):
        case "filled":
            return f"Filled {of_asked}" if filled is not None and filled < asked else f"Filled: {what}"
        case "cancelled" if filled is None:
            return f"Cancelled: {what}"
        case "cancelled":
            return f"Cancelled: {of_asked} was filled" if filled else f"Cancelled: {what}, nothing was filled"
        case "resting":
            return f"In the book: {what}, {of_asked} filled" if filled else f"In the book: {what}"
        case _:
            return f"Done: {what}"


def _filled(command: Command) -> Decimal | None:
    """How much of an order was executed: by the venue's answer, or by its status asked for later."""
    told = command.evidence.get("filled") or command.evidence.get("size")
    return Decimal(told) if told else None


def describe(command: Command) -> str:
    """A command in a few words."""
    intent, base = command.intent, command.market.rules.base
    match command.kind:
        case CommandKind.ORDER:
            verb = "buy" if intent["side"] == "long" else "sell"
            at = "at market" if intent["price"] == "market" else f"at {plain(Decimal(intent['price']))}"
            return f"{verb} {plain(Decimal(intent['size']))} {base} {at}"
        case CommandKind.CANCEL:
            return f"cancel {base} order"
        case CommandKind.LEVERAGE:
            return f"{base} to {intent['mode']} {intent['leverage']}x"
        case _:
            amount = Decimal(intent["amount"])
            return f"{'add' if amount > 0 else 'remove'} {plain(abs(amount))} margin, {base}"


def _detail(command: Command, state: NoticeState) -> str:
    if state is NoticeState.CHECKING:
        return "The venue has not confirmed this yet. It is being checked; there is no need to send it again."
    if state is NoticeState.SENT:
        return "On its way to the venue."
    if state is NoticeState.REJECTED:
        return command.message or "The venue gave no reason."
    price, size = command.evidence.get("average_price"), command.evidence.get("size")
    if price and size:
        is_partial = command.intent.get("price") == "market" and Decimal(size) < Decimal(command.intent["size"])
        rest = " The market took no more within the price limit; the rest was cancelled." if is_partial else ""
        return f"{plain(Decimal(size))} at {plain(Decimal(price))} on average.{rest}"
    return "Confirmed by the venue."
