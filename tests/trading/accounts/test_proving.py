"""An approval that the venue did not answer comes to its end by itself, with nobody looking."""

import json
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone
from eth_account import Account
from pytest_django.fixtures import Settings

from tenants.scope import operator_scope
from tests.factories import make_account
from tests.trading.accounts.conftest import Trader, let_the_venue_have_its_time
from trading import connect
from trading.models import ApprovalEvent, BuilderFee, WalletApproval
from trading.services.approvals import withdraw
from trading.tasks import prove_approvals
from trading.tasks.approvals import _unknown, pause
from trading.venues.base import Venue


def lose_the_answer(trader: Trader, kind: str, fault: str) -> None:
    trader.ask(kind)
    trader.sandbox.fault(fault, "exchange", count=1)
    trader.sign()
    trader.sandbox.clear_faults()
    WalletApproval.objects.filter(state="unknown").update(sent_at=timezone.now() - timedelta(seconds=10))


def ask_again() -> int:
    """As if the pause were over."""
    WalletApproval.objects.update(next_at=timezone.now())
    return int(prove_approvals())


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_after", "truncated"])
def test_lost_answer_is_found_out_without_the_trader(alice: Trader, fault: str) -> None:
    alice.connect()
    lose_the_answer(alice, "key", fault)
    assert alice.panel() == "checking"

    assert (prove_approvals(), prove_approvals(), ask_again()) == (1, 0, 0)

    assert alice.panel() == "ready"
    assert alice.at_venue()["agents"][0]["address"] == alice.account.agent_address
    assert alice.audit()[-1] == f"trading key approved: {alice.address}"


def history(kind: str) -> list[tuple[str, str, int | None]]:
    rows = ApprovalEvent.objects.filter(approval=WalletApproval.objects.filter(kind=kind).latest("pk"))
    return [(row.step, row.state, row.status) for row in rows.order_by("pk")]


def test_every_step_of_an_approval_is_kept_with_what_was_sent_and_answered(alice: Trader) -> None:
    alice.connect()
    alice.ask("key")
    shown = alice.payload()
    alice.sign()

    assert history("key") == [("prepared", "asked", None), ("sent", "unknown", None), ("settled", "accepted", 200)]
    prepared, sent, settled = ApprovalEvent.objects.order_by("pk")
    assert json.loads(bytes(prepared.request)) == shown
    assert bytes(sent.request) == bytes(WalletApproval.objects.get().body)
    assert json.loads(bytes(settled.answer))["status"] == "ok"


def test_proof_of_an_approval_is_kept_with_the_questions_that_led_to_it(alice: Trader) -> None:
    alice.connect()
    lose_the_answer(alice, "key", "drop_after")
    assert prove_approvals() == 1

    lost, proven = ("answered", "unknown", None), ("settled", "accepted", 200)
    assert history("key") == [("prepared", "asked", None), ("sent", "unknown", None), lost, proven]
    question = ApprovalEvent.objects.latest("pk")
    assert json.loads(bytes(question.request))["user"].lower() == alice.account.agent_address
    assert alice.address in bytes(question.answer).decode().lower()


def test_repeated_sending_is_kept_with_the_identical_bytes(alice: Trader) -> None:
    alice.connect()
    lose_the_answer(alice, "key", "drop_before")
    assert prove_approvals() == 1

    sent = [bytes(row.request) for row in ApprovalEvent.objects.filter(step="sent")]
    assert sent == [bytes(WalletApproval.objects.get().body)] * 2


def test_withdrawn_approval_is_kept_and_its_history_cannot_be_changed(alice: Trader) -> None:
    alice.connect()
    alice.ask("key")
    assert withdraw(alice.account)

    assert history("key") == [("prepared", "asked", None), ("settled", "withdrawn", None)]
    with pytest.raises(DatabaseError), transaction.atomic():
        ApprovalEvent.objects.update(error="never happened")
    assert ApprovalEvent.objects.filter(error="").count() == 2


def test_no_secret_is_in_the_history_of_an_approval(alice: Trader) -> None:
    alice.become_ready()

    secret = connect._open(Venue.HYPERLIQUID, alice.account.agent_key).secret.removeprefix("0x")
    kept = b"".join(bytes(row.request) + bytes(row.answer) for row in ApprovalEvent.objects.all())
    assert len(secret) == 64
    assert secret.encode() not in kept.lower()


