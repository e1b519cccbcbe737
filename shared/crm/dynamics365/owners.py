"""Users and teams of Dynamics 365 that may own a record (entities/systemuser, entities/team)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.crm.dynamics365.api import DataverseApi, literal, text_at
from shared.crm.owners import only
from shared.mapping.owners import Assignee, OwnerKind

_ACCESS_TEAM = 1
"""The team type that may not own anything (entities/team: teamtype)."""

_SETS = {OwnerKind.USER: "systemusers", OwnerKind.TEAM: "teams"}


def ask(api: DataverseApi, wanted: Sequence[Assignee], mail: str) -> Mapping[Assignee, str]:
    """Return the addresses of those who exist, by one call for users and one for teams; `mail` is the users' column.

    Disabled users and access teams cannot own a record. Raises the families.
    """
    users = [each for each in wanted if each.kind is OwnerKind.USER]
    teams = [each for each in wanted if each.kind is OwnerKind.TEAM]
    return {**_users(api, users, mail), **_teams(api, teams)}


def bound(owner_id: str, kind: OwnerKind) -> str:
    """Return how an owner is bound."""
    return f"/{_SETS[kind]}({owner_id})"


def _users(api: DataverseApi, wanted: Sequence[Assignee], mail: str) -> dict[Assignee, str]:
    if not wanted:
        return {}
    either = " or ".join(f"{_column(each, mail)} eq {literal(each.name)}" for each in wanted)
    query = {"$select": f"systemuserid,fullname,{mail}", "$filter": f"isdisabled eq false and ({either})"}
    rows = api.rows("systemusers", query)
    found: dict[Assignee, str] = {}
    for column in (mail, "fullname"):
        ids = only((str(row.get(column) or ""), text_at(row, "systemuserid")) for row in rows)
        named = (each for each in wanted if _column(each, mail) == column)
        found |= {each: ids[each.name.casefold()] for each in named if each.name.casefold() in ids}
    return found


def _column(assignee: Assignee, mail: str) -> str:
    return mail if assignee.by_mail else "fullname"


def _teams(api: DataverseApi, wanted: Sequence[Assignee]) -> dict[Assignee, str]:
    if not wanted:
        return {}
    either = " or ".join(f"name eq {literal(each.name)}" for each in wanted)
    query = {"$select": "teamid,name", "$filter": f"teamtype ne {_ACCESS_TEAM} and ({either})"}
    ids = only((text_at(row, "name"), text_at(row, "teamid")) for row in api.rows("teams", query))
    return {each: ids[each.name.casefold()] for each in wanted if each.name.casefold() in ids}
