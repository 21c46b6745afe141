"""The Jinja2 environment of every page: escaping on, Django's helpers by their usual names.

A value that is missing is an error in production too: a blank where a liquidation price should stand is worse.
"""

import re
from datetime import datetime
from typing import Any

from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django_htmx.jinja import htmx_script
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

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
    pages.globals |= {"static": static, "url": url, "htmx_script": htmx_script, "now": timezone.now}
    pages.filters |= {
        "age": age,
        "clock": numbers.clock,
        "compact": numbers.compact,
        "fixed": numbers.fixed,
        "money": numbers.money,
        "percent": numbers.percent,
        "plain": numbers.plain,
        "muted_unit": muted_unit,
    }
    return pages


def url(name: str, *positional: object, **named: object) -> str:
    """The address of a named URL.

    Raises:
        NoReverseMatch: no such name, or the wrong arguments.
    """
    return reverse(name, args=positional or None, kwargs=named or None)


def age(since: datetime) -> str:
    """How long ago a moment was."""
    return numbers.age(since, timezone.now())


def muted_unit(text: str) -> Markup | str:
    """A number with its unit in the muted ink: figures stay strong, "USDC" or "%" steps back."""
    match = _UNIT.match(text)
    if match is None:
        return text
    return Markup('{figures}{space}<span class="unit">{unit}</span>').format(**match.groupdict())
