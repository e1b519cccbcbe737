"""Dynamics 365's own description of the tables that the default mapping speaks of, cut to the columns it names."""

from __future__ import annotations

from shared.mapping.check.tables import Column, Description, Key, Kind, Option, Table
from shared.mapping.owners import Assignee

_HELP = (
    "Workload specific value proposition",
    "Customer technical architecture",
    "Proof of concept or demo",
    "Quotes or licensing",
    "Post sales customer success",
    "General or other",
)
_CLOSE_REASONS = (
    *("Budget inadequate", "Customer did not respond", "Chose another vendor", "Requirement not met"),
    *("Not a customer", "Timeline too short", "Abuse, spam or phishing", "Other"),
)
_REASONS = (("In Progress", 0), ("On Hold", 0), ("Won", 1), ("Canceled", 2), ("Out-Sold", 2))


def text(name: str, length: int) -> Column:
    """A single line of text."""
    return Column(name, Kind.TEXT, length)


def table(name: str, *columns: Column, keys: tuple[Key, ...] = ()) -> Table:
    """A table with change tracking on."""
    return Table(name, {column.name: column for column in columns}, keys)


def record() -> Table:
    """The opportunity, provisioned."""
    states = tuple(Option(value, label) for value, label in enumerate(("Open", "Won", "Lost")))
    reasons = tuple(Option(value, label, state) for value, (label, state) in enumerate(_REASONS, 1))
    return table(
        "opportunity",
        text("name", 300),
        Column("description", Kind.MEMO, 2000),
        Column("estimatedvalue", Kind.MONEY),
        Column("transactioncurrencyid", Kind.LOOKUP, targets=("transactioncurrency",), coded=True),
        Column("estimatedclosedate", Kind.DAY),
        Column("statecode", Kind.STATE, options=states, creatable=False),
        Column("statuscode", Kind.STATUS, options=reasons),
        *_product(),
        keys=(Key(("cosell_referralidentifier",), "Active", active=True),),
    )


def _choice(name: str, labels: tuple[str, ...]) -> Column:
    return Column(name, Kind.CHOICE, options=tuple(Option(value, label) for value, label in enumerate(labels, 1)))


def _product() -> tuple[Column, ...]:
    return (
        Column("cosell_syncwithpartnercenter", Kind.YES_NO),
        text("cosell_referralidentifier", 100),
        text("cosell_referrallink", 255),
        _choice("cosell_howcanmicrosofthelp", _HELP),
        text("cosell_products", 2000),
        Column("cosell_audit", Kind.MEMO, 100_000),
        Column("cosell_referralvisibility", Kind.YES_NO),
        text("cosell_microsoftcrmidentifier", 100),
        text("cosell_referralprogram", 100),
        text("cosell_syncstatus", 100),
        _choice("cosell_marketplaceintent", ("Yes", "No", "Not decided")),
        _choice("cosell_closereason", _CLOSE_REASONS),
        Column("cosell_decideby", Kind.DAY),
        text("cosell_microsoftstatus", 100),
        Column("cosell_microsoftteam", Kind.MEMO, 4000),
        Column("cosell_notesformicrosoft", Kind.MEMO, 4000),
    )


def description(*missing_owners: Assignee) -> Description:
    """Return all four tables, and who is missing."""
    lengths = {"line1": 250, "line2": 250, "city": 80, "stateorprovince": 50, "postalcode": 20, "country": 80}
    address = [text(f"address1_{part}", length) for part, length in lengths.items()]
    names = (text("firstname", 50), text("lastname", 50))
    person = (*names, text("emailaddress1", 100), text("telephone1", 50))
    user = (text("firstname", 256), text("lastname", 256), text("internalemailaddress", 100))
    phones = (text("mobilephone", 64), text("address1_telephone1", 64))
    return Description(
        record(),
        table("account", text("name", 160), *address),
        table("contact", *person),
        Table("systemuser", {each.name: each for each in (*user, *phones)}, change_tracking=False),
        missing_owners,
    )
