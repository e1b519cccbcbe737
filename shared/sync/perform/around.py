"""What a referral's new record hangs on: the customer's account, and who owns the record."""

from __future__ import annotations

from collections.abc import Mapping

from shared.crm.around import AccountWanted, Around, Found
from shared.errors import DataError
from shared.mapping.field_map import FieldMap
from shared.mapping.owners import assignees
from shared.mapping.rows import get_path
from shared.messages import Messages
from shared.partner_center.port import Referral
from shared.problems import problem


def around(field_map: FieldMap, referral: Referral) -> Around:
    """Return what a new record is to have around it. Raises DataError for a referral without a customer's name."""
    rules, body = field_map.file.owner_rules, referral.body
    country = get_path(body, ("customerProfile", "address", "country"))
    return Around(_account(field_map, referral), assignees(rules, _mails(field_map, body.get("team")), country))


def owner_text(messages: Messages, wanted: Around, found: Found, *, refused: bool = False) -> str:
    """Return who owns the new record and why, as an audit line goes on; empty where no rule named anybody."""
    if found.owner:
        return messages.text("owner.assigned", owner=found.owner.assignee.name)
    if not wanted.owners:
        return ""
    names = ", ".join(each.name for each in wanted.owners)
    return messages.text("owner.refused" if refused else "owner.missing", owners=names)


def _mails(field_map: FieldMap, team: object) -> list[object]:
    row = next((each for each in field_map.owner if each.name == "email"), None)
    members = [dict(each) for each in team if isinstance(each, Mapping)] if isinstance(team, list) else []
    return [get_path(each, row.path) for each in members] if row else []


def _account(field_map: FieldMap, referral: Referral) -> AccountWanted:
    rows = {row.name: row for row in field_map.account}
    values = {name: row.codec.fit(row.read_referral(referral.body)) for name, row in rows.items()}
    if not values["customer_name"]:
        raise DataError(problem("customer.name_missing_in_referral", "customer_name"))
    columns = {row.pair.column: row.codec.to_record(values[name]) for name, row in rows.items()}
    match = {rows[name].pair.column: columns[rows[name].pair.column] for name in field_map.file.account.match}
    return AccountWanted(match, columns)
