"""A trader's account from the first address to the last key: connecting, watching, losing the key, connecting again.

What may be done is read off the account's row and the operator's fee (``access_of``), so a page asks nothing more for
it. Only the venue's word changes it: an accepted approval (``trading.services.approvals``), or a refusal of the key
(``note_refusal``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from tenants.models import User
from trading.connect import gateway_of, seal
from trading.models import Command, Market, VenueAccount
from trading.models.commands import MOVING_STATES, OPEN_STATES
from trading.services.fees import read_fees
from trading.services.sync import sync_account, sync_markets
from trading.statements import Statement
from trading.venues.base import Adapter, Venue
from trading.venues.commands import BuilderFee as Fee
from trading.venues.errors import Reason
from trading.venues.onboarding import Credential, KeyKind, Onboarding


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
    """The account is not taken, or its key not let go; the text is one sentence for the page."""


ASKED = """(
    SELECT fee.{column} FROM trading_builderfee AS fee
    WHERE (fee.operator_id, fee.venue, fee.network)
        = (trading_venueaccount.operator_id, trading_venueaccount.venue, trading_venueaccount.network)
)"""
# PostgreSQL's own mark of a row's state, another one after each write: who wrote it, and where it lies.
ACCOUNT_COLUMNS = {
    "asked_builder": ASKED.format(column="address"),
    "asked_rate": ASKED.format(column="rate"),
    "version": "trading_venueaccount.xmin::text || trading_venueaccount.ctid::text",
}
CURRENT_ACCOUNTS = Statement(VenueAccount, "trader_id = %s AND is_current ORDER BY id DESC", ACCOUNT_COLUMNS)
ACCOUNT = Statement(VenueAccount, "id = %s", ACCOUNT_COLUMNS)
# Whoever asks for an account again so soon sees the same figures.
JUST_READ = timedelta(minutes=1)
STILL_PROVING = (
    "The venue is still being asked what became of your last request, which needs this trading key. It takes seconds, "
    "a minute at the most; then try again."
)


def current_accounts(trader: User) -> dict[Venue, VenueAccount]:
    """The accounts a trader's pages show, one at a venue, each with the operator's fee there."""
    return {Venue(row.venue): row for row in CURRENT_ACCOUNTS.rows(trader.pk)}


def asked_fee(account: VenueAccount) -> Fee | None:
    """What the operator asks for on this account's orders: as ``current_accounts`` read it, None for nothing."""
    builder = getattr(account, "asked_builder", None)
    return Fee(builder, account.asked_rate) if builder else None  # type: ignore[attr-defined]


def access_of(account: VenueAccount | None, now: datetime) -> Access:
    """What an account may do, by what is known here. Pure; ``account`` comes from ``current_accounts``."""
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


def connect_address(onboarding: Onboarding, trader: User, address: str) -> tuple[VenueAccount, bool]:
    """Show this account on the trader's pages, read it if that needs no key, and say whether it was not shown before.

    The venue is not asked for what the pages show already and was read a moment ago. Raises ``KeyRefused`` for the
    address of a trading key, and the venue's errors.
    """
    if (shown := _just_read(onboarding.adapter, trader, address)) is not None:
        return shown, False
    onboarding.check_address(address)
    account, is_new = _show(onboarding.adapter, trader, address)
    if gateway_of(onboarding.adapter.venue).reads_without_key:
        read_account(onboarding.adapter, account)
    return account, is_new


def connect_key(
    onboarding: Onboarding, trader: User, address: str, credential: Credential
) -> tuple[VenueAccount, bool]:
    """Trade for the address with a key that its owner made at the venue; and whether that is new.

    ``onboarding`` asks with the key where the venue wants one. Raises ``KeyRefused`` where the venue does not know the
    key as one of this account's, ``AccountRefused`` while the present key is needed, and the venue's errors.
    """
    expires_at = onboarding.check_key(address, credential)
    account, _ = _show(onboarding.adapter, trader, address)
    public = shown_key(credential)
    if account.agent_key and account.agent_address == public and account.agent_refused_at is None:
        return account, False
    with transaction.atomic():
        refuse_while_proving(account)
        give_key(account, public, seal(credential), expires_at, credential.kind)
    read_account(onboarding.adapter, account)
    return account, True


