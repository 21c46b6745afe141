"""A draft on its way between the form and its preview: signed into an address, its new logo kept aside for an hour."""

from dataclasses import asdict
from typing import Any

from django.core import signing
from django.core.cache import cache

from branding.logo import Logo
from branding.publishing import Draft, live_draft
from branding.theme import Scheme, Theme

LOGO_SECONDS = 3600
# So many are kept for an operator, and no more: they lie in the memory that all operators share.
LOGOS = 10
DRAFT_SECONDS = 3600


class DraftGone(Exception):
    """The address was not made here, was made for another operator, or is too old."""


def keep_logo(operator_id: int, logo: Logo) -> None:
    """Put a checked upload aside until the draft is published or forgotten; of too many, the oldest is forgotten."""
    key = _key(operator_id, logo.digest)
    place, _ = cache.get(key) or (_oldest_place(operator_id), b"")
    before = cache.get(place)
    if before not in (None, key):
        cache.delete(before)
    cache.set(place, key, LOGO_SECONDS)
    cache.set(key, (place, logo.data), LOGO_SECONDS)


def _oldest_place(operator_id: int) -> str:
    """The place that was given away longest ago: they are taken in turn, so uploads that come at once get one each."""
    turn = f"operator:{operator_id}:kept-logos"
    cache.add(turn, 0, None)
    return f"{turn}:{cache.incr(turn) % LOGOS}"


def kept_logo(operator_id: int, digest: str) -> Logo | None:
    """A logo that was put aside; None once it is forgotten."""
    kept: tuple[str, bytes] | None = cache.get(_key(operator_id, digest))
    return None if kept is None else Logo(data=kept[1], content_type="image/png", digest=digest)


def sign_draft(operator_id: int, draft: Draft) -> str:
    """The draft as text for an address, worth nothing at another operator."""
    content = {"name": draft.name, "theme": asdict(draft.theme), "logo": draft.logo.digest if draft.logo else ""}
    return signing.dumps(content, salt=_salt(operator_id), compress=True)


def read_draft(operator_id: int, text: str) -> Draft:
    """The draft a text holds. Raises ``DraftGone``."""
    try:
        content: dict[str, Any] = signing.loads(text, salt=_salt(operator_id), max_age=DRAFT_SECONDS)
    except signing.BadSignature:
        raise DraftGone from None
    theme = Theme(**content["theme"] | {"scheme": Scheme(content["theme"]["scheme"])})
    return Draft(name=content["name"], theme=theme, logo=find_logo(operator_id, content["logo"]))


def find_logo(operator_id: int, digest: str) -> Logo | None:
    """A logo by its digest: the live one, or one that was put aside."""
    if not digest:
        return None
    live = live_draft("").logo
    return live if live and live.digest == digest else kept_logo(operator_id, digest)


def _key(operator_id: int, digest: str) -> str:
    return f"operator:{operator_id}:kept-logo:{digest}"


def _salt(operator_id: int) -> str:
    return f"branding.drafts of operator {operator_id}"
