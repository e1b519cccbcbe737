"""The documented subset of OData: `$filter`, `$orderby`, `$select` (get-a-list-of-referrals page).

All else is a 400.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from tools.simulators.partner_center import vocabulary as words
from tools.simulators.partner_center.errors import ApiError, invalid
from tools.simulators.partner_center.schema import Document
from tools.simulators.partner_center.store import parse_moment

Predicate = Callable[[Document], bool]

_ENUMS = {
    "status": words.STATUSES,
    "substatus": words.ALL_SUBSTATUSES,
    "qualification": words.QUALIFICATIONS,
    "type": words.TYPES,
    "direction": words.DIRECTIONS,
}
_DATES = frozenset({"createdDateTime", "updatedDateTime"})
_COUNTRY = "customerProfile/address/country"

_TOKENS = re.compile(
    r"""\s*(?:
        (?P<paren>[()])
      | (?P<string>'(?:[^']|'')*')
      | (?P<moment>\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d))
      | (?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})
      | (?P<word>[A-Za-z][A-Za-z0-9]*(?:/[A-Za-z][A-Za-z0-9]*)*:?)
    )""",
    re.VERBOSE,
)
_EMAIL_LAMBDA = re.compile(r"team/any\((\w+):\s*\1/email eq '((?:[^']|'')*)'\)")


@dataclass(frozen=True)
class Filter:
    """A compiled filter; `by_engagement` widens the view to the other organizations' rows."""

    matches: Predicate
    by_engagement: bool


def parse_filter(text: str) -> Filter:
    """Compile a `$filter` expression."""
    parser = _Parser(text)
    return Filter(parser.parse(), parser.by_engagement)


def parse_orderby(text: str) -> tuple[str, bool]:
    """Return the property and whether descending; only the two timestamps can be ordered by."""
    match = re.fullmatch(r"\s*(createdDateTime|updatedDateTime)(?:\s+(asc|desc))?\s*", text)
    if match is None:
        raise invalid("$orderby", f"'{text}' is not supported.")
    return match[1], match[2] == "desc"


def parse_select(text: str, known: Sequence[str]) -> list[str]:
    """Return the selected top-level properties."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise invalid("$select", f"'{name}' is not a property of a referral.")
    return names


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


class _Parser:
    """Recursive descent over `term and term and (…)`."""

    def __init__(self, text: str) -> None:
        self.by_engagement = False
        self._text = text
        self._emails: list[str] = []
        self._tokens = self._tokenize(_EMAIL_LAMBDA.sub(self._keep_email, text))
        self._position = 0

    def parse(self) -> Predicate:
        predicate = self._conjunction()
        if self._position != len(self._tokens):
            raise self._refusal()
        return predicate

    def _keep_email(self, match: re.Match[str]) -> str:
        self._emails.append(_unquote(match[2]))
        return f"teamEmail{len(self._emails) - 1}"

    def _tokenize(self, text: str) -> list[_Token]:
        tokens, position, end = [], 0, len(text.rstrip())
        while position < end:
            match = _TOKENS.match(text, position)
            if match is None or match.lastgroup is None:
                raise self._refusal()
            tokens.append(_Token(match.lastgroup, match[match.lastgroup]))
            position = match.end()
        return tokens

    def _refusal(self) -> ApiError:
        return invalid("$filter", f"'{self._text}' is not supported.")

    def _next(self) -> _Token:
        if self._position >= len(self._tokens):
            raise self._refusal()
        token = self._tokens[self._position]
        self._position += 1
        return token

    def _peek(self) -> str:
        return self._tokens[self._position].text if self._position < len(self._tokens) else ""

    def _conjunction(self) -> Predicate:
        parts = [self._term()]
        while self._peek() == "and":
            self._next()
            parts.append(self._term())
        return lambda row: all(part(row) for part in parts)

    def _term(self) -> Predicate:
        token = self._next()
        if token.text == "(":
            inner = self._conjunction()
            if self._next().text != ")":
                raise self._refusal()
            return inner
        if token.kind != "word":
            raise self._refusal()
        if match := re.fullmatch(r"teamEmail(\d+)", token.text):
            return _by_email(self._emails[int(match[1])])
        return self._comparison(token.text, self._next().text, self._next())

    def _comparison(self, path: str, operator: str, literal: _Token) -> Predicate:
        if path in _DATES and operator in {"ge", "gt", "le", "lt"} and literal.kind == "moment":
            return _by_moment(path, operator, self._moment(literal.text))
        if operator != "eq":
            raise self._refusal()
        if path == "engagementId" and literal.kind in {"guid", "string"} and words.is_guid(literal.text.strip("'")):
            self.by_engagement = True
            return _by_property(path, literal.text.strip("'").lower())
        if literal.kind != "string":
            raise self._refusal()
        value = _unquote(literal.text[1:-1])
        if path == _COUNTRY:
            return lambda row: row["customerProfile"]["address"]["country"] == value
        if value not in _ENUMS.get(path, ()):
            raise self._refusal()
        return _by_property(path, value)

    def _moment(self, text: str) -> datetime:
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except ValueError:
            raise self._refusal() from None


def _unquote(text: str) -> str:
    return text.replace("''", "'")


def _by_property(name: str, value: str) -> Predicate:
    return lambda row: bool(row[name] == value)


def _by_email(email: str) -> Predicate:
    return lambda row: any((member["email"] or "").casefold() == email.casefold() for member in row["team"])


def _by_moment(name: str, operator: str, limit: datetime) -> Predicate:
    compare = {"ge": datetime.__ge__, "gt": datetime.__gt__, "le": datetime.__le__, "lt": datetime.__lt__}[operator]
    return lambda row: compare(_moment_of(row[name]), limit)


@lru_cache(maxsize=1 << 17)
def _moment_of(text: str) -> datetime:
    return parse_moment(text)
