"""What the live application sends, to whom, and whom it refuses."""

import asyncio
import json
import socket
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core import signing
from redis import Redis

from tests.trading.live.conftest import serving
from tests.trading.live.follower import PATIENCE_SECONDS, eventually
from tests.trading.live.reading import Page, publish, ticket_for
from trading.live import hub, keys, presence, tickets
from trading.live.app import PATH, LiveApplication
from trading.live.publish import Fragment, account_changed
from trading.venues.snapshots import Network, Venue

MARKET = keys.market_channel(Venue.HYPERLIQUID, Network.TESTNET, "BTC")


@pytest.fixture
def settled_port(live_port: int) -> int:
    """A server whose subscription stands: what it loads while that is made may be told twice."""
    with Page(live_port, ticket_for(9, market="ETH")) as earlier:
        earlier.wait_for("now")
    return live_port


def test_page_gets_what_is_known_at_once_and_then_every_patch(redis: Redis, settled_port: int) -> None:
    publish(redis, MARKET, {"market-BTC-mark": "86,000"})
    publish(redis, keys.account_channel(1, 7), {"account-equity": "10,000.00"})

    with Page(settled_port, ticket_for(1, 7)) as page:
        assert page.status == 200
        assert "content-type: text/event-stream; charset=utf-8" in page.headers
        assert page.next().patch == {"market-BTC-mark": "86,000"}
        assert page.next().patch == {"account-equity": "10,000.00"}
        assert list(page.next().patch) == ["now"]
        publish(redis, MARKET, {"market-BTC-mark": "86,001"})
        assert page.next().patch == {"market-BTC-mark": "86,001"}
        redis.publish(MARKET, b'fragment book <section id="book"></section>')
        event = page.next()

    assert (event.kind, event.data) == ("fragment", '<section id="book"></section>')


def test_page_never_gets_another_operators_bytes(redis: Redis, live_port: int) -> None:
    """The same account number at two operators: only the signed operator id keeps them apart."""
    with (
        Page(live_port, ticket_for(1, 7)) as ours,
        Page(live_port, ticket_for(2, 7, host="b.localhost"), "b.localhost") as theirs,
    ):
        for page in (ours, theirs):
            page.wait_for("now")
        for turn in range(200):
            publish(redis, keys.account_channel(2, 7), {"account-equity": f"canary-of-beta-{turn}"})
            publish(redis, keys.account_channel(1, 7), {"account-equity": f"canary-of-alpha-{turn}"})
            publish(redis, keys.account_channel(1, 8), {"account-equity": f"canary-of-a-neighbour-{turn}"})
        while ours.wait_for("account-equity") != "canary-of-alpha-199":
            continue
        while theirs.wait_for("account-equity") != "canary-of-beta-199":
            continue

        assert b"canary-of-beta" not in ours.received
        assert b"canary-of-alpha" not in theirs.received
        assert b"neighbour" not in ours.received + theirs.received
        assert b"canary-of-alpha-199" in ours.received
        assert b"canary-of-beta-199" in theirs.received


@pytest.mark.parametrize(
    ("ticket", "sentence"),
    [
        ("", "A stream needs one ticket: reload the page."),
        ("nonsense", "This ticket is not valid: reload the page."),
        (signing.dumps([1, 1, [7]], salt="another purpose"), "This ticket is not valid: reload the page."),
    ],
    ids=["none", "nonsense", "another purpose"],
)
def test_stream_is_refused_without_a_ticket_of_ours(live_port: int, ticket: str, sentence: str) -> None:
    with Page(live_port, ticket) as page:
        assert (page.status, page.body()) == (403, sentence)


def test_stream_is_refused_when_one_letter_of_the_ticket_is_changed(live_port: int) -> None:
    ticket = ticket_for(1, 7)
    forged = ticket[:12] + ("A" if ticket[12] != "A" else "B") + ticket[13:]

    with Page(live_port, forged) as page:
        assert (page.status, page.body()) == (403, "This ticket is not valid: reload the page.")


def test_stream_is_refused_with_another_operators_ticket(live_port: int) -> None:
    with Page(live_port, ticket_for(2, 7, host="beta.localhost"), host="alpha.localhost") as page:
        assert (page.status, page.body()) == (403, "This ticket belongs to another exchange.")


def test_stream_is_refused_after_a_minute(live_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = time.time() - tickets.ADMITTED_SECONDS - 1
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: issued)
        ticket = ticket_for(1, 7)

    with Page(live_port, ticket) as page:
        assert (page.status, page.body()) == (403, "This ticket has expired: reload the page.")


