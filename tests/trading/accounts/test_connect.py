"""The way from nothing to trading and back, over HTTP, with a wallet that signs and a venue that verifies."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone
from eth_account import Account

from tenants.models import AuditEvent, Operator, User
from tests.sandbox_process import SandboxProcess
from tests.trading.accounts.conftest import (
    BUILDER,
    CONNECT,
    Trader,
    let_the_venue_have_its_time,
    revoke_elsewhere,
    signature,
    sit_down,
)
from trading.connect import account_onboarding
from trading.models import BuilderFee, VenueAccount, WalletApproval
from trading.services.approval_outcomes import prove
from trading.services.approvals import agent_name
from trading.venues.errors import Unavailable, VenueError


def test_trader_goes_from_nothing_to_ready(alice: Trader, operator: Operator) -> None:
    panels = [alice.panel()]
    for step in (alice.connect, lambda: alice.ask("key"), alice.sign):
        step()
        panels.append(alice.panel())

    assert panels == ["not_connected", "connected", "key_waiting", "ready"]
    account = alice.account
    assert (account.address, account.equity, account.taker_fee) == (alice.address, Decimal(1000), Decimal("0.00045"))
    (agent,) = alice.at_venue()["agents"]
    assert (agent["address"], agent["name"]) == (account.agent_address, f"alpha-{operator.pk}")
    assert account.agent_expires_at is not None
    assert timedelta(days=89) < account.agent_expires_at - timezone.now() <= timedelta(days=90)
    assert alice.audit() == [
        f"account connected: {alice.address}",
        f"asked the wallet: trading key: {alice.address}",
        f"trading key approved: {alice.address}",
    ]
    assert {event.address for event in AuditEvent.objects.filter(actor=alice.user)} == {"127.0.0.1"}


def test_payload_names_the_operator_the_end_and_the_wallets_chain(alice: Trader, operator: Operator) -> None:
    alice.connect()
    alice.ask("key", "0xa4b1")
    payload = alice.payload()

    approval = WalletApproval.objects.get()
    assert payload["primaryType"] == "HyperliquidTransaction:ApproveAgent"
    assert payload["domain"]["chainId"] == 42161
    assert approval.valid_until is not None
    assert payload["message"] == {
        "hyperliquidChain": "Testnet",
        "agentAddress": approval.agent_address,
        "agentName": f"alpha-{operator.pk} valid_until {int(approval.valid_until.timestamp() * 1000)}",
        "nonce": approval.nonce,
    }


def test_operators_names_at_the_venue_never_meet() -> None:
    assert agent_name(7, "harbor") == "harbor-7"
    assert agent_name(12345, "an-exchange-with-a-long-name") == "an-exchang-12345"
    assert len({agent_name(number, "an-exchange-with-a-long-name") for number in range(1, 2000)}) == 1999


def test_double_click_and_reload_ask_once(alice: Trader) -> None:
    for _ in range(3):
        alice.connect()
        alice.ask("key")
    first = alice.payload()
    alice.ask("key")

    assert alice.payload() == first
    assert (VenueAccount.objects.count(), WalletApproval.objects.count()) == (1, 1)
    assert len(alice.audit()) == 2


def test_signature_posted_twice_is_sent_once(alice: Trader) -> None:
    alice.connect()
    alice.ask("key")
    form = {"approval": alice.request_id(), "signature": signature(alice.payload(), alice.wallet)}
    before = len(alice.sandbox.state()["commands"])

    answers = [alice.post("sign", **form).status_code for _ in range(3)]

    assert answers == [302, 302, 302]
    assert len(alice.sandbox.state()["commands"]) == before + 1
    assert alice.audit().count(f"trading key approved: {alice.address}") == 1


def test_another_chain_renews_the_payload_and_keeps_the_key(alice: Trader) -> None:
    alice.connect()
    alice.ask("key", "0x1")
    first = alice.payload()
    alice.ask("key", "0xa4b1")
    second = alice.payload()

    assert (first["domain"]["chainId"], second["domain"]["chainId"]) == (1, 42161)
    assert first["message"]["agentAddress"] == second["message"]["agentAddress"]
    assert first["message"]["nonce"] < second["message"]["nonce"]
    alice.sign()
    assert alice.panel() == "ready"


def test_other_wallets_signature_is_refused_and_nothing_is_sent(alice: Trader) -> None:
    alice.connect()
    alice.ask("key")

    answer = alice.sign(Account.create())

    assert answer.status_code == 422
    assert "The signature is not from this account&#39;s wallet." in answer.content.decode()
    assert (alice.panel(), alice.at_venue()["agents"]) == ("key_waiting", [])
    assert alice.sign().status_code == 302


@pytest.mark.parametrize("bad", ["", "0x", "0x" + "00" * 65, "0x" + "ff" * 65, "nonsense", "0x" + "12" * 4000])
def test_malformed_signature_is_a_sentence(alice: Trader, bad: str) -> None:
    alice.connect()
    alice.ask("key")

    answer = alice.post("sign", approval=alice.request_id(), signature=bad)

    assert answer.status_code == 422
    assert "The signature is not from this account&#39;s wallet." in answer.content.decode()
    assert alice.panel() == "key_waiting"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "key", "chain_id": ""}, "Your wallet did not say which network it is on."),
        ({"kind": "withdraw", "chain_id": "1"}, "There is nothing like this to approve here."),
        ({"kind": "fee", "chain_id": "1"}, "There is nothing like this to approve here."),
        ({"kind": "no_key", "chain_id": "1"}, "There is nothing like this to approve here."),
        ({"chain_id": "1"}, "There is nothing like this to approve here."),
    ],
)
def test_nothing_else_can_be_asked_of_a_wallet(alice: Trader, fields: dict[str, str], sentence: str) -> None:
    alice.connect()

    answer = alice.post("ask", **fields)

    assert (answer.status_code, sentence in answer.content.decode()) == (422, True)
    assert not WalletApproval.objects.exists()


@pytest.mark.parametrize("step", ["ask", "sign", "check", "cancel", "forget", "leave"])
def test_steps_without_an_account_lead_back_to_the_page(alice: Trader, step: str) -> None:
    answer = alice.post(step, kind="key", chain_id="1", approval="1", signature="0x")

    assert (answer.status_code, answer.headers["Location"]) == (302, CONNECT)
    assert alice.audit() == []


def test_account_without_money_is_told_to_deposit(operator: Operator, venue: SandboxProcess, alice: Trader) -> None:
    alice.wallet = Account.create()
    alice.become_ready()

    assert "The venue does not know this account yet. Deposit funds first, then try again." in alice.page()
    assert alice.panel() == "connected"
    approval = WalletApproval.objects.get()
    assert (bytes(approval.agent_key), approval.reason) == (b"", "account_unfunded")
    assert approval.venue_text.startswith("Must deposit before performing actions")


def test_cancelling_goes_back_one_step(alice: Trader) -> None:
    alice.connect()
    alice.ask("key")
    alice.post("cancel")
    alice.post("cancel")

    assert alice.panel() == "connected"
    approval = WalletApproval.objects.get()
    assert (approval.state, bytes(approval.agent_key)) == ("withdrawn", b"")
    assert alice.audit().count(f"approval cancelled: {alice.address}") == 1


def test_key_is_revoked_at_the_venue_by_the_wallet(alice: Trader) -> None:
    alice.become_ready()
    agent = alice.account.agent_address

    alice.approve("no_key")

    assert (alice.panel(), alice.at_venue()["agents"]) == ("connected", [])
    assert (bytes(alice.account.agent_key), alice.account.agent_address) == (b"", "")
    alice.approve("key")
    assert alice.account.agent_address not in ("", agent)


def test_key_that_is_gone_at_the_venue_is_forgotten_without_the_wallet(alice: Trader) -> None:
    alice.become_ready()
    revoke_elsewhere(alice)

    alice.ask("no_key")

    assert "The venue does not know this key any more. It is deleted here too." in alice.page()
    assert (alice.panel(), bytes(alice.account.agent_key)) == ("connected", b"")


def test_renewing_replaces_the_key(alice: Trader) -> None:
    alice.become_ready()
    first = alice.account.agent_address

    alice.approve("key")

    (agent,) = alice.at_venue()["agents"]
    assert agent["address"] == alice.account.agent_address != first


def test_forgetting_and_leaving_keep_the_history(alice: Trader) -> None:
    alice.become_ready()
    alice.post("forget")
    alice.post("forget")
    assert (alice.panel(), bytes(alice.account.agent_key)) == ("connected", b"")

    first = alice.account
    alice.post("leave")
    alice.post("leave")
    assert alice.panel() == "not_connected"

    alice.connect()
    assert alice.account.pk == first.pk
    assert [line.partition(":")[0] for line in alice.audit()][-3:] == [
        "trading key deleted", "account disconnected", "account connected",
    ]  # fmt: skip


def test_fee_step_exists_only_where_the_operator_charges(alice: Trader, fee: BuilderFee) -> None:
    alice.become_ready()
    assert alice.panel() == "fee_waiting"

    alice.ask("fee")
    assert alice.payload()["message"] | {"nonce": 0} == {
        "hyperliquidChain": "Testnet", "maxFeeRate": "0.05%", "builder": BUILDER, "nonce": 0,
    }  # fmt: skip
    alice.sign()

    assert alice.panel() == "ready"
    assert alice.at_venue()["builders"] == {BUILDER: 50}
    assert (alice.account.builder, alice.account.builder_fee) == (BUILDER, Decimal("0.0005"))
    alice.approve("no_fee")
    assert (alice.panel(), alice.at_venue()["builders"]) == ("fee_waiting", {BUILDER: 0})


def test_dearer_fee_is_approved_again_and_a_cheaper_one_is_not(alice: Trader, fee: BuilderFee) -> None:
    alice.become_ready()
    alice.approve("fee")
    BuilderFee.objects.update(rate=Decimal("0.0002"))
    cheaper = alice.panel()
    BuilderFee.objects.update(rate=Decimal("0.0008"))

    assert (cheaper, alice.panel()) == ("ready", "fee_waiting")


def test_builder_without_balance_is_a_sentence(alice: Trader, fee: BuilderFee) -> None:
    BuilderFee.objects.update(address="0xdead00000000000000000000000000000000beef")
    alice.become_ready()
    alice.approve("fee")

    assert "The exchange&#39;s fee account is not ready at the venue." in alice.page()
    assert alice.panel() == "fee_waiting"


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_after", "truncated"])
def test_lost_answer_is_checked_and_never_signed_again(alice: Trader, fault: str) -> None:
    alice.connect()
    alice.ask("key")
    alice.sandbox.fault(fault, "exchange", count=1)
    alice.sign()
    assert alice.panel() == "checking"
    refused = alice.ask("key")
    alice.sandbox.clear_faults()

    assert (refused.status_code, "still being checked" in refused.content.decode()) == (422, True)
    alice.post("check")
    alice.post("check")
    assert alice.panel() == "ready"
    assert alice.audit().count(f"trading key approved: {alice.address}") == 1
    assert alice.at_venue()["agents"][0]["address"] == alice.account.agent_address


def test_lost_refusal_is_found_out(alice: Trader, fee: BuilderFee) -> None:
    BuilderFee.objects.update(address="0xdead00000000000000000000000000000000beef")
    alice.become_ready()
    alice.ask("fee")
    alice.sandbox.fault("drop_after", "exchange", count=1)
    alice.sign()

    alice.post("check")
    assert alice.panel() == "checking"  # what came of a used nonce may not be shown yet
    let_the_venue_have_its_time()
    alice.post("check")

    assert "The venue received this and did not carry it out. Ask your wallet again." in alice.page()
    assert alice.panel() == "fee_waiting"


def test_refusal_of_a_repeat_is_on_record_though_the_venue_falls_silent_after_it(
    alice: Trader, fee: BuilderFee, monkeypatch: pytest.MonkeyPatch
) -> None:
    BuilderFee.objects.update(address="0xdead00000000000000000000000000000000beef")
    alice.become_ready()
    alice.ask("fee")
    alice.sandbox.fault("drop_before", "exchange", count=1)
    alice.sign()
    approval = WalletApproval.objects.select_related("account").get(kind="fee")
    asking = account_onboarding(approval.account, approval)
    answers: list[bool | VenueError] = [False, Unavailable("The venue is silent.")]

    def in_force(*arguments: object) -> bool:
        answer = answers.pop(0)
        if isinstance(answer, VenueError):
            raise answer
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(type(asking), "is_in_force", in_force)
        assert not prove(asking, approval)

    last = approval.events.order_by("id").last()
    assert last is not None
    assert (last.step, last.state) == ("answered", "unknown")
    assert b"Builder has insufficient balance" in bytes(last.answer)


def test_silent_venue_can_be_given_up_after_a_minute(alice: Trader) -> None:
    alice.connect()
    alice.ask("key")
    alice.sandbox.fault("drop_before", "exchange", count=1)
    alice.sign()
    alice.post("cancel")
    assert alice.panel() == "checking"

    WalletApproval.objects.update(sent_at=timezone.now() - timedelta(minutes=1))
    assert "Start over" in alice.page()
    alice.post("cancel")

    assert (alice.panel(), bytes(WalletApproval.objects.get().agent_key)) == ("connected", b"")
    alice.approve("key")
    assert alice.panel() == "ready"


def test_silent_venue_connects_nothing(alice: Trader) -> None:
    alice.sandbox.fault("error_before", "info", count=50)

    answer = alice.connect()

    assert answer.status_code == 422
    assert not VenueAccount.objects.exists()


def test_watching_needs_no_key_and_owner_can_still_connect(alice: Trader, venue: SandboxProcess) -> None:
    bob = sit_down(venue, "bob@alpha.example")
    bob.post("address", form="watch", address=alice.address)
    alice.become_ready()

    assert (bob.panel(), alice.panel()) == ("connected", "ready")
    assert VenueAccount.objects.filter(address=alice.address).count() == 2


def test_agents_address_is_no_account(alice: Trader, venue: SandboxProcess) -> None:
    alice.become_ready()
    bob = sit_down(venue, "bob@alpha.example")

    answer = bob.post("address", form="watch", address=alice.account.agent_address)

    assert answer.status_code == 422
    assert "This is the address of a trading key." in answer.content.decode()


def test_steps_need_the_csrf_token(alice: Trader) -> None:
    strict = Client(enforce_csrf_checks=True, headers={"host": "alpha.localhost"})
    strict.force_login(User.objects.get(pk=alice.user.pk))

    steps = ("address", "key", "ask", "sign", "check", "cancel", "forget", "leave")
    assert {strict.post(f"{CONNECT}{step}/", {}).status_code for step in steps} == {403}
