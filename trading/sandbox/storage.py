"""The ledger on disk: written to a new file and moved over the old one, so that a crash leaves one whole ledger."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from trading.sandbox.state import VERSION, State

SAVE_EVERY_SECONDS = 3.0
# A ledger of before Aster's wire lacks only what can be told from the rest of it.
BEFORE_THE_WIRE = 2


class UnreadableStateError(Exception):
    """The file is there but holds no ledger, or one of another version."""


class _Header(msgspec.Struct):
    """Ledgers of the first version did not say which they were."""

    version: int = 1


def _upgraded(state: State) -> State:
    """The ledger in today's form: who has a deposit on record has deposited."""
    if state.version == BEFORE_THE_WIRE:
        for account in state.accounts.values():
            account.deposited = any(row.delta.get("type") == "deposit" for row in account.updates)
        state.version = VERSION
    for other in state.others.values():
        _upgraded(other)
    return state


@dataclass
class Store:
    path: Path
    saved_at: float = field(default=0.0)
    saved: bytes = field(default=b"", repr=False)

    def load(self) -> State | None:
        """The saved ledger, None when there is none yet."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            version = msgspec.json.decode(data, type=_Header).version
            if version not in (BEFORE_THE_WIRE, VERSION):
                raise UnreadableStateError(
                    f"{self.path} holds a sandbox ledger of version {version}; this sandbox keeps version {VERSION}. "
                    "Move the file away and start anew."
                )
            return _upgraded(msgspec.json.decode(data, type=State))
        except msgspec.DecodeError as error:
            raise UnreadableStateError(f"{self.path} holds no sandbox ledger: {error}") from error

    def due(self) -> bool:
        return time.monotonic() - self.saved_at >= SAVE_EVERY_SECONDS

    def save(self, state: State) -> None:
        """Write the ledger if it changed since the last save."""
        self.saved_at = time.monotonic()
        data = msgspec.json.encode(state)
        if data == self.saved:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(self.path.name + ".new")
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        self.saved = data
