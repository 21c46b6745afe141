"""What must not happen on a page while a test drives it."""

import re
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Error, Page, Response


@dataclass
class Watch:
    """Collects console errors, page errors and server errors; a test names the ones that it causes on purpose."""

    found: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        page.on("response", self._on_response)

    def allow(self, pattern: str) -> None:
        """From here on this is no failure: a regular expression for the start of the line that is told."""
        self.allowed.append(pattern)

    def problems(self) -> list[str]:
        return [line for line in self.found if not any(re.match(pattern, line) for pattern in self.allowed)]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.found.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _on_error(self, error: Error) -> None:
        self.found.append(f"page error: {error}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 500:
            self.found.append(f"{response.status}: {response.url}")
