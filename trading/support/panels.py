"""From a trader's desk to what support reads, worked out by the same engine and builders as the trader's own page."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal

from tenants.models import User
from trading.desk import Desk
from trading.holdings import RULES
from trading.margin.errors import MarginInputError
from trading.margin.explain import explain_liquidation, explain_maximum_loss
from trading.models import Command, Difference, Position, VenueAccount
from trading.models.commands import CommandState
from trading.models.records import DifferenceKind
from trading.panels.history import build_account, build_fills, build_margin_changes
from trading.panels.liquidation import reason_text
from trading.panels.market import liquidation_text, tone_of
from trading.panels.notices import describe
from trading.panels.numbers import age, clock, fixed, grouped, known_money, money, short_address
from trading.panels.orders import build_orders
from trading.panels.positions import account_freshness, build_positions
from trading.panels.records import build_liquidations, small_money
from trading.panels.view_models import AccountPanel, Freshness, FreshnessState, PositionRow
from trading.panels.working import step_rows
from trading.past import recent_fills
from trading.services.allowances import requests_left
from trading.services.schedule import PROMISES, Need
from trading.services.totals import MoneyTotals, money_totals
from trading.support.lookup import recent_liquidations, recent_margin_changes
from trading.support.view_models import (
    AccountLink,
    AccountView,
    CommandRow,
    DifferenceRow,
    MoneyView,
    OpenCommandRow,
    PositionView,
    Reading,
    TraderRow,
)
from trading.venues.snapshots import Venue

BASIS_POINTS = 10_000
# A list shows accounts that nobody looks at: old is what is older than the longest promise.
LIST_STALE_AFTER_SECONDS = int(PROMISES[Need.IDLE].age)


def build_trader(trader: User, now: datetime) -> TraderRow:
    """One line of the list; ``trader`` comes with its accounts, of which those in use count together."""
    accounts: list[VenueAccount] = list(trader.accounts.all())
    account = next(iter(accounts), None)
    if account is None:
        return TraderRow(
            id=trader.pk, name=str(trader), address="", equity="", positions="", freshness=None, problem="",
            is_active=trader.is_active,
        )  # fmt: skip
    used = [row for row in accounts if row.is_current] or [account]
    read = [row.synced_at for row in used if row.synced_at]
    return TraderRow(
        id=trader.pk,
        name=str(trader),
        address=short_address(account.address),
        equity=known_money(_worth(used)),
        positions=str(sum(row.open_positions for row in used)),  # type: ignore[attr-defined]
        freshness=_list_freshness(min(read), now) if read else None,
        problem=next((row.sync_problem for row in used if row.sync_problem), ""),
        is_active=trader.is_active,
    )


def _list_freshness(read_at: datetime, now: datetime) -> Freshness:
    is_late = (now - read_at).total_seconds() > LIST_STALE_AFTER_SECONDS
    state = FreshnessState.STALE if is_late else FreshnessState.LIVE
    return Freshness(state=state, as_of=read_at, text=age(read_at, now))


def _worth(accounts: Iterable[VenueAccount]) -> Decimal | None:
    """What some accounts are worth together; None where one of them is not told."""
    told = [row.told_equity for row in accounts]
    known = [amount for amount in told if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(told) else None


def build_account_view(desk: Desk, commands: Iterable[Command], accounts: Iterable[VenueAccount]) -> AccountView | None:
    """The whole account, and links to the trader's ``accounts``; None while the trader has connected none."""
    account = desk.account
    if account is None:
        return None
    figures, positions, unexplained = _worked_out(desk)
    return AccountView(
        address=account.address,
        venue=f"{account.venue.title()}, {account.network}",
        mode=account.mode,
        can_trade=bool(account.agent_address),
        reading=_reading(desk, account),
        figures=figures,
        positions=positions,
        unexplained=unexplained,
        orders=build_orders(desk),
        fills=build_fills(recent_fills([account])),
        margin_changes=build_margin_changes(recent_margin_changes(account)),
        commands=tuple(_command_row(command) for command in commands),
        liquidations=build_liquidations(recent_liquidations(account)),
        money=build_money(money_totals(account)),
        accounts=tuple(build_account_link(row, account, desk.now) for row in accounts),
        requests=_requests(account, desk.now),
        id=account.pk,
    )


def _requests(account: VenueAccount, now: datetime) -> tuple[str, str] | None:
    known = requests_left(account)
    if known is None:
        return None
    return f"{known.left:,} of {known.cap:,}", age(datetime.fromtimestamp(known.told_at, UTC), now)


