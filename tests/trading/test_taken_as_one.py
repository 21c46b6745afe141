"""The largest and the smallest order that a venue takes, as the ticket knows them."""

from decimal import Decimal

import msgspec
import pytest

from tests.factories import make_spec
from tests.trading.desks import NOW, state
from tests.trading.quotes import desk_in, placed, tiered
from trading.margin.types import Side
from trading.models import Market
from trading.venues.snapshots import Network, Venue

BOUNDED = {
    Venue.HYPERLIQUID: {"max_market_notional": Decimal(500_000)},
    Venue.ASTER: {"max_size": Decimal(12), "max_market_size": Decimal(7)},
}


@pytest.mark.parametrize(
    ("venue", "chosen", "most"),
    [
        # A buy at market may pay 3 % more than the mark, 88,580 a coin; what rests may be worth ten times as much.
        (Venue.HYPERLIQUID, {"kind": "market"}, "5.64461"),
        (Venue.HYPERLIQUID, {"kind": "market", "side": "short"}, "5.99376"),
        (Venue.HYPERLIQUID, {"kind": "limit", "price": "80000"}, "62.5"),
        (Venue.HYPERLIQUID, {"kind": "limit", "price": "80000", "time_in_force": "ioc"}, "6.25"),
        (Venue.HYPERLIQUID, {"kind": "stop", "trigger": "90000"}, "50.50505"),
        (Venue.ASTER, {"kind": "limit", "price": "80000"}, "12"),
        (Venue.ASTER, {"kind": "stop", "trigger": "90000"}, "7"),
        (Venue.ASTER, {"kind": "stop", "trigger": "90000", "execution": "limit", "price": "90100"}, "12"),
    ],
)
@pytest.mark.parametrize("held", ["0", "-80"], ids=["opens", "reduces"])
def test_largest_size_is_one_that_the_venue_takes_as_one_order(
    venue: Venue, chosen: dict[str, str], most: str, held: str
) -> None:
    spec = msgspec.structs.replace(make_spec("BTC", 40, venue=venue), **BOUNDED[venue])
    row = Market.described(spec, state("BTC"), Network.TESTNET, NOW)
    row.pk = 1
    size = Decimal(held) * Side(chosen.get("side", "long")).sign
    reduces = {} if held == "0" else {"reduce_only": "on"}

    whole = placed(desk_in(row, f"{size:f}"), row, {"leverage": "40", "percent": "100"} | chosen | reduces)

    assert (whole.errors, whole.maximum, whole.size) == ({}, Decimal(most), Decimal(most))


@pytest.mark.parametrize(("held", "most"), [("0", "7"), ("-80", "12")], ids=["opens", "reduces"])
def test_what_opens_at_market_has_asters_own_bound_and_what_reduces_goes_out_with_a_limit(held: str, most: str) -> None:
    spec = msgspec.structs.replace(make_spec("BTC", 40, venue=Venue.ASTER), **BOUNDED[Venue.ASTER])
    row = Market.described(spec, state("BTC"), Network.TESTNET, NOW)
    row.pk = 1
    reduces = {} if held == "0" else {"reduce_only": "on"}

    whole = placed(desk_in(row, held), row, {"leverage": "40", "percent": "100"} | reduces)

    assert (whole.errors, whole.maximum, whole.size) == ({}, Decimal(most), Decimal(most))


# The least at the mark of 86,000, and at the 3 % less for which a sale at market may go.
LEAST = "An order has to be worth at least {}: {} BTC or more."


@pytest.mark.parametrize(
    ("venue", "typed", "sentence"),
    [
        (Venue.HYPERLIQUID, {"size": "0.00012", "side": "short"}, ""),
        (Venue.HYPERLIQUID, {"size": "0.00011", "side": "short"}, LEAST.format("10 USDC", "0.00012")),
        (Venue.HYPERLIQUID, {"size": "0.00012", "kind": "limit", "price": "80000"}, LEAST.format("10 USDC", "0.00013")),
        (Venue.HYPERLIQUID, {"size": "10.1", "unit": "usd", "side": "short"}, LEAST.format("10 USDC", "0.00012")),
        (Venue.ASTER, {"size": "0.00012", "side": "short"}, ""),
        (Venue.ASTER, {"size": "0.00012", "kind": "limit", "price": "80000"}, LEAST.format("10 USDT", "0.00013")),
    ],
)
def test_least_order_is_weighed_at_the_price_that_the_venue_weighs_it_at(
    venue: Venue, typed: dict[str, str], sentence: str
) -> None:
    """By the limit that is sent (Hyperliquid 1.4); on Aster by the mark where it goes out at market (2.1)."""
    row = tiered(venue)

    shown = placed(desk_in(row), row, typed)

    assert shown.errors == ({"size": sentence} if sentence else {})


@pytest.mark.parametrize(("typed", "may"), [({"reduce_only": "on"}, True), ({}, False)])
def test_a_position_below_the_least_goes_out_whole_where_the_order_only_reduces(
    typed: dict[str, str], *, may: bool
) -> None:
    row = tiered()

    shown = placed(desk_in(row, "0.0001"), row, {"side": "short", "size": "0.0001"} | typed)

    assert ("size" not in shown.errors) is may


@pytest.mark.parametrize(
    ("equity", "size", "sentence"),
    [
        ("100000", "13", "One order may have at most 7 BTC here. Split it."),
        ("100000", "90", "One order may have at most 7 BTC here. Split it."),
        ("10000", "5", "That needs more than your free collateral"),
        ("10000", "13", "That needs more than your free collateral"),
    ],
    ids=["is carried", "is not carried", "is taken but not carried", "is more than both, and less is carried"],
)
def test_size_beyond_a_bound_names_the_one_that_is_reached_first(equity: str, size: str, sentence: str) -> None:
    spec = msgspec.structs.replace(make_spec("BTC", 40, venue=Venue.ASTER), **BOUNDED[Venue.ASTER])
    row = Market.described(spec, state("BTC"), Network.TESTNET, NOW)
    row.pk = 1

    shown = placed(desk_in(row, "0", equity=equity), row, {"leverage": "40", "size": size})

    assert list(shown.errors) == ["size"]
    assert shown.errors["size"].startswith(sentence)


@pytest.mark.parametrize(
    "typed", [{"kind": "limit"}, {"kind": "stop"}, {"kind": "stop", "trigger": "90000", "execution": "limit"}]
)
def test_order_whose_price_is_still_to_be_typed_knows_no_bound(typed: dict[str, str]) -> None:
    """At market it would be ten times too much for one order; with a price it may not be."""
    spec = msgspec.structs.replace(make_spec("BTC", 40), venue=Venue.HYPERLIQUID, **BOUNDED[Venue.HYPERLIQUID])
    row = Market.described(spec, state("BTC"), Network.TESTNET, NOW)
    row.pk = 1

    shown = placed(desk_in(row), row, {"leverage": "40", "size": "50"} | typed)

    assert "size" not in shown.errors
    assert (shown.taken, bool(shown.form.missing)) == (None, True)
