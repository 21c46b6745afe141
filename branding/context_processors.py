"""What every page knows: the brand it wears, who looks at it, and where that person may go."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext

from branding.publishing import DEFAULT_THEME, live_brand, page_brand, style_version, theme_of
from branding.theme import PageBrand
from tenants.hosts import OperatorHost
from tenants.models import Role

PLATFORM_NAME = "perps.studio"
PLATFORM_THEME_URL = "/brand/theme.css"


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the navigation."""

    label: str
    url: str
    is_current: bool


def brand(request: HttpRequest) -> dict[str, Any]:
    """The page's brand, viewer, role and navigation. A fragment shows no brand and asks for none."""
    host: OperatorHost | None = getattr(request, "operator", None)
    user = getattr(request, "user", None)
    signed_in = host is not None and user is not None and user.is_authenticated
    return {
        "brand": SimpleLazyObject(partial(_brand_of, host)),
        "viewer": str(user) if signed_in and user is not None else "",
        "role": user.role if signed_in and user is not None else "",
        "has_password": bool(signed_in and user is not None and user.email),
        "navigation": _navigation(request.path, user.role) if signed_in and user is not None else (),
    }


def _brand_of(host: OperatorHost | None) -> PageBrand:
    """The live brand of the operator in scope; the platform's own where there is none."""
    if host is None:
        return page_brand(PLATFORM_NAME, DEFAULT_THEME, theme_url=PLATFORM_THEME_URL)
    row = live_brand()
    theme = theme_of(row) if row else DEFAULT_THEME
    logo_url = f"{reverse('brand_logo')}?v={row.logo_digest}" if row and row.logo_digest else ""
    return page_brand(
        row.name if row else host.name,
        theme,
        theme_url=f"{reverse('theme_css')}?v={style_version(theme)}",
        logo_url=logo_url,
    )


def _navigation(path: str, role: str) -> tuple[Link, ...]:
    """Where a member of the team may go; traders have the terminal and need no list."""
    pages: list[tuple[str, str]] = []
    if role == Role.OWNER:
        pages = [
            (gettext("Overview"), "console"),
            (gettext("Brand"), "console_brand"),
            (gettext("Margin"), "console_margin"),
            (gettext("Markets"), "console_markets"),
            (gettext("Fees"), "console_fees"),
            (gettext("Domains"), "console_domains"),
            (gettext("Team"), "console_team"),
            (gettext("Audit"), "console_audit"),
        ]
    if role in (Role.OWNER, Role.SUPPORT):
        pages.append((gettext("Traders"), "support"))
    addresses = [(label, reverse(name)) for label, name in pages]
    return tuple(Link(label, url, _is_current(path, url)) for label, url in addresses)


def _is_current(path: str, url: str) -> bool:
    return path == url or (url != reverse("console") and path.startswith(url))
