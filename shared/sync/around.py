"""What a referral's new record hangs on: the customer's account and contact, and who owns the record.

The account's open records come with it, so that a deal that the customer has already is noticed in the same call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from shared.crm.around import AccountWanted, Around, Columns, ContactWanted, Found, OpenDeal
from shared.deal import NAME, Fields, Value
from shared.decide.deal import Likely, ReferralSeen, Surroundings
from shared.decide.unlinked import ties
from shared.errors import DataError
from shared.mapping.field_map import FieldMap
from shared.mapping.owners import assignees
from shared.mapping.pairing import CUSTOMER, PROPOSED, score
from shared.mapping.rows import get_path
from shared.mapping.traits import record_traits, referral_traits
from shared.messages import Messages
from shared.partner_center.port import Referral
from shared.problems import problem
from shared.sync.alike import alike
from shared.sync.task import Task


def around(field_map: FieldMap, referral: Referral) -> Around:
    """Return what a new record is to have around it. Raises DataError for a referral without a customer's name."""
    rules, body = field_map.file.owner_rules, referral.body
    country = get_path(body, ("customerProfile", "address", "country"))
    owners = assignees(rules, _mails(field_map, body.get("team")), country, body.get("mpnId"))
    contact = _contact(field_map, body) if field_map.file.contact_in_crm else None
    return Around(_account(field_map, referral), contact, owners)


def surroundings(task: Task, referral: ReferralSeen) -> Surroundings:
    """Look at what the CRM has around a new record, and at what it may be a second record of.

    Raises AlreadyExists when a record carries the referral's identifier, and the families.
    """
    assert referral.body is not None  # noqa: S101 - a referral that becomes a record was just read
    wanted = replace(around(task.field_map, Referral(referral.body)), deals=True)
    found = task.records.look_around(referral.id, wanted)
    return Surroundings(_likely(task, referral.body, found.deals), found)


def _likely(task: Task, body: Mapping[str, object], deals: Sequence[OpenDeal]) -> Likely | None:
    """Return the open record that looks most like the referral, if it looks enough like it and no link ties it.

    All of them are the customer's: that the account is, is what the rest of the evidence is added to.
    """
    theirs = referral_traits(task.field_map, dict(body))
    scored = []
    for each in deals:
        with suppress(DataError):  # Nothing can be said of a record whose state is in no entry of the mapping.
            values, _ = task.field_map.read_record(dict(each.columns))
            ours = replace(record_traits(each.id, values), **{name: getattr(theirs, name) for name in CUSTOMER})
            scored.append((score(ours, theirs).points, each.id, str(values.get(NAME) or "")))
    for points, record_id, name in sorted(scored, key=lambda row: -row[0]):
        key = task.key(record_id)
        if points >= PROPOSED and not ties(task.links.of_record(key)):
            return Likely(key, name)
    return None


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
