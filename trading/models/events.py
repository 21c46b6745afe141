"""The history of what was asked of a venue: of commands, and of what a wallet was asked to approve."""

from django.db import models
from django.utils import timezone

from tenants.owned import OperatorOwned


class Step(models.TextChoices):
    """What happened."""

    PREPARED = "prepared", "Written down"
    SENT = "sent", "Sent"
    ANSWERED = "answered", "Answered"
    BURNED = "burned", "Its nonce used up"
    ASKED = "asked", "Asked about"
    SETTLED = "settled", "Settled"


class Event(OperatorOwned):
    """One step. Rows are only ever added: the database refuses to change or delete them.

    ``request`` holds the bytes as they were sent and ``answer`` the venue's bytes, or the error that stood in their
    place. Of a long answer the beginning is kept, and ``answer_length`` counts the bytes of the whole. A question that
    travels in its address is kept without its signature. Neither holds a secret: keys travel in headers, which are not
    kept.
    """

    step = models.CharField(max_length=10, choices=Step.choices)
    # The state of what it happened to, from then on.
    state = models.CharField(max_length=10)
    happened_at = models.DateTimeField(default=timezone.now)
    path = models.CharField(max_length=60, blank=True, default="")
    request = models.BinaryField(default=bytes)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.BinaryField(default=bytes)
    answer_length = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True, default="")
    evidence = models.JSONField(default=dict)

    class Meta(OperatorOwned.Meta):
        abstract = True
        ordering = ["id"]
