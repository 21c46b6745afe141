"""What became of a command, in the trader's words."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from trading.books import MAIN
from trading.models import Command
from trading.models.commands import CommandKind, CommandState
from trading.panels.elements import CommandNotice, NoticeState
from trading.panels.exit_notices import ExitsTold, exit_words, exits_of
from trading.panels.numbers import plain
from trading.services.outcomes import filled_of, main_evidence

CONFIRMED = "Confirmed by the venue."


def build_notice(command: Command, form_key: UUID | None = None) -> CommandNotice:
    """What became of a command, in the trader's words. ``form_key`` re-arms the form that sent it."""
    exits = exits_of(command)
    state, title = _outcome(command, exits)
    return CommandNotice(
        id=str(command.pk),
        state=state,
        title=title,
        detail=_detail(command, exits.sentences),
        time=f"{command.settled_at or command.prepared_at:%H:%M:%S}",
        next_step=command.next_step if state is NoticeState.REJECTED else "",
        form_key=str(form_key) if form_key else "",
    )


def _outcome(command: Command, exits: ExitsTold) -> tuple[NoticeState, str]:
    what = describe(command, exits.named)
    match command.state:
        case CommandState.ACCEPTED:
            title = exits.title(command) if exits.replaces else f"{_accepted_title(command, what)}{exits.warning}"
            return exits.state or NoticeState.ACCEPTED, title
        case CommandState.REJECTED:
            return NoticeState.REJECTED, f"Refused: {what}"
        case CommandState.DEAD:
            return NoticeState.REJECTED, f"Not carried out: {what}"
        case CommandState.UNPROVEN:
            return NoticeState.REJECTED, f"Not known: {what}"
        case CommandState.UNKNOWN:
            return NoticeState.CHECKING, f"Checking: {what}"
        case _:
            return NoticeState.SENT, f"Sent: {what}"


def _accepted_title(command: Command, what: str) -> str:
    """What the venue did, which for an order may be less than what was asked."""
    if command.kind not in (CommandKind.ORDER, CommandKind.ORDERS) or "size" not in command.intent:
        return f"Done: {what}"
    told = main_evidence(command)
    kind, filled, asked = told.get("kind"), filled_of(told), Decimal(command.intent["size"])
    of_asked = "" if filled is None else f"{plain(filled)} of {plain(asked)} {command.market.rules.base}"
    if kind == "filled" and filled is not None and filled < asked:
        return f"Filled {of_asked}"
    if kind == "cancelled" and filled:
        return f"Cancelled: {of_asked} was filled"
    if kind == "cancelled":
        return f"Cancelled: {what}" if filled is None else f"Cancelled: {what}, nothing was filled"
    if kind == "resting" and "trigger" not in command.intent:
        return f"In the book: {what}, {of_asked} filled" if filled else f"In the book: {what}"
    titles = {"filled": "Filled", "resting": "Waiting", "waiting": "Waiting"}
    return f"{titles.get(str(kind), 'Done')}: {what}"


def describe(command: Command, exits: Mapping[str, str] | None = None) -> str:
    """A command in a few words; with ``exits`` only those are named of the ones that it asked for."""
    intent, base = command.intent, command.market.rules.base
    match command.kind:
        case CommandKind.ORDER | CommandKind.ORDERS:
            first = _order_words(intent, base) if "size" in intent else f"{base} {intent['side']}"
            words = f"{first}{exit_words(intent if exits is None else exits)}"
        case CommandKind.MODIFY:
            words = f"change {base} order to {plain(Decimal(intent['size']))} at {plain(Decimal(intent['price']))}"
        case CommandKind.CANCEL:
            words = f"cancel {base} order"
        case CommandKind.CANCEL_ALL:
            count = len(intent["orders"].split(","))
            words = f"cancel {count} {base} order{'' if count == 1 else 's'}"
        case CommandKind.LEVERAGE | CommandKind.MODE:
            words = f"{base} to {intent['mode']} {intent['leverage']}x"
        case CommandKind.MOVE:
            source, target = (intent[name] or f"the {MAIN}" for name in ("source", "target"))
            words = f"move {plain(Decimal(intent['amount']))} {intent['collateral']} from {source} to {target}"
        case _:
            amount = Decimal(intent["amount"])
            words = f"{'add' if amount > 0 else 'remove'} {plain(abs(amount))} margin, {base}"
    return words


def _order_words(intent: Mapping[str, str], base: str) -> str:
    verb = "buy" if intent["side"] == "long" else "sell"
    at = "at market" if intent["price"] == "market" else f"at {plain(Decimal(intent['price']))}"
    if "trigger" in intent:
        at = f"{at} once the mark is {plain(Decimal(intent['trigger']))}"
    return f"{verb} {plain(Decimal(intent['size']))} {base} {at}"


def _detail(command: Command, more: Sequence[str]) -> str:
    told = _told(command)
    return " ".join([*([] if more and told == CONFIRMED else [told]), *more])


def _told(command: Command) -> str:
    if command.state == CommandState.UNKNOWN:
        return "The venue has not confirmed this yet. It is being checked; there is no need to send it again."
    if command.state == CommandState.PREPARED:
        return "On its way to the venue."
    if command.state != CommandState.ACCEPTED:
        return command.message or "The venue gave no reason."
    told = main_evidence(command)
    price, size = told.get("average_price"), told.get("size")
    if price and size:
        is_partial = command.intent.get("price") == "market" and Decimal(size) < Decimal(command.intent["size"])
        rest = " The market took no more within the price limit; the rest was cancelled." if is_partial else ""
        return f"{plain(Decimal(size))} at {plain(Decimal(price))} on average.{rest}"
    return CONFIRMED
