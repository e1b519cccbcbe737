"""Brings the record's table to what the mapping file needs: missing columns, and the alternate key. Removes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from shared.clock import Clock
from shared.crm.dynamics365.api import DataverseApi, as_object, rows_of, text_at
from shared.crm.dynamics365.entities import entity_of
from shared.crm.dynamics365.metadata import LONGEST_TEXT, describe_table
from shared.mapping.check.findings import nearest
from shared.mapping.check.needs import Need, record_needs
from shared.mapping.check.tables import Table
from shared.mapping.model import MappingFile
from tools.admin.dynamics365.columns import can_make, column_body, key_body, type_of
from tools.admin.dynamics365.definitions import make, organization
from tools.admin.provision.duplicates import shared_values
from tools.admin.provision.plan import Action, Item, existing
from tools.admin.waiting import until

_CLEAR = "Clear all but one of each, delete the key if it is there, and run this again"


def plan(file: MappingFile, table: Table) -> list[Item]:
    """Return what must be done so that the table holds every column the mapping file names, and the key."""
    items = [_column(need, table) for need in record_needs(file, LONGEST_TEXT)]
    return [*items, _key(file.columns.referral_identifier, table)]


def _column(need: Need, table: Table) -> Item:
    column = table.columns.get(need.column)
    if column is not None:
        return existing(need, column)
    if can_make(need):
        return Item(Action.CREATE, need.column, type_of(need), need=need)
    similar = nearest(need.column, table.columns)
    hint = f"; did you mean {similar}?" if similar else ""
    note = f"there is no such column, and only names like cosell_name of simple types can be created{hint}"
    return Item(Action.REFUSE, need.column, " or ".join(need.kinds), note)


def _key(column: str, table: Table) -> Item:
    key = table.key(column)
    if key is None:
        return Item(Action.CREATE, column, "alternate key")
    if key.state == "Failed":
        return Item(Action.REFUSE, column, "alternate key", f"its index failed: two rows share a value. {_CLEAR}")
    return Item(Action.KEEP if key.active else Action.WAIT, column, "alternate key", f"index: {key.state}")


class Provisioner:
    """Reads and extends one table. `tell` gets a line of progress at a time.

    `solution` is the unique name of the solution that new definitions are added to; empty for the default one.
    """

    def __init__(
        self, api: DataverseApi, file: MappingFile, clock: Clock, tell: Callable[[str], None], solution: str = ""
    ) -> None:
        self._api = api
        self._file = file
        self._clock = clock
        self._tell = tell
        self._headers = {"MSCRM.SolutionUniqueName": solution} if solution else {}
        self._path = f"EntityDefinitions(LogicalName='{file.table}')"

    def plan(self) -> list[Item]:
        """Return what is to be done now."""
        wanted = {need.column for need in record_needs(self._file)}
        table = describe_table(self._api.get, self._file.table, wanted)
        *items, key = plan(self._file, table)
        if key.action in (Action.CREATE, Action.REFUSE) and key.name in table.columns:
            key = self._with_duplicates(key)
        return [*items, key]

    def _with_duplicates(self, key: Item) -> Item:
        """Refuse a key whose index cannot be built, and name the records that keep it out."""
        entity = entity_of(self._file.table)
        query = {"$select": key.name, "$filter": f"{key.name} ne null"}
        page = self._api.get(entity.entity_set, query)
        held = list(rows_of(page))
        while following := page.get("@odata.nextLink"):
            page = as_object(self._api.send("GET", str(following)))
            held += rows_of(page)
        found = shared_values((str(row.get(key.name)), text_at(row, entity.id_column)) for row in held)
        if not found:
            return key
        note = f"its index {'failed' if key.action is Action.REFUSE else 'would fail'}: these share a value: {found}"
        return replace(key, action=Action.REFUSE, note=f"{note}. {_CLEAR}")

    def apply(self, items: Sequence[Item]) -> None:
        """Carry out a plan that refuses nothing; returns when every column is seen and the key's index is active.

        Raises SchemaMismatch when what was found underway is not what is needed, ServiceUnavailable when the platform
        takes too long; running it again goes on where it stopped.
        """
        language = organization(self._api, "languagecode") or 1033
        columns = [item.need for item in items if item.action is Action.CREATE and item.need]
        for need in columns:
            self._tell(f"creating {need.column} ({type_of(need)})")
            make(self._api, f"{self._path}/Attributes", column_body(need, language), self._headers)
        if columns:
            self._until(lambda now: not any(each.action is Action.CREATE and each.need for each in now), "new columns")
            self._publish()
        key = self._file.columns.referral_identifier
        if items[-1].action is Action.CREATE:
            self._tell(f"creating the alternate key on {key}")
            make(self._api, f"{self._path}/Keys", key_body(self._file.table, key, language), self._headers)
        self._until(lambda now: all(each.action is Action.KEEP for each in now), "the alternate key's index")

    def _until(self, done: Callable[[Sequence[Item]], bool], what: str) -> None:
        until(done, what, self.plan, self._clock, self._tell)

    def _publish(self) -> None:
        """Publish the table, so that forms and views offer the new columns too."""
        self._tell(f"publishing {self._file.table}")
        xml = f"<importexportxml><entities><entity>{self._file.table}</entity></entities></importexportxml>"
        make(self._api, "PublishXml", {"ParameterXml": xml}, {})
