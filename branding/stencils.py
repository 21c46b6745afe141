"""Fragments drawn once for each shape they can have; into that their texts are written.

A fragment that is asked for at every step of a slider costs mostly its template. What a template decides by is few
things: flags, words of closed sets, how many rows there are, and whether a text is there at all. Together they are the
fragment's shape. The template is rendered once for each shape with a ``Place`` for every text; from then on the texts,
escaped, take their places. The template stays the only description of the fragment.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum, auto
from functools import cache
from itertools import count
from operator import attrgetter
from typing import Any

from django.template.loader import render_to_string
from django.utils.translation import get_language
from markupsafe import Markup, escape

# What templates build addresses from, compare or take apart. Any other text or number they print as it is.
KEPT = frozenset({"id", "market", "mode", "venue"})
REMEMBERED_SHAPES = 2000
# No text holds it: where one does all the same, the template itself is rendered.
MARK = "\0"
_PLACE = re.compile(f"{MARK}([0-9]+){MARK}")


class Place:
    """Where a text goes. It is there, and it can be printed; a template that asks more of it fails."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __str__(self) -> str:
        return f"{MARK}{self.number}{MARK}"

    def __eq__(self, other: object) -> bool:
        raise TypeError("A template decides by this text: its field has to be among KEPT.")

    __hash__ = None  # type: ignore[assignment]

    def isoformat(self) -> str:
        """A moment is printed this way."""
        return str(self)


@dataclass(frozen=True, slots=True)
class Stencil:
    """A rendered shape: what stands between the places, with room at each, and the numbers of the texts for them."""

    pieces: tuple[str, ...]
    order: tuple[int, ...]

    @classmethod
    def of(cls, rendered: str) -> "Stencil":
        """The stencil of a fragment that was rendered with places."""
        pieces = _PLACE.split(rendered)
        return cls(tuple(pieces), tuple(int(number) for number in pieces[1::2]))

    def filled(self, texts: list[str]) -> Markup:
        """The fragment with its texts, which are escaped already."""
        pieces = list(self.pieces)
        pieces[1::2] = [texts[number] for number in self.order]
        return Markup("".join(pieces))  # noqa: S704 - a template's own output and escaped texts


_stencils: dict[tuple[object, ...], Stencil] = {}


def drawn(template: str, name: str, shown: Any) -> Markup:
    """What the template makes of a view model alone, which it knows by ``name``."""
    shape: list[object] = [template, get_language()]
    texts: list[str] = []
    _read(shown, shape, texts)
    escaped = str(escape(MARK.join(texts))).split(MARK)
    if len(escaped) != len(texts):
        return Markup(render_to_string(template, {name: shown}))  # noqa: S704 - a template's output
    key = tuple(shape)
    known = _stencils.get(key)
    if known is None:
        known = Stencil.of(render_to_string(template, {name: _with_places(shown, count())}))
        if len(_stencils) >= REMEMBERED_SHAPES:
            _stencils.clear()
        _stencils[key] = known
    return known.filled(escaped)


def forget_stencils() -> None:
    """Drop what this process has drawn."""
    _stencils.clear()


class _Sort(Enum):
    """What a field holds, by the type of its value."""

    PRINTED = auto()
    MOMENT = auto()
    ROWS = auto()
    SENTENCES = auto()
    PART = auto()
    WORD = auto()


@cache
def _sort_of(kind: type) -> _Sort:
    if kind in (str, int):
        return _Sort.PRINTED
    if issubclass(kind, datetime):
        return _Sort.MOMENT
    if issubclass(kind, tuple):
        return _Sort.ROWS
    if issubclass(kind, Mapping):
        return _Sort.SENTENCES
    return _Sort.PART if is_dataclass(kind) else _Sort.WORD


@cache
def _names(kind: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields of a view model that are kept as they are, and the rest."""
    names = [field.name for field in fields(kind)]
    return tuple(name for name in names if name in KEPT), tuple(name for name in names if name not in KEPT)


@cache
def _values(kind: type) -> tuple[Callable[[Any], object], Callable[[Any], tuple[Any, ...]]]:
    """What reads these fields off a view model, the first with its type: in one call, as there are many fields."""
    kept, rest = _names(kind)
    return attrgetter("__class__", *kept), attrgetter(*rest) if len(rest) > 1 else _one_by_one(rest)


def _one_by_one(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda shown: tuple(getattr(shown, name) for name in names)


def _read(shown: Any, shape: list[object], texts: list[str]) -> None:
    """Part a view model into its shape and its texts, in the order of its fields."""
    kept, rest = _values(shown.__class__)
    shape.append(kept(shown))
    for value in rest(shown):
        sort = _sort_of(value.__class__)
        if sort is _Sort.PRINTED:
            if value:
                texts.append(str(value))
            shape.append(not value)
        elif sort is _Sort.WORD:
            shape.append(value)
        elif sort is _Sort.PART:
            _read(value, shape, texts)
        elif sort is _Sort.MOMENT:
            texts.append(value.isoformat())
            shape.append(sort)
        elif sort is _Sort.ROWS:
            shape.append(len(value))
            for part in value:
                _read(part, shape, texts)
        else:
            shape.append(tuple(value))
            texts.extend(value.values())


def _with_places(shown: Any, numbers: Iterator[int]) -> Any:
    """The same view model with a place for each of its texts, numbered as ``_read`` lists them."""
    kept, rest = _names(shown.__class__)
    values = {name: getattr(shown, name) for name in kept}
    for name in rest:
        value = getattr(shown, name)
        sort = _sort_of(value.__class__)
        if sort is _Sort.MOMENT or (sort is _Sort.PRINTED and value):
            value = Place(next(numbers))
        elif sort is _Sort.PART:
            value = _with_places(value, numbers)
        elif sort is _Sort.ROWS:
            value = tuple(_with_places(part, numbers) for part in value)
        elif sort is _Sort.SENTENCES:
            value = {key: Place(next(numbers)) for key in value}
        values[name] = value
    return shown.__class__(**values)
