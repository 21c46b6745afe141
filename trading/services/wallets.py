"""What is in each wallet of an account that several assets back, and what moves it.

Such an account's equity moves with the prices of its assets, so it follows from nothing on record. Each asset's own
balance does: closed profit and funding are paid in the asset that a market is settled in, a fee in the asset that it
names, and a booking in its own (Aster 3.1, 3.2, 3.7).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from trading.connect import gateway_of
from trading.margin.types import AccountMode
from trading.models import Fill, FundingPayment, LedgerEntry, Liquidation, VenueAccount
from trading.services.reckoning import BALANCE, ZERO, Anchor, Change, subject_of
from trading.venues.base import AccountSnapshot, Venue


def wallet_figures(snapshot: AccountSnapshot, anchors: Mapping[str, Anchor]) -> dict[str, Decimal]:
    """The balance of each asset, also of those that are empty by now; none where one asset backs the account."""
    if snapshot.account_mode is not AccountMode.MULTI_ASSET:
        return {}
    emptied = dict.fromkeys((subject for subject in anchors if _is_wallet(subject)), ZERO)
    return emptied | {subject_of(BALANCE, row.token): row.total for row in snapshot.spot}


def new_wallets(anchors: Mapping[str, Anchor], found: Iterable[str]) -> dict[str, Anchor]:
    """An asset that was never held counts as empty since the others were looked at; none at the first look."""
    known = [anchor.at for subject, anchor in anchors.items() if _is_wallet(subject)]
    if not known:
        return {}
    return {subject: Anchor(ZERO, min(known)) for subject in found if _is_wallet(subject) and subject not in anchors}


def wallet_changes(
    account: VenueAccount,
    snapshot: AccountSnapshot,
    since: datetime,
    fills: Iterable[Fill],
    payments: Iterable[FundingPayment],
    entries: Iterable[LedgerEntry],
) -> tuple[Change, ...]:
    """What these events, and the liquidations ``since`` then, did to each wallet. A booking that names no asset is in
    the venue's own collateral."""
    if snapshot.account_mode is not AccountMode.MULTI_ASSET:
        return ()
    collateral = gateway_of(Venue(account.venue)).collateral
    liquidations = Liquidation.objects.filter(account=account, happened_at__gt=since).select_related("market")
    return (
        *(change for row in fills for change in _of_fill(row)),
        *(Change(_wallet(row), row.amount, row.happened_at) for row in payments),
        *(
            Change(subject_of(BALANCE, row.asset or collateral), row.amount, row.happened_at)
            for row in entries
            if row.amount is not None
        ),
        *(Change(_wallet(row), row.settled, row.happened_at) for row in liquidations if row.settled),
    )


def _of_fill(row: Fill) -> Iterator[Change]:
    yield Change(_wallet(row), row.closed_pnl, row.happened_at)
    if row.fee:
        paid_in = subject_of(BALANCE, row.fee_token) if row.fee_token else _wallet(row)
        yield Change(paid_in, -row.fee, row.happened_at)


def _wallet(row: Fill | FundingPayment | Liquidation) -> str:
    """The wallet that a market is settled in."""
    return subject_of(BALANCE, row.market.rules.collateral)


def _is_wallet(subject: str) -> bool:
    return subject.startswith(f"{BALANCE} ")
