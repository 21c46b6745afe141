"""Operators, their hosts, their people, their margin policy, and the record of who did what."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from tenants.owned import OperatorOwned
from tenants.policy import MarketKey, MarketOffer, Policy
from trading.margin.types import MarginMode
from trading.venues.snapshots import Venue


class Operator(models.Model):
    """One branded exchange. Shared, because a host is resolved before any scope exists."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=60)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class Domain(models.Model):
    """A host name that leads to one operator. Shared, for the same reason."""

    host = models.CharField(max_length=253, unique=True)
    operator = models.ForeignKey(Operator, on_delete=models.CASCADE, related_name="domains")

    def __str__(self) -> str:
        return self.host


class DomainClaim(OperatorOwned):
    """A host name of his own that an operator wants to be reached at. It becomes a ``Domain`` by a record in DNS that
    only whoever holds the name can write; until then it stands in nobody's way (``tenants.domains``)."""

    host = models.CharField(max_length=120)
    token = models.CharField(max_length=32)
    checked_at = models.DateTimeField(null=True)
    proven_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=200, blank=True, default="")

    class Meta(OperatorOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["operator", "host"], name="one_claim_per_host_and_operator")]

    def __str__(self) -> str:
        return self.host


class Role(models.TextChoices):
    """What a member of an operator's team may do. A user without a role is a trader."""

    OWNER = "owner", "Owner"
    SUPPORT = "support", "Support"


class User(OperatorOwned, AbstractBaseUser):
    """A person at one operator, known by an e-mail, by a wallet, or by both.

    The same e-mail or wallet at two operators is two users who know nothing of each other. ``wallet`` is an address in
    lower case whose owner has signed in with it (``tenants.wallet``).
    """

    email = models.EmailField(blank=True, default="")
    wallet = models.CharField(max_length=42, blank=True, default="")
    # For searches by its beginning: plain comparisons in the order of bytes are all that row security lets an index do.
    email_key = models.GeneratedField(
        expression=Lower("email"), output_field=models.CharField(max_length=254, db_collation="C"), db_persist=True
    )
    wallet_key = models.GeneratedField(
        expression=Lower("wallet"), output_field=models.CharField(max_length=42, db_collation="C"), db_persist=True
    )
    role = models.CharField(max_length=12, choices=Role.choices, blank=True, default="")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta(OperatorOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                "operator", Lower("email"), name="one_user_per_email_and_operator", condition=~models.Q(email="")
            ),
            models.UniqueConstraint(
                fields=["operator", "wallet"], name="one_user_per_wallet_and_operator", condition=~models.Q(wallet="")
            ),
            models.CheckConstraint(
                condition=~models.Q(email="") | ~models.Q(wallet=""), name="user_has_an_email_or_a_wallet"
            ),
        ]
        indexes = [
            models.Index(fields=["operator", "email_key"], name="users_by_email"),
            models.Index(fields=["operator", "wallet_key"], name="users_by_wallet"),
            models.Index(fields=["operator", "role", "-id"], name="users_newest_first"),
        ]

    def __str__(self) -> str:
        return self.email or f"{self.wallet[:6]}…{self.wallet[-4:]}"

    @property
    def is_trader(self) -> bool:
        """Whether this user trades: team members look after others and hold no accounts."""
        return not self.role


class Invitation(OperatorOwned):
    """A way into the team for one person: a link that works once and not for long. Of its secret only a digest is
    kept, and the row goes when it is used or withdrawn (``tenants.team``)."""

    email = models.EmailField()
    role = models.CharField(max_length=12, choices=Role.choices)
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta(OperatorOwned.Meta):
        constraints = [
            models.UniqueConstraint("operator", Lower("email"), name="one_invitation_per_email_and_operator")
        ]

    def __str__(self) -> str:
        return self.email


class MarginPolicy(OperatorOwned):
    """How an operator presents margin. It can only tighten what the venue allows; see ``tenants.policy``."""

    offers_cross = models.BooleanField(default=True)
    default_mode = models.CharField(
        max_length=10,
        choices=[(mode.value, mode.value.title()) for mode in MarginMode],
        default=MarginMode.ISOLATED.value,
    )
    isolated_leverage = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(200)]
    )
    cross_leverage = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(200)]
    )
    leverage_cap = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(200)]
    )
    slider_marks = ArrayField(models.PositiveSmallIntegerField(validators=[MinValueValidator(1)]), default=list, size=8)
    margin_presets = ArrayField(models.DecimalField(max_digits=12, decimal_places=2), default=list, size=6)
    # Where traders may trade; empty means wherever the deployment is connected to.
    venues = ArrayField(models.CharField(max_length=16), default=list)
    # Whether a market without a ``MarketChoice`` is offered, and when that or any of those was changed last.
    offers_new_markets = models.BooleanField(default=True)
    markets_changed_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(OperatorOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["operator"], name="one_margin_policy_per_operator")]

    def __str__(self) -> str:
        return f"margin policy of operator {self.operator_id}"

    def choices(self, markets: Mapping[MarketKey, MarketOffer]) -> Policy:
        """The operator's choices, with those about single markets, as the rules take them."""
        return Policy(
            offers_cross=self.offers_cross,
            default_mode=MarginMode(self.default_mode),
            isolated_leverage=self.isolated_leverage,
            cross_leverage=self.cross_leverage,
            leverage_cap=self.leverage_cap,
            slider_marks=tuple(self.slider_marks),
            margin_presets=tuple(self.margin_presets),
            venues=tuple(Venue(name) for name in self.venues),
            markets=markets,
            offers_new_markets=self.offers_new_markets,
        )


class MarketChoice(OperatorOwned):
    """What an operator decided about one market of a venue, where that is not what holds for all; see
    ``tenants.policy.MarketOffer``."""

    venue = models.CharField(max_length=16)
    name = models.CharField(max_length=40)
    is_offered = models.BooleanField()
    place = models.PositiveSmallIntegerField(null=True)
    leverage_cap = models.PositiveSmallIntegerField(
        null=True, validators=[MinValueValidator(1), MaxValueValidator(200)]
    )

    class Meta(OperatorOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["operator", "venue", "name"], name="one_choice_per_market_and_operator")
        ]

    def __str__(self) -> str:
        return f"{self.venue}:{self.name}"


class AuditEvent(OperatorOwned):
    """Who did or looked at what, when, and how it was before. The database refuses to change or delete a row."""

    actor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta(OperatorOwned.Meta):
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["operator", "-at"], name="audit_newest_first")]

    def __str__(self) -> str:
        at: datetime = self.at
        return f"{at:%Y-%m-%d %H:%M:%S} {self.action} {self.subject}"
