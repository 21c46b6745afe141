"""Host headers as a table: whom each names, and what is refused before any view runs."""

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from tenants.hosts import MalformedHost, OperatorClosed, OperatorHost, PlatformHost, UnknownHost, forget_hosts, resolve
from tests.factories import Exchange

MALFORMED = [
    "",
    " ",
    ".",
    "..",
    "alpha..localhost",
    "alpha.localhost\n.",
    "-alpha.localhost",
    "alpha-.localhost",
    "alpha_.localhost",
    "alpha.localhost:",
    "alpha.localhost:port",
    "alpha.localhost:123456",
    "alpha.localhost:80:80",
    "alpha.localhost/",
    "alpha.localhost\\@evil.example",
    "user@alpha.localhost",
    "alpha.localhost, beta.localhost",
    "alpha localhost",
    "alpha.localhost\x00",
    "älpha.localhost",
    "[::1]",
    "[::1]:8000",
    "::1",
    f"{'a' * 64}.localhost",
    f"{'a.' * 130}localhost",
]


@pytest.mark.parametrize(
    "header",
    ["alpha.localhost", "ALPHA.LocalHost", "alpha.localhost:8000", "alpha.localhost.", " alpha.localhost "],
)
def test_host_names_its_operator(alpha: Exchange, header: str) -> None:
    assert resolve(header) == OperatorHost(alpha.operator.pk, "alpha", "Alpha")


@pytest.mark.parametrize("header", ["localhost", "LOCALHOST:8000", "localhost."])
def test_platform_has_its_own_host(db: None, header: str) -> None:
    assert resolve(header) == PlatformHost()


@pytest.mark.parametrize("header", ["gamma.localhost", "alpha.localhost.evil.example", "xalpha.localhost", "127.0.0.1"])
def test_name_of_nobody_is_unknown(alpha: Exchange, header: str) -> None:
    with pytest.raises(UnknownHost):
        resolve(header)


@pytest.mark.parametrize("header", MALFORMED)
def test_what_is_no_host_name_is_malformed(alpha: Exchange, header: str) -> None:
    with pytest.raises(MalformedHost):
        resolve(header)


def test_browsers_are_told_of_https_for_the_host_itself_alone(alpha: Exchange, settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS = 60
    answer = Client(headers={"host": alpha.host}).get("/sign-in/", secure=True)

    assert answer.headers["Strict-Transport-Security"] == "max-age=60"


def test_suspended_operator_is_closed(alpha: Exchange) -> None:
    alpha.operator.is_active = False
    alpha.operator.save()

    with pytest.raises(OperatorClosed):
        resolve(alpha.host)


def test_each_domain_leads_to_its_own_operator(alpha: Exchange, beta: Exchange) -> None:
    found = [resolve(host) for host in (alpha.host, beta.host, alpha.host)]

    assert [host.operator_id for host in found if isinstance(host, OperatorHost)] == [
        alpha.operator.pk,
        beta.operator.pk,
        alpha.operator.pk,
    ]


@pytest.mark.parametrize(
    ("header", "status", "words"),
    [
        ("gamma.localhost", 404, "No exchange lives at this address.\n"),
        ("[::1]:8000", 400, "This address is not a host name.\n"),
        ("", 400, "This address is not a host name.\n"),
    ],
)
def test_refusal_says_nothing_of_any_operator(alpha: Exchange, header: str, status: int, words: str) -> None:
    answer = Client().get("/sign-in/", headers={"host": header})

    assert (answer.status_code, answer.content.decode()) == (status, words)


def test_suspended_operator_answers_with_503(alpha: Exchange) -> None:
    alpha.operator.is_active = False
    alpha.operator.save()

    answer = Client().get("/sign-in/", headers={"host": alpha.host})

    assert (answer.status_code, answer.content.decode()) == (503, "This exchange is closed at the moment.\n")


@pytest.mark.parametrize("header", ["alpha.localhost", "localhost", "gamma.localhost", "[::1]"])
def test_health_is_answered_on_every_host(alpha: Exchange, header: str) -> None:
    assert Client().get("/healthz", headers={"host": header}).content == b"ok\n"


def test_forwarded_host_is_not_believed(alpha: Exchange, beta: Exchange) -> None:
    page = Client().get("/sign-in/", headers={"host": alpha.host, "x-forwarded-host": beta.host})

    assert "Sign in to Alpha" in page.content.decode()


def test_platform_lists_no_operator(alpha: Exchange, beta: Exchange) -> None:
    page = Client().get("/", headers={"host": "localhost"})

    assert page.status_code == 200
    assert not [word for word in ("Alpha", "Beta", "alpha", "beta") if word in page.content.decode()]


@pytest.mark.parametrize("path", ["/console/", "/support/", "/sign-in/", "/positions/"])
def test_platform_has_no_operators_pages(alpha: Exchange, path: str) -> None:
    assert Client().get(path, headers={"host": "localhost"}).status_code == 404


def test_page_tries_again_by_itself_before_the_tables_are_there(alpha: Exchange) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tenants_domain RENAME TO not_there_yet")
    forget_hosts()

    answer = Client().get("/", headers={"host": alpha.host})

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert '<meta http-equiv="refresh" content="2">' in answer.content.decode()


def test_form_that_meets_no_tables_is_not_sent_and_not_asked_for_again(alpha: Exchange) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tenants_domain RENAME TO not_there_yet")
    forget_hosts()

    answer = Client().post("/positions/1/close/now/", headers={"host": alpha.host})

    page = answer.content.decode()
    assert (answer.status_code, "Nothing was sent." in page) == (503, True)
    assert [words for words in ("http-equiv", "by itself", 'href=""') if words in page] == []
