"""The contract of every venue's adapter: one bench a venue, the same tests over all of them."""

import pickle
import traceback
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from tests.trading.venues.contract import BENCHES, Bench
from tests.trading.venues.misbehaving import (
    Behaviour,
    MisbehavingServer,
    answer,
    cut_before_the_head,
    cut_in_the_body,
    endless,
    in_turn,
    refused_port,
)
from trading.margin.types import AccountMode
from trading.venues.base import Adapter, Command, Network, Permission, Resting, SignedRequest
from trading.venues.errors import (
    InvalidCommand,
    Malformed,
    MissingKey,
    NoLongerAccepted,
    OutcomeUnknown,
    RateLimited,
    Reason,
    Rejected,
    Unavailable,
    VenueError,
)


@pytest.fixture(params=list(BENCHES.values()), ids=list(BENCHES))
def bench(request: pytest.FixtureRequest, server: MisbehavingServer) -> Bench:
    made: Bench = request.param(server)
    return made


def signed(bench: Bench) -> SignedRequest:
    return bench.adapter.sign(bench.order(), nonce=bench.nonce)


def test_the_same_command_gives_the_same_bytes_and_nothing_is_sent(bench: Bench) -> None:
    first, again = signed(bench), signed(bench)
    assert first == again
    assert bench.adapter.sign(bench.order(), nonce=bench.nonce + 1000).body != first.body
    assert (first.nonce, bench.server.received) == (bench.nonce, [])


def test_every_kind_of_command_is_signed_or_refused_in_words(bench: Bench) -> None:
    refusals = {name: refusal_of(bench, command) for name, command in bench.commands().items()}
    told = {name: words for name, words in refusals.items() if words}
    assert [name for name, words in told.items() if not words.endswith(".")] == []
    assert told.keys() <= {"attached", "mode", "fill or kill"}


def refusal_of(bench: Bench, command: Command) -> str:
    """What the trader reads, "" for a command that is signed."""
    try:
        bench.adapter.sign(command, nonce=bench.nonce)
    except InvalidCommand as refusal:
        return refusal.explanation
    return ""


def test_the_network_decides_what_an_agent_signs(bench: Bench) -> None:
    bodies = {
        network: bench.build(bench.server.url, network, True).sign(bench.order(), nonce=bench.nonce).body  # noqa: FBT003
        for network in Network
    }
    elsewhere = bench.build("https://venue.example", Network.TESTNET, True)  # noqa: FBT003 - as the bench says
    assert elsewhere.sign(bench.order(), nonce=bench.nonce).body == bodies[Network.TESTNET]
    assert (bodies[Network.MAINNET] != bodies[Network.TESTNET]) is bench.signs_network


def test_an_adapter_without_a_secret_refuses_to_sign(bench: Bench) -> None:
    with pytest.raises(MissingKey) as caught:
        bench.keyless.sign(bench.order(), nonce=bench.nonce)
    assert caught.value.reason is Reason.KEY_UNKNOWN


def test_client_ids_differ_and_are_taken(bench: Bench) -> None:
    adapter = bench.adapter
    ids = [adapter.client_id(UUID(int=number)) for number in (0, 1, 2**128 - 1)]
    assert len(set(ids)) == 3
    for client_id in ids:
        body = adapter.sign(replace(bench.order(), client_id=client_id), nonce=bench.nonce).body
        assert client_id.encode() in body


@pytest.mark.parametrize(
    ("price", "size"), [("60000.123456", "0.01"), ("0", "0.01"), ("60000", "0.0000001"), ("NaN", "1"), ("100", "0.01")]
)
def test_what_the_market_does_not_take_is_never_signed(bench: Bench, price: str, size: str) -> None:
    with pytest.raises(InvalidCommand):
        bench.adapter.sign(bench.order(price, size), nonce=bench.nonce)


def test_a_delisted_market_opens_nothing(bench: Bench) -> None:
    closed = msgspec.structs.replace(bench.market, delisted=True)
    with pytest.raises(InvalidCommand):
        bench.adapter.sign(replace(bench.order(), market=closed), nonce=bench.nonce)


def test_secrets_never_show(bench: Bench) -> None:
    adapter = bench.adapter
    shown = [repr(adapter), str(adapter), str(signed(bench))]
    bench.behave(answer(400, b"nonsense"))
    for attempt in (lambda: adapter.send(signed(bench)), lambda: adapter.open_orders(bench.address)):
        with pytest.raises(VenueError) as caught:
            attempt()
        shown += ["".join(traceback.format_exception(caught.value)), repr(pickle.loads(pickle.dumps(caught.value)))]
    assert [text for text in shown if any(secret in text for secret in bench.secrets)] == []


