"""The tables of the simulated environment, declared once: standard columns and the product's own.

Lengths, states and status reasons follow the vendor's table reference (opportunity, lead, account, contact).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from tools.simulators.dataverse.columns import Column, Kind, Option, Required, Table
from tools.simulators.help_codes import CLOSE_REASONS, HELP, MARKETPLACE_INTENT

_TRILLION = Decimal(1_000_000_000_000)
_ADDRESS = (("line1", 250), ("line2", 250), ("city", 80), ("stateorprovince", 50), ("postalcode", 20), ("country", 80))


def text(name: str, length: int, *, required: Required = Required.NONE, format_name: str = "Text") -> Column:
    """Return a single line of text."""
    return Column(name, Kind.STRING, name, required=required, max_length=length, format=format_name)


def memo(name: str, length: int = 2000) -> Column:
    """Return a text of several lines."""
    return Column(name, Kind.MEMO, name, max_length=length, format="TextArea")


def money(name: str, *, precision: int = 2) -> Column:
    """Return an amount in the row's currency, which also says how many digits it keeps; a base amount has four."""
    return Column(
        name,
        Kind.MONEY,
        name,
        precision=precision,
        precision_source=0 if precision == 4 else 2,
        minimum=-_TRILLION if precision == 4 else Decimal(0),
        maximum=_TRILLION,
    )


def whole(name: str, low: int = 0, high: int = 2_147_483_647) -> Column:
    """Return a whole number."""
    return Column(name, Kind.INTEGER, name, minimum=Decimal(low), maximum=Decimal(high))


def decimal(name: str, precision: int = 10) -> Column:
    """Return a decimal number."""
    return Column(name, Kind.DECIMAL, name, precision=precision, minimum=Decimal(0), maximum=Decimal(100_000_000_000))


def yes_no(name: str) -> Column:
    """Return a two-option column."""
    return Column(name, Kind.BOOLEAN, name, options=(Option(1, "Yes"), Option(0, "No")))


def day(name: str) -> Column:
    """Return a date without a time."""
    return Column(name, Kind.DATETIME, name, format="DateOnly")


def moment(name: str) -> Column:
    """Return a point in time."""
    return Column(name, Kind.DATETIME, name, format="DateAndTime")


def choice(name: str, labels: Iterable[str], *, first: int = 1) -> Column:
    """Return a choice whose options are numbered from `first`."""
    return Column(name, Kind.PICKLIST, name, options=tuple(Option(n, label) for n, label in enumerate(labels, first)))


def lookup(name: str, target: str, navigation: str | None = None) -> Column:
    """Return a reference to one table."""
    return Column(name, Kind.LOOKUP, name, navigations=((navigation or name, target),))


def customer(name: str) -> Column:
    """Return a reference to an account or a contact, bound by a navigation property per table."""
    return Column(
        name, Kind.CUSTOMER, name, navigations=((f"{name}_account", "account"), (f"{name}_contact", "contact"))
    )


def read_only(column: Column) -> Column:
    """Return the column as one that only the platform sets."""
    return replace(column, creatable=False, updatable=False)


def create_only(column: Column) -> Column:
    """Return the column as one that can be given at create and never afterwards."""
    return replace(column, updatable=False)


def states(labels: Iterable[str], reasons: Iterable[Option]) -> list[Column]:
    """Return statecode (never valid on create) and statuscode with the state of each reason."""
    options = tuple(Option(n, label) for n, label in enumerate(labels))
    state = Column("statecode", Kind.STATE, "StateCode", Required.SYSTEM, creatable=False, options=options)
    return [state, Column("statuscode", Kind.STATUS, "StatusCode", options=tuple(reasons))]


def _active_inactive() -> list[Column]:
    return states(("Active", "Inactive"), (Option(1, "Active", 0), Option(2, "Inactive", 1)))


def _stamps() -> list[Column]:
    return [
        read_only(moment("createdon")),
        read_only(moment("modifiedon")),
        read_only(lookup("createdby", "systemuser")),
        read_only(lookup("modifiedby", "systemuser")),
        read_only(Column("versionnumber", Kind.BIGINT, "VersionNumber")),
        create_only(whole("importsequencenumber", -2_147_483_648)),
        create_only(day("overriddencreatedon")),
    ]


def _merging(table: str) -> list[Column]:
    """Return what a row shows that was merged into another one."""
    return [read_only(yes_no("merged")), read_only(lookup("masterid", table))]


