"""Operator A never reaches operator B: every address, with B's ids, on A's host, while B's rows are there."""

from typing import Any

import pytest

from tenants.models import AuditEvent, DomainClaim, Invitation
from tenants.scope import every_operator, operator_scope
from tests.factories import Belongings, Exchange, browser_at
from tests.tenants.addresses import OPEN, OWNER, ROLES, Address, addresses, ids_of
from trading.models import Command, MarginChange, Order, Position

PRIVATE = {"position_id", "order_id", "command_id", "trader_id", "member_id", "claim_id", "invitation_id", "secret"}
WITH_IDS = [address for address in addresses() if PRIVATE & set(address.arguments)]
LISTS = [address for address in addresses() if not address.arguments and address.policy != (OPEN,)]
# Whoever removes twice is led back to his list, whether the row was there once or never.
LED_BACK = ("console_domain_remove", "console_invitation")
BOBS_WORDS = ("bob@beta.example", "0xb0b0", "Beta", "beta.example", "beta.localhost")


def everything_of(exchange: Exchange) -> list[Any]:
    kinds = (Position, Order, Command, MarginChange, DomainClaim, Invitation)
    with operator_scope(exchange.operator.pk):
        return [list(kind.objects.order_by("pk").values()) for kind in kinds]


def test_there_are_addresses_with_private_ids() -> None:
    assert {argument for address in WITH_IDS for argument in address.arguments} >= PRIVATE


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("address", WITH_IDS, ids=lambda address: address.name)
def test_another_operators_ids_do_not_exist_here(
    alpha: Exchange, beta: Exchange, alices: Belongings, bobs: Belongings, address: Address, role: str
) -> None:
    client, path = browser_at(alpha, alpha.person(role)), address.path(ids_of(beta, bobs))
    before = everything_of(beta)

    found = client.get(path)
    sent = client.post(path, {"form_key": "00000000-0000-4000-8000-000000000001", "direction": "add", "amount": "1"})

    if address.name in LED_BACK and role == OWNER:
        assert (found.status_code, sent.status_code) == (405, 302)
    else:
        assert 404 in (found.status_code, sent.status_code)
        assert {found.status_code, sent.status_code} <= {403, 404, 405}
    assert everything_of(beta) == before
    assert not [word for word in BOBS_WORDS if word in found.content.decode() + sent.content.decode()]


@pytest.mark.parametrize("address", WITH_IDS, ids=lambda address: address.name)
def test_own_ids_are_found_where_anothers_are_not(
    alpha: Exchange, beta: Exchange, alices: Belongings, bobs: Belongings, address: Address
) -> None:
    role = address.policy[0]
    client = browser_at(alpha, alpha.person(role))

    assert client.get(address.path(ids_of(alpha, alices))).status_code in {200, 302, 405}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("address", LISTS, ids=lambda address: address.name)
def test_no_page_shows_a_word_of_another_operator(
    alpha: Exchange, beta: Exchange, alices: Belongings, bobs: Belongings, address: Address, role: str
) -> None:
    page = browser_at(alpha, alpha.person(role)).get(address.path({})).content.decode()

    assert not [word for word in BOBS_WORDS if word in page]


def test_signed_drafts_are_worth_nothing_at_another_operator(alpha: Exchange, beta: Exchange, market: object) -> None:
    page = browser_at(beta, beta.owner).get("/console/brand/").content.decode()
    frame = page.partition('<iframe src="')[2].partition('"')[0]

    assert frame.startswith("/console/frames/terminal/?brand=")
    assert browser_at(beta, beta.owner).get(frame).status_code == 200
    assert browser_at(alpha, alpha.owner).get(frame).status_code == 404


def test_search_finds_nobody_of_another_operator(
    alpha: Exchange, beta: Exchange, alices: Belongings, bobs: Belongings
) -> None:
    for query in ("bob", "bob@beta.example", "0xb0b0"):
        page = browser_at(alpha, alpha.support).get("/support/", {"q": query}).content.decode()
        assert "Nobody found" in page


def test_looks_are_recorded_at_the_operator_that_looked(
    alpha: Exchange, beta: Exchange, alices: Belongings, bobs: Belongings
) -> None:
    with every_operator():
        before = AuditEvent.objects.count()
    browser_at(alpha, alpha.support).get(f"/support/traders/{beta.trader.pk}/")

    with every_operator():
        assert AuditEvent.objects.count() == before
