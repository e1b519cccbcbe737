"""Users and teams of Dynamics 365 that may own a record (entities/systemuser, entities/team)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.crm.dynamics365.api import DataverseApi, Json, Query, literal, text_at
from shared.crm.owners import only
from shared.mapping.owners import Assignee, OwnerKind

_ACCESS_TEAM = 1
"""The team type that may not own anything (entities/team: teamtype)."""

_SETS = {OwnerKind.USER: "systemusers", OwnerKind.TEAM: "teams"}


def ask(api: DataverseApi, wanted: Sequence[Assignee], mail: str) -> Mapping[Assignee, str]:
    """Return the ids of those who exist; `mail` is the users' column. Raises the families."""
    asked = queries(wanted, mail)
    answers = api.rows_of_each(asked)
    return found(wanted, asked, answers, mail)


def queries(wanted: Sequence[Assignee], mail: str) -> list[Query]:
    """Return how users and teams among those who are wanted are asked for, one query for each kind.

    Disabled users and access teams cannot own a record.
    """
    asked: list[Query] = []
    if users := _of_kind(wanted, OwnerKind.USER):
        either = " or ".join(f"{_column(each, mail)} eq {literal(each.name)}" for each in users)
        select = f"systemuserid,fullname,{mail}"
        asked.append(("systemusers", {"$select": select, "$filter": f"isdisabled eq false and ({either})"}))
    if teams := _of_kind(wanted, OwnerKind.TEAM):
        either = " or ".join(f"name eq {literal(each.name)}" for each in teams)
        asked.append(("teams", {"$select": "teamid,name", "$filter": f"teamtype ne {_ACCESS_TEAM} and ({either})"}))
    return asked


def found(
    wanted: Sequence[Assignee], asked: Sequence[Query], answers: Sequence[list[Json]], mail: str
) -> dict[Assignee, str]:
    """Return the ids of those who are among the rows that `queries` brought, and are only one there."""
    rows = {path: answer for (path, _), answer in zip(asked, answers, strict=True)}
    users, held = rows.get("systemusers", []), dict[Assignee, str]()
    for column in (mail, "fullname"):
        named = [each for each in _of_kind(wanted, OwnerKind.USER) if _column(each, mail) == column]
        held |= _named(named, users, column, "systemuserid")
    return held | _named(_of_kind(wanted, OwnerKind.TEAM), rows.get("teams", []), "name", "teamid")


def _named(wanted: Sequence[Assignee], rows: list[Json], column: str, id_column: str) -> dict[Assignee, str]:
    ids = only((str(row.get(column) or ""), text_at(row, id_column)) for row in rows)
    return {each: ids[each.name.casefold()] for each in wanted if each.name.casefold() in ids}


def _of_kind(wanted: Sequence[Assignee], kind: OwnerKind) -> list[Assignee]:
    return [each for each in wanted if each.kind is kind]


def bound(owner_id: str, kind: OwnerKind) -> str:
    """Return how an owner is bound."""
    return f"/{_SETS[kind]}({owner_id})"


def _column(assignee: Assignee, mail: str) -> str:
    return mail if assignee.by_mail else "fullname"
