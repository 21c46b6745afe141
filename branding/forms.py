"""The look as its owner types it."""

import io
import re
from decimal import Decimal
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import MaxValueValidator, MinValueValidator

from branding.drafts import find_logo, keep_logo
from branding.logo import LARGEST_FILE, Logo, NotALogo, read_logo
from branding.publishing import NOTHING_YET, Draft
from branding.theme import FONTS, Scheme, Theme

COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
FONT_NAMES = {"inter": "Inter", "system": "System", "humanist": "Humanist"}
SCHEMES = [(Scheme.DARK.value, "Dark"), (Scheme.LIGHT.value, "Light")]


def _whole(noun: str, lowest: int, highest: int) -> forms.IntegerField:
    sentence = f"{noun} is a whole number from {lowest} to {highest}."
    names = ("required", "invalid", "min_value", "max_value")
    return forms.IntegerField(min_value=lowest, max_value=highest, error_messages=dict.fromkeys(names, sentence))


class BrandForm(forms.Form):
    """Every choice a brand has. ``kept_logo`` is the digest of a logo that came with an earlier attempt."""

    name = forms.CharField(
        max_length=60,
        error_messages={"required": "Enter the name of your exchange.", "max_length": "A name has at most 60 letters."},
    )
    accent = forms.CharField(error_messages={"required": "Choose the accent colour."})
    neutral_hue = _whole("The hue of the neutrals", 0, 360)
    neutral_chroma = forms.DecimalField(
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal("0.04"))],
        max_digits=4,
        decimal_places=3,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value", "max_digits", "max_decimal_places"),
            "The tint of the neutrals is a number from 0 to 0.04 with at most three decimals.",
        ),
    )
    scheme = forms.ChoiceField(
        choices=SCHEMES, error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose dark or light.")
    )
    radius = _whole("The radius", 0, 16)
    gap = _whole("The gap", 1, 16)
    density = _whole("The height of a row", 28, 36)
    font = forms.ChoiceField(
        choices=[(name, FONT_NAMES[name]) for name in FONTS],
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose one of the type faces shown."),
    )
    logo = forms.FileField(required=False, error_messages={"empty": "The file is empty."})
    remove_logo = forms.BooleanField(required=False)
    kept_logo = forms.RegexField(r"^[0-9a-f]{16}$", required=False)
    based_on = forms.IntegerField(required=False)

    def __init__(self, *args: Any, operator_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.operator_id = operator_id

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not name.isprintable():
            raise forms.ValidationError("A name holds letters, digits and signs that can be seen.")
        return name

    def clean_accent(self) -> str:
        accent: str = self.cleaned_data["accent"]
        if not COLOUR.fullmatch(accent):
            raise forms.ValidationError("A colour is written as # and six hexadecimal digits, such as #2f6fed.")
        return accent.lower()

    def clean_logo(self) -> Logo | None:
        upload: UploadedFile[bytes] | None = self.cleaned_data["logo"]
        if upload is None:
            return None
        try:
            logo = read_logo(io.BytesIO(upload.read(LARGEST_FILE + 1)), upload.size or 0)
        except NotALogo as problem:
            raise forms.ValidationError(str(problem)) from None
        keep_logo(self.operator_id, logo)
        return logo

    @property
    def draft(self) -> Draft:
        """The look that a valid form describes."""
        chosen = self.cleaned_data
        theme = Theme(
            accent=chosen["accent"],
            neutral_hue=chosen["neutral_hue"],
            neutral_chroma=float(chosen["neutral_chroma"]),
            scheme=Scheme(chosen["scheme"]),
            radius=chosen["radius"],
            gap=chosen["gap"],
            density=chosen["density"],
            font=chosen["font"],
        )
        return Draft(name=chosen["name"], theme=theme, logo=self.chosen_logo)

    @property
    def chosen_logo(self) -> Logo | None:
        """The upload, else the logo of an earlier attempt or the live one, else none."""
        chosen = getattr(self, "cleaned_data", {})
        if chosen.get("logo"):
            logo: Logo = chosen["logo"]
            return logo
        return None if chosen.get("remove_logo") else find_logo(self.operator_id, chosen.get("kept_logo") or "")

    @property
    def based_on_version(self) -> int:
        """The version that was live when the form was opened."""
        return self.cleaned_data.get("based_on") or NOTHING_YET


def initial_of(draft: Draft, version: int) -> dict[str, Any]:
    """What the form holds before anything is typed."""
    theme = draft.theme
    return {
        "name": draft.name,
        "accent": theme.accent,
        "neutral_hue": theme.neutral_hue,
        "neutral_chroma": f"{theme.neutral_chroma:.3f}",
        "scheme": theme.scheme.value,
        "radius": theme.radius,
        "gap": theme.gap,
        "density": theme.density,
        "font": theme.font,
        "kept_logo": draft.logo.digest if draft.logo else "",
        "based_on": version,
    }
