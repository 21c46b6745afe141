"""Closing every position and cancelling every order: shown whole, confirmed once, told part by part."""

from collections.abc import Iterable, Sequence
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, require_form, trader_required
from trading.connect import KeyUnreadable, trading_adapter
from trading.desk import Desk
from trading.forms import Unreadable, read_form_key
from trading.models import Command
from trading.panels.sweep import build_cancel_all, build_close_all, build_told, by_market
from trading.portfolio import accounts_of, portfolio_of
from trading.recent import recent_portfolio
from trading.services.closing import (
    Part,
    Wish,
    cancel_wishes,
    carry_out_all,
    close_wish,
    made_by,
    orders_part,
    position_part,
)
from trading.views.commands import refreshed
from trading.views.dialogs import kept_key, render_dialog

CLOSE, CANCEL = "close_all", "cancel_all"
# More than a page ever shows; what is longer was not made by one of ours.
MOST_PARTS = 500
# A market's orders take as many requests as this at most: two hundred or ten orders each.
MOST_STEPS = 20


@trader_required
@require_GET
def show_close_all(request: MemberRequest) -> HttpResponse:
    """Every position with what closing it brings; or the list alone, drawn anew while the dialog is open."""
    if request.htmx and request.GET.get("only") == "list":
        dialog = build_close_all(recent_portfolio(request.user).desks, uuid4())
        return render(request, "trading/_close_all_list.html", {"dialog_view": dialog})
    return _render_close_all(request, uuid4())


@trader_required
@require_form
def close_all(request: MemberRequest) -> HttpResponse:
    """Close the positions that the form lists, each once; what became of each so far."""
    desks, parts = portfolio_of(request.user), _parts(request)
    try:
        form_key = read_form_key(request.POST.get("form_key", ""))
    except Unreadable as problem:
        return _render_close_all(request, kept_key(request), str(problem), 422)
    made = made_by(accounts_of(desks), form_key, parts)
    told = [Part(part, command.market, command) for part, command in made.items()]
    wanted = set(parts) - made.keys()
    wishes: list[Wish] = []
    for desk in desks:
        new, refused = _closing(desk, form_key, wanted)
        wishes, told = [*wishes, *new], [*told, *refused]
    return _render_told(request, desks, [*told, *carry_out_all(wishes)], CLOSE)


def _closing(desk: Desk, form_key: UUID, wanted: set[str]) -> tuple[list[Wish], list[Part]]:
    wishes: list[Wish] = []
    refused: list[Part] = []
    for row in desk.positions:
        if position_part(row) not in wanted:
            continue
        reason = desk.capabilities(row.market).trade.reason
        try:
            mark = desk.mark(row.market) or row.mark_price
            if not reason:
                adapter = trading_adapter(row.account)
                wishes.append(close_wish(adapter, row, mark=mark, form_key=form_key, builder=desk.access.fee))
        except KeyUnreadable as problem:
            reason = str(problem)
        refused += [Part(position_part(row), row.market, reason=reason)] if reason else []
    return wishes, refused


@trader_required
@require_GET
def show_cancel_all(request: MemberRequest) -> HttpResponse:
    """Every resting order, by market."""
    return _render_cancel_all(request, uuid4())


@trader_required
@require_form
def cancel_all(request: MemberRequest) -> HttpResponse:
    """Cancel every order of the markets that the form lists, once; what became of them so far."""
    desks, parts = portfolio_of(request.user), _parts(request)
    try:
        form_key = read_form_key(request.POST.get("form_key", ""))
    except Unreadable as problem:
        return _render_cancel_all(request, kept_key(request), str(problem), 422)
    steps = [f"{part.rpartition('-')[0]}-{step}" for part in parts for step in range(MOST_STEPS)]
    made = made_by(accounts_of(desks), form_key, steps)
    told = [Part(part, command.market, command) for part, command in made.items()]
    wanted = set(parts) - made.keys()
    wishes: list[Wish] = []
    for desk in desks:
        new, refused = _cancelling(desk, form_key, wanted)
        wishes, told = [*wishes, *new], [*told, *refused]
    return _render_told(request, desks, [*told, *carry_out_all(wishes)], CANCEL)


def _cancelling(desk: Desk, form_key: UUID, wanted: set[str]) -> tuple[list[Wish], list[Part]]:
    wishes: list[Wish] = []
    refused: list[Part] = []
    for market, orders in by_market(desk.orders).items():
        if orders_part(market) not in wanted or desk.account is None:
            continue
        try:
            wishes += cancel_wishes(trading_adapter(desk.account), desk.account, market, orders, form_key=form_key)
        except KeyUnreadable as problem:
            refused.append(Part(orders_part(market), market, reason=str(problem)))
    return wishes, refused


@trader_required
@require_GET
def show_sweep(request: MemberRequest) -> HttpResponse:
    """What became of the commands that one confirmation made; asked for until all are settled."""
    desks = portfolio_of(request.user)
    rows = Command.objects.filter(account__trader=request.user, pk__in=_ids(request.GET.getlist("command")))
    parts = [Part(str(row.pk), row.market, row) for row in rows.select_related("account", "market").order_by("nonce")]
    again = CANCEL if request.GET.get("again") == CANCEL else CLOSE
    told = build_told(parts, again, unsent=_count(request.GET.get("unsent", "")), many=len(desks) > 1)
    if not request.htmx:
        return render_dialog(request, "trading/_sweep_dialog.html", {"told": told})
    answer = render(request, "trading/_sweep.html", {"told": told})
    return answer if told.is_open else refreshed(answer, _commands(parts))


def _ids(texts: Iterable[str]) -> list[UUID]:
    found = []
    for text in list(texts)[:MOST_PARTS]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _parts(request: MemberRequest) -> list[str]:
    return list(dict.fromkeys(request.POST.getlist("part")))[:MOST_PARTS]


def _commands(parts: Iterable[Part]) -> list[Command]:
    return [part.command for part in parts if part.command is not None]


def _render_told(request: MemberRequest, desks: Sequence[Desk], parts: list[Part], again: str) -> HttpResponse:
    told = build_told(parts, again, many=len(desks) > 1)
    if not request.htmx:
        return render_dialog(request, "trading/_sweep_dialog.html", {"told": told})
    return refreshed(render(request, "trading/_sweep_told.html", {"told": told}), _commands(parts))


def _render_close_all(request: MemberRequest, form_key: UUID, problem: str = "", status: int = 200) -> HttpResponse:
    dialog = build_close_all(portfolio_of(request.user), form_key, problem)
    return render_dialog(request, "trading/_close_all_dialog.html", {"dialog_view": dialog}, status)


def _render_cancel_all(request: MemberRequest, form_key: UUID, problem: str = "", status: int = 200) -> HttpResponse:
    dialog = build_cancel_all(portfolio_of(request.user), form_key, problem)
    return render_dialog(request, "trading/_cancel_all_dialog.html", {"dialog_view": dialog}, status)
