"""Pieces made once for all situations that are alike in what the piece depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import Any, TypeVar

from tests.unit.decide.situations import Situation

Piece = TypeVar("Piece")


class _Untold:
    """What stands for a word that a piece said it does not depend on: it cannot be used."""

    def _refuse(self, *_: object) -> Any:
        raise AssertionError("the piece depends on a word that is not named")

    __eq__ = __hash__ = __bool__ = __str__ = __getattr__ = _refuse


def alike_in(words: str) -> Callable[[Callable[[Situation], Piece]], Callable[[Situation], Piece]]:
    """Make a piece once for all situations that are alike in some words, and let it see no other word of them.

    Equal pieces are one object, so that what is decided about them can be remembered.
    """
    names = tuple(words.split())
    untold: dict[str, Any] = {each: _Untold() for each in Situation._fields if each not in names}
    values = attrgetter(*names)

    def decorate(make: Callable[[Situation], Piece]) -> Callable[[Situation], Piece]:
        made: dict[object, Piece] = {}
        equal: dict[object, Piece] = {}

        def piece(situation: Situation) -> Piece:
            key = values(situation)
            try:
                return made[key]
            except KeyError:
                new = make(Situation(**untold, **{name: getattr(situation, name) for name in names}))
                return made.setdefault(key, equal.setdefault(_form(new), new))

        return piece

    return decorate


def _form(value: object) -> object:
    """Return what is equal for equal pieces, and can be looked up."""
    if is_dataclass(value):
        return type(value), *(_form(getattr(value, each.name)) for each in fields(value))
    if isinstance(value, Mapping):
        return frozenset((name, _form(each)) for name, each in value.items())
    return tuple(map(_form, value)) if isinstance(value, tuple | list) else value