def test_an_acceptance_and_a_refusal_are_told_apart(bench: Bench) -> None:
    bench.behave(in_turn(bench.accepted, bench.refusal))
    assert bench.adapter.send(signed(bench)) == Resting(5)
    with pytest.raises(Rejected) as caught:
        bench.adapter.send(signed(bench))
    error = caught.value
    assert (error.reason, error.mapped, error.outcome_known) == (Reason.INSUFFICIENT_MARGIN, True, True)
    assert error.explanation.endswith(".")
    assert [body for _, _, body in bench.server.received] == [signed(bench).body] * 2


@pytest.mark.parametrize(
    "behaviour",
    [
        cut_before_the_head,
        cut_in_the_body,
        answer(500, b"{}"),
        answer(503, b"{}"),
        answer(302, b"", Location="/elsewhere"),
        answer(200, b"<html>", kind="text/html"),
        answer(200, b""),
        answer(200, b"null"),
        answer(200, b"{}"),
        answer(200, b'{"status":'),
        answer(200, b"\xff\xfe"),
        endless(b"x" * 400_000, 4),
    ],
)
def test_an_answer_that_is_none_leaves_the_outcome_unknown(bench: Bench, behaviour: Behaviour) -> None:
    bench.behave(behaviour)
    with pytest.raises(OutcomeUnknown) as caught:
        bench.adapter.send(signed(bench))
    assert (caught.value.outcome_known, len(bench.server.received)) == (False, 1)


@pytest.mark.parametrize("status", [429, 418])
def test_a_venue_that_asks_to_slow_down_is_obeyed(bench: Bench, status: int) -> None:
    bench.behave(answer(status, b"", Retry_After="7"))
    with pytest.raises(RateLimited) as command:
        bench.adapter.send(signed(bench))
    assert (command.value.retry_after, command.value.outcome_known) == (7.0, False)
    with pytest.raises(Unavailable) as read:
        bench.adapter.open_orders(bench.address)
    assert (read.value.retry_after, read.value.outcome_known) == (7.0, True)


def test_a_venue_that_is_not_there_received_nothing(bench: Bench) -> None:
    gone = bench.build(f"http://127.0.0.1:{refused_port()}", Network.TESTNET, True)  # noqa: FBT003 - as the bench says
    for attempt in (lambda: gone.send(signed(bench)), lambda: gone.open_orders(bench.address)):
        with pytest.raises(Unavailable) as caught:
            attempt()
        assert (caught.value.outcome_known, caught.value.retryable) == (True, True)


def test_a_repeat_that_came_too_late_proves_nothing(bench: Bench) -> None:
    bench.behave(bench.stale)
    with pytest.raises((Rejected, NoLongerAccepted)):
        bench.adapter.send(signed(bench))
    with pytest.raises(OutcomeUnknown):
        bench.adapter.send(signed(bench), repeated=True)


READS: list[Callable[[Adapter, str], object]] = [
    lambda adapter, address: adapter.open_orders(address),
    lambda adapter, address: adapter.account(address, mode=AccountMode.STANDARD),
    lambda adapter, address: adapter.account_mode(address),
]


@pytest.mark.parametrize("read", READS)
def test_a_read_that_fails_changes_nothing(bench: Bench, read: Callable[[Adapter, str], object]) -> None:
    for behaviour, kind in (
        (answer(503, b"{}"), Unavailable),
        (cut_in_the_body, Unavailable),
        (answer(200, b"null"), Malformed),
        (answer(200, b'["?"]'), Malformed),
    ):
        bench.behave(behaviour)
        with pytest.raises(kind) as caught:
            read(bench.adapter, bench.address)
        assert caught.value.outcome_known is True


@pytest.mark.parametrize("has_position", [False, True])
@pytest.mark.parametrize("has_orders", [False, True])
def test_what_is_closed_says_why(bench: Bench, *, has_position: bool, has_orders: bool) -> None:
    found = bench.adapter.capabilities(bench.market, has_position=has_position, has_orders=has_orders)
    permissions = [getattr(found, name) for name in found.__slots__]
    closed = [permission for permission in permissions if isinstance(permission, Permission) and not permission.allowed]
    assert all(permission.reason.endswith(".") for permission in closed)
    assert found.add_margin.allowed is has_position
    assert found.change_mode.allowed is not (has_position or has_orders)


def test_a_float_is_not_money(bench: Bench) -> None:
    with pytest.raises((TypeError, AttributeError)):
        bench.adapter.sign(replace(bench.order(), size=0.01), nonce=bench.nonce)  # type: ignore[arg-type]
    assert bench.order().size == Decimal("0.01")
