"""Signing in and out: one operator's people on one operator's host."""

from urllib.parse import quote

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from tenants.attempts import ATTEMPTS, ATTEMPTS_PER_ADDRESS
from tenants.scope import operator_scope
from tenants.views import TOO_MANY, WRONG_PAIR
from tests.factories import PASSWORD, Exchange, browser_at, make_user
from tests.tenants.signing_in import sign_in


@pytest.fixture(autouse=True)
def forgotten_attempts() -> None:
    """Attempts are counted across test runs too."""
    cache.clear()


@pytest.mark.parametrize(
    ("email", "first_page"),
    [("alice@alpha.example", "/"), ("olga@alpha.example", "/console/"), ("sam@alpha.example", "/support/")],
)
def test_everybody_comes_to_their_own_first_page(alpha: Exchange, email: str, first_page: str) -> None:
    assert sign_in(browser_at(alpha), email)[:2] == (302, first_page)


def test_email_is_the_same_in_any_case(alpha: Exchange) -> None:
    assert sign_in(browser_at(alpha), " ALICE@Alpha.example ")[:2] == (302, "/")


@pytest.mark.parametrize(
    ("email", "password"),
    [("alice@alpha.example", "wrong"), ("nobody@alpha.example", PASSWORD), ("bob@beta.example", PASSWORD)],
)
def test_every_wrong_pair_gets_the_same_sentence(alpha: Exchange, beta: Exchange, email: str, password: str) -> None:
    status, _, page = sign_in(browser_at(alpha), email, password)

    assert (status, WRONG_PAIR in page, f'value="{email}"' in page, password in page) == (422, True, True, False)


def test_closed_person_gets_the_same_sentence(alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        alpha.trader.is_active = False
        alpha.trader.save()

    status, _, page = sign_in(browser_at(alpha), alpha.trader.email)

    assert (status, WRONG_PAIR in page) == (422, True)


@pytest.mark.parametrize(
    ("email", "password", "sentence"),
    [("", "x", "Enter your e-mail address."), ("alice@alpha.example", "", "Enter your password.")],
)
def test_empty_field_gets_its_sentence(alpha: Exchange, email: str, password: str, sentence: str) -> None:
    status, _, page = sign_in(browser_at(alpha), email, password)

    assert (status, sentence in page) == (422, True)


def test_same_email_at_two_operators_is_two_people(alpha: Exchange, beta: Exchange) -> None:
    with operator_scope(beta.operator.pk):
        twin = make_user("alice@alpha.example")
        twin.set_password("another password entirely")
        twin.save()

    assert sign_in(browser_at(beta), "alice@alpha.example")[0] == 422
    assert sign_in(browser_at(beta), "alice@alpha.example", "another password entirely")[0] == 302


@pytest.mark.parametrize("wanted", ["/trade/ETH/", "/trade/ETH/?side=short"])
def test_next_leads_back_to_where_one_was(alpha: Exchange, wanted: str) -> None:
    assert sign_in(browser_at(alpha), "alice@alpha.example", next=wanted)[1] == wanted


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "http://beta.localhost/",
        "javascript:alert(1)",
        "\\\\evil.example",
        "no-such-word",
    ],
)
def test_next_never_leaves_the_host(alpha: Exchange, wanted: str) -> None:
    page = browser_at(alpha).get(f"/sign-in/?next={quote(wanted)}").content.decode()

    assert sign_in(browser_at(alpha), "alice@alpha.example", next=wanted)[1] == "/"
    assert wanted not in page


def test_attempts_are_limited(alpha: Exchange) -> None:
    client = browser_at(alpha)
    statuses = [sign_in(client, "alice@alpha.example", "wrong")[0] for _ in range(ATTEMPTS)]

    assert statuses == [422] * ATTEMPTS
    status, _, page = sign_in(client, "alice@alpha.example")
    assert (status, TOO_MANY in page) == (429, True)


