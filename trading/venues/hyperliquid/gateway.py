"""Hyperliquid as a deployment meets it, and how accounts come here from it (Hyperliquid 2.7, 4.3, 5.3, 8)."""

from datetime import datetime, timedelta
from decimal import Decimal

from trading.margin.rules import HYPERLIQUID as RULES
from trading.venues.gateway import Gateway
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.approvals import Approval, approve_agent, approve_builder_fee
from trading.venues.hyperliquid.history import moved_within
from trading.venues.hyperliquid.roles import Role, RoleKind, role
from trading.venues.hyperliquid.rules import order_bound, order_least
from trading.venues.hyperliquid.signing import ZERO_ADDRESS, SigningKey
from trading.venues.hyperliquid.weights import TARIFF
from trading.venues.onboarding import Credential, KeyKind, KeyRefused, Opening, WalletWish, Wish
from trading.venues.snapshots import Venue
from trading.venues.transport import BlockingTransport, Limits, Transport

OWN_KEY = (
    "This is the private key of an account itself, which can withdraw. Never paste it anywhere: make a trading key "
    "(API wallet) at the venue and paste that one."
)


class HyperliquidOnboarding:
    """Asks the venue about addresses, keys and fees; anybody may."""

    def __init__(self, adapter: HyperliquidAdapter) -> None:
        self.adapter = adapter

    def check_address(self, address: str) -> None:
        """Refuse the address of a trading key: it reads empty (Hyperliquid 5.3)."""
        if self._role(address).kind is RoleKind.AGENT:
            raise KeyRefused("This is the address of a trading key. Enter the address of the account it trades for.")

    def check_key(self, address: str, credential: Credential) -> datetime | None:
        """A key is known by its role; the end of a named one is listed."""
        known = self._role(credential.public)
        if credential.public == address or known.kind not in (RoleKind.AGENT, RoleKind.MISSING):
            raise KeyRefused(OWN_KEY)
        if known.kind is RoleKind.MISSING:
            raise KeyRefused("The venue does not know this trading key. Approve it there for this account, then paste.")
        if not known.trades_for(address):
            raise KeyRefused("This key trades for another account than the address above. Check both.")
        listed = {agent.address.lower(): agent.valid_until for agent in self.adapter.agents(address)}
        return listed.get(credential.public)

    def key_name(self, address: str, agent: str) -> str | None:
        """Unnamed keys are listed nowhere and are known by their role alone."""
        names = {known.address.lower(): known.name for known in self.adapter.agents(address)}
        if agent in names:
            return names[agent]
        return "" if self._role(agent).trades_for(address) else None

    def is_in_force(self, wish: WalletWish) -> bool:
        """By the key's role, or by the rate that the account allows."""
        match wish.wish:
            case Wish.KEY:
                return self._role(wish.agent).trades_for(wish.owner)
            case Wish.NO_KEY:
                return not self._role(wish.agent).trades_for(wish.owner)
            case Wish.FEE:
                return self.adapter.builder_fee(wish.owner, wish.builder) == wish.rate
            case Wish.NO_FEE:
                return self.adapter.builder_fee(wish.owner, wish.builder) == Decimal(0)

    def _role(self, address: str) -> Role:
        return self.adapter.ask(role(address))


def _open(opening: Opening) -> HyperliquidOnboarding:
    """Reads need no key here, so one that may not trade is not handed on."""
    credential = opening.credential if opening.may_trade else None
    key = SigningKey.from_hex(credential.secret) if credential else None
    return HyperliquidOnboarding(
        HyperliquidAdapter(
            opening.transport,
            opening.network,
            key,
            dexes=opening.dexes,
            collaterals=opening.collaterals,
            account=opening.address,
        )
    )


def _make_transport(url: str, limits: Limits) -> Transport:
    return BlockingTransport(url, limits=limits)


def _credential(key: SigningKey) -> Credential:
    return Credential(KeyKind.AGENT, key.address, key.reveal().hex())


def _new_key() -> Credential:
    return _credential(SigningKey.generate())


def _read_key(_kind: KeyKind, _public: str, secret: str) -> Credential:
    return _credential(SigningKey.from_hex(secret))


def _payload(wish: WalletWish) -> Approval:
    """A key is revoked by approving the zero address under its name, a fee by approving the rate zero."""
    if wish.wish in (Wish.KEY, Wish.NO_KEY):
        return approve_agent(
            network=wish.network,
            chain_id=wish.chain_id,
            agent=wish.agent if wish.wish is Wish.KEY else ZERO_ADDRESS,
            nonce=wish.nonce,
            name=wish.name,
            valid_until=wish.valid_until,
        )
    return approve_builder_fee(
        network=wish.network,
        chain_id=wish.chain_id,
        builder=wish.builder,
        max_rate=wish.rate if wish.wish is Wish.FEE else Decimal(0),
        nonce=wish.nonce,
    )


HYPERLIQUID = Gateway(
    venue=Venue.HYPERLIQUID,
    label="Hyperliquid",
    fee_receiver="The address needs a standard account with at least 100 USDC at the venue.",
    collateral="USDC",
    rules=RULES,
    order_bound=order_bound,
    order_least=order_least,
    key_kinds=(KeyKind.AGENT,),
    reads_without_key=True,
    lists_liquidations=False,
    # The venue takes nonces of days; a request of today also names the key's end from today.
    payload_lifetime=timedelta(minutes=10),
    wallet_chain=None,
    tariff=TARIFF,
    make_transport=_make_transport,
    open=_open,
    new_key=_new_key,
    read_key=_read_key,
    payload=_payload,
    moved_within=moved_within,
)
