"""What one side of a deal was made of, while the creation that made it is not committed.

Marks of those values tell which side was edited before the two are tied: the other one holds what was agreed.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.deal import Fields, mark_of


def marks(made_of: Fields) -> dict[str, str]:
    """Return a mark for each value, by field."""
    return {name: mark_of(value) for name, value in made_of.items()}


def unedited(made: Mapping[str, str], *sides: Fields) -> Fields:
    """Return by field what was agreed: what a side holds that still holds what was made. Both may have been edited."""
    return {name: held for side in sides for name, held in side.items() if name in made and mark_of(held) == made[name]}
