"""Prometheus' door: the platform's own measurements, for this machine or for whoever holds the token."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from tenants.scope import every_operator
from trading.metrics import exposition

# A request that carries one of these came through a proxy, which may itself be on this machine.
FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP", "HTTP_VIA")
REFUSAL = "Metrics are for this machine, or for whoever sends METRICS_TOKEN as a bearer token.\n"


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """The measurements of all operators together; no trader, account or operator is named in them."""
    if not (has_token(request) or is_local(request)):
        headers = {"WWW-Authenticate": "Bearer"}
        return HttpResponse(REFUSAL, status=401, content_type="text/plain; charset=utf-8", headers=headers)
    with every_operator():
        return HttpResponse(exposition(timezone.now()), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def has_token(request: HttpRequest) -> bool:
    """Whether the request carries the deployment's token; never where none is set."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    is_bearer = scheme.lower() == "bearer" and bool(settings.METRICS_TOKEN)
    return is_bearer and constant_time_compare(token, settings.METRICS_TOKEN)


def is_local(request: HttpRequest) -> bool:
    """Whether the request was made on this machine itself and not passed on by a proxy here."""
    if settings.SECURE_PROXY_SSL_HEADER or any(name in request.META for name in FORWARDED):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
