"""One verb: put on record who did or looked at what."""

from typing import Any

from tenants.access import MemberRequest
from tenants.client import client_address
from tenants.models import AuditEvent


def record(
    request: MemberRequest,
    *,
    action: str,
    subject: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write one audit row. ``action`` is a verb phrase (``margin policy changed``), ``subject`` what it is about."""
    AuditEvent(
        actor=request.user,
        action=action,
        subject=subject,
        before=before or {},
        after=after or {},
        address=client_address(request) or None,
    ).save()
