"""The bodies of the POSTs that create a deal, and what is refused before any call."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.deal import Value
from shared.errors import DataError
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import BUILT_IN, load_mapping
from shared.partner_center.new_referral import NewDeal, invitation, own_referral, read_deal
from shared.partner_center.port import Referral
from tests.support.referral_sample import (
    ACCOUNT,
    CONTACT,
    ENGAGEMENT_ID,
    OUR_ORGANIZATION,
    OWNER,
    opportunity,
    referral_body,
)

FIELD_MAP = load_mapping("dynamics365")
RECORD_ID = "crm-000417"
PRIVATE: dict[str, object] = {"cosell_referralvisibility": False}
PARTNER_LED: dict[str, object] = {"cosell_referralvisibility": True}
COSELL: dict[str, object] = {"cosell_referralvisibility": False, "cosell_howcanmicrosofthelp": 2}

Columns = dict[str, object]

BOTH_WAYS = "    to_crm: [create, update]\n    to_partner_center: [create, update]\n"
UPDATE_ONLY = "    to_crm: [create, update]\n    to_partner_center: [update]\n"


def deal(
    columns: Columns,
    account: Columns | None = ACCOUNT,
    contact: Columns | None = CONTACT,
    owner: Columns | None = OWNER,
    field_map: FieldMap = FIELD_MAP,
) -> NewDeal:
    record, unreadable = field_map.read_record({**opportunity(), **columns})
    assert not unreadable
    return read_deal(field_map, record, account, contact, owner)


def body_of(columns: Columns, field_map: FieldMap = FIELD_MAP) -> dict[str, Any]:
    return own_referral(field_map, deal(columns, field_map=field_map), RECORD_ID)


def refused(*arguments: Columns | None) -> dict[str, str]:
    with pytest.raises(DataError) as caught:
        deal(*arguments)  # type: ignore[arg-type]
    assert all(problem.remedy for problem in caught.value.problems)
    return {problem.field: problem.rule for problem in caught.value.problems}


def customized(directory: Path, *edits: tuple[str, str]) -> FieldMap:
    text = (BUILT_IN / "dynamics365.yaml").read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (directory / "dynamics365.yaml").write_text(text, encoding="utf-8")
    return load_mapping("dynamics365", directory)


# --- bodies ----------------------------------------------------------------------------------------------------------


def test_the_body_of_a_private_deal_is_the_documented_one() -> None:
    assert body_of(PRIVATE) == {
        "name": "Northwind analytics rollout",
        "qualification": "SalesQualified",
        "type": "Independent",
        "externalReferenceId": RECORD_ID,
        "customerProfile": {
            "name": "Northwind Traders",
            "address": {
                "addressLine1": "12 Harbour Rd",
                "addressLine2": "",
                "city": "Leeds",
                "state": "",
                "postalCode": "LS1 4DL",
                "country": "GB",
            },
            "team": [],
        },
        "consent": {
            "consentToToShareInfoWithOthers": True,
            "consentToContact": True,
            "consentToMicrosoftToContactSpecificPartners": True,
            "consentToShareReferralWithMicrosoftSellers": False,
        },
        "details": {
            "notes": "Phase one scoping",
            "dealValue": 42000,
            "currency": "GBP",
            "closingDateTime": "2026-03-31T00:00:00Z",
            "requirements": {
                "solutions": [{"type": "Name", "id": "SOL-20311-QXT"}],
                "additionalRequirements": {
                    "iot": {},
                    "attributes": [{"type": "CustomerMarketplaceIntent", "id": "HaveNotDecided"}],
                },
            },
        },
        "team": [
            {
                "firstName": "Lee",
                "lastName": "Okoro",
                "phoneNumber": "+441130000001",
                "email": "lee@fabrikam.example",
            }
        ],
        "target": [],
    }


def test_a_partner_led_deal_differs_in_its_visibility_only() -> None:
    private, led = body_of(PRIVATE), body_of(PARTNER_LED)
    assert led["consent"].pop("consentToShareReferralWithMicrosoftSellers") is True
    assert private["consent"].pop("consentToShareReferralWithMicrosoftSellers") is False
    assert led == private


def test_the_type_of_a_partner_led_deal_can_be_chosen(tmp_path: Path) -> None:
    field_map = customized(tmp_path, ("partner_led_type: Independent", "partner_led_type: Shared"))
    assert body_of(PARTNER_LED, field_map)["type"] == "Shared"
    assert body_of(PRIVATE, field_map)["type"] == "Independent"


def test_a_cosell_deal_is_shared_visible_and_targets_its_solutions() -> None:
    body = body_of(COSELL)
    assert body["type"] == "Shared"
    assert body["consent"]["consentToShareReferralWithMicrosoftSellers"] is True
    assert body["target"] == [{"type": "SolutionProfile", "id": "SOL-20311-QXT"}]
    assert "inviteContext" not in body, "the help code belongs to the invitation alone"
    assert "engagementId" not in body


def test_the_contact_travels_with_a_request_for_help_or_when_the_mapping_says_so(tmp_path: Path) -> None:
    def contacts(field_map: FieldMap, columns: dict[str, Any]) -> list[str]:
        body: dict[str, Any] = own_referral(field_map, deal(columns), RECORD_ID)
        return [person["email"] for person in body["customerProfile"]["team"]]

    always = customized(tmp_path, ("partner_led_type", "contact_travels: always\npartner_led_type"))
    assert contacts(FIELD_MAP, COSELL) == ["ana@northwind.example"]
    assert contacts(FIELD_MAP, PRIVATE) == contacts(FIELD_MAP, PARTNER_LED) == []
    assert contacts(always, PRIVATE) == ["ana@northwind.example"]


def test_without_consent_no_contact_travels_and_no_help_is_asked_for(tmp_path: Path) -> None:
    row = (
        "  - field: customer_consent\n    referral: consent.consentToContact\n    column: new_customerconsent\n"
        "    codec: yes_no\n    to_crm: []\n    to_partner_center: [create]\n    conflict: crm\n"
    )
    asked = customized(
        tmp_path,
        ("  consent.consentToContact: true\n", ""),
        ("partner_led_type", "contact_travels: always\npartner_led_type"),
        ("\nfields:\n", "\nfields:\n" + row),
    )

    def people(columns: Columns) -> list[str]:
        body: dict[str, Any] = own_referral(asked, deal(columns, field_map=asked), RECORD_ID)
        return [person["email"] for person in body["customerProfile"]["team"]]

    assert people({**PRIVATE, "new_customerconsent": True}) == ["ana@northwind.example"]
    assert people({**PRIVATE, "new_customerconsent": False}) == people(PRIVATE) == []
    assert people({**COSELL, "new_customerconsent": True}) == ["ana@northwind.example"]
    with pytest.raises(DataError) as caught:
        deal({**COSELL, "new_customerconsent": False}, field_map=asked)
    assert [(each.code, each.field) for each in caught.value.problems] == [
        ("contact.consent_missing", "customer_consent")
    ]


def test_the_deals_notes_are_in_the_invitation_only_when_the_mapping_says_so(tmp_path: Path) -> None:
    told = customized(tmp_path, ("partner_led_type", "notes_in_invitation: true\npartner_led_type"))
    own = Referral(referral_body())
    invited: dict[str, Any] = invitation(told, deal(COSELL), RECORD_ID, own)
    assert invited["inviteContext"]["notes"] == "Phase one scoping"


def test_the_status_is_left_to_the_server() -> None:
    for columns in (PRIVATE, PARTNER_LED, COSELL):
        assert not {"status", "substatus"} & body_of(columns).keys()


def test_the_invitation_repeats_the_deal_in_the_same_engagement() -> None:
    own = Referral(referral_body())
    asked = deal(COSELL)
    first: dict[str, Any] = own_referral(FIELD_MAP, asked, RECORD_ID)
    second: dict[str, Any] = invitation(FIELD_MAP, asked, RECORD_ID, own)
    assert second.pop("engagementId") == ENGAGEMENT_ID
    assert second.pop("target") == [{"type": "BusinessProfileLocation", "id": "msft"}]
    assert second.pop("inviteContext") == {
        "notes": "",
        "assistanceRequestCode": "CustomerTechnicalArchitecture",
        "invitedBy": {"organizationId": OUR_ORGANIZATION, "organizationName": "Fabrikam"},
    }
    del first["target"]
    assert second == first


def test_bodies_share_nothing_that_could_change() -> None:
    first = body_of(PRIVATE)
    first["details"]["requirements"]["additionalRequirements"]["attributes"].append("changed")
    first["consent"]["consentToContact"] = False
    assert body_of(PRIVATE)["details"]["requirements"]["additionalRequirements"]["attributes"] == [
        {"type": "CustomerMarketplaceIntent", "id": "HaveNotDecided"}
    ]
    assert body_of(PRIVATE)["consent"]["consentToContact"] is True


def test_empty_notes_get_the_default() -> None:
    assert body_of({**PRIVATE, "description": None})["details"]["notes"] == "Shared from the CRM."


def test_a_deal_without_a_customer_contact_is_fine_unless_help_is_asked() -> None:
    body: dict[str, Any] = own_referral(FIELD_MAP, deal(PRIVATE, contact=None), RECORD_ID)
    assert body["customerProfile"]["team"] == []
    assert refused(COSELL, ACCOUNT, None, OWNER) == {
        "contact": "to invite Microsoft, Partner Center requires first name, last name, phone, e-mail"
    }


def test_the_owners_other_number_and_the_default_number_step_in(tmp_path: Path) -> None:
    without = {**OWNER, "mobilephone": None}
    other: dict[str, Any] = own_referral(
        FIELD_MAP, deal(PRIVATE, owner={**without, "address1_telephone1": "+2"}), RECORD_ID
    )
    assert other["team"][0]["phoneNumber"] == "+2"
    field_map = customized(tmp_path, ("team_phone_default:\n", 'team_phone_default: "+3"\n'))
    last: dict[str, Any] = own_referral(field_map, deal(PRIVATE, owner=without, field_map=field_map), RECORD_ID)
    assert last["team"][0]["phoneNumber"] == "+3"


def test_a_column_that_is_cut_is_sent_whole_on_create() -> None:
    notes = "x" * 3000
    assert body_of({**PRIVATE, "description": notes})["details"]["notes"] == notes


def test_the_values_that_were_sent_are_known_afterwards() -> None:
    fields = deal({**COSELL, "description": None}).fields
    expected: dict[str, Value] = {
        "deal_value": Decimal(42000),
        "closing_date": date(2026, 3, 31),
        "notes": "Shared from the CRM.",
        "visible_to_microsoft": True,
        "help": "CustomerTechnicalArchitecture",
    }
    assert {name: fields[name] for name in expected} == expected


@pytest.mark.parametrize(
    "edit",
    [
        # A row may be taken out of the create: the four customization points are exactly these directions.
        (
            f"    never_unset: true # once Microsoft's sellers see a deal, it stays visible\n{BOTH_WAYS}",
            f"    never_unset: true\n{UPDATE_ONLY}",
        ),
        (
            f"    limit: 2000\n{BOTH_WAYS}    conflict: crm\n    default",
            f"    limit: 2000\n{UPDATE_ONLY}    conflict: crm\n    default",
        ),
    ],
    ids=["visible", "notes"],
)
def test_a_field_that_does_not_travel_on_create_is_simply_left_out(tmp_path: Path, edit: tuple[str, str]) -> None:
    field_map = customized(tmp_path, edit)
    asked = deal(COSELL, field_map=field_map)
    assert own_referral(field_map, asked, RECORD_ID)["type"] == "Shared"
    assert invitation(field_map, asked, RECORD_ID, Referral(referral_body()))["inviteContext"]
    assert own_referral(field_map, deal(PRIVATE, field_map=field_map), RECORD_ID)["type"] == "Independent"


# --- pre-flight ------------------------------------------------------------------------------------------------------


def test_every_problem_is_named_at_once() -> None:
    empty: Columns = dict.fromkeys(opportunity(), None) | {"statecode": 0, "statuscode": 1}
    assert set(refused({**empty, "cosell_howcanmicrosofthelp": 6}, {}, {}, {})) == {
        "name",
        "deal_value",
        "currency",
        "closing_date",
        "solutions",
        "customer_name",
        "address_line_1",
        "city",
        "country",
        "owner",
        "contact",
    }


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("name", "name"),
        ("estimatedvalue", "deal_value"),
        ("transactioncurrencyid", "currency"),
        ("estimatedclosedate", "closing_date"),
        ("cosell_products", "solutions"),
    ],
)
@pytest.mark.parametrize("empty", [None, ""])
def test_a_missing_value_of_the_record_is_named(column: str, field: str, empty: object) -> None:
    assert set(refused({**PRIVATE, column: empty})) == {field}


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("name", "customer_name"),
        ("address1_line1", "address_line_1"),
        ("address1_city", "city"),
        ("address1_country", "country"),
    ],
)
def test_a_missing_value_of_the_account_is_named(column: str, field: str) -> None:
    assert set(refused(PRIVATE, {**ACCOUNT, column: None})) == {field}
    assert set(refused(PRIVATE, {**ACCOUNT, column: ""})) == {field}


def test_a_deal_without_a_customer_has_one_problem_about_it() -> None:
    assert list(refused(PRIVATE, None)) == ["customer_name"]


@pytest.mark.parametrize(
    ("column", "part"),
    [
        ("firstname", "first name"),
        ("lastname", "last name"),
        ("internalemailaddress", "e-mail"),
        ("mobilephone", "phone"),
    ],
)
def test_a_missing_part_of_the_owner_is_named(column: str, part: str) -> None:
    assert refused(PRIVATE, ACCOUNT, CONTACT, {**OWNER, column: None}) == {"owner": f"Partner Center requires {part}"}


def test_a_record_without_an_owner_is_refused() -> None:
    assert list(refused(PRIVATE, ACCOUNT, CONTACT, None)) == ["owner"]


def test_a_country_that_is_none_is_refused_together_with_everything_else() -> None:
    told = refused({**PRIVATE, "estimatedvalue": None}, {**ACCOUNT, "address1_country": "Narnia"})
    assert set(told) == {"deal_value", "country"}


def test_the_customers_duns_number_and_a_constant_attribute_stand_beside_what_rows_write(tmp_path: Path) -> None:
    path = "details.requirements.additionalRequirements.attributes"
    text = (
        "overlay: true\nversion: duns\n"
        f"new_referral:\n  {path}: [{{type: PartnerRole, id: Advisor}}]\n"
        "account:\n  fields:\n"
        "    - {field: duns, referral: customerProfile.ids, entry: Duns, column: new_duns, codec: text}\n"
    )
    (tmp_path / "dynamics365.yaml").write_text(text, encoding="utf-8")
    field_map = load_mapping("dynamics365", tmp_path)
    made = own_referral(field_map, deal({}, {**ACCOUNT, "new_duns": "123456789"}, field_map=field_map), RECORD_ID)
    customer, details = made["customerProfile"], made["details"]
    assert isinstance(customer, dict)
    assert isinstance(details, dict)
    assert customer["ids"] == [{"profileType": "Duns", "id": "123456789"}]
    assert details["requirements"]["additionalRequirements"]["attributes"] == [
        {"type": "PartnerRole", "id": "Advisor"},
        {"type": "CustomerMarketplaceIntent", "id": "HaveNotDecided"},
    ]
