"""Roles against addresses: every combination, read from the URLconf."""

from collections.abc import Iterator
from copy import deepcopy

import pytest
from django.db import connection, transaction
from django.urls import resolve
from pytest_django import DjangoDbBlocker

from tenants.access import FORMS_ONLY
from tenants.models import Role
from tests import factories
from tests.factories import Belongings, Exchange, browser_at
from tests.tenants.addresses import MEMBERS, OPEN, POLICY, ROLES, SUPPORT, Address, addresses, ids_of
from tests.tenants.visits import ANSWERS

ALL = addresses()
CLOSED = [address for address in ALL if address.policy != (OPEN,)]
PAIRS = [(address, role) for address in ALL for role in ROLES]
ADMITTED = [(address, role) for address, role in PAIRS if {OPEN, MEMBERS, role} & set(address.policy)]
REFUSED = [(address, role) for address, role in PAIRS if (address, role) not in ADMITTED]


def name_of(pair: tuple[Address, str]) -> str:
    return f"{pair[0].name}-{pair[1]}"


UNSAFE = ("post", "put", "patch", "delete")
# What support may send: the end of its session, a password for a link that it did not come by, and one without the old.
OPEN_TO_SUPPORT = {"sign_out": 302, "join": 404, "password": 422}


@pytest.fixture(scope="module")
def made_once(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[Exchange, Belongings]]:
    """Alice's exchange and her rows; what a test changes is undone with its own transaction, within this one. To
    whoever does not ask for it the database stays closed."""
    with django_db_blocker.unblock(), transaction.atomic():
        exchange, market = factories.make_exchange("alpha", "alice", "olga", "sam"), factories.make_market()
        belongings = factories.make_belongings(exchange, market, factories.ALICES_ADDRESS)
        with django_db_blocker.block():
            yield exchange, belongings
        transaction.set_rollback(True)


@pytest.fixture
def rows(made_once: tuple[Exchange, Belongings], db: None) -> tuple[Exchange, Belongings]:
    """Objects of this test's own for the rows of all."""
    return deepcopy(made_once)


@pytest.fixture
def alpha(rows: tuple[Exchange, Belongings]) -> Exchange:
    return rows[0]


@pytest.fixture
def alices(rows: tuple[Exchange, Belongings]) -> Belongings:
    return rows[1]


def test_rows_of_all_open_the_database_to_no_test_that_did_not_ask(made_once: tuple[Exchange, Belongings]) -> None:
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        connection.ensure_connection()


def test_every_address_has_a_policy_and_every_policy_an_address() -> None:
    assert {address.name for address in ALL} == set(POLICY)


@pytest.mark.parametrize("address", CLOSED, ids=lambda address: address.name)
def test_nobody_gets_past_sign_in(alpha: Exchange, alices: Belongings, address: Address) -> None:
    path = address.path(ids_of(alpha, alices))

    for method, back in (("get", path), *((method, "/") for method in UNSAFE)):
        answer = getattr(browser_at(alpha), method)(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/sign-in/?next={back}")


@pytest.mark.parametrize(
    ("page", "back"),
    [
        ("http://alpha.localhost/trade/BTC/?size=1", "/trade/BTC/%3Fsize%3D1"),
        ("http://alpha.localhost", "/"),
        ("http://alpha.localhost/console/team/", "/console/team/"),
        ("http://alpha.localhost/positions/1/close/now/", "/"),
        ("http://alpha.localhost/console/margin/preview/", "/"),
        ("http://alpha.localhost/nowhere/", "/"),
        ("http://elsewhere.example/trade/BTC/", "/"),
        ("http://[nonsense", "/"),
        ("", "/"),
    ],
)
def test_form_that_nobody_was_signed_in_for_leads_back_to_its_page(alpha: Exchange, page: str, back: str) -> None:
    answer = browser_at(alpha).post("/positions/1/close/now/", headers={"Referer": page})

    assert (answer.status_code, answer.headers["Location"]) == (302, f"/sign-in/?next={back}")


@pytest.mark.parametrize("address", CLOSED, ids=lambda address: address.name)
def test_fragment_moves_the_whole_page_to_sign_in(alpha: Exchange, alices: Belongings, address: Address) -> None:
    answer = browser_at(alpha, htmx=True).get(address.path(ids_of(alpha, alices)))

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["HX-Redirect"].startswith("/sign-in/?next=/")


@pytest.mark.parametrize(
    ("page", "back"),
    [
        ("http://alpha.localhost/trade/BTC/?size=1", "/trade/BTC/%3Fsize%3D1"),
        ("http://elsewhere.example/trade/BTC/", "/"),
        ("nonsense", "/"),
        ("", "/"),
    ],
)
def test_fragment_leads_back_to_the_page_that_asked(alpha: Exchange, page: str, back: str) -> None:
    answer = browser_at(alpha, htmx=True).get("/positions/", headers={"HX-Current-URL": page})

    assert answer.headers["HX-Redirect"] == f"/sign-in/?next={back}"


@pytest.mark.parametrize("pair", REFUSED, ids=name_of)
def test_role_without_the_right_finds_no_such_page(
    alpha: Exchange, alices: Belongings, pair: tuple[Address, str]
) -> None:
    address, role = pair
    client, path = browser_at(alpha, alpha.person(role)), address.path(ids_of(alpha, alices))

    assert client.get(path).status_code == 404
    assert client.post(path).status_code == (403 if role == SUPPORT else 404)


@pytest.mark.parametrize("pair", ADMITTED, ids=name_of)
def test_role_with_the_right_finds_the_page(alpha: Exchange, alices: Belongings, pair: tuple[Address, str]) -> None:
    address, role = pair
    answer = browser_at(alpha, alpha.person(role)).get(address.path(ids_of(alpha, alices)))

    assert answer.status_code == ANSWERS.get(address.name, 200)


@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize("address", ALL, ids=lambda address: address.name)
def test_support_changes_nothing_anywhere(alpha: Exchange, alices: Belongings, address: Address, method: str) -> None:
    client = browser_at(alpha, alpha.support)
    answer = getattr(client, method)(address.path(ids_of(alpha, alices)))

    if address.name in OPEN_TO_SUPPORT:
        assert answer.status_code == (OPEN_TO_SUPPORT[address.name] if method == "post" else 405)
    else:
        assert (answer.status_code, "You may not see this" in answer.content.decode()) == (403, True)


def test_address_that_shows_nothing_is_told_by_its_view(alpha: Exchange, alices: Belongings) -> None:
    views = {address.name: resolve(address.path(ids_of(alpha, alices))).func for address in ALL}
    silent = {name for name, view in views.items() if getattr(view, FORMS_ONLY, False)}

    assert silent == {name for name, status in ANSWERS.items() if status == 405}


def test_support_is_a_role_that_reads_only(alpha: Exchange) -> None:
    assert (alpha.support.role, alpha.support.is_trader) == (Role.SUPPORT, False)
