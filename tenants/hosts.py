"""From the Host header to the operator it names.

One function, one small dataclass out, typed errors. The middleware translates; nothing here knows of responses.
"""

import re
import time
from dataclasses import dataclass

from django.conf import settings

from tenants.models import Domain

# Labels of letters, digits and hyphens, with an optional port (RFC 1123).
HOST = re.compile(
    r"^(?=.{1,253}(:|$))([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*(:\d{1,5})?$"
)
REMEMBERED_SECONDS = 2.0
REMEMBERED_HOSTS = 1000


class HostError(Exception):
    """The host leads nowhere."""


class MalformedHost(HostError):
    """Not a host name at all."""


class UnknownHost(HostError):
    """A well-formed name that no operator has."""


class OperatorClosed(HostError):
    """The operator exists and is switched off."""


@dataclass(frozen=True, slots=True)
class OperatorHost:
    """The operator a request is for."""

    operator_id: int
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class PlatformHost:
    """The platform's own host, which serves no operator."""


_remembered: dict[str, tuple[float, OperatorHost]] = {}


def resolve(raw_host: str) -> OperatorHost | PlatformHost:
    """Find whom a Host header names. Raises ``MalformedHost``, ``UnknownHost`` or ``OperatorClosed``.

    Successful answers are remembered for two seconds in this process; refusals never are, so that a stream of
    invented names cannot fill the memory.
    """
    host = raw_host.strip().lower().rstrip(".")
    if not HOST.fullmatch(host):
        raise MalformedHost(raw_host)
    name = host.partition(":")[0]
    if name == settings.PLATFORM_HOST:
        return PlatformHost()
    known = _remembered.get(name)
    if known and known[0] > time.monotonic():
        return known[1]
    return _look_up(name)


def forget_hosts() -> None:
    """Drop what this process remembers, after domains or operators changed."""
    _remembered.clear()


def _look_up(name: str) -> OperatorHost:
    domain = Domain.objects.select_related("operator").filter(host=name).first()
    if domain is None:
        raise UnknownHost(name)
    operator = domain.operator
    if not operator.is_active:
        raise OperatorClosed(name)
    match = OperatorHost(operator_id=operator.pk, slug=operator.slug, name=operator.name)
    if len(_remembered) >= REMEMBERED_HOSTS:
        _remembered.clear()
    _remembered[name] = (time.monotonic() + REMEMBERED_SECONDS, match)
    return match
