"""The margin policy as rows, as signed text, and as a change on record."""

from decimal import Decimal
from typing import Any

from django.core import signing

from tenants import audit
from tenants.access import MemberRequest
from tenants.models import MarginPolicy, Operator
from tenants.policy import Policy
from trading.connect import gateway_of
from trading.margin.types import MarginMode
from trading.markets import policy_in_force
from trading.venues.snapshots import Venue

DRAFT_SECONDS = 3600
NEVER_CHANGED = "never"


class Outdated(Exception):
    """Somebody else changed the policy since the form was opened."""


class DraftGone(Exception):
    """The text was not made here, was made for another operator, or is too old."""


def version_of(row: MarginPolicy | None) -> str:
    """What tells one state of the row from the next."""
    return row.updated_at.isoformat() if row and row.pk else NEVER_CHANGED


def hold_offers(request: MemberRequest) -> None:
    """Let nobody else change what this operator offers until the running transaction ends: venues and markets are
    saved by two forms, and what one of them finds offered stays so until it has saved."""
    Operator.objects.select_for_update(no_key=True).get(pk=request.operator.operator_id)


def change_policy(request: MemberRequest, policy: Policy, *, based_on: str) -> bool:
    """Put a policy in force, at once and on record; False where it is in force already.

    What is offered is held (``hold_offers``). A trader's own choices (``trading.Preference``) are not touched. Raises
    ``Outdated``.
    """
    row: MarginPolicy | None = MarginPolicy.objects.first()
    if version_of(row) != based_on:
        raise Outdated
    row = row or MarginPolicy()
    before = described(policy_in_force()) if row.pk else {}
    after = described(policy)
    changed = [name for name in after if before.get(name) != after[name]]
    if not changed:
        return False
    _write(row, policy)
    audit.record(
        request,
        action="margin policy changed",
        subject="margin policy",
        before={name: before.get(name, "") for name in changed},
        after={name: after[name] for name in changed},
    )
    return True


def _write(row: MarginPolicy, policy: Policy) -> None:
    row.offers_cross = policy.offers_cross
    row.default_mode = policy.default_mode.value
    row.isolated_leverage = policy.isolated_leverage
    row.cross_leverage = policy.cross_leverage
    row.leverage_cap = policy.leverage_cap
    row.slider_marks = list(policy.slider_marks)
    row.margin_presets = list(policy.margin_presets)
    row.venues = [venue.value for venue in policy.venues]
    row.save()


def described(policy: Policy) -> dict[str, str]:
    """A policy in the words of the audit."""
    return {
        "cross margin": "offered" if policy.offers_cross else "not offered",
        "default mode": policy.default_mode.value,
        "isolated leverage": f"{policy.isolated_leverage}x",
        "cross leverage": f"{policy.cross_leverage}x",
        "leverage cap": f"{policy.leverage_cap}x" if policy.leverage_cap else "none",
        "slider marks": " · ".join(f"{mark}x" for mark in policy.slider_marks) or "automatic",
        "margin presets": " · ".join(f"{amount.normalize():f}" for amount in policy.margin_presets) or "none",
        "venues": " · ".join(gateway_of(venue).label for venue in policy.venues) or "every connected one",
    }


def sign_policy(operator_id: int, policy: Policy) -> str:
    """The policy as text for the address of its preview, worth nothing at another operator."""
    content = {
        "offers_cross": policy.offers_cross,
        "default_mode": policy.default_mode.value,
        "isolated_leverage": policy.isolated_leverage,
        "cross_leverage": policy.cross_leverage,
        "leverage_cap": policy.leverage_cap,
        "slider_marks": policy.slider_marks,
        "margin_presets": [str(amount) for amount in policy.margin_presets],
        "venues": policy.venues,
    }
    return signing.dumps(content, salt=_salt(operator_id), compress=True)


def read_policy(operator_id: int, text: str) -> Policy:
    """The policy a text holds. Raises ``DraftGone``."""
    try:
        content: dict[str, Any] = signing.loads(text, salt=_salt(operator_id), max_age=DRAFT_SECONDS)
    except signing.BadSignature:
        raise DraftGone from None
    read = {
        "default_mode": MarginMode(content["default_mode"]),
        "slider_marks": tuple(content["slider_marks"]),
        "margin_presets": tuple(Decimal(amount) for amount in content["margin_presets"]),
        "venues": tuple(Venue(name) for name in content["venues"]),
    }
    return Policy(**content | read)


def _salt(operator_id: int) -> str:
    return f"tenants.console.policies of operator {operator_id}"
