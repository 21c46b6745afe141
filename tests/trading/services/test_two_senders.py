"""Whoever sends first and whoever looks for proof may both have a command's bytes: what one of them could not send has
no end while the other may send it, and nobody sends what has its end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from tests.trading.conftest import Desk
from tests.trading.services.test_lateness import buy_left_behind, opened
from tests.trading.services.test_reconcile import proven
from trading.models import Command, Position
from trading.models.commands import CommandState
from trading.models.events import Step
from trading.services.commands import as_signed, send_again, submit
from trading.services.reconcile import look, prove
from trading.services.sync import sync_account
from trading.services.transitions import deliver_again
from trading.venues.base import Adapter
from trading.venues.errors import Unavailable
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.transport import NO_HEADERS, Response


@dataclass
class Unreached:
    """A way to the venue that leads nowhere. While it is tried, something else happens."""

    meanwhile: Callable[[], object]

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        self.meanwhile()
        raise Unavailable("refused")


@dataclass
class Refused:
    """The venue knows no such key, whatever it is asked. While it answers, something else happens."""

    meanwhile: Callable[[], object]

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        self.meanwhile()
        return Response(200, b'{"status":"err","response":"User or API Wallet 0x17 does not exist."}')


def unreached(desk: Desk, meanwhile: Callable[[], object]) -> Adapter:
    return HyperliquidAdapter(Unreached(meanwhile), desk.adapter.network, desk.adapter._key)  # type: ignore[attr-defined]


@pytest.fixture
def command(desk: Desk) -> Command:
    """Written down beside a position of 0.01, and not sent yet."""
    opened(desk)
    return buy_left_behind(desk)


def as_another_has_it(command: Command) -> Command:
    """As a process that has it in hand read it."""
    found: Command = Command.objects.select_related("account", "market").get(pk=command.pk)
    return found


def held(desk: Desk) -> str:
    sync_account(desk.adapter, desk.account)
    return f"{Position.objects.get().size.normalize():f}"


def steps(command: Command) -> list[str]:
    return [event.step for event in command.events.all()]


@pytest.mark.parametrize("bring_on", [send_again, look], ids=["sends again", "looks for proof"])
def test_what_has_its_end_is_not_sent_by_whoever_read_it_before(
    desk: Desk, command: Command, bring_on: Callable[[Adapter, Command], object]
) -> None:
    read_before = []
    submit(unreached(desk, lambda: read_before.append(as_another_has_it(command))), command)
    assert (command.state, read_before[0].state) == (CommandState.DEAD, CommandState.UNKNOWN)

    bring_on(desk.adapter, read_before[0])

    assert held(desk) == "0.01"
    assert read_before[0].state == CommandState.DEAD
    assert steps(command) == [Step.PREPARED, Step.SENT, Step.SETTLED]


def test_what_another_is_about_to_send_has_no_end_because_it_could_not_be_sent_here(
    desk: Desk, command: Command
) -> None:
    def take() -> None:
        other = as_another_has_it(command)
        assert deliver_again(other, Step.SENT, as_signed(other))

    submit(unreached(desk, take), command)
    assert (command.state, command.deliveries) == (CommandState.UNKNOWN, 2)

    assert proven(desk, as_another_has_it(command))

    assert as_another_has_it(command).state == CommandState.ACCEPTED
    assert held(desk) == "0.02"


def test_refusal_is_no_end_while_another_is_about_to_send_the_same(desk: Desk, command: Command) -> None:
    def take() -> None:
        other = as_another_has_it(command)
        assert deliver_again(other, Step.SENT, as_signed(other))

    refused = HyperliquidAdapter(Refused(take), desk.adapter.network, desk.adapter._key)  # type: ignore[attr-defined]
    submit(refused, command)
    assert (command.state, command.deliveries) == (CommandState.UNKNOWN, 2)

    assert proven(desk, as_another_has_it(command))

    assert as_another_has_it(command).state == CommandState.ACCEPTED
    assert held(desk) == "0.02"


def test_refusal_is_the_end_of_what_nobody_else_sends(desk: Desk, command: Command) -> None:
    refused = HyperliquidAdapter(Refused(int), desk.adapter.network, desk.adapter._key)  # type: ignore[attr-defined]

    submit(refused, command)

    assert command.state == CommandState.REJECTED
    assert steps(command) == [Step.PREPARED, Step.SENT, Step.SETTLED]
    assert held(desk) == "0.01"


def test_what_another_has_sent_meanwhile_is_accepted(desk: Desk, command: Command) -> None:
    submit(unreached(desk, lambda: prove(desk.adapter, as_another_has_it(command))), command)

    assert command.state == CommandState.ACCEPTED
    assert held(desk) == "0.02"


def test_nonce_of_what_has_its_end_is_not_used_up(desk: Desk, command: Command) -> None:
    """Nothing is gained by it, and what was asked would stand in the history after the end."""
    read_before = []
    submit(unreached(desk, lambda: read_before.append(as_another_has_it(command))), command)
    # Gone on since, so the bytes would not be sent again, but their nonce used up.
    buy_left_behind(desk)

    look(desk.adapter, read_before[0])

    assert steps(command) == [Step.PREPARED, Step.SENT, Step.SETTLED]