def build_account_link(row: VenueAccount, shown: VenueAccount | None, now: datetime) -> AccountLink:
    """One of a trader's accounts."""
    return AccountLink(
        id=row.pk,
        venue=row.venue,
        name=f"{row.venue.title()}, {row.network}",
        address=short_address(row.address),
        equity=known_money(row.told_equity),
        read=age(row.synced_at, now) if row.synced_at else "never read",
        is_current=row.is_current,
        is_shown=shown is not None and shown.pk == row.pk,
    )


def build_money(totals: MoneyTotals | None) -> MoneyView | None:
    """An account's money; None before its first whole reading."""
    if totals is None:
        return None
    named = (
        ("Closed profit and loss", totals.trading),
        ("Fees", -totals.fees),
        ("Funding", totals.funding),
        ("Deposits, withdrawals, transfers", totals.transfers),
        ("Taken or borne by the venue in liquidations", totals.liquidations),
    )
    return MoneyView(
        since=clock(totals.since),
        opening=money(totals.opening),
        lines=tuple((name, small_money(amount), tone_of(amount)) for name, amount in named if amount),
        balance=money(totals.balance),
        unexplained=small_money(totals.unexplained) if totals.unexplained else "",
    )


def build_difference(row: Difference) -> DifferenceRow:
    """One difference, with whose it is."""
    subject = f", {row.subject}" if row.subject else ""
    return DifferenceRow(
        time=clock(row.found_at),
        trader_id=row.account.trader_id,
        trader=str(row.account.trader),
        account_id=row.account_id,
        what=f"{DifferenceKind(row.kind).label}{subject}",
        ours=grouped(row.ours),
        venues=grouped(row.venues),
        healed=clock(row.healed_at) if row.healed_at else "",
        explanation=row.explanation,
    )


def build_open_command(row: Command, now: datetime) -> OpenCommandRow:
    """One command without a proven end."""
    what = describe(row)
    return OpenCommandRow(
        time=clock(row.prepared_at),
        age=age(row.prepared_at, now),
        trader_id=row.account.trader_id,
        trader=str(row.account.trader),
        account_id=row.account_id,
        what=what[:1].upper() + what[1:],
        state=row.state,
        state_label=CommandState(row.state).label,
        message=row.message,
        attempts=row.attempts,
        evidence=tuple((name, str(value)) for name, value in row.evidence.items()),
    )


def _reading(desk: Desk, account: VenueAccount) -> Reading:
    return Reading(
        freshness=account_freshness(desk),
        venue_time=account.venue_time,
        synced_at=account.synced_at,
        attempted_at=account.attempted_at,
        problem=account.sync_problem,
    )


def _worked_out(desk: Desk) -> tuple[AccountPanel | None, tuple[PositionView, ...], str]:
    """Figures and positions, or the reason why the engine refuses these rows."""
    try:
        rows = build_positions(desk).rows
        views = tuple(_position_view(desk, held, row) for held, row in zip(desk.positions, rows, strict=True))
        return build_account(desk), views, ""
    except MarginInputError as problem:
        return None, (), f"These figures cannot be worked out: {problem}"


def _position_view(desk: Desk, held: Position, row: PositionRow) -> PositionView:
    spec, engine = held.market.rules, desk.engine_in(held.market)
    explained = explain_liquidation(engine, spec.name)
    loss = explain_maximum_loss(engine, spec.name, RULES[Venue(spec.venue)], desk.fees)
    ours, venues = explained.liquidation.price, held.liquidation_price
    mark = desk.mark(held.market) or held.mark_price
    total = loss.steps[-1].result
    return PositionView(
        row=row,
        maximum_loss=money(total, rounding=ROUND_CEILING) if total is not None else "not known",
        funding=money(held.funding_since_open, signed=True),
        ours=liquidation_text(ours, mark, spec) if ours is not None else "none",
        reason=reason_text(explained.liquidation),
        venues=liquidation_text(venues, mark, spec) if venues is not None else "none",
        difference=_difference(ours, venues),
        venue_time=clock(held.venue_time),
        steps=step_rows(explained.steps),
        loss_steps=step_rows(loss.steps),
    )


def _difference(ours: Decimal | None, venues: Decimal | None) -> str:
    """How far the two prices are apart, in basis points of the venue's."""
    if ours is None or venues is None:
        return "" if ours is venues else "Only one of the two gives a price."
    if venues == 0:
        return ""
    apart = abs(ours - venues) / venues * BASIS_POINTS
    return f"{fixed(apart, 1)} basis points apart"


def _command_row(command: Command) -> CommandRow:
    what = describe(command)
    return CommandRow(
        id=str(command.pk),
        time=clock(command.prepared_at),
        what=what[:1].upper() + what[1:],
        state=command.state,
        state_label=CommandState(command.state).label,
        message=command.message,
        next_step=command.next_step,
        settled=clock(command.settled_at) if command.settled_at else "",
        attempts=command.attempts,
    )
