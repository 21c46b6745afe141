"""The page of markets as an owner fills it in."""

import re
from typing import Any

from django.test import Client

PAGE, PREVIEW = "/console/markets/", "/console/markets/preview/"


def listed(page: str) -> list[str]:
    """The addresses of the markets that a page lists."""
    return page.partition('name="listed" value="')[2].partition('"')[0].split()


def fields(owner: Client, **changes: Any) -> dict[str, Any]:
    """The page's form as it stands, with some fields changed."""
    page = owner.get(PAGE).content.decode()
    named = dict(re.findall(r'name="((?:cap|place):[^"]+)"[^>]*? value="([^"]*)"', page))
    found: dict[str, Any] = {
        **named,
        "listed": " ".join(listed(page)),
        "based_on": page.partition('name="based_on" value="')[2].partition('"')[0],
        "offered": re.findall(r'name="offered" value="([^"]+)"[^>]*? checked', page),
        "offers_new": "on" if 'name="offers_new" value="on" checked' in page else "",
    }
    return found | changes
