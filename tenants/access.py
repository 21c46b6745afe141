"""Who may call a view: typed requests and the decorators that make them."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse

from tenants.hosts import OperatorHost
from tenants.models import Role, User

P = ParamSpec("P")


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


def _admit(view: View[P], may_enter: Callable[[User], bool]) -> Door[P]:
    @wraps(view)
    def door(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return _ask_to_sign_in(request)
        if not may_enter(request.user):
            raise Http404
        return view(cast(MemberRequest, request), *args, **kwargs)

    return door


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """A page is redirected; a fragment tells htmx to move the whole page, so no sign-in form lands inside a panel."""
    htmx = getattr(request, "htmx", None)
    if not htmx:
        return redirect_to_login(request.get_full_path())
    # The page that asked, not the fragment; on another host it is no place to return to.
    answer = redirect_to_login(htmx.current_url_abs_path or "/")
    moved = HttpResponse(status=204)
    moved["HX-Redirect"] = answer.url
    return moved
