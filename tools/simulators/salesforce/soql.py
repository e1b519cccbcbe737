"""Reads SOQL: the part of the language that a synchronization needs, and nothing that the platform would refuse.

Source: the SOQL and SOSL reference. AND and OR cannot be mixed without parentheses.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.soql_tokens import Token, malformed, tokenize

_COMPARISONS = ("=", "!=", "<>", "<", "<=", ">", ">=")
_UNSUPPORTED = ("FOR", "ALL", "WITH", "GROUP", "USING", "TYPEOF")
_CLAUSES = ("WHERE", "ORDER", "LIMIT", "OFFSET", *_UNSUPPORTED)
MAX_OFFSET = 2000


@dataclass(frozen=True)
class Path:
    """A field as the query names it, and where."""

    name: str
    at: int


@dataclass(frozen=True)
class Condition:
    """A comparison: `values` are literals with their kinds; several for IN and NOT IN; or a semi-join's query."""

    path: Path
    operator: str
    values: tuple[Token, ...] = ()
    query: Query | None = None


@dataclass(frozen=True)
class Group:
    """Conditions joined by AND or OR, or one that NOT turns round."""

    operator: str
    parts: tuple[Condition | Group, ...]


@dataclass(frozen=True)
class Order:
    """One key of ORDER BY. Null sorts first unless NULLS LAST is said, in both directions."""

    path: Path
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Query:
    """A query as it was written. `paths` are None for COUNT()."""

    text: str
    source: Path
    paths: tuple[Path, ...] | None
    children: tuple[Query, ...] = ()
    where: Condition | Group | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


def parse(text: str) -> Query:
    """Return the query, or refuse it as MALFORMED_QUERY."""
    parser = _Parser(text, tokenize(text))
    query = parser.query(nested=False)
    parser.expect_end()
    return query


@dataclass
class _Parser:
    text: str
    tokens: list[Token]
    position: int = field(default=0)

    @property
    def here(self) -> Token:
        return self.tokens[self.position]

    def next(self) -> Token:
        token = self.here
        self.position += 1
        return token

    def accept(self, *words: str) -> bool:
        if self.here.is_word(*words):
            self.position += 1
            return True
        return False

    def expect(self, *words: str) -> Token:
        if not self.here.is_word(*words):
            raise self.unexpected()
        return self.next()

    def expect_end(self) -> None:
        if self.here.kind != "end":
            raise self.unexpected()

    def unexpected(self) -> RefusedError:
        """Return the refusal of a token: what the language has and the simulator lacks is told apart."""
        following = self.tokens[min(self.position + 1, len(self.tokens) - 1)]
        is_call = self.here.kind == "name" and following.is_word("(", ":")
        if is_call or self.here.is_word(*_UNSUPPORTED):
            return RefusedError(Rule.NOT_IMPLEMENTED, what=f"'{self.here.raw}' in SOQL")
        return malformed(self.text, self.here.at, f"unexpected token: '{self.here.raw}'")

    def path(self) -> Path:
        if self.here.kind != "name" or self.here.is_word(*_CLAUSES, "FROM", "SELECT", "AND", "OR"):
            raise self.unexpected()
        calls = self.tokens[self.position + 1].is_word("(")
        if calls and not (self.here.is_word("COUNT") and self.tokens[self.position + 2].is_word(")")):
            raise self.unexpected()
        token = self.next()
        return Path(token.raw, token.at)

    def query(self, *, nested: bool) -> Query:
        self.expect("SELECT")
        paths, children = self.selection(nested=nested)
        self.expect("FROM")
        source = self.path()
        where = self.group() if self.accept("WHERE") else None
        order = self.orders() if self.accept("ORDER") else ()
        limit = self.whole() if self.accept("LIMIT") else None
        offset = self.whole() if self.accept("OFFSET") else 0
        if offset > MAX_OFFSET:
            raise RefusedError(Rule.BAD_OFFSET)
        return Query(self.text, source, paths, children, where, order, limit, offset)

    def selection(self, *, nested: bool) -> tuple[tuple[Path, ...] | None, tuple[Query, ...]]:
        paths: list[Path] = []
        children: list[Query] = []
        while True:
            if self.here.is_word("(") and not nested:
                self.next()
                children.append(self.query(nested=True))
                self.expect(")")
            else:
                paths.append(self.path())
                if paths[-1].name.upper() == "COUNT" and self.accept("("):
                    self.expect(")")
                    return None, ()
            if not self.accept(","):
                return tuple(paths), tuple(children)

    def group(self) -> Condition | Group:
        parts = [self.part()]
        operator = ""
        while self.here.is_word("AND", "OR"):
            word = self.here.raw.upper()
            if operator not in {"", word}:
                raise self.unexpected()  # the platform wants parentheses around a mixture
            operator = word
            self.next()
            parts.append(self.part())
        return parts[0] if len(parts) == 1 else Group(operator, tuple(parts))

    def part(self) -> Condition | Group:
        if self.accept("("):
            inner = self.group()
            self.expect(")")
            return inner
        if self.accept("NOT"):
            return Group("NOT", (self.part(),))
        return self.condition()

    def condition(self) -> Condition:
        path = self.path()
        if self.here.is_word(*_COMPARISONS):
            operator = self.next().raw.replace("<>", "!=")
            return Condition(path, operator, (self.literal(),))
        if self.accept("LIKE"):
            return Condition(path, "LIKE", (self.literal(),))
        operator = "NOT IN" if self.accept("NOT") else "IN"
        self.expect("IN")
        self.expect("(")
        if self.here.is_word("SELECT"):
            query = self.query(nested=True)
            self.expect(")")
            return Condition(path, operator, query=query)
        values = [self.literal()]
        while self.accept(","):
            values.append(self.literal())
        self.expect(")")
        return Condition(path, operator, tuple(values))

    def literal(self) -> Token:
        token = self.next()
        if token.kind in {"text", "number", "date", "datetime"}:
            return token
        if not token.is_word("NULL", "TRUE", "FALSE", "TODAY", "YESTERDAY", "TOMORROW"):
            self.position -= 1
            raise self.unexpected()
        return token

    def orders(self) -> tuple[Order, ...]:
        self.expect("BY")
        orders = [self.order()]
        while self.accept(","):
            orders.append(self.order())
        return tuple(orders)

    def order(self) -> Order:
        path = self.path()
        descending = self.here.is_word("DESC")
        self.accept("ASC", "DESC")
        nulls_last = False
        if self.accept("NULLS"):
            nulls_last = self.expect("FIRST", "LAST").raw.upper() == "LAST"
        return Order(path, descending, nulls_last)

    def whole(self) -> int:
        token = self.next()
        if token.kind != "number" or not token.raw.isdigit():
            self.position -= 1
            raise self.unexpected()
        return int(token.raw)
