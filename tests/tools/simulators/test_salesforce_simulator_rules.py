"""Conditions, locks, rules and triggers in the simulated Salesforce."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tests.tools.simulators.salesforce_stage import DEAL, Stage
from tools.simulators.salesforce import TriggerError

HEADER = "Sforce-Duplicate-Rule-Header"


@pytest.fixture
def stage() -> Stage:
    return Stage()


# --- conditions --------------------------------------------------------------------------------------------------


def test_an_update_may_depend_on_the_date(stage: Stage) -> None:
    deal = stage.create()
    path = f"sobjects/Opportunity/{deal}"
    read = stage.simulator.row("Opportunity", deal)["LastModifiedDate"]
    guard = {"If-Unmodified-Since": format_datetime(read, usegmt=True)}  # type: ignore[arg-type]
    assert stage.send("PATCH", path, {"Name": "Within the same second"}, guard).status_code == 204
    stage.pass_time(seconds=2)
    stage.seller.edit(deal, Name="By the seller")
    stage.refused(412, "PRECONDITION_FAILED", "PATCH", path, {"Name": "Ours"}, guard)
    assert stage.simulator.row("Opportunity", deal)["Name"] == "By the seller"
    stage.refused(400, "INVALID_HEADER", "PATCH", path, {"Name": "Ours"}, {"If-Unmodified-Since": "yesterday"})
    stage.refused(400, "INVALID_HEADER", "PATCH", path, {"Name": "Ours"}, {"If-Unmodified-Since": "2026-01-01"})
    assert stage.send("DELETE", path, headers=guard).status_code == 204


def test_an_upsert_may_depend_on_the_date(stage: Stage) -> None:
    stage.upsert("R-1")
    guard = {"If-Unmodified-Since": format_datetime(stage.clock.now() - timedelta(hours=1), usegmt=True)}
    assert stage.upsert("R-1", guard).status_code == 412


def test_the_platform_may_move_the_stamp_alone(stage: Stage) -> None:
    deal = stage.create()
    stage.pass_time(seconds=2)
    stage.simulator.touch(deal)
    row = stage.simulator.row("Opportunity", deal)
    assert row["SystemModstamp"] > row["LastModifiedDate"]  # type: ignore[operator]


def test_accounts_have_entity_tags_and_opportunities_have_not(stage: Stage) -> None:
    account = f"sobjects/Account/{stage.create('Account', Name='Contoso')}"
    tag = stage.send("GET", account).headers["ETag"]
    assert stage.send("PATCH", account, {"Name": "B"}, {"If-Match": tag}).status_code == 204
    stage.refused(412, "PRECONDITION_FAILED", "PATCH", account, {"Name": "C"}, {"If-Match": tag})
    deal = f"sobjects/Opportunity/{stage.create()}"
    assert "ETag" not in stage.send("GET", deal).headers
    assert stage.send("PATCH", deal, {"Name": "B"}, {"If-Match": '"x"'}).status_code == 204


# --- locks, rules, triggers --------------------------------------------------------------------------------------


def test_a_held_account_blocks_the_writes_below_it(stage: Stage) -> None:
    account = stage.create("Account", Name="Contoso")
    deal, free = stage.create(AccountId=account), stage.create()
    stage.simulator.lock_record(account, requests=2)
    path = f"sobjects/Opportunity/{deal}"
    stage.refused(400, "UNABLE_TO_LOCK_ROW", "PATCH", path, {"Name": "x"})
    assert stage.send("PATCH", f"sobjects/Opportunity/{free}", {"Name": "x"}).status_code == 204
    stage.refused(400, "UNABLE_TO_LOCK_ROW", "DELETE", path)
    assert stage.send("PATCH", path, {"Name": "x"}).status_code == 204


def duplicate_account(stage: Stage, header: str | None = None) -> dict[str, Any]:
    headers = {HEADER: header} if header else None
    response = stage.send("POST", "sobjects/Account", {"Name": "contoso", "Phone": "1"}, headers)
    if response.status_code == 201:
        return {"created": True}
    (error,) = json.loads(response.data)
    assert (response.status_code, error["errorCode"]) == (400, "DUPLICATES_DETECTED")
    result: dict[str, Any] = error["duplicateResult"]
    return result


def test_a_block_rule_names_the_record_it_found(stage: Stage) -> None:
    account = stage.create("Account", Name="Contoso")
    stage.simulator.add_duplicate_rule("Account", "Name")
    result = duplicate_account(stage)
    (match,) = result["matchResults"][0]["matchRecords"]
    assert match["record"]["Id"] == account
    assert set(match["record"]) == {"attributes", "Id"}
    assert result["allowSave"] is False
    assert duplicate_account(stage, "allowSave=true") == result
    detailed = duplicate_account(stage, "allowSave=true; includeRecordDetails=true")
    assert detailed["matchResults"][0]["matchRecords"][0]["record"]["Name"] == "Contoso"


def test_an_alert_rule_gives_way_to_the_header(stage: Stage) -> None:
    stage.create("Account", Name="Contoso")
    stage.simulator.add_duplicate_rule("Account", "Name", action="alert")
    assert duplicate_account(stage)["allowSave"] is True
    assert duplicate_account(stage, "allowSave=true") == {"created": True}
    stage.refused(400, "INVALID_HEADER", "POST", "sobjects/Account", {"Name": "x"}, {HEADER: "allow"})


def test_a_validation_rule_speaks_the_customers_words(stage: Stage) -> None:
    def rule(sobject: str, values: dict[str, object]) -> str | None:
        return "Deals need an amount." if sobject == "Opportunity" and values.get("Amount") is None else None

    stage.simulator.add_validation(rule)
    message = stage.refused(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "POST", "sobjects/Opportunity", DEAL)
    assert message == "Deals need an amount."
    assert stage.create(Amount=1)


def test_a_trigger_may_refuse_and_leaves_nothing_behind(stage: Stage) -> None:
    deal = stage.create(Name="Kept")

    def trigger(_sobject: str, _record_id: str, values: dict[str, object]) -> None:
        if values["Name"] == "Bad":
            raise TriggerError("no bad names")

    stage.simulator.after_write(trigger)
    rule = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    assert "no bad names" in stage.refused(400, rule, "POST", "sobjects/Opportunity", DEAL | {"Name": "Bad"})
    stage.refused(400, rule, "PATCH", f"sobjects/Opportunity/{deal}", {"Name": "Bad"})
    assert [row["Name"] for row in stage.simulator.rows("Opportunity")] == ["Kept"]


@pytest.mark.parametrize("asynchronous", [True, False])
def test_automation_alters_the_row_after_our_write(stage: Stage, *, asynchronous: bool) -> None:
    admin = stage.simulator.people.admin

    def flow(_sobject: str, _record_id: str, values: dict[str, object]) -> Mapping[str, object] | None:
        stage.pass_time(seconds=1)
        return {"NextStep": f"call about {values['Name']}"}

    stage.simulator.after_write(flow, asynchronous=asynchronous, user_id=admin)
    deal = stage.create()
    row = stage.simulator.row("Opportunity", deal)
    assert row["NextStep"] == "call about A deal"
    assert row["LastModifiedById"] == admin
    assert row["SystemModstamp"] > row["CreatedDate"]  # type: ignore[operator]


def test_what_was_rolled_back_sets_no_flow_off(stage: Stage) -> None:
    deal = stage.create()
    seen: list[str] = []

    def flow(_sobject: str, record_id: str, _values: dict[str, object]) -> Mapping[str, object]:
        seen.append(record_id)
        return {"CloseDate": "2028-01-31", "Amount": 5}

    stage.simulator.after_write(flow, asynchronous=True)
    records = [
        {"attributes": {"type": "Opportunity"}, "id": deal, "Name": "B"},
        {"attributes": {"type": "Opportunity"}, "id": deal, "Name": None},
    ]
    stage.send("PATCH", "composite/sobjects", {"allOrNone": True, "records": records})
    assert seen == []
    stage.send("PATCH", f"sobjects/Opportunity/{deal}", {"Name": "B"})
    assert seen == [deal]
    assert stage.get(f"sobjects/Opportunity/{deal}")["CloseDate"] == "2028-01-31"
    assert len(stage.records("SELECT Id FROM Opportunity WHERE Amount = 5")) == 1
