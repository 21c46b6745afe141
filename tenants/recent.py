"""Who asks, remembered for a moment: for answers that are wanted at every step of a slider and change nothing.

The session is read each time, so signing out and ending a session work at once. The person behind it is read from the
database, with the check of the session against his password, every other second; whatever moves money asks
``tenants.access`` alone, which asks the database each time.
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
REMEMBERED_PEOPLE = 1000

_remembered: dict[tuple[int, str, str], tuple[float, User]] = {}


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
    number, proof = request.session.get(SESSION_KEY, ""), request.session.get(HASH_SESSION_KEY, "")
    if not number or not proof:
        return None
    key = (request.operator.operator_id, number, proof)  # type: ignore[attr-defined]
    known = _remembered.get(key)
    if known and known[0] > time.monotonic():
        return known[1]
    person = get_user(request)
    if not isinstance(person, User):
        _remembered.pop(key, None)
        return None
    if len(_remembered) >= REMEMBERED_PEOPLE:
        _remembered.clear()
    _remembered[key] = (time.monotonic() + REMEMBERED_SECONDS, person)
    return person


def forget_people() -> None:
    """Drop what this process remembers."""
    _remembered.clear()
