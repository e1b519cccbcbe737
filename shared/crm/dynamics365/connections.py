"""Who is involved in an opportunity: the connections that its form shows as sales team and stakeholders.

A connection leads from record 1 to record 2, and has a twin the other way round (entities/connection). A user at its
end is one of ours, a contact the customer's.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.crm.dynamics365.api import DataverseApi, Json
from shared.crm.dynamics365.columns import column_names
from shared.crm.port import Involved
from shared.mapping.field_map import FieldMap

_USER, _CONTACT = "record2id_systemuser", "record2id_contact"
MOST = 100
"""Connections that are read, the oldest; Partner Center takes fifty people of each kind."""


def involved(api: DataverseApi, field_map: FieldMap, record_id: str, *, colleagues: bool, contacts: bool) -> Involved:
    """Read the connections in use of an opportunity with whoever stands at their other end."""
    ends = {_USER: field_map.owner} if colleagues else {}
    ends |= {_CONTACT: field_map.contact} if contacts else {}
    query = {
        "$select": "connectionid",
        "$filter": f"_record1id_value eq {record_id} and statecode eq 0",
        "$expand": ",".join(f"{end}($select={','.join(column_names(rows))})" for end, rows in ends.items()),
        "$orderby": "createdon asc",
        "$top": str(MOST),
    }
    rows = api.rows("connections", query)
    return Involved(_at(rows, _USER), _at(rows, _CONTACT))


def _at(rows: list[Json], end: str) -> tuple[Json, ...]:
    held = (row.get(end) for row in rows)
    return tuple(each for each in held if isinstance(each, Mapping))
