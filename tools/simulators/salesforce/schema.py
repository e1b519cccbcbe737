"""The object types of the simulated org, as far as a co-sell deal touches them.

Source: the object reference for the Salesforce platform, the standard lengths of an org with no changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tools.simulators.salesforce.fields import ChildRelationship, Field, FieldType, SObjectType, object_type

# ApiName, IsClosed, IsWon, DefaultProbability, ForecastCategoryName: the stages of a new org.
STAGES = (
    ("Prospecting", False, False, 10, "Pipeline"),
    ("Qualification", False, False, 10, "Pipeline"),
    ("Needs Analysis", False, False, 20, "Pipeline"),
    ("Value Proposition", False, False, 50, "Pipeline"),
    ("Id. Decision Makers", False, False, 60, "Pipeline"),
    ("Perception Analysis", False, False, 70, "Pipeline"),
    ("Proposal/Price Quote", False, False, 75, "Pipeline"),
    ("Negotiation/Review", False, False, 90, "Pipeline"),
    ("Closed Won", True, True, 100, "Closed"),
    ("Closed Lost", True, False, 0, "Omitted"),
)
LEAD_STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted")
"""The statuses of leads of a new org; the third is what a conversion sets."""

OBJECT_PERMISSIONS = ("Read", "Create", "Edit", "Delete", "ViewAllRecords", "ModifyAllRecords")
CURRENCIES = (("USD", "1"), ("EUR", "0.92"), ("GBP", "0.79"))


def text(name: str, length: int, label: str = "") -> Field:
    """Return a single line of text."""
    return Field(name, FieldType.STRING, label or name, length=length)


def area(name: str, length: int, label: str = "") -> Field:
    """Return text of several lines; above 255 characters it is a long text area, which no query can filter."""
    return Field(name, FieldType.TEXTAREA, label or name, length=length)


def contact_text(name: str, kind: FieldType, length: int) -> Field:
    """Return a phone number, mail address or URL."""
    return Field(name, kind, name, length=length)


def picklist(name: str, values: Iterable[str], label: str = "", *, restricted: bool = False) -> Field:
    """Return a picklist."""
    return Field(name, FieldType.PICKLIST, label or name, length=255, picklist=tuple(values), restricted=restricted)


def checkbox(name: str, label: str = "") -> Field:
    """Return a checkbox."""
    return Field(name, FieldType.BOOLEAN, label or name, default=False)


def money(name: str) -> Field:
    """Return an amount with two decimals."""
    return Field(name, FieldType.CURRENCY, name, precision=18, scale=2)


def number(name: str, precision: int, scale: int = 0, kind: FieldType = FieldType.INT) -> Field:
    """Return a number."""
    return Field(name, kind, name, precision=precision, scale=scale)


def reference(name: str, target: str, relationship: str | None = None) -> Field:
    """Return a reference to another object type."""
    label = name.removesuffix("Id") + " ID"
    shown = relationship or name.removesuffix("Id")
    return Field(name, FieldType.REFERENCE, label, length=18, refers_to=target, relationship=shown)


def required(field: Field) -> Field:
    """Return the field as one that no record can be without."""
    return replace(field, required=True)


def read_only(field: Field) -> Field:
    """Return the field as one that only the platform sets."""
    return replace(field, createable=False, updateable=False)


def create_only(field: Field) -> Field:
    """Return the field as one that can be given at create and never afterwards."""
    return replace(field, updateable=False)


def system_fields() -> list[Field]:
    """Return what every record has."""
    fields = [
        Field("Id", FieldType.ID, "Record ID", length=18),
        checkbox("IsDeleted"),
        Field("CreatedDate", FieldType.DATETIME, "Created Date"),
        reference("CreatedById", "User"),
        Field("LastModifiedDate", FieldType.DATETIME, "Last Modified Date"),
        reference("LastModifiedById", "User"),
        Field("SystemModstamp", FieldType.DATETIME, "System Modstamp"),
    ]
    return [read_only(field) for field in fields]


def part_of(compound: str, *fields: Field) -> list[Field]:
    """Return the fields as parts of a compound one."""
    return [replace(field, compound=compound) for field in fields]


def _address(prefix: str) -> list[Field]:
    return part_of(
        f"{prefix}Address",
        area(f"{prefix}Street", 255),
        *(text(f"{prefix}{part}", size) for part, size in (("City", 40), ("State", 80))),
        *(text(f"{prefix}{part}", size) for part, size in (("PostalCode", 20), ("Country", 80))),
    )


def _opportunity(*, restricted_stage: bool) -> SObjectType:
    stage = picklist("StageName", (name for name, *_ in STAGES), "Stage", restricted=restricted_stage)
    fields = [
        *system_fields(),
        required(text("Name", 120, "Opportunity Name")),
        reference("AccountId", "Account"),
        required(stage),
        required(Field("CloseDate", FieldType.DATE, "Close Date")),
        money("Amount"),
        number("Probability", 3, kind=FieldType.PERCENT),
        read_only(picklist("ForecastCategory", ("Pipeline", "Forecast", "BestCase", "Closed", "Omitted"))),
        picklist("ForecastCategoryName", ("Pipeline", "Best Case", "Commit", "Closed", "Omitted")),
        area("Description", 32_000),
        text("NextStep", 255, "Next Step"),
        picklist("Type", ("Existing Customer - Upgrade", "New Customer"), "Opportunity Type"),
        picklist("LeadSource", ("Web", "Phone Inquiry", "Partner Referral", "Other"), "Lead Source"),
        reference("OwnerId", "User"),
        *(read_only(checkbox(name)) for name in ("IsClosed", "IsWon", "HasOpportunityLineItem")),
        read_only(number("FiscalYear", 4)),
        read_only(number("FiscalQuarter", 1)),
    ]
    roles = ChildRelationship("OpportunityContactRoles", "OpportunityContactRole", "OpportunityId", cascades=True)
    team = ChildRelationship("OpportunityTeamMembers", "OpportunityTeamMember", "OpportunityId", cascades=True)
    return object_type("Opportunity", "006", fields, [roles, team], replicateable=True)


def _account() -> SObjectType:
    fields = [
        *system_fields(),
        required(text("Name", 255, "Account Name")),
        picklist("Type", ("Prospect", "Customer - Direct", "Other"), "Account Type"),
        *_address("Billing"),
        read_only(reference("MasterRecordId", "Account")),
        contact_text("Phone", FieldType.PHONE, 40),
        contact_text("Website", FieldType.URL, 255),
        text("AccountNumber", 40),
        picklist("Industry", ("Banking", "Consulting", "Manufacturing", "Technology", "Other")),
        number("NumberOfEmployees", 8),
        area("Description", 32_000),
        reference("OwnerId", "User"),
    ]
    children = [
        ChildRelationship("Opportunities", "Opportunity", "AccountId", cascades=True),
        ChildRelationship("Contacts", "Contact", "AccountId", cascades=True),
    ]
    return object_type("Account", "001", fields, children, replicateable=True)


def _contact() -> SObjectType:
    fields = [
        *system_fields(),
        reference("AccountId", "Account"),
        *part_of("Name", text("FirstName", 40), required(text("LastName", 80, "Last Name")), text("Salutation", 40)),
        read_only(text("Name", 121, "Full Name")),
        contact_text("Email", FieldType.EMAIL, 80),
        contact_text("Phone", FieldType.PHONE, 40),
        contact_text("MobilePhone", FieldType.PHONE, 40),
        text("Title", 128),
        area("Description", 32_000),
        *_address("Mailing"),
        read_only(reference("MasterRecordId", "Contact")),
        reference("OwnerId", "User"),
    ]
    roles = ChildRelationship("OpportunityContactRoles", "OpportunityContactRole", "ContactId", cascades=True)
    return object_type("Contact", "003", fields, [roles], replicateable=True)


def _lead() -> SObjectType:
    fields = [
        *system_fields(),
        required(text("Company", 255)),
        *part_of("Name", text("FirstName", 40), required(text("LastName", 80, "Last Name")), text("Salutation", 40)),
        read_only(text("Name", 121, "Full Name")),
        required(replace(picklist("Status", LEAD_STATUSES, "Lead Status"), default=LEAD_STATUSES[0])),
        contact_text("Email", FieldType.EMAIL, 80),
        contact_text("Phone", FieldType.PHONE, 40),
        text("Title", 128),
        area("Description", 32_000),
        picklist("LeadSource", ("Web", "Phone Inquiry", "Partner Referral", "Other"), "Lead Source"),
        *_address(""),
        read_only(checkbox("IsConverted", "Converted")),
        read_only(Field("ConvertedDate", FieldType.DATE, "Converted Date")),
        *(read_only(reference(f"Converted{each}Id", each)) for each in ("Account", "Contact", "Opportunity")),
        read_only(reference("MasterRecordId", "Lead")),
        reference("OwnerId", "User"),
    ]
    return object_type("Lead", "00Q", fields, replicateable=True)


def _contact_role() -> SObjectType:
    fields = [
        *system_fields(),
        create_only(required(reference("OpportunityId", "Opportunity"))),
        required(reference("ContactId", "Contact")),
        picklist("Role", ("Business User", "Decision Maker", "Evaluator", "Other")),
        checkbox("IsPrimary", "Primary"),
    ]
    return object_type("OpportunityContactRole", "00K", fields, label="Opportunity Contact Role")


def _team_member() -> SObjectType:
    fields = [
        *system_fields(),
        create_only(required(reference("OpportunityId", "Opportunity"))),
        create_only(required(reference("UserId", "User"))),
        picklist("TeamMemberRole", ("Account Manager", "Sales Rep", "Pre-Sales Consultant")),
        picklist("OpportunityAccessLevel", ("Read", "Edit")),
    ]
    return object_type("OpportunityTeamMember", "00q", fields, label="Opportunity Team Member")


def _user() -> SObjectType:
    fields = [
        *system_fields(),
        text("Username", 80),
        text("FirstName", 40),
        text("LastName", 80),
        text("Name", 121, "Full Name"),
        contact_text("Email", FieldType.EMAIL, 128),
        contact_text("Phone", FieldType.PHONE, 40),
        contact_text("MobilePhone", FieldType.PHONE, 40),
        text("Title", 80),
        text("UserType", 40),
        checkbox("IsActive", "Active"),
    ]
    return object_type("User", "005", fields, replicateable=True, writable=False)


def _queues() -> list[SObjectType]:
    """Groups, of which queues are a kind, and for which object types a queue is made."""
    group = [*system_fields(), text("Name", 40), text("Type", 40)]
    of_queue = [*system_fields(), reference("QueueId", "Group"), text("SobjectType", 40)]
    return [
        object_type("Group", "00G", group, writable=False),
        object_type("QueueSobject", "03g", of_queue, writable=False),
    ]


def _stage() -> SObjectType:
    fields = [
        *system_fields(),
        text("ApiName", 255),
        text("MasterLabel", 255),
        checkbox("IsActive"),
        checkbox("IsClosed"),
        checkbox("IsWon"),
        number("DefaultProbability", 3, kind=FieldType.PERCENT),
        text("ForecastCategory", 40),
        text("ForecastCategoryName", 40),
        number("SortOrder", 9),
    ]
    return object_type("OpportunityStage", "01J", fields, label="Opportunity Stage", writable=False)


def _organization() -> SObjectType:
    fields = [
        *system_fields(),
        text("Name", 80),
        text("OrganizationType", 40),
        text("InstanceName", 5),
        text("LanguageLocaleKey", 40),
        text("TimeZoneSidKey", 40),
        picklist("DefaultOpportunityAccess", ("None", "Read", "Edit")),
        picklist("DefaultLeadAccess", ("None", "Read", "Edit", "ReadEditTransfer")),
        checkbox("IsSandbox"),
    ]
    return object_type("Organization", "00D", fields, writable=False)


def _permissions() -> list[SObjectType]:
    """Permission sets: they make a custom field, or a whole object type, visible to a user."""
    label, assignee = text("Label", 80), create_only(required(reference("AssigneeId", "User")))
    sets = [required(text("Name", 80)), required(label), text("Description", 255)]
    parent = create_only(required(reference("ParentId", "PermissionSet")))
    subject = create_only(required(text("SobjectType", 40)))
    field = create_only(required(text("Field", 240)))
    of_field = [checkbox(f"Permissions{name}") for name in ("Read", "Edit")]
    of_object = [checkbox(f"Permissions{name}") for name in OBJECT_PERMISSIONS]
    assignments = [assignee, create_only(required(reference("PermissionSetId", "PermissionSet")))]
    return [
        object_type("PermissionSet", "0PS", [*system_fields(), *sets], admin_only=True),
        object_type("FieldPermissions", "01k", [*system_fields(), parent, subject, field, *of_field], admin_only=True),
        object_type("ObjectPermissions", "110", [*system_fields(), parent, subject, *of_object], admin_only=True),
        object_type("PermissionSetAssignment", "0Pa", [*system_fields(), *assignments], admin_only=True),
    ]


def _duplicate_rule() -> SObjectType:
    fields = [*system_fields(), text("DeveloperName", 80), text("MasterLabel", 80), text("SobjectType", 40)]
    return object_type("DuplicateRule", "0Bm", [*fields, checkbox("IsActive")], writable=False)


def currency_type() -> SObjectType:
    """Return the list of currencies, which exists only where multi-currency is on."""
    fields = [
        *system_fields(),
        text("IsoCode", 3),
        number("ConversionRate", 18, 6, FieldType.DOUBLE),
        number("DecimalPlaces", 1),
        checkbox("IsActive"),
        checkbox("IsCorporate"),
    ]
    return object_type("CurrencyType", "01L", fields, label="Currency Type", writable=False)


def currency_field() -> Field:
    """Return CurrencyIsoCode, which records have only where multi-currency is on."""
    codes = (code for code, _ in CURRENCIES)
    return replace(picklist("CurrencyIsoCode", codes, "Currency", restricted=True), length=3, default="USD")


def standard_objects(*, multi_currency: bool, restricted_stage: bool) -> dict[str, SObjectType]:
    """Return fresh definitions of the standard object types, by lower-case name."""
    opportunity = _opportunity(restricted_stage=restricted_stage)
    with_currency = [opportunity, _account(), _contact(), _user(), _lead()]
    types = [
        *with_currency,
        _contact_role(),
        _team_member(),
        *_queues(),
        _stage(),
        _organization(),
        _duplicate_rule(),
        *_permissions(),
    ]
    if multi_currency:
        for sobject in with_currency:
            sobject.add(currency_field())
        types.append(currency_type())
    return {sobject.name.lower(): sobject for sobject in types}
