"""A page of the product's own templates and scripts, every answer from the test."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles import finders
from jinja2 import Environment
from playwright.sync_api import Locator, Page, Route

from branding.theme import HARBOR, theme_css
from tests.trading.panels.page import HEAD

HOME = "http://exchange.test/"
ASK = "name => document.getElementById(name).dispatchEvent(new CustomEvent('refresh'))"
HEAR = "data => document.dispatchEvent(new CustomEvent('patch', {detail: {data}}))"
Answer = Callable[[Route], None]


def answer(body: str, status: int = 200, kind: str = "text/html") -> Answer:
    return lambda route: route.fulfill(body=body, status=status, content_type=kind)


def in_turn(*answers: Answer) -> Answer:
    """One after the other, the last one from then on."""
    left = list(answers)

    def give(route: Route) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(route)

    return give


class Site:
    """A page of the product's own templates and scripts with nothing behind it but what the test answers."""

    def __init__(self, page: Page, templates: Environment) -> None:
        self.page = page
        self.templates = templates
        self.answers: dict[str, Answer] = {"/theme.css": answer(theme_css(HARBOR), kind="text/css")}
        self.asked: list[str] = []
        page.route("**/*", self._serve)

    def show(self, template: str, **context: Any) -> None:
        """Open a page made of this template's text."""
        html = self.templates.from_string(template).render(HEAD | context)
        self.answers["/"] = answer(html)
        self.page.goto(HOME)

    def show_content(self, content: str, **context: Any) -> None:
        """Open a page with this inside."""
        self.show(f'{{% extends "base.html" %}}{{% block content %}}{content}{{% endblock %}}', **context)

    def ask(self, place: str) -> None:
        """Have a place of the page read anew."""
        self.page.evaluate(ASK, place)

    def hear(self, numbers: dict[str, Any]) -> None:
        """Tell the page numbers, as its stream would."""
        self.page.evaluate(HEAR, json.dumps(numbers))

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for what only the test knows."""
        for _ in range(1500):
            if is_so():
                return
            self.page.wait_for_timeout(40)
        raise AssertionError("not so after a minute")

    @property
    def notes(self) -> Locator:
        return self.page.locator(".toast-title")

    def _serve(self, route: Route) -> None:
        path = urlsplit(route.request.url).path
        self.asked.append(path)
        if path.startswith(settings.STATIC_URL):
            route.fulfill(path=Path(str(finders.find(path.removeprefix(settings.STATIC_URL)))))
        else:
            self.answers.get(path, answer("", 404, "text/plain"))(route)
