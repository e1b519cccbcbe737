"""What every part of the simulator works on: clock, switches, definitions, rows, people, open cursors."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tools.simulators.clock import SimulatorClock
from tools.simulators.dataverse.columns import Key, Table
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.quirks import Quirks
from tools.simulators.dataverse.rows import Reference, Row, RowStore, Values
from tools.simulators.dataverse.rules import CustomRules
from tools.simulators.dataverse.schema import cosell_columns, standard_tables

ORGANIZATION_ID = "0f1e2d3c-0000-4000-8000-00000000a001"
BUSINESS_UNIT_ID = "0f1e2d3c-0000-4000-8000-00000000b001"
COSELL_TABLES = ("opportunity", "lead")

WriteHook = Callable[[str, str, dict[str, object]], Mapping[str, object] | None]


@dataclass(frozen=True)
class Caller:
    """The systemuser a request runs as, and what its roles allow."""

    user_id: str
    application_id: str | None = None
    global_read: bool = True
    customizer: bool = True


class Hook(NamedTuple):
    """A simulated plug-in: what it does and whether it runs after the reply was composed."""

    run: WriteHook
    asynchronous: bool
    user_id: str | None


@dataclass(frozen=True)
class Cursor:
    """What an opaque next link stands for: the rest of a result, frozen when the first page was read."""

    ids: tuple[str, ...]
    deleted: tuple[str, ...] = ()
    token: str | None = None
    is_delta: bool = False


@dataclass
class Environment:
    """One simulated Dataverse environment."""

    clock: SimulatorClock
    quirks: Quirks
    tables: dict[str, Table] = field(default_factory=standard_tables)
    store: RowStore = field(default_factory=RowStore)
    hooks: list[Hook] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    rules: CustomRules = field(default_factory=CustomRules)

    def now(self) -> datetime:
        """Return the environment's time."""
        return self.clock.now()

    def stamp(self) -> str:
        """Return the time as stored: UTC, whole seconds."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def table(self, name: str) -> Table:
        """Return a table by logical name."""
        return self.tables[name]

    def table_of_set(self, set_name: str) -> Table:
        """Return a table by its entity set name, or refuse with 404."""
        for table in self.tables.values():
            if table.set_name == set_name:
                return table
        raise RefusedError(Rule.UNKNOWN_RESOURCE, segment=set_name)

    def row(self, table: str, row_id: str) -> Row:
        """Return a row, or refuse with 404."""
        row = self.store.find(table, row_id.lower())
        if row is None:
            raise RefusedError(Rule.NO_ROW, table=table, id=row_id)
        return row

    def only(self, table: str, column: str, value: object) -> Row | None:
        """Return the first row whose column holds the value; for the small seeded tables."""
        return next((row for row in self.store.all(table) if row.values.get(column) == value), None)

    def base_currency(self) -> Reference:
        """Return the organization's currency."""
        reference = self.row("organization", ORGANIZATION_ID).values["basecurrencyid"]
        assert isinstance(reference, Reference)  # noqa: S101 - seeded so
        return reference

    def seed(self, table: str, values: Values) -> str:
        """Insert a row as it is, without checks; returns its id."""
        definition = self.table(table)
        row_id = str(values.pop(definition.primary_id, None) or uuid.uuid4())
        defaults: Values = {definition.primary_id: row_id, "createdon": self.stamp(), "modifiedon": self.stamp()}
        self.store.insert(definition, row_id, defaults | values)
        return row_id

    def keep_cursor(self, cursor: Cursor) -> str:
        """Remember the rest of a result and return its opaque name."""
        name = uuid.uuid4().hex
        self.cursors[name] = cursor
        return name

    def add_key(self, table: Table, schema_name: str, columns: tuple[str, ...], *, at_once: bool = False) -> Key:
        """Add an alternate key; its index fails when existing rows repeat a value."""
        delay = self.quirks.key_delay * (0 if at_once else 1)
        key = table.add_key(schema_name, columns, self.now(), delay)
        if not self.store.build_index(table, key):
            table.keys[key.name] = key = Key(key.name, schema_name, columns, key.created, key.active_from, failed=True)
        return key

    def void_tokens(self, table: Table) -> None:
        """Expire the table's change-tracking tokens, as a metadata change does."""
        if self.quirks.metadata_change_voids_tokens:
            table.tokens_void_up_to = self.store.version

    def provision_cosell_columns(self) -> None:
        """Create the product's columns and alternate keys at once, as its set-up command would have left them."""
        for name in COSELL_TABLES:
            table = self.table(name)
            for column in cosell_columns():
                table.add_column(column, self.now())
            self.add_key(table, "cosell_ReferralIdentifierKey", ("cosell_referralidentifier",), at_once=True)
            self.void_tokens(table)
