"""Aster as a deployment meets it, and how accounts come here from it (Aster 1.2 to 1.6).

The venue tells an account's figures to its own keys only, so an address without a key is only written down.
"""

import re
from datetime import datetime, timedelta

from trading.margin.rules import ASTER as RULES
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.aster.approvals import (
    WALLET_CHAIN,
    Approval,
    Wallet,
    approve_agent,
    approve_builder_fee,
    revoke_agent,
    revoke_builder_fee,
    update_builder_fee,
)
from trading.venues.aster.doors import AsterDoor
from trading.venues.aster.rules import order_bound, order_least
from trading.venues.aster.signing import AgentLogin, ApiKeyLogin, Login, SigningKey
from trading.venues.aster.weights import TARIFF
from trading.venues.base import Agent
from trading.venues.errors import Reason, Rejected
from trading.venues.gateway import Gateway
from trading.venues.onboarding import Credential, KeyKind, KeyRefused, Opening, WalletWish, Wish
from trading.venues.snapshots import Venue
from trading.venues.transport import Limits, Transport

API_KEY_TEXT = re.compile(r"[A-Za-z0-9]{16,128}")
OWN_KEY = (
    "This is the private key of the account itself, which can withdraw. Never paste it anywhere: make a trading key "
    "(API wallet) at the venue and paste that one."
)
UNKNOWN_KEY = "The venue does not know this trading key for the address above. Approve it there first, or check both."
CAN_WITHDRAW = "This key may withdraw. Make one at the venue that may only trade perpetuals, and paste that one."


class AsterOnboarding:
    """Asks the venue with the account's own key."""

    def __init__(self, adapter: AsterAdapter) -> None:
        self.adapter = adapter

    def check_address(self, address: str) -> None:
        """The venue tells nothing of an address without its key."""

    def check_key(self, address: str, credential: Credential) -> datetime | None:
        """An agent is listed with its end and its rights; an API key has to be able to read."""
        if credential.public == address:
            raise KeyRefused(OWN_KEY)
        if credential.kind is KeyKind.API_KEY:
            self._check_api_key(address)
            return None
        agent = self._agent(address, credential.public)
        if agent is None:
            raise KeyRefused(UNKNOWN_KEY)
        if agent.may_withdraw:
            raise KeyRefused(CAN_WITHDRAW)
        return agent.valid_until

    def key_name(self, address: str, agent: str) -> str | None:
        """A key that may still ask is listed by its name."""
        known = self._agent(address, agent)
        return known.name if known else None

    def is_in_force(self, wish: WalletWish) -> bool:
        """By the list of keys, or by the rate that the account allows."""
        match wish.wish:
            case Wish.KEY:
                return self._agent(wish.owner, wish.agent) is not None
            case Wish.NO_KEY:
                return self._agent(wish.owner, wish.agent) is None
            case Wish.FEE:
                return self.adapter.builder_fee(wish.owner, wish.builder) == wish.rate
            case Wish.NO_FEE:
                return self.adapter.builder_fee(wish.owner, wish.builder) == 0

    def _agent(self, address: str, agent: str) -> Agent | None:
        """A key of the account; None where it is not listed, or where the asking key itself is refused."""
        try:
            listed = self.adapter.agents(address)
        except Rejected as refusal:
            if refusal.reason is Reason.KEY_UNKNOWN:
                return None
            raise
        return next((known for known in listed if known.address.lower() == agent.lower()), None)

    def _check_api_key(self, address: str) -> None:
        try:
            self.adapter.account_mode(address)
        except Rejected as refusal:
            raise KeyRefused(refusal.explanation) from None


def _open(opening: Opening) -> AsterOnboarding:
    adapter = AsterAdapter(
        opening.transport,
        opening.network,
        _login(opening.address, opening.credential),
        brackets=opening.share_tiers,
        may_trade=opening.may_trade,
    )
    return AsterOnboarding(adapter)


def _login(address: str, credential: Credential | None) -> Login | None:
    if credential is None:
        return None
    if credential.kind is KeyKind.API_KEY:
        return ApiKeyLogin(address, credential.public, credential.secret)
    return AgentLogin(address, SigningKey.from_hex(credential.secret))


def _make_transport(url: str, limits: Limits) -> Transport:
    return AsterDoor(url, limits=limits)


def _new_key() -> Credential:
    return _agent_key(SigningKey.generate())


def _agent_key(key: SigningKey) -> Credential:
    return Credential(KeyKind.AGENT, key.address, key.reveal().hex())


def _read_key(kind: KeyKind, public: str, secret: str) -> Credential:
    if kind is KeyKind.AGENT:
        return _agent_key(SigningKey.from_hex(secret))
    if not (API_KEY_TEXT.fullmatch(public) and API_KEY_TEXT.fullmatch(secret)):
        raise KeyRefused("An API key and its secret are letters and digits. Paste both as the venue shows them.")
    return Credential(KeyKind.API_KEY, public, secret)


def _payload(wish: WalletWish) -> Approval:
    """A fee that is approved already is changed under the name it has, so the wish brings none."""
    wallet = Wallet(wish.owner, wish.network, wish.chain_id)
    match wish.wish:
        case Wish.KEY:
            if wish.valid_until is None:
                raise ValueError("a key of this venue has an end")
            return approve_agent(
                wallet, agent=wish.agent, name=wish.name, valid_until=wish.valid_until, nonce=wish.nonce
            )
        case Wish.NO_KEY:
            return revoke_agent(wallet, agent=wish.agent, nonce=wish.nonce)
        case Wish.FEE if wish.name:
            return approve_builder_fee(
                wallet, builder=wish.builder, max_rate=wish.rate, name=wish.name, nonce=wish.nonce
            )
        case Wish.FEE:
            return update_builder_fee(wallet, builder=wish.builder, max_rate=wish.rate, nonce=wish.nonce)
        case Wish.NO_FEE:
            return revoke_builder_fee(wallet, builder=wish.builder, nonce=wish.nonce)


ASTER = Gateway(
    venue=Venue.ASTER,
    label="Aster",
    fee_receiver="The address has to be registered as a builder at the venue and hold at least 100 ASTER there.",
    collateral="USDT",
    rules=RULES,
    order_bound=order_bound,
    order_least=order_least,
    key_kinds=(KeyKind.AGENT, KeyKind.API_KEY),
    reads_without_key=False,
    lists_liquidations=True,
    # A nonce may be a minute old (Aster 1.3): the wallet has to be done well before that.
    payload_lifetime=timedelta(seconds=45),
    wallet_chain=WALLET_CHAIN,
    tariff=TARIFF,
    make_transport=_make_transport,
    open=_open,
    new_key=_new_key,
    read_key=_read_key,
    payload=_payload,
)
