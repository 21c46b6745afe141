"""Markets as the venues publish them. Shared by all operators: public data is the same for everybody."""

from django.db import models

from trading.margin.types import MarginRestriction
from trading.models.fields import choice, money
from trading.venues.base import Network, Venue


class Market(models.Model):
    """One perpetual market of one venue and network, with its rules and its last known state."""

    venue = choice(Venue)
    network = choice(Network)
    name = models.CharField(max_length=40)
    base = models.CharField(max_length=40)
    index = models.PositiveIntegerField()
    size_decimals = models.PositiveSmallIntegerField()
    max_leverage = models.PositiveSmallIntegerField()
    # Rows of [lower bound, maximum leverage, maintenance rate, deduction], as texts, ascending.
    tiers = models.JSONField[list[list[str]]](default=list)
    restriction = choice(MarginRestriction)
    min_notional = money(default=0)
    collateral = models.CharField(max_length=16, default="USDC")
    is_delisted = models.BooleanField(default=False)

    mark_price = money(null=True)
    oracle_price = money(null=True)
    mid_price = money(null=True)
    previous_day_price = money(null=True)
    funding_rate = money(null=True)
    open_interest = money(null=True)
    day_volume = money(null=True)
    venue_time = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "network", "name"], name="one_market_per_name")]
        ordering = ["venue", "index"]

    def __str__(self) -> str:
        return self.name
