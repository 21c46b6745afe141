"""Bad days at the venue: every command ends in what really happened, and nothing happens twice. What becomes of lost
margin changes is in ``test_lost_margin.py``."""

import json
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.trading.conftest import Desk
from tests.trading.services.lost import aged, expire, place_under, proven
from tests.trading.tickets import ticket
from trading.connect import public_adapter
from trading.models import Command, Order, Position
from trading.models.commands import CommandKind, CommandState
from trading.services import lateness
from trading.services.margin import change_margin
from trading.services.orders import cancel_order, close_position, place_order
from trading.services.reconcile import ASKED_IN_VAIN, BURNABLE, NOT_TOLD, SELDOM, Look, look, prove
from trading.services.sync import sync_account
from trading.venues.base import Venue
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.transport import BlockingTransport, Limits


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "malformed", "truncated"])
def test_order_that_was_executed_unheard_is_proven_by_its_client_id(desk: Desk, fault: str) -> None:
    command = place_under(desk, fault)
    assert command.state == CommandState.UNKNOWN

    assert prove(desk.adapter, command)

    command.refresh_from_db()
    assert command.state == CommandState.ACCEPTED
    assert (command.evidence["kind"], command.evidence["filled"]) == ("filled", "0.01")
    sync_account(desk.adapter, desk.account)
    assert Position.objects.get().size == Decimal("0.02")


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("fault", ["drop_before", "error_before", "too_many_requests"])
def test_order_that_never_arrived_is_sent_again_with_the_same_bytes(desk: Desk, fault: str) -> None:
    command = place_under(desk, fault)
    assert command.state == CommandState.UNKNOWN
    body, nonce = bytes(command.body), command.nonce

    assert proven(desk, command)

    command.refresh_from_db()
    assert command.state == CommandState.ACCEPTED
    assert (bytes(command.body), command.nonce) == (body, nonce)
    # Of its own ledger: while it wants to be left alone, proofs are looked for and nothing else is read.
    assert [row["size"] for row in desk.positions_at_venue()] == ["0.02"]


def test_order_that_never_arrived_is_not_sent_for_the_first_time_when_its_market_has_moved_on(desk: Desk) -> None:
    command = aged(place_under(desk, "drop_before"), lateness.LATEST)

    assert proven(desk, command)

    command.refresh_from_db()
    assert (command.state, command.evidence) == (CommandState.DEAD, {"burned": True, "effect": "none"})
    assert [event.step for event in command.events.exclude(step="asked")] == [
        "prepared", "sent", "answered", "burned", "settled",
    ]  # fmt: skip
    sync_account(desk.adapter, desk.account)
    assert Position.objects.get().size == Decimal("0.01")


def test_order_that_arrived_is_found_however_late_one_looks(desk: Desk) -> None:
    command = aged(place_under(desk, "drop_after"), lateness.LATEST)

    assert proven(desk, command)

    command.refresh_from_db()
    assert command.state == CommandState.ACCEPTED
    sync_account(desk.adapter, desk.account)
    assert Position.objects.get().size == Decimal("0.02")


def test_refusal_that_nobody_heard_is_told_as_one_however_late_one_looks(desk: Desk) -> None:
    """Its nonce cannot be used up any more, because the order itself did."""
    place_order(desk.adapter, desk.account, desk.market, ticket(form_key=uuid4(), form={"first": "1"}))
    desk.sandbox.fault("drop_after", "order", count=1)
    huge = ticket(form_key=uuid4(), form={"second": "1"}, size=Decimal(300))
    lost = aged(place_order(desk.adapter, desk.account, desk.market, huge), lateness.LATEST)

    assert proven(desk, lost)

    lost.refresh_from_db()
    assert lost.state == CommandState.REJECTED


