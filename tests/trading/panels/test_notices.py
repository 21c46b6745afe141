"""A notice says what the venue did, never more: what was filled, and not what was asked for."""

from datetime import UTC, datetime

import pytest

from tests.trading.desks import market
from trading.models import Command
from trading.models.commands import CommandKind, CommandState
from trading.panels.notices import build_notice
from trading.panels.view_models import NoticeState

ASKED = {"side": "long", "size": "0.01", "price": "market"}
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def order(evidence: dict[str, str], state: CommandState = CommandState.ACCEPTED, **intent: str) -> Command:
    return Command(
        kind=CommandKind.ORDER, state=state, market=market(), intent=ASKED | intent, evidence=evidence, prepared_at=NOW
    )


@pytest.mark.parametrize(
    ("evidence", "title"),
    [
        ({"kind": "filled", "size": "0.01"}, "Filled: buy 0.01 BTC at market"),
        ({"kind": "filled", "size": "0.004"}, "Filled 0.004 of 0.01 BTC"),
        ({"kind": "filled", "filled": "0.01"}, "Filled: buy 0.01 BTC at market"),
        ({"kind": "filled", "filled": "0.004"}, "Filled 0.004 of 0.01 BTC"),
        ({"kind": "filled"}, "Filled: buy 0.01 BTC at market"),
        ({"kind": "cancelled", "filled": "0"}, "Cancelled: buy 0.01 BTC at market, nothing was filled"),
        ({"kind": "cancelled", "filled": "0.004"}, "Cancelled: 0.004 of 0.01 BTC was filled"),
        ({"kind": "cancelled"}, "Cancelled: buy 0.01 BTC at market"),
        ({"kind": "resting", "order_id": "7"}, "In the book: buy 0.01 BTC at market"),
        ({"kind": "resting", "filled": "0.000"}, "In the book: buy 0.01 BTC at market"),
        ({"kind": "resting", "filled": "0.004"}, "In the book: buy 0.01 BTC at market, 0.004 of 0.01 BTC filled"),
    ],
)
def test_order_is_titled_by_what_was_filled(evidence: dict[str, str], title: str) -> None:
    assert build_notice(order(evidence)).title == title


def test_partly_filled_market_order_says_what_became_of_the_rest() -> None:
    evidence = {"kind": "filled", "average_price": "86001"}
    rest = "The market took no more within the price limit; the rest was cancelled."

    assert build_notice(order(evidence | {"size": "0.004"})).detail == f"0.004 at 86,001 on average. {rest}"
    assert build_notice(order(evidence | {"size": "0.01"})).detail == "0.01 at 86,001 on average."
    assert build_notice(order(evidence | {"size": "0.004"}, price="86001")).detail == "0.004 at 86,001 on average."


def test_command_nobody_can_prove_stops_asking_and_says_so() -> None:
    command = order({}, CommandState.UNPROVEN)
    command.message = "Look at your position before you send it again."

    notice = build_notice(command)

    assert (notice.state, notice.is_checking) == (NoticeState.REJECTED, False)
    assert notice.title == "Not known: buy 0.01 BTC at market"
    assert notice.detail == "Look at your position before you send it again."


def test_cancelling_is_done_whatever_its_evidence_says() -> None:
    command = order({"kind": "cancelled", "filled": "0"})
    command.kind = CommandKind.CANCEL

    assert build_notice(command).title == "Done: cancel BTC order"


def test_exit_that_a_proof_did_not_find_is_missed_aloud() -> None:
    command = order({"kind": "resting", "status": "open", "stop_loss": "unknownOid", "refused": "stop_loss"})
    command.kind = CommandKind.ORDERS
    command.intent = {"side": "long", "take_profit": "90000", "stop_loss": "80000"}

    notice = build_notice(command)

    assert notice.state is NoticeState.REJECTED
    assert notice.title == "Done: BTC long, take-profit at 90,000. NOT protected by a stop-loss"
    assert notice.detail == "The stop-loss at 80,000: the venue said: unknownOid."
