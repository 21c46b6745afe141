"""What became of a command: the notice, and the answer to a form that made one."""

from uuid import UUID, uuid4

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, trader_required
from trading.desk import command_of
from trading.models import Command
from trading.panels.history import build_notice


@trader_required
@require_GET
def show_command(request: MemberRequest, command_id: UUID) -> HttpResponse:
    """A command's notice; while it is not proven it keeps asking here."""
    command = command_of(request.user, command_id)
    if not request.htmx:
        return redirect(_back_to(command))
    answer = render(request, "trading/_notice.html", {"notice": build_notice(command)})
    if command.is_settled:
        answer["HX-Trigger"] = "refresh"
    return answer


def answer_command(request: MemberRequest, command: Command) -> HttpResponse:
    """The notice of a command just made, and a new key for the form; without scripts, back to the terminal."""
    if not request.htmx:
        return redirect(_back_to(command))
    answer = render(request, "trading/_notice.html", {"notice": build_notice(command, form_key=uuid4())})
    answer["HX-Trigger"] = "refresh"
    return answer


def _back_to(command: Command) -> str:
    return f"{reverse('terminal', args=[command.market.name])}?notice={command.pk}"
