"""Valkey is gone, or accepts and says nothing: every page answers, and whoever wants out of a position gets out."""

from collections.abc import Callable
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.cache import cache, caches
from django.test import Client
from pytest_django.fixtures import Settings
from redis import Redis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as KeptSilent

from perpsstudio.cache import SESSION_SECONDS
from perpsstudio.celery import app
from tenants.attempts import ATTEMPTS
from tenants.scope import operator_scope
from tests.factories import Belongings, Exchange, browser_at
from tests.tenants.signing_in import sign_in
from tests.tenants.visits import ANSWERS, visited
from tests.trading.conftest import Desk
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.tickets import ticket
from tests.trading.valkey_away import Door, door, leave, move_valkey
from tests.trading.views.closed_market import PAGE
from trading.live import connections
from trading.models import Command, Position
from trading.models.commands import CommandState
from trading.recent import forget_desks
from trading.services.orders import place_order
from trading.services.wake import settle_soon

__all__ = ["door", "leave"]

ALICE = "alice@alpha.example"


@pytest.fixture
def silence(door: Door) -> Door:
    """Whoever comes is let in and hears nothing."""
    door.listener.listen()
    return door


def test_every_page_answers(alpha: Exchange, alices: Belongings, leave: Callable[[], None]) -> None:
    leave()
    # By one of those who may see it; others sign in alike.
    ways = {address.name: (path, role) for address, path, role in visited(alpha, alices)}
    browsers = {role: browser_at(alpha, alpha.person(role)) for _, role in ways.values()}

    found = {name: browsers[role].get(path).status_code for name, (path, role) in ways.items()}

    assert found == {name: ANSWERS.get(name, 200) for name in found}
    assert len(found) > 40


def test_who_has_signed_in_before_closes_the_position(desk: Desk, browser: Client, leave: Callable[[], None]) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    position = Position.objects.get().pk
    leave()
    forget_desks()

    page = browser.get(PAGE)
    closed = browser.post(f"/positions/{position}/close/now/", {"form_key": str(uuid4()), "kind": "market"})

    assert (page.status_code, closed.status_code) == (200, 200)
    assert "Filled: sell 0.01 BTC" in closed.content.decode()
    assert desk.positions_at_venue() == []


def test_who_has_signed_in_before_adds_margin(desk: Desk, browser: Client, leave: Callable[[], None]) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    position = Position.objects.get()
    leave()
    forget_desks()

    form = {"form_key": str(uuid4()), "direction": "add", "amount": "50"}
    answer = browser.post(f"/positions/{position.pk}/margin/change/", form)

    assert (answer.status_code, Command.objects.latest("prepared_at").state) == (200, CommandState.ACCEPTED)
    assert Decimal(desk.positions_at_venue()[0]["cash"]) == position.cash + 50


def test_people_sign_in_and_out_and_attempts_are_counted(
    alpha: Exchange, settings: Settings, leave: Callable[[], None]
) -> None:
    leave()
    browser = browser_at(alpha)

    assert sign_in(browser, ALICE)[0] == 302
    kept = browser.cookies[settings.SESSION_COOKIE_NAME].value
    assert browser.get("/account/").status_code == 200
    assert browser.post("/sign-out/").status_code == 302
    browser.cookies[settings.SESSION_COOKIE_NAME] = kept
    assert browser.get("/account/").headers["Location"].startswith("/sign-in/")
    statuses = [sign_in(browser_at(alpha), ALICE, "wrong")[0] for _ in range(ATTEMPTS + 1)]
    assert statuses == [422] * ATTEMPTS + [429]


def test_silent_server_is_waited_for_once(alpha: Exchange, settings: Settings, silence: Door) -> None:
    browser = browser_at(alpha, alpha.owner)
    move_valkey(settings, silence.url)

    assert [browser.get("/console/").status_code for _ in range(3)] == [200] * 3
    assert silence.knocks() == 1


def test_silent_server_is_asked_again_after_a_moment(
    settings: Settings, silence: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "SILENT_SECONDS", 0.0)
    move_valkey(settings, silence.url)

    for _ in range(2):
        with pytest.raises(KeptSilent):
            connections.blocking().get("anything")
    assert silence.knocks() == 2


def test_server_that_is_gone_is_asked_each_time(door: Door, settings: Settings) -> None:
    move_valkey(settings, door.url)
    with pytest.raises(RedisError):
        connections.blocking().get("anything")
    door.listener.listen()
    with pytest.raises(KeptSilent):
        connections.blocking().get("anything")

    assert door.knocks() == 1


def test_session_that_ended_unseen_is_not_kept_for_long(redis: Redis, settings: Settings) -> None:  # noqa: F811
    move_valkey(settings, settings.REDIS_URL)

    caches["sessions"].set("somebody", {}, 14 * 24 * 3600)
    cache.set("candles", (), 3600)

    assert 0 < redis.ttl(caches["sessions"].make_key("somebody")) <= SESSION_SECONDS
    assert redis.ttl(cache.make_key("candles")) > SESSION_SECONDS


def test_who_calls_a_worker_gives_a_silent_broker_up(
    alices: Belongings, silence: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app.conf, "broker_write_url", silence.url)

    with operator_scope(alices.account.operator_id):
        settle_soon(alices.command)

    assert f"Nobody could be called to settle command {alices.command.pk}" in caplog.text
    assert silence.knocks() > 0
