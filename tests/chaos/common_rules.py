"""What two common rules would have believed on the same bad days (see the table of a run).

*Failure on exception*: whatever is not an acceptance is a failure. *Retry with a new nonce*: what failed is signed anew
and sent again, up to three times. Both place the same orders through the same adapters, without our rows.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from django.db import connection
from django.utils import timezone

from tenants.scope import operator_scope
from tests.chaos.actions import SLIPPAGE, Desk
from tests.chaos.checker import is_success
from tests.chaos.people import accounts_of, desk_of
from tests.chaos.venue import Execution, digest
from trading.models import VenueAccount
from trading.venues.base import market_order
from trading.venues.errors import VenueError

TRIES = 3
HANDS = 4
RULES = {"failure on exception": 1, "retry with a new nonce": TRIES}

# A wish: the digests of all that was sent for it, and whether its rule believes that it was done.
Wish = tuple[list[str], bool]


def wishes(venue: str, tries: int, count: int, seed: int) -> list[Wish]:
    """Place ``count`` orders by one rule."""
    accounts = accounts_of(venue)

    def hand(number: int) -> list[Wish]:
        try:
            return [_wish(desk, tries) for desk in _desks(accounts[number::HANDS], count // HANDS, seed + number)]
        finally:
            connection.close()

    with ThreadPoolExecutor(HANDS) as pool:
        return [wish for done in pool.map(hand, range(HANDS)) for wish in done]


def _desks(accounts: list[VenueAccount], count: int, seed: int) -> Iterable[Desk]:
    chance = random.Random(seed)
    desks: dict[int, Desk] = {}
    for _ in range(count):
        account = chance.choice(accounts)
        with operator_scope(account.operator_id):
            yield desks.setdefault(account.pk, desk_of(account, chance))


def _wish(desk: Desk, tries: int) -> Wish:
    order = market_order(desk.traded.rules, is_buy=True, size=desk.lot, mark=desk.mark, slippage=SLIPPAGE)
    sent: list[str] = []
    for _ in range(tries):
        nonce = desk.adapter.moment(timezone.now()) + desk.chance.randrange(1000)
        signed = desk.adapter.sign(replace(order), nonce=nonce)
        sent.append(digest(signed.body))
        try:
            desk.adapter.send(signed)
        except VenueError:
            continue
        return sent, True
    return sent, False


def figures(made: Mapping[str, Iterable[Wish]], executions: Iterable[Execution]) -> dict[str, dict[str, int]]:
    """By rule: how many wishes were executed twice, and how many were executed and believed to have failed."""
    done: Counter[str] = Counter(row.request for row in executions if is_success(row))
    judge: Callable[[Wish], int] = lambda wish: sum(done[name] for name in wish[0])  # noqa: E731
    return {
        rule: {
            "orders": len(rows := list(wanted)),
            "twice": sum(judge(wish) > 1 for wish in rows),
            "wrong": sum(judge(wish) > 0 and not wish[1] for wish in rows),
        }
        for rule, wanted in made.items()
    }
