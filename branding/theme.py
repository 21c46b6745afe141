"""A brand's few choices become every colour and measure of its pages, as CSS custom properties.

Colours are derived in OKLCH, where equal steps of lightness look equal, so a ramp keeps its contrast at any hue. A
brand sets the accent and the tint of the neutrals; green and red (direction and result) and amber (risk) are not its to
change. ``findings`` measures what was derived: contrast by WCAG 2.2 (success criteria 1.4.3 and 1.4.11) and how far
profit and loss are apart for each kind of colour blindness.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from coloraide import Color

TEXT_CONTRAST = 4.5
CONTROL_CONTRAST = 3.0
# CIEDE2000 of two colours that stay apart at a glance even as small figures.
DISTINGUISHABLE = 12.0
SEMANTIC_HUE_DISTANCE = 22.0
COLOUR_BLINDNESS = ("protan", "deutan", "tritan")
_WASH = {"dark": 0.17, "light": 0.11}
_LIGHTNESS_STEP = 0.01


class Scheme(StrEnum):
    """Dark or light."""

    DARK = "dark"
    LIGHT = "light"


FONTS: Mapping[str, str] = {
    "inter": '"Inter Variable", "Inter", system-ui, sans-serif',
    "system": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
    "humanist": "Seravek, 'Gill Sans Nova', Ubuntu, Calibri, 'DejaVu Sans', sans-serif",
}


def _is_hexadecimal_colour(text: str) -> bool:
    return len(text) == 7 and text[0] == "#" and all(digit in "0123456789abcdefABCDEF" for digit in text[1:])


def _require_between(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise ValueError(f"{name} must lie between {lowest} and {highest}, not {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """What a brand may choose. ``gap`` 1 draws hairlines, more draws cards; ``density`` is a row's height in px."""

    accent: str
    neutral_hue: int
    neutral_chroma: float
    scheme: Scheme
    radius: int
    gap: int
    density: int
    font: str

    def __post_init__(self) -> None:
        """Refuse what would not be a theme.

        Raises:
            ValueError: a colour that is not ``#rrggbb``, an unknown font or scheme, a measure out of its range.
        """
        if not _is_hexadecimal_colour(self.accent):
            raise ValueError(f"the accent must look like #2f6fed, not {self.accent!r}")
        if self.font not in FONTS:
            raise ValueError(f"unknown type face {self.font!r}")
        Scheme(self.scheme)
        _require_between("hue", self.neutral_hue, 0, 360)
        _require_between("chroma", self.neutral_chroma, 0, 0.04)
        _require_between("radius", self.radius, 0, 16)
        _require_between("gap", self.gap, 1, 16)
        _require_between("density", self.density, 28, 36)


