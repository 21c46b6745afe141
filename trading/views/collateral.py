"""Collateral between the books of an account at a venue: shown, worked out, moved. Nothing here names an account."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID, uuid4

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, require_form, trader_required
from trading.books import Book, books_of, read_amount
from trading.connect import trading_adapter
from trading.desk import Desk
from trading.forms import Unreadable
from trading.models import Command
from trading.models.commands import CommandKind
from trading.panels.collateral import CollateralPreview, build_collateral_dialog, build_collateral_preview
from trading.portfolio import desk_of
from trading.recent import recent_desk
from trading.services.collateral import move_collateral as send_move
from trading.venues.snapshots import Venue
from trading.views.dialogs import REUSED, answer_form, kept_key, render_dialog


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says of the books that there are."""

    desk: Desk
    books: tuple[Book, ...]
    source: Book
    target: Book
    typed: Mapping[str, str]

    def amount(self) -> Decimal | None:
        """What is to be moved; None where nothing is typed. Raises ``Unreadable``."""
        return read_amount(self.source, self.target, self.typed["amount"])


@trader_required
@require_GET
def show_collateral_dialog(request: MemberRequest, venue: str) -> HttpResponse:
    """The books as they are. Into which one may come along; then it comes from the one that most may leave."""
    asked = _asked(desk_of(request.user, _venue(venue)), request.GET)
    return _render_dialog(request, asked, _preview(asked))


@trader_required
@require_GET
def show_collateral_preview(request: MemberRequest, venue: str) -> HttpResponse:
    """What moving the amount would do, while it is being typed."""
    asked = _asked(recent_desk(request.user, _venue(venue)), request.GET)
    return render(request, "trading/_collateral_preview.html", {"preview": _preview(asked)})


@trader_required
@require_form
def move_collateral(request: MemberRequest, venue: str) -> HttpResponse:
    """Move the collateral, once, however often the form arrives."""
    asked = _asked(desk_of(request.user, _venue(venue)), request.POST)
    return answer_form(
        request,
        [CommandKind.MOVE],
        asked.typed,
        make=lambda form_key: _move(asked, form_key),
        refuse=lambda problem, status: _render_problem(request, asked, problem, status),
    )


def _move(asked: Asked, form_key: UUID) -> Command:
    account = asked.desk.account
    if account is None:
        raise Http404
    amount, preview = asked.amount(), _preview(asked)
    if amount is None or not preview.can_submit:
        raise Unreadable(preview.blocked_because or "Enter an amount.")
    return send_move(
        trading_adapter(account),
        account,
        source=asked.source.market,
        target=asked.target.market,
        amount=amount,
        form_key=form_key,
        form=asked.typed,
    )


def _venue(text: str) -> Venue:
    try:
        return Venue(text)
    except ValueError:
        raise Http404 from None


def _asked(desk: Desk, data: QueryDict) -> Asked:
    """The books that the form names. One that is not named is the fullest of the others; 404 for one there is not."""
    books = books_of(desk)
    if not books:
        raise Http404
    target, source = (_named(books, data.get(name)) for name in ("target", "source"))
    source = source or max((book for book in books if book is not target), key=lambda book: book.withdrawable)
    target = target or next(book for book in books if book is not source)
    typed = {"source": source.dex, "target": target.dex, "amount": data.get("amount", "").strip()}
    return Asked(desk, books, source, target, typed)


def _named(books: tuple[Book, ...], name: str | None) -> Book | None:
    found = next((book for book in books if book.dex == name), None)
    if name is not None and found is None:
        raise Http404
    return found


def _preview(asked: Asked) -> CollateralPreview:
    try:
        amount, error = asked.amount(), ""
    except Unreadable as problem:
        amount, error = None, str(problem)
    return build_collateral_preview(asked.desk, asked.source, asked.target, amount, error)


def _render_problem(request: MemberRequest, asked: Asked, problem: str, status: int) -> HttpResponse:
    """The preview; without scripts the whole dialog again. Either way the form keeps its key, so it counts once."""
    preview = replace(_preview(asked), error=problem, can_submit=False, must_start_over=problem == REUSED)
    if request.htmx:
        return render(request, "trading/_collateral_preview.html", {"preview": preview}, status=status)
    return _render_dialog(request, asked, preview, status)


def _render_dialog(request: MemberRequest, asked: Asked, preview: CollateralPreview, status: int = 200) -> HttpResponse:
    key = kept_key(request) if status != 200 else uuid4()
    dialog = build_collateral_dialog(asked.books, asked.source, asked.target, asked.typed["amount"], preview, key)
    return render_dialog(request, "trading/_collateral_dialog.html", {"dialog_view": dialog}, status)
