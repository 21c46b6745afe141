"""An account's fee rates: asked for when it is connected, once a day, and after an execution at another rate.

Quotes reckon with the rates of the venue's greatest market. What was really paid stands on each execution. A
builder-deployed book has a share of its own in every fee, which no rate tells (Hyperliquid 3.11): what was paid there
contradicts nothing.
"""

import logging
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from trading.models import BuilderFee, Fill, VenueAccount
from trading.venues.base import Adapter
from trading.venues.errors import VenueError

logger = logging.getLogger(__name__)

READ_EVERY = timedelta(days=1)
# A market of another rate contradicts for good, so it is not asked about again at once.
CONTRADICTED_EVERY = timedelta(hours=1)
LOOKED_AT = 20
# Venues round a fee to the sixth decimal of a dollar or finer; a discount moves it by whole per cents.
ROUNDING, TOLERANCE = Decimal("0.000002"), Decimal("0.01")


def read_fees(adapter: Adapter, account: VenueAccount) -> None:
    """Ask for the account's rates and store them. Raises the venue's errors."""
    rates = adapter.fee_rates(account.address)
    VenueAccount.objects.filter(pk=account.pk).update(
        taker_fee=rates.taker, maker_fee=rates.maker, fees_read_at=timezone.now()
    )


def keep_fees_current(adapter: Adapter, account: VenueAccount) -> bool:
    """``read_fees`` where they are due; whether they were read. A venue that does not answer is asked another time."""
    if not fees_are_due(account, timezone.now()):
        return False
    try:
        read_fees(adapter, account)
    except VenueError as error:
        logger.info("The fee rates of account %s were not read: %s", account.pk, error)
        return False
    return True


def fees_are_due(account: VenueAccount, now: datetime) -> bool:
    """Whether the stored rates are a day old, or the newest executions were charged at others."""
    read_at = account.fees_read_at
    if read_at is None or now - read_at >= READ_EVERY:
        return True
    return now - read_at >= CONTRADICTED_EVERY and _is_contradicted(account, read_at)


def _is_contradicted(account: VenueAccount, since: datetime) -> bool:
    charged = Fill.objects.filter(account=account, happened_at__gt=since, fee_token="", liquidation="")
    rows = charged.filter(market__spec__dex="").exclude(fee=None).order_by("-happened_at")[:LOOKED_AT]
    asked = BuilderFee.objects.filter(venue=account.venue, network=account.network).values_list("rate", flat=True)
    extras = (Decimal(0), *asked)
    known = [rate + extra for rate in (account.taker_fee, account.maker_fee) for extra in extras]
    return any(_differs(row, known) for row in rows)


def _differs(row: Fill, known: list[Decimal]) -> bool:
    """Whether none of the rates comes to the fee that was paid, with or without the exchange's own."""
    notional = row.price * row.size
    paid = (row.fee or Decimal(0)) - row.builder_fee
    return all(abs(paid - notional * rate) > ROUNDING + abs(notional * rate) * TOLERANCE for rate in known)
