"""One verb: put on record who did or looked at what."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tenants.access import MemberRequest
from tenants.client import client_address
from tenants.models import AuditEvent, User

_begun_at: ContextVar[str] = ContextVar("the address of who began what is recorded", default="")


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


@contextmanager
def begun_by(request: MemberRequest) -> Iterator[None]:
    """Whatever ``record_by`` writes in the block was begun by this request, and bears its address."""
    token = _begun_at.set(client_address(request))
    try:
        yield
    finally:
        _begun_at.reset(token)


def record_by(
    actor: User,
    *,
    action: str,
    subject: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    address: str = "",
) -> None:
    """The same for what someone began, by whichever process it is brought to its end."""
    AuditEvent(
        actor=actor,
        action=action,
        subject=subject,
        before=before or {},
        after=after or {},
        address=address or _begun_at.get() or None,
    ).save()
