"""What became of the exits that a command asked for: named where the venue has taken them, else missed aloud."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from trading.models import Command
from trading.models.commands import CommandKind, CommandState
from trading.panels.elements import NoticeState
from trading.panels.numbers import plain
from trading.services.followups import (
    AFTERWARDS,
    BEFORE,
    EXITS,
    REPLACES,
    follower_of,
    is_given_up,
    opened_size,
    refused_exits,
)

WORDS = {"take_profit": "take-profit", "stop_loss": "stop-loss"}
NOT_PLACED = "not placed any more, because it took too long or you went on in this market"


@dataclass(frozen=True, slots=True)
class ExitsTold:
    """``named`` are the exits that a notice may name, None for all that were asked for; ``missing`` those that the
    position is without. ``state`` overrides the command's own; ``replaces``: the command only made room for them."""

    named: Mapping[str, str] | None = None
    missing: tuple[str, ...] = ()
    state: NoticeState | None = None
    sentences: tuple[str, ...] = ()
    replaces: bool = False
    asked: Mapping[str, str] = field(default_factory=dict)

    @property
    def warning(self) -> str:
        """What the title adds for the exits that are missing."""
        return f". NOT protected by {_listed(self.missing)}" if self.missing else ""

    def title(self, command: Command) -> str:
        """The title of a change of exits, once the old ones are gone."""
        base = f"{command.market.rules.base} {command.intent['side']}"
        if self.state is None:
            return f"Done: {base}{exit_words(self.named or {})}"
        if self.state is NoticeState.CHECKING:
            return f"Changing: {base}{exit_words(self.asked)}"
        return f"Refused: {base}{exit_words(self.asked)}{self.warning}"


def exits_of(command: Command) -> ExitsTold:
    """What is to be told of the exits that a command asked for, beside what became of itself."""
    intent = command.intent
    if command.kind == CommandKind.ORDERS:
        return _of_placed(command)
    if command.kind == CommandKind.ORDER and _asked(intent):
        return _of_followed(command) if opened_size(command) else ExitsTold(named=_none_yet(command))
    if command.kind == CommandKind.CANCEL_ALL and command.state == CommandState.ACCEPTED and _asked(intent, AFTERWARDS):
        return _of_replaced(command)
    return ExitsTold()


def exit_words(prices: Mapping[str, str]) -> str:
    """The exits that go with an order or a position, as the end of a sentence."""
    named = [f"{word} at {plain(Decimal(prices[name]))}" for name, word in WORDS.items() if name in prices]
    return f", {' and '.join(named)}" if named else ""


def _none_yet(command: Command) -> Mapping[str, str] | None:
    """Of what was refused all that was asked for is named; of anything else only what is there."""
    return None if command.state in (CommandState.REJECTED, CommandState.DEAD) else {}


def _of_followed(command: Command) -> ExitsTold:
    """An entry whose exits are a command of their own."""
    asked, following = _asked(command.intent), follower_of(command)
    if following is None and is_given_up(command):
        return _missed(asked, dict.fromkeys(asked, NOT_PLACED))
    if following is None or not following.is_settled:
        return ExitsTold({}, state=NoticeState.CHECKING, sentences=(f"{_begin(asked)} being placed.",))
    return _missed(asked, refused_exits(following))


def _of_placed(command: Command) -> ExitsTold:
    """Exits placed with an entry, or for a position, whose old ones may have to go."""
    asked, old = _asked(command.intent), tuple(name for name in EXITS if REPLACES + name in command.intent)
    if command.state != CommandState.ACCEPTED:
        is_over = command.state in (CommandState.REJECTED, CommandState.DEAD)
        return ExitsTold(sentences=(_still_there(old),) if old and is_over else ())
    refused = refused_exits(command)
    kept, gone = [name for name in old if name in refused], [name for name in old if name not in refused]
    told = _missed(asked, refused, kept, [_still_there(kept)] if kept else [])
    return _of_removal(command, told, gone) if gone else told


