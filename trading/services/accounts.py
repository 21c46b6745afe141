"""A trader's account from the first address to the last key: connecting, watching, losing the key, connecting again.

What may be done is read off the account's row and the operator's fee (``access_of``), so a page asks nothing more for
it. Only the venue's word changes it: an accepted approval (``trading.services.approvals``), or a refusal of the key
(``note_refusal``).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from tenants.models import User
from trading.connect import seal
from trading.models import BuilderFee, Command, VenueAccount
from trading.services.sync import sync_account
from trading.venues.commands import BuilderFee as Fee
from trading.venues.errors import Reason
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.roles import Role, RoleKind, role
from trading.venues.hyperliquid.signing import SigningKey


class Stage(StrEnum):
    """How far an account is on its way to trading."""

    NOT_CONNECTED = "not_connected"
    WATCHING = "watching"
    FEE_WAITING = "fee_waiting"
    READY = "ready"
    EXPIRED = "expired"
    REVOKED = "revoked"


CLOSED_BECAUSE = {
    Stage.NOT_CONNECTED: "Connect an account at the venue to trade.",
    Stage.WATCHING: "You are only watching this account. Connect a trading key to trade.",
    Stage.FEE_WAITING: "Approve this exchange's fee to open positions. Closing works without it.",
    Stage.READY: "",
    Stage.EXPIRED: "Your trading key has expired. Connect again to trade.",
    Stage.REVOKED: "The venue no longer accepts your trading key. Connect again to trade.",
}


@dataclass(frozen=True, slots=True)
class Access:
    """What an account may do here. ``fee`` is what its orders carry now, None where nothing is charged."""

    stage: Stage
    fee: Fee | None = None

    @property
    def closed_because(self) -> str:
        """Why positions cannot be opened; empty where they can."""
        return CLOSED_BECAUSE[self.stage]

    @property
    def may_reduce(self) -> bool:
        """Whether there is a key that closes and reduces: the fee is no condition for that."""
        return self.stage in (Stage.READY, Stage.FEE_WAITING)


class AccountRefused(Exception):
    """The account or key is not taken; the text is one sentence for the page."""


def current_account(trader: User) -> VenueAccount | None:
    """The account a trader's pages show, with the operator's fee at its venue; None until one is connected."""
    asked = BuilderFee.objects.filter(venue=OuterRef("venue"), network=OuterRef("network"))
    rows = VenueAccount.objects.filter(trader=trader, is_current=True).annotate(
        asked_builder=Subquery(asked.values("address")[:1]), asked_rate=Subquery(asked.values("rate")[:1])
    )
    account: VenueAccount | None = rows.order_by("pk").first()
    return account


def asked_fee(account: VenueAccount) -> Fee | None:
    """What the operator asks for on this account's orders: as ``current_account`` read it, None for nothing."""
    builder = getattr(account, "asked_builder", None)
    return Fee(builder, account.asked_rate) if builder else None  # type: ignore[attr-defined]


def access_of(account: VenueAccount | None, now: datetime) -> Access:
    """What an account may do, by what is known here. Pure; ``account`` comes from ``current_account``."""
    if account is None:
        return Access(Stage.NOT_CONNECTED)
    asked = asked_fee(account)
    is_approved = asked is not None and account.builder == asked.address and account.builder_fee >= asked.rate
    fee = asked if is_approved else None
    if not account.agent_key:
        return Access(Stage.WATCHING, fee)
    if account.agent_expires_at is not None and account.agent_expires_at <= now:
        return Access(Stage.EXPIRED, fee)
    if account.agent_refused_at is not None:
        return Access(Stage.REVOKED, fee)
    return Access(Stage.READY if asked == fee else Stage.FEE_WAITING, fee)


def connect_address(adapter: HyperliquidAdapter, trader: User, address: str) -> tuple[VenueAccount, bool]:
    """Show this account on the trader's pages and read it, without a key; and whether it was not shown before.

    Raises ``AccountRefused`` for the address of a trading key, and the venue's errors.
    """
    known = adapter.ask(role(address))
    if known.kind is RoleKind.AGENT:
        raise AccountRefused("This is the address of a trading key. Enter the address of the account it trades for.")
    account, is_new = _show(adapter, trader, address)
    _read(adapter, account)
    return account, is_new


