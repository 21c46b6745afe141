"""A trader's account at a venue, and what the venue said is in it."""

from decimal import Decimal

from django.db import models
from django.db.models.functions import Cast, Coalesce, Lower
from django.utils import timezone

from tenants.owned import OperatorOwned
from trading.margin.types import AccountMode, MarginMode
from trading.models.fields import choice, money
from trading.venues.onboarding import KeyKind
from trading.venues.snapshots import Network, PositionSide, TriggerKind, Venue
from trading.venues.table import GATEWAYS


class VenueAccount(OperatorOwned):
    """One address at one venue, traded for by an agent key that cannot withdraw. Without a key it is only watched.

    ``is_current`` marks the one that a trader's pages show; the others keep their history. Money is in the venue's main
    collateral (``Gateway.collateral``), in dollars where several assets back the account (Aster 3.1); fees are
    fractions of the notional.
    """

    trader = models.ForeignKey("tenants.User", on_delete=models.CASCADE, related_name="accounts")
    is_current = models.BooleanField(default=True)
    venue = choice(Venue)
    network = choice(Network)
    address = models.CharField(max_length=42)
    # For searches by its beginning: plain comparisons in the order of bytes are all that row security lets an index do.
    address_key = models.GeneratedField(
        expression=Lower("address"), output_field=models.CharField(max_length=42, db_collation="C"), db_persist=True
    )
    agent_address = models.CharField(max_length=42, blank=True, default="")
    # Encrypted; opened in trading.connect and nowhere else.
    agent_key = models.BinaryField(default=bytes)
    key_kind = choice(KeyKind, default=KeyKind.AGENT.value)
    agent_since = models.DateTimeField(null=True)
    agent_expires_at = models.DateTimeField(null=True)
    # When the venue first said that it does not know this key any more.
    agent_refused_at = models.DateTimeField(null=True)
    # Who may take a fee on this account's orders, and the highest rate (below) that its wallet has approved.
    builder = models.CharField(max_length=42, blank=True, default="")

    mode = choice(AccountMode, default=AccountMode.STANDARD.value)
    equity = money(default=0)
    cross_equity = money(default=0)
    cross_maintenance = money(default=0)
    cross_margin_used = money(default=0)
    withdrawable = money(default=0)
    taker_fee = money(default=0)
    maker_fee = money(default=0)
    builder_fee = money(default=0)
    fees_read_at = models.DateTimeField(null=True)
    venue_time = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    attempted_at = models.DateTimeField(null=True)
    # Until when a stream that tells all of it had nothing that is not stored.
    confirmed_at = models.DateTimeField(null=True)
    orders_read_at = models.DateTimeField(null=True)
    # When funding and ledger were read last; they are long lists and change seldom.
    history_read_at = models.DateTimeField(null=True)
    # Readings are numbered as they begin. Of two that carry the same venue time the one that began later counts; these
    # are the numbers of what is stored.
    readings = models.BigIntegerField(default=0)
    account_reading = models.BigIntegerField(default=0)
    orders_reading = models.BigIntegerField(default=0)
    # Since when executions that moved what is held are to be read, or since that was to be done last; null: none are.
    # While it is yet to come, a stream that told of the move may still tell them.
    behind_since = models.DateTimeField(null=True)
    # Up to which venue time fills, funding and ledger are known without a gap.
    cursors = models.JSONField(default=dict)
    # The balance (equity without open profit) at the first whole reading: all later money is explained from here on.
    opening_balance = money(default=0)
    opening_at = models.DateTimeField(null=True)
    # What the venue's figures were when our rows last explained them, for ``trading.services.differences``.
    anchors = models.JSONField(default=dict)
    # What a standard account keeps in builder-deployed books, by their names, and any account in tokens other than the
    # main one, by the tokens' names: equity, free collateral, cross equity and what may leave.
    pools = models.JSONField(default=dict)
    # Whether longs and shorts of one market are held side by side (Aster 3.2).
    hedge_mode = models.BooleanField(default=False)
    sync_problem = models.CharField(max_length=200, blank=True, default="")

    class Meta(OperatorOwned.Meta):
        constraints = [
            # Whoever only watches an address must not keep its owner from connecting it.
            models.UniqueConstraint(
                fields=["operator", "trader", "venue", "network", "address"], name="one_account_per_trader_and_address"
            )
        ]
        indexes = [
            models.Index(fields=["attempted_at"], name="longest_not_attempted"),
            models.Index(fields=["operator", "address_key"], name="accounts_by_address"),
            models.Index(
                fields=["venue", "network", "behind_since"],
                name="accounts_behind",
                condition=models.Q(behind_since__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address[:6]}…{self.address[-4:]}"

    @property
    def told_equity(self) -> Decimal | None:
        """What the account is worth in its main token, in whichever of its books that lies; None where the venue does
        not tell.

        Several tokens back a portfolio account (Hyperliquid 3.9), at prices and shares that no reading names: the
        columns hold its collateral token alone, which is no measure of the account.
        """
        return None if self.mode == AccountMode.PORTFOLIO else self.equity + self.equity_in_books

    @property
    def equity_in_books(self) -> Decimal:
        """What a standard account keeps, in its main token, in books beside the main one (Hyperliquid 3.9)."""
        return sum((Decimal(self.pools[name]["equity"]) for name in self.books_in_main_token), Decimal(0))

    @property
    def books_in_main_token(self) -> tuple[str, ...]:
        """The books beside the main one that hold the same token."""
        main = GATEWAYS[Venue(self.venue)].collateral
        return tuple(name for name, row in self.pools.items() if row.get("collateral") == main)

    @property
    def told_withdrawable(self) -> Decimal | None:
        """What may leave the account, as the venue told; None where it does not tell, as for ``told_equity``."""
        return None if self.mode == AccountMode.PORTFOLIO else self.withdrawable


class PositionFigures(OperatorOwned):
    """What a venue says of one position, as of ``venue_time``. Size is signed: a short is negative.

    ``position_side`` tells the two of a hedge apart; elsewhere a market has one position, and it is ``both``.
    """

    market = models.ForeignKey("trading.Market", on_delete=models.PROTECT, related_name="+")
    position_side = choice(PositionSide, default=PositionSide.BOTH.value)
    size = money()
    entry_price = money()
    mark_price = money()
    mode = choice(MarginMode)
    leverage = models.PositiveSmallIntegerField()
    margin = money()
    # The cash leg of an isolated position (Hyperliquid 2.3): its equity is cash + size × mark.
    cash = money(null=True)
    unrealised_pnl = money()
    liquidation_price = money(null=True)
    # Ours beside the venue's; null where the engine gives none.
    estimated_liquidation_price = money(null=True)
    max_leverage = models.PositiveSmallIntegerField()
    funding_since_open = money(default=0)
    venue_time = models.DateTimeField()

    class Meta(OperatorOwned.Meta):
        abstract = True


class Position(PositionFigures):
    """An open position."""

    account = models.ForeignKey(VenueAccount, on_delete=models.CASCADE, related_name="positions")

    class Meta(OperatorOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "market", "position_side"], name="one_position_per_side")
        ]

    def __str__(self) -> str:
        return f"{self.size.normalize():f} {self.market}"


