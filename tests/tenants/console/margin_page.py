"""The margin policy's page as an owner fills it in, the policy in force, and what is on record of it."""

from typing import Any

from tenants.models import AuditEvent, MarginPolicy
from tenants.scope import operator_scope
from tests.factories import Exchange

EDITOR, PREVIEW = "/console/margin/", "/console/margin/preview/"


def policy_of(exchange: Exchange) -> MarginPolicy:
    """The policy in force."""
    with operator_scope(exchange.operator.pk):
        row: MarginPolicy = MarginPolicy.objects.get()
        return row


def events(exchange: Exchange) -> list[AuditEvent]:
    """All that is on record, newest first."""
    with operator_scope(exchange.operator.pk):
        return list(AuditEvent.objects.all())


def fields(exchange: Exchange, **changes: Any) -> dict[str, Any]:
    """The page's form, with some fields changed or, where they are None, left out."""
    values = {
        "offers_cross": "on",
        "default_mode": "isolated",
        "isolated_leverage": "3",
        "cross_leverage": "3",
        "leverage_cap": "",
        "slider_marks": "1, 3, 5, 10",
        "margin_presets": "25",
        "based_on": policy_of(exchange).updated_at.isoformat(),
    }
    return {name: value for name, value in (values | changes).items() if value is not None}
