"""Approvals that only the owner's wallet can give: a trading key (agent) and an operator's fee (Aster 1.5, 1.6).

The server builds the typed data, the wallet shows and signs it, the server checks who signed and posts it. No key that
is asked for here can withdraw or trade spot, and nothing here can move money.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.venues import typed_data
from trading.venues.aster import signing, wire
from trading.venues.aster.rules import MAX_BUILDER_RATE
from trading.venues.base import Network, SignedRequest
from trading.venues.decoding import EPOCH
from trading.venues.errors import InvalidCommand, Reason

WALLET_CHAIN = 56  # the venue's own choice for EVM wallets (Aster 1.5)

Fields = tuple[tuple[str, str | int | bool], ...]


@dataclass(frozen=True, slots=True)
class Wallet:
    """Who signs: the main account, for which network, and on which chain its wallet is while it signs."""

    user: str
    network: Network
    chain_id: int = WALLET_CHAIN


@dataclass(frozen=True, slots=True)
class Approval:
    """What the wallet is asked to sign (``typed_data``), and the request that carries its signature.

    ``fields`` are in signing order under their names on the wire.
    """

    method: str
    name: str
    fields: Fields
    typed_data: signing.TypedData
    nonce: int
    chain_id: int

    def signer(self, signature: str) -> str | None:
        """The lower-case address that gave this signature, None when it is not a signature."""
        return signing.recover(typed_data.digest(self.typed_data), signature)

    def signed(self, signature: str, *, owner: str) -> SignedRequest:
        """The request to post; ``InvalidCommand`` when the signature is not the owner's."""
        if self.signer(signature) != owner.lower():
            message = "The signature is not from this account's wallet. Switch the wallet's account and sign again."
            raise InvalidCommand(message, reason=Reason.KEY_UNKNOWN)
        ending = (("signature", signing.normalised(signature)), ("signatureChainId", str(self.chain_id)))
        parameters = (*_texts(self.fields), *ending)
        body = wire.encoded(parameters).encode()
        path = wire.path(self.name, is_current=True)
        dead_at = EPOCH + (self.nonce + signing.NONCE_WINDOW) * wire.MICROSECOND
        return SignedRequest(path, body, self.nonce, self.method, dead_at)


def _texts(fields: Fields) -> wire.Parameters:
    return tuple((name, _text(value)) for name, value in fields)


def _text(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _approval(wallet: Wallet, method: str, name: str, primary: str, fields: Fields) -> Approval:
    """Field names are the parameters' with a capital first letter (Aster 1.5)."""
    chain_id = wallet.chain_id
    message = {key[0].upper() + key[1:]: value for key, value in fields}
    return Approval(method, name, fields, signing.typed_data(primary, message, chain_id), _nonce(fields), chain_id)


def _nonce(fields: Fields) -> int:
    nonce = dict(fields)["nonce"]
    if not isinstance(nonce, int):
        raise TypeError("a nonce is an integer")
    return nonce


def _ending(wallet: Wallet, nonce: int) -> Fields:
    return (("asterChain", signing.CHAIN_NAME[wallet.network]), ("user", wire.address(wallet.user)), ("nonce", nonce))


def approve_agent(
    wallet: Wallet,
    *,
    agent: str,
    name: str,
    valid_until: datetime,
    nonce: int,
    ip_addresses: str = "",
    builder: tuple[str, Decimal, str] | None = None,
) -> Approval:
    """Let ``agent`` trade perpetuals for the wallet until a time, and nothing else. ``builder`` (address, highest rate,
    name) approves an operator's fee with the same signature."""
    fields: Fields = (
        ("agentName", name),
        ("agentAddress", wire.address(agent)),
        ("ipWhitelist", ip_addresses),
        ("expired", wire.milliseconds(valid_until)),
        ("canSpotTrade", False),
        ("canPerpTrade", True),
        ("canWithdraw", False),
        *(() if builder is None else _builder(*builder)),
        *_ending(wallet, nonce),
    )
    return _approval(wallet, "POST", "approveAgent", "ApproveAgent", fields)


def revoke_agent(wallet: Wallet, *, agent: str, nonce: int) -> Approval:
    """Take a key's rights away."""
    fields: Fields = (("agentAddress", wire.address(agent)), *_ending(wallet, nonce))
    return _approval(wallet, "DELETE", "agent", "DelAgent", fields)


def approve_builder_fee(wallet: Wallet, *, builder: str, max_rate: Decimal, name: str, nonce: int) -> Approval:
    """Let ``builder`` charge up to ``max_rate`` (a fraction of the notional, at most 0.001) on the wallet's orders."""
    fields: Fields = (*_builder(builder, max_rate, name), *_ending(wallet, nonce))
    return _approval(wallet, "POST", "approveBuilder", "ApproveBuilder", fields)


def update_builder_fee(wallet: Wallet, *, builder: str, max_rate: Decimal, nonce: int) -> Approval:
    """Change the highest rate of an approved builder."""
    fields: Fields = (*_builder(builder, max_rate, "")[:2], *_ending(wallet, nonce))
    return _approval(wallet, "POST", "updateBuilder", "UpdateBuilder", fields)


def revoke_builder_fee(wallet: Wallet, *, builder: str, nonce: int) -> Approval:
    """Take the approval of a builder's fee back."""
    fields: Fields = (("builder", wire.address(builder)), *_ending(wallet, nonce))
    return _approval(wallet, "DELETE", "builder", "DelBuilder", fields)


def _builder(address: str, max_rate: Decimal, name: str) -> Fields:
    if not (max_rate.is_finite() and 0 <= max_rate <= MAX_BUILDER_RATE):
        raise InvalidCommand("The exchange fee on perpetuals is at most 0.1 %.", reason=Reason.AMOUNT_INVALID)
    return (("builder", wire.address(address)), ("maxFeeRate", wire.number(max_rate)), ("builderName", name))
