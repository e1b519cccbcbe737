"""The real client of Salesforce over TLS, against a new simulated org, with a seller in its pages."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal

from shared.bootstrap import App
from shared.crm.port import Records
from shared.crm.salesforce.errors import DAILY_PAUSE
from shared.crm.salesforce.feed import DELETIONS
from shared.ledger.memory import MemoryLedger
from shared.lifecycle import Stage
from shared.settings import load_settings
from tests.support.fakes.partner_center import SOLUTION
from tests.support.stages.crm import CrmRow, Dialect
from tests.support.stages.outages import Outage, break_server, impatient_clock
from tools.simulators.faults import Fault
from tools.simulators.salesforce import Quirks, SalesforceSimulator
from tools.simulators.salesforce.seeding import INTEGRATION_USER, add_user
from tools.simulators.vendors import Vendors

CLIENT_ID, CLIENT_SECRET = "3MVG9.simulated", "simulated-salesforce-secret"

SALESFORCE = Dialect(
    record={
        "name": "Name",
        "value": "Amount",
        "currency": "CurrencyIsoCode",
        "closing": "CloseDate",
        "notes": "Description",
        "products": "Products__c",
        "sync": "Sync_with_Partner_Center__c",
        "identifier": "Referral_Identifier__c",
        "visible": "Referral_Visibility__c",
        "audit": "Audit__c",
        "status": "Sync_Status__c",
    },
    account={
        "customer": "Name",
        "postal_code": "BillingPostalCode",
        "city": "BillingCity",
        "state": "BillingState",
    },
    person={
        "contact_email": "Email",
        "contact_first_name": "FirstName",
        "contact_last_name": "LastName",
        "owner_first_name": "FirstName",
        "owner_phone": "MobilePhone",
    },
    account_of="AccountId",
    owner_of="OwnerId",
    states={
        Stage.ON_HOLD: {"StageName": "Prospecting"},
        Stage.ACTIVE: {"StageName": "Qualification"},
        Stage.WON: {"StageName": "Closed Won"},
        Stage.LOST: {"StageName": "Closed Lost"},
        Stage.DECLINED: {"StageName": "Closed Lost"},
    },
    own_ids=("006000000000001", "0065e000001ABCdAAE"),
    foreign_ids=("001000000000001AAA", "0065e000001ABCd--E", "6a3f0f9e-2f0a-4c0e-9d53-5d1d7f3f6b1a"),
    costs={
        "read": 1,
        "find": 1,
        "related": 1,
        "create": 2,
        "create with account": 2,
        "update": 1,
        "update of nothing": 0,
        "read and win": 2,
        "read and lose": 2,
    },
)

_REFUSALS = {
    Outage.THROTTLED: (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    Outage.DENIED: (403, "API_CURRENTLY_DISABLED", "API is disabled for this User"),
}


class SalesforceStage:
    """An org with several currencies, unless `multi_currency` is off."""

    dialect = SALESFORCE
    asked: float = DAILY_PAUSE
    pages = 3

    def __init__(
        self,
        vendors: Vendors,
        *,
        multi_currency: bool = True,
        cosell_columns: bool = True,
        sign_in: tuple[bytes, str] | None = None,
        **settings: str,
    ) -> None:
        """`sign_in` is the public key and the user of the JWT bearer flow, in place of a client secret."""
        self.clock = impatient_clock()
        self.quirks = Quirks(batch_size=self.pages)
        self.simulator = SalesforceSimulator(
            vendors.clock, quirks=self.quirks, multi_currency=multi_currency, cosell_columns=cosell_columns
        )
        public_key, username = sign_in or (None, INTEGRATION_USER)
        self.simulator.add_connected_app(
            CLIENT_ID, None if sign_in else CLIENT_SECRET, public_key=public_key, username=username
        )
        self.server = vendors.add(f"salesforce-{uuid.uuid4()}", self.simulator)
        self.vendors = vendors
        proof = {"SALESFORCE_USERNAME": username} if sign_in else {"SALESFORCE_CLIENT_SECRET": CLIENT_SECRET}
        given = {**vendors.settings(), **_settings(self.server.url), **proof, **settings}
        self.app = App(load_settings(given), self.clock)
        self.app.ledger = MemoryLedger()
        self.port: Records = self.app.tasks.of("salesforce").records
        # Currencies and a token are fetched once per process; they are no cost of the call that is measured.
        if cosell_columns:
            self.port.find("nobody")

    def pass_time(self) -> None:
        self.vendors.clock.advance(timedelta(seconds=3))
        self.clock.sleep(3)

    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def nobody(self) -> str:
        return "0065e0000ZZZZZZAAA"

    def add_account(self, **words: object) -> str:
        ready = {"customer": "Contoso Outdoor & Sons", "postal_code": "BS1 3AE", **words}
        columns = {SALESFORCE.account.get(word, word): each for word, each in ready.items()}
        address = {"BillingStreet": "1 Market Street", "BillingCountry": "United Kingdom"}
        return self.simulator.seller.create_account(**address, **columns)

    def add_deal(self, **words: object) -> str:
        ready: CrmRow = {
            "name": "Contoso store analytics",
            "value": Decimal(42000),
            "closing": date(2027, 6, 30),
            "notes": "Stores want one view of their stock.",
            "products": SOLUTION,
            "sync": True,
            **SALESFORCE.states[Stage.ACTIVE],
            **({"currency": "GBP"} if self.simulator.org.multi_currency else {}),
            **{word: value for word, value in words.items() if word != "customer"},
        }
        seller = self.simulator.seller
        if "customer" in words:
            return seller.create_opportunity(**SALESFORCE.columns(ready))
        columns = SALESFORCE.columns(ready)
        account = str(columns.pop("AccountId", "") or self.add_account(city="Bristol"))
        record_id = seller.create_opportunity(**columns, AccountId=account)
        contact = {"FirstName": "Olive", "LastName": "Marsh", "Email": "olive@contoso.example"}
        seller.set_primary_contact(
            record_id, seller.create_contact(**contact, Phone="+441170000000", AccountId=account)
        )
        return record_id

    def add_user(self, first: str, last: str, mail: str, *, active: bool = True) -> str:
        user_id = add_user(self.simulator.org, mail, first, last)
        if not active:
            self.simulator.deactivate(user_id)
        return user_id

    def add_contact(self, account_id: str, first: str, last: str, mail: str | None) -> str:
        person = {"FirstName": first, "LastName": last, "Email": mail}
        return self.simulator.seller.create_contact(**person, AccountId=account_id)

    def involve(self, record_id: str, *, users: tuple[str, ...] = (), contacts: tuple[str, ...] = ()) -> None:
        seller = self.simulator.seller
        for each in users:
            seller.create("OpportunityTeamMember", OpportunityId=record_id, UserId=each, TeamMemberRole="Sales Rep")
        for each in contacts:
            seller.create("OpportunityContactRole", OpportunityId=record_id, ContactId=each, Role="Evaluator")

    def contacts(self) -> int:
        return len(self.simulator.rows("Contact"))

    def refuse_contacts(self, text: str) -> None:
        self.simulator.refuse_writes("Contact", text)

    def forbid_owning(self, user_id: str) -> None:
        self.simulator.deactivate(user_id)

    def edit(self, record_id: str, **words: object) -> None:
        self.simulator.seller.edit(record_id, table="Opportunity", **SALESFORCE.columns(words))

    def edit_beside(self, record_id: str, **words: object) -> None:
        row, roles = self.simulator.row("Opportunity", record_id), self.simulator.rows("OpportunityContactRole")
        contact = next((each["ContactId"] for each in roles if each["OpportunityId"] == record_id), None)
        for word, value in words.items():
            place, column = SALESFORCE.beside(word)
            row_id = (row["AccountId"], contact, row["OwnerId"])[place]
            self.simulator.seller.edit(str(row_id), table=("Account", "Contact", "User")[place], **{column: value})

    def close(self, record_id: str, stage: Stage) -> None:
        (self.simulator.seller.win if stage is Stage.WON else self.simulator.seller.lose)(record_id)

    def delete(self, record_id: str) -> None:
        self.simulator.seller.delete(record_id)

    def columns(self, record_id: str) -> CrmRow:
        return self.simulator.row("Opportunity", record_id)

    def accounts(self) -> int:
        return len(self.simulator.rows("Account"))

    def expire_cursors(self) -> None:
        self.vendors.clock.advance(DELETIONS * 2)
        self.simulator.purge_delete_log()

    def plug_in(self, logic: Callable[[CrmRow], CrmRow]) -> None:
        def hook(table: str, _row_id: str, row: CrmRow) -> Mapping[str, object] | None:
            return logic(row) if table == "Opportunity" else None

        self.simulator.after_write(hook)

    def refuse_writes(self, text: str) -> None:
        self.simulator.refuse_writes("Opportunity", text)

    def refuse_closing(self, text: str) -> None:
        self.simulator.refuse_closing(text)

    def hide(self, word: str) -> None:
        self.simulator.hide_field("Opportunity", SALESFORCE.record[word])

    def unique_of_account(self) -> str:
        self.simulator.add_unique_field("Account", "Customer_Number__c")
        return "Customer_Number__c"

    def break_down(self, outage: Outage) -> None:
        if outage not in _REFUSALS:
            break_server(self.server, outage)
            return
        status, code, message = _REFUSALS[outage]
        body = f'[{{"message": "{message}", "errorCode": "{code}"}}]'
        self.server.faults.inject(Fault("status", status=status, body=body, times=None))

    def heal(self) -> None:
        self.server.faults.clear()
        self.clock.sleep(DAILY_PAUSE)

    def requests(self) -> int:
        return self.server.log.count()


def _settings(url: str) -> dict[str, str]:
    return {
        "CRM": "salesforce",
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "SALESFORCE_URL": url,
        "SALESFORCE_CLIENT_ID": CLIENT_ID,
    }
