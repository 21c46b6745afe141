"""Which markets are offered and how far leverage goes in each, as arithmetic: a choice can only tighten."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tenants.policy import (
    MarketOffer,
    Policy,
    closed_because,
    highest_leverage,
    highest_leverage_in,
    offer_of,
    offers_market,
    with_markets_of,
)
from tests.factories import make_spec
from trading.venues.snapshots import Venue

HYPERLIQUID, ASTER = Venue.HYPERLIQUID, Venue.ASTER
KAITO = (HYPERLIQUID, "KAITO")
CLOSED, OPEN = MarketOffer(is_offered=False), MarketOffer()
LEVERAGES = some.integers(1, 200)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(), True),
        (Policy(markets={KAITO: CLOSED}), False),
        (Policy(markets={(ASTER, "KAITO"): CLOSED}), True),
        (Policy(offers_new_markets=False), False),
        (Policy(offers_new_markets=False, markets={KAITO: OPEN}), True),
        (Policy(venues=(ASTER,)), False),
        (Policy(venues=(ASTER,), markets={KAITO: OPEN}), False),
        (Policy(venues=(ASTER, HYPERLIQUID)), True),
    ],
)
def test_market_is_offered_by_its_own_choice_before_the_common_one(policy: Policy, expected: bool) -> None:
    assert offers_market(policy, *KAITO) is expected


def test_closed_market_says_what_is_left_to_do() -> None:
    spec = make_spec("KAITO", 10)

    assert closed_because(Policy(), spec) == ""
    assert closed_because(Policy(markets={KAITO: CLOSED}), spec) == (
        "This exchange has closed KAITO for new positions. You can add margin, reduce and close."
    )


@pytest.mark.parametrize(
    ("venue", "common", "own", "expected"),
    [(40, None, None, 40), (40, 20, None, 20), (40, None, 5, 5), (40, 20, 5, 5), (40, 5, 20, 5), (3, 20, 5, 3)],
)
def test_lowest_of_venue_common_cap_and_own_cap_holds(
    venue: int, common: int | None, own: int | None, expected: int
) -> None:
    policy = Policy(leverage_cap=common, markets={KAITO: MarketOffer(leverage_cap=own)})

    assert highest_leverage_in(policy, make_spec("KAITO", venue)) == expected


@given(LEVERAGES, some.none() | LEVERAGES, some.none() | LEVERAGES)
def test_own_cap_never_loosens_what_holds_without_it(venue: int, common: int | None, own: int | None) -> None:
    policy = Policy(leverage_cap=common, markets={KAITO: MarketOffer(leverage_cap=own)})

    assert 1 <= highest_leverage_in(policy, make_spec("KAITO", venue)) <= highest_leverage(policy, venue) <= venue


def test_another_policy_keeps_the_choice_of_markets() -> None:
    in_force = Policy(leverage_cap=5, markets={KAITO: CLOSED}, offers_new_markets=False)

    kept = with_markets_of(Policy(leverage_cap=9), in_force)

    assert (kept.leverage_cap, offer_of(kept, *KAITO), kept.offers_new_markets) == (9, CLOSED, False)
