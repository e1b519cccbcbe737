"""Canonical values become JSON Patch operations, bodies and columns."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from shared.deal import Fields
from shared.lifecycle import Stage
from shared.mapping.loading import load_mapping
from shared.merge import Change
from shared.messages.reasons import Reason
from tests.support.mapping_files import edited, load
from tests.support.referral_sample import referral_body

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
    "marketplace_intent": None,
    "close_reason": None,
    "decide_by": None,
    "status": Stage.ACTIVE,
}


# --- operations ------------------------------------------------------------------------------------------------------


def change(name: str, new: object) -> Change:
    return Change(name, None, new, Reason.CHANGED_IN_CRM)  # type: ignore[arg-type]


def test_changes_become_replacements_at_the_mapped_paths() -> None:
    changes = [change("deal_value", Decimal(51000)), change("currency", "EUR"), change("notes", None)]
    assert FIELD_MAP.operations(changes, None) == [
        {"op": "replace", "path": "/details/dealValue", "value": 51000},
        {"op": "replace", "path": "/details/currency", "value": "EUR"},
        {"op": "replace", "path": "/details/notes", "value": ""},
    ]


def test_status_and_substatus_travel_together() -> None:
    assert FIELD_MAP.operations([change("status", Stage.WON)], None) == [
        {"op": "replace", "path": "/status", "value": "Closed"},
        {"op": "replace", "path": "/substatus", "value": "Won"},
    ]
    # A stage that was stored in a base is plain text when it comes back.
    assert FIELD_MAP.operations([change("status", "declined")], None)[1]["value"] == "Declined"


def test_solutions_are_written_over_what_the_referral_holds() -> None:
    changes = [change("solutions", ("SOL-20311-QXT", "SOL-9-NEW"))]
    body = referral_body()
    (operation,) = FIELD_MAP.operations(changes, body)
    assert operation["path"] == "/details/requirements/solutions"
    written = operation["value"]
    assert isinstance(written, list)
    assert body["details"]["requirements"]["solutions"][0] in written
    assert {"type": "Name", "id": "SOL-9-NEW"} in written


def test_only_lists_need_the_source() -> None:
    assert FIELD_MAP.needs_source([change("solutions", ())])
    assert FIELD_MAP.needs_source([change("notes", "x"), change("solutions", ())])
    assert not FIELD_MAP.needs_source([change("notes", "x"), change("status", Stage.WON)])
    assert not FIELD_MAP.needs_source([])


def test_every_field_that_may_be_patched_is_on_partner_centers_list() -> None:
    allowed = {
        "/campaignId",
        "/consent/consentToShareReferralWithMicrosoftSellers",
        "/details/closingDateTime",
        "/details/currency",
        "/details/dealValue",
        "/details/notes",
        "/details/requirements/solutions",
        "/externalReferenceId",
        "/referralProgram",
        "/salesStage",
        "/statusReason",
    }
    for rule in FIELD_MAP.rules:
        if rule.to_partner_center:
            assert FIELD_MAP.rows[rule.name].pointer in allowed


# --- creating --------------------------------------------------------------------------------------------------------


def test_a_default_fills_only_what_is_empty() -> None:
    assert FIELD_MAP.created_in_partner_center({**GOLDEN, "notes": None})["notes"] == "Shared from the CRM."
    assert FIELD_MAP.created_in_partner_center(GOLDEN)["notes"] == "Phase one scoping"


def test_fields_that_do_not_travel_on_create_stay_at_home() -> None:
    sent = FIELD_MAP.created_in_partner_center(GOLDEN)
    assert "microsoft_crm_identifier" not in sent
    assert "status" not in sent


def test_an_inbound_create_is_cut_to_the_columns() -> None:
    received = FIELD_MAP.created_in_crm({**GOLDEN, "notes": "x" * 3000, "deal_value": Decimal("1.005")})
    assert received["notes"] == "x" * 2000
    assert received["deal_value"] == Decimal(1)


# --- the check mark --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [5, 298, 299, 300, 301, 400])
def test_with_the_check_mark_a_name_still_reads_back_as_it_was_written(tmp_path: Path, length: int) -> None:
    field_map = load(tmp_path, edited("check_mark_in_name: false", "check_mark_in_name: true"))
    fields = field_map.created_in_crm({**GOLDEN, "name": "n" * length})
    columns = field_map.record_values(fields)
    assert str(columns["name"]).startswith("\u2714 ")
    assert len(str(columns["name"])) <= 300
    assert field_map.rows["name"].read_record(columns) == fields["name"]


def test_the_check_mark_is_no_name_by_itself(tmp_path: Path) -> None:
    field_map = load(tmp_path, edited("check_mark_in_name: false", "check_mark_in_name: true"))
    assert field_map.record_values({"name": None})["name"] is None
    assert field_map.record_values({"notes": "x"}) == {"description": "x"}