def test_order_of_which_nobody_understands_what_the_venue_says_ends_unproven_after_an_hour(desk: Desk) -> None:
    command = place_under(desk, "drop_after")
    desk.sandbox.fault("malformed", "orderStatus", count=9)

    assert look_past_its_end(desk, command, BURNABLE / 2) == Look()
    # Others' proofs need the room by then.
    assert look_past_its_end(desk, command, ASKED_IN_VAIN / 2) == Look(earliest=SELDOM)
    assert look_past_its_end(desk, command, ASKED_IN_VAIN + HyperliquidAdapter.settling).is_settled

    command.refresh_from_db()
    assert (command.state, command.message) == (CommandState.UNPROVEN, NOT_TOLD)


def look_past_its_end(desk: Desk, command: Command, age: timedelta) -> Look:
    Command.objects.filter(pk=command.pk).update(dead_at=timezone.now() - age)
    command.refresh_from_db()
    return look(desk.adapter, command)


def test_order_is_proven_dead_once_the_venues_clock_is_past_its_expiry(desk: Desk) -> None:
    command = place_under(desk, "drop_before")
    Command.objects.filter(pk=command.pk).update(dead_at=timezone.now() - timedelta(minutes=1))
    command.refresh_from_db()

    assert prove(desk.adapter, command)

    command.refresh_from_db()
    assert command.state == CommandState.DEAD
    assert command.evidence["effect"] == "none"
    assert set(command.evidence) == {"venue clock", "expired", "effect"}
    sync_account(desk.adapter, desk.account)
    assert Position.objects.get().size == Decimal("0.01")


def test_silent_venue_settles_nothing(desk: Desk) -> None:
    command = place_under(desk, "drop_after")
    desk.sandbox.fault("drop_before", "any", count=5)

    assert not prove(desk.adapter, command)

    command.refresh_from_db()
    assert command.state == CommandState.UNKNOWN


def test_leverage_that_got_lost_keeps_the_order_from_leaving(desk: Desk) -> None:
    desk.sandbox.fault("drop_before", "updateLeverage", count=1)

    command = place_order(desk.adapter, desk.account, desk.market, ticket())

    assert (command.kind, command.state) == (CommandKind.LEVERAGE, CommandState.UNKNOWN)
    assert not Command.objects.filter(kind=CommandKind.ORDER).exists()
    assert prove(desk.adapter, command)
    command.refresh_from_db()
    assert command.state == CommandState.ACCEPTED


def test_slow_venue_leaves_the_command_unknown_within_the_time_limit(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(form_key=uuid4(), form={"first": "1"}))
    limited = BlockingTransport(desk.sandbox.url, limits=Limits(read=0.5))
    impatient = HyperliquidAdapter(limited, desk.adapter.network, desk.adapter._key)  # type: ignore[attr-defined]
    desk.sandbox.fault("delay", "order", seconds=5)

    command = place_order(impatient, desk.account, desk.market, ticket(form_key=uuid4(), form={"second": "1"}))

    assert command.state == CommandState.UNKNOWN


def test_refused_connection_means_that_nothing_was_sent(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(form_key=uuid4(), form={"first": "1"}))
    nowhere = BlockingTransport("http://127.0.0.1:9")
    deaf = HyperliquidAdapter(nowhere, desk.adapter.network, desk.adapter._key)  # type: ignore[attr-defined]

    command = place_order(deaf, desk.account, desk.market, ticket(form_key=uuid4(), form={"second": "1"}))

    assert command.state == CommandState.DEAD
    assert "Nothing was changed" in command.message


def test_proof_is_kept_with_the_venues_own_words(desk: Desk) -> None:
    command = place_under(desk, "drop_after")

    assert prove(desk.adapter, command)

    last = command.events.last()
    assert last is not None
    assert (last.step, last.state, last.path, last.status) == ("settled", "accepted", "/info", 200)
    question, answer = json.loads(bytes(last.request)), json.loads(bytes(last.answer))
    assert (question["type"], question["oid"]) == ("orderStatus", command.client_id)
    assert (answer["order"]["status"], answer["order"]["order"]["cloid"]) == ("filled", command.client_id)


