"""The bodies of the one or two POSTs that create a deal, and the check that they would be accepted.

A co-sell deal is two referrals of one engagement (create-a-referral): ours, then one that targets Microsoft. What is
required is from the same page, the Power Automate connectors' troubleshooting page and the bulk-upload format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace

from shared.deal import CLOSING_DATE, CURRENCY, DEAL_VALUE, HELP, NAME, NOTES, SOLUTIONS, VISIBLE, Fields, Value
from shared.errors import DataError
from shared.mapping.codecs import ENTRIES
from shared.mapping.field_map import FieldMap
from shared.mapping.rows import CompiledRow, put_path
from shared.partner_center.port import Referral
from shared.problems import Problem, problem
from shared.referral_kind import MICROSOFT

Body = dict[str, object]

Rows = Iterable[Mapping[str, object]]
"""Rows of a CRM."""

MOST_PEOPLE = 50
"""Members of a team that Partner Center takes (bulk-upload format)."""

_PERSON = ("first_name", "last_name", "phone", "email")


@dataclass(frozen=True)
class NewDeal:
    """A deal as it will be created: fields with defaults filled in, the customer, its contact and our owner."""

    fields: Fields
    customer: Fields
    contact: Fields | None
    owner: Fields | None
    notes_for_microsoft: str = ""
    """What a seller wrote for Microsoft alone; it goes with the invitation."""
    colleagues: tuple[Fields, ...] = ()
    """Who else is on our team."""
    contacts: tuple[Fields, ...] = ()
    """Whom else the customer has."""

    @property
    def asks_for_help(self) -> bool:
        """Whether Microsoft is invited, which makes the deal a co-sell deal."""
        return self.fields.get(HELP) is not None

    def filled_in(self, record: Fields) -> Fields:
        """Return what is sent although the record held otherwise, such as a default; the record is given it too."""
        return {name: value for name, value in self.fields.items() if value != record[name]}


def read_deal(
    field_map: FieldMap,
    record: Fields,
    account: Mapping[str, object] | None,
    contact: Mapping[str, object] | None,
    owner: Mapping[str, object] | None,
) -> NewDeal:
    """Collect a new deal from the record's fields and the rows around it. Raises DataError with every problem."""
    fields = field_map.created_in_partner_center(record)
    if fields.get(HELP) is not None and VISIBLE in fields:
        fields[VISIBLE] = True  # Asking Microsoft for help shows the deal to Microsoft.
    unreadable: list[Problem] = []
    person = _read(field_map.owner, owner, unreadable)
    if person is not None and not person.get("phone"):
        person["phone"] = field_map.file.team_phone_default
    customer = _read(field_map.account, account, unreadable) or {}
    deal = NewDeal(fields, customer, _read(field_map.contact, contact, unreadable), person)
    named = {problem.field for problem in unreadable}
    people = _people_problems(deal, withheld(field_map, fields))
    missing = [*_deal_problems(field_map, deal), *_customer_problems(deal), *people]
    problems = unreadable + [problem for problem in missing if problem.field not in named]
    if problems:
        raise DataError(*problems)
    return deal


def own_referral(field_map: FieldMap, deal: NewDeal, record_id: str) -> Body:
    """Return the body of the first POST: our own referral. Status is left to the server, which sets Active/Accepted."""
    body: Body = {
        "type": _type(field_map, deal),
        "externalReferenceId": record_id,
        "team": _team(field_map.owner, (deal.owner, *deal.colleagues)),
        "target": [],
    }
    solutions = deal.fields.get(SOLUTIONS)
    if deal.asks_for_help and isinstance(solutions, tuple):
        body["target"] = [{"type": "SolutionProfile", "id": each} for each in solutions]
    for path, value in field_map.file.new_referral.items():
        put_path(body, tuple(path.split(".")), deepcopy(value))
    _merge(body, field_map.referral_values(field_map.rows.values(), deal.fields))
    _merge(body, field_map.referral_values(field_map.account, deal.customer))
    customer = body["customerProfile"]
    if isinstance(customer, dict):
        travels = deal.asks_for_help or field_map.file.contact_travels == "always"
        travels = travels and withheld(field_map, deal.fields) is None
        people = (deal.contact, *deal.contacts) if deal.contact and travels else ()
        customer["team"] = _team(field_map.contact, people)
    return body


def with_people(field_map: FieldMap, deal: NewDeal, colleagues: Rows, contacts: Rows) -> NewDeal:
    """Return the deal with everybody else whom Partner Center takes: who lacks a part of a person is left out."""
    ours = [_read(field_map.owner, row, []) or {} for row in colleagues]
    for person in ours:
        person["phone"] = person.get("phone") or field_map.file.team_phone_default
    theirs = [_read(field_map.contact, row, []) or {} for row in contacts]
    kept = [tuple(each for each in people if not _lacking(each)) for people in (ours, theirs)]
    return replace(deal, colleagues=kept[0], contacts=kept[1])


def _team(rows: tuple[CompiledRow, ...], people: Iterable[Fields | None]) -> list[Body]:
    """Return people as a team, each once by mail address."""
    found: dict[str, Body] = {}
    for person in people:
        found.setdefault(str((person or {}).get("email") or "").casefold(), _member(rows, person))
    return list(found.values())[:MOST_PEOPLE]


def invitation(field_map: FieldMap, deal: NewDeal, record_id: str, own: Referral) -> Body:
    """Return the body of the second POST: the referral that invites Microsoft into the same engagement."""
    body = own_referral(field_map, deal, record_id)
    body |= {
        "engagementId": own.engagement_id,
        "target": [{"type": "BusinessProfileLocation", "id": MICROSOFT}],
        "inviteContext": {
            "notes": _notes_for_microsoft(field_map, deal),
            "assistanceRequestCode": deal.fields[HELP],
            "invitedBy": {
                "organizationId": own.organization_id,
                "organizationName": own.body.get("organizationName"),
            },
        },
    }
    return body


