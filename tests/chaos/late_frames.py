"""A time of late frames and of nothing else: no process dies, no request fails, and every stream tells out of order.

Marks move to and fro, so that orders that rest are filled while what was told of them before is still on its way.
"""

import itertools
import time
from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from tests.chaos.actions import TRADED
from tests.chaos.forks import in_a_process, in_processes
from tests.chaos.standing import differing
from tests.chaos.trading_life import TRADERS, trade
from tests.chaos.venue import VenueProcess
from trading.margin.rounding import Direction
from trading.models import Market

FRAME_FAULTS = (("reorder", 0.5), ("double", 0.25))
# Far enough for what rests near the mark, too near to liquidate anybody.
AWAY = (Decimal("0.975"), Decimal(1), Decimal("1.025"), Decimal(1))
MARK_SECONDS = 0.5
# Nobody reads what is told by a stream for so long, and a slow machine has written by then what was told.
LOOK_SECONDS, PATIENCE = 30.0, 120.0


def spend(venue: VenueProcess, names: Sequence[str], seed: int, seconds: float) -> dict[str, list[str]]:
    """Trade for so long while frames come late and twice; by account, how its rows differ from the venue afterwards."""
    for number, (fault, probability) in enumerate(FRAME_FAULTS):
        venue.post("fault", fault=fault, request="any", probability=probability, seed=seed + number)
    trading = [partial(trade, name, place, TRADERS, seed, 0, seconds) for name in names for place in range(TRADERS)]
    in_processes([*trading, partial(_move_marks, venue, names, seconds)], seconds=seconds + PATIENCE)
    found: dict[str, list[str]] | None = in_a_process(partial(differing, LOOK_SECONDS), seconds=PATIENCE)
    venue.post("fault", clear=True)
    return found or {"nobody": ["the rows could not be compared"]}


def _move_marks(venue: VenueProcess, names: Sequence[str], seconds: float) -> None:
    ends = time.monotonic() + seconds
    markets = [Market.objects.get(venue=name, name=TRADED[name]) for name in names]
    for away in itertools.cycle(AWAY):
        for market in markets:
            price = market.rules.price_rule.rounded(market.mark_price * away, Direction.DOWN)
            venue.post("mark", venue=market.venue, market=market.name, price=f"{price:f}")
        if away == 1 and time.monotonic() > ends:
            return
        time.sleep(MARK_SECONDS)
