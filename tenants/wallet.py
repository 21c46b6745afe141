"""Signing in with a wallet: the message that the server writes, and the proof that its owner signed it (EIP-4361).

The message names the operator's own host, the wallet's chain and a nonce that the server remembers for five minutes,
per operator, and gives up on the first use: whoever repeats, alters or carries off a signature holds nothing.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.utils import timezone

from tenants.models import User
from tenants.scope import required_scope
from trading.venues.keys import checksummed, personal_digest, signer_of

LIFETIME = timedelta(minutes=5)
LARGEST_CHAIN_ID = 2**53 - 1
STATEMENT = "Sign in to this exchange. This costs nothing, moves no funds and lets nobody trade."
LAYOUT = (
    "{domain} wants you to sign in with your Ethereum account:\n{address}\n\n{statement}\n\nURI: {uri}\nVersion: 1\n"
    "Chain ID: {chain_id}\nNonce: {nonce}\nIssued At: {issued_at}\nExpiration Time: {expires_at}"
)
MESSAGE = re.compile(
    r"(?P<domain>[^\s/]{1,259}) wants you to sign in with your Ethereum account:\n(?P<address>0x[0-9a-fA-F]{40})\n\n"
    r"[^\n]{1,200}\n\nURI: (?P<uri>[^\s]{1,300})\nVersion: 1\nChain ID: (?P<chain_id>[0-9]{1,16})\n"
    r"Nonce: (?P<nonce>[a-zA-Z0-9]{8,64})\nIssued At: [^\s]{20,32}\nExpiration Time: (?P<expires_at>[^\s]{20,32})"
)
ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")
NOBODY = "0x" + "0" * 40


class WalletRefused(Exception):
    """Nobody is signed in; the text is one sentence for the page."""


@dataclass(frozen=True, slots=True)
class SignInMessage:
    """What the server asks a wallet to sign. ``address`` is in lower case, ``domain`` with its port."""

    domain: str
    uri: str
    address: str
    chain_id: int
    nonce: str
    issued_at: datetime

    @property
    def text(self) -> str:
        """The exact text to be signed."""
        return LAYOUT.format(
            domain=self.domain,
            address=checksummed(self.address),
            statement=STATEMENT,
            uri=self.uri,
            chain_id=self.chain_id,
            nonce=self.nonce,
            issued_at=_moment(self.issued_at),
            expires_at=_moment(self.issued_at + LIFETIME),
        )


def read_address(typed: str) -> str:
    """An account's address in lower case. Raises ``WalletRefused``, also where the check digits of EIP-55 are wrong."""
    text = typed.strip()
    if not ADDRESS.fullmatch(text) or text == NOBODY:
        raise WalletRefused("An account address is 0x and 40 digits from 0 to f. Copy it whole.")
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and text != checksummed(text):
        raise WalletRefused("One character of this address is mistyped. Copy it again.")
    return text.lower()


def read_chain_id(typed: str) -> int:
    """The chain a wallet is on, as a decimal or as the 0x number that wallets give. Raises ``WalletRefused``."""
    refusal = WalletRefused("Your wallet did not say which network it is on. Unlock it and try again.")
    if not re.fullmatch(r"0x[0-9a-fA-F]{1,14}|[0-9]{1,16}", typed):
        raise refusal
    number = int(typed, 16 if typed.startswith("0x") else 10)
    if not 0 < number <= LARGEST_CHAIN_ID:
        raise refusal
    return number


def ask(*, domain: str, uri: str, address: str, chain_id: int) -> SignInMessage:
    """A message for this wallet at the operator in scope, remembered until it is used or five minutes old."""
    message = SignInMessage(domain, uri, address, chain_id, secrets.token_hex(16), timezone.now())
    cache.set(_key(message.nonce), message.text, LIFETIME.total_seconds())
    return message


def verify(text: str, signature: str, *, domain: str) -> str:
    """The lower-case address that signed in. Raises ``WalletRefused``; the nonce is spent either way."""
    found = MESSAGE.fullmatch(text.replace("\r\n", "\n"))
    if found is None:
        raise WalletRefused("This is not the message this page asked your wallet to sign. Start again.")
    if found["domain"] != domain:
        raise WalletRefused("This signature is for another site. Start again from this page.")
    issued = _spend(found["nonce"])
    asked = MESSAGE.fullmatch(issued)
    if asked is None or asked["chain_id"] != found["chain_id"]:
        raise WalletRefused("Your wallet signed for another network than it was asked for. Start again.")
    if found.group() != issued:
        raise WalletRefused("The signed message is not the one this page asked for. Start again.")
    if datetime.fromisoformat(found["expires_at"]) <= timezone.now():
        raise WalletRefused("This sign-in is older than five minutes. Start again.")
    if _signer(issued, signature) != found["address"].lower():
        raise WalletRefused("The signature is not from the wallet that was asked. Choose its account and start again.")
    return found["address"].lower()


def user_of(address: str) -> tuple[User, bool]:
    """The user of the operator in scope who owns this wallet, created on the first sign-in; and whether it was."""
    user, is_new = User.objects.get_or_create(wallet=address, defaults={"password": make_password(None)})
    return user, is_new


def _spend(nonce: str) -> str:
    """The message a nonce was issued with, once. Deleting is atomic: of two uses at a time one finds nothing left."""
    issued: str | None = cache.get(_key(nonce))
    if issued is None or not cache.delete(_key(nonce)):
        raise WalletRefused("This sign-in was used already, or is older than five minutes. Start again.")
    return issued


def _signer(text: str, signature: str) -> str:
    if not SIGNATURE.fullmatch(signature):
        raise WalletRefused("Your wallet's answer is not a signature. Start again.")
    signer = signer_of(personal_digest(text), bytes.fromhex(signature.removeprefix("0x")))
    if signer is None:
        raise WalletRefused("Your wallet's answer is not a signature. Start again.")
    return signer


def _key(nonce: str) -> str:
    return f"operator:{required_scope()}:sign-in:{nonce}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
