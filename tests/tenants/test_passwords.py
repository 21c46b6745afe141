"""A password of one's own: changed by whoever knows the present one, in force everywhere at once."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from tenants import passwords, team
from tenants.attempts import ATTEMPTS
from tenants.models import AuditEvent, Invitation, User
from tenants.scope import operator_scope
from tenants.views import TOO_MANY
from tests.factories import PASSWORD, Exchange, browser_at

PAGE = "/account/password/"
NEW = "a long and quiet evening"


@pytest.fixture(autouse=True)
def forgotten_attempts() -> None:
    """Attempts are counted across test runs too."""
    cache.clear()


def change(browser: Client, present: str = PASSWORD, password: str = NEW) -> tuple[int, str]:
    answer = browser.post(PAGE, {"present": present, "password": password})
    return answer.status_code, answer.headers.get("Location", "") or answer.content.decode()


def knows(exchange: Exchange, person: User, password: str) -> bool:
    with operator_scope(exchange.operator.pk):
        return bool(User.objects.get(pk=person.pk).check_password(password))


@pytest.mark.parametrize("role", ["trader", "owner", "support"])
def test_new_password_keeps_this_session_and_ends_all_others(alpha: Exchange, role: str) -> None:
    person = alpha.person(role)
    here, elsewhere = browser_at(alpha, person), browser_at(alpha, person)
    assert elsewhere.get(PAGE).status_code == 200
    status, _ = change(here)

    assert (status, here.get(PAGE).status_code, elsewhere.get(PAGE).status_code) == (302, 200, 302)
    assert person is not None
    assert [knows(alpha, person, password) for password in (PASSWORD, NEW)] == [False, True]


@pytest.mark.parametrize(
    ("present", "password", "sentence"),
    [("wrong", NEW, passwords.WRONG), ("", NEW, passwords.WRONG), (PASSWORD, "tiny", "at least 12 characters")],
)
def test_wrong_and_weak_passwords_change_nothing(alpha: Exchange, present: str, password: str, sentence: str) -> None:
    status, page = change(browser_at(alpha, alpha.trader), present, password)

    assert (status, sentence in page, password in page) == (422, True, False)
    assert knows(alpha, alpha.trader, PASSWORD)


def test_guesses_at_the_present_password_are_counted(alpha: Exchange) -> None:
    browser = browser_at(alpha, alpha.trader)
    assert [change(browser, "wrong")[0] for _ in range(ATTEMPTS)] == [422] * ATTEMPTS
    status, page = change(browser)

    assert (status, TOO_MANY in page, knows(alpha, alpha.trader, PASSWORD)) == (429, True, True)


def test_record_tells_the_change_and_a_waiting_link_ends(alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        team.renew(alpha.owner, alpha.support.pk, timezone.now())
    change(browser_at(alpha, alpha.support))

    with operator_scope(alpha.operator.pk):
        told = list(AuditEvent.objects.values_list("action", "actor__email", "subject"))
        assert not Invitation.objects.exists()
    assert told == [("chose a new password", alpha.support.email, alpha.support.email)]


def test_whoever_signs_in_with_a_wallet_has_no_password_to_change(alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        person = User(wallet="0x" + "ab" * 20)
        person.save()
    browser = browser_at(alpha, person)

    assert (browser.get(PAGE).status_code, change(browser)[0]) == (404, 404)
    assert f'href="{PAGE}"' not in browser.get("/account/connect/").content.decode()
    assert f'href="{PAGE}"' in browser_at(alpha, alpha.trader).get("/account/connect/").content.decode()
