"""A page's frame, and a page read back element by element."""

from html.parser import HTMLParser

from markupsafe import Markup

from branding.theme import VANTA, PageBrand, browser_colour

HEAD = {
    "brand": PageBrand(
        name="Vanta", scheme=VANTA.scheme, browser_colour=browser_colour(VANTA), theme_url="/theme.css", logo_url=""
    ),
    "csrf_input": Markup('<input type="hidden" name="csrfmiddlewaretoken" value="token">'),
    "viewer": "trader@example.com",
}


class Elements(HTMLParser):
    """Every element of a page with its attributes, and whether all that opened was closed."""

    VOID = frozenset({"meta", "link", "input", "img", "br", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def ids(self) -> list[str]:
        return [identifier for _, attributes in self.found if (identifier := attributes.get("id"))]