@pytest.mark.parametrize(("request_line", "status"), [("POST /live/", 405), ("GET /live/other", 404)])
def test_only_reading_the_stream_is_served(live_port: int, request_line: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", live_port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(f"{request_line} HTTP/1.1\r\nHost: alpha.localhost\r\nContent-Length: 0\r\n\r\n".encode())
        assert connection.recv(1000).split(b" ")[1] == str(status).encode()


def test_structure_that_changed_while_the_page_was_away_is_fetched_again(redis: Redis, live_port: int) -> None:
    with Page(live_port, ticket_for(1, 7)) as page:
        seen = page.wait_for_kind("patch").identity
        account_changed(1, 7, [Fragment.POSITIONS, Fragment.ORDERS])
        time.sleep(0.002)  # moments are told in milliseconds
        assert page.wait_for_kind("refresh").data == "positions orders"

    with Page(live_port, ticket_for(1, 7), last_event=seen) as again:
        assert again.wait_for_kind("refresh").data == "orders positions"
        later = again.wait_for_kind("patch").identity

    with Page(live_port, ticket_for(1, 7), last_event=later) as third:
        assert third.next().kind == "patch"


def test_watching_marks_account_and_market_as_looked_at(redis: Redis, live_port: int) -> None:
    with Page(live_port, ticket_for(1, 7, 8)) as page:
        page.next()
        assert presence.looked_at_accounts() == {(1, 7), (1, 8)}
        assert presence.looked_at_markets() == {MARKET}


def test_silent_stream_keeps_sending_the_servers_clock(
    redis: Redis, live_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "SWEEP_SECONDS", 0.05)
    monkeypatch.setattr(hub, "HEARTBEAT_SECONDS", 0.1)
    with Page(live_port, ticket_for(1, 7)) as page:
        first, second = page.wait_for("now"), page.wait_for("now")

    assert first < second


def test_slow_page_gets_the_latest_numbers_and_a_dead_one_is_dropped(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "STUCK_SECONDS", 60.0)
    monkeypatch.setattr(hub, "SWEEP_SECONDS", 0.1)
    ballast, application = "x" * 100_000, LiveApplication()

    def streams() -> int:
        return sum(len(made.clients) for made in application._hubs.values())

    with serving(application) as port, Page(port, ticket_for(1, 7)) as slow, Page(port, ticket_for(1, 7)) as dead:
        slow.wait_for("now")
        dead.wait_for("now")
        for turn in range(100):
            publish(redis, MARKET, {"turn": turn, "ballast": ballast})
        # It skipped most of the hundred and still ends with the last.
        while (turn := slow.wait_for("turn")) != 99:
            continue
        assert (turn, streams()) == (99, 2)
        monkeypatch.setattr(hub, "STUCK_SECONDS", 0.5)
        assert eventually(lambda: streams() == 1)
        with pytest.raises((EOFError, ConnectionResetError)):
            dead.read_to_the_end()

        publish(redis, MARKET, {"turn": 100})
        assert slow.wait_for("turn") == 100


def test_late_page_gets_no_numbers_older_than_its_own(
    redis: Redis, live_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Page(live_port, ticket_for(1, 7)) as first:
        first.next()
        publish(redis, MARKET, {"market-BTC-mark": "86,000"})
        assert first.wait_for("market-BTC-mark") == "86,000"
        monkeypatch.setattr(hub, "STATE_SECONDS", 0)
        with Page(live_port, ticket_for(1, 7)) as late:
            assert list(late.next().patch) == ["now"]


def test_message_of_an_unknown_kind_reaches_nobody(redis: Redis, settled_port: int) -> None:
    with Page(settled_port, ticket_for(1, 7)) as page:
        page.next()
        redis.publish(MARKET, b"script alert(1)")
        publish(redis, MARKET, {"market-BTC-mark": "86,000"})
        assert page.next().patch == {"market-BTC-mark": "86,000"}


async def cancelled_while_joining(redis: Redis, application: LiveApplication) -> tuple[set[str], set[str]]:
    """The clients known while a page joins a server that does not answer, and after the page was given up."""
    query = urlencode({"ticket": ticket_for(1, 7)}).encode()
    scope: Any = {"type": "http", "path": PATH, "method": "GET", "query_string": query}
    scope["headers"] = [(b"host", b"alpha.localhost")]
    nothing: Any = asyncio.Event().wait
    joined = application._hub()
    redis.client_pause(1000)
    opening = asyncio.create_task(application(scope, nothing, nothing))
    while not joined.clients:
        await asyncio.sleep(0)
    during = {client.market for client in joined.clients}
    opening.cancel()
    await asyncio.wait([opening])
    after = {client.market for client in joined.clients}
    await application.close()
    return during, after


def test_page_given_up_while_it_joins_is_forgotten(redis: Redis) -> None:
    assert asyncio.run(cancelled_while_joining(redis, LiveApplication())) == ({MARKET}, set())


def test_content_of_a_ticket_is_what_was_issued() -> None:
    ticket = tickets.admit(ticket_for(3, 4, 5, market="kPEPE"), "alpha.localhost")

    assert json.dumps(ticket.channels) == json.dumps(
        ["market:hyperliquid:testnet:kPEPE", "marks:hyperliquid:testnet", "3:account:4", "3:account:5"]
    )
