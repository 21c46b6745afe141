"""What a command leaves to be done once it is settled, and doing it exactly once.

Some wishes need two commands, the second of which is known only when the first is proven: the exits of a filled entry
where the venue ties exits to a position (Aster 3.7), the new exits after the old ones went, the old ones again where
the new ones were refused. What is wanted stands in the first command's own record, so whoever settles it can go on: the
request itself, or a worker, whose turns look for what was left behind. The form key of what follows is derived from
that of what it follows, so any number of processes make one command of it. What comes too late would act against what
the trader has decided since: it is not placed any more, and the trader is told.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from tenants.scope import every_operator
from trading.margin.types import Side
from trading.models import Command, VenueAccount
from trading.models.commands import FINAL_STATES, LEADING, CommandKind, CommandState
from trading.services.commands import Intent, Name, prepare, submit
from trading.services.drafts import WHOLE_POSITION, Exits, exit_orders
from trading.services.sync import sync_after_command
from trading.venues.base import Adapter, Attachment, BuilderFee, CancelOrder, CancelOrders, order_batch
from trading.venues.base import Command as VenueCommand
from trading.venues.errors import VenueError

logger = logging.getLogger(__name__)

# A follower is placed no later than this after the command that it follows was written down.
LATEST = timedelta(seconds=60)
# Whoever settled a command goes on with it at once.
ITS_OWN_TIME = timedelta(seconds=1)
EXITS = ("take_profit", "stop_loss")
# In the record of a command: the exits to place after it, the prices to put back where those are refused, and the
# orders to cancel once they are placed.
AFTERWARDS, BEFORE, REPLACES = "then_", "old_", "replaces_"
NOTHING: Mapping[str, str] = {}
FAILED = (CommandState.REJECTED, CommandState.DEAD)


def carry_on(adapter: Adapter, command: Command) -> None:
    """Do all that a settled command leaves to be done. Safe to repeat at any time, by any number of processes."""
    following: Command | None = command
    while following is not None and following.is_settled:
        following = _follow(adapter, following)


def unfinished(account: VenueAccount) -> list[Command]:
    """The account's settled commands that another has to follow still, oldest first."""
    since = timezone.now() - LATEST
    rows = Command.objects.filter(account=account, prepared_at__gt=since, state__in=FINAL_STATES)
    found = rows.select_related("account", "market").order_by("prepared_at")
    return [command for command in found if next_intent(command) is not None and follower_of(command) is None]


def left_behind(now: datetime) -> list[Command]:
    """The settled commands of everybody that another has to follow still and whose process has had its time for it: it
    may be dead. Not those that are late or whose trader has gone on. Two statements, however many there are."""
    with every_operator():
        later = Command.objects.filter(
            account=OuterRef("account"), market=OuterRef("market"), nonce__gt=OuterRef("nonce")
        )
        gone_on = Exists(later.exclude(kind=CommandKind.MOVE))
        rows = Command.objects.filter(
            LEADING,
            ~gone_on,
            settled_at__range=(now - LATEST, now - ITS_OWN_TIME),
            prepared_at__gt=now - LATEST,
            state__in=FINAL_STATES,
        )
        leading = [row for row in rows.select_related("account", "market").order_by("settled_at") if next_intent(row)]
        keys = {_key(row) for row in leading}
        made = Command.objects.filter(account__in={row.account_id for row in leading}, form_key__in=keys)
        followed = set(made.values_list("account_id", "form_key")) if keys else set()
    return [row for row in leading if (row.account_id, _key(row)) not in followed]


def follower_of(command: Command) -> Command | None:
    """The command that follows this one, as far as it is written down."""
    rows = Command.objects.filter(account=command.account_id, form_key=_key(command)).select_related("market")
    found: Command | None = rows.first()
    return found


def is_late(command: Command, now: datetime) -> bool:
    """Whether it is too long ago for anything to follow it."""
    return now > command.prepared_at + LATEST


def is_overtaken(command: Command) -> bool:
    """Whether the trader has asked for anything else in the market since."""
    rows = Command.objects.filter(account=command.account_id, market=command.market_id, nonce__gt=command.nonce)
    # Nonces tell the order of one account's commands whatever the clocks of the processes say.
    return bool(rows.exclude(form_key=_key(command)).exclude(kind=CommandKind.MOVE).exists())


def is_given_up(command: Command) -> bool:
    """Whether nothing will follow this command any more, where nothing does yet."""
    return is_late(command, timezone.now()) or is_overtaken(command)


def _key(command: Command) -> UUID:
    return uuid5(command.form_key, command.kind)


def _follow(adapter: Adapter, command: Command) -> Command | None:
    """The command that follows, sent if this process wrote it down; None where nothing follows."""
    intent = next_intent(command)
    if intent is None:
        return None
    try:
        following, is_new = _written(adapter, command, intent)
    except VenueError as problem:
        logger.warning("Nothing could follow command %s: %s", command.pk, problem)
        return None
    if following is not None and is_new:
        following = submit(adapter, following)
        sync_after_command(adapter, command.account, following)
    return following


