"""The keys of private streams: made, extended, and found to be lost (Aster 2.4).

A key is good for an hour and dies without a word; a stream under a dead key is accepted and says nothing. Asking for
the key again returns the one that is in force and extends it (weight 1). So asking both keeps a key alive and is the
only proof that a silent stream has nothing to say: what it told is current as of the last time the venue named its key.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from trading.venues.aster.adapter import AsterAdapter
from trading.venues.aster.questions import Question
from trading.venues.aster.wire import Call
from trading.venues.decoding import Decoder, Record
from trading.venues.errors import Reason, Rejected, VenueError
from trading.venues.streaming import Watch

logger = logging.getLogger(__name__)

# A silent account is as old as its last check, and a check costs a tenth of a reading.
CHECK_SECONDS = 3.0
CHECKS_IN_A_MINUTE = 1000
AFTER_FAILURE_SECONDS = 5.0
LOOK_SECONDS = 0.1
ASKED_AT_ONCE = 8


class _Key(Record, frozen=True):
    listen_key: str


_decode_key = Decoder(_Key, "listenKey")


def listen_key() -> Question[str]:
    """The account's key, a new one if there is none; asking extends it by an hour."""
    return Question(Call("POST", "listenKey"), lambda body: _decode_key(body).listen_key)


@dataclass(slots=True)
class Key:
    """The key of one account, and when it has to be asked for again (monotonic seconds). ``is_proven``: the venue has
    named this key again, and nobody has been told so yet. ``is_new``: its stream was taken up on a connection that
    stood, and what happened before that took effect may be missing."""

    watch: Watch
    text: str = ""
    ask_at: float = 0.0
    is_proven: bool = False
    is_new: bool = False


class ListenKeys:
    """The keys of the accounts that are followed, by the names they are watched under.

    A trading key that the venue refuses hears nothing more, although the stream's own key may live on.
    """

    def __init__(
        self, changed: Callable[[str], None], doubted: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self._changed = changed
        self._doubted = doubted
        self._clock = clock
        self._keys: dict[str, Key] = {}

    def follow(self, accounts: tuple[Watch, ...]) -> None:
        """These are followed from now on; the keys of others are left to run out."""
        wanted = {watch.name: watch for watch in accounts}
        self._keys = {name: self._keys.get(name, Key(watch)) for name, watch in wanted.items()}
        for name, watch in wanted.items():
            self._keys[name].watch = watch

    def expired(self, name: str) -> None:
        """The venue said that this account's key has run out."""
        if name in self._keys:
            self._keys[name].text = ""
            self._keys[name].is_proven = False
            self._keys[name].ask_at = 0.0

    def ask_again(self) -> None:
        """Nothing is known of any key: after a break all are asked for anew."""
        for key in self._keys.values():
            key.ask_at, key.is_proven, key.is_new = 0.0, False, False

    def take_proven(self, texts: frozenset[str]) -> Iterator[tuple[str, bool]]:
        """The names whose key, one of ``texts``, was proven to be in force since they were taken last; and whether that
        is the first time since its stream was taken up."""
        for key in self._keys.values():
            if key.is_proven and key.text in texts:
                was_new, key.is_proven, key.is_new = key.is_new, False, False
                yield key.watch.name, was_new

    @property
    def hearers(self) -> dict[str, tuple[str, ...]]:
        """Who hears the stream of each key: whoever was given it, under a trading key of his own."""
        found: dict[str, tuple[str, ...]] = {}
        for name, key in self._keys.items():
            if key.text:
                found[key.text] = (*found.get(key.text, ()), name)
        return found

    async def keep(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Make and extend keys for ever."""
        while True:
            due = [key for key in self._keys.values() if key.ask_at <= self._clock()]
            await asyncio.gather(*(self._ask(key) for key in due[:ASKED_AT_ONCE]))
            await sleep(LOOK_SECONDS)

    async def _ask(self, key: Key) -> None:
        adapter = key.watch.adapter
        if not isinstance(adapter, AsterAdapter):
            raise TypeError("An account of another venue cannot be followed here.")
        try:
            text = await asyncio.to_thread(adapter.ask, listen_key())
        except VenueError as error:
            logger.warning("No stream for %s: %s", key.watch.name, error)
            key.ask_at = self._clock() + AFTER_FAILURE_SECONDS
            if isinstance(error, Rejected) and error.reason is Reason.KEY_UNKNOWN:
                self._set(key, "")
            elif key.text:
                self._doubted(key.watch.name)
            return
        key.ask_at = self._clock() + self._interval
        self._set(key, text)

    @property
    def _interval(self) -> float:
        """Seconds between two checks of a key: many accounts have to share what may be asked."""
        return max(CHECK_SECONDS, len(self._keys) * 60.0 / CHECKS_IN_A_MINUTE)

    def _set(self, key: Key, text: str) -> None:
        key.is_proven = bool(text) and text == key.text
        if text != key.text:
            key.text, key.is_new = text, True
            self._changed(key.watch.name)
