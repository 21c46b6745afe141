"""Who may call a view: typed requests and the decorators that make them."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlsplit, urlunsplit

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.views.decorators.http import require_POST

from tenants.hosts import OperatorHost
from tenants.models import Role, User
from trading.venues.metered import asked_by

P = ParamSpec("P")
FORMS_ONLY = "takes_forms_only"


class OperatorRequest(HttpRequest):
    """A request on an operator's host."""

    operator: OperatorHost
    htmx: Any


class MemberRequest(OperatorRequest):
    """A request by somebody who signed in at that operator."""

    user: User


View = Callable[Concatenate[MemberRequest, P], HttpResponse]
Door = Callable[Concatenate[HttpRequest, P], HttpResponse]


def signed_in(view: View[P]) -> Door[P]:
    """Admit anybody who signed in; send others to the sign-in page and back."""
    return _admit(view, lambda user: True)


def trader_required(view: View[P]) -> Door[P]:
    """Admit traders. Team members get the 404 of a page that is not theirs."""
    return _admit(view, lambda user: user.is_trader)


def role_required(*roles: Role) -> Callable[[View[P]], Door[P]]:
    """Admit members of the operator's team who hold one of the roles."""
    return lambda view: _admit(view, lambda user: user.role in roles)


def require_form(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """Take what a form sends and nothing else. The view says so itself, through whatever is wrapped around it: nobody
    is led back to an address that shows nothing."""
    guarded = require_POST(view)
    guarded.__dict__[FORMS_ONLY] = True
    return guarded


def _admit(view: View[P], may_enter: Callable[[User], bool]) -> Door[P]:
    """The view for whoever may enter. What it asks of a venue is asked by him, so he has no more than his share."""

    @wraps(view)
    def door(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return _ask_to_sign_in(request)
        if not may_enter(request.user):
            raise Http404
        with asked_by(str(request.user.pk)):
            return view(cast(MemberRequest, request), *args, **kwargs)

    return door


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """A page is redirected; a fragment tells htmx to move the whole page, so no sign-in form lands inside a panel."""
    htmx = getattr(request, "htmx", None)
    if not htmx:
        return redirect_to_login(
            request.get_full_path() if request.method in ("GET", "HEAD") else _page_before(request)
        )
    # The page that asked, not the fragment; on another host it is no place to return to.
    answer = redirect_to_login(htmx.current_url_abs_path or "/")
    moved = HttpResponse(status=204)
    moved["HX-Redirect"] = answer.url
    return moved


def _page_before(request: HttpRequest) -> str:
    """The page of this host that a form was sent from: the form's own address shows nothing to whoever comes back."""
    try:
        page = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return "/"
    is_ours = page.netloc == request.get_host() and _shows_something(page.path or "/")
    return urlunsplit(("", "", page.path or "/", page.query, "")) if is_ours else "/"


def _shows_something(path: str) -> bool:
    """Whether a page is there: a form that was refused came back at its own address, which takes forms only."""
    try:
        return not getattr(resolve(path).func, FORMS_ONLY, False)
    except Resolver404:
        return False
