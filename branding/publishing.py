"""Which look is live, and making another one live.

A publication adds a ``Brand`` row and nothing else: the next page of every trader reads the newest one, so there is no
cache to wait for. Whatever was live before stays in the table.
"""

import hashlib
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from django.db import transaction

from branding import theme as themes
from branding.logo import Logo
from branding.models import Brand
from branding.theme import Finding, PageBrand, Scheme, Theme
from tenants import audit
from tenants.access import MemberRequest
from tenants.models import Operator

DEFAULT_THEME = replace(themes.HARBOR, accent="#2f6fed")
NOTHING_YET = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A look that is not live yet. Without ``logo`` there is none, and the name's initial stands there."""

    name: str
    theme: Theme
    logo: Logo | None = None


class NotPublishable(Exception):
    """The look would be hard to read or to tell apart."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.findings = findings


class Outdated(Exception):
    """Somebody else published since the form was opened."""


def live_brand() -> Brand | None:
    """The newest look of the operator in scope, its logo's bytes left in the database."""
    newest: Brand | None = Brand.objects.defer("logo").first()
    return newest


def live_draft(name: str) -> Draft:
    """What is live now as a draft, logo included; ``name`` stands in where nothing was ever published."""
    brand: Brand | None = Brand.objects.first()
    if brand is None:
        return Draft(name=name, theme=DEFAULT_THEME)
    return Draft(name=brand.name, theme=theme_of(brand), logo=logo_of(brand))


def theme_of(brand: Brand) -> Theme:
    """The theme a row holds."""
    return Theme(
        accent=brand.accent,
        neutral_hue=brand.neutral_hue,
        neutral_chroma=float(brand.neutral_chroma),
        scheme=Scheme(brand.scheme),
        radius=brand.radius,
        gap=brand.gap,
        density=brand.density,
        font=brand.font,
    )


def logo_of(brand: Brand) -> Logo | None:
    """The logo a row holds."""
    if not brand.logo_digest:
        return None
    return Logo(data=bytes(brand.logo), content_type=brand.logo_type, digest=brand.logo_digest)


@lru_cache(maxsize=256)
def style_sheet(theme: Theme) -> str:
    """The theme's CSS, worked out once per process."""
    return themes.theme_css(theme)


@lru_cache(maxsize=256)
def style_version(theme: Theme) -> str:
    """Changes whenever the style sheet does, be it by a publication or by a new release."""
    return hashlib.sha256(style_sheet(theme).encode()).hexdigest()[:12]


@lru_cache(maxsize=256)
def browser_colour(theme: Theme) -> str:
    """The colour around the page, worked out once per process."""
    return themes.browser_colour(theme)


def page_brand(name: str, theme: Theme, *, theme_url: str, logo_url: str = "") -> PageBrand:
    """What the head of a page needs."""
    return PageBrand(
        name=name,
        scheme=Scheme(theme.scheme),
        browser_colour=browser_colour(theme),
        theme_url=theme_url,
        logo_url=logo_url,
    )


@transaction.atomic
def publish(request: MemberRequest, draft: Draft, *, based_on: int) -> Brand | None:
    """Make a draft live for everybody, at once and on record. None where it is what is live already.

    Raises:
        NotPublishable: a blocking finding of ``branding.theme``.
        Outdated: the live version is no longer ``based_on``.
    """
    blocking = tuple(finding for finding in themes.findings(draft.theme) if finding.is_blocking)
    if blocking:
        raise NotPublishable(blocking)
    operator = Operator.objects.select_for_update().get(pk=request.operator.operator_id)
    live = live_brand()
    if (live.pk if live else NOTHING_YET) != based_on:
        raise Outdated
    before, after = _described(live), _described(row := _row(draft))
    changed = [name for name in after if before.get(name) != after[name]]
    if not changed:
        return None
    row.save()
    if operator.name != draft.name:
        operator.name = draft.name
        operator.save(update_fields=["name"])
    audit.record(
        request,
        action="brand published",
        subject=f"version {row.pk}",
        before={name: before.get(name, "") for name in changed},
        after={name: after[name] for name in changed},
    )
    return row


def _row(draft: Draft) -> Brand:
    theme, logo = draft.theme, draft.logo
    return Brand(
        name=draft.name,
        accent=theme.accent.lower(),
        neutral_hue=theme.neutral_hue,
        neutral_chroma=Decimal(str(theme.neutral_chroma)).quantize(Decimal("0.001")),
        scheme=theme.scheme.value,
        radius=theme.radius,
        gap=theme.gap,
        density=theme.density,
        font=theme.font,
        logo=logo.data if logo else b"",
        logo_type=logo.content_type if logo else "image/png",
        logo_digest=logo.digest if logo else "",
    )


def _described(brand: Brand | None) -> dict[str, str]:
    """A look as the audit tells it: the logo by its digest."""
    if brand is None:
        return {}
    return {
        "name": brand.name,
        "accent": brand.accent,
        "neutral hue": str(brand.neutral_hue),
        "neutral chroma": f"{brand.neutral_chroma:.3f}",
        "scheme": brand.scheme,
        "radius": str(brand.radius),
        "gap": str(brand.gap),
        "density": str(brand.density),
        "type face": brand.font,
        "logo": brand.logo_digest or "none",
    }
