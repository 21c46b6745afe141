"""The network that a signature is valid on comes from its own setting: no address of a venue changes it."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from pytest_django.fixtures import Settings

from tests.trading.venues.aster import figures as aster
from tests.trading.venues.hyperliquid import figures as hyperliquid
from trading.connect import OtherNetwork, _transport, _vault, seal, trading_adapter
from trading.models import VenueAccount
from trading.venues.base import MarketSpec, Network, PlaceOrder, Venue
from trading.venues.onboarding import Credential, KeyKind

ADDRESSES = {
    Venue.HYPERLIQUID: ("https://api.hyperliquid.xyz", "https://api.hyperliquid-testnet.xyz", "http://127.0.0.1:1"),
    Venue.ASTER: ("https://fapi.asterdex.com", "https://fapi.asterdex-testnet.com", "http://127.0.0.1:1"),
}
KEYS = {Venue.HYPERLIQUID: hyperliquid.PYTHON_SDK_KEY, Venue.ASTER: aster.AGENT_KEY}
MARKETS: dict[Venue, MarketSpec] = {Venue.HYPERLIQUID: hyperliquid.market(), Venue.ASTER: aster.market()}
NONCES = {Venue.HYPERLIQUID: 1790000000000, Venue.ASTER: aster.NONCE}


@pytest.fixture(autouse=True)
def secrets(settings: Settings) -> Iterator[None]:
    settings.AGENT_KEY_SECRETS = ["5xVYmHk6u4wgMHOYqPsp1XA0YbVN1Tj2hUPzFmq0WfM="]
    _vault.cache_clear()
    yield
    _vault.cache_clear()
    _transport.cache_clear()


def deploy(settings: Settings, venue: Venue, url: str, network: Network) -> None:
    setattr(settings, f"{venue.name}_URL", url)
    setattr(settings, f"{venue.name}_NETWORK", network.value)


def account_on(venue: Venue, network: Network) -> VenueAccount:
    key = seal(Credential(KeyKind.AGENT, aster.AGENT.lower(), KEYS[venue].removeprefix("0x")))
    return VenueAccount(venue=venue.value, network=network.value, address=aster.OWNER.lower(), agent_key=key)


def signed(venue: Venue, network: Network) -> bytes:
    """An order for an account of this network, signed as the deployment signs it."""
    market = MARKETS[venue]
    order = PlaceOrder(market, is_buy=True, size=Decimal("0.01"), limit_price=Decimal(60000))
    return trading_adapter(account_on(venue, network)).sign(order, nonce=NONCES[venue]).body


@pytest.mark.parametrize("venue", list(ADDRESSES))
def test_an_address_of_the_other_network_changes_no_signature(settings: Settings, venue: Venue) -> None:
    made: dict[Network, set[bytes]] = {}
    for network in Network:
        for url in ADDRESSES[venue]:
            deploy(settings, venue, url, network)
            made.setdefault(network, set()).add(signed(venue, network))
    assert {network: len(bodies) for network, bodies in made.items()} == dict.fromkeys(Network, 1)
    assert made[Network.MAINNET] != made[Network.TESTNET]


@pytest.mark.parametrize("venue", list(ADDRESSES))
@pytest.mark.parametrize("network", list(Network))
def test_what_is_signed_for_one_network_has_no_way_to_the_other(
    settings: Settings, venue: Venue, network: Network
) -> None:
    other = next(one for one in Network if one is not network)
    for url in ADDRESSES[venue]:
        deploy(settings, venue, url, network)
        adapter = trading_adapter(account_on(venue, other))
        order = PlaceOrder(MARKETS[venue], is_buy=True, size=Decimal("0.01"), limit_price=Decimal(60000))
        with pytest.raises(OtherNetwork):
            adapter.send(adapter.sign(order, nonce=NONCES[venue]))