def _owner_and_currency() -> list[Column]:
    return [
        Column(
            "ownerid",
            Kind.OWNER,
            "OwnerId",
            Required.SYSTEM,
            navigations=(("ownerid", "systemuser"), ("ownerid", "team")),
        ),
        read_only(lookup("owninguser", "systemuser")),
        replace(lookup("transactioncurrencyid", "transactioncurrency"), required=Required.APPLICATION),
        read_only(decimal("exchangerate")),
    ]


def _address() -> list[Column]:
    return [text(f"address1_{part}", length) for part, length in _ADDRESS]


def _table(
    name: str,
    set_name: str,
    columns: list[Column],
    *,
    primary_name: str = "name",
    primary_id: str = "",
    change_tracking: bool = False,
) -> Table:
    identifier = primary_id or f"{name}id"
    identity = create_only(Column(identifier, Kind.ID, identifier, Required.SYSTEM))
    every = [identity, *columns, *_stamps()]
    return Table(
        name, set_name, name.capitalize(), identifier, primary_name, {c.name: c for c in every}, change_tracking
    )


def custom_table(name: str, columns: list[Column]) -> Table:
    """Return a table of the customer's own; its set has the name with an s."""
    return _table(name, f"{name}s", columns, primary_name=columns[0].name)


def _opportunity() -> Table:
    reasons = (
        Option(1, "In Progress", 0),
        Option(2, "On Hold", 0),
        Option(3, "Won", 1),
        Option(4, "Canceled", 2),
        Option(5, "Out-Sold", 2),
    )
    columns = [
        text("name", 300, required=Required.APPLICATION),
        memo("description"),
        customer("customerid"),
        lookup("parentaccountid", "account"),
        lookup("parentcontactid", "contact"),
        create_only(lookup("originatingleadid", "lead")),
        money("estimatedvalue"),
        read_only(money("estimatedvalue_base", precision=4)),
        money("actualvalue"),
        read_only(money("actualvalue_base", precision=4)),
        money("budgetamount"),
        read_only(money("budgetamount_base", precision=4)),
        read_only(money("totalamount")),
        yes_no("isrevenuesystemcalculated"),
        day("estimatedclosedate"),
        day("actualclosedate"),
        whole("closeprobability", 0, 100),
        text("emailaddress", 100, format_name="Email"),
        choice("opportunityratingcode", ("Hot", "Warm", "Cold")),
        choice("salesstage", ("Qualify", "Develop", "Propose", "Close"), first=0),
        text("stepname", 200),
        *_owner_and_currency(),
        *states(("Open", "Won", "Lost"), reasons),
    ]
    return _table("opportunity", "opportunities", columns, change_tracking=True)


def _lead() -> Table:
    reasons = (
        Option(1, "New", 0),
        Option(2, "Contacted", 0),
        Option(3, "Qualified", 1),
        Option(4, "Lost", 2),
        Option(5, "Cannot Contact", 2),
        Option(6, "No Longer Interested", 2),
        Option(7, "Canceled", 2),
    )
    columns = [
        text("subject", 300, required=Required.APPLICATION),
        text("companyname", 100),
        *_person(),
        memo("description"),
        text("websiteurl", 200, format_name="Url"),
        money("budgetamount"),
        money("estimatedamount"),
        day("estimatedclosedate"),
        whole("numberofemployees"),
        choice("leadqualitycode", ("Hot", "Warm", "Cold")),
        choice("leadsourcecode", ("Advertisement", "Employee Referral", "External Referral", "Partner", "Other")),
        lookup("parentaccountid", "account"),
        lookup("parentcontactid", "contact"),
        read_only(lookup("qualifyingopportunityid", "opportunity")),
        *_merging("lead"),
        *_address(),
        *_owner_and_currency(),
        *states(("Open", "Qualified", "Disqualified"), reasons),
    ]
    return _table("lead", "leads", columns, primary_name="fullname", change_tracking=True)


def _person() -> list[Column]:
    return [
        text("firstname", 50),
        text("lastname", 50, required=Required.APPLICATION),
        read_only(text("fullname", 160)),
        text("jobtitle", 100),
        text("emailaddress1", 100, format_name="Email"),
        text("telephone1", 50),
        text("mobilephone", 50),
    ]


def _account() -> Table:
    columns = [
        text("name", 160, required=Required.APPLICATION),
        text("accountnumber", 20),
        memo("description"),
        text("websiteurl", 200, format_name="Url"),
        text("emailaddress1", 100, format_name="Email"),
        text("telephone1", 50),
        whole("numberofemployees"),
        lookup("primarycontactid", "contact"),
        lookup("parentaccountid", "account"),
        *_merging("account"),
        *_address(),
        *_owner_and_currency(),
        *_active_inactive(),
    ]
    return _table("account", "accounts", columns, change_tracking=True)


