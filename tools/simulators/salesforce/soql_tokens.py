"""Cuts SOQL into tokens: names, text, numbers, dates, operators."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal

from tools.simulators.salesforce.errors import RefusedError, Rule

Kind = Literal["name", "text", "number", "date", "datetime", "sign", "end"]

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<date>\d{4}-\d\d-\d\d(?![T\d]))"
    r"|(?P<number>[+-]?\d+(?:\.\d+)?(?![\w-]))"
    r"|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"
    r"|(?P<sign><=|>=|!=|<>|[=<>(),:])",
    re.DOTALL | re.IGNORECASE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
# In LIKE the two wildcards can be escaped; the backslash stays for the pattern to read.
_LIKE_ESCAPES = frozenset("%_")


@dataclass(frozen=True)
class Token:
    """One token; `value` is its Python value, `at` its position."""

    kind: Kind
    raw: str
    value: object
    at: int

    def is_word(self, *words: str) -> bool:
        """Tell whether it is one of these keywords or signs."""
        return self.kind in {"name", "sign"} and self.raw.upper() in words


def tokenize(query: str) -> list[Token]:
    """Return the tokens of a query, an end mark last."""
    tokens, position = [], 0
    while position < len(query):
        match = _TOKEN.match(query, position)
        if match is None:
            raise malformed(query, position, f"unexpected token: '{query[position:].split(maxsplit=1)[0]}'")
        kind, raw = match.lastgroup, match[0]
        if kind != "space":
            tokens.append(Token(kind, raw, _value(query, str(kind), raw, position), position))  # type: ignore[arg-type]
        position = match.end()
    return [*tokens, Token("end", "<EOF>", None, len(query))]


def malformed(query: str, at: int, text: str) -> RefusedError:
    """Return the refusal of a query that cannot be read, with the platform's pointer to the place."""
    return RefusedError(Rule.MALFORMED_QUERY, detail=pointed(query, at, text))


def pointed(query: str, at: int, text: str) -> str:
    """Return a message below the part of the query that it is about."""
    start = max(0, at - 30)
    excerpt = query[start : at + 30].replace("\n", " ")
    return f"\n{excerpt}\n{' ' * (at - start)}^\nERROR at Row:1:Column:{at + 1}\n{text}"


def _value(query: str, kind: str, raw: str, at: int) -> object:
    if kind == "text":
        return _unescape(query, raw[1:-1], at)
    if kind == "number":
        return Decimal(raw)
    try:
        if kind == "date":
            return date.fromisoformat(raw)
        if kind == "datetime":
            return datetime.fromisoformat(raw).astimezone(UTC)
    except ValueError:
        raise malformed(query, at, f"line 1:{at} no viable alternative at character '{raw[0]}'") from None
    return raw


def _unescape(query: str, text: str, at: int) -> str:
    def replace(match: re.Match[str]) -> str:
        char = match[1]
        if char in _LIKE_ESCAPES:
            return match[0]
        if char.lower() not in _ESCAPES:
            raise malformed(
                query, at, f"Invalid string literal '{text}'. Illegal character sequence '\\{char}' in string."
            )
        return _ESCAPES[char.lower()]

    return re.sub(r"\\(.)", replace, text, flags=re.DOTALL)
