"""The intent log: what we are about to ask of a venue, written down before the first byte leaves."""

import uuid

from django.db import models
from django.utils import timezone

from tenants.owned import OperatorOwned
from trading.models.events import Event


class CommandKind(models.TextChoices):
    """What is asked of the venue."""

    ORDER = "order", "Order"
    ORDERS = "orders", "Orders"
    MODIFY = "modify", "Change of an order"
    CANCEL = "cancel", "Cancel"
    CANCEL_ALL = "cancel_all", "Cancel all"
    MODE = "mode", "Margin mode"
    LEVERAGE = "leverage", "Leverage"
    MARGIN = "margin", "Margin"
    MOVE = "move", "Move of collateral"


class CommandState(models.TextChoices):
    """Where a command stands. ``unknown`` is settled by proof only; the last four are final.

    ``unproven`` is the honest end of a change that reached the venue while other changes hid what it did.
    """

    PREPARED = "prepared", "Prepared"
    UNKNOWN = "unknown", "Checking"
    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Rejected"
    DEAD = "dead", "Never executed"
    UNPROVEN = "unproven", "Received, effect hidden"


# In the record of a wish: exits that stand at the venue apart from the order, and are asked for after it.
EXITS_AFTERWARDS = ["take_profit", "stop_loss", "then_take_profit", "then_stop_loss"]

OPEN_STATES = (CommandState.PREPARED, CommandState.UNKNOWN)
FINAL_STATES = tuple(state for state in CommandState if state not in OPEN_STATES)
# What may have moved anything.
MOVING_STATES = (CommandState.ACCEPTED, CommandState.UNPROVEN)


# What another command may have to follow: of few, and for a minute.
LEADING = models.Q(kind="orders") | models.Q(kind__in=["order", "cancel_all"], intent__has_any_keys=EXITS_AFTERWARDS)


class Command(OperatorOwned):
    """One signed request and everything that proves what became of it.

    ``body`` holds the exact signed bytes: only these are ever sent again, and the venue refuses a used nonce, so they
    execute at most once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("trading.VenueAccount", on_delete=models.PROTECT, related_name="commands")
    market = models.ForeignKey("trading.Market", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=CommandKind.choices)
    # The form the trader submitted; one form makes one command of a kind, however often it is posted.
    form_key = models.UUIDField()
    fingerprint = models.CharField(max_length=64)
    intent = models.JSONField(default=dict)
    before = models.JSONField(default=dict)
    client_id = models.CharField(max_length=40, blank=True, default="")
    # The client id of each order that the command places, by its part: "" alone, "take_profit", "stop_loss", ...
    names = models.JSONField(default=dict)
    nonce = models.BigIntegerField()
    method = models.CharField(max_length=6, default="POST")
    path = models.CharField(max_length=60)
    body = models.BinaryField()
    # Signed together with the body, with the same nonce: it uses the nonce up and does nothing.
    burn_path = models.CharField(max_length=60, blank=True, default="")
    burn_body = models.BinaryField(default=bytes)
    # By the venue's own clock, the body cannot be accepted after this moment.
    dead_at = models.DateTimeField(null=True)
    # By the venue's own clock, the nonce was known to be used at this moment: the body can do nothing any more.
    spent_at = models.DateTimeField(null=True)

    state = models.CharField(max_length=10, choices=CommandState.choices, default=CommandState.PREPARED)
    message = models.CharField(max_length=300, blank=True, default="")
    next_step = models.CharField(max_length=300, blank=True, default="")
    evidence = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    # How often its bytes, or what uses their nonce up, were handed over to be sent.
    deliveries = models.PositiveSmallIntegerField(default=0)
    # When a worker may take it up, to send what was never sent or to prove what is unknown.
    next_at = models.DateTimeField(default=timezone.now)
    prepared_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    # When a reading that began after its end had told what it moved.
    shown_at = models.DateTimeField(null=True)

    class Meta(OperatorOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "form_key", "kind"], name="one_command_per_form_and_kind"),
            models.UniqueConstraint(fields=["account", "nonce"], name="one_command_per_nonce"),
        ]
        indexes = [
            models.Index(fields=["account", "-prepared_at"], name="commands_newest_first"),
            models.Index(
                fields=["prepared_at"],
                name="commands_not_settled",
                condition=models.Q(state__in=["prepared", "unknown"]),
            ),
            models.Index(
                fields=["account", "settled_at"],
                name="commands_not_shown",
                condition=models.Q(state__in=["accepted", "unproven"], shown_at=None),
            ),
            models.Index(fields=["settled_at"], name="commands_that_lead", condition=LEADING),
            models.Index(
                fields=["account", "market", "kind", "-settled_at"],
                name="commands_that_set",
                condition=models.Q(kind__in=["mode", "leverage"], state="accepted"),
            ),
        ]
        ordering = ["-prepared_at"]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def is_settled(self) -> bool:
        """Whether the venue's answer, or proof of its absence, is known."""
        return self.state in FINAL_STATES


class CommandEvent(Event):
    """One step in the life of a command."""

    command = models.ForeignKey(Command, on_delete=models.PROTECT, related_name="events")
    state = models.CharField(max_length=10, choices=CommandState.choices)

    class Meta(Event.Meta):
        # Few of many: what the venue refused, which is counted by its reason.
        indexes = [
            models.Index(
                fields=["operator", "command"],
                name="refused_with_a_reason",
                condition=models.Q(evidence__has_key="reason"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.command_id}"
