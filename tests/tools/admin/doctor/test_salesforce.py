"""`cosell.py doctor` for Salesforce: each thing that can be wrong there, and who can put it right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.crm.salesforce.feed import DELETIONS
from shared.feeds.poll_crm import poll_crm
from shared.ledger import drawers
from shared.queue.message import DealMessage
from tests.support.fakes.partner_center import SOLUTION
from tests.support.stages.admin import DynamicsDesk, SalesforceDesk
from tests.support.stages.doctor import Findings, see
from tools.admin.doctor.report import Mark, Owner
from tools.cli import doctor, lint, preview
from tools.simulators.salesforce.oauth import Identity
from tools.simulators.salesforce.records import Record
from tools.simulators.salesforce.seeding import INTEGRATION_USER
from tools.simulators.server import Fault
from tools.simulators.vendors import Vendors

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture
def bare(vendors: Vendors, storage: str, monkeypatch: pytest.MonkeyPatch) -> SalesforceDesk:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
    desk = SalesforceDesk(vendors, storage=storage)
    desk.forget()
    return desk


@pytest.fixture
def desk(bare: SalesforceDesk) -> SalesforceDesk:
    assert bare.provision(apply=True) == 0
    return bare


def lines_of_salesforce(found: Findings) -> list[str]:
    return [line.subject for line in found if line.subject.startswith("Salesforce")]


def test_a_bare_org_is_told_what_it_lacks_and_provision_brings_health(
    bare: SalesforceDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    found = see(bare.settings())
    missing = [line for line in found.of(Mark.BAD) if "or hides it from the app's user" in line.text]
    assert len(missing) == 13 + 8, "those of opportunities, and those of leads"
    assert {line.owner for line in missing} == {Owner.CRM}
    assert any("no external id on Referral_Identifier__c" in line.text for line in found.of(Mark.BAD))
    assert all("cosell.py provision --dry-run" in line.remedy for line in missing)
    assert doctor.show(found) == 1
    assert bare.provision(apply=True) == 0
    assert doctor.show(see(bare.settings())) == 0
    assert "All checks passed" in capsys.readouterr().out


def test_a_healthy_org_is_looked_at_from_end_to_end(desk: SalesforceDesk) -> None:
    found = see(desk.settings())
    not_yet = ["polls of salesforce", "sweeps of salesforce", "events"]
    assert [line.subject for line in found if line.mark is not Mark.GOOD] == ["sign-in", "webhook", *not_yet]
    assert lines_of_salesforce(found) == [
        "Salesforce",
        "Salesforce: My Domain",
        "Salesforce: session",
        "Salesforce: API version",
        "Salesforce: API calls",
        "Salesforce: rights",
        "Salesforce: sharing",
        "Salesforce: editing",
        "Salesforce: currency",
        "Salesforce: deletions",
        "Salesforce: mapping",
        "Salesforce: change feed",
        "Salesforce: mapping of leads",
        "Salesforce: change feed of leads",
    ]
    told = found.about("Salesforce").text
    assert told == f"signed in as {INTEGRATION_USER} in Partner (Enterprise Edition, production)"


def test_the_diagnosis_writes_nothing(desk: SalesforceDesk) -> None:
    before = desk.posts()
    see(desk.settings())
    assert desk.posts() == before
    assert dict(desk.app().ledger.drawers.all(partial(drawers.text, "doctor"), "doctor")) == {}


def no_api(desk: SalesforceDesk) -> None:
    body = '[{"message": "API is disabled for this User", "errorCode": "API_DISABLED_FOR_ORG"}]'
    desk.server.faults.inject(Fault("status", status=403, body=body, path="/query", times=None))


def unreachable(desk: SalesforceDesk) -> None:
    desk.server.faults.inject(Fault("status", status=503, times=None))


def signed_out(desk: SalesforceDesk) -> None:
    desk.crm.identity.apps.clear()


def no_create(desk: SalesforceDesk) -> None:
    desk.crm.withhold("Account", "Create")
    desk.crm.org.store.purge(next(iter(desk.crm.org.live("PermissionSetAssignment"))))


def hidden_field(desk: SalesforceDesk) -> None:
    desk.crm.hide_field("Opportunity", "Description")
    desk.crm.org.store.purge(*grants(desk, "Opportunity.Description", "Cosell_Sync"))


def read_only_field(desk: SalesforceDesk) -> None:
    (row,) = grants(desk, "Opportunity.Sync_Status__c", "Cosell_Sync")
    desk.crm.org.store.put(replace(row, values={**row.values, "PermissionsEdit": False}), desk.crm.org.now())


def grants(desk: SalesforceDesk, field: str, name: str) -> list[Record]:
    """Return how a permission set grants a field."""
    org = desk.crm.org
    sets = {row.id for row in org.live("PermissionSet") if row.values["Name"] == name}
    rows = (row for row in org.live("FieldPermissions") if row.values["ParentId"] in sets)
    return [row for row in rows if row.values["Field"] == field]


def not_unique(desk: SalesforceDesk) -> None:
    object.__setattr__(desk.fields()["Referral_Identifier__c"], "unique", False)


def nearly_used_up(desk: SalesforceDesk) -> None:
    desk.crm.use_up(95_000)


def no_deletions(desk: SalesforceDesk) -> None:
    body = '[{"message": "no", "errorCode": "API_CURRENTLY_DISABLED"}]'
    desk.server.faults.inject(Fault("status", status=403, body=body, path="/deleted", times=None))


WRONG: list[tuple[Callable[[SalesforceDesk], None], str, Owner, str]] = [
    (no_api, "Salesforce", Owner.CRM, "API is disabled for this User"),
    (unreachable, "Salesforce", Owner.CRM, "Salesforce answered 503"),
    (signed_out, "Salesforce", Owner.AZURE, "invalid_client_id"),
    (nearly_used_up, "Salesforce: API calls", Owner.CRM, "(95 %); the app slows down at 70 %, stops at 90 %"),
    (no_create, "Salesforce: rights", Owner.CRM, "may not create Account"),
    (hidden_field, "Salesforce: mapping", Owner.CRM, "has no column Description, or hides it from the app's user"),
    (read_only_field, "Salesforce: mapping", Owner.CRM, "does not let the column Sync_Status__c be written at create"),
    (not_unique, "Salesforce: mapping", Owner.CRM, "the external id on Referral_Identifier__c is not unique"),
    (no_deletions, "Salesforce: deletions", Owner.CRM, "API_CURRENTLY_DISABLED"),
]


@pytest.mark.parametrize(("break_it", "subject", "owner", "what"), WRONG)
def test_what_is_wrong_out_there(
    desk: SalesforceDesk, break_it: Callable[[SalesforceDesk], None], subject: str, owner: Owner, what: str
) -> None:
    break_it(desk)
    first = see(desk.settings()).of(Mark.BAD)[0]
    assert (first.subject, first.owner) == (subject, owner)
    assert what in first.text


WRONG_SETTINGS = [
    ({"SALESFORCE_CLIENT_SECRET": "another-secret"}, "invalid_client"),
    ({"SALESFORCE_API_VERSION": "99.0"}, "SALESFORCE_API_VERSION: 99.0 is not offered; the org offers 31.0 to 67.0"),
    ({"SALESFORCE_API_VERSION": "21.0"}, "SALESFORCE_API_VERSION: 21.0 is not offered; the org offers 31.0 to 67.0"),
]


@pytest.mark.parametrize(("change", "what"), WRONG_SETTINGS)
def test_what_is_wrong_with_an_accepted_setting(desk: SalesforceDesk, change: dict[str, str], what: str) -> None:
    (first,) = see(desk.settings(**change)).of(Mark.BAD)
    assert (first.subject, first.owner) == ("Salesforce", Owner.AZURE)
    assert what in first.text


def test_an_org_with_one_currency_that_tells_none_wants_the_setting(bare: SalesforceDesk, storage: str) -> None:
    desk = SalesforceDesk(bare.vendors, storage=storage, multi_currency=False)
    desk.provision(apply=True)
    line = see(desk.settings()).about("Salesforce: currency")
    assert (line.mark, line.owner) == (Mark.BAD, Owner.AZURE)
    assert "SALESFORCE_CURRENCY" in line.text
    found = see(desk.settings(SALESFORCE_CURRENCY="EUR"))
    assert found.bad == []
    assert "the org has one, EUR" in found.about("Salesforce: currency").text


def test_much_used_calls_are_mentioned(desk: SalesforceDesk) -> None:
    desk.crm.use_up(70_010)  # A little over: each call waits the longer the more is used.
    line = see(desk.settings()).about("Salesforce: API calls")
    assert (line.mark, line.owner) == (Mark.LOOK, Owner.CRM)


def test_a_host_that_is_not_the_my_domain_is_mentioned(desk: SalesforceDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    grant = Identity._grant

    def elsewhere(self: Identity, app: object, _: str) -> dict[str, object]:
        return grant(self, app, "https://partner.my.salesforce.com")  # type: ignore[arg-type]

    monkeypatch.setattr(Identity, "_grant", elsewhere)
    line = see(desk.settings()).about("Salesforce: My Domain")
    assert (line.mark, line.owner) == (Mark.LOOK, Owner.AZURE)
    assert "https://partner.my.salesforce.com" in line.text
    assert urlsplit(desk.server.url).netloc not in line.text


def test_records_that_sharing_hides_are_mentioned(desk: SalesforceDesk) -> None:
    for row in [row for row in desk.crm.org.live("ObjectPermissions") if row.values["SobjectType"] == "Opportunity"]:
        desk.crm.org.store.purge(row)
    line = see(desk.settings()).about("Salesforce: sharing")
    assert (line.mark, line.owner) == (Mark.LOOK, Owner.CRM)
    assert "View All on Opportunity" in line.text


@pytest.mark.parametrize(
    ("default", "named"), [("DefaultOpportunityAccess", "opportunities"), ("DefaultLeadAccess", "leads")]
)
def test_records_that_only_their_owners_may_edit_are_mentioned(desk: SalesforceDesk, default: str, named: str) -> None:
    (organization,) = desk.crm.org.live("Organization")
    private = {**organization.values, default: "Read"}
    desk.crm.org.store.put(replace(organization, values=private), desk.crm.org.now())
    line = see(desk.settings()).about("Salesforce: editing")
    assert (line.mark, line.owner) == (Mark.LOOK, Owner.CRM)
    assert line.text.startswith(f"other people's {named} are not open")
    assert "share them with the app's user" in line.remedy


def test_rights_that_cannot_be_looked_at_are_no_fault(desk: SalesforceDesk) -> None:
    desk.crm.withhold("ObjectPermissions", "Read")
    line = see(desk.settings()).about("Salesforce: sharing")
    assert (line.mark, "cannot be seen (INVALID_TYPE)" in line.text) == (Mark.LOOK, True)


def test_duplicate_rules_are_mentioned(desk: SalesforceDesk) -> None:
    desk.crm.add_duplicate_rule("Account", "Name")
    line = see(desk.settings()).about("Salesforce: duplicate rules")
    assert "Standard Account Duplicate Rule: a new customer" in line.text


def test_clocks_that_are_apart_are_mentioned(desk: SalesforceDesk) -> None:
    desk.crm.org.clock.advance(timedelta(minutes=5))
    lines = [line for line in see(desk.settings()) if line.subject == "clock" and line.text.startswith("Salesforce")]
    assert [(line.mark, line.owner) for line in lines] == [(Mark.LOOK, Owner.AZURE)]


def test_the_feed_is_followed_from_the_cursor_and_may_expire(desk: SalesforceDesk) -> None:
    poll_crm(desk.app().tasks.of("salesforce"))
    assert "can be followed from the cursor" in see(desk.settings()).about("Salesforce: change feed").text
    desk.vendors.clock.advance(DELETIONS * 2)
    desk.crm.purge_delete_log()
    line = see(desk.settings()).about("Salesforce: change feed")
    assert (line.mark, "reads every record once" in line.text) == (Mark.LOOK, True)


def test_a_storage_that_does_not_work_does_not_hide_the_crm(desk: SalesforceDesk) -> None:
    found = see(desk.settings(AzureWebJobsStorage="nonsense"))
    assert found.bad == [("storage", Owner.AZURE)]
    assert found.about("Salesforce: mapping").mark is Mark.GOOD


# --- the other commands ----------------------------------------------------------------------------------------------


def test_lint_and_preview_ask_the_org(
    bare: SalesforceDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    monkeypatch.setenv("MAPPING_DIR", "")
    for name, value in bare.settings().items():
        monkeypatch.setenv(name, value)
    assert lint.main(["--live"]) == 1
    assert preview.main([]) == preview.NOT_MADE
    assert "the table Opportunity has no column Audit__c" in capsys.readouterr().out
    assert bare.provision(apply=True) == 0
    assert lint.main(["--live"]) == 0
    assert preview.main([]) == preview.UNTOUCHED
    assert "salesforce: 0 deals looked at" in capsys.readouterr().out


def test_preview_forecasts_what_another_field_would_get(
    desk: SalesforceDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    monkeypatch.setenv("MAPPING_DIR", "")
    for name, value in desk.settings().items():
        monkeypatch.setenv(name, value)
    record_id = share_a_deal(desk)
    assert desk.crm.row("Opportunity", record_id)["Referral_Identifier__c"]
    assert preview.main(["--deal", record_id]) == preview.UNTOUCHED
    candidate = "overlay: true\nversion: next-step\nfields:\n  - {field: notes, column: NextStep, limit: 255}\n"
    (tmp_path / "salesforce.yaml").write_text(candidate, encoding="utf-8")
    capsys.readouterr()
    assert preview.main(["--deal", record_id, "--mapping", str(tmp_path)]) == preview.UNTOUCHED
    told = " ".join(capsys.readouterr().out.split())
    assert "write crm notes 1" in told
    assert "1 deals looked at, 0 untouched" in told
    assert desk.crm.row("Opportunity", record_id)["NextStep"] is None


def share_a_deal(desk: SalesforceDesk) -> str:
    """A seller enters a deal for Partner Center; returns its record's id once it is linked."""
    seller, address = desk.crm.seller, {"BillingStreet": "1 Main St", "BillingCity": "Bristol", "BillingCountry": "GB"}
    account = seller.create_account(Name="Contoso", BillingPostalCode="BS1 3AE", BillingState="Bristol", **address)
    deal = {"Name": "Analytics", "StageName": "Qualification", "CloseDate": date(2027, 6, 30), "Amount": Decimal(42)}
    own = {"Sync_with_Partner_Center__c": True, "Products__c": SOLUTION, "CurrencyIsoCode": "GBP"}
    record_id = seller.create_opportunity(AccountId=account, Description="One view.", **deal, **own)
    person = {"FirstName": "Olive", "LastName": "Marsh", "Email": "olive@contoso.example", "Phone": "+441170000000"}
    seller.set_primary_contact(record_id, seller.create_contact(AccountId=account, **person))
    message = DealMessage("salesforce", "changed", "c", record_id=record_id, record_type="Opportunity")
    desk.app().worker.run(message.dump())
    return record_id


@pytest.mark.parametrize(
    ("command", "options"), [(lint.main, ["--live", "--crm", "dynamics365"]), (preview.main, ["--crm", "dynamics365"])]
)
def test_a_crm_that_is_not_configured_cannot_be_asked(
    desk: SalesforceDesk,
    command: Callable[[list[str]], int],
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("tools.cli.local_settings.FILE", tmp_path / "none.json")
    for name, value in desk.settings().items():
        monkeypatch.setenv(name, value)
    assert command(options) > 0
    assert capsys.readouterr().out == ("CRM: dynamics365 is not in this setting.\n")


def test_both_crms_are_told_apart(desk: SalesforceDesk) -> None:
    both = DynamicsDesk(desk.vendors).sign_in() | {"CRM": "salesforce,dynamics365"}
    found = see(desk.settings(**both))
    assert {subject for subject, _ in found.bad} == {"Dynamics 365: mapping", "Dynamics 365: mapping of leads"}
    assert found.about("Salesforce: mapping").mark is Mark.GOOD
    assert found.about("Salesforce: change feed").mark is Mark.GOOD
