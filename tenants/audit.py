"""One verb: put on record who did or looked at what."""

from typing import Any

from tenants.access import MemberRequest
from tenants.client import client_address
from tenants.models import AuditEvent, User


def record(
    request: MemberRequest,
    *,
    action: str,
    subject: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write one audit row. ``action`` is a verb phrase (``margin policy changed``), ``subject`` what it is about."""
    address = client_address(request)
    record_by(request.user, action=action, subject=subject, before=before, after=after, address=address)


def record_by(
    actor: User,
    *,
    action: str,
    subject: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    address: str = "",
) -> None:
    """The same outside a request: for what someone began and the background brought to its end."""
    AuditEvent(
        actor=actor,
        action=action,
        subject=subject,
        before=before or {},
        after=after or {},
        address=address or None,
    ).save()
