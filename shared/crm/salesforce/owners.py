"""Users of Salesforce that may own a record (object_reference: User). A queue owns no opportunity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simple_salesforce.format import format_soql

from shared.crm.owners import only
from shared.crm.salesforce.api import SalesforceApi, text_at
from shared.mapping.owners import Assignee, OwnerKind


def ask(api: SalesforceApi, wanted: Sequence[Assignee], mail: str) -> Mapping[Assignee, str]:
    """Return the ids of those who exist, by one query; `mail` is the users' field. Raises the families.

    Users of a portal cannot own what the partner's sellers work on.
    """
    users = [each for each in wanted if each.kind is OwnerKind.USER]
    by_field = {mail: [each for each in users if each.by_mail], "Name": [each for each in users if not each.by_mail]}
    conditions = [
        field + format_soql(" IN {}", [each.name for each in named]) for field, named in by_field.items() if named
    ]
    if not conditions:
        return {}
    condition = f"IsActive = true AND UserType = 'Standard' AND ({' OR '.join(conditions)})"
    rows = list(api.rows(f"SELECT Id, Name, {mail} FROM User WHERE {condition}"))  # noqa: S608 - quoted
    found: dict[Assignee, str] = {}
    for field, named in by_field.items():
        ids = only((str(row.get(field) or ""), text_at(row, "Id")) for row in rows)
        found |= {each: ids[each.name.casefold()] for each in named if each.name.casefold() in ids}
    return found