def connect_key(adapter: HyperliquidAdapter, trader: User, address: str, key: SigningKey) -> tuple[VenueAccount, bool]:
    """Trade for the address with a key that its owner made at the venue; and whether that is new.

    Raises ``AccountRefused`` where the venue does not know the key as one of this account's, and the venue's errors.
    """
    _refuse_unless_agent(adapter.ask(role(key.address)), address, key)
    listed = {agent.address.lower(): agent.valid_until for agent in adapter.agents(address)}
    account, _ = _show(adapter, trader, address)
    if account.agent_key and account.agent_address == key.address and account.agent_refused_at is None:
        return account, False
    give_key(account, key.address, seal(key.reveal().hex()), listed.get(key.address))
    _read(adapter, account)
    return account, True


def _refuse_unless_agent(known: Role, address: str, key: SigningKey) -> None:
    if key.address == address or known.kind not in (RoleKind.AGENT, RoleKind.MISSING):
        raise AccountRefused(
            "This is the private key of an account itself, which can withdraw. Never paste it anywhere: make a trading "
            "key (API wallet) at the venue and paste that one."
        )
    if known.kind is RoleKind.MISSING:
        raise AccountRefused("The venue does not know this trading key. Approve it there for this account, then paste.")
    if not known.trades_for(address):
        raise AccountRefused("This key trades for another account than the address above. Check both.")


def give_key(account: VenueAccount, agent: str, sealed: bytes, expires_at: datetime | None) -> None:
    """Trade with this key from now on. Its nonces start afresh: they are counted per signer (Hyperliquid 5.3)."""
    VenueAccount.objects.filter(pk=account.pk).update(
        agent_address=agent,
        agent_key=sealed,
        agent_since=timezone.now(),
        agent_expires_at=expires_at,
        agent_refused_at=None,
        last_nonce=0,
    )
    account.refresh_from_db()


def forget_key(account: VenueAccount) -> bool:
    """Delete the key here, so that the account is only watched; False where there was none. The venue is not asked."""
    forgotten = (
        VenueAccount.objects.filter(pk=account.pk)
        .exclude(agent_key=b"")
        .update(agent_address="", agent_key=b"", agent_since=None, agent_expires_at=None, agent_refused_at=None)
    )
    return bool(forgotten)


def leave(account: VenueAccount) -> bool:
    """Show this account no longer and forget its key; its history stays. False where it was left already."""
    with transaction.atomic():
        forget_key(account)
        return bool(VenueAccount.objects.filter(pk=account.pk, is_current=True).update(is_current=False))


def note_refusal(command: Command, reason: Reason) -> None:
    """Keep what a refused command says of the account: its key is not known any more, or its fee not approved.

    A command that was signed with an earlier key says nothing about the present one.
    """
    rows = VenueAccount.objects.filter(pk=command.account_id)
    if reason is Reason.KEY_UNKNOWN:
        signed_with_this_key = Q(agent_since=None) | Q(agent_since__lt=command.prepared_at)
        rows.filter(signed_with_this_key, agent_refused_at=None).update(agent_refused_at=timezone.now())
    if reason is Reason.BUILDER_NOT_APPROVED:
        rows.update(builder="", builder_fee=0)


def _show(adapter: HyperliquidAdapter, trader: User, address: str) -> tuple[VenueAccount, bool]:
    with transaction.atomic():
        # The trader's row puts a double click in order: both end with the same one account.
        User.objects.select_for_update(no_key=True).get(pk=trader.pk)
        account, is_new = VenueAccount.objects.get_or_create(
            trader=trader, venue=adapter.venue.value, network=adapter.network.value, address=address
        )
        VenueAccount.objects.filter(trader=trader, is_current=True).exclude(pk=account.pk).update(is_current=False)
        was_hidden = bool(VenueAccount.objects.filter(pk=account.pk, is_current=False).update(is_current=True))
    account.refresh_from_db()
    return account, is_new or was_hidden


def _read(adapter: HyperliquidAdapter, account: VenueAccount) -> None:
    rates = adapter.fee_rates(account.address)
    VenueAccount.objects.filter(pk=account.pk).update(taker_fee=rates.taker, maker_fee=rates.maker)
    sync_account(adapter, account)
    account.refresh_from_db()
