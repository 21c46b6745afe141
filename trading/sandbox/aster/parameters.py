"""A request's parameters, read from the text as it came and never encoded anew (Aster rules 1.3, 3.8)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import unquote_plus

from trading.sandbox.aster import failures
from trading.sandbox.numbers import parse

SIGNATURE = "signature"

# No moment and no number of the venue has more digits, and no ledger could keep them.
_WHOLE = re.compile(r"[0-9]{1,18}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True)
class Signed:
    """A text without its signature, and the signature; empty where there is none."""

    text: str
    signature: str


def cut(text: str) -> Signed:
    """Take the signature out of a text, and leave every other byte where it is."""
    kept, signature = [], ""
    for part in text.split("&") if text else []:
        name, _, value = part.partition("=")
        if name == SIGNATURE:
            signature = unquote_plus(value)
        else:
            kept.append(part)
    return Signed("&".join(kept), signature)


def pairs(text: str) -> dict[str, str]:
    """Parameters by name; the first one counts where one comes twice."""
    found: dict[str, str] = {}
    for part in text.split("&") if text else []:
        name, _, value = part.partition("=")
        found.setdefault(unquote_plus(name), unquote_plus(value))
    return found


@dataclass(frozen=True)
class Parameters:
    """Typed readers over texts; an empty text counts as absent. Each raises the venue's refusal."""

    values: Mapping[str, str]

    def __contains__(self, name: str) -> bool:
        return self.values.get(name, "") != ""

    def text(self, name: str) -> str:
        if name not in self:
            raise failures.missing(name)
        return self.values[name]

    def optional(self, name: str) -> str | None:
        return self.values[name] if name in self else None

    def address(self, name: str) -> str:
        """An account's address in lower case."""
        if not _ADDRESS.fullmatch(self.text(name)):
            raise failures.invalid(name)
        return self.values[name].lower()

    def integer(self, name: str) -> int:
        text = self.text(name)
        if not _WHOLE.fullmatch(text):
            raise failures.illegal(name)
        return int(text)

    def optional_integer(self, name: str) -> int | None:
        return self.integer(name) if name in self else None

    def limit(self, default: int, most: int) -> int:
        """How many rows are wanted; more than ``most`` is refused."""
        wanted = self.optional_integer("limit")
        if wanted is None:
            return default
        if not 1 <= wanted <= most:
            raise failures.invalid("limit")
        return wanted

    def number(self, name: str) -> Decimal:
        try:
            return parse(self.text(name))
        except ValueError as error:
            raise failures.illegal(name) from error

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        value = self.text(name)
        if value not in allowed:
            raise failures.invalid(name)
        return value

    def flag(self, name: str) -> bool:
        """True or false in any case; absent is false."""
        if name not in self:
            return False
        value = self.text(name).lower()
        if value not in ("true", "false"):
            raise failures.invalid(name)
        return value == "true"
