"""What a theme derives and what its checks find."""

from dataclasses import replace

import pytest
from coloraide import Color

from branding.theme import (
    HARBOR,
    MERIDIAN,
    VANTA,
    Scheme,
    Theme,
    browser_colour,
    findings,
    theme_css,
    tokens,
)


def relative_luminance(colour: Color) -> float:
    """WCAG 2.2's own definition, written down a second time as a witness."""
    channels = colour.convert("srgb").fit("srgb").coords()
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(front: Color, ground: Color) -> float:
    lighter, darker = sorted((relative_luminance(front), relative_luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def blocking(theme: Theme) -> list[str]:
    """What keeps a theme from being published."""
    return [finding.name for finding in findings(theme) if finding.is_blocking]


@pytest.mark.parametrize("theme", [HARBOR, VANTA, MERIDIAN], ids=["Harbor", "Vanta", "Meridian"])
def test_the_demo_brands_may_be_published(theme: Theme) -> None:
    assert findings(theme) == ()


@pytest.mark.parametrize("theme", [HARBOR, VANTA, MERIDIAN], ids=["Harbor", "Vanta", "Meridian"])
@pytest.mark.parametrize(
    ("front", "ground"),
    [("ink3", "s2"), ("ink", "bg"), ("up", "up-wash"), ("down", "s1"), ("accent-ink", "accent"), ("accent-text", "s3")],
)
def test_text_reads_on_its_ground_by_the_standards_own_formula(theme: Theme, front: str, ground: str) -> None:
    colours = tokens(theme)
    assert contrast(colours[front], colours[ground]) >= 4.5


def test_an_accent_that_vanishes_on_its_ground_is_found() -> None:
    assert blocking(replace(VANTA, accent="#2a2f3a")) == ["contrast-accent-on-s1", "contrast-accent-on-s2"]


def test_a_pale_accent_blocks_a_light_theme_only() -> None:
    assert blocking(replace(HARBOR, accent="#e8c42c")) == ["contrast-accent-on-s1", "contrast-accent-on-s2"]
    assert blocking(replace(VANTA, accent="#e8c42c")) == []


def test_an_accent_like_the_colour_of_losses_is_advised_against_and_may_be_published() -> None:
    red = replace(HARBOR, accent="#c62828")
    assert [(finding.name, finding.is_blocking) for finding in findings(red)] == [("accent-like-down", False)]


def test_text_in_the_accent_is_darkened_until_it_reads() -> None:
    pale = replace(HARBOR, accent="#7fb2ff")
    colours = tokens(pale)
    assert contrast(colours["accent"], colours["s1"]) < 4.5 <= contrast(colours["accent-text"], colours["s1"])


@pytest.mark.parametrize("hue", range(0, 360, 40))
@pytest.mark.parametrize("scheme", list(Scheme))
def test_every_tint_of_the_neutrals_keeps_its_contrast(hue: int, scheme: Scheme) -> None:
    tinted = replace(VANTA, neutral_hue=hue, neutral_chroma=0.03, scheme=scheme, accent="#3478f6")
    assert blocking(tinted) == []


def test_a_brand_cannot_change_direction_and_risk() -> None:
    other = replace(VANTA, accent="#9b5cff", neutral_hue=20, neutral_chroma=0.0)
    assert [tokens(other)[name] for name in ("up", "down", "warn")] == [
        tokens(VANTA)[name] for name in ("up", "down", "warn")
    ]


def test_the_sheet_holds_tokens_and_nothing_else() -> None:
    sheet = theme_css(VANTA)
    assert sheet.startswith(":root {\n  color-scheme: dark;\n  --bg: oklch(0.155 0.012 255);\n")
    assert sheet.endswith('  --font: "Inter Variable", "Inter", system-ui, sans-serif;\n}\n')
    assert sheet.count("{") == 1


def test_hairlines_and_cards_are_two_products() -> None:
    dense, calm = theme_css(VANTA), theme_css(HARBOR)
    assert "--radius: 0px;" in dense
    assert "--grid: var(--line);" in dense
    assert "--radius: 12px;" in calm
    assert "--grid: var(--bg);" in calm
    assert browser_colour(HARBOR) == "#ffffff"
    assert browser_colour(VANTA) == "#0e1116"


@pytest.mark.parametrize(
    "change",
    [
        {"accent": "red"},
        {"accent": "#12345g"},
        {"accent": "#fff; } body { display: none"},
        {"font": "Comic Sans"},
        {"scheme": "sepia"},
        {"neutral_hue": 361},
        {"neutral_chroma": 0.2},
        {"radius": -1},
        {"gap": 0},
        {"density": 60},
    ],
)
def test_what_would_not_be_a_theme_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        replace(VANTA, **change)  # type: ignore[arg-type]
