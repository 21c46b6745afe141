"""The Jinja2 environment of every page: escaping on, Django's helpers by their usual names.

A value that is missing is an error in production too: a blank where a liquidation price should stand is worse.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.templatetags.static import static
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext
from django_htmx.jinja import htmx_script
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from branding.stencils import drawn
from trading.panels import numbers

# "12,480.22 USDC" and "1.82 B": figures first, then a narrow or an ordinary space, then the unit.
_UNIT = re.compile(r"^(?P<figures>[−+]?[\d,.]+)(?P<space>[ \u202f])(?P<unit>\S+)$")


def environment(**options: Any) -> Environment:
    """The environment Django's Jinja2 backend asks for; ``options`` are the backend's own."""
    options.setdefault("trim_blocks", True)
    options.setdefault("lstrip_blocks", True)
    fixed = {"autoescape": True, "undefined": StrictUndefined, "extensions": ["jinja2.ext.i18n"]}
    pages = Environment(**(options | fixed))  # noqa: S701 - it is on
    pages.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    pages.globals |= {"_": words, "static": static, "url": url, "htmx_script": htmx_script}
    pages.globals |= {"drawn": drawn, "now": timezone.now}
    pages.filters |= {
        "age": age,
        "clock": numbers.clock,
        "compact": numbers.compact,
        "fixed": numbers.fixed,
        "lasted": lasted,
        "money": numbers.money,
        "percent": numbers.percent,
        "plain": numbers.plain,
        "muted_unit": muted_unit,
    }
    return pages


def words(text: str, **values: object) -> Markup:
    """A sentence in the language of the page. ``%`` always begins a placeholder, as in Jinja2's own ``gettext``."""
    translated = _translated(get_language(), text)
    return translated % values if "%(" in text else translated


@lru_cache(maxsize=4096)
def _translated(language: str | None, text: str) -> Markup:
    # A table of ten rows has more than a hundred labels, and each would be looked up anew.
    translated = Markup(gettext(text))  # noqa: S704 - the templates' own words
    return translated if "%(" in text else translated % {}


def url(name: str, *positional: object, **named: object) -> str:
    """The address of a named URL.

    Raises:
        NoReverseMatch: no such name, or the wrong arguments.
    """
    if named:
        return reverse(name, args=positional or None, kwargs=named)
    return _address(get_urlconf(), get_script_prefix(), name, positional)


@lru_cache(maxsize=4096)
def _address(urlconf: Any, prefix: str, name: str, positional: tuple[object, ...]) -> str:
    return reverse(name, urlconf, positional or None)


def age(since: datetime) -> str:
    """How old a number of that moment is, such as "2 min old"."""
    return numbers.age(since, timezone.now())


def lasted(since: datetime) -> str:
    """How long ago a moment was, such as "2 min"."""
    return numbers.lasted(since, timezone.now())


def muted_unit(text: str) -> Markup | str:
    """A number with its unit in the muted ink: figures stay strong, "USDC" or "%" steps back."""
    match = _UNIT.match(text)
    if match is None:
        return text
    return Markup('{figures}{space}<span class="unit">{unit}</span>').format(**match.groupdict())
