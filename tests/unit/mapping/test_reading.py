"""The built-in mapping reads the documented referral and its opportunity alike, and names what it cannot read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from shared.deal import STATUS, Fields
from shared.errors import DataError
from shared.lifecycle import Stage
from shared.mapping.loading import load_mapping
from shared.mapping.stages import stage_of
from shared.problems import problem
from tests.support.mapping_files import edited, load
from tests.support.referral_sample import ACCOUNT, CONTACT, OWNER, opportunity, referral_body

FIELD_MAP = load_mapping("dynamics365")

GOLDEN: Fields = {
    "name": "Northwind analytics rollout",
    "deal_value": Decimal(42000),
    "currency": "GBP",
    "closing_date": date(2026, 3, 31),
    "notes": "Phase one scoping",
    "solutions": ("SOL-20311-QXT",),
    "visible_to_microsoft": True,
    "help": None,
    "microsoft_crm_identifier": None,
    "referral_program": None,
    "marketplace_intent": "HaveNotDecided",
    "close_reason": None,
    "decide_by": None,
    "status": Stage.ACTIVE,
}


# --- the documented referral -----------------------------------------------------------------------------------------


def test_the_documented_referral_in_canonical_values() -> None:
    assert FIELD_MAP.read_referral(referral_body()) == (GOLDEN, {})


def test_the_corresponding_opportunity_has_the_same_canonical_values() -> None:
    assert FIELD_MAP.read_record(opportunity()) == (GOLDEN, {})


def test_canonical_values_as_columns() -> None:
    assert FIELD_MAP.record_values(GOLDEN) == {
        "name": "Northwind analytics rollout",
        "estimatedvalue": 42000,
        "transactioncurrencyid": "GBP",
        "estimatedclosedate": "2026-03-31",
        "description": "Phase one scoping",
        "cosell_products": "SOL-20311-QXT",
        "cosell_referralvisibility": True,
        "cosell_howcanmicrosofthelp": None,
        "cosell_microsoftcrmidentifier": None,
        "cosell_referralprogram": None,
        "cosell_marketplaceintent": 3,
        "cosell_closereason": None,
        "cosell_decideby": None,
    }


def test_canonical_values_as_referral_json_for_a_create() -> None:
    fields = {name: value for name, value in GOLDEN.items() if name != STATUS}
    assert FIELD_MAP.referral_values(FIELD_MAP.rows.values(), fields)["details"] == {
        "dealValue": 42000,
        "currency": "GBP",
        "closingDateTime": "2026-03-31T00:00:00Z",
        "notes": "Phase one scoping",
        "requirements": {
            "solutions": [{"type": "Name", "id": "SOL-20311-QXT"}],
            "additionalRequirements": {"attributes": [{"type": "CustomerMarketplaceIntent", "id": "HaveNotDecided"}]},
        },
    }


def test_the_people_and_the_customer_are_read_alike_from_both_sides() -> None:
    body = referral_body()
    for rows, document, columns in [
        (FIELD_MAP.account, body, ACCOUNT),
        (FIELD_MAP.contact, body["customerProfile"]["team"][0], CONTACT),
        (FIELD_MAP.owner, body["team"][0], OWNER),
    ]:
        for row in rows:
            assert row.read_referral(document) == row.read_record(columns)


def test_the_fall_backs_are_asked_only_for_what_is_empty() -> None:
    state = next(row for row in FIELD_MAP.account if row.name == "state")
    phone = next(row for row in FIELD_MAP.owner if row.name == "phone")
    body = referral_body()
    body["customerProfile"]["address"]["region"] = "Yorkshire"
    assert state.read_referral(body) == "Yorkshire"
    body["customerProfile"]["address"]["state"] = "West Yorkshire"
    assert state.read_referral(body) == "West Yorkshire"
    assert phone.read_record({"mobilephone": "", "address1_telephone1": "+2"}) == "+2"
    assert phone.read_record({"mobilephone": "+1", "address1_telephone1": "+2"}) == "+1"


@pytest.mark.parametrize("part", ["details", "consent", "inviteContext", "trackingInfo", "referralProgram"])
def test_a_referral_that_lacks_a_part_is_still_read(part: str) -> None:
    body = referral_body()
    del body[part]
    fields, unreadable = FIELD_MAP.read_referral(body)
    assert fields["name"] == GOLDEN["name"]
    assert set(fields) == set(GOLDEN)
    assert not unreadable, "an absent part is empty, and nothing to complain about"


def test_every_column_that_is_written_is_read() -> None:
    columns = set(FIELD_MAP.record_columns)
    assert set(FIELD_MAP.record_values(GOLDEN)) <= columns
    assert {"statecode", "statuscode", "cosell_syncwithpartnercenter", "cosell_referralidentifier"} <= columns
    assert len(columns) == len(FIELD_MAP.record_columns)


# --- errors of one deal ----------------------------------------------------------------------------------------------


def test_a_bad_value_of_partner_center_holds_its_own_field_and_no_other() -> None:
    body = referral_body()
    body["details"]["currency"] = "Euro"
    fields, unreadable = FIELD_MAP.read_referral(body)
    assert unreadable == {"currency": problem("value.not_a_currency", "currency", value="Euro", side="partner_center")}
    assert fields == {**GOLDEN, "currency": None}
    assert str(unreadable["currency"]) == (
        "Currency: Euro is not an ISO 4217 currency code. Correct currency in Partner Center."
    )


def test_a_bad_value_of_the_crm_holds_its_own_field_and_no_other() -> None:
    fields, unreadable = FIELD_MAP.read_record({**opportunity(), "cosell_howcanmicrosofthelp": 9})
    found = problem("value.not_a_choice", "help", value=9, choices="1, 2, 3, 4, 5, 6", side="crm")
    assert unreadable == {"help": found}
    assert fields == {**GOLDEN, "help": None}
    assert "in the CRM" in found.remedy


def test_every_bad_value_of_a_record_is_named_at_once() -> None:
    bad = {**opportunity(), "cosell_howcanmicrosofthelp": 9, "estimatedclosedate": "soon"}
    _, unreadable = FIELD_MAP.read_record(bad)
    assert {name: each.field for name, each in unreadable.items()} == {"help": "help", "closing_date": "closing_date"}


def test_every_bad_value_of_a_referral_is_named_at_once() -> None:
    body = referral_body()
    body["details"] |= {"currency": "EURO", "closingDateTime": "soon"}
    assert set(FIELD_MAP.read_referral(body)[1]) == {"currency", "closing_date"}


def test_a_state_that_cannot_be_read_is_about_the_whole_deal() -> None:
    with pytest.raises(DataError, match=r"statecode.*7"):
        FIELD_MAP.read_record({**opportunity(), "statecode": 7})


# --- what a CRM refuses, by field ------------------------------------------------------------------------------------


def test_problems_that_name_columns_are_problems_of_their_fields() -> None:
    lacking = problem("crm.row_missing", "transactioncurrencyid", crm="Dynamics 365", key="XTS")
    # A value without its currency would be a false one.
    assert FIELD_MAP.fields_of([lacking]) == {"currency": lacking, "deal_value": lacking}
    too_long = problem("crm.refused", "description", crm="Dynamics 365", message="it is too long")
    assert FIELD_MAP.fields_of([too_long]) == {"notes": too_long}
    both = FIELD_MAP.fields_of([lacking, problem("crm.refused", "estimatedvalue", crm="Dynamics 365", message="no")])
    assert both["deal_value"].code == "crm.refused"


def test_a_problem_about_anything_else_concerns_the_whole_deal() -> None:
    named = problem("crm.refused", "description", crm="Dynamics 365", message="it is too long")
    other = problem("crm.refused", "record", crm="Dynamics 365", message="no")
    assert FIELD_MAP.fields_of([named, other]) == {}
    assert FIELD_MAP.fields_of([]) == {}


# --- status ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "reason", "stage"),
    [
        (0, 2, Stage.ON_HOLD),
        (0, 1, Stage.ACTIVE),
        (0, 100_000_001, Stage.ACTIVE),
        (1, 3, Stage.WON),
        (1, 100_000_002, Stage.WON),
        (2, 4, Stage.LOST),
        (2, 5, Stage.LOST),
        (2, 100_000_003, Stage.LOST),
    ],
)
def test_a_custom_status_reason_counts_by_its_state(state: int, reason: int, stage: Stage) -> None:
    assert FIELD_MAP.record_stage({"statecode": state, "statuscode": reason}) is stage
    assert FIELD_MAP.read_record({**opportunity(), "statecode": state, "statuscode": reason})[0]["status"] is stage


def test_an_unknown_state_is_refused_with_what_was_seen() -> None:
    with pytest.raises(DataError, match=r"statecode.*7"):
        FIELD_MAP.record_stage({"statecode": 7, "statuscode": 1})


@pytest.mark.parametrize("stage", sorted(Stage))
def test_what_is_written_for_a_stage_is_read_as_that_stage(stage: Stage) -> None:
    seen = FIELD_MAP.record_stage(FIELD_MAP.status_columns(stage))
    assert seen is (stage if stage in (Stage.ON_HOLD, Stage.ACTIVE, Stage.WON) else Stage.LOST)


def test_a_status_reason_of_ones_own_can_be_given_a_meaning(tmp_path: Path) -> None:
    text = edited(
        "lost: [{statecode: 2, statuscode: 4}, {statecode: 2}]",
        "lost: [{statecode: 2, statuscode: 100000009}, {statecode: 2}, {statecode: 0, statuscode: 100000007}]",
    )
    field_map = load(tmp_path, text)
    assert field_map.record_stage({"statecode": 0, "statuscode": 100_000_007}) is Stage.LOST
    assert field_map.record_stage({"statecode": 0, "statuscode": 100_000_008}) is Stage.ACTIVE
    assert field_map.status_columns(Stage.LOST) == {"statecode": 2, "statuscode": 100_000_009}


@pytest.mark.parametrize(
    ("invited_by", "stage"), [(None, Stage.ACTIVE), ("msft", Stage.ON_HOLD), ("us", Stage.ACTIVE), ("", Stage.ACTIVE)]
)
def test_new_is_an_invitation_only_when_another_organization_sent_it(invited_by: str | None, stage: Stage) -> None:
    body = {
        "status": "New",
        "substatus": "Pending",
        "organizationId": "us",
        "inviteContext": {"invitedBy": {"organizationId": invited_by}},
    }
    assert stage_of(body) is stage