class Order(OperatorOwned):
    """An order that rests at the venue, or rested there.

    With ``trigger_price`` it waits outside the book until the mark gets there. One that ``covers_position`` has no size
    of its own, and one with a ``parent_id`` waits until the order of that venue id has filled (Hyperliquid 2.4, 4.1).
    """

    account = models.ForeignKey(VenueAccount, on_delete=models.CASCADE, related_name="orders", db_index=False)
    market = models.ForeignKey("trading.Market", on_delete=models.PROTECT, related_name="+")
    venue_id = models.BigIntegerField()
    client_id = models.CharField(max_length=40, blank=True, default="")
    is_buy = models.BooleanField()
    kind = models.CharField(max_length=30)
    limit_price = money()
    size = money()
    original_size = money()
    reduce_only = models.BooleanField(default=False)
    time_in_force = models.CharField(max_length=16, blank=True, default="")
    trigger_price = money(null=True)
    trigger_kind = choice(TriggerKind, blank=True, default="")
    trigger_is_market = models.BooleanField(default=False)
    # How far behind the best price the trigger follows, a fraction; null for one that stands.
    trail = money(null=True)
    covers_position = models.BooleanField(default=False)
    parent_id = models.BigIntegerField(null=True)
    is_open = models.BooleanField(default=True)
    # How it ended, in the venue's word where we asked; empty while it is open, and until somebody has told.
    end = models.CharField(max_length=40, blank=True, default="")
    # Where the mark wakes it, and whether that is where the mark falls to; see ``trading.services.crossings``. Floats
    # only find: comparisons of decimals are none that row security lets an index do.
    wakes_at = models.GeneratedField(
        expression=Cast(Coalesce("trigger_price", "limit_price"), models.FloatField()),
        output_field=models.FloatField(),
        db_persist=True,
    )
    wakes_below = models.GeneratedField(
        expression=models.Case(
            models.When(trigger_kind=TriggerKind.STOP_LOSS.value, is_buy=True, then=False),
            models.When(trigger_kind=TriggerKind.STOP_LOSS.value, then=True),
            default="is_buy",
        ),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    placed_at = models.DateTimeField()
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta(OperatorOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "market", "venue_id"], name="one_row_per_order_and_market")
        ]
        indexes = [
            models.Index(fields=["account", "-seen_at"], name="orders_last_seen_first"),
            models.Index(fields=["account"], name="orders_of_an_account", condition=models.Q(is_open=True)),
            models.Index(fields=["account"], name="orders_without_end", condition=models.Q(end="")),
            models.Index(
                fields=["market", "wakes_below", "wakes_at"],
                name="orders_that_rest",
                condition=models.Q(is_open=True),
            ),
        ]
        ordering = ["-placed_at"]

    def __str__(self) -> str:
        return f"order {self.venue_id}"


