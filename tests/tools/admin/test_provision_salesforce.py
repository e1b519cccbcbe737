"""`cosell.py provision` against Salesforce: what only it has, such as fields that nobody sees until granted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from shared.errors import AccessDenied, SchemaMismatch, ServiceUnavailable
from tests.support.fakes.world import World as Engine
from tests.support.stages.admin import SALESFORCE_APP, SalesforceDesk
from tools.admin import waiting
from tools.admin.options import Options
from tools.cli import provision
from tools.simulators.salesforce.fields import Field, FieldType, SObjectType
from tools.simulators.salesforce.org import Caller, Org
from tools.simulators.salesforce.schema import picklist, text
from tools.simulators.vendors import Vendors


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture
def desk(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> SalesforceDesk:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    return SalesforceDesk(vendors)


def granted(desk: SalesforceDesk, name: str) -> dict[object, bool]:
    """Return the fields that a permission set shows, and whether they may be edited."""
    (parent,) = [row["Id"] for row in desk.crm.rows("PermissionSet") if row["Name"] == name]
    rows = [row for row in desk.crm.rows("FieldPermissions") if row["ParentId"] == parent]
    assert all(row["PermissionsRead"] for row in rows)
    return {row["Field"]: bool(row["PermissionsEdit"]) for row in rows}


# --- fields ----------------------------------------------------------------------------------------------------------


def test_each_field_has_the_type_of_the_design(desk: SalesforceDesk) -> None:
    assert desk.provision(apply=True) == 0
    made = desk.fields()
    lengths = {name: (each.type, each.length) for name, each in made.items()}
    assert lengths == {
        "Sync_with_Partner_Center__c": (FieldType.BOOLEAN, 0),
        "Referral_Identifier__c": (FieldType.STRING, 100),
        "Referral_Link__c": (FieldType.URL, 255),
        "How_can_Microsoft_help__c": (FieldType.PICKLIST, 255),
        "Products__c": (FieldType.STRING, 255),
        "Audit__c": (FieldType.TEXTAREA, 100_000),
        "Referral_Visibility__c": (FieldType.BOOLEAN, 0),
        "Microsoft_CRM_Identifier__c": (FieldType.STRING, 100),
        "Referral_Program__c": (FieldType.STRING, 100),
        "Marketplace_Intent__c": (FieldType.PICKLIST, 255),
        "Close_Reason__c": (FieldType.PICKLIST, 255),
        "Decide_By__c": (FieldType.DATE, 0),
        "Sync_Status__c": (FieldType.STRING, 100),
        "Microsoft_Status__c": (FieldType.STRING, 100),
        "Microsoft_Team__c": (FieldType.TEXTAREA, 4000),
        "Notes_for_Microsoft__c": (FieldType.TEXTAREA, 4000),
    }
    key, help_field = made["Referral_Identifier__c"], made["How_can_Microsoft_help__c"]
    assert (key.external_id, key.unique, key.case_sensitive) == (True, True, False)
    assert (help_field.restricted, help_field.label, len(help_field.picklist)) == (True, "How can Microsoft help?", 6)


OWN = """
  - {field: budget, referral: details.dealValue, column: Budget__c, codec: money, digits: 3,
     to_crm: [create], to_partner_center: [], conflict: crm}
  - {field: started, referral: acceptedDateTime, column: Started__c, codec: date,
     to_crm: [create], to_partner_center: [], conflict: crm}
  - {field: story, referral: statusReason, column: Story__c, codec: text, limit: 5000,
     to_crm: [create], to_partner_center: [], conflict: crm}
  - {field: note, referral: campaignId, column: Note__c, codec: text, limit: 40,
     to_crm: [create], to_partner_center: [], conflict: crm}

# Where a deal stands"""


def test_fields_of_ones_own_get_the_type_their_codec_needs(desk: SalesforceDesk, tmp_path: Path) -> None:
    currency = ("column: CurrencyIsoCode", "column: Deal_Currency__c")
    edits = desk.with_edits(tmp_path, ("\n# Where a deal stands", OWN), currency)
    assert desk.provision(apply=True, **edits) == 0
    made = desk.fields()
    assert (made["Budget__c"].type, made["Budget__c"].precision, made["Budget__c"].scale) == (FieldType.CURRENCY, 18, 3)
    assert made["Started__c"].type is FieldType.DATE
    assert (made["Story__c"].type, made["Story__c"].length) == (FieldType.TEXTAREA, 5000)
    assert (made["Note__c"].type, made["Note__c"].length) == (FieldType.STRING, 40)
    assert made["Deal_Currency__c"].type is FieldType.STRING
    assert granted(desk, "Cosell_Seller")["Opportunity.Deal_Currency__c"] is True
    assert granted(desk, "Cosell_Seller")["Opportunity.Budget__c"] is False


