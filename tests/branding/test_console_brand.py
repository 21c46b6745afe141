"""The brand's editor: checked, previewed, published at once, on record."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from branding.logo import KEPT_SIDE
from branding.models import Brand
from tenants.models import AuditEvent, Operator
from tenants.scope import operator_scope
from tests.factories import Exchange, browser_at
from trading.models import Market

EDITOR, PREVIEW = "/console/brand/", "/console/brand/preview/"


def brands(exchange: Exchange) -> list[Brand]:
    with operator_scope(exchange.operator.pk):
        return list(Brand.objects.all())


def events(exchange: Exchange) -> list[AuditEvent]:
    with operator_scope(exchange.operator.pk):
        return list(AuditEvent.objects.all())


def fields(exchange: Exchange, **changes: Any) -> dict[str, Any]:
    values = {
        "name": "Alpha",
        "accent": "#2f6fed",
        "neutral_hue": "250",
        "neutral_chroma": "0.000",
        "scheme": "dark",
        "radius": "4",
        "gap": "1",
        "density": "30",
        "font": "inter",
        "kept_logo": "",
        "based_on": str(brands(exchange)[0].pk),
    }
    return values | changes


def image(size: tuple[int, int] = (300, 200), kind: str = "PNG") -> SimpleUploadedFile:
    output = io.BytesIO()
    Image.new("RGB", size, "#cc2200").save(output, kind)
    return SimpleUploadedFile("logo.png", output.getvalue(), content_type="image/png")


def sign_in_page(exchange: Exchange) -> str:
    return browser_at(exchange).get("/sign-in/").content.decode()


def theme_address(exchange: Exchange) -> str:
    return sign_in_page(exchange).partition('href="/brand/theme.css')[2].partition('"')[0]


@pytest.fixture
def owner(alpha: Exchange) -> Client:
    return browser_at(alpha, alpha.owner)


def test_publication_is_a_new_row_and_live_on_the_next_page(alpha: Exchange, owner: Client) -> None:
    before = theme_address(alpha)

    answer = owner.post(EDITOR, fields(alpha, name="Alpha One", accent="#e8c42c", radius="12"))

    assert (answer.status_code, answer.headers["Location"]) == (302, EDITOR)
    assert [(brand.name, brand.accent, brand.radius) for brand in brands(alpha)] == [
        ("Alpha One", "#e8c42c", 12),
        ("Alpha", "#2f6fed", 4),
    ]
    assert "Sign in to Alpha One" in sign_in_page(alpha)
    assert theme_address(alpha) != before
    assert Operator.objects.get(pk=alpha.operator.pk).name == "Alpha One"


def test_publication_is_on_record_with_before_and_after(alpha: Exchange, owner: Client) -> None:
    owner.post(EDITOR, fields(alpha, accent="#E8C42C"))

    (event,) = events(alpha)
    assert (event.actor_id, event.action, event.subject) == (
        alpha.owner.pk,
        "brand published",
        f"version {brands(alpha)[0].pk}",
    )
    assert (event.before, event.after, event.address) == ({"accent": "#2f6fed"}, {"accent": "#e8c42c"}, "127.0.0.1")


def test_publishing_what_is_live_adds_nothing(alpha: Exchange, owner: Client) -> None:
    owner.post(EDITOR, fields(alpha))

    assert (len(brands(alpha)), events(alpha)) == (1, [])


def test_publication_stays_at_its_operator(alpha: Exchange, beta: Exchange, owner: Client) -> None:
    before = theme_address(beta), [brand.pk for brand in brands(beta)]

    owner.post(EDITOR, fields(alpha, accent="#e8c42c"))

    assert (theme_address(beta), [brand.pk for brand in brands(beta)]) == before


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("name", "", "Enter the name of your exchange."),
        ("name", "x" * 61, "A name has at most 60 letters."),
        ("name", "Al\u200bpha", "A name holds letters, digits and signs that can be seen."),
        ("accent", "blue", "A colour is written as # and six hexadecimal digits, such as #2f6fed."),
        ("accent", "#2f6fed;}", "A colour is written as # and six hexadecimal digits, such as #2f6fed."),
        ("accent", "#12345", "A colour is written as # and six hexadecimal digits, such as #2f6fed."),
        ("neutral_hue", "361", "The hue of the neutrals is a whole number from 0 to 360."),
        ("neutral_hue", "NaN", "The hue of the neutrals is a whole number from 0 to 360."),
        ("neutral_chroma", "0.05", "The tint of the neutrals is a number from 0 to 0.04 with at most three decimals."),
        ("neutral_chroma", "-1", "The tint of the neutrals is a number from 0 to 0.04 with at most three decimals."),
        ("neutral_chroma", "NaN", "The tint of the neutrals is a number from 0 to 0.04 with at most three decimals."),
        (
            "neutral_chroma",
            "0.0001",
            "The tint of the neutrals is a number from 0 to 0.04 with at most three decimals.",
        ),
        ("scheme", "sepia", "Choose dark or light."),
        ("radius", "17", "The radius is a whole number from 0 to 16."),
        ("radius", "1.5", "The radius is a whole number from 0 to 16."),
        ("gap", "0", "The gap is a whole number from 1 to 16."),
        ("density", "27", "The height of a row is a whole number from 28 to 36."),
        ("font", "url(evil)", "Choose one of the type faces shown."),
    ],
)
def test_bad_input_gets_a_sentence_and_is_kept(
    alpha: Exchange, owner: Client, field: str, typed: str, sentence: str
) -> None:
    answer = owner.post(EDITOR, fields(alpha, **{field: typed, "density": "33"} | {field: typed}))
    page = answer.content.decode()

    assert (answer.status_code, sentence in page) == (422, True)
    assert 'value="33"' in page or field == "density"
    assert (len(brands(alpha)), events(alpha)) == (1, [])


def test_unreadable_look_is_not_published(alpha: Exchange, owner: Client) -> None:
    answer = owner.post(EDITOR, fields(alpha, accent="#14161a"))
    page = answer.content.decode()

    assert (answer.status_code, len(brands(alpha))) == (422, 1)
    assert "This look cannot go live yet" in page
    assert "The accent on panels has a contrast of 1.04:1; it takes 3.0:1 to be seen well." in page


def test_second_owner_is_told_and_nothing_is_lost(alpha: Exchange, owner: Client) -> None:
    first, second = fields(alpha, accent="#e8c42c"), fields(alpha, accent="#0b6bb5")
    owner.post(EDITOR, first)

    refused = owner.post(EDITOR, second)
    page = refused.content.decode()

    assert (refused.status_code, [brand.accent for brand in brands(alpha)]) == (409, ["#e8c42c", "#2f6fed"])
    assert "Somebody published another version" in page
    assert 'value="#0b6bb5"' in page
    assert f'name="based_on" value="{brands(alpha)[0].pk}"' in page


def test_logo_is_drawn_anew_as_a_small_png(alpha: Exchange, owner: Client) -> None:
    owner.post(EDITOR, fields(alpha, logo=image((1200, 600), "WEBP")))

    live = brands(alpha)[0]
    with Image.open(io.BytesIO(bytes(live.logo))) as drawn:
        assert (drawn.format, drawn.size, live.logo_type) == ("PNG", (KEPT_SIDE, KEPT_SIDE // 2), "image/png")
    served = browser_at(alpha).get(f"/brand/logo.png?v={live.logo_digest}")
    assert (served.content, served.headers["Content-Type"]) == (bytes(live.logo), "image/png")
    assert f"/brand/logo.png?v={live.logo_digest}" in sign_in_page(alpha)


def test_metadata_of_a_logo_is_left_behind(alpha: Exchange, owner: Client) -> None:
    output = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "taken at a secret place"
    Image.new("RGB", (64, 64)).save(output, "JPEG", exif=exif)
    owner.post(EDITOR, fields(alpha, logo=SimpleUploadedFile("logo.jpg", output.getvalue())))

    assert b"secret place" in output.getvalue()
    assert b"secret place" not in bytes(brands(alpha)[0].logo)


@pytest.mark.parametrize(
    ("upload", "sentence"),
    [
        (SimpleUploadedFile("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "This is not a PNG, JPEG or WebP"),
        (SimpleUploadedFile("a.png", b"\x89PNG\r\n\x1a\nnonsense"), "This is not a PNG, JPEG or WebP"),
        (SimpleUploadedFile("a.png", b"x" * 1_000_001), "The file has 1.0 MB; a logo may have 1 MB."),
        (SimpleUploadedFile("a.png", b""), "The file is empty."),
        (image((16, 64)), "at least 24 a side are needed"),
        (image((4097, 64)), "4096 a side are the most"),
        (image((64, 64), "GIF"), "This is not a PNG, JPEG or WebP"),
    ],
)
def test_file_that_is_no_logo_gets_a_sentence(
    alpha: Exchange, owner: Client, upload: SimpleUploadedFile, sentence: str
) -> None:
    upload.seek(0)
    answer = owner.post(EDITOR, fields(alpha, logo=upload))

    assert (answer.status_code, sentence in answer.content.decode(), len(brands(alpha))) == (422, True, 1)


def test_logo_survives_a_mistake_in_another_field(alpha: Exchange, owner: Client) -> None:
    refused = owner.post(EDITOR, fields(alpha, logo=image(), radius="99")).content.decode()
    kept = refused.partition('name="kept_logo" value="')[2].partition('"')[0]

    owner.post(EDITOR, fields(alpha, kept_logo=kept))

    assert (len(kept), brands(alpha)[0].logo_digest) == (16, kept)


def test_logo_stays_and_can_be_taken_away(alpha: Exchange, owner: Client) -> None:
    owner.post(EDITOR, fields(alpha, logo=image()))
    digest = brands(alpha)[0].logo_digest
    owner.post(EDITOR, fields(alpha, radius="5", kept_logo=digest))
    assert brands(alpha)[0].logo_digest == digest

    owner.post(EDITOR, fields(alpha, radius="5", kept_logo=digest, remove_logo="on"))
    assert brands(alpha)[0].logo_digest == ""


def test_kept_logo_of_another_operator_is_not_found(alpha: Exchange, beta: Exchange, owner: Client) -> None:
    other = browser_at(beta, beta.owner)
    other.post(EDITOR, fields(beta, name="Beta", logo=image()))
    digest = brands(beta)[0].logo_digest

    owner.post(EDITOR, fields(alpha, accent="#e8c42c", kept_logo=digest))

    assert (brands(alpha)[0].accent, brands(alpha)[0].logo_digest) == ("#e8c42c", "")


def test_preview_shows_the_real_terminal_and_saves_nothing(alpha: Exchange, market: Market) -> None:
    owner = browser_at(alpha, alpha.owner, htmx=True)
    fragment = owner.post(PREVIEW, fields(alpha, name="Draft Name", accent="#e8c42c", scheme="light")).content.decode()
    frame = fragment.partition('<iframe src="')[2].partition('"')[0]

    page = owner.get(frame)
    html = page.content.decode()

    assert fragment.lstrip().startswith('<section id="brand_preview"')
    assert ("Draft Name" in html, 'id="ticket_form"' in html, 'id="positions"' in html) == (True, True, True)
    assert ("htmx" in html.partition("</head>")[0].replace("htmx-config", ""), "olga@" in html) == (False, False)
    assert "form-action 'none'" in page.headers["Content-Security-Policy"]
    theme = html.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
    css = owner.get(theme).content.decode()
    assert "color-scheme: light" in css
    assert (len(brands(alpha)), events(alpha)) == (1, [])


def test_preview_names_mistakes_beside_their_fields(alpha: Exchange, market: Market) -> None:
    owner = browser_at(alpha, alpha.owner, htmx=True)
    fragment = owner.post(PREVIEW, fields(alpha, accent="nonsense")).content.decode()

    assert '<p class="field-error" id="error_accent" role="status" hx-swap-oob="outerMorph">A colour is' in fragment
    assert '<p class="field-error" id="error_radius" role="status" hx-swap-oob="outerMorph"></p>' in fragment


def test_preview_without_scripts_is_the_whole_page_with_what_was_typed(alpha: Exchange, owner: Client) -> None:
    page = owner.post(PREVIEW, fields(alpha, name="Draft Name")).content.decode()

    assert ("<!doctype html>" in page, 'value="Draft Name"' in page) == (True, True)
    assert len(brands(alpha)) == 1


def test_preview_without_markets_says_so(alpha: Exchange, owner: Client) -> None:
    page = owner.get(EDITOR).content.decode()
    frame = page.partition('<iframe src="')[2].partition('"')[0]

    assert "No market is known yet" in owner.get(frame).content.decode()


@pytest.mark.parametrize("draft", ["", "nonsense", "eyJuYW1lIjoieCJ9:1abcde:forged"])
def test_draft_that_was_not_signed_here_is_not_shown(owner: Client, draft: str) -> None:
    for frame in ("terminal/", "theme.css", "logo.png"):
        assert owner.get(f"/console/frames/{frame}", {"brand": draft}).status_code == 404


def test_no_page_of_the_console_carries_styles_of_its_own(alpha: Exchange, owner: Client, market: Market) -> None:
    for path in ("/console/", EDITOR, "/console/margin/", "/console/audit/", "/support/"):
        page = owner.get(path).content.decode()
        assert ("style=" in page, "<style" in page, "onclick" in page) == (False, False, False)
