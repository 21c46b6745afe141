"""Whoever carries an approval to the venue first and whoever looks for proof may both have its bytes: what one of them
could not send, or was refused, has no end while the other may send it, and nobody sends what is not asked for any
more."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from decimal import Decimal

import pytest
from django.db import connection, models

from tenants.models import AuditEvent
from tests.trading.accounts.conftest import BUILDER, Trader, signature
from tests.trading.services.dead_ends import Refused, Unreached
from trading.connect import account_onboarding, gateway_of, public_adapter
from trading.models import WalletApproval
from trading.models.approvals import ApprovalKind, ApprovalState
from trading.services.accounts import AccountRefused
from trading.services.approval_outcomes import prove, submit
from trading.services.approvals import Wanted, ask
from trading.venues.base import BuilderFee, Network, Venue
from trading.venues.onboarding import Onboarding, Opening
from trading.venues.transport import BlockingTransport, Transport

SENT, UNHEARD = ("sent", "unknown"), ("answered", "unknown")


def as_another_has_it(approval: WalletApproval) -> WalletApproval:
    """As a process that has it in hand read it."""
    found: WalletApproval = WalletApproval.objects.select_related("account").get(pk=approval.pk)
    return found


def over(way: Transport) -> Onboarding:
    opening = Opening(transport=way, network=Network.TESTNET, share_tiers=lambda read: read())
    return gateway_of(Venue.HYPERLIQUID).open(opening)


def proven(approval: WalletApproval) -> bool:
    other = as_another_has_it(approval)
    return prove(account_onboarding(other.account, other), other)


def send_unheard(trader: Trader, approval: WalletApproval) -> None:
    """Another process has the venue carry it out; the answer does not come."""
    trader.sandbox.fault("drop_after", "exchange", count=1)
    assert not proven(approval)


def carry(trader: Trader, approval: WalletApproval, way: Transport) -> None:
    submit(over(way), approval, signature(trader.payload(), trader.wallet))


def steps(approval: WalletApproval) -> list[tuple[str, str]]:
    return [(event.step, event.state) for event in approval.events.order_by("id")]


def written_by(row: models.Model) -> str:
    """The database's number of the transaction, or part of one, that wrote a row last."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT xmin::text FROM {row._meta.db_table} WHERE id = %s", [row.pk])
        (number,) = cursor.fetchone()
    return str(number)


@pytest.fixture
def approval(alice: Trader) -> WalletApproval:
    """A trading key that the wallet is asked for."""
    alice.connect()
    alice.ask("key")
    return as_another_has_it(WalletApproval.objects.get())


@pytest.mark.parametrize("failure", [Refused, Unreached])
def test_failure_is_no_end_while_another_is_about_to_send_the_same(
    alice: Trader, approval: WalletApproval, failure: type[Refused] | type[Unreached]
) -> None:
    carry(alice, approval, failure(lambda: send_unheard(alice, approval)))
    assert (approval.state, approval.deliveries, bool(approval.agent_key)) == (ApprovalState.UNKNOWN, 2, True)

    assert proven(approval)

    assert alice.panel() == "ready"
    assert [row["address"] for row in alice.at_venue()["agents"]] == [alice.account.agent_address]
    assert steps(approval)[1:] == [SENT, SENT, UNHEARD, UNHEARD, ("settled", "accepted")]


def test_refusal_is_the_end_of_what_nobody_else_sends(alice: Trader, approval: WalletApproval) -> None:
    carry(alice, approval, Refused(int))

    assert (approval.state, bytes(approval.agent_key)) == (ApprovalState.REFUSED, b"")
    assert steps(approval)[1:] == [SENT, ("settled", "refused")]


