"""The same order kinds, exits and changes on the second venue, which knows no children and ties exits to positions."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import make_account
from tests.settling import settle_command
from tests.trading.aster.fates import at_venue, entry, left_behind, settled_at
from tests.trading.aster.people import AsterTrader, elsewhere
from tests.trading.hands import wait_for_hands
from trading.connect import trading_adapter
from trading.models import Command, Order
from trading.models.commands import CommandState
from trading.panels.elements import NoticeState
from trading.panels.notices import build_notice
from trading.services import followups
from trading.services.drafts import Exits
from trading.services.orders import place_order, set_exits
from trading.tasks.commands import settle_commands
from trading.tasks.followups import follow_up
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.base import OrderReport, OrderState

DONE = CommandState.ACCEPTED.value


def resting() -> dict[str, tuple[Decimal | None, bool]]:
    rows = Order.objects.filter(is_open=True)
    return {row.trigger_kind or "limit": (row.trigger_price, row.covers_position) for row in rows}


def test_exits_of_a_fill_are_at_the_venue_before_the_page_is_answered(ready: AsterTrader) -> None:
    """There are no workers here: the request itself places them."""
    ready.order(protects="on", take_profit="90000", stop_loss="80000")

    assert (ready.commands()[2:], len(at_venue(ready))) == ([("order", DONE), ("orders", DONE)], 2)
    assert resting() == {"take_profit": (Decimal(90000), False), "stop_loss": (Decimal(80000), False)}


def test_exits_of_a_position_are_changed_one_by_one_and_cancelled_together(ready: AsterTrader) -> None:
    ready.order()
    address = f"/positions/{ready.position.pk}/exits/set/"

    ready.browser.post(address, {"form_key": str(uuid4()), "take_profit": "90000", "stop_loss": "80000"})
    assert resting() == {"take_profit": (Decimal(90000), True), "stop_loss": (Decimal(80000), True)}
    ready.browser.post(address, {"form_key": str(uuid4()), "take_profit": "90000", "stop_loss": "81000"})
    assert resting() == {"take_profit": (Decimal(90000), True), "stop_loss": (Decimal(81000), True)}

    ready.browser.post("/orders/of/aster:BTCUSDT/cancel/now/", {"form_key": str(uuid4())})
    assert resting() == {}


def test_limit_order_is_changed_and_one_that_cannot_fill_whole_is_killed(ready: AsterTrader) -> None:
    ready.order(kind="limit", price="80000")
    order = Order.objects.get()
    ready.browser.post(f"/orders/{order.pk}/change/now/", {"form_key": str(uuid4()), "price": "81000", "size": "0.02"})
    (changed,) = Order.objects.filter(is_open=True)
    assert (changed.limit_price, changed.size) == (Decimal(81000), Decimal("0.02"))

    ready.order(kind="limit", price="70000", time_in_force="fok")
    assert [row.limit_price for row in Order.objects.filter(is_open=True)] == [Decimal(81000)]


def test_stop_entry_waits_for_the_mark(ready: AsterTrader) -> None:
    words = ready.order(kind="stop", trigger="90000")

    assert "Waiting: buy 0.01 BTC at market once the mark is 90,000" in words
    assert resting() == {"stop_loss": (Decimal(90000), False)}


BOTH = {"protects": "on", "take_profit": "90000", "stop_loss": "80000"}
PLACED = {"take_profit": (Decimal(90000), False), "stop_loss": (Decimal(80000), False)}


def settled(trader: AsterTrader) -> str:
    """What a worker does with the one open command; then the words of its notice."""
    (command,) = Command.objects.filter(state=CommandState.UNKNOWN)
    settle_command(trader.user.operator_id, str(command.pk))
    return told(command)


def told(command: Command) -> str:
    notice = build_notice(Command.objects.select_related("market").get(pk=command.pk))
    return f"{notice.title} | {notice.detail}"


def test_exits_follow_an_entry_whose_answer_was_lost(ready: AsterTrader) -> None:
    ready.sandbox.fault("drop_after", "POST order")
    words = ready.order(**BOTH)
    assert "Checking: buy 0.01 BTC at market <" in words

    after = settled(ready)

    assert after.startswith("Filled: buy 0.01 BTC at market, take-profit at 90,000 and stop-loss at 80,000 |")
    assert (ready.commands()[2:], resting()) == ([("order", DONE), ("orders", DONE)], PLACED)


def test_entry_at_market_that_is_seen_before_it_is_filled_leads_to_its_exits_once_it_is(
    ready: AsterTrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AsterAdapter, "settling", timedelta(hours=1))
    ready.sandbox.fault("drop_after", "POST order")
    ready.order(**BOTH)
    ask = AsterAdapter.order_status

    def too_soon(*asked: Any, **which: Any) -> OrderReport:
        return msgspec.structs.replace(ask(*asked, **which), state=OrderState.OPEN, label="NEW")

    with monkeypatch.context() as at_first:
        at_first.setattr(AsterAdapter, "order_status", too_soon)
        assert "Checking: buy 0.01 BTC at market |" in settled(ready)

    after = settled(ready)

    assert after.startswith("Filled: buy 0.01 BTC at market, take-profit at 90,000 and stop-loss at 80,000 |")
    assert (ready.commands()[2:], resting()) == ([("order", DONE), ("orders", DONE)], PLACED)


def test_form_posted_again_after_the_proof_makes_nothing_twice(ready: AsterTrader) -> None:
    adapter, once = trading_adapter(ready.account), entry(Exits(Decimal(90000), Decimal(80000)))
    ready.sandbox.fault("drop_after", "POST order")
    place_order(adapter, ready.account, ready.market, once)
    settled(ready)

    again = place_order(adapter, ready.account, ready.market, once)

    assert (again.state, Decimal(again.evidence["filled"])) == (CommandState.ACCEPTED, Decimal("0.01"))
    assert (ready.commands()[2:], ready.held()) == ([("order", DONE), ("orders", DONE)], [("BTCUSDT", Decimal("0.01"))])


def test_exits_are_placed_by_the_next_who_comes_by_once(ready: AsterTrader) -> None:
    command = left_behind(ready)
    assert told(command).startswith("Filled: buy 0.01 BTC at market | 0.01 at")
    assert "The take-profit and stop-loss are being placed." in told(command)

    follow_up(ready.account)
    follow_up(ready.account)

    assert (ready.commands()[-2:], len(at_venue(ready))) == ([("order", DONE), ("orders", DONE)], 2)


def test_exits_are_not_placed_late(ready: AsterTrader) -> None:
    command = left_behind(ready)
    Command.objects.filter(pk=command.pk).update(prepared_at=timezone.now() - timedelta(seconds=61))

    assert followups.left_behind(settled_at(command) + followups.ITS_OWN_TIME) == []
    follow_up(ready.account)

    assert "Filled: buy 0.01 BTC at market. NOT protected by a take-profit and a stop-loss |" in told(command)
    assert at_venue(ready) == ()


def test_exits_are_not_placed_after_the_trader_went_on(ready: AsterTrader) -> None:
    command = left_behind(ready)
    ready.close()

    assert followups.left_behind(settled_at(command) + followups.ITS_OWN_TIME) == []
    follow_up(ready.account)

    assert "NOT protected by a take-profit and a stop-loss" in told(command)
    assert at_venue(ready) == ()


def test_refused_exit_of_an_entry_is_missed_aloud(ready: AsterTrader) -> None:
    wrong = entry(Exits(Decimal(90000), Decimal(87000)))

    command = place_order(trading_adapter(ready.account), ready.account, ready.market, wrong)

    words = told(command)
    assert words.startswith("Filled: buy 0.01 BTC at market, take-profit at 90,000. NOT protected by a stop-loss | ")
    assert "The stop-loss at 87,000: " in words
    assert build_notice(command).state == NoticeState.REJECTED


def protected(trader: AsterTrader) -> str:
    """A position with both exits; the address that changes them."""
    trader.order()
    address = f"/positions/{trader.position.pk}/exits/set/"
    trader.send(address, {"form_key": str(uuid4()), "take_profit": "90000", "stop_loss": "80000"})
    return address


def exchanged(trader: AsterTrader, wanted: Exits, **which: str) -> str:
    """New exits take the place of those of the resting ones that are named; the words of the notice."""
    old, account = tuple(Order.objects.filter(is_open=True, **which)), trader.account
    command = set_exits(
        trading_adapter(account),
        account,
        trader.position,
        exits=wanted,
        replaced=old,
        form_key=uuid4(),
        form={"exits": "1"},
    )
    assert command is not None
    return told(command)


def test_new_stop_follows_an_old_one_whose_cancellation_was_not_answered(ready: AsterTrader) -> None:
    address = protected(ready)
    form = {"form_key": str(uuid4()), "take_profit": "90000", "stop_loss": "81000"}
    ready.sandbox.fault("drop_after", "DELETE batchOrders")
    assert "Checking: cancel 1 BTC order" in ready.send(address, form)

    after = settled(ready)
    ready.sync()

    assert after == "Done: BTC long, stop-loss at 81,000 | Confirmed by the venue."
    assert resting() == {"take_profit": (Decimal(90000), True), "stop_loss": (Decimal(81000), True)}
    count = len(ready.commands())
    ready.send(address, form)
    assert len(ready.commands()) == count


def test_refused_new_stop_puts_the_old_one_back(ready: AsterTrader) -> None:
    protected(ready)

    words = exchanged(ready, Exits(stop_loss=Decimal(87000)), trigger_kind="stop_loss")

    assert words.startswith("Refused: BTC long, stop-loss at 87,000 | The stop-loss at 87,000: ")
    assert words.endswith("Your old stop-loss at 80,000 was put back.")
    assert resting() == {"take_profit": (Decimal(90000), True), "stop_loss": (Decimal(80000), True)}


def test_stop_beside_one_that_was_set_elsewhere_is_refused_in_words(ready: AsterTrader) -> None:
    """The venue holds one for the whole position; until the next reading nobody here knows of it."""
    ready.order()
    text = "symbol=BTCUSDT&side=SELL&type=STOP_MARKET&stopPrice=80000&closePosition=true"
    assert elsewhere(ready, "POST", "order", text)["closePosition"] is True

    words = ready.send(f"/positions/{ready.position.pk}/exits/set/", {"form_key": str(uuid4()), "stop_loss": "81000"})

    assert "has a stop or take-profit for all of it already" in words
    ready.sync()
    assert resting() == {"stop_loss": (Decimal(80000), True)}


def test_old_stop_that_is_gone_for_good_is_missed_aloud(ready: AsterTrader) -> None:
    address = protected(ready)
    ready.sandbox.fault("drop_after", "DELETE batchOrders")
    ready.send(address, {"form_key": str(uuid4()), "take_profit": "90000", "stop_loss": "81000"})
    command = Command.objects.get(state=CommandState.UNKNOWN)
    Command.objects.filter(pk=command.pk).update(prepared_at=timezone.now() - timedelta(seconds=61))

    words = settled(ready)

    assert words.startswith("Refused: BTC long, stop-loss at 81,000. NOT protected by a stop-loss | ")
    assert words.endswith("Your old stop-loss is gone.")


def test_exit_beside_a_refused_one_takes_the_place_of_its_own_old_one_only(ready: AsterTrader) -> None:
    ready.order(**BOTH)

    words = exchanged(ready, Exits(Decimal(91000), Decimal(87000)))

    assert words.startswith("Done: BTC long, take-profit at 91,000 | The stop-loss at 87,000: ")
    assert words.endswith("Your old stop-loss is still in place.")
    assert resting() == {"take_profit": (Decimal(91000), True), "stop_loss": (Decimal(80000), False)}


def test_old_exit_comes_back_beside_a_new_one_that_was_taken(ready: AsterTrader) -> None:
    protected(ready)

    words = exchanged(ready, Exits(Decimal(91000), Decimal(87000)))

    assert words.endswith("Your old stop-loss at 80,000 was put back.")
    assert resting() == {"take_profit": (Decimal(91000), True), "stop_loss": (Decimal(80000), True)}


def test_what_is_left_behind_is_told_once_its_process_had_its_time(ready: AsterTrader) -> None:
    due = settled_at(command := left_behind(ready)) + followups.ITS_OWN_TIME

    assert followups.left_behind(due - timedelta(microseconds=1)) == []
    assert followups.left_behind(due) == [command]
    follow_up(ready.account)
    assert followups.left_behind(due) == []


@pytest.mark.django_db(transaction=True)
def test_exits_are_placed_by_the_next_turn_though_nobody_reads_the_account(ready: AsterTrader) -> None:
    """Its page may be told everything by a stream, so that there is no reading for minutes."""
    command = left_behind(ready)
    Command.objects.filter(pk=command.pk).update(settled_at=timezone.now() - followups.ITS_OWN_TIME)

    for _ in range(2):
        settle_commands()
        wait_for_hands()

    assert (ready.commands()[-2:], len(at_venue(ready))) == ([("order", DONE), ("orders", DONE)], 2)


@pytest.mark.parametrize("others", [0, 30])
def test_what_is_left_behind_is_found_by_two_statements(ready: AsterTrader, others: int) -> None:
    for number in range(others):
        account = make_account(ready.user, f"0x{number:040x}")
        Command.objects.filter(pk=left_behind(ready).pk).update(account=account)
    command = left_behind(ready)

    with CaptureQueriesContext(connection) as asked:
        found = followups.left_behind(settled_at(command) + followups.ITS_OWN_TIME)

    assert (len(found), len([query for query in asked if "trading_command" in query["sql"]])) == (1 + others, 2)
