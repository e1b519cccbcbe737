"""`$filter`: parsed against the table's columns, with the type checks OData makes, into a test of one row."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tools.simulators.dataverse.columns import LOOKUPS, Column, Kind
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.rows import Reference, Row

Test = Callable[[Row], bool]

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^']|'')*')
  | (?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})
  | (?P<datetime>\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))
  | (?P<date>\d{4}-\d{2}-\d{2})
  | (?P<number>-?\d+(?:\.\d+)?)
  | (?P<word>[A-Za-z_]\w*(?:/[A-Za-z_]\w*)?)
  | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_NUMBERS = {Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL, Kind.MONEY, Kind.PICKLIST, Kind.STATE, Kind.STATUS}


Follow = Callable[[str], tuple[Callable[[str], Column], Callable[[Row], Row | None]]]
"""By a navigation property: how its table's columns are found, and the row that a row leads to."""


@dataclass(frozen=True)
class Token:
    """One word of the filter."""

    kind: str
    text: str


def value_of(row: Row, column: Column) -> object:
    """Return a row's value as it compares: lookups by id, texts without case, the version number by the row's."""
    if column.name == "versionnumber":
        return row.version
    value = row.values.get(column.name)
    if isinstance(value, Reference):
        return value.id
    return value.casefold() if isinstance(value, str) and column.kind is not Kind.DATETIME else value


def parse_filter(text: str, resolve: Callable[[str], Column], follow: Follow | None = None) -> Test:
    """Return the test that `text` stands for; `resolve` finds a column by property name or refuses.

    `follow` leads along a single-valued navigation property to the row behind it (filter-rows).
    """
    parser = _Parser(_tokens(text), resolve, follow)
    test = parser.alternatives()
    parser.require_end()
    return test


def _tokens(text: str) -> list[Token]:
    tokens, position = [], 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise RefusedError(Rule.SYNTAX, detail=f"Syntax error at position {position} in '{text}'.")
        tokens.append(Token(match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent: or, and, not, comparison."""

    def __init__(self, tokens: list[Token], resolve: Callable[[str], Column], follow: Follow | None) -> None:
        self._tokens = tokens
        self._follow = follow
        self._position = 0
        self._resolve = resolve

    def alternatives(self) -> Test:
        tests = [self._conjunction()]
        while self._accept("or"):
            tests.append(self._conjunction())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def require_end(self) -> None:
        if self._position < len(self._tokens):
            raise RefusedError(Rule.SYNTAX, detail=f"Unexpected '{self._tokens[self._position].text}'.")

    def _conjunction(self) -> Test:
        tests = [self._negation()]
        while self._accept("and"):
            tests.append(self._negation())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _negation(self) -> Test:
        if self._accept("not"):
            test = self._negation()
            return lambda row: not test(row)
        return self._primary()

    def _primary(self) -> Test:
        if self._accept("("):
            test = self.alternatives()
            self._expect(")")
            return test
        word = self._next("word").text
        return self._function(word) if word in _FUNCTIONS else self._comparison(word)

    def _function(self, name: str) -> Test:
        self._expect("(")
        column = self._resolve(self._next("word").text)
        self._expect(",")
        literal = self._next("string")
        self._expect(")")
        part, matches = str(_literal_value(column, literal)), _FUNCTIONS[name]
        return lambda row: isinstance(text := value_of(row, column), str) and matches(text, part)

    def _comparison(self, name: str) -> Test:
        navigation, slash, rest = name.partition("/")
        if slash and self._follow:
            resolve, behind = self._follow(navigation)
            inner = self._compared(resolve(rest))
            return lambda row: (found := behind(row)) is not None and inner(found)
        return self._compared(self._resolve(name))

    def _compared(self, column: Column) -> Test:
        operation = self._next("word").text
        if operation not in _COMPARE:
            raise RefusedError(Rule.SYNTAX, detail=f"'{operation}' is not a comparison.")
        wanted, compare = _literal_value(column, self._next()), _COMPARE[operation]
        if operation in {"eq", "ne"}:
            return lambda row: compare(value_of(row, column), wanted)
        return lambda row: (
            (value := value_of(row, column)) is not None and wanted is not None and compare(value, wanted)
        )

    def _accept(self, text: str) -> bool:
        is_next = self._position < len(self._tokens) and self._tokens[self._position].text == text
        self._position += is_next
        return is_next

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise RefusedError(Rule.SYNTAX, detail=f"'{text}' expected.")

    def _next(self, kind: str | None = None) -> Token:
        if self._position >= len(self._tokens):
            raise RefusedError(Rule.SYNTAX, detail="The filter ends too early.")
        token = self._tokens[self._position]
        if kind and token.kind != kind:
            raise RefusedError(Rule.SYNTAX, detail=f"Unexpected '{token.text}'.")
        self._position += 1
        return token


def _literal_value(column: Column, token: Token) -> object:
    if token.text == "null":
        return None
    kind = "boolean" if token.text in {"true", "false"} else token.kind
    if kind != _literal_kind(column):
        raise RefusedError(Rule.INCOMPATIBLE_OPERANDS, name=column.wire_name, literal=token.text)
    return _READ[kind](token.text)


def _literal_kind(column: Column) -> str:
    if column.kind in LOOKUPS or column.kind is Kind.ID:
        return "guid"
    if column.kind in _NUMBERS:
        return "number"
    if column.kind is Kind.BOOLEAN:
        return "boolean"
    if column.kind is Kind.DATETIME:
        return "date" if column.is_date_only else "datetime"
    return "string"


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        raise RefusedError(Rule.SYNTAX, detail=f"'{text}' is not a date-time.") from None


_READ: dict[str, Callable[[str], object]] = {
    "guid": str.lower,
    "number": Decimal,
    "boolean": lambda text: text == "true",
    "date": str,
    "datetime": _moment,
    "string": lambda text: text[1:-1].replace("''", "'").casefold(),
}
