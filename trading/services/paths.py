"""The way of the price around a liquidation, read once it is over and kept with the record."""

from datetime import timedelta

from django.db.models import F, Q
from django.utils import timezone

from trading.models import Liquidation, VenueAccount
from trading.venues.base import Adapter, Candle
from trading.venues.errors import VenueError

BEFORE, AFTER = timedelta(minutes=30), timedelta(minutes=10)
INTERVAL = "1m"
# Older paths are no longer asked for: a venue keeps its minutes for some days only (Hyperliquid 2.2).
WORTH_READING = timedelta(days=1)
AT_ONCE = 4


def read_paths(adapter: Adapter, account: VenueAccount) -> None:
    """Read the paths of new liquidations, and once more those that were not over when they were read.

    A venue that does not answer is asked again at the next reading.
    """
    now = timezone.now()
    unfinished = Q(path_until=None) | Q(path_until__lt=F("ended_at") + AFTER, ended_at__lte=now - AFTER)
    rows = Liquidation.objects.filter(unfinished, account=account, happened_at__gte=now - WORTH_READING)
    for row in rows.select_related("market")[:AT_ONCE]:
        try:
            _read_path(adapter, row)
        except VenueError:
            return


def _read_path(adapter: Adapter, row: Liquidation) -> None:
    now = timezone.now()
    until = min(row.ended_at + AFTER, now)
    candles = adapter.candles(row.market.rules, INTERVAL, row.happened_at - BEFORE, until)
    Liquidation.objects.filter(pk=row.pk).update(path=[_point(candle) for candle in candles], path_until=until)


def _point(candle: Candle) -> list[str]:
    return [candle.opened_at.isoformat(), f"{candle.low:f}", f"{candle.high:f}", f"{candle.close:f}"]
