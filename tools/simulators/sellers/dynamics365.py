"""The seller at the simulated Dynamics 365."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Unpack

from shared.lifecycle import Stage
from tools.simulators.dataverse import DataverseSimulator
from tools.simulators.faults import Fault
from tools.simulators.help_codes import CLOSE_REASONS, MARKETPLACE_INTENT
from tools.simulators.sellers.seller import CONTACT, CUSTOMER, READY, Account, Deal, DealFields, Lead, day_of
from tools.simulators.vendors import CLIENT_ID, CLIENT_SECRET, Vendors

_COLUMNS = {
    "notes_for_microsoft": "cosell_notesformicrosoft",
    "name": "name",
    "deal_value": "estimatedvalue",
    "closing_date": "estimatedclosedate",
    "notes": "description",
    "sync": "cosell_syncwithpartnercenter",
    "visible_to_microsoft": "cosell_referralvisibility",
}
"""Columns that hold a field's value as it is; `_columns` spells the others."""

_HELP = {
    "WorkloadSpecificValueProposition": 1,
    "CustomerTechnicalArchitecture": 2,
    "ProofOfConceptOrDemo": 3,
    "QuotesOrLicensing": 4,
    "PostSalesCustomerSuccess": 5,
    "GeneralOrOther": 6,
}
_CODES = {number: code for code, number in _HELP.items()}

_ACTIVE, _ON_HOLD = 1, 2
_STAGES = {
    (0, _ACTIVE): Stage.ACTIVE,
    (0, _ON_HOLD): Stage.ON_HOLD,
    (1, 3): Stage.WON,
    (2, 4): Stage.LOST,
    (2, 5): Stage.LOST,
}
"""What statecode and statuscode say."""

_TOKEN_LIFE = timedelta(days=7)
"""How long the environment keeps its change feed (expirechangetrackingindays)."""