def test_lost_refusal_is_found_out_and_on_record(alice: Trader, fee: BuilderFee) -> None:
    BuilderFee.objects.update(address="0xdead00000000000000000000000000000000beef")
    alice.become_ready()
    lose_the_answer(alice, "fee", "drop_after")

    assert (prove_approvals(), alice.panel()) == (0, "checking")
    let_the_venue_have_its_time()
    assert (ask_again(), alice.panel()) == (1, "fee_waiting")

    assert alice.audit()[-1] == f"exchange fee approved: refused by the venue: {alice.address}"


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_account_that_the_venue_does_not_know_has_nothing_approved(alice: Trader, fault: str) -> None:
    """Had the first request been taken, the venue would know the account when the same bytes come again."""
    alice.wallet = Account.create()
    alice.connect()
    lose_the_answer(alice, "key", fault)

    assert (prove_approvals(), alice.panel()) == (1, "connected")

    approval = WalletApproval.objects.get()
    assert (approval.state, approval.reason, bytes(approval.agent_key)) == ("refused", "account_unfunded", b"")
    assert approval.venue_text == f"Must deposit before performing actions. User: {alice.address}"
    assert "Deposit funds first, then try again." in alice.page()
    answered, settled = (ApprovalEvent.objects.filter(step=step).latest("pk") for step in ("answered", "settled"))
    assert json.loads(bytes(answered.answer))["response"] == approval.venue_text
    assert json.loads(bytes(settled.answer)) == {"role": "missing"}


def test_account_that_is_funded_before_the_same_bytes_come_again_is_ready(alice: Trader) -> None:
    alice.wallet = Account.create()
    alice.connect()
    lose_the_answer(alice, "key", "drop_after")
    alice.sandbox.fund(alice.address, "100")

    assert (prove_approvals(), alice.panel()) == (1, "ready")


def test_silent_venue_proves_nothing_and_is_asked_again_later(alice: Trader) -> None:
    alice.connect()
    lose_the_answer(alice, "key", "drop_before")
    alice.sandbox.fault("error_before", "info", count=1)

    assert (prove_approvals(), alice.panel()) == (0, "checking")
    assert (prove_approvals(), alice.panel()) == (0, "checking")
    assert (ask_again(), alice.panel()) == (1, "ready")


def test_page_has_the_first_seconds_for_itself(alice: Trader) -> None:
    alice.connect()
    alice.ask("key")
    alice.sandbox.fault("drop_after", "exchange", count=1)
    alice.sign()
    assert prove_approvals() == 0


def test_the_older_an_approval_the_rarer_the_question() -> None:
    ages = [timedelta(seconds=8), timedelta(minutes=2), timedelta(hours=3)]
    assert [pause(age) for age in ages] == [5.0, 30.0, 300.0]


def test_those_that_a_venue_never_answers_keep_nobody_elsewhere_waiting(alice: Trader, settings: Settings) -> None:
    """Twelve at Aster, and two at Hyperliquid that were sent last: both are asked about at once, and the other two at
    Aster in the next turn."""
    settings.ASTER_URL, settings.ASTER_NETWORK = settings.HYPERLIQUID_URL, "testnet"
    now, owner = timezone.now(), alice.user
    with operator_scope(owner.operator_id):
        for number in range(14):
            venue = Venue.ASTER if number < 12 else Venue.HYPERLIQUID
            account = make_account(owner, f"0x{number:040x}", venue=venue.value)
            sent_at = now - timedelta(minutes=60 - number)
            WalletApproval(
                account=account, kind="key", state="unknown", chain_id=1, nonce=number, sent_at=sent_at, next_at=sent_at
            ).save()
    asked = [WalletApproval.unscoped.get(pk=number).nonce for _, number in _unknown(now)]
    again = [WalletApproval.unscoped.get(pk=number).nonce for _, number in _unknown(now + timedelta(seconds=1))]

    assert asked == [12, 13, *range(10)]
    assert again == [10, 11]
