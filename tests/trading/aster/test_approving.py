"""An approval whose answer was lost on the second venue ends by proof: accepted, refused, dead, or honestly untold.

The venue says of a used nonce what it says of one that is too old, so its word alone proves neither (Aster 1.3).
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal, InvalidOperation

import pytest
from django.db import DataError
from django.utils import timezone
from redis.exceptions import RedisError

from tests.sandbox_process import SandboxProcess
from tests.trading.accounts.conftest import BUILDER
from tests.trading.aster.keys import revoke_elsewhere
from tests.trading.aster.people import AsterTrader, sit_down
from trading.connect import account_onboarding
from trading.models import BuilderFee, VenueAccount, WalletApproval
from trading.models.approvals import ApprovalState
from trading.services import approval_outcomes
from trading.services.approval_outcomes import CANNOT_BE_TOLD, KEY_LOST, NEVER_CARRIED_OUT, prove
from trading.tasks import prove_approvals
from trading.venues.onboarding import Onboarding

AGES_AGO = timedelta(seconds=30)


@pytest.fixture
def fee(operator: object) -> BuilderFee:
    """Alpha charges 0.05 % on every order, to a builder that holds nothing at the venue yet."""
    row = BuilderFee(venue="aster", network="testnet", address=BUILDER, rate=Decimal("0.0005"))
    row.save()
    return row


def lose_the_answer(trader: AsterTrader, kind: str, fault: str, request: str) -> WalletApproval:
    trader.ask(kind)
    trader.sandbox.fault(fault, request, count=1)
    trader.sign()
    trader.sandbox.clear_faults()
    approval: WalletApproval = WalletApproval.objects.select_related("account").latest("asked_at")
    assert approval.state == ApprovalState.UNKNOWN
    return approval


def tried(approval: WalletApproval) -> str:
    """Where the approval stands after one try to prove it."""
    approval = WalletApproval.objects.select_related("account").get(pk=approval.pk)
    prove(account_onboarding(approval.account, approval), approval)
    return str(approval.state)


def grow_old(approval: WalletApproval, *names: str) -> None:
    """Its end, or the moment when the venue took its nonce for used, is long past."""
    past = timezone.now() - AGES_AGO
    assert WalletApproval.objects.filter(pk=approval.pk).update(**dict.fromkeys(names, past)) == 1


@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_lost_answer_to_a_key_is_found_in_the_venues_list(alice: AsterTrader, fault: str) -> None:
    alice.connect()
    approval = lose_the_answer(alice, "key", fault, "POST approveAgent")

    assert tried(approval) == "accepted"

    steps = [(event.step, event.state) for event in approval.events.all()]
    began, lost = [("prepared", "asked"), ("sent", "unknown"), ("answered", "unknown")], fault == "drop_before"
    # What was carried out is found by asking; what never arrived is sent again, and the answer settles it.
    assert steps[:3] == began
    assert ("sent", "unknown") in steps[3:] if lost else ("sent", "unknown") not in steps[3:]
    assert steps[-1] == ("settled", "accepted")
    assert {bytes(event.request) for event in approval.events.filter(step="sent")} == {bytes(approval.body)}
    assert alice.panel() == "ready"
    assert [row["address"] for row in alice.at_venue()["agents"]] == [alice.account.agent_address.lower()]


def test_refusal_nobody_heard_ends_dead_once_the_venue_has_had_its_time(alice: AsterTrader, fee: BuilderFee) -> None:
    """The venue refused the fee because its receiver holds nothing. Its answer to the same bytes again is about their
    nonce alone."""
    alice.become_ready()
    approval = lose_the_answer(alice, "fee", "drop_after", "POST approveBuilder")

    assert (tried(approval), alice.panel()) == ("unknown", "checking")
    approval.refresh_from_db()
    assert approval.spent_at is not None
    grow_old(approval, "spent_at")

    assert (tried(approval), alice.panel()) == ("dead", "fee_waiting")
    assert NEVER_CARRIED_OUT in alice.page()


def test_approval_past_its_end_is_not_sent_again_and_ends_dead(alice: AsterTrader) -> None:
    alice.connect()
    approval = lose_the_answer(alice, "key", "drop_before", "POST approveAgent")
    assert approval.dead_at is not None
    assert approval.dead_at - approval.asked_at == timedelta(seconds=60)
    grow_old(approval, "dead_at")

    assert tried(approval) == "dead"

    assert (alice.at_venue()["agents"], alice.account.agent_key, alice.panel()) == ([], b"", "connected")
    assert bytes(WalletApproval.objects.get().agent_key) == b""


def test_approval_that_took_effect_is_accepted_however_late_one_looks(alice: AsterTrader) -> None:
    alice.connect()
    approval = lose_the_answer(alice, "key", "drop_after", "POST approveAgent")
    grow_old(approval, "dead_at", "sent_at")

    assert prove_approvals() == 1

    assert (alice.panel(), alice.audit()[-1]) == ("ready", f"trading key approved: {alice.address}")


def failing(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("error", [DataError("out of range"), RedisError("gone"), InvalidOperation("NaN")])
def test_account_that_cannot_be_stored_hides_no_approval(
    alice: AsterTrader, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Aster tells the account to its key alone, so it is read first when the key is approved."""
    monkeypatch.setattr(approval_outcomes, "read_account", failing(error))
    alice.connect()
    alice.ask("key")
    alice.sign()

    assert (alice.panel(), alice.audit()[-1]) == ("ready", f"trading key approved: {alice.address}")


def test_approval_that_cannot_be_proven_costs_no_other_its_turn(
    alice: AsterTrader, aster: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol = sit_down(aster, "carol@alpha.example")
    for trader in (alice, carol):
        trader.connect()
        approval = lose_the_answer(trader, "key", "drop_after", "POST approveAgent")
        grow_old(approval, "sent_at")
    prove_one, unlucky = approval_outcomes.prove, [LookupError("nobody thought of it")]

    def prove_or_fail(onboarding: Onboarding, approval: WalletApproval) -> bool:
        if unlucky:
            raise unlucky.pop()
        return prove_one(onboarding, approval)

    monkeypatch.setattr(approval_outcomes, "prove", prove_or_fail)

    assert prove_approvals() == 1
    assert sorted((alice.panel(), carol.panel())) == ["checking", "ready"]


def test_fee_nobody_may_ask_about_any_more_cannot_be_told(
    alice: AsterTrader, fee: BuilderFee, aster: SandboxProcess
) -> None:
    aster.fund(BUILDER, "200", venue="aster")
    alice.become_ready()
    approval = lose_the_answer(alice, "fee", "drop_after", "POST approveBuilder")
    revoke_elsewhere(alice)

    assert tried(approval) == "unknown"
    grow_old(approval, "dead_at", "sent_at")

    assert prove_approvals() == 1
    assert CANNOT_BE_TOLD in alice.page()
    assert alice.audit()[-1] == f"exchange fee approved: cannot be told: {alice.address}"


def test_approval_whose_key_cannot_be_opened_is_given_up(alice: AsterTrader) -> None:
    alice.connect()
    approval = lose_the_answer(alice, "key", "drop_after", "POST approveAgent")
    WalletApproval.objects.update(agent_key=b"sealed under another secret")
    grow_old(approval, "sent_at")

    assert prove_approvals() == 1

    assert KEY_LOST in alice.page()
    assert VenueAccount.objects.get().agent_key == b""
