"""What a referral's new record hangs on: the customer's account and contact, and who owns the record."""

from __future__ import annotations

from collections.abc import Mapping

from shared.crm.around import AccountWanted, Around, Columns, ContactWanted, Found
from shared.deal import Fields, Value
from shared.errors import DataError
from shared.mapping.field_map import FieldMap
from shared.mapping.owners import assignees
from shared.mapping.rows import get_path
from shared.messages import Messages
from shared.partner_center.port import Referral
from shared.problems import problem
from shared.sync.alike import alike


def around(field_map: FieldMap, referral: Referral) -> Around:
    """Return what a new record is to have around it. Raises DataError for a referral without a customer's name."""
    rules, body = field_map.file.owner_rules, referral.body
    country = get_path(body, ("customerProfile", "address", "country"))
    owners = assignees(rules, _mails(field_map, body.get("team")), country)
    contact = _contact(field_map, body) if field_map.file.contact_in_crm else None
    return Around(_account(field_map, referral), contact, owners)


def around_text(messages: Messages, wanted: Around, found: Found, *, refused: bool = False) -> str:
    """Return who owns the new record, and what of the customer's contact, as an audit line goes on.

    `refused`: the CRM took the record only without them.
    """
    owner = ""
    if found.owner:
        owner = messages.text("owner.assigned", owner=found.owner.assignee.name)
    elif wanted.owners:
        names = ", ".join(each.name for each in wanted.owners)
        owner = messages.text("owner.refused" if refused else "owner.missing", owners=names)
    account = ""
    if found.candidate:
        named = {"name": found.candidate.name, "id": found.candidate.id, "score": found.candidate.score}
        account = messages.text("account.alike" if found.account_id else "account.candidate", **named)
    contact = ""
    if wanted.contact:
        contact = messages.text(f"contact.{'refused' if refused else 'found' if found.contact_id else 'made'}")
    return "; ".join(filter(None, [account, owner, contact]))


def _mails(field_map: FieldMap, team: object) -> list[object]:
    row = next((each for each in field_map.owner if each.name == "email"), None)
    members = [dict(each) for each in team if isinstance(each, Mapping)] if isinstance(team, list) else []
    return [get_path(each, row.path) for each in members] if row else []


def _contact(field_map: FieldMap, body: Mapping[str, object]) -> ContactWanted | None:
    """Return the first of the customer's people, if there is one with a name: no CRM keeps a contact without."""
    team = get_path(dict(body), ("customerProfile", "team"))
    members = team if isinstance(team, list) else [team]
    for member in members:
        values = _person(field_map, member) if isinstance(member, Mapping) else {}
        if values.get("last_name") or values.get("first_name"):
            values["last_name"] = values.get("last_name") or values.get("first_name")
            return _wanted(field_map, values)
    return None


def _person(field_map: FieldMap, member: Mapping[str, object]) -> dict[str, Value]:
    """Return what can be read of somebody; the rest is nothing that the deal has to wait for."""
    values: dict[str, Value] = {}
    for row in field_map.contact:
        try:
            values[row.name] = row.codec.fit(row.read_referral(dict(member)))
        except DataError:
            values[row.name] = None
    return values


def _wanted(field_map: FieldMap, values: Fields) -> ContactWanted:
    def columns(*names: str) -> Columns:
        rows = (row for row in field_map.contact if row.name in (names or values) and values[row.name] is not None)
        return {row.pair.column: row.codec.to_record(values[row.name]) for row in rows}

    return ContactWanted(columns("email"), columns("first_name", "last_name"), columns())


def _account(field_map: FieldMap, referral: Referral) -> AccountWanted | None:
    """Return the customer's account, on which an opportunity hangs; a lead holds its customer itself."""
    if field_map.is_lead:
        return None
    rows = {row.name: row for row in field_map.account}
    values = {name: row.codec.fit(row.read_referral(referral.body)) for name, row in rows.items()}
    if not values["customer_name"]:
        raise DataError(problem("customer.name_missing_in_referral", "customer_name"))
    columns = {row.pair.column: row.codec.to_record(values[name]) for name, row in rows.items()}
    match = {rows[name].pair.column: columns[rows[name].pair.column] for name in field_map.file.account.match}
    return AccountWanted(match, columns, alike(field_map, referral.body, values))