def _notes_for_microsoft(field_map: FieldMap, deal: NewDeal) -> str:
    """Return what was written for Microsoft; the deal's own notes are internal unless the mapping says otherwise."""
    internal = str(deal.fields.get(NOTES) or "") if field_map.file.notes_in_invitation else ""
    return deal.notes_for_microsoft.strip() or internal


_CONSENTS = ("consent.consentToContact", "consent.consentToToShareInfoWithOthers")
"""What the customer's contact has to agree to before its name, mail and phone go to Microsoft."""


def withheld(field_map: FieldMap, fields: Fields) -> str | None:
    """Return the field, or the path, of a consent that is not given; None when all are.

    Each comes from the column of a row, or else from a constant of `new_referral`; one that neither states is none.
    """
    rows = {row.pair.referral: row.name for row in field_map.rows.values() if row.name in fields}
    for path in _CONSENTS:
        given = fields[rows[path]] if path in rows else field_map.file.new_referral.get(path)
        if given is not True:
            return rows.get(path, path)
    return None


def _type(field_map: FieldMap, deal: NewDeal) -> str:
    if deal.asks_for_help:
        return "Shared"
    return field_map.file.partner_led_type if deal.fields.get(VISIBLE) else "Independent"


def _read(
    rows: tuple[CompiledRow, ...], columns: Mapping[str, object] | None, unreadable: list[Problem]
) -> dict[str, Value] | None:
    """Return the canonical values of a CRM row; what cannot be read is added to `unreadable` and left empty."""
    if columns is None:
        return None
    values: dict[str, Value] = {}
    for row in rows:
        try:
            values[row.name] = row.read_record(columns)
        except DataError as error:
            unreadable.extend(error.problems)
            values[row.name] = None
    return values


def _member(rows: tuple[CompiledRow, ...], person: Fields | None) -> Body:
    values = person or {}
    return {row.pair.referral: row.codec.to_referral(values[row.name], None) for row in rows if row.name in values}


def _merge(body: Body, more: Mapping[str, object]) -> None:
    for key, value in more.items():
        held = body.get(key)
        if isinstance(held, dict) and isinstance(value, dict):
            _merge(held, value)
        elif key in _OF_ENTRIES and isinstance(held, list) and isinstance(value, list):
            member = _OF_ENTRIES[key]
            written = {str(each.get(member)).casefold() for each in value}
            body[key] = [each for each in held if str(each.get(member)).casefold() not in written] + value
        else:
            body[key] = value


_OF_ENTRIES = {path.rsplit(".", 1)[-1]: member for path, member in ENTRIES.items()}
"""Lists whose entries are told apart by a member: what is written replaces the constant of the same type."""


def our_member(field_map: FieldMap, columns: Mapping[str, object]) -> Body:
    """Return a user as a member of our team; what cannot be read is left out."""
    values = _read(field_map.owner, columns, []) or {}
    if not values.get("phone"):
        values["phone"] = field_map.file.team_phone_default
    return _member(field_map.owner, values)


def customers_member(field_map: FieldMap, columns: Mapping[str, object] | None) -> Body:
    """Return a contact as a member of the customer's team; empty for nobody, and for one of whom a part lacks."""
    person = _read(field_map.contact, columns, [])
    return {} if _lacking(person) else _member(field_map.contact, person)


def lacking(field_map: FieldMap, member: Mapping[str, object]) -> str:
    """Return what Partner Center would miss of a member, by our names of the parts."""
    rows = {row.name: row.pair.referral for row in field_map.owner}
    return ", ".join(part for part in _PERSON if not member.get(rows.get(part, "")))


_NEEDED = {
    NAME: "deal.name_missing",
    DEAL_VALUE: "deal.value_missing",
    CURRENCY: "deal.currency_missing",
    CLOSING_DATE: "deal.closing_date_missing",
}
_NEEDED_OF_CUSTOMER = {
    "customer_name": "customer.name_missing",
    "address_line_1": "customer.street_missing",
    "city": "customer.city_missing",
    "country": "customer.country_missing",
}
"""By field, the problem of a deal or a customer without it."""


def _deal_problems(field_map: FieldMap, deal: NewDeal) -> list[Problem]:
    problems = [problem(code, name) for name, code in _NEEDED.items() if deal.fields.get(name) is None]
    if not deal.fields.get(SOLUTIONS):
        problems.append(problem("deal.solutions_missing", SOLUTIONS))
    refused = (field_map.refusal(name, value, None) for name, value in deal.fields.items())
    return [*problems, *(each for each in refused if each)]


def _customer_problems(deal: NewDeal) -> list[Problem]:
    if not deal.customer:
        return [problem("customer.name_missing", "customer_name")]
    return [problem(code, name) for name, code in _NEEDED_OF_CUSTOMER.items() if not deal.customer.get(name)]


def _people_problems(deal: NewDeal, no_consent: str | None) -> list[Problem]:
    problems = []
    if lacking := _lacking(deal.owner):
        problems.append(problem("owner.incomplete", "owner", parts=lacking))
    if deal.asks_for_help and (lacking := _lacking(deal.contact)):
        problems.append(problem("contact.incomplete", "contact", parts=lacking))
    if deal.asks_for_help and no_consent:
        problems.append(problem("contact.consent_missing", no_consent))
    return problems


def _lacking(person: Fields | None) -> str:
    return ", ".join(part for part in _PERSON if not (person or {}).get(part))
