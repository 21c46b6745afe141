"""What a margin policy comes to on each market, once the venue has had its say. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from tenants.policy import (
    Policy,
    highest_leverage,
    highest_leverage_in,
    offered_modes,
    slider_marks,
    starting_leverage,
    starting_mode,
)
from trading.margin.types import MarginMode
from trading.venues.snapshots import MarketSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """One market under a policy. ``conflict`` says where the venue allows less than the operator asks for."""

    market: str
    mode: str
    isolated: str
    cross: str
    highest: str
    marks: tuple[str, ...]
    conflict: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Markets on which the venue stands in the policy's way in the same manner."""

    markets: tuple[str, ...]
    sentence: str


def consequence(policy: Policy, spec: MarketSpec) -> Consequence:
    """What a trader without a choice of their own finds on a market."""
    highest = highest_leverage_in(policy, spec)
    offered = offered_modes(policy, spec.restriction)
    mode = starting_mode(policy, offered, chosen=None)
    isolated = starting_leverage(policy, MarginMode.ISOLATED, highest, chosen=None)
    cross = starting_leverage(policy, MarginMode.CROSS, highest, chosen=None)
    return Consequence(
        market=spec.base,
        mode=mode.value.title(),
        isolated=f"{isolated}x (venue max {spec.max_leverage}x)",
        cross=f"{cross}x" if MarginMode.CROSS in offered else "not offered",
        highest=f"{highest}x",
        marks=tuple(f"{mark}x" for mark in slider_marks(policy, highest)),
        conflict=" ".join(_clashes(policy, spec, mode)),
    )


def _clashes(policy: Policy, spec: MarketSpec, mode: MarginMode) -> Iterable[str]:
    if policy.offers_cross and policy.default_mode is not mode:
        yield "The venue takes isolated margin only, so it opens isolated."
    defaults = {MarginMode.ISOLATED: policy.isolated_leverage}
    if MarginMode.CROSS in offered_modes(policy, spec.restriction):
        defaults[MarginMode.CROSS] = policy.cross_leverage
    allowed = spec.max_leverage
    lowered = [f"{mode.value} default of {leverage}x" for mode, leverage in defaults.items() if leverage > allowed]
    if lowered:
        verb = "becomes" if len(lowered) == 1 else "become"
        yield f"The venue allows {allowed}x, so the {' and the '.join(lowered)} {verb} {allowed}x."


def conflicts(outcomes: Iterable[Consequence]) -> tuple[Conflict, ...]:
    """Every conflict once, with the markets it is about, in the venue's order."""
    found: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.conflict:
            found.setdefault(outcome.conflict, []).append(outcome.market)
    return tuple(Conflict(tuple(markets), sentence) for sentence, markets in found.items())


def unused_marks(policy: Policy, highest_anywhere: int) -> tuple[int, ...]:
    """Marks that no market shows, because they lie above the cap or above every venue maximum."""
    return tuple(mark for mark in policy.slider_marks if mark > highest_leverage(policy, highest_anywhere))


def remarks(policy: Policy, specs: Iterable[MarketSpec]) -> tuple[str, ...]:
    """What the owner should know about the policy as a whole."""
    highest = max((spec.max_leverage for spec in specs), default=0)
    if not highest:
        return ()
    told = []
    if policy.leverage_cap and policy.leverage_cap >= highest:
        told.append(f"No market allows more than {highest}x, so the cap of {policy.leverage_cap}x changes nothing.")
    hidden = unused_marks(policy, highest)
    if hidden:
        told.append(f"{', '.join(f'{mark}x' for mark in hidden)} will not be shown: no market goes that far here.")
    return tuple(told)