def test_clock_and_what_the_venue_did_not_know_are_kept_with_a_death(desk: Desk) -> None:
    command = expire(place_under(desk, "drop_before"))

    assert prove(desk.adapter, command)

    asked = command.events.filter(status=200, path="/info")
    words = [(json.loads(bytes(event.request))["type"], event.step) for event in asked]
    assert words[-1] == ("orderStatus", "settled")
    assert len(words) >= 3  # looked, the clock, looked again
    assert {step for _, step in words[:-1]} == {"asked"}
    assert json.loads(bytes(list(asked)[-1].answer))["status"] == "unknownOid"


def test_cancellation_that_came_too_late_says_so(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(85000)))
    resting = Order.objects.get()
    desk.sandbox.fault("drop_before", "cancel", count=1)
    lost = cancel_order(desk.adapter, desk.account, resting, form_key=uuid4())
    desk.sandbox.mark("BTC", "84900")

    assert prove(desk.adapter, lost)

    lost.refresh_from_db()
    assert (lost.state, lost.message) == (CommandState.REJECTED, "The order was filled before it could be cancelled.")


def test_order_cancelled_elsewhere_is_not_called_bought(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(form={"first": "1"}))
    desk.sandbox.fault("drop_after", "order", count=1)
    lost = place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    sync_account(desk.adapter, desk.account)
    cancel_order(desk.adapter, desk.account, Order.objects.get(is_open=True), form_key=uuid4())

    assert prove(desk.adapter, lost)

    lost.refresh_from_db()
    assert (lost.evidence["kind"], Decimal(lost.evidence["filled"])) == ("cancelled", Decimal(0))


def test_lost_opening_is_not_sent_again_after_the_trader_went_on(desk: Desk) -> None:
    lost = place_under(desk, "drop_before")
    held = Position.objects.select_related("market", "account").get()
    close_position(desk.adapter, desk.account, held, mark=Decimal(86000), form_key=uuid4())

    assert prove(desk.adapter, lost)

    lost.refresh_from_db()
    assert lost.state == CommandState.DEAD
    assert desk.adapter.account(desk.account.address).positions == ()


@pytest.mark.usefixtures("unhurried")
def test_proving_needs_no_key(desk: Desk) -> None:
    lost = place_under(desk, "drop_before")

    assert prove(public_adapter(Venue.HYPERLIQUID), lost)

    lost.refresh_from_db()
    assert lost.state == CommandState.ACCEPTED


def test_margin_can_be_added_while_an_order_is_checked(desk: Desk) -> None:
    lost = place_under(desk, "drop_after")
    held = Position.objects.select_related("market", "account").get()

    added = change_margin(desk.adapter, desk.account, held, amount=Decimal(25), form_key=uuid4())

    lost.refresh_from_db()
    assert (lost.state, added.state) == (CommandState.UNKNOWN, CommandState.ACCEPTED)


def test_order_that_the_trader_has_overtaken_is_dead_as_soon_as_its_nonce_is_taken(desk: Desk) -> None:
    lost = place_under(desk, "drop_before")
    held = Position.objects.select_related("market", "account").get()
    close_position(desk.adapter, desk.account, held, mark=Decimal(86000), form_key=uuid4())

    assert prove(desk.adapter, lost)

    lost.refresh_from_db()
    assert (lost.state, lost.evidence) == (CommandState.DEAD, {"burned": True, "effect": "none"})
    sent = [bytes(event.request) for event in lost.events.filter(step="sent")]
    assert (sent, [event.step for event in lost.events.all()][-1]) == ([bytes(lost.body)], "settled")


def test_refusal_that_nobody_heard_is_told_as_one(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(form_key=uuid4(), form={"first": "1"}))
    desk.sandbox.fault("drop_after", "order", count=1)
    huge = ticket(form_key=uuid4(), form={"second": "1"}, size=Decimal(300))
    lost = place_order(desk.adapter, desk.account, desk.market, huge)
    assert lost.state == CommandState.UNKNOWN

    assert proven(desk, lost)

    lost.refresh_from_db()
    assert lost.state == CommandState.REJECTED
    assert lost.evidence.get("received") or "status" in lost.evidence