class Fill(OperatorOwned):
    """One execution. ``key`` is the adapter's, unique within the account (Hyperliquid 2.5: time, coin and trade id)."""

    account = models.ForeignKey(VenueAccount, on_delete=models.CASCADE, related_name="fills", db_index=False)
    market = models.ForeignKey("trading.Market", on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=80)
    order_id = models.BigIntegerField()
    happened_at = models.DateTimeField()
    is_buy = models.BooleanField()
    price = money()
    size = money()
    start_position = money(null=True)
    direction = models.CharField(max_length=40)
    closed_pnl = money()
    fee = money(null=True)
    # The coin that the fee was paid in; empty means the collateral.
    fee_token = models.CharField(max_length=20, blank=True, default="")
    builder_fee = money(default=0)
    # "market" or "backstop" where this account was liquidated, "adl" where it was auto-deleveraged, empty otherwise.
    liquidation = models.CharField(max_length=12, blank=True, default="")
    liquidation_mark_price = money(null=True)

    class Meta(OperatorOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="one_row_per_fill")]
        ordering = ["-happened_at", "-id"]
        indexes = [
            models.Index(fields=["account", "-happened_at"], name="fills_newest_first"),
            models.Index(fields=["account", "id"], name="fills_as_they_came"),
        ]

    def __str__(self) -> str:
        return f"fill {self.key}"


class MarginChange(OperatorOwned):
    """Collateral that a trader added to (positive) or took from (negative) an isolated position.

    Without a ``command`` it was moved elsewhere and ``key`` is its identity. What is None was not known.
    """

    account = models.ForeignKey(VenueAccount, on_delete=models.CASCADE, related_name="margin_changes", db_index=False)
    market = models.ForeignKey("trading.Market", on_delete=models.PROTECT, related_name="+")
    command = models.OneToOneField("trading.Command", on_delete=models.PROTECT, related_name="margin_change", null=True)
    key = models.CharField(max_length=120, blank=True, default="")
    amount = money()
    margin_before = money(null=True)
    liquidation_before = money(null=True)
    liquidation_after = money(null=True)
    happened_at = models.DateTimeField()

    class Meta(OperatorOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["account", "key"], name="one_row_per_margin_move", condition=~models.Q(key="")
            )
        ]
        indexes = [
            models.Index(fields=["account", "-happened_at"], name="margin_changes_newest_first"),
            models.Index(fields=["account", "id"], name="margin_changes_as_they_came"),
        ]
        ordering = ["-happened_at", "-id"]

    def __str__(self) -> str:
        return f"{self.amount:+f} {self.market}"


class Preference(OperatorOwned):
    """A trader's own choice on one market. Nothing an operator changes ever overwrites it."""

    trader = models.ForeignKey("tenants.User", on_delete=models.CASCADE, related_name="preferences")
    market = models.ForeignKey("trading.Market", on_delete=models.CASCADE, related_name="+")
    mode = choice(MarginMode)
    leverage = models.PositiveSmallIntegerField()

    class Meta(OperatorOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["trader", "market"], name="one_preference_per_market")]

    def __str__(self) -> str:
        return f"{self.mode} {self.leverage}x"
