"""The seller at the simulated Salesforce: an org with several currencies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Unpack
from urllib.parse import unquote_plus

from shared.lifecycle import Stage
from tools.simulators.faults import Fault
from tools.simulators.request_log import LogEntry
from tools.simulators.salesforce import SalesforceSimulator
from tools.simulators.salesforce.schema import LEAD_STATUSES
from tools.simulators.sellers.seller import CONTACT, CUSTOMER, READY, Account, Deal, DealFields, Lead, day_of
from tools.simulators.vendors import SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET, Vendors

_COLUMNS = {
    "notes_for_microsoft": "Notes_for_Microsoft__c",
    "name": "Name",
    "deal_value": "Amount",
    "currency": "CurrencyIsoCode",
    "closing_date": "CloseDate",
    "notes": "Description",
    "sync": "Sync_with_Partner_Center__c",
    "visible_to_microsoft": "Referral_Visibility__c",
}
"""Fields that hold a value as it is; `_columns` spells the others."""

_HELP = {
    "WorkloadSpecificValueProposition": "Workload specific value proposition",
    "CustomerTechnicalArchitecture": "Customer technical architecture",
    "ProofOfConceptOrDemo": "Proof of concept or demo",
    "QuotesOrLicensing": "Quotes or licensing",
    "PostSalesCustomerSuccess": "Post sales customer success",
    "GeneralOrOther": "General or other",
}
_CODES = {label: code for code, label in _HELP.items()}

_ACTIVE, _ON_HOLD = "Qualification", "Prospecting"
_STAGES = {
    _ACTIVE: Stage.ACTIVE,
    _ON_HOLD: Stage.ON_HOLD,
    "Closed Won": Stage.WON,
    "Closed Lost": Stage.LOST,
}

_IDENTIFIER = "Referral_Identifier__c"
_READ_ONLY = (
    _IDENTIFIER,
    "Referral_Link__c",
    "Audit__c",
    "Microsoft_CRM_Identifier__c",
    "Referral_Program__c",
    "Sync_Status__c",
    "Decide_By__c",
)
"""What a seller may only read, by the permission set that `cosell.py provision` makes for sellers."""

_DELETE_LOG_LIFE = timedelta(days=15)
"""How long an org remembers what was deleted, in its recycle bin and in the log of deletions."""


class SalesforceSeller:
    """A Seller."""

    name = "salesforce"
    title = "Salesforce"

    def __init__(self, vendors: Vendors, *, cosell_columns: bool = True) -> None:
        self._vendors = vendors
        self.simulator = SalesforceSimulator(vendors.clock, multi_currency=True, cosell_columns=cosell_columns)
        self.server = vendors.add("salesforce", self.simulator)
        self.simulator.add_connected_app(SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET)
        self._seller = self.simulator.seller
        self._writes = Counter[str]()
        self.simulator.after_write(self._count)

    def settings(self) -> dict[str, str]:
        """The URL, and the app's client credentials."""
        return {
            "SALESFORCE_URL": self.server.url,
            "SALESFORCE_CLIENT_ID": SALESFORCE_CLIENT_ID,
            "SALESFORCE_CLIENT_SECRET": SALESFORCE_CLIENT_SECRET,
        }

    def routes(self) -> Mapping[tuple[str, str], Callable[[dict[str, str], dict[str, object]], object]]:
        """The simulator's own, which speak of fields."""
        return self.simulator.routes()

    # --- what the seller does --------------------------------------------------------------------------------------

    def opportunity(self, **fields: Unpack[DealFields]) -> str:
        """Create an opportunity for a new customer."""
        account = self._seller.create_account(
            Name=CUSTOMER.name,
            BillingStreet=CUSTOMER.street,
            BillingCity=CUSTOMER.city,
            BillingPostalCode=CUSTOMER.postal_code,
            BillingCountry=CUSTOMER.country,
        )
        entered: DealFields = {**READY, **fields}
        record_id = self._seller.create_opportunity(StageName=_ACTIVE, AccountId=account, **self._columns(entered))
        if entered["contact"]:
            self._add_contact(record_id)
        return record_id

    def edit(self, record_id: str, **fields: Unpack[DealFields]) -> None:
        """Change fields; the contact, which is a role beside the opportunity, first."""
        if "contact" in fields:
            (self._add_contact if fields["contact"] else self._remove_contact)(record_id)
        self._change(record_id, self._columns(fields))

    def accept(self, record_id: str) -> None:
        """Move on to Qualification."""
        self._change(record_id, {"StageName": _ACTIVE})

    def hold(self, record_id: str) -> None:
        """Move back to Prospecting."""
        self._change(record_id, {"StageName": _ON_HOLD})

    def win(self, record_id: str) -> None:
        """Close as won."""
        self._change(record_id, {"StageName": "Closed Won"})

    def lose(self, record_id: str) -> None:
        """Close as lost."""
        self._change(record_id, {"StageName": "Closed Lost"})

    def reopen(self, record_id: str) -> None:
        """Move on to Qualification, from whatever stage."""
        self._change(record_id, {"StageName": _ACTIVE})

    def clone(self, record_id: str, *, keep_identifier: bool) -> str:
        """Copy the fields that are createable, the stage among them; the contact role stays behind."""
        return self._seller.clone(record_id, without=() if keep_identifier else (_IDENTIFIER,))

    def press_clone(self, record_id: str) -> str:
        """Copy with the button Clone, which leaves empty what the seller may only read; returns the copy's id.

        Source: the vendor's help, "Clone Records": read-only fields are not carried over.
        """
        return self._seller.clone(record_id, without=_READ_ONLY)

    def delete(self, record_id: str) -> None:
        """Move the record to the recycle bin."""
        self._seller.delete(record_id)

    def qualify(self, lead_id: str) -> str:
        """Convert it, as the page's button does."""
        return self._seller.convert(lead_id)

    def disqualify(self, lead_id: str, reason: str) -> None:
        """Set reason and status in one save."""
        self._seller.edit(lead_id, table="Lead", Close_Reason__c=reason, Status=LEAD_STATUSES[3])

    # --- what the seller sees --------------------------------------------------------------------------------------

    def deal(self, record_id: str) -> Deal:
        """Read the record; in the recycle bin it is gone."""
        row = self._seller.row("Opportunity", record_id)
        if row["IsDeleted"]:
            raise KeyError(record_id)
        return self._deal(row)

    def find(self, referral_id: str) -> list[Deal]:
        """Look through all records."""
        rows = self._seller.rows("Opportunity")
        return [self._deal(row) for row in rows if row["Referral_Identifier__c"] == referral_id]

    def leads(self, referral_id: str) -> list[Lead]:
        """Look through all records."""
        rows = [row for row in self._seller.rows("Lead") if row[_IDENTIFIER] == referral_id]
        return [
            Lead(
                str(row["Id"]),
                str(row["Company"]),
                str(row["Sync_Status__c"] or ""),
                str(row["Audit__c"] or ""),
                day_of(row["Decide_By__c"]),
                row["Status"] in LEAD_STATUSES[:2],
            )
            for row in rows
        ]

    def contact_mail(self, record_id: str) -> str:
        """Follow the primary contact role."""
        roles = self._seller.rows("OpportunityContactRole")
        primary = [row["ContactId"] for row in roles if row["OpportunityId"] == record_id and row["IsPrimary"]]
        return str(self._seller.row("Contact", str(primary[0]))["Email"]) if primary else ""

    def account(self, account_id: str) -> Account:
        """Read the record."""
        row = self._seller.row("Account", account_id)
        columns = ("Name", "BillingStreet", "BillingCity", "BillingPostalCode", "BillingCountry")
        return Account(*(str(row[column] or "") for column in columns))

    # --- what happens to the app -----------------------------------------------------------------------------------

    def calls(self) -> int:
        """Every request but polls and the token endpoint's."""
        return self.server.log.count() - self.server.log.count(path=r"/oauth2/token$") - self.polls()

    def polls(self) -> int:
        """Queries in the order of SystemModstamp, also several in one call, further pages, and the log of deletions."""
        return sum(map(_is_poll, self.server.log.entries))

    def break_update(self, fault: Fault) -> Fault:
        """A composite call with an opportunity's address in it."""
        return self._break(fault, "/sobjects/Opportunity/006")

    def break_create(self, fault: Fault) -> Fault:
        """A composite call with the external id's address in it."""
        return self._break(fault, "/sobjects/Opportunity/Referral_Identifier__c/")

    def expire_cursor(self) -> None:
        """Outlive the log of deletions."""
        self._vendors.clock.advance(_DELETE_LOG_LIFE + timedelta(days=1))

    def _break(self, fault: Fault, content: str) -> Fault:
        return self.server.faults.inject(replace(fault, method="POST", path="/composite$", content=content))

    # --- spelling --------------------------------------------------------------------------------------------------

    def _change(self, record_id: str, columns: dict[str, Any]) -> None:
        self._writes[record_id] += 1
        self._seller.edit(record_id, **columns)

    def _count(self, _table: str, record_id: str, _values: Mapping[str, object]) -> None:
        """Count a write of the app: SystemModstamp has whole seconds, so it does not tell two writes apart."""
        self._writes[record_id] += 1

    def _add_contact(self, record_id: str) -> None:
        contact = self._seller.create_contact(
            FirstName=CONTACT.first_name,
            LastName=CONTACT.last_name,
            Email=CONTACT.email,
            Phone=CONTACT.phone,
            AccountId=self._seller.row("Opportunity", record_id)["AccountId"],
        )
        self._seller.set_primary_contact(record_id, contact)

    def _remove_contact(self, record_id: str) -> None:
        for role in self._seller.rows("OpportunityContactRole"):
            if role["OpportunityId"] == record_id:
                self._seller.delete(str(role["Id"]))

    def _columns(self, fields: DealFields) -> dict[str, Any]:
        columns: dict[str, Any] = {
            _COLUMNS[field]: None if value == "" else value for field, value in fields.items() if field in _COLUMNS
        }
        if "solutions" in fields:
            columns["Products__c"] = ", ".join(fields["solutions"]) or None
        if "marketplace_intent" in fields:
            columns["Marketplace_Intent__c"] = fields["marketplace_intent"] or None
        if "close_reason" in fields:
            columns["Close_Reason__c"] = fields["close_reason"] or None
        if "help" in fields:
            columns["How_can_Microsoft_help__c"] = _HELP[fields["help"]] if fields["help"] else None
        return columns

    def _deal(self, row: Mapping[str, Any]) -> Deal:
        day = row["CloseDate"]
        return Deal(
            id=row["Id"],
            version=f"{row['SystemModstamp']} {self._writes[row['Id']]}",
            name=row["Name"],
            deal_value=row["Amount"],
            currency=row["CurrencyIsoCode"],
            closing_date=date.fromisoformat(day) if day else None,
            notes=row["Description"] or "",
            solutions=tuple(each.strip() for each in (row["Products__c"] or "").split(",") if each.strip()),
            help=_CODES.get(row["How_can_Microsoft_help__c"], ""),
            sync=row["Sync_with_Partner_Center__c"],
            visible_to_microsoft=row["Referral_Visibility__c"],
            stage=_STAGES[row["StageName"]],
            account_id=row["AccountId"] or "",
            referral_identifier=row["Referral_Identifier__c"] or "",
            referral_link=row["Referral_Link__c"] or "",
            sync_status=row["Sync_Status__c"] or "",
            audit=row["Audit__c"] or "",
            microsoft_crm_identifier=row["Microsoft_CRM_Identifier__c"] or "",
            microsoft_status=row["Microsoft_Status__c"] or "",
            microsoft_team=row["Microsoft_Team__c"] or "",
            marketplace_intent=row["Marketplace_Intent__c"] or "",
            close_reason=row["Close_Reason__c"] or "",
            decide_by=day_of(row["Decide_By__c"]),
        )


def _is_poll(entry: LogEntry) -> bool:
    resource = entry.path.rstrip("/")
    if entry.method == "POST":
        return resource.endswith("/composite") and b"ORDER%20BY%20SystemModstamp" in entry.body
    if entry.method != "GET":
        return False
    if resource.endswith(("/query", "/queryAll")):
        return "ORDER BY SystemModstamp" in unquote_plus(entry.query)
    return "/query/" in resource or resource.endswith("/deleted")
