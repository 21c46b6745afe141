"""Whose attempts are counted together: of an address, and of all that one customer may take for his own."""

import pytest
from django.core.cache import cache

from tenants.attempts import ATTEMPTS, ATTEMPTS_PER_ADDRESS, count_attempt, forget_attempts
from tenants.models import AuditEvent
from tenants.scope import operator_scope
from tests.factories import PASSWORD, Exchange, browser_at

ALICE = "alice@alpha.example"
OPERATOR = 1


@pytest.fixture(autouse=True)
def forgotten_attempts() -> None:
    """Attempts are counted across test runs too."""
    cache.clear()


def try_from(*addresses: str, name: str = ALICE) -> list[bool]:
    return [count_attempt(OPERATOR, name, address) for address in addresses]


def test_addresses_of_one_ipv6_network_are_one() -> None:
    tried = try_from(*(f"2001:db8:1:2:{number:x}::{number:x}" for number in range(ATTEMPTS + 1)))

    assert tried == [True] * ATTEMPTS + [False]
    assert try_from("2001:db8:1:2::1", "2001:db8:1:3::1") == [False, True]


def test_names_tried_from_one_ipv6_network_are_limited() -> None:
    for number in range(ATTEMPTS_PER_ADDRESS):
        assert try_from(f"2001:db8:1:2::{number:x}", name=f"name-{number}") == [True]

    assert try_from("2001:db8:1:2:ffff::1", name="another") == [False]


def test_right_password_from_another_address_of_the_network_starts_afresh() -> None:
    try_from(*["2001:db8:1:2::1"] * ATTEMPTS)
    forget_attempts(OPERATOR, ALICE, "2001:db8:1:2::2")

    assert try_from("2001:db8:1:2::3") == [True]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.7", "192.0.2.8"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.8"),
        ("", "192.0.2.8"),
    ],
)
def test_other_addresses_are_counted_each(one: str, other: str) -> None:
    try_from(*[one] * (ATTEMPTS + 1))

    assert try_from(one, other) == [False, True]


def test_address_written_as_ipv6_is_the_same_address() -> None:
    try_from(*["192.0.2.7"] * ATTEMPTS)

    assert try_from("::ffff:192.0.2.7") == [False]


def test_record_keeps_the_whole_address(alpha: Exchange) -> None:
    browser = browser_at(alpha, alpha.owner)
    browser.defaults["REMOTE_ADDR"] = "2001:db8:1:2:3:4:5:6"
    browser.post("/account/password/", {"present": PASSWORD, "password": "another password entirely"})

    with operator_scope(alpha.operator.pk):
        assert [event.address for event in AuditEvent.objects.all()] == ["2001:db8:1:2:3:4:5:6"]
