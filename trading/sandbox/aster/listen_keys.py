"""Keys of the user data stream: one an account, good for an hour, extended by asking (Aster rules 2.4).

They live as long as the process: whoever holds one across a restart listens to nothing, without being told.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from trading.sandbox.aster import failures
from trading.sandbox.aster.calls import KEYED, Call, Route

Json = dict[str, Any]

VALIDITY = 3_600_000


@dataclass
class ListenKey:
    text: str
    address: str
    valid_until: int


@dataclass
class ListenKeys:
    """``ended`` are keys that ran out or were closed since they were last looked at."""

    clock: Callable[[], int]
    by_account: dict[str, ListenKey] = field(default_factory=dict)
    ended: list[ListenKey] = field(default_factory=list)
    made: int = 0

    def routes(self) -> dict[tuple[str, str], Route]:
        """What is answered, by method and name."""
        return {
            ("POST", "listenKey"): Route(self._create, KEYED),
            ("PUT", "listenKey"): Route(self._extend, KEYED),
            ("DELETE", "listenKey"): Route(self._close, KEYED),
        }

    def _create(self, call: Call) -> Json:
        """The account's key, a new one if there is none; asking for it extends it."""
        key = self.of(call.account.address)
        if key is None:
            key = self.by_account[call.account.address] = self._made(call.account.address)
        key.valid_until = self.clock() + VALIDITY
        return {"listenKey": key.text}

    def _made(self, address: str) -> ListenKey:
        self.made += 1
        text = hashlib.blake2b(f"{address}/{self.clock()}/{self.made}".encode(), digest_size=32).hexdigest()
        return ListenKey(text, address, 0)

    def _extend(self, call: Call) -> Json:
        key = self.of(call.account.address)
        if key is None:
            raise failures.no_listen_key()
        key.valid_until = self.clock() + VALIDITY
        return {}

    def _close(self, call: Call) -> Json:
        if self.of(call.account.address) is None:
            raise failures.no_listen_key()
        del self.by_account[call.account.address]
        return {}

    def of(self, address: str) -> ListenKey | None:
        """The account's key while it is valid."""
        self.expire()
        return self.by_account.get(address)

    def expire(self) -> None:
        """Put aside the keys that ran out."""
        now = self.clock()
        for key in [key for key in self.by_account.values() if key.valid_until <= now]:
            self.end(key.address)

    def end(self, address: str, *, silently: bool = False) -> bool:
        """End an account's key now; ``silently`` tells nobody. False where there is none."""
        key = self.by_account.pop(address, None)
        if key is not None and not silently:
            self.ended.append(key)
        return key is not None

    def owner(self, text: str) -> str | None:
        """Whose key it is; None for one that was made up or has ended."""
        self.expire()
        return next((key.address for key in self.by_account.values() if key.text == text), None)
