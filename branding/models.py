"""What a brand looks like, as published versions."""

from django.db import models
from django.utils import timezone

from tenants.owned import OperatorOwned


class Brand(OperatorOwned):
    """One published version of an operator's look. The newest one is live; a publication adds a row."""

    name = models.CharField(max_length=60)
    accent = models.CharField(max_length=7)
    neutral_hue = models.PositiveSmallIntegerField(default=250)
    neutral_chroma = models.DecimalField(max_digits=4, decimal_places=3, default=0)
    scheme = models.CharField(max_length=5, choices=[("dark", "Dark"), ("light", "Light")], default="dark")
    radius = models.PositiveSmallIntegerField(default=4)
    gap = models.PositiveSmallIntegerField(default=1)
    density = models.PositiveSmallIntegerField(default=30)
    font = models.CharField(max_length=20, default="inter")
    logo = models.BinaryField(default=bytes)
    logo_type = models.CharField(max_length=20, default="image/png")
    logo_digest = models.CharField(max_length=16, blank=True, default="")
    published_at = models.DateTimeField(default=timezone.now)

    class Meta(OperatorOwned.Meta):
        ordering = ["-id"]
        indexes = [models.Index(fields=["operator", "-id"], name="brand_newest_first")]

    def __str__(self) -> str:
        return f"{self.name}, version {self.pk}"
