"""Pages of a list, with whatever filters it kept in the address."""

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import QueryDict

ROWS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows of many, and where the others are. An address is empty where there is nothing to go to."""

    rows: list[Any]
    total: int
    position: str
    newer: str
    older: str


def page_of(rows: QuerySet[Any], asked: QueryDict) -> Page:
    """The page that ``?page=`` asks for; nonsense and numbers out of range lead to the nearest page there is."""
    paginator = Paginator(rows, ROWS)
    page = paginator.get_page(asked.get("page"))
    first, last = page.start_index(), page.end_index()
    return Page(
        rows=list(page.object_list),
        total=paginator.count,
        position=f"{first}–{last} of {paginator.count}" if paginator.count else "",
        newer=_address(asked, page.previous_page_number()) if page.has_previous() else "",
        older=_address(asked, page.next_page_number()) if page.has_next() else "",
    )


def _address(asked: QueryDict, number: int) -> str:
    kept = asked.copy()
    kept["page"] = str(number)
    return f"?{kept.urlencode()}"
