"""Every row a support page reads: of the operator in scope, and never a byte of key material.

People are found by comparisons in the order of bytes on columns of their own: under row security an index serves those
and nothing cleverer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Count, F, Prefetch, QuerySet
from django.shortcuts import get_object_or_404

from tenants.models import User
from trading.models import Command, Difference, Liquidation, MarginChange, VenueAccount
from trading.models.commands import OPEN_STATES, CommandState

Row = TypeVar("Row", User, VenueAccount)

LONGEST_QUERY = 254
SHOWN_ROWS = 50
PAGE_ROWS = 25
# How long a command that cannot be proven is listed for support.
UNPROVEN_FOR = timedelta(days=7)
# The last character there is: behind everything that begins with a text, in the order of bytes.
LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Found:
    """Traders, and whether there are more than these."""

    traders: list[User]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """The first of some commands, and how many there are."""

    rows: list[Command]
    total: int


def find_traders(query: str) -> Found:
    """Traders whose e-mail, wallet, or address at a venue begins with the query, in the order of their e-mail."""
    people = User.objects.filter(role="")
    found = {
        *_beginning(people, "email_key", query).values_list("pk", flat=True),
        *_beginning(people, "wallet_key", query).values_list("pk", flat=True),
        *_beginning(VenueAccount.objects.all(), "address_key", query).values_list("trader_id", flat=True),
    }
    rows = _with_accounts(people.filter(pk__in=found).order_by("email_key", "pk"))
    traders = list(rows[: SHOWN_ROWS + 1])
    return Found(traders[:SHOWN_ROWS], len(traders) > SHOWN_ROWS)


def _beginning(rows: QuerySet[Row], column: str, query: str) -> QuerySet[Row]:
    """The first rows whose column begins with the query, whatever its case; one more than are shown."""
    begin = query.lower()
    return rows.filter(**{f"{column}__gte": begin, f"{column}__lt": begin + LAST}).order_by(column)[: SHOWN_ROWS + 1]


def newest_traders(before: int | None) -> Found:
    """A page of all traders, the newest first, those with an id below ``before``."""
    people = User.objects.filter(role="").order_by("-pk")
    if before is not None:
        people = people.filter(pk__lt=before)
    traders = list(_with_accounts(people)[: PAGE_ROWS + 1])
    return Found(traders[:PAGE_ROWS], len(traders) > PAGE_ROWS)


def _with_accounts(people: QuerySet[User]) -> QuerySet[User]:
    """The accounts that a trader's pages show come first, then those that were left."""
    accounts = VenueAccount.objects.only(
        "trader",
        "is_current",
        "venue",
        "network",
        "address",
        "mode",
        "equity",
        "pools",
        "synced_at",
        "sync_problem",
    )
    held = Prefetch("accounts", accounts.annotate(open_positions=Count("positions")).order_by("-is_current", "pk"))
    return people.prefetch_related(held)


def clean_query(typed: str) -> str:
    """What was typed, without what no e-mail and no address can hold."""
    return typed.replace("\x00", "").strip()[:LONGEST_QUERY]


def clean_id(typed: str) -> int | None:
    """A row's id out of an address; None for anything else."""
    return int(typed) if typed.isdecimal() and len(typed) < 19 else None


def trader_of(trader_id: int) -> User:
    """One of the operator's traders."""
    trader: User = get_object_or_404(User.objects.filter(role=""), pk=trader_id)
    return trader


def accounts_held(trader: User) -> list[VenueAccount]:
    """Every account of a trader, those in use first, without what would open one."""
    rows = VenueAccount.objects.filter(trader=trader).defer("agent_key").order_by("-is_current", "pk")
    return list(rows)


def recent_commands(account: VenueAccount | None) -> list[Command]:
    """The newest commands of an account, the signed bytes left in the database."""
    if account is None:
        return []
    rows = Command.objects.filter(account=account).select_related("market").defer("body", "burn_body")
    return list(rows[:SHOWN_ROWS])


def recent_margin_changes(account: VenueAccount | None) -> list[MarginChange]:
    """The newest margin changes of an account, without the commands that made them."""
    rows = MarginChange.objects.filter(account=account).select_related("market")
    return list(rows[:SHOWN_ROWS]) if account else []


def recent_liquidations(account: VenueAccount) -> list[Liquidation]:
    """The newest liquidations of an account."""
    return list(Liquidation.objects.filter(account=account).select_related("market").defer("path")[:SHOWN_ROWS])


def liquidation_of(liquidation_id: int) -> Liquidation:
    """One liquidation of the operator's traders."""
    rows = Liquidation.objects.select_related("market", "account__trader").defer("account__agent_key")
    found: Liquidation = get_object_or_404(rows, pk=liquidation_id)
    return found


def differences() -> QuerySet[Difference]:
    """The differences of all traders: those that are open, then the healed ones; each the newest first."""
    rows = Difference.objects.select_related("market", "account__trader").defer("account__agent_key")
    ordered: QuerySet[Difference] = rows.order_by(F("healed_at").desc(nulls_first=True), "-found_at", "-pk")
    return ordered


def open_differences() -> int:
    """How many differences nothing has explained yet."""
    count: int = Difference.objects.filter(healed_at=None).count()
    return count


def unsettled_commands() -> Listed:
    """Commands of all traders that have no end yet, the oldest first."""
    return _listed(Command.objects.filter(state__in=OPEN_STATES).order_by("prepared_at", "pk"))


def unproven_commands(now: datetime) -> Listed:
    """Commands of all traders of the last days of which nobody can tell what they did, the newest first."""
    rows = Command.objects.filter(state=CommandState.UNPROVEN, prepared_at__gt=now - UNPROVEN_FOR)
    return _listed(rows.order_by("-prepared_at", "-pk"))


def _listed(rows: QuerySet[Command]) -> Listed:
    shown = rows.select_related("market", "account__trader").defer("body", "burn_body", "account__agent_key")
    return Listed(list(shown[:SHOWN_ROWS]), rows.count())
