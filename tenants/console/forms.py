"""The margin policy as its owner types it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from django import forms

from tenants.policy import Policy, offered_venues
from trading.connect import gateway_of
from trading.margin.types import MarginMode
from trading.markets import listed_markets, markets_at, venues_offered
from trading.venues.snapshots import Venue

HIGHEST_LEVERAGE = 200
MOST_MARKS = 8
MOST_PRESETS = 6
LARGEST_PRESET = Decimal("1000000")
NOTHING_LEFT = (
    "That leaves your traders no market: all that you offer are at other venues. "
    "Choose one of those too, open markets here under Markets, and come back."
)
MODES = [(MarginMode.ISOLATED.value, "Isolated"), (MarginMode.CROSS.value, "Cross")]

Item = TypeVar("Item", int, Decimal)


class PolicyForm(forms.Form):
    """Every choice a margin policy has. Lists are typed with commas or spaces between their numbers."""

    offers_cross = forms.BooleanField(required=False)
    default_mode = forms.ChoiceField(
        choices=MODES, error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose isolated or cross.")
    )
    isolated_leverage = forms.CharField(required=False)
    cross_leverage = forms.CharField(required=False)
    leverage_cap = forms.CharField(required=False)
    slider_marks = forms.CharField(required=False)
    margin_presets = forms.CharField(required=False)
    based_on = forms.CharField(required=False, max_length=40)

    def __init__(self, connected: Sequence[Venue], in_force: Policy, *arguments: Any, **options: Any) -> None:
        """``connected``: the venues to choose from; where there is one, the choice ``in_force`` stays."""
        super().__init__(*arguments, **options)
        self.connected, self.in_force = tuple(connected), in_force
        choices = [(venue.value, gateway_of(venue).label) for venue in connected]
        self.fields["venues"] = forms.MultipleChoiceField(
            choices=choices, required=False, error_messages={"invalid_choice": "Choose from the venues shown."}
        )

    def clean_venues(self) -> tuple[Venue, ...]:
        if len(self.connected) < 2:
            return self.in_force.venues
        chosen = tuple(venue for venue in self.connected if venue in self.cleaned_data["venues"])
        if not chosen:
            raise forms.ValidationError("Choose at least one venue: traders have nowhere to trade otherwise.")
        is_changed = set(chosen) != set(offered_venues(self.in_force, self.connected))
        if is_changed and _leaves_nothing(replace(self.in_force, venues=chosen)):
            raise forms.ValidationError(NOTHING_LEFT)
        return chosen

    def clean_isolated_leverage(self) -> int:
        return _leverage(self.cleaned_data["isolated_leverage"])

    def clean_cross_leverage(self) -> int:
        return _leverage(self.cleaned_data["cross_leverage"])

    def clean_leverage_cap(self) -> int | None:
        typed = self.cleaned_data["leverage_cap"]
        return _leverage(typed) if typed else None

    def clean_slider_marks(self) -> tuple[int, ...]:
        return _numbers(self.cleaned_data["slider_marks"], _leverage, MOST_MARKS, "marks")

    def clean_margin_presets(self) -> tuple[Decimal, ...]:
        return _numbers(self.cleaned_data["margin_presets"], _amount, MOST_PRESETS, "presets")

    def clean(self) -> dict[str, Any]:
        chosen = self.cleaned_data
        offers_cross = chosen.get("offers_cross", False)
        if chosen.get("default_mode") == MarginMode.CROSS and not offers_cross:
            self.add_error("default_mode", "Cross cannot be the default while it is not offered.")
        cap = chosen.get("leverage_cap")
        checked = ["isolated_leverage", "cross_leverage"] if offers_cross else ["isolated_leverage"]
        for name in checked:
            if cap and chosen.get(name, 0) > cap:
                self.add_error(name, f"{chosen[name]}x is above your cap of {cap}x: lower it, or raise the cap.")
        return chosen

    @property
    def policy(self) -> Policy:
        """The policy that a valid form describes."""
        chosen = self.cleaned_data
        return Policy(
            offers_cross=chosen["offers_cross"],
            default_mode=MarginMode(chosen["default_mode"]),
            isolated_leverage=chosen["isolated_leverage"],
            cross_leverage=chosen["cross_leverage"],
            leverage_cap=chosen["leverage_cap"],
            slider_marks=chosen["slider_marks"],
            margin_presets=chosen["margin_presets"],
            venues=chosen["venues"],
        )


def _leaves_nothing(policy: Policy) -> bool:
    """Whether no market is open at a policy's venues; one whose markets are not read yet may have some."""
    venues = venues_offered(policy)
    read = set(markets_at(venues).values_list("venue", flat=True))
    return not listed_markets(policy) and (read == set(venues) or not policy.offers_new_markets)


def _leverage(text: str) -> int:
    typed = text.strip().lower().removesuffix("x")
    if not re.fullmatch(r"[0-9]{1,3}", typed) or not 1 <= int(typed) <= HIGHEST_LEVERAGE:
        raise forms.ValidationError(f"Leverage is a whole number from 1 to {HIGHEST_LEVERAGE}, such as 3.")
    return int(typed)


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise forms.ValidationError("A preset is an amount, such as 25.") from None
    if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,2})?", text) or not 0 < amount <= LARGEST_PRESET:
        raise forms.ValidationError("A preset is above zero, at most 1000000, with at most two decimals.")
    return amount.quantize(Decimal("0.01"))


def _numbers(text: str, read: Callable[[str], Item], most: int, noun: str) -> tuple[Item, ...]:
    """The numbers of a list in ascending order, each once."""
    found = sorted({read(part) for part in re.split(r"[,;\s]+", text) if part})
    if len(found) > most:
        raise forms.ValidationError(f"There is room for {most} {noun}; these are {len(found)}.")
    return tuple(found)


def initial_of(policy: Policy, version: str, connected: Sequence[Venue]) -> dict[str, Any]:
    """What the form holds before anything is typed."""
    return {
        "offers_cross": policy.offers_cross,
        "default_mode": policy.default_mode.value,
        "isolated_leverage": policy.isolated_leverage,
        "cross_leverage": policy.cross_leverage,
        "leverage_cap": policy.leverage_cap or "",
        "slider_marks": ", ".join(str(mark) for mark in policy.slider_marks),
        "margin_presets": ", ".join(f"{amount.normalize():f}" for amount in policy.margin_presets),
        "venues": list(offered_venues(policy, connected)),
        "based_on": version,
    }
