"""Frames of one connection on their way to its reader: out of order, twice, never, or cut off, where faults say so.

A frame that is held back arrives after some later ones of its own stream, or where they do not come, after a few ticks.
Answers to what the reader asked are no frames and always arrive.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from trading.sandbox.faults import Faults

# How many frames overtake one at most, and how many ticks it waits for them.
MOST_OVERTAKING = 8
LONGEST_WAIT = 3


@dataclass(eq=False)
class Held:
    """A frame that is held back until so many more have overtaken it, or so many ticks have passed."""

    stream: str
    text: str
    frames: int
    ticks: int = LONGEST_WAIT
    is_overtaken: bool = False


@dataclass
class Delivery:
    """The way of one connection's frames. ``venue`` names it as faults do."""

    faults: Faults
    venue: str
    most_overtaking: int = MOST_OVERTAKING
    is_cut: bool = False
    held: list[Held] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - repeatable

    def arriving(self, stream: str, text: str) -> Iterator[str]:
        """What arrives when this frame is sent; after a cut nothing does."""
        struck = self.faults.of_a_frame(self.venue)
        self.is_cut |= "cut" in struck
        if self.is_cut or "drop" in struck:
            return
        if "reorder" in struck:
            self.held.append(Held(stream, text, self.chance.randint(1, self.most_overtaking)))
            return
        yield from [text] * (2 if "double" in struck else 1)
        for one in self.held:
            if one.stream == stream:
                one.frames, one.is_overtaken = one.frames - 1, True
        yield from self._released([one for one in self.held if one.frames <= 0])

    def tick(self) -> Iterator[str]:
        """What has waited long enough."""
        for one in self.held:
            one.ticks -= 1
        yield from self._released([one for one in self.held if one.ticks <= 0])

    def _released(self, arriving: list[Held]) -> Iterator[str]:
        self.held = [one for one in self.held if one not in arriving]
        self.faults.count(self.venue, "reorder", sum(one.is_overtaken for one in arriving))
        yield from (one.text for one in arriving)
