"""Definitions in the simulated Dataverse: reading them, adding columns and keys, seeing them late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.tools.simulators.dataverse_stage import APP, RESOURCE, TRACK, Stage

DEFINITION = "EntityDefinitions(LogicalName='opportunity')"
CAST = "Microsoft.Dynamics.CRM."


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def bare() -> Stage:
    return Stage(cosell_columns=False)


def label(text: str) -> dict[str, object]:
    return {"LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]}


def column(kind: str, name: str, **more: object) -> dict[str, object]:
    odata_type = f"Microsoft.Dynamics.CRM.{kind}AttributeMetadata"
    return {"@odata.type": odata_type, "SchemaName": name, "DisplayName": label(name)} | more


TEXT = column("String", "cosell_ReferralIdentifier", MaxLength=100, FormatName={"Value": "Text"})
KEY = {
    "SchemaName": "cosell_ReferralIdentifierKey",
    "DisplayName": label("Referral"),
    "KeyAttributes": ["cosell_referralidentifier"],
}


class TestReading:
    def test_the_definition_with_what_a_mapping_check_needs(self, stage: Stage) -> None:
        attributes = "Attributes($select=LogicalName,AttributeType,IsValidForCreate,IsValidForUpdate,RequiredLevel)"
        keys = "Keys($select=LogicalName,KeyAttributes,EntityKeyIndexStatus)"
        select = "ChangeTrackingEnabled,CanChangeTrackingBeEnabled,IsOptimisticConcurrencyEnabled"
        answer = stage.get(f"{DEFINITION}?$select={select}&$expand={attributes},{keys},ManyToOneRelationships")
        assert answer["ChangeTrackingEnabled"] is True
        assert answer["CanChangeTrackingBeEnabled"]["Value"] is True
        assert "LogicalName" not in answer
        by_name = {each["LogicalName"]: each for each in answer["Attributes"]}
        assert by_name["statecode"]["IsValidForCreate"] is False
        assert by_name["originatingleadid"]["IsValidForUpdate"] is False
        assert by_name["name"]["RequiredLevel"]["Value"] == "ApplicationRequired"
        assert answer["Keys"][0]["EntityKeyIndexStatus"] == "Active"
        names = [each["ReferencingEntityNavigationPropertyName"] for each in answer["ManyToOneRelationships"]]
        assert {"customerid_account", "customerid_contact", "parentaccountid", "ownerid"} <= set(names)

    @pytest.mark.parametrize(
        ("cast", "name", "facts"),
        [
            ("String", "name", {"MaxLength": 300}),
            ("Memo", "cosell_audit", {"MaxLength": 100_000}),
            ("Money", "estimatedvalue", {"Precision": 2, "MinValue": 0.0, "MaxValue": 1e12}),
            ("DateTime", "estimatedclosedate", {"Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}}),
            ("Integer", "closeprobability", {"MinValue": 0.0, "MaxValue": 100.0}),
        ],
    )
    def test_facts_behind_a_cast(self, stage: Stage, cast: str, name: str, facts: dict[str, Any]) -> None:
        select = ",".join(["LogicalName", *facts])
        path = f"{DEFINITION}/Attributes/{CAST}{cast}AttributeMetadata?$select={select}"
        by_name = {each["LogicalName"]: each for each in stage.get(path)["value"]}
        assert facts.items() <= by_name[name].items()
        single = stage.get(f"{DEFINITION}/Attributes(LogicalName='{name}')/{CAST}{cast}AttributeMetadata")
        assert facts.items() <= single.items()

    def test_choices(self, stage: Stage) -> None:
        tail = "?$select=LogicalName&$expand=OptionSet,GlobalOptionSet"
        (status,) = stage.get(f"{DEFINITION}/Attributes/{CAST}StatusAttributeMetadata{tail}")["value"]
        options = {each["Value"]: each for each in status["OptionSet"]["Options"]}
        assert {value: option["State"] for value, option in options.items()} == {1: 0, 2: 0, 3: 1, 4: 2, 5: 2}
        assert options[2]["Label"]["UserLocalizedLabel"]["Label"] == "On Hold"
        assert status["GlobalOptionSet"] is None
        picklists = stage.get(f"{DEFINITION}/Attributes/{CAST}PicklistAttributeMetadata{tail}")["value"]
        by_name = {each["LogicalName"]: each for each in picklists}
        assert len(by_name["cosell_howcanmicrosofthelp"]["OptionSet"]["Options"]) == 6
        unexpanded = stage.get(f"{DEFINITION}/Attributes/{CAST}StateAttributeMetadata")["value"]
        assert "OptionSet" not in unexpanded[0]

    def test_refusals(self, stage: Stage) -> None:
        stage.refused(404, "0x80060888", "GET", "EntityDefinitions(LogicalName='nothing')")
        stage.refused(404, "0x80060888", "GET", f"{DEFINITION}/Attributes(LogicalName='nothing')")
        stage.refused(404, "0x80060888", "GET", f"{DEFINITION}/Nothing")
        stage.refused(404, "0x80060888", "GET", f"{DEFINITION}/Attributes/{CAST}NothingAttributeMetadata")
        stage.refused(400, "0x80060888", "GET", f"{DEFINITION}?$select=Nothing")
        stage.refused(400, "0x80060888", "GET", f"{DEFINITION}?$expand=Nothing")
        message = stage.refused(400, "0x80060888", "GET", f"{DEFINITION}/Attributes?$select=MaxLength")
        assert "MaxLength" in message
        assert "AttributeMetadata" in message

    def test_the_list_of_definitions(self, stage: Stage) -> None:
        answer = stage.get("EntityDefinitions?$select=EntitySetName&$filter=LogicalName eq 'lead'")
        assert [each["EntitySetName"] for each in answer["value"]] == ["leads"]
        named = {each["LogicalName"] for each in stage.get("EntityDefinitions?$select=LogicalName")["value"]}
        assert named == {
            *("opportunity", "opportunityclose", "lead", "account", "contact", "transactioncurrency"),
            *("systemuser", "team", "organization", "attributemaskingrule", "connection"),
        }


class TestCustomizing:
    def test_a_new_column_is_seen_late(self, bare: Stage) -> None:
        response = bare.send("POST", f"{DEFINITION}/Attributes", TEXT)
        assert response.status_code == 204
        assert response.headers["OData-EntityId"].startswith(f"{RESOURCE}/api/data/v9.2/EntityDefinitions(")
        path = f"{DEFINITION}/Attributes(LogicalName='cosell_referralidentifier')"
        assert bare.send("GET", path).status_code == 404
        body = {"name": "A", "cosell_referralidentifier": "r"}
        bare.refused(400, "0x80048d19", "POST", "opportunities", body)
        assert bare.get(path, {"Consistency": "Strong"})["SchemaName"] == "cosell_ReferralIdentifier"
        bare.clock.advance(timedelta(seconds=5))
        assert bare.get(path)["IsCustomAttribute"] is True
        assert bare.send("POST", "opportunities", body).status_code == 204

    def test_existing_names_are_refused(self, bare: Stage) -> None:
        bare.send("POST", f"{DEFINITION}/Attributes", TEXT)
        bare.refused(400, "0x80047013", "POST", f"{DEFINITION}/Attributes", TEXT)
        bare.clock.advance(timedelta(seconds=5))
        bare.send("POST", f"{DEFINITION}/Keys", KEY)
        bare.refused(400, "0x80060893", "POST", f"{DEFINITION}/Keys", KEY)

    def test_a_key_works_when_its_index_is_built(self, bare: Stage) -> None:
        bare.send("POST", f"{DEFINITION}/Attributes", TEXT)
        bare.refused(400, "0x80040203", "POST", f"{DEFINITION}/Keys", KEY)
        bare.clock.advance(timedelta(seconds=5))
        assert bare.send("POST", f"{DEFINITION}/Keys", KEY).status_code == 204
        states = []
        for _ in range(3):
            states.append(bare.get(f"{DEFINITION}/Keys")["value"][0]["EntityKeyIndexStatus"])
            if states[-1] != "Active":
                bare.refused(400, "0x80060890", "GET", "opportunities(cosell_referralidentifier='r')")
            bare.clock.advance(timedelta(seconds=6))
        assert states == ["Pending", "InProgress", "Active"]
        assert bare.send("PATCH", "opportunities(cosell_referralidentifier='r')", {"name": "A"}).status_code == 204

    def test_a_key_over_repeated_values_fails(self, bare: Stage) -> None:
        bare.send("POST", f"{DEFINITION}/Attributes", TEXT)
        bare.clock.advance(timedelta(seconds=5))
        bare.create(cosell_referralidentifier="r")
        bare.create(cosell_referralidentifier="r")
        bare.send("POST", f"{DEFINITION}/Keys", KEY)
        bare.clock.advance(timedelta(minutes=1))
        assert bare.get(f"{DEFINITION}/Keys")["value"][0]["EntityKeyIndexStatus"] == "Failed"
        bare.create(cosell_referralidentifier="r")

    def test_every_kind_that_the_product_provisions(self, bare: Stage) -> None:
        options = {"OptionSetType": "Picklist", "Options": [{"Value": 1, "Label": label("One")}]}
        yes_no = {"TrueOption": {"Value": 1, "Label": label("Y")}, "FalseOption": {"Value": 0, "Label": label("N")}}
        bodies = [
            column("Memo", "cosell_Audit", MaxLength=100_000),
            column("Picklist", "cosell_Help", OptionSet=options),
            column("Boolean", "cosell_Sync", OptionSet=yes_no),
            column("String", "cosell_Link", MaxLength=255, FormatName={"Value": "Url"}),
            column("Money", "cosell_Amount", Precision=2),
            column("DateTime", "cosell_Day", Format="DateOnly"),
        ]
        for body in bodies:
            assert bare.send("POST", f"{DEFINITION}/Attributes", body).status_code == 204
        bare.clock.advance(timedelta(seconds=5))
        values = {"cosell_help": 1, "cosell_sync": True, "cosell_amount": 1.5, "cosell_day": "2026-01-01"}
        row = bare.get(f"opportunities({bare.create(**values)})")
        assert values.items() <= row.items()
        bare.refused(400, "0x8004431a", "POST", "opportunities", {"name": "A", "cosell_help": 2})
        link = bare.get(f"{DEFINITION}/Attributes(LogicalName='cosell_link')/{CAST}StringAttributeMetadata")
        assert (link["MaxLength"], link["FormatName"]) == (255, {"Value": "Url"})

    @pytest.mark.parametrize(
        "body",
        [
            column("Lookup", "cosell_Account"),
            column("String", "noprefix"),
            column("String", "cosell_Long", MaxLength=4001),
            column("String", "cosell_Text", MaxLength="100"),
            column("Picklist", "cosell_Choice"),
            {"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "cosell_NoLabel"},
            column("String", "cosell_Text", RequiredLevel={"Value": "Sometimes"}),
        ],
    )
    def test_refused_definitions(self, bare: Stage, body: dict[str, object]) -> None:
        bare.refused(400, "0x80040203", "POST", f"{DEFINITION}/Attributes", body)

    def test_needs_the_privilege(self, bare: Stage) -> None:
        bare.simulator.add_application_user(APP, customizer=False)
        message = bare.refused(403, "0x80040220", "POST", f"{DEFINITION}/Attributes", TEXT)
        assert "prvCreateAttribute" in message
        bare.refused(403, "0x80040220", "POST", f"{DEFINITION}/Keys", KEY)

    def test_publish(self, bare: Stage) -> None:
        assert bare.send("POST", "PublishXml", {"ParameterXml": "<importexportxml/>"}).status_code == 204
        bare.refused(400, "0x80048d19", "POST", "PublishXml", {})

    def test_change_tracking_can_be_switched_on_but_not_off(self, bare: Stage) -> None:
        path = "EntityDefinitions(LogicalName='systemuser')"
        definition = bare.get(path)
        bare.refused(400, "0x80072491", "GET", "systemusers", headers=TRACK)
        bare.refused(400, "0x80040203", "PUT", path, {"ChangeTrackingEnabled": True})
        bare.refused(405, "0x80060888", "PATCH", path, {"ChangeTrackingEnabled": True})
        assert bare.send("PUT", path, definition | {"ChangeTrackingEnabled": True}).status_code == 204
        assert "@odata.deltaLink" in bare.get("systemusers", TRACK)
        bare.refused(400, "0x80040203", "PUT", path, definition | {"ChangeTrackingEnabled": False})
