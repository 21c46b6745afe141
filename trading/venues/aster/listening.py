"""The keys of private streams: made, extended, and found to be lost (Aster 2.4).

A key is good for an hour and dies without a word; a stream under a dead key is accepted and says nothing. Asking for
the key again returns the one that is in force and extends it (weight 1), so asking now and then both keeps a key alive
and finds out that another one is in force.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from trading.venues.aster.adapter import AsterAdapter
from trading.venues.aster.questions import Question
from trading.venues.aster.wire import Call
from trading.venues.decoding import Decoder, Record
from trading.venues.errors import Reason, Rejected, VenueError
from trading.venues.streaming import Watch

logger = logging.getLogger(__name__)

CHECK_SECONDS = 60.0
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
    """The key of one account, and when it has to be asked for again (monotonic seconds)."""

    watch: Watch
    text: str = ""
    ask_at: float = 0.0


class ListenKeys:
    """The keys of the accounts that are followed, by the names they are watched under.

    A trading key that the venue refuses hears nothing more, although the stream's own key may live on.
    """

    def __init__(self, changed: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._changed = changed
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
            self._keys[name].ask_at = 0.0

    def ask_again(self) -> None:
        """Nothing is known of any key: after a break all are asked for anew."""
        for key in self._keys.values():
            key.ask_at = 0.0

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
            return
        key.ask_at = self._clock() + CHECK_SECONDS
        self._set(key, text)

    def _set(self, key: Key, text: str) -> None:
        if text != key.text:
            key.text = text
            self._changed(key.watch.name)
