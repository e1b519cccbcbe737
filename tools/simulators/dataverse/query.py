"""System query options: what to return of each row ($select, $expand) and of which rows ($filter, $orderby, $top)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tools.simulators.dataverse.columns import Column, Kind, Table
from tools.simulators.dataverse.environment import Environment
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.filters import parse_filter, value_of
from tools.simulators.dataverse.rows import Row

_KNOWN = frozenset({"$select", "$expand", "$filter", "$orderby", "$top", "$count", "$skiptoken", "$deltatoken"})
_NESTED = frozenset({"$select", "$expand"})
_NESTED_OF_MANY = frozenset({"$select", "$expand", "$filter", "$orderby", "$top"})
COLLECTIONS = {
    ("account", "contact_customer_accounts"): ("contact", "parentcustomerid"),
    ("account", "opportunity_parent_account"): ("opportunity", "parentaccountid"),
}
"""Collection-valued navigation properties by table and name: the other table, and its look-up to the row."""


@dataclass(frozen=True)
class Expansion:
    """A single-valued navigation property and what to return of the row behind it."""

    navigation: str
    column: Column
    shape: Shape
    many: Callable[[Row], list[Row]] | None = None
    """Of a collection-valued one: finds the rows that belong to a row."""


@dataclass(frozen=True)
class Shape:
    """The part of a row that is returned. `columns` is None for all of them."""

    table: Table
    columns: tuple[Column, ...] | None = None
    expansions: tuple[Expansion, ...] = ()

    def names(self) -> str:
        """Return the list of names as the context shows it."""
        parts = [column.wire_name for column in self.columns or ()]
        parts += [f"{each.navigation}({each.shape.names()})" for each in self.expansions]
        return ",".join(parts)


def split_list(text: str, separator: str = ",") -> list[str]:
    """Split at separators that are outside parentheses."""
    parts, depth, start, quoted = [], 0, 0, False
    for position, character in enumerate(text):
        quoted ^= character == "'"
        if quoted:
            continue
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == separator and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    if depth != 0:
        raise RefusedError(Rule.SYNTAX, detail=f"Unbalanced parentheses in '{text}'.")
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def nested_options(item: str) -> tuple[str, dict[str, str]]:
    """Split `name($select=a,b;$expand=c)` into its name and its options."""
    name, _, rest = item.partition("(")
    pairs = (part.partition("=") for part in split_list(rest.removesuffix(")"), ";"))
    return name.strip(), {key.strip(): value.strip() for key, _, value in pairs}


def require_known(options: Mapping[str, str]) -> None:
    """Refuse system query options that the platform does not have; `tag` and the like are no system options."""
    for option in options:
        if option.startswith("$") and option not in _KNOWN:
            raise RefusedError(Rule.UNSUPPORTED_OPTION, option=option)


@dataclass(frozen=True)
class QueryReader:
    """Reads the options of requests to one table."""

    environment: Environment
    table: Table

    def column(self, name: str) -> Column:
        """Return the column behind a property name, or refuse."""
        column = self.table.readable(name, self.environment.now())
        if column is None:
            raise RefusedError(Rule.NO_SUCH_PROPERTY, name=name, type=self.table.name)
        return column

    def shape(self, options: Mapping[str, str]) -> Shape:
        """Return what $select and $expand ask for."""
        select = split_list(options.get("$select", ""))
        columns = tuple(self.column(name) for name in select) if select else None
        expansions = tuple(self._expansion(item) for item in split_list(options.get("$expand", "")))
        return Shape(self.table, columns, expansions)

    def rows(self, options: Mapping[str, str]) -> list[Row]:
        """Return the rows that $filter leaves, in the order of $orderby."""
        rows: Iterable[Row] = self.environment.store.all(self.table.name)
        if "$filter" in options:
            rows = filter(parse_filter(options["$filter"], self.column, self._follow), rows)
        found = list(rows)
        for item in reversed(split_list(options.get("$orderby", ""))):
            self._sort(found, item)
        return found

    def _follow(self, name: str) -> tuple[Callable[[str], Column], Callable[[Row], Row | None]]:
        navigation = self.table.navigation(name, self.environment.now())
        if navigation is None:
            raise RefusedError(Rule.NO_SUCH_PROPERTY, name=name, type=self.table.name)
        column, target = navigation

        def behind(row: Row) -> Row | None:
            held = value_of(row, column)
            return self.environment.store.find(target, str(held)) if held else None

        return QueryReader(self.environment, self.environment.table(target)).column, behind

    def _sort(self, rows: list[Row], item: str) -> None:
        name, _, direction = item.partition(" ")
        if direction.strip() not in {"", "asc", "desc"}:
            raise RefusedError(Rule.SYNTAX, detail=f"'{item}' is not an ordering.")
        column = self.column(name)
        # Nulls come first ascending, as in SQL Server.
        rows.sort(
            key=lambda row: ((value := value_of(row, column)) is not None, value or 0),
            reverse=direction.strip() == "desc",
        )

    def _expansion(self, item: str) -> Expansion:
        name, options = nested_options(item)
        if (self.table.name, name) in COLLECTIONS:
            return self._collection(name, options)
        navigation = self.table.navigation(name, self.environment.now())
        if navigation is None:
            raise RefusedError(Rule.NO_SUCH_PROPERTY, name=name, type=self.table.name)
        for option in options:
            if option not in _NESTED:
                raise RefusedError(Rule.UNSUPPORTED_OPTION, option=option)
        column, target = navigation
        table = self._principal() if self._is_principal(column) else self.environment.table(target)
        return Expansion(name, column, QueryReader(self.environment, table).shape(options))

    def _collection(self, name: str, options: Mapping[str, str]) -> Expansion:
        """Expand the rows that refer to a row; these may be filtered, sorted and cut (join-tables)."""
        for option in options:
            if option not in _NESTED_OF_MANY:
                raise RefusedError(Rule.UNSUPPORTED_OPTION, option=option)
        other, look_up = COLLECTIONS[self.table.name, name]
        reader = QueryReader(self.environment, self.environment.table(other))
        column = reader.table.columns[look_up]
        found, top = reader.rows(options), int(options.get("$top", "5000"))

        def belonging(row: Row) -> list[Row]:
            return [each for each in found if value_of(each, column) == row.id][:top]

        return Expansion(name, column, reader.shape(options), belonging)

    def _is_principal(self, column: Column) -> bool:
        return column.kind is Kind.OWNER and self.environment.quirks.owner_is_principal

    def _principal(self) -> Table:
        """The common base of users and teams has nothing but its id."""
        identity = Column("ownerid", Kind.ID, "ownerid")
        return Table("principal", "principals", "Principal", "ownerid", "ownerid", {"ownerid": identity})
