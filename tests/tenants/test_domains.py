"""Host names of an operator's own: nothing leads anywhere before DNS has proven whose the name is."""

import re
import threading
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from tenants import domains, names
from tenants.domains import MOST_CLAIMS, DomainRefused, claim_host, give_up, read_host
from tenants.hosts import forget_hosts
from tenants.models import AuditEvent, Domain, DomainClaim
from tenants.scope import operator_scope
from tests.factories import Exchange, browser_at
from tests.tenants.full_record import close_the_record, open_the_record
from tests.tenants.name_server import NameServer
from tests.waiting import wait_until_somebody_waits

HOST = "trade.example.com"
RECORD = f"_perpsstudio.{HOST}"
PAGE = "/console/domains/"


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    with NameServer() as server:
        monkeypatch.setattr(names, "resolver", server.resolver)
        yield server
    forget_hosts()


def claim_of(exchange: Exchange) -> DomainClaim:
    with operator_scope(exchange.operator.pk):
        found: DomainClaim = DomainClaim.objects.get(host=HOST)
        return found


def claimed(exchange: Exchange) -> tuple[Client, DomainClaim]:
    """The owner's browser, and the claim that he has just made."""
    browser = browser_at(exchange, exchange.owner)
    assert browser.post(PAGE, {"host": HOST}).status_code == 302
    return browser, claim_of(exchange)


def check(browser: Client, exchange: Exchange) -> str:
    """Press the button as if the last time were long ago; the page that follows."""
    with operator_scope(exchange.operator.pk):
        claim = claim_of(exchange)
    cache.delete(f"operator:{exchange.operator.pk}:dns")
    return browser.post(f"{PAGE}{claim.pk}/check/", follow=True).content.decode()


def answer_at(host: str) -> int:
    forget_hosts()
    return Client(headers={"host": host}).get("/sign-in/").status_code


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("trade.example.com", HOST),
        (" HTTPS://Trade.Example.com/x?y ", HOST),
        ("trade.example.com.", HOST),
        ("a.b", "a.b"),
    ],
)
def test_host_is_read_as_people_write_it(typed: str, host: str) -> None:
    assert read_host(typed) == host


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "localhost",
        "example",
        "127.0.0.1",
        "[::1]",
        "a.b:8000",
        "-a.example.com",
        "a..b",
        "a b.com",
        "tr\u00e4de.com",
        "trade.example.com\n/",
    ],
)
def test_what_is_no_host_name_is_refused_in_words(typed: str) -> None:
    with pytest.raises(DomainRefused, match="That is no host name"):
        read_host(typed)


def test_names_below_the_platform_are_the_platforms_to_give() -> None:
    with pytest.raises(DomainRefused, match="given out by the platform"):
        read_host("mine.localhost")


def test_claimed_name_leads_nowhere_until_its_record_is_there(alpha: Exchange, dns: NameServer) -> None:
    browser, claim = claimed(alpha)
    page = browser.get(PAGE).content.decode()
    assert re.findall(r'copied">([^<]+)<', page) == [RECORD, claim.token, HOST, "localhost"]
    assert [text in page for text in (RECORD, claim.token, "waiting for DNS", "Not checked yet.")] == [True] * 4
    before, found, _ = page.partition(f'action="{PAGE}{claim.pk}/remove/"')
    assert (bool(found), before.rfind('<details class="removal"') > before.rfind("</details>")) == (True, True)

    assert "The text record was not found." in check(browser, alpha)
    dns.texts[RECORD] = ["something else"]
    assert "There is a text record, but with another value." in check(browser, alpha)
    assert answer_at(HOST) == 404

    dns.texts[RECORD] = ["something else", claim.token]
    assert f"{HOST} is proven to be yours, and leads here as soon as its CNAME does." in check(browser, alpha)
    assert answer_at(HOST) == 200
    assert set(dns.asked) == {RECORD}
    page = browser.get(PAGE).content.decode()
    assert "Yours, proven; served as soon as its CNAME points here." in page
    assert (">proven</span>" in page, re.findall(r'copied">([^<]+)<', page)) == (True, [HOST, "localhost"])

    own = Client(headers={"host": HOST})
    with operator_scope(alpha.operator.pk):
        own.force_login(alpha.owner)
    page = own.get(PAGE).content.decode()
    assert (">proven</span>" in page, re.findall(r'copied">([^<]+)<', page)) == (False, [])


