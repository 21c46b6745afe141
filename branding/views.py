"""The live look as files: the theme's style sheet, the logo and the small mark in a browser's tab."""

import hashlib

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from branding.context_processors import PLATFORM_NAME
from branding.favicon import favicon
from branding.models import Brand
from branding.publishing import DEFAULT_THEME, live_brand, style_sheet, style_version, theme_of
from tenants.hosts import OperatorHost

FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


@require_safe
def theme_css(request: HttpRequest) -> HttpResponse:
    """The tokens of the live brand. Under the address of its version it may be kept for good."""
    brand = live_brand() if hasattr(request, "operator") else None
    theme = theme_of(brand) if brand else DEFAULT_THEME
    return _file(request, style_sheet(theme).encode(), "text/css; charset=utf-8", style_version(theme))


@require_safe
def brand_logo(request: HttpRequest) -> HttpResponse:
    """The logo of the live brand."""
    brand = live_brand()
    if brand is None or not brand.logo_digest:
        raise Http404
    return _logo_file(request, brand)


@require_safe
def brand_favicon(request: HttpRequest) -> HttpResponse:
    """The mark in a browser's tab, which browsers ask for unprompted: the logo, or the initial where there is none."""
    host: OperatorHost | None = getattr(request, "operator", None)
    brand = live_brand() if host else None
    if brand is not None and brand.logo_digest:
        return _logo_file(request, brand)
    name = brand.name if brand else host.name if host else PLATFORM_NAME
    image = favicon(name, theme_of(brand) if brand else DEFAULT_THEME).encode()
    return _file(request, image, "image/svg+xml", hashlib.sha256(image).hexdigest()[:12])


def _logo_file(request: HttpRequest, brand: Brand) -> HttpResponse:
    if get_conditional_response(request, etag=f'"{brand.logo_digest}"') is not None:
        return _file(request, b"", brand.logo_type, brand.logo_digest)
    data = bytes(Brand.objects.values_list("logo", flat=True).get(pk=brand.pk))
    return _file(request, data, brand.logo_type, brand.logo_digest)


def _file(request: HttpRequest, data: bytes, content_type: str, version: str) -> HttpResponse:
    """An answer that says how long it may be kept; 304 to a browser that has it."""
    answer = HttpResponse(data, content_type=content_type)
    answer["ETag"] = f'"{version}"'
    answer["Cache-Control"] = FOREVER if request.GET.get("v") == version else ASK_AGAIN
    return get_conditional_response(request, etag=answer["ETag"], response=answer) or answer
