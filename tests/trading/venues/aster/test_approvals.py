"""What a wallet signs to let a key trade or an operator charge, and how its signature is checked."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from eth_account import Account

from tests.trading.venues.aster.figures import AGENT, AGENT_KEY, OWNER, OWNER_KEY
from trading.venues.aster import approvals
from trading.venues.aster.approvals import Approval, Wallet
from trading.venues.base import Network
from trading.venues.errors import InvalidCommand

UNTIL = datetime(2032, 5, 12, 3, 29, 55, 40_000, tzinfo=UTC)
BUILDER = "0x1F5877C19e3777Cfd15F9d57253eA4aA5254Ec39"
WALLET = Wallet(OWNER, Network.MAINNET)
NAME, FEE = "perps-desk", Decimal("0.0005")


def agent_approval(wallet: Wallet = WALLET, nonce: int = 1790000029000087) -> Approval:
    return approvals.approve_agent(wallet, agent=AGENT, name=NAME, valid_until=UNTIL, nonce=nonce)


def wallet_signature(approval: Approval, key: str = OWNER_KEY) -> str:
    """What an independent wallet makes of the payload."""
    made: bytes = Account.sign_typed_data(key, full_message=approval.typed_data).signature
    return "0x" + made.hex()


CASES = [
    (
        agent_approval(),
        "POST /fapi/v3/approveAgent",
        f"agentName=perps-desk&agentAddress={AGENT}&ipWhitelist=&expired=1967945395040&canSpotTrade=false"
        f"&canPerpTrade=true&canWithdraw=false&asterChain=Mainnet&user={OWNER}&nonce=1790000029000087",
        "caad386bfa5f37c52a028573c181728665eae690009fa66457ae0a788677b6aa"
        "1b0e432da5eea42ef4ac5c8f02156dc373d5588c43e09202d3a44651840ec0081c",
    ),
    (
        approvals.approve_builder_fee(WALLET, builder=BUILDER, max_rate=FEE, name="desk", nonce=1790000033000099),
        "POST /fapi/v3/approveBuilder",
        f"builder={BUILDER}&maxFeeRate=0.0005&builderName=desk&asterChain=Mainnet&user={OWNER}&nonce=1790000033000099",
        "52e71f288c175fadafac9c76e345246cffbf155e72bb669af8d05ee73d803326"
        "7cbcb13a4cdd18c1ab76a615937e5f30a8c87b92c7b40d009ad04b886a6481691c",
    ),
    (
        approvals.revoke_builder_fee(WALLET, builder=BUILDER, nonce=1790000035000105),
        "DELETE /fapi/v3/builder",
        f"builder={BUILDER}&asterChain=Mainnet&user={OWNER}&nonce=1790000035000105",
        "eb9c302b4cbd0510f538fd6d1b3a996c5ebc522d31e3e112a0fcb446e40999fb"
        "0196b075c519fe7382bbf1ff8334e1af2c03b2bf0053dd1d37aca1ed705018251b",
    ),
]


@pytest.mark.parametrize(("approval", "line", "text", "signature"), CASES)
def test_an_approval_is_signed_and_posted_byte_for_byte(
    approval: Approval, line: str, text: str, signature: str
) -> None:
    given = wallet_signature(approval)
    assert given == f"0x{signature}"
    signed = approval.signed(given, owner=OWNER.lower())
    assert f"{signed.method} {signed.path}" == line
    assert signed.body.decode() == f"{text}&signature=0x{signature}&signatureChainId=56"
    assert signed.nonce == approval.nonce


def test_a_testnet_approval_names_its_network_and_the_wallets_chain() -> None:
    approval = agent_approval(Wallet(OWNER, Network.TESTNET, 714))
    message, domain = approval.typed_data["message"], approval.typed_data["domain"]
    assert message["AsterChain"] == "Testnet"  # type: ignore[index]
    assert domain["chainId"] == 714  # type: ignore[index]
    assert approval.signed(wallet_signature(approval), owner=OWNER).body.endswith(b"&signatureChainId=714")


def test_no_approved_key_may_trade_spot_or_withdraw() -> None:
    fields = dict(agent_approval().fields)
    assert (fields["canSpotTrade"], fields["canPerpTrade"], fields["canWithdraw"]) == (False, True, False)


def test_a_key_and_a_fee_may_be_approved_with_one_signature() -> None:
    approval = approvals.approve_agent(
        WALLET, agent=AGENT, name=NAME, valid_until=UNTIL, nonce=5, builder=(BUILDER, FEE, "desk")
    )
    types = approval.typed_data["types"]["ApproveAgent"]  # type: ignore[index]
    assert [field["name"] for field in types] == [
        "AgentName",
        "AgentAddress",
        "IpWhitelist",
        "Expired",
        "CanSpotTrade",
        "CanPerpTrade",
        "CanWithdraw",
        "Builder",
        "MaxFeeRate",
        "BuilderName",
        "AsterChain",
        "User",
        "Nonce",
    ]
    assert [field["type"] for field in types] == ["string"] * 3 + ["uint256"] + ["bool"] * 3 + ["string"] * 5 + [
        "uint256"
    ]


def test_a_key_is_revoked_and_a_fees_ceiling_changed_under_their_own_names() -> None:
    revoked = approvals.revoke_agent(WALLET, agent=AGENT, nonce=5)
    changed = approvals.update_builder_fee(WALLET, builder=BUILDER, max_rate=Decimal("1e-5"), nonce=5)
    assert (revoked.method, revoked.name, revoked.typed_data["primaryType"]) == ("DELETE", "agent", "DelAgent")
    assert (changed.method, changed.name, changed.typed_data["primaryType"]) == (
        "POST",
        "updateBuilder",
        "UpdateBuilder",
    )
    assert changed.fields[:2] == (("builder", BUILDER), ("maxFeeRate", "0.00001"))


def test_another_wallets_signature_is_not_posted() -> None:
    approval = agent_approval()
    with pytest.raises(InvalidCommand, match="Switch the wallet's account"):
        approval.signed(wallet_signature(approval, AGENT_KEY), owner=OWNER)


def test_a_testnet_signature_is_worth_nothing_on_mainnet() -> None:
    signature = wallet_signature(agent_approval(Wallet(OWNER, Network.TESTNET)))
    with pytest.raises(InvalidCommand):
        agent_approval().signed(signature, owner=OWNER)


@pytest.mark.parametrize("signature", ["", "0x", "0x12", "zz", "0x" + "00" * 65, "0x" + "ff" * 65])
def test_what_is_no_signature_has_no_owner(signature: str) -> None:
    with pytest.raises(InvalidCommand):
        agent_approval().signed(signature, owner=OWNER)


def test_a_wallet_that_counts_its_parity_from_zero_is_understood() -> None:
    approval = agent_approval()
    signature = wallet_signature(approval)
    lowered = signature[:-2] + f"{int(signature[-2:], 16) - 27:02x}"
    assert approval.signed(lowered, owner=OWNER) == approval.signed(signature, owner=OWNER)


@pytest.mark.parametrize("rate", ["-0.0001", "0.0011", "NaN"])
def test_a_fee_beyond_the_venues_bound_is_not_asked_for(rate: str) -> None:
    with pytest.raises(InvalidCommand):
        approvals.approve_builder_fee(WALLET, builder=BUILDER, max_rate=Decimal(rate), name="desk", nonce=1)


def test_an_address_of_another_form_is_refused() -> None:
    with pytest.raises(InvalidCommand):
        approvals.revoke_agent(WALLET, agent="0x1234", nonce=1)
