"""Whether the app's user may read the mapped columns at all (power-apps/.../column-level-security).

A secured column that no profile of the user's lets it read comes as null, as if it were empty; under a masking rule it
comes as asterisks. So rights are asked for, once an hour: one request, and three more only where a mapped column is
secured.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.crm.dynamics365.api import DataverseApi, Json, as_object, text_at
from shared.errors import AccessDenied, GoneError, SchemaMismatch

EVERY = timedelta(hours=1)
"""How old an answer may be for ordinary reads."""

AGAIN = timedelta(minutes=5)
"""After how long it is asked again when something could not be read."""

FRESH = timedelta(minutes=1)
"""How old an answer may be when an empty value is about to be passed on."""

_PRIVILEGES = "Microsoft.Dynamics.CRM.RetrievePrincipalAttributePrivileges()"

Column = tuple[str, str]
"""A table and a column, by logical names."""


class ColumnSecurity:
    """Knows which of the wanted columns, by table, cannot be read, and why."""

    def __init__(self, api: DataverseApi, clock: Clock, wanted: Mapping[str, frozenset[str]]) -> None:
        self._api = api
        self._clock = clock
        self._wanted = wanted
        self._asked_at: datetime | None = None
        self._unreadable: Mapping[Column, str] = {}
        self._lock = threading.Lock()

    def check(self, *, age: timedelta = EVERY) -> None:
        """Make sure that what is empty is empty, by an answer of at most this age. Raises AccessDenied."""
        with self._lock:
            if self._unreadable:
                age = min(age, AGAIN)
            if self._asked_at is None or self._clock.now() - self._asked_at > age:
                self._unreadable = dict(self.unreadable())
                self._asked_at = self._clock.now()
        if self._unreadable:
            columns = "; ".join(f"{table}.{name} {why}" for (table, name), why in sorted(self._unreadable.items()))
            raise AccessDenied(
                f"Dynamics 365 hides what the mapping names: {columns}. Give the app's user a column security profile "
                "that lets it read them, or take them out of the mapping file; masked columns cannot be mapped."
            )

    def unreadable(self) -> Iterator[tuple[Column, str]]:
        """Ask, and yield the wanted columns that cannot be read, with the reason."""
        secured = {name: column_id for name, column_id in self._secured() if name[1] in self._wanted[name[0]]}
        if not secured:
            return
        readable, masked = self._readable(), self._masked()
        for name, column_id in secured.items():
            if name in masked:
                yield name, "is masked"
            elif column_id not in readable:
                yield name, "is secured, and no profile lets the app's user read it"

    def _secured(self) -> Iterator[tuple[Column, str]]:
        """Yield the secured columns of the wanted tables with their metadata ids. Everybody may ask for these."""
        tables = " or ".join(f"LogicalName eq '{table}'" for table in sorted(self._wanted))
        attributes = "Attributes($select=LogicalName,IsSecured;$filter=IsSecured eq true)"
        query = {"$select": "LogicalName", "$filter": tables, "$expand": attributes}
        for definition in self._api.rows("EntityDefinitions", query):
            for column in _list(definition, "Attributes"):
                if column.get("IsSecured") is True:
                    name = text_at(definition, "LogicalName"), text_at(column, "LogicalName")
                    yield name, text_at(column, "MetadataId")

    def _readable(self) -> frozenset[str]:
        """Return the metadata ids of the secured columns that a profile lets the app's user read."""
        who = text_at(as_object(self._api.send("GET", self._api.address("WhoAmI"))), "UserId")
        answer = self._api.get(f"systemusers({who})/{_PRIVILEGES}")
        allowed = (row for row in _list(answer, "AttributePrivileges") if row.get("CanRead") not in (None, 0, False))
        return frozenset(text_at(row, "AttributeId") for row in allowed)

    def _masked(self) -> frozenset[Column]:
        """Return the columns under a masking rule: without the option for unmasked data everybody gets the mask."""
        query = {"$select": "entityname,attributelogicalname"}
        try:
            rows = self._api.rows("attributemaskingrules", query)
        except (GoneError, SchemaMismatch):
            return frozenset()  # An environment without the feature.
        return frozenset((text_at(row, "entityname"), text_at(row, "attributelogicalname")) for row in rows)


def _list(document: Json, name: str) -> list[Json]:
    rows = document.get(name)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
