"""Describe, field-level security and custom fields in the simulated Salesforce."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tools.simulators.salesforce_stage import DEAL, KEY, Stage
from tools.simulators.salesforce import Quirks

TEXT: dict[str, object] = {
    "type": "Text",
    "label": "Referral Identifier",
    "length": 100,
    "externalId": True,
    "unique": True,
}
VALUES = [{"valueName": "A", "label": "A"}, {"valueName": "B", "label": "B"}]
PICKLIST: dict[str, object] = {
    "type": "Picklist",
    "label": "Help",
    "valueSet": {"restricted": True, "valueSetDefinition": {"sorted": False, "value": VALUES}},
}


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def bare() -> Stage:
    """An org without the product's columns, and an administrator's session."""
    return Stage(cosell_columns=False, customizer=True)


def fields(stage: Stage, sobject: str = "Opportunity") -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in stage.get(f"sobjects/{sobject}/describe")["fields"]}


def make_field(stage: Stage, name: str = KEY, metadata: dict[str, object] | None = None) -> str:
    body = {"FullName": f"Opportunity.{name}", "Metadata": metadata or TEXT}
    response = stage.send("POST", "tooling/sobjects/CustomField", body)
    assert response.status_code == 201, response.text
    document = json.loads(response.data)
    assert (document["success"], document["errors"], document["warnings"]) == (True, [], [])
    return str(document["id"])


def grant(stage: Stage, name: str = KEY, *, edit: bool = True) -> None:
    parent = stage.create("PermissionSet", Name=f"Set_{name}", Label="Co-sell")
    permissions: dict[str, object] = {"PermissionsRead": True, "PermissionsEdit": edit}
    stage.create(
        "FieldPermissions", ParentId=parent, SobjectType="Opportunity", Field=f"Opportunity.{name}", **permissions
    )
    stage.create("PermissionSetAssignment", AssigneeId=stage.user_id, PermissionSetId=parent)


# --- describe ----------------------------------------------------------------------------------------------------


def test_describe_tells_what_a_mapping_needs(stage: Stage) -> None:
    known = fields(stage)
    key, stage_name, amount = known[KEY], known["StageName"], known["Amount"]
    assert (key["externalId"], key["unique"], key["length"], key["caseSensitive"]) == (True, True, 100, False)
    assert (stage_name["nillable"], stage_name["restrictedPicklist"]) == (False, True)
    assert {value["value"] for value in stage_name["picklistValues"]} >= {"Prospecting", "Closed Won"}
    assert (amount["type"], amount["precision"], amount["scale"], amount["nillable"]) == ("currency", 18, 2, True)
    assert known["IsWon"]["createable"] is known["IsWon"]["updateable"] is False
    assert known["AccountId"]["referenceTo"] == ["Account"]
    assert known["Description"]["filterable"] is False
    assert known["Sync_with_Partner_Center__c"]["defaultedOnCreate"] is True
    assert "CurrencyIsoCode" not in known
    assert len(known["How_can_Microsoft_help__c"]["picklistValues"]) == 6


def test_the_list_of_objects(stage: Stage) -> None:
    names = {item["name"] for item in stage.get("sobjects")["sobjects"]}
    assert {"Opportunity", "Account", "Contact", "User", "OpportunityStage", "OpportunityContactRole"} <= names
    assert "CurrencyType" not in names
    assert stage.get("sobjects/opportunity")["objectDescribe"]["keyPrefix"] == "006"
    assert "CurrencyIsoCode" in fields(Stage(multi_currency=True))


def test_stages_tell_what_they_mean(stage: Stage) -> None:
    soql = "SELECT ApiName, MasterLabel, IsActive, IsClosed, IsWon, DefaultProbability, SortOrder FROM OpportunityStage"
    rows = stage.records(f"{soql} WHERE IsClosed = true ORDER BY SortOrder")
    assert [(row["ApiName"], row["IsWon"]) for row in rows] == [("Closed Won", True), ("Closed Lost", False)]


# --- field-level security ----------------------------------------------------------------------------------------


def test_a_new_field_is_invisible_until_it_is_granted(bare: Stage) -> None:
    make_field(bare)
    assert KEY not in fields(bare)
    missing = bare.refused_query("INVALID_FIELD", "SELECT Nothing__c FROM Opportunity")
    hidden = bare.refused_query("INVALID_FIELD", f"SELECT {KEY} FROM Opportunity")
    assert hidden.splitlines()[-1] == missing.splitlines()[-1].replace("Nothing__c", KEY)
    bare.refused(400, "INVALID_FIELD", "POST", "sobjects/Opportunity", DEAL | {KEY: "R-1"})
    bare.refused(404, "NOT_FOUND", "PATCH", f"sobjects/Opportunity/{KEY}/R-1", DEAL)
    grant(bare)
    assert fields(bare)[KEY]["updateable"] is True
    assert bare.upsert("R-1").status_code == 201
    assert bare.records(f"SELECT {KEY} FROM Opportunity")[0][KEY] == "R-1"


def test_a_field_may_be_granted_for_reading_alone(bare: Stage) -> None:
    make_field(bare)
    grant(bare, edit=False)
    assert fields(bare)[KEY]["updateable"] is False
    bare.refused(400, "INVALID_FIELD_FOR_INSERT_UPDATE", "POST", "sobjects/Opportunity", DEAL | {KEY: "R-1"})


def test_a_standard_field_may_be_hidden(stage: Stage) -> None:
    stage.simulator.hide_field("Opportunity", "Amount")
    assert "Amount" not in fields(stage)
    assert "Amount" not in stage.get(f"sobjects/Opportunity/{stage.create()}")
    stage.refused_query("INVALID_FIELD", "SELECT Id FROM Opportunity WHERE Amount > 1")
    stage.refused(400, "INVALID_FIELD", "POST", "sobjects/Opportunity", DEAL | {"Amount": 1})
    assert stage.seller.create_opportunity(Name="The seller sees it", Amount=5)


def test_a_hidden_field_is_granted_by_its_name_or_by_that_of_its_whole(bare: Stage) -> None:
    bare.simulator.hide_field("Account", "BillingCity")
    bare.simulator.hide_field("Opportunity", "Amount")
    assert "BillingCity" not in fields(bare, "Account")
    parent = bare.create("PermissionSet", Name="Co_sell", Label="Co-sell")
    bare.create("PermissionSetAssignment", AssigneeId=bare.user_id, PermissionSetId=parent)
    for name in ("Account.BillingAddress", "Opportunity.Amount"):
        subject = {"SobjectType": name.partition(".")[0], "Field": name}
        bare.create("FieldPermissions", ParentId=parent, PermissionsRead=True, **subject)
    assert fields(bare, "Account")["BillingCity"]["updateable"] is False
    assert fields(bare)["Amount"]["createable"] is False


def test_what_can_be_granted_says_so(stage: Stage) -> None:
    shown, account = fields(stage), fields(stage, "Account")
    assert {name for name in ("Amount", KEY, "StageName", "OwnerId", "Id") if shown[name]["permissionable"]} == {
        "Amount",
        KEY,
    }
    assert account["BillingCity"]["compoundFieldName"] == "BillingAddress"
    assert account["BillingAddress"]["permissionable"] is True
    assert not any(field["permissionable"] for field in fields(stage, "User").values())


@pytest.mark.parametrize(
    ("permission", "status", "code", "method", "path"),
    [
        ("Create", 400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "POST", "sobjects/Account"),
        ("Read", 404, "NOT_FOUND", "GET", "sobjects/Account/describe"),
        ("Read", 400, "INVALID_TYPE", "GET", "query?q=SELECT+Id+FROM+Account"),
    ],
)
def test_an_object_permission_is_withheld_until_it_is_granted(
    bare: Stage, permission: Any, status: int, code: str, method: str, path: str
) -> None:
    bare.simulator.withhold("Account", permission)
    body = {"Name": "Contoso"} if method == "POST" else None
    bare.refused(status, code, method, path, body)
    parent = bare.create("PermissionSet", Name="Co_sell", Label="Co-sell")
    bare.create("PermissionSetAssignment", AssigneeId=bare.user_id, PermissionSetId=parent)
    given = {"PermissionsRead": True, "PermissionsCreate": permission == "Create"}
    bare.create("ObjectPermissions", ParentId=parent, SobjectType="Account", **given)
    assert bare.send(method, path, body).status_code < 300


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("FIELD_INTEGRITY_EXCEPTION", {"PermissionsCreate": True}),
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", {"SobjectType": "Nothing"}),
    ],
)
def test_object_permissions_that_cannot_be_granted(bare: Stage, code: str, changes: dict[str, object]) -> None:
    parent = bare.create("PermissionSet", Name="Co_sell", Label="Co-sell")
    body = {"ParentId": parent, "SobjectType": "Account"} | changes
    bare.refused(400, code, "POST", "sobjects/ObjectPermissions", body)
    bare.refused(400, "DUPLICATE_VALUE", "POST", "sobjects/PermissionSet", {"Name": "Co_sell", "Label": "Again"})


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", {"Field": "Opportunity.Nothing__c"}),
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", {"Field": KEY}),
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", {"Field": f"Account.{KEY}"}),
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", {"Field": "Account.BillingCity", "SobjectType": "Account"}),
        ("FIELD_INTEGRITY_EXCEPTION", {"Field": "Opportunity.OwnerId"}),
        ("FIELD_INTEGRITY_EXCEPTION", {"Field": "Opportunity.Name"}),
        ("FIELD_INTEGRITY_EXCEPTION", {"PermissionsRead": False}),
        ("REQUIRED_FIELD_MISSING", {"ParentId": None}),
        ("INVALID_CROSS_REFERENCE_KEY", {"ParentId": "0PS5e0000ZZZZZZ"}),
        ("MALFORMED_ID", {"ParentId": "0065e0000ZZZZZZ"}),
    ],
)
def test_permissions_that_cannot_be_granted(bare: Stage, code: str, changes: dict[str, object]) -> None:
    make_field(bare)
    parent = bare.create("PermissionSet", Name="Co_sell", Label="Co-sell")
    body: dict[str, object] = {"ParentId": parent, "SobjectType": "Opportunity", "Field": f"Opportunity.{KEY}"}
    body |= {"PermissionsRead": True, "PermissionsEdit": True}
    bare.refused(400, code, "POST", "sobjects/FieldPermissions", body | changes)


def test_a_permission_is_granted_once(bare: Stage) -> None:
    make_field(bare)
    grant(bare)
    (row,) = bare.records("SELECT ParentId, Field, SobjectType FROM FieldPermissions")
    body = {name: row[name] for name in ("ParentId", "Field", "SobjectType")} | {"PermissionsRead": True}
    bare.refused(400, "DUPLICATE_VALUE", "POST", "sobjects/FieldPermissions", body)


def test_only_an_administrator_may_change_the_org(stage: Stage) -> None:
    body = {"FullName": "Opportunity.X__c", "Metadata": TEXT}
    stage.refused(403, "INSUFFICIENT_ACCESS", "POST", "tooling/sobjects/CustomField", body)
    stage.refused(403, "INSUFFICIENT_ACCESS", "GET", "tooling/query?q=SELECT+Id+FROM+CustomField")
    stage.refused(403, "INSUFFICIENT_ACCESS", "POST", "sobjects/PermissionSet", {"Name": "X", "Label": "X"})
    stage.quirks.insufficient_access_status = 400
    stage.refused(400, "INSUFFICIENT_ACCESS", "POST", "tooling/sobjects/CustomField", body)


# --- custom fields -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "metadata", "expected"),
    [
        ("Referral_Identifier__c", TEXT, {"type": "string", "length": 100, "externalId": True, "unique": True}),
        ("Link__c", {"type": "Url", "label": "Link"}, {"type": "url", "length": 255}),
        ("Sync__c", {"type": "Checkbox", "label": "Sync", "defaultValue": "false"}, {"type": "boolean"}),
        ("Help__c", PICKLIST, {"type": "picklist", "restrictedPicklist": True}),
        (
            "Audit__c",
            {"type": "LongTextArea", "label": "Audit", "length": 32_768, "visibleLines": 5},
            {"type": "textarea", "length": 32_768, "filterable": False},
        ),
        (
            "Rate__c",
            {"type": "Number", "label": "Rate", "precision": 18, "scale": 2},
            {"type": "double", "precision": 18, "scale": 2},
        ),
    ],
)
def test_fields_of_each_type(bare: Stage, name: str, metadata: dict[str, object], expected: dict[str, object]) -> None:
    field_id = make_field(bare, name, metadata)
    grant(bare, name)
    field = fields(bare)[name]
    assert {key: field[key] for key in expected} == expected
    assert field["custom"] is True
    shown = bare.get(f"tooling/sobjects/CustomField/{field_id}")
    assert shown["FullName"] == f"Opportunity.{name}"
    asked = {key: value for key, value in metadata.items() if key not in ("visibleLines", "defaultValue", "valueSet")}
    assert {key: shown["Metadata"][key] for key in asked} == asked


@pytest.mark.parametrize(
    ("name", "metadata"),
    [
        ("Without_suffix", TEXT),
        ("two__words__c", TEXT),
        ("X__c", TEXT | {"length": 256}),
        ("X__c", TEXT | {"length": 0}),
        ("X__c", TEXT | {"length": "100"}),
        ("X__c", {"type": "Text", "label": "X"}),
        ("X__c", TEXT | {"visibleLines": 3}),
        ("X__c", TEXT | {"label": None}),
        ("X__c", TEXT | {"label": "x" * 41}),
        ("X__c", TEXT | {"unique": "yes"}),
        ("X__c", {"type": "Url", "label": "X", "length": 255}),
        ("X__c", {"type": "Checkbox", "label": "X"}),
        ("X__c", {"type": "Checkbox", "label": "X", "defaultValue": "maybe"}),
        ("X__c", {"type": "Checkbox", "label": "X", "defaultValue": "false", "required": True}),
        ("X__c", {"type": "LongTextArea", "label": "X", "length": 255, "visibleLines": 3}),
        ("X__c", {"type": "LongTextArea", "label": "X", "length": 131_073, "visibleLines": 3}),
        ("X__c", {"type": "LongTextArea", "label": "X", "length": 32_768}),
        ("X__c", {"type": "LongTextArea", "label": "X", "length": 32_768, "visibleLines": 3, "unique": True}),
        ("X__c", {"type": "Picklist", "label": "X"}),
        ("X__c", {"type": "Picklist", "label": "X", "valueSet": {"valueSetDefinition": {"value": []}}}),
        ("X__c", {"type": "Picklist", "label": "X", "valueSet": {"valueSetDefinition": {"value": [{"label": "A"}]}}}),
        (
            "X__c",
            {"type": "Picklist", "label": "X", "valueSet": {"valueSetDefinition": {"value": [VALUES[0], VALUES[0]]}}},
        ),
    ],
)
def test_refused_definitions(bare: Stage, name: str, metadata: dict[str, object]) -> None:
    body = {"FullName": f"Opportunity.{name}", "Metadata": metadata}
    bare.refused(400, "FIELD_INTEGRITY_EXCEPTION", "POST", "tooling/sobjects/CustomField", body)


def test_other_refusals_of_the_tooling_api(bare: Stage) -> None:
    path = "tooling/sobjects/CustomField"
    make_field(bare)
    bare.refused(400, "DUPLICATE_DEVELOPER_NAME", "POST", path, {"FullName": f"Opportunity.{KEY}", "Metadata": TEXT})
    bare.refused(400, "FIELD_INTEGRITY_EXCEPTION", "POST", path, {"FullName": "Nothing.X__c", "Metadata": TEXT})
    unknown = {"FullName": "Opportunity.X__c", "Metadata": {"type": "Long Text Area", "label": "X"}}
    bare.refused(400, "JSON_PARSER_ERROR", "POST", path, unknown)
    bare.refused(400, "REQUIRED_FIELD_MISSING", "POST", path, {"FullName": "Opportunity.X__c"})
    bare.refused(400, "INVALID_FIELD", "POST", path, {"FullName": "Opportunity.X__c", "Metadata": TEXT, "Length": 5})
    bare.refused(404, "NOT_FOUND", "POST", "tooling/sobjects/ApexClass", {})
    bare.refused(404, "NOT_FOUND", "GET", f"{path}/00N5e0000ZZZZZZAAA")


def test_the_tooling_api_can_be_queried(bare: Stage) -> None:
    make_field(bare)
    soql = "SELECT+Id,DeveloperName+FROM+CustomField+WHERE+TableEnumOrId='Opportunity'"
    (row,) = bare.get(f"tooling/query?q={soql}")["records"]
    assert row["DeveloperName"] == "Referral_Identifier"
    soql = "SELECT+QualifiedApiName+FROM+FieldDefinition+WHERE+EntityDefinition.QualifiedApiName='Opportunity'"
    names = [row["QualifiedApiName"] for row in bare.get(f"tooling/query?q={soql}")["records"]]
    assert KEY in names
    bare.refused(400, "INVALID_TYPE", "GET", "tooling/query?q=SELECT+Id+FROM+Opportunity")
    bare.quirks.batch_size = 10
    page = bare.get(f"tooling/query?q={soql}")
    assert len(bare.get(page["nextRecordsUrl"])["records"]) == 10


def test_picklist_values_may_be_spelled_as_the_metadata_api_does(bare: Stage) -> None:
    values = [{"fullName": value["valueName"], "label": value["label"]} for value in VALUES]
    make_field(bare, "Help__c", PICKLIST | {"valueSet": {"valueSetDefinition": {"value": values}}})
    grant(bare, "Help__c")
    assert [value["value"] for value in fields(bare)["Help__c"]["picklistValues"]] == ["A", "B"]


def test_provisioned_columns_belong_to_the_integration_user_alone(stage: Stage) -> None:
    stage.simulator.add_connected_app("other", "secret", username="other@partner.example")
    stage.token = stage.sign(grant_type="client_credentials", client_id="other", client_secret="secret")["access_token"]
    assert KEY not in fields(stage)
    assert KEY not in fields(Stage(quirks=Quirks(), cosell_columns=False))
