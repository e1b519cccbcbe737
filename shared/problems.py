"""What a person has to put right: a problem has a stable code, and its sentences come from the message catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.messages import Messages
from shared.messages.plain import plain

LONGEST = 80
"""Characters kept of a value."""

LONGEST_MESSAGE = 300
"""Characters kept of the value `message`: a vendor's own words, such as a validation rule's, tell what to do."""

MESSAGE = "message"

_ENGLISH = Messages()


@dataclass(frozen=True)
class Problem:
    """One thing a person has to put right. Make it by `problem()`, which checks code and values.

    `values` are what the sentences name, by placeholder, in the order of the names.
    """

    code: str
    field: str
    values: tuple[tuple[str, str], ...] = ()

    @property
    def rule(self) -> str:
        """The rule that is broken, in English."""
        return _ENGLISH.rule(self)

    @property
    def remedy(self) -> str:
        """What to do about it, in English."""
        return _ENGLISH.remedy(self)

    def __str__(self) -> str:
        return _ENGLISH.full(self)


def problem(code: str, field: str, **values: object) -> Problem:
    """Return a problem of the catalogue, its values cut and freed of control characters.

    Raises KeyError when the catalogue has no such code, or when a value that its sentences name is missing.
    """
    kept = tuple(sorted((name, plain(value, _room(name))) for name, value in values.items()))
    made = Problem(code, plain(field, LONGEST), kept)
    for sentence in (_ENGLISH.full, _ENGLISH.short_remedy):
        sentence(made)
    return made


def dump_problem(each: Problem) -> dict[str, object]:
    """Return a problem as JSON data; `load_problem` gives it back."""
    return {"code": each.code, "field": each.field, "values": dict(each.values)}


def load_problem(content: Mapping[str, object]) -> Problem:
    """Read what `dump_problem` made.

    A code that this version does not know, or knows with other values, becomes `app.problem_unknown`, so that a list
    of problems can be shown after an upgrade or a roll-back.
    """
    code, field, values = str(content.get("code")), str(content.get("field")), content.get("values")
    try:
        return problem(code, field, **{str(name): value for name, value in _members(values).items()})
    except (KeyError, TypeError):
        return problem("app.problem_unknown", field, name=code)


def _members(content: object) -> Mapping[str, object]:
    return content if isinstance(content, Mapping) else {}


def _room(name: str) -> int:
    return LONGEST_MESSAGE if name == MESSAGE else LONGEST
