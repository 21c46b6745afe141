"""What became of a command: the notice, and the answer to a form that made one."""

from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET
from redis.exceptions import RedisError

from tenants.access import MemberRequest, trader_required
from trading.live.publish import note_change
from trading.models import Command
from trading.ownership import command_of
from trading.panels.notices import build_notice


@trader_required
@require_GET
def show_command(request: MemberRequest, command_id: UUID) -> HttpResponse:
    """A command's notice; while it is not proven it keeps asking here."""
    command = command_of(request.user, command_id)
    if not request.htmx:
        return redirect(_back_to(command))
    answer = render(request, "trading/_notice.html", {"notice": build_notice(command)})
    return refreshed(answer, [command]) if command.is_settled else answer


def answer_command(request: MemberRequest, command: Command, form_key: UUID | None = None) -> HttpResponse:
    """The notice of a command just made; without scripts, back to the terminal.

    ``form_key`` arms the ticket for another order. Only the ticket's own answer brings one: any other would let an
    order whose answer was lost be sent twice.
    """
    if not request.htmx:
        return redirect(_back_to(command))
    answer = render(request, "trading/_notice.html", {"notice": build_notice(command, form_key)})
    return refreshed(answer, [command])


def refreshed(answer: HttpResponse, commands: Iterable[Command]) -> HttpResponse:
    """The answer, after which the page fetches its tables again: none is served from before the commands."""
    with suppress(RedisError):
        for operator_id, account_id in {(command.account.operator_id, command.account_id) for command in commands}:
            note_change(operator_id, account_id)
    answer["HX-Trigger"] = "refresh"
    return answer


def _back_to(command: Command) -> str:
    return f"{reverse('terminal', args=[command.market.address])}?notice={command.pk}"