def shown_key(credential: Credential) -> str:
    """How a key is named in rows and on pages: an agent by its address, an API key by its beginning and end."""
    if credential.kind is KeyKind.AGENT:
        return credential.public
    return f"{credential.public[:6]}…{credential.public[-4:]}"


def give_key(
    account: VenueAccount, agent: str, sealed: bytes, expires_at: datetime | None, kind: KeyKind = KeyKind.AGENT
) -> None:
    """Trade with this key from now on."""
    VenueAccount.objects.filter(pk=account.pk).update(
        agent_address=agent,
        agent_key=sealed,
        key_kind=kind.value,
        agent_since=timezone.now(),
        agent_expires_at=expires_at,
        agent_refused_at=None,
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


def delete_key(account: VenueAccount) -> bool:
    """``forget_key`` at the trader's wish. Raises ``AccountRefused`` while the key is needed."""
    with transaction.atomic():
        refuse_while_proving(account)
        return forget_key(account)


def leave(account: VenueAccount) -> bool:
    """Show this account no longer and forget its key; its history stays. False where it was left already.

    Raises ``AccountRefused`` while the key is needed.
    """
    with transaction.atomic():
        refuse_while_proving(account)
        forget_key(account)
        if not gateway_of(Venue(account.venue)).reads_without_key:
            _expect_nothing(account)
        return bool(VenueAccount.objects.filter(pk=account.pk, is_current=True).update(is_current=False))


def _expect_nothing(account: VenueAccount) -> None:
    """Nobody can read any more what the last commands moved, so nobody waits for it."""
    VenueAccount.objects.filter(pk=account.pk).update(behind_since=None)
    Command.objects.filter(account=account, state__in=MOVING_STATES, shown_at=None).update(shown_at=timezone.now())


def refuse_while_proving(account: VenueAccount) -> None:
    """Where the venue tells an account to its keys alone, only the present one can find out how its commands ended.

    Called in a transaction: the row stays locked, so no command is prepared until it ends.
    """
    if gateway_of(Venue(account.venue)).reads_without_key:
        return
    locked = VenueAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
    if locked.agent_key and Command.objects.filter(account=locked, state__in=OPEN_STATES).exists():
        raise AccountRefused(STILL_PROVING)


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


def _just_read(adapter: Adapter, trader: User, address: str) -> VenueAccount | None:
    here = VenueAccount.objects.filter(trader=trader, venue=adapter.venue.value, network=adapter.network.value)
    known_since = timezone.now() - JUST_READ
    read = here.filter(address=address, is_current=True, fees_read_at__isnull=False, synced_at__gt=known_since)
    found: VenueAccount | None = read.first()
    return found


def _show(adapter: Adapter, trader: User, address: str) -> tuple[VenueAccount, bool]:
    with transaction.atomic():
        # The trader's row puts a double click in order: both end with the same one account.
        User.objects.select_for_update(no_key=True).get(pk=trader.pk)
        account, is_new = VenueAccount.objects.get_or_create(
            trader=trader, venue=adapter.venue.value, network=adapter.network.value, address=address
        )
        others = VenueAccount.objects.filter(trader=trader, venue=account.venue, is_current=True).exclude(pk=account.pk)
        others.update(is_current=False)
        was_hidden = bool(VenueAccount.objects.filter(pk=account.pk, is_current=False).update(is_current=True))
    account.refresh_from_db()
    return account, is_new or was_hidden


def read_account(adapter: Adapter, account: VenueAccount) -> None:
    """Read a newly connected account whole, its fee rates too; and the venue's markets, where it is the first that may.

    Raises the venue's errors.
    """
    if not Market.objects.filter(venue=account.venue, network=account.network).exists():
        sync_markets(adapter)
    read_fees(adapter, account)
    sync_account(adapter, account)
    account.refresh_from_db()
