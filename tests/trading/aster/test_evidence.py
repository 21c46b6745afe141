"""What stays on record of a proof at the second venue, and margin that is added while an earlier change is unknown."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.trading.aster.fates import proven_after_its_end
from tests.trading.aster.people import AsterTrader
from trading.connect import account_adapter
from trading.models import Command
from trading.models.commands import CommandKind, CommandState
from trading.services import commands
from trading.services.reconcile import prove


@pytest.fixture(autouse=True)
def calm(ready: AsterTrader, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody else proves anything, and afterwards the venue is as it was."""
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    yield
    ready.sandbox.clear_faults()


def newest(trader: AsterTrader, kind: CommandKind) -> Command:
    rows = Command.objects.filter(account=trader.account, kind=kind).select_related("account", "market")
    command: Command = rows.order_by("-nonce")[0]
    return command


def test_proof_is_kept_with_the_venues_own_words_and_without_a_signature(ready: AsterTrader) -> None:
    ready.order()
    ready.sandbox.fault("drop_after", "POST order", count=1)
    ready.order()
    command = newest(ready, CommandKind.ORDER)
    assert command.state == CommandState.UNKNOWN

    assert prove(account_adapter(command.account), command)

    last = command.events.last()
    assert last is not None
    assert (last.step, last.state, last.path, last.status) == ("settled", "accepted", "/fapi/v3/order", 200)
    question, answer = bytes(last.request).decode(), json.loads(bytes(last.answer))
    assert f"origClientOrderId={command.client_id}" in question
    assert "signature" not in question
    assert (answer["clientOrderId"], answer["status"]) == (command.client_id, "FILLED")


def test_clock_that_a_proof_rests_on_is_kept_with_what_it_said(ready: AsterTrader) -> None:
    ready.order()
    ready.sandbox.fault("drop_before", "POST order", count=1)
    ready.order()
    command = newest(ready, CommandKind.ORDER)

    assert proven_after_its_end(ready, command)

    command.refresh_from_db()
    clocks = [json.loads(bytes(event.answer)) for event in command.events.filter(path="/fapi/v3/time", status=200)]
    told = [datetime.fromtimestamp(clock["serverTime"] / 1000, UTC).isoformat() for clock in clocks]
    assert command.state == CommandState.DEAD
    assert command.evidence["venue clock"] in told


def test_margin_is_added_while_an_earlier_addition_is_unknown(ready: AsterTrader) -> None:
    ready.order()
    ready.sandbox.fault("drop_after", "positionMargin", count=1)
    ready.move_margin("add", "25")
    first = newest(ready, CommandKind.MARGIN)
    assert first.state == CommandState.UNKNOWN

    ready.move_margin("add", "25")

    second = newest(ready, CommandKind.MARGIN)
    assert (second.pk != first.pk, second.state) == (True, CommandState.ACCEPTED)
    assert proven_after_its_end(ready, first)
    first.refresh_from_db()
    assert first.state == CommandState.ACCEPTED
