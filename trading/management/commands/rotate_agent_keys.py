"""``manage.py rotate_agent_keys``: store every trading key under the newest secret.

Put the new secret in front in ``AGENT_KEY_SECRETS``, restart, run this, then take the old secret away. Safe to run
again, and beside a running platform: a key that changes meanwhile is left to its own writer, who uses the newest
secret already.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.scope import every_operator
from trading.connect import KeyUnreadable, reseal
from trading.models import VenueAccount, WalletApproval


class Command(BaseCommand):
    help = "Encrypt every stored trading key with the newest of AGENT_KEY_SECRETS."

    def handle(self, **options: Any) -> None:
        with every_operator():
            outcomes = [_rotate(model, pk) for model in (VenueAccount, WalletApproval) for pk in _holders(model)]
        unreadable = outcomes.count(False)
        self.stdout.write(f"{outcomes.count(True)} trading keys are stored under the newest secret.")
        if unreadable:
            raise CommandError(
                f"{unreadable} trading keys cannot be opened with any secret: keep the old secrets, or let these "
                "traders connect again."
            )


def _holders(model: type[VenueAccount] | type[WalletApproval]) -> list[int]:
    return list(model.objects.exclude(agent_key=b"").order_by("pk").values_list("pk", flat=True))


def _rotate(model: type[VenueAccount] | type[WalletApproval], pk: int) -> bool:
    """Whether the row's key is under the newest secret now; the key itself never leaves ``trading.connect``."""
    rows = model.objects.filter(pk=pk)
    sealed = rows.values_list("agent_key", flat=True).first()
    if not sealed:
        return True
    try:
        renewed = reseal(bytes(sealed))
    except KeyUnreadable:
        return False
    rows.filter(agent_key=sealed).update(agent_key=renewed)
    return True
