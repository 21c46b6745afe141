"""Frames of one connection on their way to its reader: out of order, twice, never, or cut off, where faults say so.

A frame that is overtaken waits for the next one of its own stream, or where none comes for a few ticks: it is late, but
it arrives. Answers to what the reader asked are no frames and always arrive.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from trading.sandbox.faults import Faults

# How many ticks a frame waits to be overtaken.
LONGEST_WAIT = 3


@dataclass
class Held:
    """A frame that is held back, and for how many ticks more."""

    stream: str
    text: str
    ticks: int = LONGEST_WAIT


@dataclass
class Delivery:
    """The way of one connection's frames. ``venue`` names it as faults do."""

    faults: Faults
    venue: str
    is_cut: bool = False
    held: list[Held] = field(default_factory=list)

    def arriving(self, stream: str, text: str) -> Iterator[str]:
        """What arrives when this frame is sent; after a cut nothing does."""
        struck = self.faults.of_a_frame(self.venue)
        self.is_cut |= "cut" in struck
        if self.is_cut or "drop" in struck:
            return
        if "reorder" in struck:
            self.held.append(Held(stream, text))
            return
        yield from [text] * (2 if "double" in struck else 1)
        overtaken = [one for one in self.held if one.stream == stream]
        self.held = [one for one in self.held if one.stream != stream]
        self.faults.count(self.venue, "reorder", len(overtaken))
        yield from (one.text for one in overtaken)

    def tick(self) -> Iterator[str]:
        """What has waited long enough."""
        for one in self.held:
            one.ticks -= 1
        late = [one for one in self.held if one.ticks <= 0]
        self.held = [one for one in self.held if one.ticks > 0]
        yield from (one.text for one in late)
