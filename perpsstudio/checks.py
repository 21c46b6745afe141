"""System checks that refuse a deployment which would lose keys, sign for the wrong network or weaken tenant isolation.

========================  ==========================================================================
``perpsstudio.E001``      the development ``SECRET_KEY`` outside ``DEBUG``
``perpsstudio.E002``      no ``AGENT_KEY_SECRETS`` outside ``DEBUG``, or one that is no Fernet key
``perpsstudio.E003``      ``HYPERLIQUID_NETWORK`` or ``ASTER_NETWORK`` names no network
``perpsstudio.E004``      ``HYPERLIQUID_URL`` or ``ASTER_URL`` is no http(s) address, or neither is set
``perpsstudio.E005``      ``TIME_ZONE`` is not UTC
``perpsstudio.E006``      the database role bypasses row-level security
``perpsstudio.W001``      Hyperliquid's own address with the signing network of another one
``perpsstudio.I001``      Hyperliquid's own address, and no builder-deployed book is listed
========================  ==========================================================================
"""

import base64
import binascii
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register  # noqa: A004 - Django's name
from django.db import connections

from perpsstudio.settings import INSECURE_SECRET_KEY
from trading.venues.base import Network
from trading.venues.table import GATEWAYS

FERNET_KEY_BYTES = 32
# The venue's own addresses (Hyperliquid 1.1). Elsewhere, at a node or a sandbox, nothing can be said.
HYPERLIQUID_HOSTS = {
    "api.hyperliquid.xyz": Network.MAINNET,
    "api.hyperliquid-testnet.xyz": Network.TESTNET,
}


@register(Tags.security)
def check_secret_key(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Outside ``DEBUG`` a deployment has a secret key of its own: anyone could sign sessions with ours."""
    if settings.DEBUG or settings.SECRET_KEY != INSECURE_SECRET_KEY:
        return []
    return [Error("SECRET_KEY is the development key.", hint="Set SECRET_KEY.", id="perpsstudio.E001")]


@register(Tags.security)
def check_agent_key_secrets(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Traders' agent keys are stored encrypted, so outside ``DEBUG`` there is a key to encrypt them with."""
    hint = "Set AGENT_KEY_SECRETS to one or more Fernet keys, comma-separated, the newest first."
    if not settings.AGENT_KEY_SECRETS and not settings.DEBUG:
        return [Error("AGENT_KEY_SECRETS is empty.", hint=hint, id="perpsstudio.E002")]
    if all(_is_fernet_key(secret) for secret in settings.AGENT_KEY_SECRETS):
        return []
    return [Error("AGENT_KEY_SECRETS holds something that is no Fernet key.", hint=hint, id="perpsstudio.E002")]


@register()
def check_network(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """The signing network of every venue is one that venues have."""
    hint = f"Set it to {' or '.join(network.value for network in Network)}."
    return [
        Error(f"{venue.name}_NETWORK is '{network}'.", hint=hint, id="perpsstudio.E003")
        for venue in GATEWAYS
        if (network := getattr(settings, f"{venue.name}_NETWORK")) not in {network.value for network in Network}
    ]


@register()
def check_venue_url(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Every venue's address is one that its client can call, and there is one at least."""
    urls = {f"{venue.name}_URL": getattr(settings, f"{venue.name}_URL") for venue in GATEWAYS}
    if not any(urls.values()):
        hint = f"Set one of {', '.join(urls)}."
        return [Error("No venue is connected.", hint=hint, id="perpsstudio.E004")]
    hint = "Set it to an address that begins with https:// (or http:// for the sandbox), or leave it empty."
    return [
        Error(f"{name} is '{url}'.", hint=hint, id="perpsstudio.E004")
        for name, url in urls.items()
        if url and not _is_web_address(url)
    ]


@register()
def check_hyperliquid_is_whole(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """At the venue itself, what has to change together with its address was not forgotten."""
    network = HYPERLIQUID_HOSTS.get(urlsplit(settings.HYPERLIQUID_URL).hostname or "")
    if network is None:
        return []
    messages: list[CheckMessage] = []
    if network.value != settings.HYPERLIQUID_NETWORK:
        problem = (
            f"HYPERLIQUID_URL is the {network.value}'s, and HYPERLIQUID_NETWORK is not: it will refuse all orders."
        )
        messages.append(Warning(problem, hint=f"Set it to {network.value}.", id="perpsstudio.W001"))
    if not settings.HYPERLIQUID_DEXES:
        hint = "Name books in HYPERLIQUID_DEXES, such as xyz, unless none shall be traded."
        messages.append(Info("No builder-deployed book is listed.", hint=hint, id="perpsstudio.I001"))
    return messages


def _is_web_address(url: str) -> bool:
    address = urlsplit(url)
    return address.scheme in {"http", "https"} and bool(address.hostname)


@register()
def check_time_zone(app_configs: Sequence[AppConfig] | None, **options: object) -> list[CheckMessage]:
    """Times are UTC everywhere, as the venues' are."""
    if settings.TIME_ZONE == "UTC" and settings.USE_TZ:
        return []
    return [Error("Times are not UTC.", hint="Set TIME_ZONE = 'UTC' and USE_TZ = True.", id="perpsstudio.E005")]


@register(Tags.database)
def check_database_role(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **options: object
) -> list[CheckMessage]:
    """Row-level security holds for the role: superusers and BYPASSRLS roles see every operator's rows."""
    messages: list[CheckMessage] = []
    for alias in databases or []:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            role, bypasses = cursor.fetchone()
        if bypasses:
            messages.append(
                Error(
                    f"The database role '{role}' bypasses row-level security.",
                    hint="Connect as an ordinary role that owns the database.",
                    obj=alias,
                    id="perpsstudio.E006",
                )
            )
    return messages


def _is_fernet_key(secret: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(secret)) == FERNET_KEY_BYTES
    except (binascii.Error, ValueError):
        return False
