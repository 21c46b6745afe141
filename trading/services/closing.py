"""Closing all positions, or cancelling all orders: one confirmation, and a command of its own for each part of it.

Every command is written down before the first is sent, so nothing that was confirmed is lost with a page or a process.
The workers take them up as well: whoever claims a command first sends it, so one slow answer holds up no other. They
are not called for it, because a broker that is away would hold up what protects a position.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid5

from django.db import DatabaseError, transaction
from django.db.models import Q
from redis.exceptions import RedisError

from trading.live.shapes import announce
from trading.models import Command, Market, Order, Position, VenueAccount
from trading.models.commands import OPEN_STATES, CommandState
from trading.services.commands import Intent, earlier, prepare, submit
from trading.services.drafts import Closing, closing_ticket
from trading.services.intents import cancel_intent, cancel_steps, order_intent
from trading.services.looks import SPOILT
from trading.services.outcomes import is_carried_out
from trading.services.readings import ReadingKind, touched_by
from trading.services.sync import sync_account
from trading.services.wake import make_due
from trading.venues.base import Adapter, BuilderFee
from trading.venues.errors import InvalidCommand

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """One part of what was confirmed: at which account and in which market, and what is asked there."""

    part: str
    adapter: Adapter
    account: VenueAccount
    market: Market
    intent: Intent


@dataclass(frozen=True, slots=True)
class Part:
    """What became of one part: its command, or the reason why none was written down."""

    name: str
    market: Market
    command: Command | None = None
    reason: str = ""


def key_of(form_key: UUID, part: str) -> UUID:
    """The form key of one part: the same form makes one command of it, however often it is posted."""
    return uuid5(form_key, part)


def made_by(accounts: Sequence[VenueAccount], form_key: UUID, parts: Sequence[str]) -> dict[str, Command]:
    """The commands that this form made before, by their parts."""
    names = {key_of(form_key, part): part for part in parts}
    rows = Command.objects.filter(account__in=accounts, form_key__in=list(names)).select_related("account", "market")
    return {names[command.form_key]: command for command in rows}


def close_wish(
    adapter: Adapter, position: Position, *, mark: Decimal, form_key: UUID, builder: BuilderFee | None = None
) -> Wish:
    """Close a whole position at market by an order that only reduces."""
    part = position_part(position)
    closing = Closing(form={"close_all": part}, builder=builder)
    ticket = closing_ticket(position, mark, key_of(form_key, part), closing)
    return Wish(part, adapter, position.account, position.market, order_intent(adapter, position.market, ticket))


def cancel_wishes(
    adapter: Adapter, account: VenueAccount, market: Market, orders: Sequence[Order], *, form_key: UUID
) -> list[Wish]:
    """Cancel all of these orders of one market, in as many requests as the venue needs."""
    wishes: list[Wish] = []
    for number, step in enumerate(cancel_steps(adapter, market, orders)):
        part = orders_part(market, number)
        intent = cancel_intent(market, step, key_of(form_key, part), {"cancel_everything": part})
        wishes.append(Wish(part, adapter, account, market, intent))
    return wishes


def position_part(position: Position) -> str:
    """The part's name of a position in a form that closes several."""
    return f"position-{position.pk}"


def orders_part(market: Market, step: int = 0) -> str:
    """The part's name of one market's orders in a form that cancels those of several, by the request's number."""
    return f"orders-{market.pk}-{step}"


def carry_out_all(wishes: Sequence[Wish]) -> list[Part]:
    """Write every part down, then send them; what became of each by now. What is still open is settled by proof."""
    parts = _all_written(wishes)
    fresh = [part.command for part in parts if part.command and part.command.state == CommandState.PREPARED]
    make_due(fresh[1:])
    sent: dict[VenueAccount, list[Command]] = {}
    for wish, part in zip(wishes, parts, strict=True):
        if part.command in fresh and part.command is not None:
            sent.setdefault(wish.account, []).append(submit(wish.adapter, part.command))
    adapters = {wish.account: wish.adapter for wish in wishes}
    for account, commands in sent.items():
        _read_what_moved(adapters[account], account, commands)
    return [_as_it_stands(part) for part in parts]


def _read_what_moved(adapter: Adapter, account: VenueAccount, commands: Sequence[Command]) -> None:
    """Read the account once after all of its commands, and tell the pages that show it.

    The commands are on record whatever happens here, so a failure is left to the next sync.
    """
    kinds: frozenset[ReadingKind] = frozenset().union(*(touched_by(command) for command in commands))
    markets = {command.market for command in commands}
    try:
        sync_account(adapter, account, kinds, markets.pop() if len(markets) == 1 else None)
        announce(account.operator_id, account.pk)
    except (RedisError, DatabaseError, *SPOILT):
        logger.exception("Account %s could not be shown after commands; the next sync tries again.", account.pk)


def _all_written(wishes: Sequence[Wish]) -> list[Part]:
    """The wishes' parts in their order, those of one account together or not at all.

    A repeat of the form takes what it finds written down for all that was asked, so no account's may be written in
    part. Accounts are apart, for the rows of two accounts' keys held together could wait for each other.
    """
    of_account: dict[VenueAccount, list[int]] = {}
    for at, wish in enumerate(wishes):
        of_account.setdefault(wish.account, []).append(at)
    parts: dict[int, Part] = {}
    for places in of_account.values():
        with transaction.atomic():
            parts |= {at: _written(wishes[at]) for at in places}
    return [parts[at] for at in range(len(wishes))]


def _written(wish: Wish) -> Part:
    """The part's command: one that the same form made, the same thing that is under way already, or a new one."""
    try:
        with transaction.atomic():
            # The row lock puts two pages that ask for the same in order: the second finds what the first wrote down.
            locked = VenueAccount.objects.select_for_update(no_key=True).get(pk=wish.account.pk)
            made = earlier(locked, wish.intent.kind, wish.intent.form_key, wish.intent.form)
            command = made or _under_way(locked, wish) or prepare(wish.adapter, locked, wish.market, wish.intent)[0]
    except InvalidCommand as problem:
        return Part(wish.part, wish.market, reason=str(problem))
    return Part(wish.part, wish.market, command)


def _under_way(account: VenueAccount, wish: Wish) -> Command | None:
    """The same thing asked for by another page: not proven yet, or wholly done since the account was last read."""
    same = Command.objects.filter(account=account, market=wish.market, kind=wish.intent.kind, intent=wish.intent.fields)
    not_shown = Q(state__in=OPEN_STATES)
    if account.synced_at is not None:
        not_shown |= Q(state=CommandState.ACCEPTED, settled_at__gt=account.synced_at)
    # What was done in part leaves a rest that is still to be asked for.
    found = (command for command in same.filter(not_shown) if not command.is_settled or is_carried_out(command))
    return next(found, None)


def _as_it_stands(part: Part) -> Part:
    if part.command is not None:
        part.command.refresh_from_db()
    return part
