"""Translate ``hosts``, ``scope`` and roles into responses, nothing more."""

import logging
from collections.abc import Callable

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from tenants.hosts import HostError, MalformedHost, OperatorClosed, OperatorHost, resolve
from tenants.models import Role
from tenants.scope import operator_scope

logger = logging.getLogger(__name__)

Handler = Callable[[HttpRequest], HttpResponse]
HEALTH_PATH = "/healthz"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# What whoever is signed in as support may send: the end of that session, a password for a link he came by, and his own.
OPEN_TO_SUPPORT = frozenset({"/sign-out/", "/join/", "/account/password/"})


class OperatorMiddleware:
    """Decide whose request this is before any view runs, and serve it inside that operator's scope."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == HEALTH_PATH:
            return HttpResponse("ok\n", content_type="text/plain")
        try:
            host = resolve(request.META.get("HTTP_HOST", ""))
        except HostError as error:
            return _refuse(error)
        except DatabaseError as error:
            return _not_ready(request, error)
        if not isinstance(host, OperatorHost):
            request.urlconf = "perpsstudio.platform_urls"
            return self.get_response(request)
        request.operator = host  # type: ignore[attr-defined]
        with operator_scope(host.operator_id):
            return self.get_response(request)


def _refuse(error: HostError) -> HttpResponse:
    """Plain words without a template: no brand is known here, and nothing about any operator is told."""
    match error:
        case MalformedHost():
            return HttpResponse("This address is not a host name.\n", status=400, content_type="text/plain")
        case OperatorClosed():
            return HttpResponse("This exchange is closed at the moment.\n", status=503, content_type="text/plain")
        case _:
            return HttpResponse("No exchange lives at this address.\n", status=404, content_type="text/plain")


def _not_ready(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    """Before the tables are there, and while the database is away, nobody can tell whose page it is.

    A form has not been read by then, and its address answers nobody who merely comes again.
    """
    logger.warning("No host can be looked up: %s", error)
    page = render_to_string("503.html", {"was_form": request.method not in SAFE_METHODS})
    return HttpResponse(page, status=503, headers={"Retry-After": "2"})


class ReadOnlyRoleMiddleware:
    """Support staff look and touch nothing: every unsafe method is refused for the role, bar its ways out."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in SAFE_METHODS or request.path in OPEN_TO_SUPPORT or not hasattr(request, "operator"):
            return self.get_response(request)
        if getattr(request.user, "role", "") == Role.SUPPORT:
            return render(
                request, "403.html", {"reason": "Support staff can look at everything and change nothing."}, status=403
            )
        return self.get_response(request)
