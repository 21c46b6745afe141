"""What a choice of markets changes for those who trade there, and how it goes on record. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tenants.console.market_facts import MarketFacts
from tenants.console.market_form import MarketsForm, ceiling_of
from tenants.policy import MarketOffer, Policy, offer_of

NAMED = 12


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about what changes. ``weighs``: a trader who holds something feels it."""

    sentence: str
    weighs: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """A market, what holds for it, and what was decided."""

    market: MarketFacts
    before: MarketOffer
    after: MarketOffer


def decisions(policy: Policy, markets: Iterable[MarketFacts], form: MarketsForm) -> list[Decision]:
    """What the form decides about each market that it is about, in their order."""
    return [
        Decision(market, offer_of(policy, *market.key), form.offers[market.key])
        for market in markets
        if market.key in form.offers
    ]


def findings(policy: Policy, made: Sequence[Decision], *, offers_new: bool) -> tuple[Finding, ...]:
    """What changes, what weighs on somebody first."""
    told = [*_closings(made), *_openings(made), *_caps(policy, made), *_places(made)]
    if offers_new != policy.offers_new_markets:
        how = "is offered by itself" if offers_new else "is offered only once you say so here"
        told.append(Finding(f"A market that a venue adds {how}."))
    return tuple(sorted(told, key=lambda finding: not finding.weighs))


def _closings(made: Sequence[Decision]) -> Iterable[Finding]:
    closed = [one.market for one in made if one.before.is_offered and not one.after.is_offered]
    for market in closed:
        if market.positions or market.resting:
            yield Finding(_who_is_in(market), weighs=True)
    empty = [market for market in closed if not market.positions and not market.resting]
    if empty:
        yield Finding(f"{named(empty)}: gone from the list of markets. None of your traders is in there.")


def _who_is_in(market: MarketFacts) -> str:
    """Who is in a market that is closed, and what is left to them."""
    told = []
    if market.traders:
        hold = "1 trader holds a position" if market.traders == 1 else f"{market.traders} traders hold positions"
        who = "he" if market.traders == 1 else "they"
        told.append(f"{hold} in {market.words}: {who} can add margin, reduce and close; nobody can open.")
    if market.resting:
        orders = "1 resting order stays" if market.resting == 1 else f"{market.resting} resting orders stay"
        where = "there" if market.traders else f"in {market.words}"
        told.append(f"{orders} {where} until filled or cancelled.")
    return " ".join(told)


def _openings(made: Sequence[Decision]) -> Iterable[Finding]:
    opened = [one.market for one in made if one.after.is_offered and not one.before.is_offered]
    if opened:
        yield Finding(f"{named(opened)}: can be traded.")


def _caps(policy: Policy, made: Sequence[Decision]) -> Iterable[Finding]:
    """Markets whose leverage ends elsewhere, together where it is the same for them."""
    alike: dict[tuple[int, int], list[MarketFacts]] = {}
    for one in made:
        ceiling = ceiling_of(policy, one.market)
        before, after = (min(ceiling, offer.leverage_cap or ceiling) for offer in (one.before, one.after))
        if before != after:
            alike.setdefault((before, after), []).append(one.market)
    for (before, after), markets in alike.items():
        above = sum(market.above(after) for market in markets) if after < before else 0
        stays = "1 position above it stays as it is" if above == 1 else f"{above} positions above it stay as they are"
        kept = f" {stays}." if above else ""
        yield Finding(f"{named(markets)}: up to {after}x instead of {before}x.{kept}", weighs=bool(above))


def _places(made: Sequence[Decision]) -> Iterable[Finding]:
    before, after = featured_before_and_after(made)
    if before != after:
        yield Finding(f"Shown first: {', '.join(after)}." if after else "No market is shown before the others.")


def featured_before_and_after(made: Sequence[Decision]) -> tuple[list[str], list[str]]:
    """The markets that are shown first, in their order, as it was and as it becomes."""
    before = sorted((one.before.place, one.market.words) for one in made if one.before.place)
    after = sorted((one.after.place, one.market.words) for one in made if one.after.place)
    return [words for _, words in before], [words for _, words in after]


def named(markets: Sequence[MarketFacts]) -> str:
    """A few markets by their names, and how many more there are."""
    shown = ", ".join(market.words for market in markets[:NAMED])
    return shown if len(markets) <= NAMED else f"{shown} and {len(markets) - NAMED} more"


def recorded(policy: Policy, made: Sequence[Decision], *, offers_new: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Before and after in the words of the audit, only what changed; markets with the same change in one line."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for one in made:
        for noun, before, after in _facets(one.before, one.after):
            if before != after:
                alike.setdefault((noun, before, after), []).append(one.market.words)
    lines = {f"{noun}{', '.join(names)}": (before, after) for (noun, before, after), names in alike.items()}
    first, first_now = featured_before_and_after(made)
    if first != first_now:
        lines["shown first"] = (" · ".join(first) or "none", " · ".join(first_now) or "none")
    if offers_new != policy.offers_new_markets:
        lines["new markets"] = (_offered(is_offered=not offers_new), _offered(is_offered=offers_new))
    return {name: line[0] for name, line in lines.items()}, {name: line[1] for name, line in lines.items()}


def _facets(before: MarketOffer, after: MarketOffer) -> Iterable[tuple[str, str, str]]:
    yield "", _offered(is_offered=before.is_offered), _offered(is_offered=after.is_offered)
    yield "leverage cap of ", _capped(before), _capped(after)


def _offered(*, is_offered: bool) -> str:
    return "offered" if is_offered else "not offered"


def _capped(offer: MarketOffer) -> str:
    return f"{offer.leverage_cap}x" if offer.leverage_cap else "none"
