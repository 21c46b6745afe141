"""What all dialogs share: how they are shown, how their form is carried out once, and what is said where it is not."""

from collections.abc import Callable, Iterable, Mapping
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.shortcuts import render

from tenants.access import MemberRequest
from tenants.models import User
from trading.connect import KeyUnreadable
from trading.forms import Unreadable, read_form_key
from trading.models import Command
from trading.models.commands import CommandKind
from trading.services.commands import FormReused, fingerprint
from trading.statements import Statement
from trading.venues.errors import InvalidCommand
from trading.views.commands import answer_command

REUSED = "This form was already sent with other values. The first one counts: look at what became of it."
# What stands in the way of a form and is said beside its button.
PROBLEMS = (Unreadable, InvalidCommand, KeyUnreadable)
MADE_BY_TRADER = Statement(
    Command,
    "account_id IN (SELECT id FROM trading_venueaccount WHERE trader_id = %s) AND kind = ANY(%s) AND form_key = %s"
    " ORDER BY prepared_at DESC",
)


class StartsOver(Exception):
    """The form cannot be sent again as it is, for the reason in words: what it was filled in for has changed."""


def answer_form(
    request: MemberRequest,
    kinds: Iterable[CommandKind],
    form: Mapping[str, str],
    *,
    make: Callable[[UUID], Command],
    refuse: Callable[[str, int], HttpResponse],
) -> HttpResponse:
    """The notice of the command that the form makes, once, however often it arrives.

    ``make`` makes the command of a form with a new key; ``refuse`` shows what stands in the way, with a status.
    """
    try:
        form_key = read_form_key(request.POST.get("form_key", ""))
        command = made_before(request.user, kinds, form_key, form) or make(form_key)
    except FormReused:
        return refuse(REUSED, 409)
    except StartsOver as problem:
        return refuse(str(problem), 409)
    except PROBLEMS as problem:
        return refuse(str(problem), 422)
    return answer_command(request, command)


def made_before(trader: User, kinds: Iterable[CommandKind], form_key: UUID, form: Mapping[str, str]) -> Command | None:
    """The command that this form made, whichever of the trader's accounts it was for, also one that his pages no longer
    show; None for a new form.

    Raises ``FormReused`` where the form came with other values.
    """
    for found in MADE_BY_TRADER.rows(trader.pk, [*kinds], form_key):
        if found.fingerprint != fingerprint(form):
            raise FormReused
        return found
    return None


def kept_key(request: MemberRequest) -> UUID:
    """The key that a refused form keeps, so that it can still make one command only; a new one where it has none.

    A refused form made nothing, but another answer to the same press may still be on its way.
    """
    try:
        return read_form_key(request.POST.get("form_key", ""))
    except Unreadable:
        return uuid4()


def render_dialog(request: MemberRequest, template: str, context: dict[str, object], status: int = 200) -> HttpResponse:
    """The dialog's fragment, or the same fragment on a page of its own where there are no scripts."""
    if request.htmx:
        return render(request, template, context, status=status)
    return render(request, "trading/dialog_page.html", {**context, "fragment": template}, status=status)
