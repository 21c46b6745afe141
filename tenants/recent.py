"""Who asks, remembered for a moment: for answers that are wanted at every step of a slider and change nothing.

The session is read four times a second, and forgotten with its end: at once in the process that ended it
(``tenants.sessions``), a quarter of a second later in others. The person behind it is read from the database, with the
check of the session against his password, every other second, and no session keeps him for longer; whatever moves money
asks ``tenants.access`` alone, which asks the session and the database each time.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user
from django.http import HttpRequest, HttpResponse

from tenants.access import MemberRequest, trader_required
from tenants.models import User

P = ParamSpec("P")

REMEMBERED_SECONDS = 2.0
SESSION_SECONDS = 0.25
REMEMBERED_PEOPLE = 1000

_remembered: dict[tuple[int, str, str], tuple[float, User]] = {}
# By the session's secret key: the operator it belongs to, and whose it is.
_sessions: dict[str, tuple[float, int, User]] = {}


def trader_remembered(
    view: Callable[Concatenate[MemberRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """``trader_required`` for a view that only answers."""
    admitted = trader_required(view)

    @wraps(view)
    def door(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        person = _recent_person(request)
        if person is not None:
            request.user = person
        return admitted(request, *args, **kwargs)

    return door


def _recent_person(request: HttpRequest) -> User | None:
    """Who the session belongs to; None where nobody signed in with it."""
    operator_id, key = request.operator.operator_id, request.session.session_key or ""  # type: ignore[attr-defined]
    now = time.monotonic()
    known = _sessions.get(key)
    if known and known[0] > now and known[1] == operator_id:
        request.session.accessed = True  # the answer depends on the cookie all the same, and says so
        return known[2]
    behind = _person_behind(request, now)
    if behind is None:
        return None
    until, person = behind
    if len(_sessions) >= REMEMBERED_PEOPLE:
        _sessions.clear()
    _sessions[key] = (min(now + SESSION_SECONDS, until), operator_id, person)
    return person


def _person_behind(request: HttpRequest, now: float) -> tuple[float, User] | None:
    """The person whom the session names, and until when he may be remembered."""
    number, proof = request.session.get(SESSION_KEY, ""), request.session.get(HASH_SESSION_KEY, "")
    if not number or not proof:
        return None
    key = (request.operator.operator_id, number, proof)  # type: ignore[attr-defined]
    known = _remembered.get(key)
    if known and known[0] > now:
        return known
    person = get_user(request)
    if not isinstance(person, User):
        _remembered.pop(key, None)
        return None
    if len(_remembered) >= REMEMBERED_PEOPLE:
        _remembered.clear()
    behind = _remembered[key] = (now + REMEMBERED_SECONDS, person)
    return behind


def forget_session(key: str | None) -> None:
    """Drop what this process remembers of one session."""
    _sessions.pop(key or "", None)


def forget_people() -> None:
    """Drop what this process remembers."""
    _remembered.clear()
    _sessions.clear()
