"""How near each account is to a liquidation: what a trader's freshness is bought by."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from trading.models import Position

FAR = Decimal(1)

# Account id, market name, liquidation price (None: there is none).
Held = tuple[int, str, Decimal | None]


def nearest_liquidations(held: Iterable[Held], marks: Mapping[str, Decimal]) -> dict[int, Decimal]:
    """The distance of each account's nearest liquidation, as a fraction of the mark.

    An account whose positions have no liquidation price is ``FAR``; one whose market has no mark is as near as can be,
    because its risk is not known.
    """
    nearest: dict[int, Decimal] = {}
    for account_id, market, liquidation in held:
        nearest[account_id] = min(nearest.get(account_id, FAR), distance(marks.get(market), liquidation))
    return nearest


def distance(mark: Decimal | None, liquidation: Decimal | None) -> Decimal:
    """The move of the mark that reaches liquidation, as a fraction of the mark: 0 when it is not known, at most 1."""
    if liquidation is None:
        return FAR
    if mark is None or mark <= 0:
        return Decimal(0)
    return min(FAR, abs(mark - liquidation) / mark)


def open_positions(venue: str, network: str) -> list[Held]:
    """Every open position at a venue, of the operators in scope, with the venue's liquidation price or else ours."""
    rows = Position.objects.filter(account__venue=venue, account__network=network).values_list(
        "account_id", "market__name", "liquidation_price", "estimated_liquidation_price"
    )
    return [(account_id, market, theirs or ours) for account_id, market, theirs, ours in rows]
