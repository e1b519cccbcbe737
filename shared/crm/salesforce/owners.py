"""Users of Salesforce that may own a record (object_reference: User). A queue owns no opportunity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simple_salesforce.format import format_soql

from shared.crm.owners import only
from shared.crm.salesforce.api import JsonObject, SalesforceApi, text_at
from shared.mapping.owners import Assignee, OwnerKind


def ask(api: SalesforceApi, wanted: Sequence[Assignee], mail: str) -> Mapping[Assignee, str]:
    """Return the ids of those who exist, by one query; `mail` is the users' field. Raises the families."""
    asked = query(wanted, mail)
    return found(wanted, tuple(api.rows(asked)), mail) if asked else {}


def query(wanted: Sequence[Assignee], mail: str) -> str:
    """Return how the users among those who are wanted are asked for; empty when there are none.

    Users of a portal cannot own what the partner's sellers work on.
    """
    conditions = [
        field + format_soql(" IN {}", [each.name for each in named])
        for field, named in _by_field(wanted, mail).items()
        if named
    ]
    if not conditions:
        return ""
    condition = f"IsActive = true AND UserType = 'Standard' AND ({' OR '.join(conditions)})"
    return f"SELECT Id, Name, {mail} FROM User WHERE {condition}"  # noqa: S608 - quoted


def found(wanted: Sequence[Assignee], rows: Sequence[JsonObject], mail: str) -> dict[Assignee, str]:
    """Return the ids of those who are among the rows, and are only one there."""
    held: dict[Assignee, str] = {}
    for field, named in _by_field(wanted, mail).items():
        ids = only((str(row.get(field) or ""), text_at(row, "Id")) for row in rows)
        held |= {each: ids[each.name.casefold()] for each in named if each.name.casefold() in ids}
    return held


def _by_field(wanted: Sequence[Assignee], mail: str) -> dict[str, list[Assignee]]:
    users = [each for each in wanted if each.kind is OwnerKind.USER]
    return {mail: [each for each in users if each.by_mail], "Name": [each for each in users if not each.by_mail]}