HARBOR = Theme(
    accent="#0b6bb5",
    neutral_hue=228,
    neutral_chroma=0.010,
    scheme=Scheme.LIGHT,
    radius=12,
    gap=8,
    density=36,
    font="inter",
)
VANTA = Theme(
    accent="#e8c42c",
    neutral_hue=255,
    neutral_chroma=0.012,
    scheme=Scheme.DARK,
    radius=6,
    gap=1,
    density=30,
    font="inter",
)
MERIDIAN = Theme(
    accent="#a48bff",
    neutral_hue=296,
    neutral_chroma=0.022,
    scheme=Scheme.DARK,
    radius=14,
    gap=8,
    density=34,
    font="inter",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageBrand:
    """What the head of every page needs of a brand. Without a logo its initial stands there."""

    name: str
    scheme: Scheme
    browser_colour: str
    theme_url: str
    logo_url: str = ""


# Lightness of each neutral step, and how much of the brand's chroma it carries.
_NEUTRALS: Mapping[Scheme, Mapping[str, tuple[float, float]]] = {
    Scheme.DARK: {
        "bg": (0.155, 1.0),
        "s1": (0.178, 1.0),
        "s2": (0.212, 1.0),
        "s3": (0.262, 1.1),
        "line": (0.285, 1.0),
        "line-strong": (0.50, 1.0),
        "ink": (0.968, 0.4),
        "ink2": (0.765, 0.8),
        "ink3": (0.665, 0.9),
    },
    Scheme.LIGHT: {
        "bg": (0.962, 0.8),
        "s1": (1.0, 0.0),
        "s2": (0.972, 0.6),
        "s3": (0.925, 1.0),
        "line": (0.902, 1.0),
        "line-strong": (0.60, 1.6),
        "ink": (0.215, 1.6),
        "ink2": (0.405, 1.8),
        "ink3": (0.505, 1.8),
    },
}
_SEMANTICS: Mapping[Scheme, Mapping[str, str]] = {
    Scheme.DARK: {"up": "oklch(0.790 0.155 162)", "down": "oklch(0.685 0.178 21)", "warn": "oklch(0.800 0.145 72)"},
    Scheme.LIGHT: {"up": "oklch(0.495 0.118 160)", "down": "oklch(0.520 0.195 26)", "warn": "oklch(0.515 0.115 66)"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One way in which a theme falls short. A blocking one forbids publication."""

    name: str
    message: str
    measured: float
    needed: float
    is_blocking: bool = True


def tokens(theme: Theme) -> dict[str, Color]:
    """Every colour of the pages, by the name of its custom property."""
    scheme = Scheme(theme.scheme)
    colours = {
        name: Color("oklch", [lightness, theme.neutral_chroma * share, theme.neutral_hue]).fit(
            "srgb", method="oklch-chroma"
        )
        for name, (lightness, share) in _NEUTRALS[scheme].items()
    }
    accent = Color(theme.accent).convert("oklch")
    colours["accent"] = accent
    colours["accent-ink"] = _readable_on(accent)
    colours["accent-wash"] = _wash(accent, colours["s1"], scheme)
    grounds = (colours["s1"], colours["s2"], colours["s3"], colours["accent-wash"])
    colours["accent-text"] = _until_readable(accent, grounds, scheme)
    for name, text in _SEMANTICS[scheme].items():
        colour = Color(text).fit("srgb", method="oklch-chroma")
        colours[name] = colour
        colours[f"{name}-ink"] = _readable_on(colour)
        colours[f"{name}-wash"] = _wash(colour, colours["s1"], scheme)
    return colours


def theme_css(theme: Theme) -> str:
    """The style sheet of a brand: its tokens and nothing else."""
    is_cards = theme.gap > 1
    control_radius = max(theme.radius - 2, 2)
    properties = {name: colour.to_string(precision=4) for name, colour in tokens(theme).items()} | {
        "radius": f"{theme.radius}px" if is_cards else "0px",
        "radius-control": f"{control_radius}px",
        "radius-pill": "999px" if is_cards else f"{control_radius}px",
        "gap": f"{theme.gap}px",
        "edge": f"{theme.gap}px" if is_cards else "0px",
        "frame": "1px" if is_cards else "0px",
        "grid": "var(--bg)" if is_cards else "var(--line)",
        "row": f"{theme.density}px",
        "pad": "16px" if is_cards else "14px",
        "font": FONTS[theme.font],
    }
    body = "\n".join(f"  --{name}: {value};" for name, value in properties.items())
    return f":root {{\n  color-scheme: {Scheme(theme.scheme).value};\n{body}\n}}\n"


def browser_colour(theme: Theme) -> str:
    """The colour a phone paints around the page, as ``#rrggbb``."""
    return tokens(theme)["s1"].convert("srgb").to_string(hex=True, fit=True)


def findings(theme: Theme) -> tuple[Finding, ...]:
    """Everything that falls short of what may be published, and what is merely unwise."""
    return (*_contrast_findings(tokens(theme)), *_direction_findings(tokens(theme)), *_accent_findings(tokens(theme)))


_TEXT_PAIRS = (
    *((ink, ground) for ink in ("ink", "ink2", "ink3") for ground in ("bg", "s1", "s2")),
    *((name, ground) for name in ("up", "down", "warn") for ground in ("s1", "s2", f"{name}-wash")),
    *((f"{name}-ink", name) for name in ("accent", "up", "down", "warn")),
    *(("accent-text", ground) for ground in ("s1", "s2", "accent-wash")),
    *(("ink", f"{name}-wash") for name in ("accent", "up", "down", "warn")),
    *(("ink2", f"{name}-wash") for name in ("up", "down", "warn")),
)
_CONTROL_PAIRS = (("accent", "s1"), ("accent", "s2"), ("line-strong", "s1"))


def _contrast_findings(colours: Mapping[str, Color]) -> list[Finding]:
    pairs = [(*pair, TEXT_CONTRAST, "text") for pair in _TEXT_PAIRS]
    pairs += [(*pair, CONTROL_CONTRAST, "a control") for pair in _CONTROL_PAIRS]
    found = []
    for front, ground, needed, use in pairs:
        ratio = colours[front].contrast(colours[ground], method="wcag21")
        if ratio < needed:
            message = f"{front} on {ground} has a contrast of {ratio:.2f}:1; {use} needs {needed}:1"
            found.append(Finding(name=f"contrast-{front}-on-{ground}", message=message, measured=ratio, needed=needed))
    return found


def _direction_findings(colours: Mapping[str, Color]) -> list[Finding]:
    found = []
    for blindness in COLOUR_BLINDNESS:
        profit, loss = (colours[name].filter(blindness) for name in ("up", "down"))
        distance = profit.delta_e(loss, method="2000")
        if distance < DISTINGUISHABLE:
            message = (
                f"profit and loss look alike to {blindness} eyes (distance {distance:.1f}, needs {DISTINGUISHABLE})"
            )
            found.append(
                Finding(name=f"direction-{blindness}", message=message, measured=distance, needed=DISTINGUISHABLE)
            )
    return found


def _accent_findings(colours: Mapping[str, Color]) -> list[Finding]:
    accent = colours["accent"]
    if accent["chroma"] < 0.04:
        return []
    found = []
    for name, meaning in (("up", "profit"), ("down", "loss"), ("warn", "risk")):
        apart = abs((accent["hue"] - colours[name]["hue"] + 180) % 360 - 180)
        if apart < SEMANTIC_HUE_DISTANCE:
            message = f"the accent is easily taken for the colour of {meaning} ({apart:.0f}° apart)"
            found.append(
                Finding(
                    name=f"accent-like-{name}",
                    message=message,
                    measured=apart,
                    needed=SEMANTIC_HUE_DISTANCE,
                    is_blocking=False,
                )
            )
    return found


def _wash(colour: Color, ground: Color, scheme: Scheme) -> Color:
    return ground.mix(colour, _WASH[scheme], space="srgb").convert("oklch").fit("srgb", method="oklch-chroma")


def _readable_on(ground: Color) -> Color:
    dark, light = Color("oklch", [0.18, 0.01, ground["hue"]]), Color("oklch", [1, 0, 0])
    return max((dark, light), key=lambda ink: ink.contrast(ground, method="wcag21"))


def _until_readable(colour: Color, grounds: tuple[Color, ...], scheme: Scheme) -> Color:
    """The nearest lightness of a colour at which it can be read on every ground."""
    step = _LIGHTNESS_STEP if scheme is Scheme.DARK else -_LIGHTNESS_STEP
    candidate = colour.clone()
    while 0 < candidate["lightness"] < 1 and any(
        candidate.contrast(ground, method="wcag21") < TEXT_CONTRAST for ground in grounds
    ):
        candidate = candidate.set("lightness", candidate["lightness"] + step).fit("srgb", method="oklch-chroma")
    return candidate
