"""What a dialog says once the position it is about is gone: closed elsewhere, liquidated, or here, unanswered."""

from collections.abc import Callable
from functools import wraps

from django.http import Http404, HttpResponse
from django.shortcuts import render

from tenants.access import MemberRequest
from trading.models import Position

GONE = "This position is closed by now."
NOT_SENT = f"{GONE} Nothing was sent."

View = Callable[[MemberRequest, int], HttpResponse]


def tells_when_gone(place: str = "") -> Callable[[View], View]:
    """For a view about one position: once its row is gone that is said, in ``place`` of the dialog or on a page.

    A row that is there but not the trader's to see stays a page that does not exist. A form that made a command before
    is answered by its view, so one that comes here has sent nothing.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def told(request: MemberRequest, position_id: int) -> HttpResponse:
            try:
                return view(request, position_id)
            except Http404:
                if Position.objects.filter(pk=position_id).exists():
                    raise
            return render_gone(request, place, NOT_SENT if request.method == "POST" else GONE)

        return told

    return decorate


def render_gone(request: MemberRequest, place: str, words: str) -> HttpResponse:
    """The words in place of a dialog's preview, which asks no more; a page of its own where there is none."""
    if not request.htmx or not place:
        return render(request, "404.html", {"reason": words}, status=404)
    status = 409 if request.method == "POST" else 200
    answer = render(request, "trading/_position_gone.html", {"place": place, "words": words}, status=status)
    answer["HX-Reswap"] = "outerHTML"  # a morph would leave the preview asking
    return answer
