"""Figures of the venue's documents and recordings, in our own form, so that a clone without them proves them too."""

from datetime import UTC, datetime
from decimal import Decimal

from trading.margin.rounding import PriceRule
from trading.margin.types import Bracket, MarginRestriction, TierTable
from trading.venues.aster.signing import AgentLogin, ApiKeyLogin, SigningKey
from trading.venues.base import MarketSpec, Venue

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NONCE = 1790000027000081
# Public demonstration keys of the venue's documents and of a well-known local test chain: never fund them.
AGENT_KEY = "0x4fd0a42218f3eae43a6ce26d22544e986139a01e5b34a62db53757ffca81bae1"
AGENT = "0x21cF8Ae13Bb72632562c6Fff438652Ba1a151bb0"
OWNER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
OWNER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
OTHER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
API_KEY = "dbefbc809e3e83c283a984c3a1459732ea7db1360ca80c5c2c8867408d28cc83"
API_SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"

# Floor, cap, leverage, maintenance ratio, deduction (the ladder of Aster 4.1).
LADDER = (
    ("0", "50000", 125, "0.004", "0"),
    ("50000", "250000", 100, "0.005", "50"),
    ("250000", "3000000", 50, "0.01", "1300"),
    ("3000000", "20000000", 20, "0.025", "46300"),
)


def agent() -> AgentLogin:
    """The documents' agent, for the test chain's first account."""
    return AgentLogin(OWNER, SigningKey.from_hex(AGENT_KEY), AGENT)


def api_key() -> ApiKeyLogin:
    """The documents' API key."""
    return ApiKeyLogin(OWNER, API_KEY, API_SECRET)


def tiers() -> TierTable:
    """The ladder above."""
    return TierTable.from_brackets(
        Bracket(Decimal(floor), Decimal(cap), leverage, Decimal(ratio), Decimal(deduction))
        for floor, cap, leverage, ratio, deduction in LADDER
    )


def market(name: str = "BTCUSDT", tick: str = "0.1", decimals: int = 3, *, delisted: bool = False) -> MarketSpec:
    """A market as the venue listed it in January 2026."""
    return MarketSpec(
        venue=Venue.ASTER,
        name=name,
        base=name.removesuffix("USDT"),
        index=0,
        size_decimals=decimals,
        price_rule=PriceRule.of_tick(Decimal(tick)),
        tiers=tiers(),
        restriction=MarginRestriction.NONE,
        max_leverage=125,
        min_notional=Decimal(5),
        delisted=delisted,
        collateral="USDT",
    )


ASTER = market("ASTERUSDT", "0.00010", 2)