def test_silent_dns_is_a_sentence_and_changes_nothing(
    alpha: Exchange, dns: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, _ = claimed(alpha)
    dns.is_silent = True
    monkeypatch.setattr(names, "PATIENCE_SECONDS", 1.0)

    assert "DNS did not answer." in check(browser, alpha)
    assert claim_of(alpha).proven_at is None


def test_operator_asks_once_in_a_while_however_many_buttons_he_presses(
    alpha: Exchange, beta: Exchange, dns: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domains, "BETWEEN_CHECKS_SECONDS", 600)
    cache.delete_many(f"operator:{exchange.operator.pk}:dns" for exchange in (alpha, beta))
    browser, claim = claimed(alpha)
    browser.post(PAGE, {"host": "other.example.com"})
    with operator_scope(alpha.operator.pk):
        other = DomainClaim.objects.get(host="other.example.com")
    pages = [browser.post(f"{PAGE}{row.pk}/check/", follow=True).content.decode() for row in (claim, claim, other)]
    assert ["Checked a moment ago." in page for page in pages] == [False, True, True]
    assert dns.asked == [RECORD]

    second, holders = claimed(beta)
    second.post(f"{PAGE}{holders.pk}/check/")
    assert dns.asked == [RECORD, RECORD]


def test_two_operators_may_claim_one_name_and_only_its_holder_gets_it(
    alpha: Exchange, beta: Exchange, dns: NameServer
) -> None:
    first, _ = claimed(alpha)
    second, holders = claimed(beta)
    dns.texts[RECORD] = [holders.token]
    check(first, alpha)
    check(second, beta)
    assert Domain.objects.get(host=HOST).operator == beta.operator

    dns.texts[RECORD] = [claim_of(alpha).token]
    assert "this name leads to an exchange already" in check(first, alpha)
    assert Domain.objects.get(host=HOST).operator == beta.operator


def test_name_given_up_leads_nowhere_and_may_be_claimed_again(alpha: Exchange, dns: NameServer) -> None:
    browser, claim = claimed(alpha)
    dns.texts[RECORD] = [claim.token]
    check(browser, alpha)
    own = Client(headers={"host": HOST})
    with operator_scope(alpha.operator.pk):
        own.force_login(alpha.owner)
    assert "You are at this address now." in own.post(f"{PAGE}{claim.pk}/remove/", follow=True).content.decode()
    assert answer_at(HOST) == 200

    for _ in range(2):
        answer = browser.post(f"{PAGE}{claim.pk}/remove/")
        assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    assert (answer_at(HOST), answer_at(alpha.host)) == (404, 200)
    assert claimed(alpha)[1].token != claim.token


@pytest.mark.django_db(transaction=True)
def test_name_removed_while_a_check_proves_it_leads_nowhere(alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        claim = claim_host(HOST)
    removal = threading.Thread(target=remove_apart, args=(claim,))
    with operator_scope(alpha.operator.pk), transaction.atomic():
        DomainClaim.objects.filter(pk=claim.pk).update(proven_at=timezone.now())
        Domain.objects.create(host=HOST, operator=alpha.operator)
        removal.start()
        wait_until_somebody_waits()
    removal.join()

    assert not Domain.objects.filter(host=HOST).exists()


def remove_apart(claim: DomainClaim) -> None:
    """Remove on a connection of one's own."""
    try:
        with operator_scope(claim.operator_id):
            give_up(claim, "alpha.localhost")
    finally:
        connection.close()


def test_names_that_the_platform_gave_have_no_buttons(alpha: Exchange) -> None:
    page = browser_at(alpha, alpha.owner).get(PAGE).content.decode()

    assert ("alpha.localhost" in page, "You are here now." in page, "/remove/" in page) == (True, True, False)


def test_name_that_the_platform_gave_is_not_to_be_claimed(alpha: Exchange) -> None:
    Domain.objects.create(host=HOST, operator=alpha.operator)
    answer = browser_at(alpha, alpha.owner).post(PAGE, {"host": HOST})

    assert (answer.status_code, "in your list already" in answer.content.decode()) == (422, True)


def test_name_given_while_it_was_claimed_stays_when_the_claim_goes(alpha: Exchange) -> None:
    browser, claim = claimed(alpha)
    Domain.objects.create(host=HOST, operator=alpha.operator)
    page = browser.get(PAGE).content.decode()
    words = ("Given by the platform.", "waiting for DNS", "Yours, proven")
    assert [page.count(text) for text in words] == [1, 1, 0]

    browser.post(f"{PAGE}{claim.pk}/remove/")
    assert answer_at(HOST) == 200


def test_removal_of_a_name_in_force_is_asked_about(alpha: Exchange, dns: NameServer) -> None:
    browser, claim = claimed(alpha)
    question = f"Nobody reaches your exchange at {HOST} any more."
    assert question not in browser.get(PAGE).content.decode()

    dns.texts[RECORD] = [claim.token]
    (asked,) = re.findall(
        r'<details class="removal"><summary class="button.*?</details>', check(browser, alpha), re.DOTALL
    )
    assert (question in asked, f'action="{PAGE}{claim.pk}/remove/"' in asked) == (True, True)


@pytest.mark.parametrize(("typed", "sentence"), [(HOST, "in your list already"), ("x", "That is no host name")])
def test_refusal_keeps_what_was_typed(alpha: Exchange, typed: str, sentence: str) -> None:
    browser, _ = claimed(alpha)
    answer = browser.post(PAGE, {"host": typed})

    assert answer.status_code == 422
    assert (sentence in answer.content.decode(), f'value="{typed}"' in answer.content.decode()) == (True, True)


def test_waiting_names_are_limited(alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        for number in range(MOST_CLAIMS):
            claim_host(f"trade{number}.example.com")
        with pytest.raises(DomainRefused, match="more than can be waiting"):
            claim_host(HOST)


def test_nothing_happens_that_cannot_be_put_on_record(alpha: Exchange, dns: NameServer) -> None:
    browser, claim = claimed(alpha)
    dns.texts[RECORD] = [claim.token]
    cache.delete(f"operator:{alpha.operator.pk}:dns")
    close_the_record()
    for path, form in ((PAGE, {"host": "other.example.com"}), (f"{PAGE}{claim.pk}/check/", {})):
        with pytest.raises(IntegrityError):
            browser.post(path, form)
    with operator_scope(alpha.operator.pk):
        assert [(row.host, row.proven_at) for row in DomainClaim.objects.all()] == [(HOST, None)]
    assert answer_at(HOST) == 404

    open_the_record()
    check(browser, alpha)
    close_the_record()
    with pytest.raises(IntegrityError):
        browser.post(f"{PAGE}{claim.pk}/remove/")
    assert (answer_at(HOST), claim_of(alpha).host) == (200, HOST)


def test_every_step_is_on_record(alpha: Exchange, dns: NameServer) -> None:
    browser, claim = claimed(alpha)
    dns.texts[RECORD] = [claim.token]
    for _ in range(2):
        check(browser, alpha)
    browser.post(f"{PAGE}{claim.pk}/remove/")

    with operator_scope(alpha.operator.pk):
        told = [(event.action, event.subject) for event in AuditEvent.objects.order_by("pk")]
    assert told == [(action, HOST) for action in ("domain claimed", "domain in force", "domain given up")]
