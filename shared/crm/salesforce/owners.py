"""Who may own a record of Salesforce: a user, and of leads a queue (object_reference: User, QueueSobject)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from simple_salesforce.format import format_soql

from shared.crm.owners import only
from shared.crm.salesforce.api import JsonObject, SalesforceApi, text_at
from shared.mapping.owners import Assignee, OwnerKind


def ask(api: SalesforceApi, wanted: Sequence[Assignee], mail: str) -> Mapping[Assignee, str]:
    """Return the ids of those who exist, by one query of each kind; `mail` is the users' field. Raises the families."""
    rows = [row for _, query in queries(wanted, mail) for row in api.rows(query)]
    return found(wanted, rows, mail) if rows else {}


def queries(wanted: Sequence[Assignee], mail: str) -> Iterator[tuple[str, str]]:
    """Yield how users and queues among those who are wanted are asked for, one query for each kind, by its name.

    Users of a portal cannot own what the partner's sellers work on, and a queue owns only what it is made for.
    """
    users = [
        field + format_soql(" IN {}", [each.name for each in named])
        for field, named in _by_field(wanted, mail).items()
        if named
    ]
    if users:
        condition = f"IsActive = true AND UserType = 'Standard' AND ({' OR '.join(users)})"
        yield "people", f"SELECT Id, Name, {mail} FROM User WHERE {condition}"  # noqa: S608 - quoted
    if queues := _queues(wanted):
        names = format_soql("Queue.Name IN {}", [each.name for each in queues])
        yield "queues", f"SELECT QueueId, Queue.Name FROM QueueSobject WHERE SobjectType = 'Lead' AND {names}"  # noqa: S608


def found(wanted: Sequence[Assignee], rows: Sequence[JsonObject], mail: str) -> dict[Assignee, str]:
    """Return the ids of those who are among the rows that `queries` brought, and are only one there."""
    held: dict[Assignee, str] = {}
    users = [row for row in rows if "QueueId" not in row]
    for field, named in _by_field(wanted, mail).items():
        held |= _named(named, [(str(row.get(field) or ""), text_at(row, "Id")) for row in users])
    queues = [(_name(row.get("Queue")), text_at(row, "QueueId")) for row in rows if "QueueId" in row]
    return held | _named(_queues(wanted), queues)


def _named(wanted: Sequence[Assignee], rows: Sequence[tuple[str, str]]) -> dict[Assignee, str]:
    ids = only(rows)
    return {each: ids[each.name.casefold()] for each in wanted if each.name.casefold() in ids}


def _name(queue: object) -> str:
    return str(queue.get("Name") or "") if isinstance(queue, Mapping) else ""


def _queues(wanted: Sequence[Assignee]) -> list[Assignee]:
    return [each for each in wanted if each.kind is OwnerKind.QUEUE]


def _by_field(wanted: Sequence[Assignee], mail: str) -> dict[str, list[Assignee]]:
    users = [each for each in wanted if each.kind is OwnerKind.USER]
    return {mail: [each for each in users if each.by_mail], "Name": [each for each in users if not each.by_mail]}
