"""Keys and fees on the second venue: approved, brought along, refused, taken back."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from eth_account import Account

from tests.sandbox_process import SandboxProcess
from tests.trading.accounts.conftest import BUILDER, signature
from tests.trading.aster.keys import API_KEY, SECRET, paste_api_key, revoke_elsewhere
from tests.trading.aster.people import AsterTrader, sit_down
from trading.connect import public_adapter
from trading.models import BuilderFee, VenueAccount, WalletApproval
from trading.venues.aster.approvals import Wallet, approve_agent
from trading.venues.aster.signing import SigningKey
from trading.venues.base import Network, Venue

UNKNOWN = "The venue does not know this trading key for the address above."


def approve_elsewhere(trader: AsterTrader, agent: SigningKey) -> None:
    """What the trader does with the venue's own page."""
    adapter, now = public_adapter(Venue.ASTER), timezone.now()
    approval = approve_agent(
        Wallet(trader.address, Network.TESTNET),
        agent=agent.address,
        name="mine",
        valid_until=now + timedelta(days=30),
        nonce=adapter.moment(now),
    )
    adapter.send(approval.signed(signature(approval.typed_data, trader.wallet), owner=trader.address))


def paste(trader: AsterTrader, key: str, address: str = "") -> Any:
    return trader.post("key", address=address or trader.wallet.address, agent_key=key)


@pytest.fixture
def fee(operator: object, aster: SandboxProcess) -> BuilderFee:
    """Alpha charges 0.05 % on every order, to a builder the venue accepts."""
    aster.fund(BUILDER, "200", venue="aster")
    row = BuilderFee(venue="aster", network="testnet", address=BUILDER, rate=Decimal("0.0005"))
    row.save()
    return row


def test_revoked_key_is_gone_here_and_at_the_venue(ready: AsterTrader) -> None:
    ready.approve("no_key")

    assert (ready.panel(), ready.account.agent_key) == ("connected", b"")
    assert ready.at_venue()["agents"] == []
    assert ready.audit()[-1] == f"trading key revoked: {ready.address}"


def test_key_revoked_elsewhere_is_noticed_by_the_next_order(ready: AsterTrader) -> None:
    revoke_elsewhere(ready)

    words = ready.order()

    assert "The venue does not accept the trading key" in words
    assert ready.panel() == "revoked"


def test_new_key_after_a_lost_one_trades(ready: AsterTrader) -> None:
    revoke_elsewhere(ready)
    ready.order()

    ready.approve("key")

    assert ready.panel() == "ready"
    assert "Filled: buy 0.01 BTC" in ready.order()


def test_fee_is_approved_changed_and_taken_back(fee: BuilderFee, alice: AsterTrader) -> None:
    alice.connect()
    alice.approve("key")
    waiting = alice.panel()

    alice.approve("fee")
    approved = (alice.panel(), alice.account.builder_fee)
    BuilderFee.objects.update(rate=Decimal("0.0008"))
    raised = alice.panel()
    alice.approve("fee")

    assert (waiting, approved, raised) == ("fee_waiting", ("ready", Decimal("0.0005")), "fee_waiting")
    assert (alice.panel(), alice.account.builder_fee) == ("ready", Decimal("0.0008"))
    alice.approve("no_fee")
    assert (alice.panel(), alice.account.builder) == ("fee_waiting", "")


def test_order_carries_the_approved_fee(fee: BuilderFee, alice: AsterTrader, aster: SandboxProcess) -> None:
    alice.become_ready()
    alice.approve("fee")

    alice.order()

    rewards = aster.state()["others"]["aster"]["money"]["builderRewards"]
    assert Decimal(str(rewards[BUILDER])) > 0


