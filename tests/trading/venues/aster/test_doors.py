"""The door to Aster: headers, limits, and what was certainly not sent."""

from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

import pytest

from tests.trading.venues.aster.venue import Venue
from tests.trading.venues.misbehaving import Behaviour, answer, cut_before_the_head, endless, silent
from trading.venues.aster.doors import FORM, AsterDoor, waiting_time
from trading.venues.errors import OutcomeUnknown, RateLimited
from trading.venues.transport import Limits

QUICK = Limits(connect=2.0, read=0.3, total=0.8, body=1_000_000)
PATH = "/fapi/v3/order"


@pytest.fixture
def door(venue: Venue) -> Iterator[AsterDoor]:
    made = AsterDoor(venue.server.url, limits=QUICK)
    yield made
    made.close()


def keeping(seen: list[dict[str, str]], then: Behaviour) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        seen.append(dict(handler.headers))
        then(handler, body)

    return behave


def test_only_a_body_has_a_content_type(door: AsterDoor, venue: Venue) -> None:
    seen: list[dict[str, str]] = []
    venue.on("order", keeping(seen, answer(200, b"{}")))
    for method, body in (("GET", b""), ("POST", b"a=1"), ("DELETE", b"a=1"), ("PUT", b"a=1")):
        door.request(method, PATH, body, {"X-MBX-APIKEY": "public"})
    assert [headers.get("Content-Type") for headers in seen] == [None, FORM, FORM, FORM]
    assert {headers["X-MBX-APIKEY"] for headers in seen} == {"public"}
    assert [(method, body) for method, _, body in venue.server.received] == [
        ("GET", b""),
        ("POST", b"a=1"),
        ("DELETE", b"a=1"),
        ("PUT", b"a=1"),
    ]


def test_a_named_wait_is_obeyed_and_an_unnamed_one_lasts_to_the_end_of_the_minute(
    door: AsterDoor, venue: Venue
) -> None:
    venue.on("order", answer(429, b"", Retry_After="7"))
    with pytest.raises(RateLimited) as named:
        door.request("POST", PATH, b"a=1")
    assert named.value.retry_after == 7.0
    venue.on("order", answer(418, b""))
    with pytest.raises(RateLimited) as banned:
        door.request("POST", PATH, b"a=1")
    assert banned.value.retry_after == 120.0
    assert waiting_time(429, datetime(2026, 1, 1, 12, 0, 42, 500_000, UTC)) == 17.5


@pytest.mark.parametrize(
    "behaviour",
    [
        cut_before_the_head,
        answer(500, b"{}"),
        answer(503, b"{}"),
        answer(302, b"", Location="/elsewhere"),
        answer(200, b"<html>", kind="text/html"),
        answer(200, b"", Content_Length="2000000"),
        endless(b"x" * 400_000, 4),
    ],
)
def test_what_may_have_arrived_is_unknown(door: AsterDoor, venue: Venue, behaviour: Behaviour) -> None:
    venue.on("order", behaviour)
    with pytest.raises(OutcomeUnknown):
        door.request("POST", PATH, b"a=1")
    assert len(venue.server.received) == 1


def test_a_venue_that_says_nothing_is_not_waited_for(door: AsterDoor, venue: Venue) -> None:
    venue.on("order", silent(venue.server.released))
    with pytest.raises(OutcomeUnknown):
        door.request("POST", PATH, b"a=1")
    venue.server.released.set()
