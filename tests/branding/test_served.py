"""The live look as files: fresh at once, kept for good under the address of its version."""

from xml.etree import ElementTree

from django.test import Client

from branding.favicon import favicon
from branding.models import Brand
from branding.publishing import theme_of
from branding.theme import theme_css
from tenants.scope import operator_scope
from tests.factories import Exchange, browser_at


def theme_address(exchange: Exchange) -> str:
    page = browser_at(exchange).get("/sign-in/").content.decode()
    return "/brand/theme.css" + page.partition('href="/brand/theme.css')[2].partition('"')[0]


def publish(exchange: Exchange, accent: str) -> Brand:
    with operator_scope(exchange.operator.pk):
        brand = Brand(name=exchange.operator.name, accent=accent)
        brand.save()
        return brand


def test_theme_is_the_newest_brands(alpha: Exchange) -> None:
    brand = publish(alpha, "#e8c42c")
    answer = browser_at(alpha).get("/brand/theme.css")

    assert (answer.content.decode(), answer.headers["Content-Type"]) == (
        theme_css(theme_of(brand)),
        "text/css; charset=utf-8",
    )


def test_theme_of_each_operator_is_its_own(alpha: Exchange, beta: Exchange) -> None:
    publish(alpha, "#e8c42c")
    first, second = (browser_at(exchange).get("/brand/theme.css").content for exchange in (alpha, beta))

    assert first != second


def test_versioned_address_is_kept_for_good(alpha: Exchange) -> None:
    assert browser_at(alpha).get(theme_address(alpha)).headers["Cache-Control"] == (
        "public, max-age=31536000, immutable"
    )


def test_outdated_address_serves_the_new_look_and_is_not_kept(alpha: Exchange) -> None:
    old = theme_address(alpha)
    publish(alpha, "#e8c42c")
    answer = browser_at(alpha).get(old)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
    assert theme_address(alpha) != old


def test_browser_that_has_it_is_told_so(alpha: Exchange) -> None:
    client = browser_at(alpha)
    tag = client.get("/brand/theme.css").headers["ETag"]

    again = client.get("/brand/theme.css", headers={"if-none-match": tag})
    publish(alpha, "#e8c42c")
    changed = client.get("/brand/theme.css", headers={"if-none-match": tag})

    assert (again.status_code, again.content, changed.status_code) == (304, b"", 200)


def test_theme_asks_for_no_session(alpha: Exchange) -> None:
    answer = browser_at(alpha).get("/brand/theme.css")

    assert ("Cookie" in answer.headers.get("Vary", ""), answer.cookies) == (False, {})


def test_brand_without_a_logo_has_none(alpha: Exchange) -> None:
    assert browser_at(alpha).get("/brand/logo.png").status_code == 404
    assert (
        '<span class="brand-initial" aria-hidden="true">A</span>' in browser_at(alpha).get("/sign-in/").content.decode()
    )


def test_favicon_without_a_logo_is_the_initial_on_the_accent(alpha: Exchange) -> None:
    publish(alpha, "#e8c42c")
    answer = browser_at(alpha).get("/favicon.ico")
    image = ElementTree.fromstring(answer.content)
    ground, letter = image

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert (ground.attrib["fill"], letter.text) == ("#e8c42c", "A")


def test_favicon_with_a_logo_is_the_logo(alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        Brand(name="Alpha", accent="#e8c42c", logo=b"pixels", logo_digest="0123456789abcdef").save()
    answer = browser_at(alpha).get("/favicon.ico")

    assert (answer.content, answer.headers["Content-Type"]) == (b"pixels", "image/png")


def test_favicon_of_the_platform_is_its_own(alpha: Exchange) -> None:
    image = ElementTree.fromstring(Client(headers={"host": "localhost"}).get("/favicon.ico").content)

    assert image[1].text == "P"


def test_favicon_takes_any_name(alpha: Exchange) -> None:
    image = ElementTree.fromstring(favicon("<&", theme_of(publish(alpha, "#e8c42c"))))

    assert image[1].text == "<"


def test_operator_without_a_brand_still_has_pages(alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        Brand.objects.all().delete()

    assert "Sign in to Alpha" in browser_at(alpha).get("/sign-in/").content.decode()
    assert browser_at(alpha).get("/brand/theme.css").status_code == 200