@pytest.mark.parametrize(
    ("is_refused", "action"),
    [(True, "trading key approved: refused by the venue"), (False, "trading key approved")],
)
def test_end_goes_on_record_in_the_transaction_that_brings_it(
    alice: Trader, approval: WalletApproval, is_refused: bool, action: str
) -> None:
    """Whoever is killed after it has left both, and before it neither."""
    carry(alice, approval, Refused(int)) if is_refused else alice.sign()

    event = AuditEvent.objects.get(action__startswith="trading key approved")
    assert (event.action, event.subject, event.actor) == (action, alice.address, alice.user)
    assert written_by(event) == written_by(approval)


def test_refusal_of_what_another_has_settled_is_kept_and_changes_nothing(
    alice: Trader, approval: WalletApproval
) -> None:
    carry(alice, approval, Refused(lambda: proven(approval)))

    assert (approval.state, alice.panel()) == (ApprovalState.ACCEPTED, "ready")
    assert steps(approval)[-2:] == [("settled", "accepted"), ("answered", "refused")]


def test_bytes_of_what_the_wallet_is_asked_for_anew_never_leave_again(alice: Trader, approval: WalletApproval) -> None:
    read_before: list[WalletApproval] = []
    carry(alice, approval, Unreached(lambda: read_before.append(as_another_has_it(approval))))
    assert approval.state == ApprovalState.ASKED
    alice.ask("key", "0x1")
    alice.sandbox.fault("drop_before", "exchange", count=1)
    alice.sign()
    renewed = as_another_has_it(approval)
    assert (renewed.state, renewed.deliveries) == (ApprovalState.UNKNOWN, 1)
    assert renewed.nonce != read_before[0].nonce

    assert not prove(account_onboarding(renewed.account, renewed), read_before[0])

    assert (as_another_has_it(approval).deliveries, alice.at_venue()["agents"]) == (1, [])
    assert proven(approval)


def test_used_nonce_is_no_refusal_before_the_venue_had_its_time_to_show_what_came_of_it(
    alice: Trader, approval: WalletApproval, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.sandbox.fault("drop_after", "exchange", count=1)
    alice.sign()
    with monkeypatch.context() as patched:
        patched.setattr(type(account_onboarding(approval.account)), "is_in_force", lambda *_: False)
        assert not proven(approval)
    assert as_another_has_it(approval).spent_at is not None

    assert proven(approval)

    assert as_another_has_it(approval).state == ApprovalState.ACCEPTED
    assert alice.panel() == "ready"


@pytest.fixture
def approval_of_all(transactional_db: None, approval: WalletApproval) -> WalletApproval:
    """One that other connections see as well."""
    return approval


OTHER_FEE = Wanted(ApprovalKind.FEE, fee=BuilderFee(BUILDER, Decimal("0.0005")), name="alpha")


@pytest.mark.parametrize(("wanted", "chain"), [(Wanted(ApprovalKind.KEY), 1), (OTHER_FEE, 42_161)])
def test_question_that_comes_while_the_wallets_answer_leaves_takes_nothing_from_it(
    alice: Trader, approval_of_all: WalletApproval, wanted: Wanted, chain: int
) -> None:
    """It has read the approval as one that the wallet was only asked for."""
    asking = public_adapter(Venue.HYPERLIQUID)
    before = as_another_has_it(approval_of_all)

    class Slow:
        """Another page sends the signature while this one is at work."""

        def moment(self, time: datetime) -> int:
            alice.sandbox.fault("drop_after", "exchange", count=1)
            beside(lambda: carry(alice, before, BlockingTransport(alice.sandbox.url)))
            return asking.moment(time)

    with pytest.raises(AccountRefused, match="still being checked"):
        ask(Slow(), alice.account, wanted, chain)  # type: ignore[arg-type]

    sent = as_another_has_it(approval_of_all)
    assert (sent.state, sent.nonce, bool(sent.agent_key)) == (ApprovalState.UNKNOWN, before.nonce, True)
    assert proven(sent)
    assert alice.panel() == "ready"


def beside(act: Callable[[], None]) -> None:
    """In a thread with a connection of its own, to its end."""

    def run() -> None:
        try:
            act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as others:
        others.submit(copy_context().run, run).result()
