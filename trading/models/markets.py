"""Markets as the venues publish them. Shared by all operators: public data is the same for everybody."""

from datetime import datetime
from typing import Self

import msgspec
from django.db import models
from django.utils.functional import cached_property

from trading.models.fields import choice, money
from trading.venues.snapshots import MarketSpec, MarketState, Network, Venue, market_address


class Market(models.Model):
    """One perpetual market of one venue and network, with its rules and its last known state."""

    venue = choice(Venue)
    network = choice(Network)
    name = models.CharField(max_length=40)
    index = models.PositiveIntegerField()
    is_delisted = models.BooleanField(default=False)
    max_leverage = models.PositiveSmallIntegerField()
    # The venue's rules whole, as ``MarketSpec`` writes itself; the columns above are what queries ask for.
    spec = models.JSONField(default=dict)

    mark_price = money(null=True)
    oracle_price = money(null=True)
    mid_price = money(null=True)
    previous_day_price = money(null=True)
    funding_rate = money(null=True)
    open_interest = money(null=True)
    day_volume = money(null=True)
    # The venue sends no time of its own with market data, so this is when we received it.
    received_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "network", "name"], name="one_market_per_name")]
        ordering = ["venue", "index"]

    def __str__(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        """What tells it from markets of the same name at other venues: how pages and live numbers name it."""
        return market_address(self.venue, self.name)

    @cached_property
    def rules(self) -> MarketSpec:
        """The venue's rules as the engine and the adapters take them."""
        return msgspec.convert(self.spec, MarketSpec, strict=False)

    @classmethod
    def described(cls, spec: MarketSpec, state: MarketState, network: Network, received_at: datetime) -> Self:
        """A row, not yet saved, of what the venue said about one market."""
        return cls(
            venue=spec.venue.value,
            network=network.value,
            name=spec.name,
            index=spec.index,
            is_delisted=spec.delisted,
            max_leverage=spec.max_leverage,
            spec=msgspec.to_builtins(spec),
            mark_price=state.mark,
            oracle_price=state.oracle,
            mid_price=state.mid,
            previous_day_price=state.previous_day_price,
            funding_rate=state.funding_rate,
            open_interest=state.open_interest,
            day_volume=state.day_volume,
            received_at=received_at,
        )
