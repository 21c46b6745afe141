"""What happened to an account at the venue, each event once, and where our rows had to be put right.

Keys are the venue's own identities, unique within an account, so that an event may arrive late, twice and out of order.
Columns that come from a venue are written only by ``trading.services``' readers, with the venue's own time.
"""

from django.db import models
from django.utils import timezone

from tenants.owned import OperatorOwned
from trading.margin.types import MarginMode
from trading.models.accounts import PositionFigures, VenueAccount
from trading.models.fields import choice, money
from trading.venues.snapshots import PositionSide


class FundingPayment(OperatorOwned):
    """One funding payment; ``amount`` above zero was received, in collateral units. Aster names neither size nor
    rate: zero (Aster 3.7)."""

    account = models.ForeignKey(VenueAccount, on_delete=models.CASCADE, related_name="funding", db_index=False)
    market = models.ForeignKey("trading.Market", on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=80)
    happened_at = models.DateTimeField()
    amount = money()
    size = money(default=0)
    rate = money(default=0)

    class Meta(OperatorOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="one_row_per_funding_payment")]
        indexes = [
            models.Index(fields=["account", "-happened_at"], name="funding_newest_first"),
            models.Index(fields=["account", "id"], name="funding_as_they_came"),
        ]
        ordering = ["-happened_at", "-id"]

    def __str__(self) -> str:
        return f"funding {self.amount:+f} {self.market}"


class LedgerEntry(OperatorOwned):
    """A change of the balance that is neither a trade nor funding, in the venue's words.

    ``amount`` is None where the venue's record has no direction that we know; ``details`` is that record. ``asset`` is
    empty for the venue's collateral: only what is booked in it moves the balance.
    """

    account = models.ForeignKey(VenueAccount, on_delete=models.CASCADE, related_name="ledger", db_index=False)
    key = models.CharField(max_length=160)
    kind = models.CharField(max_length=40)
    happened_at = models.DateTimeField()
    amount = money(null=True)
    asset = models.CharField(max_length=40, blank=True, default="")
    details = models.TextField(blank=True, default="")

    class Meta(OperatorOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="one_row_per_ledger_entry")]
        indexes = [
            models.Index(fields=["account", "-happened_at"], name="ledger_newest_first"),
            models.Index(fields=["account", "id"], name="ledger_as_they_came"),
        ]
        ordering = ["-happened_at", "-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Setting(OperatorOwned):
    """Leverage and margin mode of an account in a market, as the venue told last, whether or not anything is held.

    ``told_at`` is when it was asked, by our clock.
    """

    account = models.ForeignKey(VenueAccount, on_delete=models.CASCADE, related_name="settings")
    market = models.ForeignKey("trading.Market", on_delete=models.CASCADE, related_name="+")
    mode = choice(MarginMode)
    leverage = models.PositiveSmallIntegerField()
    told_at = models.DateTimeField()

    class Meta(OperatorOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["account", "market"], name="one_setting_per_market")]

    def __str__(self) -> str:
        return f"{self.market} {self.mode} {self.leverage}x"


class SettingChange(OperatorOwned):
    """Leverage or margin mode in a market, as the venue showed it changed: of an open position, or without one where
    it was changed elsewhere. ``command`` is ours that changed it; without one it was changed elsewhere."""

    account = models.ForeignKey(VenueAccount, on_delete=models.CASCADE, related_name="setting_changes")
    market = models.ForeignKey("trading.Market", on_delete=models.PROTECT, related_name="+")
    command = models.ForeignKey("trading.Command", on_delete=models.PROTECT, related_name="+", null=True)
    mode_before = choice(MarginMode)
    leverage_before = models.PositiveSmallIntegerField()
    mode = choice(MarginMode)
    leverage = models.PositiveSmallIntegerField()
    happened_at = models.DateTimeField()

    class Meta(OperatorOwned.Meta):
        indexes = [models.Index(fields=["account", "-happened_at"], name="settings_newest_first")]
        ordering = ["-happened_at", "-id"]

    def __str__(self) -> str:
        return f"{self.market} {self.mode} {self.leverage}x"


