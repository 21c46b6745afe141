"""Every row a support page reads: of the operator in scope, and never a byte of key material."""

from django.db.models import Count, Prefetch, Q, QuerySet
from django.shortcuts import get_object_or_404

from tenants.models import User
from trading.models import Command, MarginChange, VenueAccount

LONGEST_QUERY = 254
SHOWN_ROWS = 50


def find_traders(query: str) -> QuerySet[User]:
    """Traders whose e-mail, or whose address at a venue, begins with the query; all of them without one."""
    accounts = VenueAccount.objects.only("trader", "venue", "network", "address", "equity", "synced_at", "sync_problem")
    traders: QuerySet[User] = User.objects.filter(role="").order_by("email")
    if query:
        owners = VenueAccount.objects.filter(address__istartswith=query).values("trader_id")
        traders = traders.filter(Q(email__istartswith=query) | Q(pk__in=owners))
    held = Prefetch("accounts", accounts.annotate(open_positions=Count("positions")).order_by("pk"))
    return traders.prefetch_related(held)


def clean_query(typed: str) -> str:
    """What was typed, without what no e-mail and no address can hold."""
    return typed.replace("\x00", "").strip()[:LONGEST_QUERY]


def trader_of(trader_id: int) -> User:
    """One of the operator's traders."""
    trader: User = get_object_or_404(User.objects.filter(role=""), pk=trader_id)
    return trader


def recent_commands(account: VenueAccount | None) -> list[Command]:
    """The newest commands of an account, the signed bytes left in the database."""
    if account is None:
        return []
    rows = Command.objects.filter(account=account).select_related("market").defer("body")
    return list(rows[:SHOWN_ROWS])


def recent_margin_changes(account: VenueAccount | None) -> list[MarginChange]:
    """The newest margin changes of an account, without the commands that made them."""
    rows = MarginChange.objects.filter(account=account).select_related("market")
    return list(rows[:SHOWN_ROWS]) if account else []