def test_wallet_has_to_sign_within_a_minute(alice: AsterTrader) -> None:
    alice.connect()
    alice.ask("key")
    first = WalletApproval.objects.get()
    WalletApproval.objects.update(asked_at=first.asked_at - timedelta(seconds=46))

    alice.ask("key")

    renewed = WalletApproval.objects.get()
    assert (renewed.pk, renewed.agent_address) == (first.pk, first.agent_address)
    assert renewed.nonce > first.nonce
    assert alice.sign().status_code == 302
    assert alice.panel() == "ready"


def test_another_wallets_signature_is_never_sent(alice: AsterTrader) -> None:
    alice.connect()
    alice.ask("key")

    answer = alice.sign(Account.create())

    assert answer.status_code == 422
    assert "The signature is not from this account" in answer.content.decode()
    assert alice.at_venue()["agents"] == []


def test_address_without_a_key_is_only_written_down(alice: AsterTrader) -> None:
    before = alice.page()

    alice.connect()

    assert "an address alone cannot be watched" in before
    assert 'id="watch_address"' not in before
    assert "This venue shows an account only to its own keys." in alice.page()
    assert alice.account.synced_at is None


def test_pasted_key_trades_for_the_account_it_was_approved_by(alice: AsterTrader) -> None:
    agent = SigningKey.generate()
    approve_elsewhere(alice, agent)

    assert paste(alice, agent.reveal().hex()).status_code == 302

    alice.hear_prices()
    account = alice.account
    assert (alice.panel(), account.agent_address, account.equity) == ("ready", agent.address, Decimal(10000))
    assert account.agent_expires_at is not None
    assert "Filled: buy 0.01 BTC" in alice.order()


def test_key_that_may_not_trade_for_the_address_is_refused(alice: AsterTrader, aster: SandboxProcess) -> None:
    bob, bobs = sit_down(aster, "bob@alpha.example"), SigningKey.generate()
    approve_elsewhere(bob, bobs)
    sentences = {
        bobs.reveal().hex(): UNKNOWN,
        SigningKey.generate().reveal().hex(): UNKNOWN,
        bytes(alice.wallet.key).hex(): "This is the private key of the account itself, which can withdraw.",
        "12": "A private key is 64 hexadecimal digits.",
    }

    for key, sentence in sentences.items():
        answer = paste(alice, key)
        assert (answer.status_code, sentence in answer.content.decode()) == (422, True)

    assert not VenueAccount.objects.exists()


def test_api_key_and_secret_trade_and_are_never_shown(alice: AsterTrader, aster: SandboxProcess) -> None:
    aster.post("/sandbox/api_key", {"venue": "aster", "address": alice.address, "key": API_KEY, "secret": SECRET})

    assert paste_api_key(alice).status_code == 302

    alice.hear_prices()
    account = alice.account
    assert (account.key_kind, account.agent_address) == ("api_key", f"{API_KEY[:6]}…{API_KEY[-4:]}")
    assert (SECRET.encode() in bytes(account.agent_key), API_KEY.encode() in bytes(account.agent_key)) == (False, False)
    assert "Filled: buy 0.01 BTC" in alice.order()
    page = alice.page()
    assert (SECRET in page, API_KEY in page, "Revoke the trading key" in page) == (False, False, False)


@pytest.mark.parametrize(
    ("public", "secret", "sentence"),
    [
        (API_KEY, "x" * 40, "The venue does not accept the trading key"),
        ("z" * 40, SECRET, "The venue does not accept the trading key"),
        (API_KEY, "", "An API key and its secret are letters and digits."),
        ("<script>", SECRET, "An API key and its secret are letters and digits."),
    ],
)
def test_api_key_that_does_not_fit_is_refused(
    alice: AsterTrader, aster: SandboxProcess, public: str, secret: str, sentence: str
) -> None:
    aster.post("/sandbox/api_key", {"venue": "aster", "address": alice.address, "key": API_KEY, "secret": SECRET})

    answer = paste_api_key(alice, public, secret)

    page = answer.content.decode()
    assert (answer.status_code, sentence in page, SECRET in page) == (422, True, False)
    assert not VenueAccount.objects.exists()
