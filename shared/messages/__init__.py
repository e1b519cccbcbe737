"""The message catalogue: every sentence that a seller, an administrator or a chat reads, in every language.

A language is a file, `en.toml` or `ko.toml`; what another language lacks is said in English. A sentence may name
values in braces. A value is text as it came; `{side:word}` has it translated by the table `words`, and
`{parts:fields}` names each of several fields, separated by commas, by its label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Protocol

from shared.messages.plain import plain

ENGLISH = "en"
LANGUAGES = (ENGLISH, "ko")

SHORT_VALUE = 24
"""Characters of a value in the short form of a remedy, which has to fit into a status."""

Table = Mapping[str, str]


class Coded(Protocol):
    """A problem, as far as its sentences need it (shared.problems.Problem)."""

    @property
    def code(self) -> str:
        """Which problem it is: the key of its sentences."""
        ...

    @property
    def field(self) -> str:
        """The field it is about."""
        ...

    @property
    def values(self) -> tuple[tuple[str, str], ...]:
        """What its sentences name, by placeholder."""
        ...


@dataclass(frozen=True)
class Messages:
    """The catalogue in one language. Raises ValueError when there is no such language.

    Every method raises KeyError when no language has the key, or when a value that the sentence names is not given.
    """

    language: str = ENGLISH

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ValueError(f"there are no messages in {self.language!r}; choose one of {', '.join(LANGUAGES)}")

    def rule(self, problem: Coded) -> str:
        """Return the rule that is broken, without a full stop, which a vendor's own words may end with."""
        return self._of_problem(problem, "rule").rstrip(".")

    def remedy(self, problem: Coded) -> str:
        """Return what to do about it, as one sentence."""
        return self._of_problem(problem, "remedy")

    def short_remedy(self, problem: Coded) -> str:
        """Return the remedy at the length that a status has room for."""
        table = self._table("problems", problem.code)
        return self._of_problem(problem, "short" if "short" in table else "remedy", SHORT_VALUE)

    def who(self, problem: Coded) -> str:
        """Return who can put it right."""
        return self.word(catalogue(ENGLISH).problems[problem.code]["who"])

    def full(self, problem: Coded) -> str:
        """Return the whole problem: field, rule and remedy."""
        return f"{self.label(problem.field)}: {self.rule(problem)}. {self.remedy(problem)}"

    def label(self, field: str) -> str:
        """Return a field's name at the beginning of a line."""
        name = self.name(field)
        return name[:1].upper() + name[1:]

    def name(self, field: str) -> str:
        """Return a field's name within a sentence; a field of the customer's own is named with blanks."""
        known = self._labels.get(field) or catalogue(ENGLISH).labels.get(field)
        return known or (field.replace("_", " ") if field.islower() else field)

    def word(self, key: str) -> str:
        """Return a single word or name, such as a side or a stage."""
        return self._sentence("words", key)

    def reason(self, key: str, **values: object) -> str:
        """Return why something was decided, as part of a sentence; the keys are those of shared.messages.reasons."""
        return _filled(self._sentence("reasons", key), self._spoken(values))

    def text(self, key: str, **values: object) -> str:
        """Return any other sentence."""
        return _filled(self._sentence("texts", key), self._spoken(values))

    def knows(self, key: str) -> bool:
        """Whether `text` has this key."""
        return key in catalogue(ENGLISH).texts

    # --- inside ----------------------------------------------------------------------------------------------------

    @property
    def _labels(self) -> Table:
        return catalogue(self.language).labels

    def _of_problem(self, problem: Coded, part: str, limit: int | None = None) -> str:
        template = self._table("problems", problem.code)[part]
        field = _Value(plain(self.name(problem.field), limit), self)
        values = self._spoken({name: plain(value, limit) for name, value in problem.values})
        return _filled(template, {**values, "field": field})

    def _sentence(self, section: str, key: str) -> str:
        own: Table = getattr(catalogue(self.language), section)
        english: Table = getattr(catalogue(ENGLISH), section)
        return own[key] if key in own else english[key]

    def _table(self, section: str, key: str) -> Table:
        own: Mapping[str, Table] = getattr(catalogue(self.language), section)
        english: Mapping[str, Table] = getattr(catalogue(ENGLISH), section)
        return own[key] if key in own else english[key]

    def _spoken(self, values: Mapping[str, object]) -> dict[str, _Value]:
        return {name: _Value(plain(value), self) for name, value in values.items()}


def _filled(template: str, values: Mapping[str, _Value]) -> str:
    """Return the sentence; a full stop behind a vendor's own words, which may end with theirs, is not doubled."""
    text = ""
    for literal, name, spec, _ in Formatter().parse(template):
        text += literal.removeprefix(".") if text.endswith(".") else literal
        if name is not None:
            text += format(values[name], spec or "")
    return text


@dataclass(frozen=True)
class _Value:
    """A value as a sentence names it; the format spec says whether it is translated."""

    text: str
    messages: Messages

    def __format__(self, spec: str) -> str:
        if spec == "word":
            return self.messages.word(self.text)
        if spec == "fields":
            return ", ".join(self.messages.name(field) for field in self.text.split(", "))
        if spec:
            raise KeyError(spec)
        return self.text


@dataclass(frozen=True)
class Catalogue:
    """One language's file."""

    labels: Table
    words: Table
    problems: Mapping[str, Table]
    reasons: Table
    texts: Table


@cache
def catalogue(language: str) -> Catalogue:
    """Return a language's file, read when it is first needed, and its parser with it: a cold start needs neither."""
    import tomllib

    with Path(__file__).with_name(f"{language}.toml").open("rb") as file:
        return Catalogue(**tomllib.load(file))
