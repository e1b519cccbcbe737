"""Turns a JSON body into checked changes: names, binds, types; the refusals a mapping mistake would meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tools.simulators.dataverse.addresses import parse_bind
from tools.simulators.dataverse.columns import Column, Table
from tools.simulators.dataverse.environment import Environment
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.rows import Reference, Values
from tools.simulators.dataverse.values import checked

_BIND = "@odata.bind"


@dataclass(frozen=True)
class Payload:
    """Reads the body of one create or update of `table`."""

    environment: Environment
    table: Table
    creating: bool

    def changes(self, body: Mapping[str, object]) -> Values:
        """Return the checked new values by logical column name; null stays as None."""
        changes: Values = {}
        for name, value in body.items():
            if name.endswith(_BIND):
                column, stored = self._bound(name.removesuffix(_BIND), value)
            elif "@" in name:
                self._require_declared(name.partition("@")[0])
                continue
            else:
                column, stored = self._plain(name, value)
            if self._may_write(column):
                changes[column.name] = stored
        return changes

    def _plain(self, name: str, value: object) -> tuple[Column, object]:
        now = self.environment.now()
        navigation = self.table.navigation(name, now)
        if navigation and value is None:
            return navigation[0], None
        column = self.table.column(name, now)
        if column and not column.is_lookup:
            return column, checked(self.table.name, column, value, self.environment.quirks.money_rounding)
        if self.table.readable(name, now):
            raise RefusedError(Rule.RAW_LOOKUP, name=name)
        raise RefusedError(Rule.INVALID_PROPERTY, name=name, table=self.table.name, set=self.table.set_name)

    def _bound(self, name: str, value: object) -> tuple[Column, object]:
        navigation = self.table.navigation(name, self.environment.now())
        if navigation is None:
            raise RefusedError(Rule.UNDECLARED_PROPERTY, name=name)
        column, targets = navigation[0], self.table.targets(name, self.environment.now())
        if value is None:
            return column, None
        if not isinstance(value, str):
            raise RefusedError(Rule.BAD_BIND, name=name, targets=", ".join(targets), value=value)
        address = parse_bind(self.environment, value)
        if address.table.name not in targets:
            raise RefusedError(Rule.BAD_BIND, name=name, targets=", ".join(targets), value=value)
        row = address.find(self.environment)
        if row is None:
            missing = address.missing()
            missing.status = self.environment.quirks.missing_bind_status
            raise missing
        return column, Reference(row.table, row.id)

    def _require_declared(self, name: str) -> None:
        """Annotations may accompany what exists; `@odata.etag` and the like belong to the whole row."""
        now = self.environment.now()
        if name and not (self.table.readable(name, now) or self.table.navigation(name, now)):
            raise RefusedError(Rule.UNDECLARED_PROPERTY, name=name)

    def _may_write(self, column: Column) -> bool:
        if column.name == self.table.primary_id:
            return True
        if column.creatable if self.creating else column.updatable:
            return True
        if self.environment.quirks.read_only_columns == "ignore":
            return False
        rule = Rule.NOT_CREATABLE if self.creating else Rule.NOT_UPDATABLE
        raise RefusedError(rule, column=column.name, table=self.table.name)
