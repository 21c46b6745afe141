"""Whoever sends first and whoever looks for proof may both have a command's bytes: what one of them could not send has
no end while the other may send it, nobody sends what has its end, and nobody takes for the venue's word on a command
what another has done with its nonce."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tenants.scope import operator_scope
from tests.factories import make_command
from tests.trading.conftest import Desk
from tests.trading.services.dead_ends import Refused, Unreached
from tests.trading.services.lost import buy_left_behind, opened, proven
from tests.trading.statements import CHANGE, FORM, LOCK, statements
from trading.models import Command, Position
from trading.models.commands import CommandKind, CommandState
from trading.models.events import Step
from trading.services import reconcile
from trading.services.commands import RECEIVED, as_signed, submit
from trading.services.margin import change_margin
from trading.services.orders import close_position
from trading.services.reconcile import NEVER_CARRIED_OUT, RECEIVED_AND_REFUSED, look, prove
from trading.services.sync import sync_account
from trading.services.transitions import deliver_again
from trading.venues.base import Adapter, SignedRequest
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.transport import NO_HEADERS, Response, Transport

pytestmark = pytest.mark.usefixtures("unhurried")


@dataclass
class Held:
    """A way to the venue on which one request is under way for a while. Meanwhile something else happens."""

    way: Transport
    meanwhile: list[Callable[[], object]]

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        if path == "/exchange" and self.meanwhile:
            self.meanwhile.pop()()
        return self.way.request(method, path, body, headers)


def under_way(desk: Desk, meanwhile: Callable[[], object]) -> Adapter:
    own = desk.adapter
    assert isinstance(own, HyperliquidAdapter)
    return HyperliquidAdapter(Held(own._transport, [meanwhile]), own.network, own._key)


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


def test_what_has_its_end_is_not_sent_by_whoever_read_it_before(desk: Desk, command: Command) -> None:
    read_before = []
    submit(unreached(desk, lambda: read_before.append(as_another_has_it(command))), command)
    assert (command.state, read_before[0].state) == (CommandState.DEAD, CommandState.UNKNOWN)

    look(desk.adapter, read_before[0])

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


@pytest.fixture
def lost(desk: Desk, command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Sent, and never arrived."""
    monkeypatch.setattr(HyperliquidAdapter, "settling", timedelta(milliseconds=20))
    desk.sandbox.fault("drop_before", "order", count=1)
    submit(desk.adapter, command)
    assert command.state == CommandState.UNKNOWN
    return command


def use_up_unheard(desk: Desk, lost: Command) -> None:
    """Another process uses the nonce up, because the trader has gone on since; the venue's answer does not come."""
    desk.sandbox.fault("drop_after", "noop", count=1)
    other = as_another_has_it(lost)
    look(desk.adapter, other)
    assert (other.state, steps(other)[-2:]) == (CommandState.UNKNOWN, [Step.BURNED, Step.ANSWERED])


def ended(desk: Desk, command: Command) -> Command:
    assert proven(desk, as_another_has_it(command))
    return as_another_has_it(command)


def test_nonce_that_another_used_up_says_nothing_to_whoever_comes_second_with_the_same(
    desk: Desk, lost: Command
) -> None:
    buy_left_behind(desk)

    look(under_way(desk, lambda: use_up_unheard(desk, lost)), lost)

    end = ended(desk, lost)
    assert (end.state, end.message, RECEIVED in end.evidence) == (CommandState.DEAD, NEVER_CARRIED_OUT, False)
    assert held(desk) == "0.01"


def test_nonce_that_another_used_up_says_nothing_to_whoever_sends_the_order_again(desk: Desk, lost: Command) -> None:
    def go_on() -> None:
        buy_left_behind(desk)
        use_up_unheard(desk, lost)

    look(under_way(desk, go_on), lost)

    end = ended(desk, lost)
    assert (end.state, end.message, RECEIVED in end.evidence) == (CommandState.DEAD, NEVER_CARRIED_OUT, False)
    assert held(desk) == "0.01"


@pytest.mark.parametrize("has_gone_on", [False, True])
def test_nonce_that_nobody_used_up_says_that_the_command_arrived(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, has_gone_on: bool
) -> None:
    monkeypatch.setattr(HyperliquidAdapter, "settling", timedelta(milliseconds=20))
    position = opened(desk)
    desk.sandbox.fault("drop_after", "updateIsolatedMargin", count=1)
    refused = change_margin(desk.adapter, desk.account, position, amount=Decimal(50_000), form_key=uuid4())
    assert refused.state == CommandState.UNKNOWN
    if has_gone_on:
        later = {"kind": CommandKind.ORDER, "state": CommandState.REJECTED}
        make_command(desk.account, desk.market, nonce=refused.nonce + 1, **later)

    end = ended(desk, refused)

    assert (end.state, end.message, end.evidence[RECEIVED]) == (CommandState.REJECTED, RECEIVED_AND_REFUSED, True)
    assert (Step.BURNED in steps(end)) is has_gone_on


@pytest.mark.parametrize("others", [0, 30])
def test_order_is_sent_again_by_four_statements(desk: Desk, lost: Command, others: int) -> None:
    """The account is held while it is looked whether the trader has gone on and noted that the order leaves."""
    for nonce in range(others):
        make_command(desk.account, desk.market, nonce=nonce)

    with CaptureQueriesContext(connection) as captured:
        assert prove(desk.adapter, lost)

    assert lost.state == CommandState.ACCEPTED
    assert statements(captured) == [LOCK, FORM, CHANGE, CHANGE]


def close_at_once(desk: Desk, position: Position) -> bool:
    """Whether the trader's close is written down and sent without having to wait for anybody."""
    done: list[bool] = []

    def close() -> None:
        try:
            with operator_scope(desk.operator.pk), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '100ms'")
                close_position(desk.adapter, desk.account, position, mark=Decimal(86_000), form_key=uuid4())
        except OperationalError:
            done.append(False)
        else:
            done.append(True)
        finally:
            connection.close()

    trader = threading.Thread(target=close)
    trader.start()
    trader.join()
    return done == [True]


@pytest.mark.django_db(transaction=True)
def test_trader_does_not_go_on_between_the_look_for_that_and_the_repeat(
    desk: Desk, lost: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He would close what the repeat then opens anew."""
    position, went_on = Position.objects.select_related("market", "account").get(), list[bool]()

    def noted_late(command: Command, step: Step, request: SignedRequest) -> bool:
        went_on.append(close_at_once(desk, position))
        return deliver_again(command, step, request)

    monkeypatch.setattr(reconcile, "deliver_again", noted_late)
    prove(desk.adapter, lost)

    assert went_on == [False]
    assert (as_another_has_it(lost).state, held(desk)) == (CommandState.ACCEPTED, "0.02")