def test_limit_is_for_one_email_at_one_operator_from_one_address(alpha: Exchange, beta: Exchange) -> None:
    for _ in range(ATTEMPTS + 1):
        sign_in(browser_at(alpha), "alice@alpha.example", "wrong")
    elsewhere = browser_at(alpha)
    elsewhere.defaults["REMOTE_ADDR"] = "192.0.2.7"

    assert sign_in(browser_at(alpha), "alice@alpha.example")[0] == 429
    assert sign_in(browser_at(alpha), "olga@alpha.example")[0] == 302
    assert sign_in(browser_at(beta), "alice@alpha.example", "wrong")[0] == 422
    assert sign_in(elsewhere, "alice@alpha.example")[0] == 302


def test_many_names_from_one_address_are_limited(alpha: Exchange, beta: Exchange) -> None:
    client = browser_at(alpha)
    statuses = {sign_in(client, f"name-{number}@alpha.example", "guess")[0] for number in range(ATTEMPTS_PER_ADDRESS)}
    elsewhere = browser_at(alpha)
    elsewhere.defaults["REMOTE_ADDR"] = "192.0.2.7"

    assert statuses == {422}
    assert sign_in(client, "alice@alpha.example")[0] == 429
    assert sign_in(browser_at(beta), "bob@beta.example")[0] == 302
    assert sign_in(elsewhere, "alice@alpha.example")[0] == 302


def test_right_passwords_neither_use_up_nor_restore_an_address(alpha: Exchange) -> None:
    for number in range(ATTEMPTS_PER_ADDRESS - 1):
        sign_in(browser_at(alpha), f"name-{number}@alpha.example", "guess")

    assert [sign_in(browser_at(alpha), "alice@alpha.example")[0] for _ in range(3)] == [302] * 3
    assert sign_in(browser_at(alpha), "nobody@alpha.example", "guess")[0] == 422
    assert sign_in(browser_at(alpha), "alice@alpha.example")[0] == 429


def test_attempts_behind_a_proxy_are_counted_for_each_client(alpha: Exchange, settings: Settings) -> None:
    settings.TRUST_PROXY = True
    attacker, alice = browser_at(alpha), browser_at(alpha)
    attacker.defaults["HTTP_X_FORWARDED_FOR"] = "203.0.113.5"
    alice.defaults["HTTP_X_FORWARDED_FOR"] = "192.0.2.7"
    for _ in range(ATTEMPTS):
        sign_in(attacker, "alice@alpha.example", "wrong")

    assert sign_in(alice, "alice@alpha.example")[0] == 302
    assert sign_in(attacker, "alice@alpha.example")[0] == 429


def test_right_password_starts_the_count_afresh(alpha: Exchange) -> None:
    for _ in range(2):
        for _ in range(ATTEMPTS - 1):
            sign_in(browser_at(alpha), "alice@alpha.example", "wrong")
        assert sign_in(browser_at(alpha), "alice@alpha.example")[0] == 302


def test_session_of_one_operator_is_nobody_at_another(alpha: Exchange, beta: Exchange) -> None:
    client = browser_at(alpha, alpha.trader)
    at_beta = client.get("/", headers={"host": beta.host})

    assert client.get("/sign-in/").headers["Location"] == "/"
    assert (at_beta.status_code, at_beta.headers["Location"]) == (302, "/sign-in/?next=/")


def test_sign_out_ends_the_session(alpha: Exchange) -> None:
    client = browser_at(alpha, alpha.trader)

    assert client.post("/sign-out/").headers["Location"] == "/sign-in/"
    assert client.get("/").headers["Location"] == "/sign-in/?next=/"


def test_sign_out_takes_a_form_and_no_link(alpha: Exchange) -> None:
    client = browser_at(alpha, alpha.trader)

    assert client.get("/sign-out/").status_code == 405
    assert client.get("/sign-in/").headers["Location"] == "/"


def test_form_without_its_token_is_refused(alpha: Exchange) -> None:
    client = Client(enforce_csrf_checks=True, headers={"host": alpha.host})

    assert sign_in(client, "alice@alpha.example")[0] == 403
