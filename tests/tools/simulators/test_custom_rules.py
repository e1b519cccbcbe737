"""The rules that a test or a person switches on in a simulated CRM, through the control API: strict, and off again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.tools.simulators.dataverse_stage import Stage as Dataverse
from tests.tools.simulators.salesforce_stage import Stage as Salesforce


def switch(simulator: Any, method: str, body: Mapping[str, object] | None = None) -> object:
    return simulator.routes()[method, "/crm/rules"]({}, dict(body or {}))


@pytest.fixture
def dataverse() -> Dataverse:
    return Dataverse()


def opportunity(stage: Any, **columns: object) -> str:
    return str(stage.simulator.seller.create_opportunity(name="Deal", **columns))


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


@pytest.mark.parametrize(("open_quotes", "expected"), [(False, "0x80040265"), (True, "0x80040516")])
def test_a_refused_close(dataverse: Any, *, open_quotes: bool, expected: str) -> None:
    row = opportunity(dataverse)
    close = {"Status": -1, "OpportunityClose": {"opportunityid@odata.bind": f"/opportunities({row})"}}
    switch(dataverse.simulator, "POST", {"rule": "refuse_closing", "message": "Not yet.", "open_quotes": open_quotes})
    answer = dataverse.send("POST", "WinOpportunity", close)
    assert code(answer) == (400, expected)
    assert "Not yet." in answer.json["error"]["message"]
    assert dataverse.simulator.rows("opportunityclose") == []
    switch(dataverse.simulator, "DELETE")
    assert dataverse.send("POST", "WinOpportunity", close).status_code == 204


def test_every_write_of_a_table_is_refused_to_the_app_alone(dataverse: Any) -> None:
    row = opportunity(dataverse)
    switch(dataverse.simulator, "POST", {"rule": "refuse_writes", "table": "opportunity", "message": "Locked."})
    assert code(dataverse.send("PATCH", f"opportunities({row})", {"name": "x"})) == (400, "0x80040265")
    assert code(dataverse.send("POST", "opportunities", {"name": "x"})) == (400, "0x80040265")
    assert dataverse.send("POST", "accounts", {"name": "x"}).status_code == 204
    dataverse.simulator.seller.edit(row, name="by a person")


def test_a_secured_column_reads_as_null_and_cannot_be_written(dataverse: Any) -> None:
    row = opportunity(dataverse, description="secret")
    rule = {"rule": "secure_column", "table": "opportunity", "column": "description"}
    switch(dataverse.simulator, "POST", rule)
    read = dataverse.send("GET", f"opportunities({row})?$select=name,description").json
    assert (read["name"], read["description"]) == ("Deal", None)
    assert code(dataverse.send("PATCH", f"opportunities({row})", {"description": "x"})) == (400, "0x8004f504")
    switch(dataverse.simulator, "POST", {**rule, "masked": True})
    assert dataverse.send("GET", f"opportunities({row})").json["description"] == "****"
    masked = dataverse.send("GET", "attributemaskingrules?$select=entityname,attributelogicalname").json["value"]
    assert [(each["entityname"], each["attributelogicalname"]) for each in masked] == [("opportunity", "description")]


def test_metadata_and_privileges_tell_of_column_security(dataverse: Any) -> None:
    dataverse.simulator.secure_column("opportunity", "description", readers=[dataverse.user_id])
    dataverse.simulator.secure_column("opportunity", "stepname")
    nested = "Attributes($select=LogicalName,IsSecured;$filter=IsSecured eq true)"
    where = "LogicalName eq 'opportunity' or LogicalName eq 'account'"
    found = dataverse.send("GET", f"EntityDefinitions?$select=LogicalName&$filter={where}&$expand={nested}").json[
        "value"
    ]
    columns = {each["LogicalName"]: {row["LogicalName"]: row for row in each["Attributes"]} for each in found}
    assert {table: set(rows) for table, rows in columns.items()} == {
        "opportunity": {"description", "stepname"},
        "account": set(),
    }
    path = f"systemusers({dataverse.user_id})/Microsoft.Dynamics.CRM.RetrievePrincipalAttributePrivileges()"
    (privilege,) = dataverse.send("GET", path).json["AttributePrivileges"]
    assert privilege["AttributeId"] == columns["opportunity"]["description"]["MetadataId"]
    assert (privilege["CanRead"], privilege["CanUpdate"]) == (4, 0)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_side_effect_on_another_column(dataverse: Any, *, asynchronous: bool) -> None:
    row = opportunity(dataverse, description="one")
    effect = {"rule": "side_effect", "table": "opportunity", "when": {"name": "Big"}, "then": {"description": "two"}}
    switch(dataverse.simulator, "POST", {**effect, "asynchronous": asynchronous})
    prefer = {"Prefer": "return=representation"}
    answer = dataverse.send("PATCH", f"opportunities({row})", {"name": "Big"}, prefer).json
    now = dataverse.simulator.row("opportunity", row)
    assert now["description"] == "two"
    assert (answer["description"] == "two", answer["@odata.etag"] == now["@odata.etag"]) == (not asynchronous,) * 2


def test_a_key_of_the_customers_own(dataverse: Any) -> None:
    dataverse.simulator.seller.create_account(name="Northwind")
    switch(dataverse.simulator, "POST", {"rule": "unique", "table": "account", "column": "name"})
    assert code(dataverse.send("POST", "accounts", {"name": "northwind"})) == (412, "0x80060892")


@pytest.mark.parametrize("body", [{}, {"rule": "other"}, {"rule": "refuse_writes", "table": 7}])
def test_a_rule_that_is_none_is_refused(dataverse: Any, body: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"give|rule must be"):
        switch(dataverse.simulator, "POST", body)
    with pytest.raises(ValueError, match=r"give|rule must be"):
        switch(Salesforce().simulator, "POST", body)


# --- Salesforce ------------------------------------------------------------------------------------------------------


def test_salesforce_has_the_same_rules() -> None:
    stage: Any = Salesforce()
    seller, simulator = stage.simulator.seller, stage.simulator
    row = seller.create_opportunity(Name="Deal")
    path = f"sobjects/Opportunity/{row}"
    switch(simulator, "POST", {"rule": "refuse_closing", "message": "Not yet."})
    answer = stage.send("PATCH", path, {"StageName": "Closed Won"})
    assert (answer.status_code, answer.json[0]["errorCode"]) == (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    assert stage.send("PATCH", path, {"Name": "Still open"}).status_code == 204
    switch(simulator, "POST", {"rule": "refuse_writes", "table": "Opportunity", "message": "Locked."})
    assert stage.send("PATCH", path, {"Name": "Locked"}).json[0]["message"] == "Locked."
    switch(simulator, "DELETE")
    assert stage.send("PATCH", path, {"Name": "Free", "StageName": "Closed Won"}).status_code == 204
    effect = {"rule": "side_effect", "table": "Opportunity", "when": {"Name": "Big"}, "then": {"NextStep": "call"}}
    switch(simulator, "POST", effect)
    stage.send("PATCH", path, {"Name": "Big"})
    assert simulator.row("Opportunity", row)["NextStep"] == "call"
    switch(simulator, "POST", {"rule": "unique", "table": "Account", "column": "Number__c"})
    seller.create_account(Name="Northwind", Number__c="1")
    answer = stage.send("POST", "sobjects/Account", {"Name": "Other", "Number__c": "1"})
    assert (answer.status_code, answer.json[0]["errorCode"]) == (400, "DUPLICATE_VALUE")
    switch(simulator, "POST", {"rule": "secure_column", "table": "Opportunity", "column": "NextStep"})
    assert stage.send("GET", f"{path}?fields=NextStep").json[0]["errorCode"] == "INVALID_FIELD"