@pytest.mark.parametrize("name", ["acme__Products__c", "Two__Words__c", f"{'x' * 41}__c", "Products"])
def test_a_name_that_cannot_be_made_says_so(
    desk: SalesforceDesk, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.provision(apply=True, **desk.with_edits(tmp_path, ("column: Products__c", f"column: {name}"))) == 1
    assert "only names like Name__c can be created" in capsys.readouterr().out
    assert desk.posts() == 0


def test_an_org_with_one_currency_has_no_field_for_it(desk: SalesforceDesk, capsys: pytest.CaptureFixture[str]) -> None:
    assert SalesforceDesk(desk.vendors, multi_currency=False).provision(apply=True) == 0
    assert "so no record has a field for it" in capsys.readouterr().out


NOT_UNIQUE = replace(text("Referral_Identifier__c", 100), external_id=True)
NO_KEY = text("Referral_Identifier__c", 100)
FEW = picklist("How_can_Microsoft_help__c", ["General or other"], restricted=True)


@pytest.mark.parametrize(
    ("field", "what"),
    [
        (NOT_UNIQUE, "tick External ID and Unique"),
        (NO_KEY, "tick External ID and Unique"),
        (FEW, "has no option Proof of concept or demo"),
    ],
)
@pytest.mark.parametrize("seen", [True, False])
def test_a_field_that_will_not_do_is_refused_whether_seen_or_not(
    desk: SalesforceDesk, field: Field, what: str, seen: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.add(field)
    if seen:
        name = f"Opportunity.{field.name}"
        parent = desk.crm.org.seed("PermissionSet", Name="Everybody", Label="Everybody")
        desk.crm.org.seed("FieldPermissions", ParentId=parent, Field=name, PermissionsRead=True, PermissionsEdit=True)
        desk.crm.org.seed("PermissionSetAssignment", PermissionSetId=parent, AssigneeId=desk.crm.people.admin)
    assert desk.provision(apply=True) == 1
    assert what in capsys.readouterr().out
    assert desk.posts() == 0


def test_who_keeps_the_field_from_being_unique_is_named(
    desk: SalesforceDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.add(NO_KEY)
    parent = desk.crm.org.seed("PermissionSet", Name="Everybody", Label="Everybody")
    name = f"Opportunity.{NO_KEY.name}"
    desk.crm.org.seed("FieldPermissions", ParentId=parent, Field=name, PermissionsRead=True, PermissionsEdit=True)
    desk.crm.org.seed("PermissionSetAssignment", PermissionSetId=parent, AssigneeId=desk.crm.people.admin)
    enter = desk.crm.seller.create_opportunity
    twice = [enter(Name="Twice", Referral_Identifier__c="0f6f-a") for _ in range(5)]
    enter(Name="Other", Referral_Identifier__c="another")
    assert desk.provision(apply=True) == 1
    told = capsys.readouterr().out
    assert f"that share a value: 0f6f-a in {', '.join(sorted(twice)[:3])} and 2 more" in told
    assert "another in" not in told


def test_a_field_that_will_do_and_that_nobody_sees_is_kept_and_granted(desk: SalesforceDesk) -> None:
    desk.add(text("Products__c", 255))
    assert desk.provision(apply=True) == 0
    assert len(desk.custom()) == 16
    assert granted(desk, "Cosell_Sync")["Opportunity.Products__c"] is True


# --- rights ----------------------------------------------------------------------------------------------------------


def test_the_app_may_edit_what_it_writes_and_sellers_what_is_theirs(desk: SalesforceDesk) -> None:
    desk.provision(apply=True)
    app = granted(desk, "Cosell_Sync")
    assert {name for name, edit in app.items() if not edit} == {"Opportunity.Notes_for_Microsoft__c"}, "only read"
    assert {f"Opportunity.{name}" for name in desk.custom()} < app.keys()
    assert {"Opportunity.Amount", "Opportunity.AccountId", "Account.BillingAddress"} < app.keys()
    sellers = granted(desk, "Cosell_Seller")
    assert {str(name) for name in sellers if str(name).startswith("Opp")} == {
        f"Opportunity.{name}" for name in desk.custom()
    }
    assert {name for name, edit in sellers.items() if edit} == {
        "Opportunity.Sync_with_Partner_Center__c",
        "Opportunity.How_can_Microsoft_help__c",
        "Opportunity.Products__c",
        "Opportunity.Referral_Visibility__c",
        "Opportunity.Marketplace_Intent__c",
        "Opportunity.Close_Reason__c",
        "Opportunity.Notes_for_Microsoft__c",
        "Lead.Sync_with_Partner_Center__c",
        "Lead.Products__c",
        "Lead.Close_Reason__c",
    }
    assert [row["AssigneeId"] for row in desk.crm.rows("PermissionSetAssignment")] == [desk.user_id]


def test_a_user_without_any_right_gets_what_it_takes_to_sync_a_deal(desk: SalesforceDesk) -> None:
    for table in ("Account", "Opportunity"):
        desk.crm.withhold(table, "Create", "Edit")
    desk.crm.hide_field("Account", "BillingCity")
    desk.provision(apply=True)
    app, engine = desk.app(), Engine()
    engine.connect(app.tasks.of("salesforce").records, app.tasks.of("salesforce").field_map)
    engine.settle()
    engine.partner_center.invites_us()
    engine.settle()
    (record,) = desk.crm.rows("Opportunity")
    assert record["Referral_Identifier__c"]
    assert str(record["Sync_Status__c"]).startswith("✔")
    assert desk.crm.rows("Account")[0]["BillingCity"]


def test_a_right_that_is_too_narrow_is_widened(desk: SalesforceDesk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.provision(apply=True)
    org = desk.crm.org
    for row in [*org.live("FieldPermissions"), *org.live("ObjectPermissions")]:
        if row.values.get("Field", "Opportunity.Products__c") == "Opportunity.Products__c":
            narrow = {"PermissionsEdit": False, "PermissionsViewAllRecords": False}
            org.store.put(replace(row, values={**row.values, **narrow}), org.now())
    capsys.readouterr()
    assert desk.provision(apply=True) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "grant Cosell_Sync rights on Contact read, create, view all" in told
    assert "grant Cosell_Sync edit fields of Opportunity Products__c" in told
    assert granted(desk, "Cosell_Sync")["Opportunity.Products__c"] is True
    assert all(row["PermissionsViewAllRecords"] for row in desk.crm.rows("ObjectPermissions"))


def test_rights_beyond_what_is_needed_stay(desk: SalesforceDesk) -> None:
    desk.provision(apply=True)
    (parent,) = [row["Id"] for row in desk.crm.rows("PermissionSet") if row["Name"] == "Cosell_Sync"]
    more = {"Field": "Opportunity.NextStep", "PermissionsRead": True, "PermissionsEdit": True}
    desk.crm.org.seed("FieldPermissions", ParentId=parent, SobjectType="Opportunity", **more)
    desk.provision(apply=True)
    assert granted(desk, "Cosell_Sync")["Opportunity.NextStep"] is True


def test_who_signs_in_gets_the_rights_when_no_user_is_named(
    desk: SalesforceDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert provision.run(desk.administrator(), "salesforce", apply=True) == 0
    assert "to ada.admin@partner.example" in capsys.readouterr().out
    assert [row["AssigneeId"] for row in desk.crm.rows("PermissionSetAssignment")] == [desk.crm.people.admin]


def test_a_user_that_does_not_exist_is_named(desk: SalesforceDesk) -> None:
    with pytest.raises(SchemaMismatch, match=r"no user nobody@partner.example: name one with --user"):
        provision.run(desk.administrator(), "salesforce", Options(user="nobody@partner.example"), apply=True)
    assert desk.posts() == 0


@pytest.mark.parametrize("status", [400, 403])
def test_a_denial_is_told_as_one_whatever_its_status(desk: SalesforceDesk, status: Literal[400, 403]) -> None:
    desk.crm.quirks.insufficient_access_status = status
    desk.demote()
    with pytest.raises(AccessDenied, match="Customize Application"):
        desk.provision(apply=True)


def refuse(desk: SalesforceDesk, name: str) -> None:
    """Let the org refuse to grant a field."""
    desk.crm.add_validation(lambda _, row: "not this one" if row.get("Field") == name else None)


def test_a_standard_field_that_cannot_be_granted_is_left_to_the_profile(
    desk: SalesforceDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(desk, "Opportunity.Amount")
    assert desk.provision(apply=True) == 0
    assert "see to it that the user's profile shows it: Opportunity.Amount: not this one" in capsys.readouterr().out
    assert "Opportunity.Description" in granted(desk, "Cosell_Sync")


def test_a_custom_field_that_cannot_be_granted_stops_it_and_the_next_run_goes_on(desk: SalesforceDesk) -> None:
    refuse(desk, "Opportunity.Products__c")
    with pytest.raises(SchemaMismatch, match=r"Opportunity.Products__c: not this one"):
        desk.provision(apply=True)
    desk.crm.org.validations.clear()
    assert desk.provision(apply=True) == 0
    assert "Opportunity.Products__c" in granted(desk, "Cosell_Sync")


# --- waiting ---------------------------------------------------------------------------------------------------------


def show_late(desk: SalesforceDesk, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let granted fields appear only after a while."""
    sees, then = Org.sees, desk.vendors.clock.now() + timedelta(seconds=seconds)

    def late(org: Org, caller: Caller, sobject: SObjectType, item: Field) -> bool:
        return sees(org, caller, sobject, item) and (not item.custom or org.now() >= then)

    monkeypatch.setattr(Org, "sees", late)
    desk.crm.add_connected_app(*SALESFORCE_APP, customizer=True)


def test_it_waits_until_the_user_sees_the_fields(
    desk: SalesforceDesk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show_late(desk, monkeypatch, 60)
    assert provision.run(desk.app(), "salesforce", apply=True) == 0
    assert "waiting for the new fields (0 s) granted, but not visible yet" in capsys.readouterr().out


def test_it_does_not_wait_for_ever(desk: SalesforceDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 6.0)
    show_late(desk, monkeypatch, 3600)
    with pytest.raises(ServiceUnavailable, match="the new fields: not there after 6 s; run this again later"):
        provision.run(desk.app(), "salesforce", apply=True)
