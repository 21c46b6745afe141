"""The paths on which processes die: what a walk does between its first point and its last.

A walk begins where the process before it left off: with a wish, with a command that was written down and not sent, with
one that is on its way or lost, with one whose follower is still to come, with an approval. Commands are taken up as a
worker takes them up.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from unittest.mock import patch

from django.utils import timezone

from tenants.scope import operator_scope
from tests.chaos import wallets
from tests.chaos.actions import Desk, carry_out
from tests.chaos.fates import ARRIVED, LOST, UNSENT, leave
from tests.chaos.killing import Cut, Points, watch
from tests.chaos.people import accounts_of, desk_of
from tests.chaos.rare import NothingToDo, staged
from tests.settling import settle_command
from trading.models import Command, VenueAccount
from trading.models.commands import OPEN_STATES
from trading.services.commands import prepare, submit
from trading.services.followups import carry_on, next_intent
from trading.venues.errors import VenueError

# Nobody else takes up what is walked; whoever steers the walks makes it due again.
PUT_OFF = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Walk:
    """One path with one kind of command or approval at one venue."""

    venue: str
    path: str
    kind: str


@dataclass
class Scene:
    """Whose account is walked with, and what counts the points. ``number`` is the account's place at its venue."""

    account: VenueAccount
    number: int
    points: Points
    cut: Cut
    chance: random.Random

    def desk(self) -> Desk:
        """What the account trades with."""
        return desk_of(self.account, self.chance)

    def prepared(self, kind: str) -> tuple[Desk, Command]:
        """A command of this kind, written down and not sent."""
        desk = self.desk()
        market, intent = staged(desk, kind)
        command, _ = prepare(desk.adapter, self.account, market, intent)
        return desk, command


Path = Callable[[Scene, str], None]


def walk(way: Walk, point: int, turn: int, seed: int) -> list[str]:
    """Walk down a path and die at the point; the points where the path ended before, none where it was never walked.
    ``turn`` is how many walked before: the accounts take turns."""
    logging.disable(logging.WARNING)
    points, cut = Points(point), Cut()
    watch(points, cut)
    accounts = accounts_of(way.venue)
    who = _asked(accounts) if way.path in OF_WALLETS else _trading(accounts)
    number = who[turn % len(who)]
    scene = Scene(accounts[number], number, points, cut, random.Random(f"{seed} {way} {point} {turn}"))
    try:
        PATHS[way.path](scene, way.kind)
    except (NothingToDo, VenueError):
        return []
    return points.passed


def keep_keys(venue: str) -> None:
    """Those whose wallets were asked may have given their keys back."""
    accounts = accounts_of(venue)
    for number in _asked(accounts):
        with operator_scope(accounts[number].operator_id):
            wallets.keep_a_key(accounts[number], number)