def _contact() -> Table:
    columns = [
        *_person(),
        memo("description"),
        customer("parentcustomerid"),
        *_merging("contact"),
        *_address(),
        *_owner_and_currency(),
        *_active_inactive(),
    ]
    return _table("contact", "contacts", columns, primary_name="fullname", change_tracking=True)


def _currency() -> Table:
    columns = [
        text("currencyname", 100, required=Required.SYSTEM),
        text("isocurrencycode", 5, required=Required.SYSTEM),
        text("currencysymbol", 13),
        whole("currencyprecision", 0, 4),
        decimal("exchangerate"),
        *_active_inactive(),
    ]
    return _table("transactioncurrency", "transactioncurrencies", columns, primary_name="currencyname")


def _user() -> Table:
    columns = [
        text("firstname", 256),
        text("lastname", 256),
        read_only(text("fullname", 200)),
        text("internalemailaddress", 100, format_name="Email"),
        text("domainname", 1024),
        text("mobilephone", 64),
        text("address1_telephone1", 64),
        yes_no("isdisabled"),
        Column("applicationid", Kind.ID, "ApplicationId"),
        read_only(Column("azureactivedirectoryobjectid", Kind.ID, "AzureActiveDirectoryObjectId")),
    ]
    return _table("systemuser", "systemusers", columns, primary_name="fullname")


def _team() -> Table:
    """Teams; type 1, an access team, owns nothing (entities/team)."""
    columns = [
        text("name", 160, required=Required.SYSTEM),
        create_only(choice("teamtype", ("Owner", "Access", "Security group", "Office group"), first=0)),
    ]
    return _table("team", "teams", columns)


def _connection() -> Table:
    """Connections tie any two rows (entities/connection)."""

    def end(name: str) -> Column:
        targets = ("opportunity", "account", "contact", "systemuser")
        return Column(name, Kind.LOOKUP, name, navigations=tuple((f"{name}_{each}", each) for each in targets))

    columns = [create_only(end("record1id")), create_only(end("record2id")), text("name", 500), *_active_inactive()]
    return _table("connection", "connections", columns)


def _close() -> Table:
    columns = [
        text("subject", 200),
        memo("description"),
        money("actualrevenue"),
        moment("actualend"),
        lookup("opportunityid", "opportunity", "opportunityid"),
        *states(("Open", "Completed", "Canceled"), (Option(1, "Open", 0), Option(2, "Completed", 1))),
    ]
    return _table("opportunityclose", "opportunitycloses", columns, primary_name="subject", primary_id="activityid")


def _organization() -> Table:
    columns = [
        text("name", 160),
        whole("expirechangetrackingindays", 0, 365),
        whole("expiresubscriptionsindays", 0, 365),
        whole("languagecode"),
        whole("pricingdecimalprecision", 0, 10),
        read_only(lookup("basecurrencyid", "transactioncurrency")),
    ]
    return _table("organization", "organizations", columns)


def _masking_rules() -> Table:
    columns = [text("entityname", 128), text("attributelogicalname", 128), text("uniquename", 100)]
    return _table("attributemaskingrule", "attributemaskingrules", columns, primary_name="uniquename")


def standard_tables() -> dict[str, Table]:
    """Return fresh definitions of the standard tables, by logical name."""
    tables = (
        _opportunity(),
        _lead(),
        _account(),
        _contact(),
        _currency(),
        _user(),
        _team(),
        _close(),
        _connection(),
        _organization(),
        _masking_rules(),
    )
    return {table.name: table for table in tables}


def cosell_columns() -> list[Column]:
    """Return the product's custom columns, as they are declared in the design (4.3)."""
    columns = [
        yes_no("cosell_syncwithpartnercenter"),
        text("cosell_referralidentifier", 100),
        text("cosell_referrallink", 255, format_name="Url"),
        choice("cosell_howcanmicrosofthelp", HELP),
        text("cosell_products", 2000),
        memo("cosell_audit", 100_000),
        yes_no("cosell_referralvisibility"),
        text("cosell_microsoftcrmidentifier", 100),
        text("cosell_referralprogram", 100),
        text("cosell_syncstatus", 100),
        choice("cosell_marketplaceintent", MARKETPLACE_INTENT),
        choice("cosell_closereason", CLOSE_REASONS),
        day("cosell_decideby"),
        text("cosell_microsoftstatus", 100),
        memo("cosell_microsoftteam", 4000),
        memo("cosell_notesformicrosoft", 4000),
    ]
    return [replace(column, custom=True) for column in columns]