class FormerPosition(PositionFigures):
    """A position as it was last seen before it became smaller, turned or went: what we showed of it until then.

    ``venue_time`` is the last reading that had it so, ``ended_at`` the first that had it otherwise.
    """

    account = models.ForeignKey(VenueAccount, on_delete=models.CASCADE, related_name="former_positions")
    ended_at = models.DateTimeField()

    class Meta(OperatorOwned.Meta):
        indexes = [models.Index(fields=["account", "market", "-ended_at"], name="former_newest_first")]
        ordering = ["-ended_at", "-id"]

    def __str__(self) -> str:
        return f"{self.size.normalize():f} {self.market} until {self.ended_at}"


# How a position was closed for no fault of its own: against somebody else's liquidated one (auto-deleveraging).
DELEVERAGED = "adl"


class Liquidation(OperatorOwned):
    """One liquidation or auto-deleveraging of one position: what stood there, how it went, what was lost (below zero:
    gained) and what came back.

    ``key`` is that of its first execution. ``margin`` is what the position held when it began, profit and loss left
    out; None where we had not seen it so. ``settled`` is what the venue took beyond the executions (below zero) or bore
    for the account (above zero). ``path`` holds the prices around it, a minute each: time, low, high, close.
    """

    account = models.ForeignKey(VenueAccount, on_delete=models.CASCADE, related_name="liquidations")
    market = models.ForeignKey("trading.Market", on_delete=models.PROTECT, related_name="+")
    position_side = choice(PositionSide, default=PositionSide.BOTH.value)
    key = models.CharField(max_length=80)
    happened_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    mode = choice(MarginMode)
    # "market", "backstop", or "market, backstop" where the book did not take all of it; "adl" (``DELEVERAGED``).
    method = models.CharField(max_length=24)
    size_before = money()
    closed_size = money()
    mark_price = money(null=True)
    average_price = money(null=True)
    closed_pnl = money(default=0)
    fee = money(default=0)
    settled = money(default=0)
    entry_price = money(null=True)
    leverage = models.PositiveSmallIntegerField(null=True)
    margin = money(null=True)
    returned = money(null=True)
    lost = money(null=True)
    remained = money(null=True)
    # What the trader's page said last before it happened, and when that was true.
    liquidation_price = money(null=True)
    estimated_liquidation_price = money(null=True)
    seen_at = models.DateTimeField(null=True)
    path = models.JSONField(default=list)
    path_until = models.DateTimeField(null=True)
    # When the trader put the notice away.
    noticed_at = models.DateTimeField(null=True)

    class Meta(OperatorOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="one_row_per_liquidation")]
        indexes = [models.Index(fields=["account", "-happened_at"], name="liquidations_newest_first")]
        ordering = ["-happened_at", "-id"]

    @property
    def is_deleveraging(self) -> bool:
        """Whether it was no liquidation of the trader's: the venue closed it against one."""
        return self.method == DELEVERAGED

    def __str__(self) -> str:
        return f"liquidation of {self.size_before.normalize():f} {self.market}"


class DifferenceKind(models.TextChoices):
    """What was not as our rows said."""

    POSITION = "position", "Position"
    MARGIN = "margin", "Margin"
    BALANCE = "balance", "Balance"
    ORDER = "order", "Order"
    SETTING = "setting", "Leverage or mode"


class Difference(OperatorOwned):
    """Something the venue showed that nothing in our rows explains.

    Our rows take the venue's word at once. ``healed_at`` is when the matter was closed: by an event that arrived later
    (``explanation`` names it), or by taking the venue's figures as the new start.
    """

    account = models.ForeignKey(VenueAccount, on_delete=models.CASCADE, related_name="differences")
    market = models.ForeignKey("trading.Market", on_delete=models.PROTECT, related_name="+", null=True)
    kind = models.CharField(max_length=10, choices=DifferenceKind.choices)
    # Which one of its kind: a market's name, an order's id; empty for the balance.
    subject = models.CharField(max_length=80, blank=True, default="")
    ours = models.CharField(max_length=60)
    venues = models.CharField(max_length=60)
    found_at = models.DateTimeField(default=timezone.now)
    healed_at = models.DateTimeField(null=True)
    explanation = models.CharField(max_length=120, blank=True, default="")

    class Meta(OperatorOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "subject"],
                name="one_open_difference",
                condition=models.Q(healed_at=None),
            )
        ]
        indexes = [
            models.Index(fields=["operator", "-healed_at", "-found_at", "-id"], name="differences_open_first"),
            models.Index(fields=["account", "-found_at"], name="differences_of_an_account"),
        ]
        ordering = ["-found_at", "-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.ours}, the venue says {self.venues}"