def _trading(accounts: Sequence[VenueAccount]) -> range:
    """Half of them trade."""
    return range(len(accounts) // 2)


def _asked(accounts: Sequence[VenueAccount]) -> range:
    """The wallets of the others are asked: so many that an approval has its end before its wallet is asked again."""
    return range(len(accounts) // 2, len(accounts))


def _submit(scene: Scene, kind: str) -> None:
    """From the wish to the venue's answer."""
    with operator_scope(scene.account.operator_id):
        desk = scene.desk()
        market, intent = staged(desk, kind)
        with scene.points.counted():
            command, _ = prepare(desk.adapter, scene.account, market, intent)
            submit(desk.adapter, command)


def _settle(fate: str, *, is_overtaken: bool = False) -> Path:
    """From a command that somebody has left behind to its end; ``is_overtaken``: its trader has gone on since."""

    def path(scene: Scene, kind: str) -> None:
        with operator_scope(scene.account.operator_id):
            desk, command = scene.prepared(kind)
            if not (_put_off(command) and leave(desk.adapter, command, fate) and _put_off(command)):
                raise NothingToDo
            if is_overtaken:
                carry_out(desk, *staged(desk, "limit"))
        with scene.points.counted():
            settle_command(scene.account.operator_id, str(command.pk))

    return path


def _put_off(command: Command) -> bool:
    """Keep others from taking it up; False where it has its end by now."""
    rows = Command.objects.filter(pk=command.pk, state__in=OPEN_STATES)
    return bool(rows.update(next_at=timezone.now() + PUT_OFF))


def _follow(scene: Scene, kind: str) -> None:
    """From a command that was accepted to the one that follows it."""
    with operator_scope(scene.account.operator_id):
        desk, command = scene.prepared(kind)
        command = submit(desk.adapter, command)
        if next_intent(command) is None:
            raise NothingToDo
        # The reading that comes after has no part in it.
        with patch("trading.services.followups.sync_after_command"), scene.points.counted():
            carry_on(desk.adapter, command)


def _approve(scene: Scene, kind: str) -> None:
    """From the question to the wallet to the venue's answer."""
    with operator_scope(scene.account.operator_id):
        wallets.see_through(scene.account)
        with scene.points.counted():
            wallets.send(wallets.asked(scene.account, kind), scene.number)


def _learn(*, arrives: bool) -> Path:
    """From an approval that the venue did not answer to its end."""

    def path(scene: Scene, kind: str) -> None:
        with operator_scope(scene.account.operator_id):
            approval = wallets.asked(scene.account, kind)
            scene.cut.arrives = arrives
            wallets.send(approval, scene.number)
            with scene.points.counted():
                wallets.ask_the_venue(approval)

    return path


PATHS: dict[str, Path] = {
    "approve": _approve,
    "approved": _learn(arrives=True),
    "approval lost": _learn(arrives=False),
    "overtaken": _settle(LOST, is_overtaken=True),
    "submit": _submit,
    "left behind": _settle(UNSENT),
    "arrived": _settle(ARRIVED),
    "lost": _settle(LOST),
    "follow": _follow,
}
OF_WALLETS = ("approve", "approved", "approval lost")
# Their statements are the same whatever is asked for, so a point of them is died at once and the kinds take turns.
ALIKE = (*OF_WALLETS, "submit", "left behind", "overtaken")
# What is proven by the same questions.
PROVEN_AS = {"limit": "market", "unmargin": "margin"}
_ORDERS = ("market", "limit", "batch", "modify")
_SENT = (*_ORDERS, "cancel", "cancel_all", "leverage", "margin", "unmargin")
_APPROVED = ("key", "fee", "no_fee")
_KINDS = {
    "hyperliquid": {
        **dict.fromkeys(("submit", "left behind", "arrived", "lost"), (*_SENT, "move")),
        **dict.fromkeys(OF_WALLETS, (*_APPROVED, "no_key")),
        "overtaken": _ORDERS,
        "follow": ("exits",),
    },
    # Here a key alone may ask about its account, and none is left to ask whether it was taken back.
    "aster": {
        **dict.fromkeys(("submit", "left behind", "arrived", "lost"), (*_SENT, "mode")),
        **dict.fromkeys(OF_WALLETS, _APPROVED),
        "overtaken": _ORDERS,
        "follow": ("entry",),
    },
}


def walks_of(venue: str) -> list[Walk]:
    """Every path with every kind that goes down it, those first whose ends take longest."""
    kinds = _KINDS[venue]
    return [Walk(venue, path, kind) for path in PATHS for kind in kinds[path]]


def names_of(way: Walk, passed: list[str]) -> list[tuple[str, ...]]:
    """What each point of a walk is, as far as code tells: points of one name are the same code."""
    counted: Counter[str] = Counter()
    found: list[tuple[str, ...]] = []
    for point in passed:
        counted[point] += 1
        is_alike = way.path in ALIKE and "REQUEST" not in point
        kind = "" if is_alike else PROVEN_AS.get(way.kind, way.kind)
        found.append((way.venue, way.path, kind, point, str(counted[point])))
    return found
