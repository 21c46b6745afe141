"""The structure of an account's page in one digest per fragment: when a digest changes, the fragment is fetched again.

Numbers that patches carry (marks, profit, margin in use) are left out; what only a template can show is in.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject

from tenants.owned import OperatorOwned
from trading.live.publish import Fragment, announce_shapes
from trading.models import (
    Command,
    Fill,
    FundingPayment,
    LedgerEntry,
    Liquidation,
    MarginChange,
    Order,
    Position,
    VenueAccount,
)
from trading.models.commands import CommandState

# What is only ever added to: its newest row tells.
GROWING: dict[Fragment, type[OperatorOwned]] = {
    Fragment.FILLS: Fill,
    Fragment.MARGIN_CHANGES: MarginChange,
    Fragment.FUNDING: FundingPayment,
    Fragment.TRANSFERS: LedgerEntry,
}
SHOWN_LIQUIDATIONS = 5
UNSETTLED = (CommandState.PREPARED, CommandState.UNKNOWN)


def announce(operator_id: int, account_id: int) -> list[Fragment]:
    """``announce_all`` of one account."""
    return announce_all(operator_id, [account_id]).get(account_id, [])


def announce_all(operator_id: int, account_ids: Collection[int]) -> dict[int, list[Fragment]]:
    """Tell the pages and the stream what has changed in the rows of some accounts; by account, the fragments that are
    fetched again.

    To be called after rows were written, in the operator's scope and outside a transaction. Repeats are harmless.
    """
    return announce_shapes(operator_id, account_shapes(account_ids))


def account_shapes(account_ids: Collection[int]) -> dict[int, dict[Fragment, str]]:
    """The digest of each fragment by account, from the rows of the operator in scope, in as many statements for many
    accounts as for one. An account that is gone has none."""
    ids = list(account_ids)
    newest = {
        f"newest_{name}": Subquery(_of_account(model).order_by("-pk").values("pk")[:1])
        for name, model in GROWING.items()
    }
    episode = JSONObject(pk="pk", ended="ended_at", remained="remained", path="path_until")
    liquidated = ArraySubquery(_of_account(Liquidation).values_list(episode)[:SHOWN_LIQUIDATIONS])
    accounts = VenueAccount.objects.filter(pk__in=ids).annotate(newest_liquidations=liquidated, **newest)
    positions = _by_account(
        Position.objects.filter(account__in=ids), "size", "entry_price", "mode", "leverage", "cash", "max_leverage"
    )
    unsettled = _by_account(Command.objects.filter(account__in=ids, state__in=UNSETTLED), "market_id")
    orders = _by_account(Order.objects.filter(account__in=ids, is_open=True), "size", "limit_price")
    return {
        pk: {
            Fragment.ACCOUNT: _digest([(mode, problem, synced_at is None)]),
            Fragment.POSITIONS: _digest([*positions[pk], *unsettled[pk]]),
            Fragment.ORDERS: _digest(orders[pk]),
            Fragment.LIQUIDATIONS: _digest(episodes),
            Fragment.LIQUIDATION_NOTICES: _digest(episodes),
            **{name: _digest([row]) for name, row in zip(GROWING, last, strict=True)},
        }
        for pk, mode, problem, synced_at, episodes, *last in accounts.values_list(
            "pk", "mode", "sync_problem", "synced_at", "newest_liquidations", *newest
        )
    }


def _of_account(model: type[OperatorOwned]) -> QuerySet[OperatorOwned]:
    rows: QuerySet[OperatorOwned] = model.objects.filter(account=OuterRef("pk"))
    return rows


def _by_account(rows: QuerySet[OperatorOwned], *names: str) -> dict[int, list[tuple[object, ...]]]:
    """These columns of the rows of each account, the oldest row first."""
    found: dict[int, list[tuple[object, ...]]] = defaultdict(list)
    for account_id, *row in rows.order_by("pk").values_list("account_id", "pk", *names):
        found[account_id].append(tuple(row))
    return found


def _digest(rows: Iterable[object]) -> str:
    return hashlib.sha256("\n".join(map(repr, rows)).encode()).hexdigest()[:16]