def _written(adapter: Adapter, command: Command, intent: Intent) -> tuple[Command | None, bool]:
    """Under the account's lock, so that nothing the trader asks for comes between the look and the writing."""
    with transaction.atomic():
        VenueAccount.objects.select_for_update(no_key=True).get(pk=command.account_id)
        made = follower_of(command)
        if made is not None:
            return made, False
        if is_given_up(command):
            return None, False
        return prepare(adapter, command.account, command.market, intent)


def leads_on(command: Command) -> bool:
    """Whether anything may follow the command, whatever it comes to. Pure."""
    match command.kind:
        case CommandKind.ORDER:
            return bool(exits_in(command.intent))
        case CommandKind.CANCEL_ALL:
            return bool(exits_in(command.intent, AFTERWARDS))
        case _:
            return bool(command.kind == CommandKind.ORDERS)


def next_intent(command: Command) -> Intent | None:
    """What has to be asked for next, None for nothing. Pure."""
    match command.kind:
        case CommandKind.ORDER:
            size = opened_size(command)
            return _exits_intent(command, exits_in(command.intent), size) if size else None
        case CommandKind.CANCEL_ALL if command.state == CommandState.ACCEPTED:
            wanted, old = exits_in(command.intent, AFTERWARDS), exits_in(command.intent, BEFORE)
            return _exits_intent(command, wanted, WHOLE_POSITION, exit_fields(old, BEFORE))
        case CommandKind.ORDERS:
            return _put_back(command) or _removal(command)
        case _:
            return None


def opened_size(command: Command) -> Decimal:
    """How many coins an entry opened whose exits follow it; zero while that is not known or where none follow."""
    if command.kind != CommandKind.ORDER or command.state != CommandState.ACCEPTED or not exits_in(command.intent):
        return Decimal(0)
    told = command.evidence
    if told.get("kind") not in ("filled", "cancelled"):
        return Decimal(0)
    asked = command.intent["size"] if told["kind"] == "filled" else "0"
    return Decimal(told.get("filled") or told.get("size") or asked)


def exits_in(intent: Mapping[str, str], prefix: str = "") -> Exits:
    """The exits that a command's record names under a prefix."""
    return Exits(**{name: Decimal(intent[prefix + name]) for name in EXITS if prefix + name in intent})


def exit_fields(exits: Exits, prefix: str = "") -> dict[str, str]:
    """``exits_in``, the other way."""
    return {f"{prefix}{kind.value}": f"{price:f}" for kind, price in exits.prices().items()}


def builder_fields(builder: BuilderFee | None) -> dict[str, str]:
    """The operator's fee as it goes on record."""
    return {} if builder is None else {"builder": builder.address, "builder_fee": f"{builder.rate.normalize():f}"}


def refused_exits(command: Command) -> dict[str, str]:
    """The exits that a settled command asked for and the venue did not take, each with the reason."""
    asked = [name for name in EXITS if name in command.intent]
    if command.state != CommandState.ACCEPTED:
        return dict.fromkeys(asked, command.message)
    told: Mapping[str, Any] = command.evidence
    if "members" in told:
        parts = [*([""] if "size" in command.intent else []), *asked]
        outcomes = dict(zip(parts, told["members"], strict=False))
        return {part: one.get("error", "") for part, one in outcomes.items() if part and one["kind"] == "refused"}
    return {part: f"the venue said: {told[part]}." for part in told.get("refused", "").split(",") if part in asked}


def _put_back(command: Command) -> Intent | None:
    """The old prices of those exits that were taken away for new ones which the venue refused."""
    old, refused = exits_in(command.intent, BEFORE).prices(), refused_exits(command)
    if not refused or command.state not in (*FAILED, CommandState.ACCEPTED):
        return None
    wanted = Exits(**{kind.value: price for kind, price in old.items() if kind.value in refused})
    return _exits_intent(command, wanted, WHOLE_POSITION, {"restores": command.form_key.hex})


def _removal(command: Command) -> Intent | None:
    """Cancelling the exits in whose place new ones are; one whose successor was refused stays."""
    if command.state != CommandState.ACCEPTED:
        return None
    refused = refused_exits(command)
    listed = [command.intent.get(REPLACES + name, "") for name in EXITS if name not in refused]
    ids = [int(text) for names in listed for text in names.split(",") if text]
    if not ids:
        return None
    fields = {"market": command.market.name, "orders": ",".join(str(order) for order in ids)}
    wish = CancelOrders(tuple(CancelOrder(command.market.rules, order) for order in ids))
    return Intent(CommandKind.CANCEL_ALL, _key(command), _form(command), fields, lambda _: wish)


def _exits_intent(command: Command, exits: Exits, size: Decimal, more: Mapping[str, str] = NOTHING) -> Intent | None:
    """The exits of ``size`` coins, on the side and with the fee that the command's record names."""
    if not exits:
        return None
    told, market = command.intent, command.market
    side = Side(told["side"])
    builder = BuilderFee(told["builder"], Decimal(told["builder_fee"])) if "builder" in told else None
    fields = {"market": market.name, "side": side.value, **exit_fields(exits), **builder_fields(builder), **more}

    def build(name: Name) -> VenueCommand:
        return order_batch(exit_orders(market.rules, side, size, exits, builder, name), Attachment.POSITION)

    return Intent(CommandKind.ORDERS, _key(command), _form(command), fields, build)


def _form(command: Command) -> dict[str, str]:
    return {"follows": str(command.pk)}
