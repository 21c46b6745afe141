"""Frames out of order and doubled."""

import random
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
MIXED_WITHIN = 200


def disordered(frames: Iterable[Item], dice: random.Random) -> Iterator[Item]:
    """Every third frame twice, and each up to some two hundred places from where it belongs."""
    waiting: list[Item] = []
    for frame in frames:
        waiting += [frame] * (2 if dice.random() < 1 / 3 else 1)
        if len(waiting) >= MIXED_WITHIN:
            dice.shuffle(waiting)
            yield from waiting[MIXED_WITHIN // 2 :]
            del waiting[MIXED_WITHIN // 2 :]
    dice.shuffle(waiting)
    yield from waiting
