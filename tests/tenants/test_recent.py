"""Who is remembered, and for how long: never beyond what ends it, and never at another operator."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.contrib.sessions.backends import cached_db
from django.test import Client

from tenants import recent
from tenants.models import Role, User
from tenants.scope import operator_scope
from tests.factories import PASSWORD, Belongings, Exchange, browser_at

REMEMBERED = "/positions/"


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that memory of people goes by, and no other code."""
    clock = Clock()
    monkeypatch.setattr(recent, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


def status(client: Client) -> int:
    return client.get(REMEMBERED).status_code


def with_the_cookie_of(client: Client, exchange: Exchange) -> Client:
    """Another browser at an exchange that presents the same session."""
    other = browser_at(exchange)
    name = settings.SESSION_COOKIE_NAME
    other.cookies[name] = client.cookies[name].value
    return other


def close(person: User) -> None:
    person.is_active = False


def appoint(person: User) -> None:
    person.role = Role.OWNER


def give_another_password(person: User) -> None:
    person.set_password("another " + PASSWORD)


@pytest.mark.parametrize(("change", "answer"), [(close, 302), (appoint, 404), (give_another_password, 302)])
def test_changed_person_is_remembered_for_two_seconds_and_no_longer(
    alpha: Exchange, alices: Belongings, clock: Clock, change: Callable[[User], None], answer: int
) -> None:
    client = browser_at(alpha, alpha.trader)
    assert status(client) == 200
    change(alpha.trader)
    with operator_scope(alpha.operator.pk):
        alpha.trader.save()

    # A session that is read again just before the two seconds are over adds nothing to them.
    clock.now += recent.REMEMBERED_SECONDS - 0.01
    assert status(client) == 200
    clock.now += 0.01

    assert status(client) == answer


def test_session_that_another_process_ended_lives_a_quarter_of_a_second(
    alpha: Exchange, alices: Belongings, clock: Clock
) -> None:
    client = browser_at(alpha, alpha.trader)
    assert status(client) == 200
    cached_db.SessionStore(client.session.session_key).delete()  # this process is not told

    clock.now += recent.SESSION_SECONDS - 0.01
    assert status(client) == 200
    clock.now += 0.01

    assert status(client) == 302


def test_session_of_an_old_password_is_nobody_while_one_of_the_new_password_is_remembered(
    alpha: Exchange, alices: Belongings, clock: Clock
) -> None:
    before = browser_at(alpha, alpha.trader)
    give_another_password(alpha.trader)
    with operator_scope(alpha.operator.pk):
        alpha.trader.save()
    after = browser_at(alpha, alpha.trader)
    assert status(after) == 200

    assert status(before) == 302


@pytest.mark.parametrize("path", ["/sign-out/", "/sign-in/"])
def test_session_ended_by_signing_out_or_by_somebody_elses_signing_in_is_forgotten_at_once(
    alpha: Exchange, alices: Belongings, clock: Clock, path: str
) -> None:
    client = browser_at(alpha, alpha.trader)
    other = with_the_cookie_of(client, alpha)
    assert status(other) == 200

    assert client.post(path, {"email": alpha.owner.email, "password": PASSWORD}).status_code == 302

    assert status(other) == 302


@pytest.mark.parametrize("seconds", [0.0, recent.SESSION_SECONDS])
def test_session_remembered_at_one_operator_is_nobody_at_another(
    alpha: Exchange, beta: Exchange, alices: Belongings, bobs: Belongings, clock: Clock, seconds: float
) -> None:
    """At first the session itself is remembered, later only the person behind it."""
    alice = browser_at(alpha, alpha.trader)
    stranger = with_the_cookie_of(alice, beta)
    assert status(alice) == 200

    clock.now += seconds

    assert status(stranger) == 302
    assert status(alice) == 200


def test_traders_of_two_operators_are_remembered_side_by_side(
    alpha: Exchange, beta: Exchange, alices: Belongings, bobs: Belongings, clock: Clock
) -> None:
    browsers = [browser_at(alpha, alpha.trader), browser_at(beta, beta.trader)]

    people = [client.get(REMEMBERED).wsgi_request.user for client in browsers * 2]

    assert people == [alpha.trader, beta.trader] * 2