class Dynamics365Seller:
    """A Seller."""

    name = "dynamics365"
    title = "Dynamics 365"

    def __init__(self, vendors: Vendors, *, cosell_columns: bool = True) -> None:
        self._vendors = vendors
        self.simulator = DataverseSimulator(vendors.entra, vendors.clock, cosell_columns=cosell_columns)
        self.server = vendors.add("dataverse", self.simulator)
        self.simulator.resource = self.server.url
        self.simulator.add_application_user(CLIENT_ID)
        vendors.entra.register_resource(self.server.url)
        self._seller = self.simulator.seller

    def settings(self) -> dict[str, str]:
        """The URL, and the app registration."""
        return {
            "DYNAMICS_URL": self.server.url,
            "DYNAMICS_TENANT_ID": self._vendors.entra.tenant_id,
            "DYNAMICS_CLIENT_ID": CLIENT_ID,
            "DYNAMICS_CLIENT_SECRET": CLIENT_SECRET,
        }

    def routes(self) -> Mapping[tuple[str, str], Callable[[dict[str, str], dict[str, object]], object]]:
        """The simulator's own, which speak of columns."""
        return self.simulator.routes()

    # --- what the seller does --------------------------------------------------------------------------------------

    def opportunity(self, **fields: Unpack[DealFields]) -> str:
        """Create an opportunity for a new customer."""
        account = self._seller.create_account(
            name=CUSTOMER.name,
            address1_line1=CUSTOMER.street,
            address1_city=CUSTOMER.city,
            address1_postalcode=CUSTOMER.postal_code,
            address1_country=CUSTOMER.country,
        )
        columns = self._columns({**READY, **fields})
        return self._seller.create_opportunity(customerid=account, parentaccountid=account, **columns)

    def edit(self, record_id: str, **fields: Unpack[DealFields]) -> None:
        """Change columns."""
        self._change(record_id, self._columns(fields))

    def accept(self, record_id: str) -> None:
        """Set the status reason In Progress."""
        self._change(record_id, {"statuscode": _ACTIVE})

    def hold(self, record_id: str) -> None:
        """Set the status reason On Hold."""
        self._change(record_id, {"statuscode": _ON_HOLD})

    def win(self, record_id: str) -> None:
        """Close as won."""
        self._seller.win(record_id)

    def lose(self, record_id: str) -> None:
        """Close as lost, with the status reason Canceled."""
        self._seller.lose(record_id)

    def reopen(self, record_id: str) -> None:
        """Set the state Open, whose status reason is In Progress."""
        self._seller.reopen(record_id)

    def clone(self, record_id: str, *, keep_identifier: bool) -> str:
        """Copy the columns that are valid for create. Neither state nor its reason is: every new row is open."""
        return self._seller.clone(record_id, without=() if keep_identifier else ("cosell_referralidentifier",))

    def delete(self, record_id: str) -> None:
        """Delete the row."""
        self._seller.delete(record_id)

    def qualify(self, lead_id: str) -> str:
        """Call QualifyLead, as the form's button does."""
        return self._seller.qualify(lead_id)

    def disqualify(self, lead_id: str, reason: str) -> None:
        """Set the column, and then the state: a disqualified lead is locked."""
        self._seller.edit(lead_id, table="lead", cosell_closereason=_number(CLOSE_REASONS, reason))
        self._seller.disqualify(lead_id)

    # --- what the seller sees --------------------------------------------------------------------------------------

    def deal(self, record_id: str) -> Deal:
        """Read the row."""
        return self._deal(self._seller.row("opportunity", record_id))

    def find(self, referral_id: str) -> list[Deal]:
        """Look through all rows."""
        rows = self._seller.rows("opportunity")
        return [self._deal(row) for row in rows if row["cosell_referralidentifier"] == referral_id]

    def leads(self, referral_id: str) -> list[Lead]:
        """Look through all rows."""
        rows = [row for row in self._seller.rows("lead") if row["cosell_referralidentifier"] == referral_id]
        return [
            Lead(
                str(row["leadid"]),
                str(row["companyname"]),
                str(row["cosell_syncstatus"] or ""),
                str(row["cosell_audit"] or ""),
                day_of(row["cosell_decideby"]),
                row["statecode"] == 0,
            )
            for row in rows
        ]

    def contact_mail(self, record_id: str) -> str:
        """Follow the look-up."""
        contact = self._seller.row("opportunity", record_id)["parentcontactid"]
        return str(self._seller.row("contact", str(contact))["emailaddress1"]) if contact else ""

    def account(self, account_id: str) -> Account:
        """Read the row."""
        row = self._seller.row("account", account_id)
        columns = ("name", "address1_line1", "address1_city", "address1_postalcode", "address1_country")
        return Account(*(str(row[column] or "") for column in columns))

    # --- what happens to the app -----------------------------------------------------------------------------------

    def calls(self) -> int:
        """Every request but polls; tokens come from Entra ID."""
        return self.server.log.count() - self.polls()

    def polls(self) -> int:
        """Reads of a whole table are a change feed, also in a batch; a filter asks for a few of its rows."""
        alone = self.server.log.matching("GET", r"/(opportunities|leads)$")
        batches = self.server.log.matching("POST", r"/\$batch$")
        return sum("filter=" not in each.query for each in alone) + sum(b"deltatoken=" in each.body for each in batches)

    def break_update(self, fault: Fault) -> Fault:
        """A PATCH of a row."""
        return self.server.faults.inject(replace(fault, method="PATCH", path="opportunities"))

    def break_create(self, fault: Fault) -> Fault:
        """A PATCH by the alternate key."""
        return self.server.faults.inject(replace(fault, method="PATCH", path="cosell_referralidentifier"))

    def expire_cursor(self) -> None:
        """Outlive the change tracking token."""
        self._vendors.clock.advance(_TOKEN_LIFE + timedelta(days=1))

    # --- spelling --------------------------------------------------------------------------------------------------

    def _change(self, record_id: str, columns: dict[str, Any]) -> None:
        self._seller.edit(record_id, **columns)

    def _columns(self, fields: DealFields) -> dict[str, Any]:
        columns: dict[str, Any] = {
            _COLUMNS[field]: None if value == "" else value for field, value in fields.items() if field in _COLUMNS
        }
        if "currency" in fields:
            columns["transactioncurrencyid"] = self._currencies()[fields["currency"]]
        if "solutions" in fields:
            columns["cosell_products"] = ", ".join(fields["solutions"]) or None
        if "marketplace_intent" in fields:
            columns["cosell_marketplaceintent"] = _number(MARKETPLACE_INTENT, fields["marketplace_intent"])
        if "close_reason" in fields:
            columns["cosell_closereason"] = _number(CLOSE_REASONS, fields["close_reason"])
        if "help" in fields:
            columns["cosell_howcanmicrosofthelp"] = _HELP[fields["help"]] if fields["help"] else None
        if "contact" in fields:
            columns["parentcontactid"] = self._contact() if fields["contact"] else None
        return columns

    def _contact(self) -> str:
        return self._seller.create_contact(
            firstname=CONTACT.first_name,
            lastname=CONTACT.last_name,
            emailaddress1=CONTACT.email,
            telephone1=CONTACT.phone,
        )

    def _currencies(self) -> dict[str, str]:
        """Return the ids of the currencies by ISO code."""
        rows = self._seller.rows("transactioncurrency")
        return {str(row["isocurrencycode"]): str(row["transactioncurrencyid"]) for row in rows}

    def _deal(self, row: Mapping[str, Any]) -> Deal:
        codes = {row_id: code for code, row_id in self._currencies().items()}
        day, value = row["estimatedclosedate"], row["estimatedvalue"]
        return Deal(
            id=row["opportunityid"],
            version=str(row["versionnumber"]),
            name=row["name"],
            deal_value=None if value is None else Decimal(value),
            currency=codes.get(row["transactioncurrencyid"], ""),
            closing_date=date.fromisoformat(str(day)) if day else None,
            notes=row["description"] or "",
            solutions=tuple(each.strip() for each in (row["cosell_products"] or "").split(",") if each.strip()),
            help=_CODES.get(row["cosell_howcanmicrosofthelp"], ""),
            sync=bool(row["cosell_syncwithpartnercenter"]),
            visible_to_microsoft=bool(row["cosell_referralvisibility"]),
            stage=_STAGES[row["statecode"], row["statuscode"]],
            account_id=row["customerid"] or "",
            referral_identifier=row["cosell_referralidentifier"] or "",
            referral_link=row["cosell_referrallink"] or "",
            sync_status=row["cosell_syncstatus"] or "",
            audit=row["cosell_audit"] or "",
            microsoft_crm_identifier=row["cosell_microsoftcrmidentifier"] or "",
            microsoft_status=row["cosell_microsoftstatus"] or "",
            microsoft_team=row["cosell_microsoftteam"] or "",
            marketplace_intent=_label(MARKETPLACE_INTENT, row["cosell_marketplaceintent"]),
            close_reason=_label(CLOSE_REASONS, row["cosell_closereason"]),
            decide_by=day_of(row["cosell_decideby"]),
        )


def _number(labels: Sequence[str], label: str) -> int | None:
    return labels.index(label) + 1 if label else None


def _label(labels: Sequence[str], number: int | None) -> str:
    return labels[number - 1] if number else ""
