"""The client's address, with a proxy in front and without."""

import pytest
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from tenants import audit
from tenants.client import client_address
from tenants.models import AuditEvent
from tenants.scope import operator_scope
from tests.factories import Exchange

PROXY = "10.0.0.1"


def seen(forwarded: str, address: str = PROXY) -> str:
    return client_address(RequestFactory().get("/", REMOTE_ADDR=address, HTTP_X_FORWARDED_FOR=forwarded))


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("198.51.100.1, 203.0.113.5", "203.0.113.5"),
        ("127.0.0.1,203.0.113.5 ", "203.0.113.5"),
        ("2001:DB8::1", "2001:db8::1"),
        ("", PROXY),
        ("203.0.113.5, unknown", PROXY),
    ],
)
def test_trusted_proxys_own_entry_is_the_client(settings: Settings, forwarded: str, address: str) -> None:
    settings.TRUST_PROXY = True

    assert seen(forwarded) == address


def test_header_is_not_believed_without_a_trusted_proxy(settings: Settings) -> None:
    settings.TRUST_PROXY = False

    assert seen("203.0.113.5", "198.51.100.9") == "198.51.100.9"


def test_socket_without_an_address_is_nobody(settings: Settings) -> None:
    settings.TRUST_PROXY = True

    assert [seen("", address) for address in ("", "unix")] == ["", ""]


def test_audit_names_the_client_and_not_the_proxy(alpha: Exchange, settings: Settings) -> None:
    settings.TRUST_PROXY = True
    request = RequestFactory().get("/", REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR="198.51.100.1, 203.0.113.5")
    request.user = alpha.trader

    with operator_scope(alpha.operator.pk):
        audit.record(request, action="looked", subject="an account")  # type: ignore[arg-type]
        assert [event.address for event in AuditEvent.objects.all()] == ["203.0.113.5"]
