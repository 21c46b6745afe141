"""Approvals that only the owner's wallet can give: a trading key (agent) and an operator's fee (Hyperliquid 4.3, 5.2,
5.3, 8).

The server builds the typed data, the wallet shows and signs it, the server checks who signed and posts it. Nothing
here can move money: there is no builder for a withdrawal or a transfer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading.venues import typed_data
from trading.venues.base import Network, SignedRequest
from trading.venues.decoding import moment
from trading.venues.errors import InvalidCommand, Reason
from trading.venues.hyperliquid import signing, wire
from trading.venues.hyperliquid.rules import MAX_BUILDER_RATE

MAX_AGENT_NAME = 16
# How old a nonce may be (Hyperliquid 5.3).
NONCE_LIFETIME = timedelta(days=2)
APPROVE_AGENT = {"agentAddress": "address", "agentName": "string", "nonce": "uint64"}
SET_ABSTRACTION = {"user": "address", "abstraction": "string", "nonce": "uint64"}
APPROVE_BUILDER_FEE = {"maxFeeRate": "string", "builder": "address", "nonce": "uint64"}


@dataclass(frozen=True, slots=True)
class Approval:
    """What the wallet is asked to sign (``typed_data``), and the action that is posted with its signature."""

    action: dict[str, object]
    typed_data: signing.TypedData
    nonce: int

    def signer(self, signature: str) -> str | None:
        """The lower-case address that gave this signature, None when it is not a signature."""
        try:
            parts = signing.split_signature(signature)
        except ValueError:
            return None
        return signing.recover(typed_data.digest(self.typed_data), parts)

    def signed(self, signature: str, *, owner: str) -> SignedRequest:
        """The request to post; ``InvalidCommand`` when the signature is not the owner's."""
        if self.signer(signature) != owner.lower():
            message = "The signature is not from this account's wallet. Switch the wallet's account and sign again."
            raise InvalidCommand(message, reason=Reason.KEY_UNKNOWN)
        parts = signing.split_signature(signature)
        body = wire.envelope(self.action, self.nonce, parts, None)
        return SignedRequest(wire.EXCHANGE_PATH, body, self.nonce, dead_at=moment(self.nonce) + NONCE_LIFETIME)


def approve_agent(
    *,
    network: Network,
    chain_id: int,
    agent: str,
    nonce: int,
    name: str = "",
    valid_until: datetime | None = None,
) -> Approval:
    """Let ``agent`` trade for the signer. The zero address revokes the agent of that name; without ``valid_until`` the
    venue lets it live 90 days, and 180 at most (Hyperliquid 5.3)."""
    if len(name) > MAX_AGENT_NAME or (valid_until is not None and not name):
        message = f"A trading key that expires needs a name of at most {MAX_AGENT_NAME} characters."
        raise InvalidCommand(message, reason=Reason.AGENT_EXPIRY)
    full_name = name if valid_until is None else f"{name} valid_until {wire.milliseconds(valid_until)}"
    message_fields: dict[str, object] = {
        "agentAddress": wire.address(agent),
        "agentName": full_name,
        "nonce": nonce,
    }
    posted = {key: value for key, value in message_fields.items() if key != "agentName" or value}
    return _approval("ApproveAgent", "approveAgent", APPROVE_AGENT, message_fields, posted, network, chain_id)


def approve_builder_fee(*, network: Network, chain_id: int, builder: str, max_rate: Decimal, nonce: int) -> Approval:
    """Let ``builder`` charge up to ``max_rate`` (a fraction of the notional, at most 0.001) on the signer's orders;
    zero takes the approval back (Hyperliquid 8)."""
    if not (max_rate.is_finite() and 0 <= max_rate <= MAX_BUILDER_RATE):
        raise InvalidCommand("The exchange fee on perpetuals is at most 0.1 %.", reason=Reason.AMOUNT_INVALID)
    message_fields: dict[str, object] = {
        "maxFeeRate": f"{wire.number(max_rate * 100)}%",
        "builder": wire.address(builder),
        "nonce": nonce,
    }
    return _approval(
        "ApproveBuilderFee", "approveBuilderFee", APPROVE_BUILDER_FEE, message_fields, message_fields, network, chain_id
    )


def unify(*, network: Network, chain_id: int, user: str, nonce: int) -> Approval:
    """Let one balance back every book and spot: the unified account (Hyperliquid 3.9). The platform asks nobody for it;
    it is what most traders have chosen at the venue, so the demo has one who did."""
    message_fields: dict[str, object] = {"user": wire.address(user), "abstraction": "unifiedAccount", "nonce": nonce}
    return _approval(
        "UserSetAbstraction", "userSetAbstraction", SET_ABSTRACTION, message_fields, message_fields, network, chain_id
    )


def _approval(
    primary: str,
    kind: str,
    fields: dict[str, str],
    message: dict[str, object],
    posted: dict[str, object],
    network: Network,
    chain_id: int,
) -> Approval:
    payload = signing.typed_data(primary, fields, message, network, chain_id)
    action: dict[str, object] = {
        "type": kind,
        "hyperliquidChain": signing.CHAIN_NAME[network],
        "signatureChainId": hex(chain_id),
        **posted,
    }
    nonce = message["nonce"]
    if not isinstance(nonce, int):
        raise TypeError("a nonce is an integer")
    return Approval(action, payload, nonce)
