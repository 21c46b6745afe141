"""The dialog that moves collateral between two books of an account."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from uuid import UUID

from trading.books import Book, Moved, moved_liquidations
from trading.desk import Desk
from trading.margin.types import Liquidation
from trading.models import Market
from trading.panels.elements import Change, Choice, Freshness, FreshnessState, LabelledChange, Trend
from trading.panels.market import liquidation_text
from trading.panels.numbers import field_text, money, plain
from trading.panels.positions import account_freshness

NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralPreview:
    """What moving an amount would do to both books, or why it cannot be moved. ``maximum`` is what “Max” fills in."""

    venue: str
    changes: tuple[LabelledChange, ...]
    collateral: str
    maximum: str
    bound: str
    button: str
    can_submit: bool
    spoken: str
    freshness: Freshness
    error: str = ""
    warning: str = ""
    blocked_because: str = ""
    must_start_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralDialog:
    """Move collateral from one book of the account to another of its own."""

    venue: str
    sources: tuple[Choice, ...]
    targets: tuple[Choice, ...]
    amount: str
    form_key: str
    preview: CollateralPreview


def build_collateral_preview(
    desk: Desk, source: Book, target: Book, amount: Decimal | None, error: str
) -> CollateralPreview:
    """What moving ``amount`` would do; without one, what is in the books now and how much may move."""
    fresh, moved = account_freshness(desk), Decimal(0) if error or amount is None else amount
    what = f"Move {plain(moved)} {source.collateral} to {target.place}"
    blocked = _blocked(desk, source, fresh)
    most = money(max(source.withdrawable, Decimal(0)), rounding=ROUND_FLOOR)
    leaving, coming = moved_liquidations(desk, source, -moved), moved_liquidations(desk, target, moved)
    return CollateralPreview(
        venue=source.market.venue,
        changes=(
            *_balances(source, -moved),
            *_balances(target, moved),
            *(_liquidation_change(desk, one) for one in (*(leaving or ()), *(coming or ()))),
        ),
        collateral=source.collateral,
        maximum=field_text(source.usable) if source.usable else "",
        bound=f"{most} {source.collateral} can leave {source.place}.",
        button=what if moved else "Check the amount" if error else "Enter an amount",
        can_submit=bool(moved) and not blocked,
        spoken=what if moved else "",
        freshness=fresh,
        error=error,
        warning=_warning(source, leaving, moved),
        blocked_because=blocked,
    )


def _blocked(desk: Desk, source: Book, fresh: Freshness) -> str:
    if not desk.access.may_reduce:
        return desk.access.closed_because
    if source.backs and desk.away_because:
        return desk.away_because
    return fresh.reason if fresh.state is FreshnessState.CLOSED else ""


def _balances(book: Book, change: Decimal) -> tuple[LabelledChange, ...]:
    return (
        LabelledChange(label=book.label, change=_money_change(book.equity, change, book.collateral)),
        LabelledChange(
            label=f"Free in {book.place}",
            change=_money_change(book.free, change, book.collateral),
            help="What a new position there could take.",
        ),
    )


def _money_change(before: Decimal | None, change: Decimal, unit: str) -> Change:
    if before is None:
        return Change(after=NOT_KNOWN)
    was, becomes = money(before, rounding=ROUND_FLOOR), money(before + change, rounding=ROUND_FLOOR)
    return Change(before=was, after=becomes, unit=unit) if change else Change(after=was, unit=unit)


def _liquidation_change(desk: Desk, moved: Moved) -> LabelledChange:
    spec, mark = moved.market.rules, desk.mark(moved.market)
    was, becomes = (_price(one, mark, moved.market) for one in (moved.before, moved.after))
    label = f"{spec.label} liquidation"
    note = "A cross position leans on all free collateral of its book."
    if was == becomes:
        return LabelledChange(label=label, change=Change(after=was), help=note)
    trend = Trend.SAME
    if mark is not None and moved.before.price is not None and moved.after.price is not None:
        nearer = abs(mark - moved.after.price) < abs(mark - moved.before.price)
        trend = Trend.WORSE if nearer else Trend.BETTER
    return LabelledChange(label=label, change=Change(before=was, after=becomes, trend=trend), help=note)


def _price(told: Liquidation, mark: Decimal | None, market: Market) -> str:
    if told.price is None:
        return "none" if told.reason is None else NOT_KNOWN
    return liquidation_text(told.price, mark or market.mark_price or told.price, market.rules)


def _warning(source: Book, leaving: Sequence[Moved] | None, moved: Decimal) -> str:
    if not moved or not source.backs:
        return ""
    if leaving is None:
        return "What this does to your cross positions there cannot be worked out right now."
    return f"This collateral backs your cross positions in {source.place}: their liquidation comes nearer."


def build_collateral_dialog(
    books: Sequence[Book], source: Book, target: Book, amount: str, preview: CollateralPreview, form_key: UUID
) -> CollateralDialog:
    """The form as it stands; ``amount`` is what was typed."""
    return CollateralDialog(
        venue=source.market.venue,
        sources=_choices(books, source),
        targets=_choices(books, target),
        amount=amount,
        form_key=str(form_key),
        preview=preview,
    )


def _choices(books: Sequence[Book], chosen: Book) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            value=book.dex,
            label=book.label,
            selected=book.dex == chosen.dex,
        )
        for book in books
    )
