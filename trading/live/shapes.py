"""The structure of an account's page in one digest per fragment: when a digest changes, the fragment is fetched again.

Numbers that patches carry (marks, profit, margin in use) are left out; what only a template can show is in.
"""

import hashlib
from collections.abc import Iterable

from django.db.models import Max

from tenants.owned import OperatorOwned
from trading.live.publish import Fragment, announce_shape
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


def announce(operator_id: int, account_id: int) -> list[Fragment]:
    """Tell the pages and the stream what has changed in an account's rows; the fragments that are fetched again.

    To be called after rows were written, in the operator's scope and outside a transaction. Repeats are harmless.
    """
    return announce_shape(operator_id, account_id, account_shape(account_id))


def account_shape(account_id: int) -> dict[Fragment, str]:
    """The digest of each fragment, from the rows of the operator in scope. An account that is gone has none."""
    account = VenueAccount.objects.filter(pk=account_id).values_list("mode", "sync_problem", "synced_at").first()
    if account is None:
        return {}
    mode, problem, synced_at = account
    positions = Position.objects.filter(account_id=account_id).order_by("pk")
    held = positions.values_list("pk", "size", "entry_price", "mode", "leverage", "cash", "max_leverage")
    orders = Order.objects.filter(account_id=account_id, is_open=True).order_by("pk")
    liquidations = list(
        Liquidation.objects.filter(account_id=account_id).values_list("pk", "ended_at", "remained", "path_until")[:5]
    )
    unsettled = Command.objects.filter(account_id=account_id, state__in=[CommandState.PREPARED, CommandState.UNKNOWN])
    return {
        Fragment.ACCOUNT: _digest([(mode, problem, synced_at is None)]),
        Fragment.POSITIONS: _digest([*held, *unsettled.order_by("pk").values_list("pk", "market_id")]),
        Fragment.ORDERS: _digest(orders.values_list("pk", "size", "limit_price")),
        Fragment.FILLS: _newest(Fill, account_id),
        Fragment.MARGIN_CHANGES: _newest(MarginChange, account_id),
        Fragment.FUNDING: _newest(FundingPayment, account_id),
        Fragment.TRANSFERS: _newest(LedgerEntry, account_id),
        Fragment.LIQUIDATIONS: _digest(liquidations),
        Fragment.LIQUIDATION_NOTICES: _digest(liquidations),
    }


def _newest(model: type[OperatorOwned], account_id: int) -> str:
    """What is only ever added to: its newest row."""
    return _digest([model.objects.filter(account_id=account_id).aggregate(Max("pk"))])


def _digest(rows: Iterable[object]) -> str:
    return hashlib.sha256("\n".join(map(repr, rows)).encode()).hexdigest()[:16]
