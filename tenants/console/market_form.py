"""The operator's choice of markets as he types it, market by market. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.http import QueryDict

from tenants.console.market_facts import MarketFacts
from tenants.policy import MarketKey, MarketOffer, Policy, highest_leverage, offer_of

NOTHING_OFFERED = "Offer at least one market: your traders have nowhere to trade otherwise."
NO_PLACE = "A place is a number from 1 to 999."
NO_LEVERAGE = "A whole number from 1 up."


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketsForm:
    """What the fields hold, what they come to, and what is wrong: sentences by the names of the fields.

    ``offers`` leaves out the markets that the form does not decide about. ``based_on`` names the state it began from.
    """

    offers: Mapping[MarketKey, MarketOffer]
    offers_new: bool
    based_on: str
    caps: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


def ceiling_of(policy: Policy, market: MarketFacts) -> int:
    """The most that a market's own cap may be: it can only tighten what holds without it."""
    return highest_leverage(policy, market.max_leverage)


def form_in_force(policy: Policy, markets: Iterable[MarketFacts], based_on: str) -> MarketsForm:
    """What the form holds before anything is typed."""
    offers = {market.key: offer_of(policy, *market.key) for market in markets}
    addresses = {market.key: market.address for market in markets}
    return MarketsForm(
        offers=offers,
        offers_new=policy.offers_new_markets,
        based_on=based_on,
        caps={addresses[key]: str(offer.leverage_cap or "") for key, offer in offers.items()},
        places={addresses[key]: str(offer.place or "") for key, offer in offers.items()},
    )


def read_markets(data: QueryDict, policy: Policy, markets: Sequence[MarketFacts]) -> MarketsForm:
    """The form as it was sent. It decides about the markets that it shows (``listed``) and their venues still list."""
    shown = set(data.get("listed", "").split())
    offered = set(data.getlist("offered"))
    errors: dict[str, str] = {}
    offers: dict[MarketKey, MarketOffer] = {}
    for market in markets:
        if market.is_delisted or market.address not in shown:
            continue
        offers[market.key] = MarketOffer(
            is_offered=market.address in offered,
            place=_place(data, market, errors),
            leverage_cap=_cap(data, policy, market, errors),
        )
    errors |= _places_taken(markets, offers)
    if offers and not any(offer.is_offered for offer in offers.values()):
        errors["offered"] = NOTHING_OFFERED
    return MarketsForm(
        offers=offers,
        offers_new=data.get("offers_new") == "on",
        based_on=data.get("based_on", "")[:40],
        caps={market.address: data.get(f"cap:{market.address}", "") for market in markets},
        places={market.address: data.get(f"place:{market.address}", "") for market in markets},
        errors=errors,
    )


def _place(data: QueryDict, market: MarketFacts, errors: dict[str, str]) -> int | None:
    name = f"place:{market.address}"
    typed = data.get(name, "").strip()
    if not typed:
        return None
    if not re.fullmatch(r"[0-9]{1,3}", typed) or not int(typed):
        errors[name] = NO_PLACE
        return None
    return int(typed)


def _cap(data: QueryDict, policy: Policy, market: MarketFacts, errors: dict[str, str]) -> int | None:
    """A cap that was in force before its venue lowered what it allows may stay: the lower of the two holds."""
    name, ceiling = f"cap:{market.address}", ceiling_of(policy, market)
    typed = data.get(name, "").strip().lower().removesuffix("x")
    if not typed:
        return None
    if not re.fullmatch(r"[0-9]{1,3}", typed) or not int(typed):
        errors[name] = NO_LEVERAGE
        return None
    if int(typed) > ceiling and int(typed) != offer_of(policy, *market.key).leverage_cap:
        whose = "the venue allows" if ceiling == market.max_leverage else "your own cap allows"
        errors[name] = f"{ceiling}x is the most that {whose}."
    return int(typed)


def _places_taken(markets: Iterable[MarketFacts], offers: Mapping[MarketKey, MarketOffer]) -> dict[str, str]:
    """What is wrong where two markets are given the same place."""
    taken: dict[int, MarketFacts] = {}
    errors = {}
    for market in markets:
        place = offers[market.key].place if market.key in offers else None
        if place is not None and taken.setdefault(place, market) is not market:
            errors[f"place:{market.address}"] = f"{taken[place].words} has this place."
    return errors
