"""What only a trader's own wallet can allow: a trading key, and the operator's fee (Hyperliquid 4.3, 5.3, 8)."""

from decimal import Decimal

from django.db import models
from django.utils import timezone

from tenants.owned import OperatorOwned
from trading.models.events import Event
from trading.models.fields import choice, money
from trading.venues.snapshots import Network, Venue

# Perpetuals: 0.1 % of the notional (Hyperliquid 8).
HIGHEST_BUILDER_RATE = Decimal("0.001")


class BuilderFee(OperatorOwned):
    """What an operator charges on every order at a venue: a fraction of the notional, paid to ``address``.

    Without a row the operator charges nothing and no trader is asked to approve anything.
    """

    venue = choice(Venue)
    network = choice(Network)
    address = models.CharField(max_length=42)
    rate = money()

    class Meta(OperatorOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["operator", "venue", "network"], name="one_builder_fee_per_venue"),
            models.CheckConstraint(
                condition=models.Q(rate__gt=0, rate__lte=HIGHEST_BUILDER_RATE), name="builder_fee_within_the_venues_cap"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rate.normalize():f} to {self.address}"


class ApprovalKind(models.TextChoices):
    """What the wallet is asked to allow, or to take back."""

    KEY = "key", "Trading key"
    NO_KEY = "no_key", "Trading key revoked"
    FEE = "fee", "Exchange fee"
    NO_FEE = "no_fee", "Exchange fee revoked"


class ApprovalState(models.TextChoices):
    """Where an approval stands. Asked: the wallet has not signed. Unknown: sent, and the venue has not answered.

    Refused is the venue's own word. Dead: it can act no more and never did. ``unproven`` is the honest end where nobody
    may ask the venue any more.
    """

    ASKED = "asked", "Waiting for the wallet"
    UNKNOWN = "unknown", "Checking"
    ACCEPTED = "accepted", "Accepted"
    REFUSED = "refused", "Refused"
    DEAD = "dead", "Never carried out"
    UNPROVEN = "unproven", "Cannot be told"
    WITHDRAWN = "withdrawn", "Withdrawn"


OPEN_STATES = (ApprovalState.ASKED, ApprovalState.UNKNOWN)


class WalletApproval(OperatorOwned):
    """One request to a trader's wallet and what became of it; at most one is open for an account.

    The columns say everything that is signed, so the same row always makes the same payload. ``agent_key`` is sealed,
    and moves to the account when the venue has accepted the key.
    """

    account = models.ForeignKey("trading.VenueAccount", on_delete=models.CASCADE, related_name="approvals")
    kind = models.CharField(max_length=8, choices=ApprovalKind.choices)
    state = models.CharField(max_length=10, choices=ApprovalState.choices, default=ApprovalState.ASKED)
    # The chain the wallet signs on, which the payload has to name (Hyperliquid 5.2, Aster 1.5).
    chain_id = models.BigIntegerField()
    nonce = models.BigIntegerField()
    agent_address = models.CharField(max_length=42, blank=True, default="")
    agent_name = models.CharField(max_length=16, blank=True, default="")
    agent_key = models.BinaryField(default=bytes)
    valid_until = models.DateTimeField(null=True)
    builder = models.CharField(max_length=42, blank=True, default="")
    rate = money(default=0)
    method = models.CharField(max_length=6, default="POST")
    path = models.CharField(max_length=60, blank=True, default="")
    body = models.BinaryField(default=bytes)
    # By the venue's own clock: past the first it takes the signed bytes no more, at the second it had said so itself.
    dead_at = models.DateTimeField(null=True)
    spent_at = models.DateTimeField(null=True)
    message = models.CharField(max_length=300, blank=True, default="")
    # A refusal: the platform's own word for why, and what the venue said.
    reason = models.CharField(max_length=40, blank=True, default="")
    venue_text = models.CharField(max_length=300, blank=True, default="")
    asked_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    # When a worker may ask the venue about it.
    next_at = models.DateTimeField(default=timezone.now)
    # How often its bytes were handed over to be sent.
    deliveries = models.PositiveSmallIntegerField(default=0)
    settled_at = models.DateTimeField(null=True)

    class Meta(OperatorOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "nonce"], name="one_approval_per_nonce"),
            models.UniqueConstraint(
                fields=["account"], name="one_open_approval_per_account", condition=models.Q(state__in=OPEN_STATES)
            ),
        ]
        indexes = [models.Index(fields=["next_at"], name="approvals_not_answered", condition=models.Q(state="unknown"))]
        ordering = ["-asked_at", "-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"

    @property
    def is_settled(self) -> bool:
        """Whether it is decided, one way or the other."""
        return self.state not in OPEN_STATES


class ApprovalEvent(Event):
    """One step in the life of an approval: what the wallet was shown, what was sent, and what the venue said."""

    approval = models.ForeignKey(WalletApproval, on_delete=models.PROTECT, related_name="events")
    state = models.CharField(max_length=10, choices=ApprovalState.choices)

    def __str__(self) -> str:
        return f"{self.step} {self.approval_id}"
