"""The door against a real server that misbehaves: what was certainly not sent, and what may have been."""

import gzip
import time
from datetime import UTC, datetime

import pytest

from tests.trading.venues.misbehaving import (
    Behaviour,
    MisbehavingServer,
    answer,
    cut_before_the_head,
    cut_in_the_body,
    endless,
    in_turn,
    refused_port,
    silent,
)
from trading.venues.errors import OutcomeUnknown, RateLimited, Unavailable, VenueError
from trading.venues.transport import BlockingTransport, Limits, Response, retry_after

QUICK = Limits(connect=2.0, read=0.3, total=0.8, body=1_000_000)
# Half of what the venues here would make somebody wait who had no limits.
IN_TIME = 15


def ask(url: str, body: bytes = b"{}", limits: Limits = QUICK) -> Response:
    transport = BlockingTransport(url, limits=limits)
    try:
        return transport.request("POST", "/exchange", body)
    finally:
        transport.close()


def test_an_answer_comes_back_as_it_is_and_the_bytes_arrive_as_they_are(server: MisbehavingServer) -> None:
    server.paths["/exchange"] = answer(200, b'{"status":"ok"}', kind="application/json; charset=utf-8")
    body = b'{"b":1,"a":2, "space":"kept"}'
    assert ask(server.url, body) == Response(200, b'{"status":"ok"}')
    assert server.received == [("POST", "/exchange", body)]


def test_a_refused_connection_sent_nothing() -> None:
    with pytest.raises(Unavailable) as caught:
        ask(f"http://127.0.0.1:{refused_port()}")
    assert (caught.value.outcome_known, caught.value.retryable) == (True, True)


def test_a_name_that_does_not_resolve_sent_nothing() -> None:
    with pytest.raises(Unavailable):
        ask("http://venue.invalid")


def unknowns() -> dict[str, Behaviour]:
    return {
        "cut before the head": cut_before_the_head,
        "cut in the body": cut_in_the_body,
        "internal error": answer(500, b"null"),
        "bad gateway": answer(502, b"<html>bad gateway</html>", kind="text/html"),
        "redirect": answer(307, b"", Location="http://127.0.0.1:1/elsewhere"),
        "permanent redirect": answer(301, b"", Location="/exchange"),
        "wrong content type": answer(200, b"<html>maintenance</html>", kind="text/html"),
        "no content type": answer(200, b"{}", kind=""),
        "announced as too large": answer(200, b" " * 1_000_001),
        "grows too large": endless(b" " * 100_000, 500),
        "drips": endless(b" ", 600, pause=0.05),
    }


@pytest.mark.parametrize("name", unknowns())
def test_what_may_have_arrived_is_an_unknown_outcome(server: MisbehavingServer, name: str) -> None:
    server.paths["/exchange"] = unknowns()[name]
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown) as caught:
        ask(server.url)
    assert (caught.value.outcome_known, caught.value.retryable) == (False, False)
    assert time.monotonic() - started < IN_TIME
    assert len(server.received) == 1


def test_a_venue_that_says_nothing_is_an_unknown_outcome_in_time(server: MisbehavingServer) -> None:
    server.paths["/exchange"] = silent(server.released)
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        ask(server.url)
    assert 0.2 < time.monotonic() - started < IN_TIME
    assert len(server.received) == 1


def test_fifty_megabytes_are_not_read(server: MisbehavingServer) -> None:
    bomb = gzip.compress(b" " * 50_000_000, compresslevel=1)
    assert len(bomb) < 1_000_000
    server.paths["/exchange"] = answer(200, bomb, Content_Encoding="gzip")
    with pytest.raises(OutcomeUnknown):
        ask(server.url, limits=Limits(connect=1, read=3, total=5, body=1_000_000))


@pytest.mark.parametrize(
    ("headers", "wait"), [({}, None), ({"Retry_After": "7"}, 7.0), ({"Retry_After": "soon"}, None)]
)
def test_a_venue_that_asks_to_slow_down_is_heard(
    server: MisbehavingServer, headers: dict[str, str], wait: float | None
) -> None:
    server.paths["/exchange"] = answer(429, b"slow", kind="text/plain", **headers)
    with pytest.raises(RateLimited) as caught:
        ask(server.url)
    assert (caught.value.retry_after, caught.value.retryable, caught.value.outcome_known) == (wait, True, False)
    assert len(server.received) == 1


@pytest.mark.parametrize("status", [500, 503])
def test_a_broken_gateway_orders_no_silence(server: MisbehavingServer, status: int) -> None:
    server.paths["/exchange"] = answer(status, b"<html>", kind="text/html", Retry_After="60")
    with pytest.raises(OutcomeUnknown) as caught:
        ask(server.url)
    assert (type(caught.value), caught.value.retry_after) == (OutcomeUnknown, None)


def test_a_refusal_by_status_reaches_the_adapter_with_its_text(server: MisbehavingServer) -> None:
    server.paths["/exchange"] = answer(422, b"Failed to deserialize", kind="text/plain")
    assert ask(server.url) == Response(422, b"Failed to deserialize")


def test_a_connection_is_used_again_and_not_after_a_broken_answer(server: MisbehavingServer) -> None:
    server.paths["/exchange"] = in_turn(answer(200, b"1"), answer(200, b"2"), cut_in_the_body, answer(200, b"3"))
    transport = BlockingTransport(server.url, limits=QUICK)
    assert [transport.request("POST", "/exchange", b"{}").body for _ in range(2)] == [b"1", b"2"]
    with pytest.raises(OutcomeUnknown):
        transport.request("POST", "/exchange", b"{}")
    assert transport.request("POST", "/exchange", b"{}").body == b"3"
    assert len(server.received) == 4
    transport.close()


def test_no_error_of_the_door_names_what_was_sent(server: MisbehavingServer) -> None:
    server.paths["/exchange"] = cut_in_the_body
    secret = b'{"signature":"0xdeadbeef"}'
    for url in (server.url, f"http://127.0.0.1:{refused_port()}"):
        with pytest.raises(VenueError) as caught:
            ask(url, secret)
        assert "deadbeef" not in f"{caught.value!r} {caught.value} {caught.value.explanation}"


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        (None, None),
        ("30", 30.0),
        ("0", 0.0),
        ("-1", None),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2026 12:00:30 -0000", None),
        ("tomorrow", None),
    ],
)
def test_retry_after_is_read_in_seconds_or_as_a_date(value: str | None, wait: float | None) -> None:
    assert retry_after(value, datetime(2026, 11, 22, 12, 0, tzinfo=UTC)) == wait