def _of_removal(command: Command, told: ExitsTold, old: Sequence[str]) -> ExitsTold:
    """What became of the exits in whose place the new ones are."""
    following = follower_of(command)
    if (following is None and not is_given_up(command)) or (following is not None and not following.is_settled):
        going = f"The old {_joined(old)} {_verb(old)} being taken away."
        return ExitsTold(told.named, told.missing, told.state or NoticeState.CHECKING, (*told.sentences, going))
    if following is not None and following.state == CommandState.ACCEPTED:
        return told
    left = f"{_still_there(old)} Cancel it if you do not want both."
    return ExitsTold(told.named, told.missing, NoticeState.REJECTED, (*told.sentences, left))


def _of_replaced(command: Command) -> ExitsTold:
    """Exits that were taken away to make room for new ones."""
    asked, old, following = _asked(command.intent, AFTERWARDS), _asked(command.intent, BEFORE), follower_of(command)
    if following is None and is_given_up(command):
        return _changed(asked, dict.fromkeys(asked, NOT_PLACED), old, None)
    if following is None or not following.is_settled:
        sentence = f"The old {_joined(old)} {_verb([*old])} taken away. {_begin(asked)} being placed."
        return ExitsTold({}, state=NoticeState.CHECKING, sentences=(sentence,), replaces=True, asked=asked)
    refused = refused_exits(following)
    return _changed(asked, refused, old, follower_of(following) if refused else None)


def _changed(
    asked: Mapping[str, str], refused: Mapping[str, str], old: Mapping[str, str], restoring: Command | None
) -> ExitsTold:
    """Of the refused ones, the old ones were put back by ``restoring``, or are gone."""
    if restoring is not None and not restoring.is_settled:
        sentence = "The new price was refused; the old one is being put back."
        return ExitsTold({}, state=NoticeState.CHECKING, sentences=(sentence,), replaces=True, asked=asked)
    back = {} if restoring is None else _without(_asked(restoring.intent), refused_exits(restoring))
    restored = [f"Your old {WORDS[name]} at {plain(Decimal(price))} was put back." for name, price in back.items()]
    gone = [f"Your old {WORDS[name]} is gone." for name in refused if name in old and name not in back]
    told = _missed(asked, refused, back, [*restored, *gone])
    return ExitsTold(told.named, told.missing, told.state, told.sentences, replaces=True, asked=asked)


def _missed(
    asked: Mapping[str, str], refused: Mapping[str, str], covered: Iterable[str] = (), more: Iterable[str] = ()
) -> ExitsTold:
    """Those that were not refused are named; the others are missing, unless an older one covers for them."""
    if not refused:
        return ExitsTold(asked)
    missing = _without(refused, covered)
    return ExitsTold(
        _without(asked, refused),
        tuple(missing),
        NoticeState.REJECTED,
        (*(_reason(name, asked[name], why) for name, why in refused.items()), *more),
    )


def _reason(name: str, price: str, why: str) -> str:
    return f"The {WORDS[name]} at {plain(Decimal(price))}: {why.removesuffix('.') or 'the venue gave no reason'}."


def _asked(intent: Mapping[str, str], prefix: str = "") -> dict[str, str]:
    return {name: intent[prefix + name] for name in EXITS if prefix + name in intent}


def _without(prices: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    left_out = set(names)
    return {name: price for name, price in prices.items() if name not in left_out}


def _still_there(names: Iterable[str]) -> str:
    known = list(names)
    return f"Your old {_joined(known)} {_verb(known)} still in place."


def _begin(names: Iterable[str]) -> str:
    known = list(names)
    return f"The {_joined(known)} {_verb(known)}"


def _verb(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _joined(names: Iterable[str]) -> str:
    return " and ".join(WORDS[name] for name in names)


def _listed(names: Iterable[str]) -> str:
    return " and ".join(f"a {WORDS[name]}" for name in names)
