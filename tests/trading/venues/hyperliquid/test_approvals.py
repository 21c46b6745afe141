"""What a wallet signs to let a key trade or an operator charge, and how its signature is checked."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from eth_account import Account

from tests.trading.venues.hyperliquid.figures import RUST_SDK_KEY
from trading.venues.base import Network
from trading.venues.errors import InvalidCommand
from trading.venues.hyperliquid import approvals, signing

WALLET_KEY = "822e9959e022b78423eb653a62ea0020cd283e71a2a8133a6ff2aeffaf373cff"
WALLET: str = Account.from_key(WALLET_KEY).address
AGENT = "0x14791697260E4c9A71f18484C9f997B308e59325"
UNTIL = datetime(2026, 10, 21, 14, 13, 20, tzinfo=UTC)
CHAIN = 0x66EEE


def agent_approval(network: Network) -> approvals.Approval:
    return approvals.approve_agent(
        network=network, chain_id=CHAIN, agent=AGENT, nonce=1790000000016, name="frontend", valid_until=UNTIL
    )


def wallet_signature(approval: approvals.Approval, key: str = WALLET_KEY) -> str:
    """What an independent wallet makes of the payload."""
    made: bytes = Account.sign_typed_data(key, full_message=approval.typed_data).signature
    return "0x" + made.hex()


@pytest.mark.parametrize(
    ("network", "r", "s"),
    [
        (
            Network.MAINNET,
            "0x99c65e4ec38eb9f609f4a7a81b8a696f7ec989414942c13f1fa471082a0fc881",
            "0x13bb231a49f4268cc74bc9b65d04e208ae144c9bee57f455b433e233b90c113f",
        ),
        (
            Network.TESTNET,
            "0x736d668cf581d7fe46b1d3c5260f976aea5851ad2f5edb0eee9bb7d67ea07033",
            "0x1dd7a847c8a2a7767b4a10e39fd48775ff7f74a7b100adda3f70e2fa629a4da4",
        ),
    ],
)
def test_an_agents_approval_is_signed_byte_for_byte(network: Network, r: str, s: str) -> None:
    approval = agent_approval(network)
    signed = approval.signed(wallet_signature(approval), owner=WALLET)
    assert json.loads(signed.body) == {
        "action": {
            "type": "approveAgent",
            "hyperliquidChain": network.value.capitalize(),
            "signatureChainId": "0x66eee",
            "agentAddress": AGENT.lower(),
            "agentName": "frontend valid_until 1792592000000",
            "nonce": 1790000000016,
        },
        "nonce": 1790000000016,
        "signature": {"r": r, "s": s, "v": 27},
        "vaultAddress": None,
        "expiresAfter": None,
    }


@pytest.mark.parametrize(
    ("network", "r", "v"),
    [
        (Network.MAINNET, "0x343c9078af7c3d6683abefd0ca3b2960de5b669b716863e6dc49090853a4a3cd", 27),
        (Network.TESTNET, "0x2ada43eeebeba9cfe13faf95aa84e5b8c4885c3a07cbf4536f2df5edd340d4eb", 28),
    ],
)
def test_a_fees_approval_is_signed_byte_for_byte(network: Network, r: str, v: int) -> None:
    approval = approvals.approve_builder_fee(
        network=network,
        chain_id=CHAIN,
        builder="0x1234567890123456789012345678901234567890",
        max_rate=Decimal("0.00001"),
        nonce=1583838,
    )
    assert approval.action["maxFeeRate"] == "0.001%"
    parts = signing.split_signature(wallet_signature(approval, RUST_SDK_KEY))
    assert (parts["r"], parts["v"]) == (r, v)


def test_an_unnamed_agent_is_signed_with_an_empty_name_and_posted_without() -> None:
    approval = approvals.approve_agent(network=Network.TESTNET, chain_id=CHAIN, agent=AGENT, nonce=5)
    assert "agentName" not in approval.action
    assert approval.typed_data["message"] == {
        "hyperliquidChain": "Testnet",
        "agentAddress": AGENT.lower(),
        "agentName": "",
        "nonce": 5,
    }
    assert approval.signer(wallet_signature(approval)) == WALLET.lower()


def test_another_wallets_signature_is_not_posted() -> None:
    approval = agent_approval(Network.MAINNET)
    with pytest.raises(InvalidCommand, match="Switch the wallet's account"):
        approval.signed(wallet_signature(approval, RUST_SDK_KEY), owner=WALLET)


def test_a_testnet_signature_is_worth_nothing_on_mainnet() -> None:
    signature = wallet_signature(agent_approval(Network.TESTNET))
    with pytest.raises(InvalidCommand):
        agent_approval(Network.MAINNET).signed(signature, owner=WALLET)


@pytest.mark.parametrize(
    "signature", ["", "0x", "0x12", "zz", "0x" + "00" * 65, "0x" + "ff" * 65, "0x" + "1" * 128 + "1b"]
)
def test_what_is_no_signature_has_no_owner(signature: str) -> None:
    approval = agent_approval(Network.MAINNET)
    assert approval.signer(signature) != WALLET.lower()
    with pytest.raises(InvalidCommand):
        approval.signed(signature, owner=WALLET)


def test_a_wallet_that_counts_its_parity_from_zero_is_understood() -> None:
    approval = agent_approval(Network.MAINNET)
    signature = wallet_signature(approval)
    lowered = signature[:-2] + f"{int(signature[-2:], 16) - 27:02x}"
    assert approval.signed(lowered, owner=WALLET) == approval.signed(signature, owner=WALLET)


@pytest.mark.parametrize("name", ["", "a name of seventeen"])
def test_an_agents_name_fits_the_venue(name: str) -> None:
    with pytest.raises(InvalidCommand):
        approvals.approve_agent(network=Network.MAINNET, chain_id=1, agent=AGENT, nonce=1, name=name, valid_until=UNTIL)


@pytest.mark.parametrize("rate", ["-0.0001", "0.0011", "NaN"])
def test_a_fee_beyond_the_venues_bound_is_not_asked_for(rate: str) -> None:
    with pytest.raises(InvalidCommand):
        approvals.approve_builder_fee(
            network=Network.MAINNET, chain_id=1, builder=AGENT, max_rate=Decimal(rate), nonce=1
        )


def test_an_address_of_another_form_is_refused() -> None:
    with pytest.raises(InvalidCommand):
        approvals.approve_agent(network=Network.MAINNET, chain_id=1, agent="0x1234", nonce=1)
