"""What we believe of approvals beside what the venue did."""

from tenants.scope import operator_scope
from tests.chaos import record
from tests.chaos.checker import judge
from tests.chaos.venue import Execution, digest
from tests.factories import make_account, make_exchange
from trading.models import VenueAccount, WalletApproval
from trading.models.events import Step
from trading.services import events
from trading.services.events import Heard
from trading.venues.base import SignedRequest
from trading.venues.transport import Response

DONE = '{"status":"ok","response":{"type":"default"}}'


def signed(account: VenueAccount, nonce: int, state: str) -> str:
    """An approval that was sent and answered; the name of its bytes."""
    approval = WalletApproval(account=account, kind="key", state=state, chain_id=1, nonce=nonce)
    approval.save()
    body = f"signed {nonce}".encode()
    events.record(approval, Step.SENT, "unknown", request=SignedRequest("/exchange", body, nonce))
    events.record(approval, Step.SETTLED, state, heard=Heard(Response(200, DONE.encode())))
    return digest(body)


def test_approvals_are_judged_like_commands(db: None) -> None:
    exchange = make_exchange("alpha", "alice", "olivia", "sam")
    with operator_scope(exchange.operator.pk):
        account = make_account(exchange.trader, "0xa")
        states = ("accepted", "accepted", "refused", "dead", "withdrawn", "unproven")
        names = [signed(account, nonce, state) for nonce, state in enumerate(states)]
        # Shown to the wallet and never signed: there is nothing to judge.
        WalletApproval(account=account, kind="key", state="asked", chain_id=1, nonce=9).save()

    beliefs = {row.request: row for row in record.approvals()}
    assert [beliefs[name].state for name in names] == ["accepted", "accepted", "rejected", "dead", "dead", "unproven"]

    executions = [Execution(name, 100.0, 200, DONE) for name in (names[0], names[0], names[2], names[3], names[4])]
    verdict = judge(beliefs.values(), executions, [], [])
    assert [len(verdict.duplicated), len(verdict.lost), len(verdict.wrong), len(verdict.unresolved)] == [1, 1, 3, 1]
    assert (verdict.signed_anew, verdict.without_evidence, verdict.seconds) == ([], [], [])


def test_an_approval_that_was_signed_anew_or_has_no_answer_is_found(db: None) -> None:
    exchange = make_exchange("alpha", "alice", "olivia", "sam")
    with operator_scope(exchange.operator.pk):
        approval = WalletApproval(
            account=make_account(exchange.trader, "0xa"), kind="fee", state="dead", chain_id=1, nonce=1
        )
        approval.save()
        for body in (b"one", b"other"):
            events.record(approval, Step.SENT, "unknown", request=SignedRequest("/exchange", body, 1))

    verdict = judge(record.approvals(), [], [], [])

    assert (len(verdict.signed_anew), len(verdict.without_evidence)) == (1, 1)
