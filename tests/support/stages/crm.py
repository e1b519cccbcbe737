"""The fake and the real client of Dynamics 365, each with a seller at the CRM's forms, who speaks the deal's words."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from random import Random
from typing import Protocol

from shared.bootstrap import App
from shared.crm.port import Records
from shared.ledger.memory import MemoryLedger
from shared.lifecycle import Stage
from shared.settings import load_settings
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.crm import FakeCrm
from tests.support.fakes.partner_center import SOLUTION
from tests.support.fakes.tape import Tape
from tests.support.stages.outages import ASKED, Outage, break_fake, break_server, impatient_clock
from tools.simulators.dataverse import DataverseSimulator
from tools.simulators.dataverse.rows import Reference
from tools.simulators.vendors import CLIENT_ID, CLIENT_SECRET, Vendors

CrmRow = dict[str, object]


@dataclass(frozen=True)
class Dialect:
    """What a CRM calls the things of a deal, by the suite's words, and what calls of the port cost."""

    record: Mapping[str, str]
    account: Mapping[str, str]
    person: Mapping[str, str]
    account_of: str
    """The record's column with its account's id."""
    owner_of: str
    states: Mapping[Stage, CrmRow]
    own_ids: tuple[str, ...]
    foreign_ids: tuple[str, ...]
    costs: Mapping[str, int] = field(default_factory=dict)

    def columns(self, words: Mapping[str, object]) -> CrmRow:
        """Return the columns of a record for words; others pass as they are."""
        return {self.record.get(word, word): value for word, value in words.items()}

    def beside(self, word: str) -> tuple[int, str]:
        """Return whether a word is about the account (0), the contact (1) or the owner (2), and its column."""
        place = 0 if word in self.account else 1 if word.startswith("contact") else 2
        return place, self.person.get(word) or self.account[word]


_LOST: CrmRow = {"statecode": 2, "statuscode": 4}
DYNAMICS = Dialect(
    record={
        "name": "name",
        "value": "estimatedvalue",
        "currency": "transactioncurrencyid",
        "closing": "estimatedclosedate",
        "notes": "description",
        "products": "cosell_products",
        "sync": "cosell_syncwithpartnercenter",
        "identifier": "cosell_referralidentifier",
        "visible": "cosell_referralvisibility",
        "audit": "cosell_audit",
        "status": "cosell_syncstatus",
    },
    account={
        "customer": "name",
        "postal_code": "address1_postalcode",
        "city": "address1_city",
        "state": "address1_stateorprovince",
    },
    person={
        "contact_email": "emailaddress1",
        "contact_first_name": "firstname",
        "contact_last_name": "lastname",
        "owner_first_name": "firstname",
        "owner_phone": "mobilephone",
    },
    account_of="parentaccountid",
    owner_of="ownerid",
    states={
        Stage.ON_HOLD: {"statecode": 0, "statuscode": 2},
        Stage.ACTIVE: {"statecode": 0, "statuscode": 1},
        Stage.WON: {"statecode": 1, "statuscode": 3},
        Stage.LOST: _LOST,
        Stage.DECLINED: _LOST,
    },
    own_ids=("6a3f0f9e-2f0a-4c0e-9d53-5d1d7f3f6b1a", "6A3F0F9E-2F0A-4C0E-9D53-5D1D7F3F6B1A"),
    foreign_ids=("006000000000001AAA",),
    costs={
        "read": 1,
        "find": 1,
        "related": 4,
        "create": 2,
        "create with account": 3,
        "update": 1,
        "update of nothing": 0,
        "read and win": 3,
        "read and lose": 4,
    },
)


class CrmStage(Protocol):
    """A port, and what happens around it. Columns are given in the deal's words."""

    port: Records
    dialect: Dialect
    pages: int
    """How many rows a page of the change feed holds."""
    asked: float
    """For how many seconds the CRM wants to be left alone when it throttles."""

    def pass_time(self) -> None:
        """Let so much time pass that a CRM with whole-second stamps notices."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass for the app alone."""
        ...

    def nobody(self) -> str:
        """Return the id of a record that never was."""
        ...

    def add_account(self, **words: object) -> str:
        """Add a customer."""
        ...

    def add_deal(self, **words: object) -> str:
        """A seller enters an opportunity with account, contact and owner; `customer=None` without the first two."""
        ...

    def add_user(self, first: str, last: str, mail: str, *, active: bool = True) -> str:
        """An administrator adds a user."""
        ...

    def add_contact(self, account_id: str, first: str, last: str, mail: str | None) -> str:
        """A seller adds a contact to an account."""
        ...

    def involve(self, record_id: str, *, users: tuple[str, ...] = (), contacts: tuple[str, ...] = ()) -> None:
        """A seller puts users on a record's sales team, and ties contacts to it."""
        ...

    def contacts(self) -> int:
        """Return how many contacts there are."""
        ...

    def refuse_contacts(self, text: str) -> None:
        """Let the customer's logic refuse every contact that the app writes."""
        ...

    def forbid_owning(self, user_id: str) -> None:
        """Let a user own no opportunity."""
        ...

    def edit(self, record_id: str, **words: object) -> None:
        """A seller changes an opportunity."""
        ...

    def edit_beside(self, record_id: str, **words: object) -> None:
        """Somebody changes a value of the opportunity's account, contact or owner, whichever the word is about."""
        ...

    def close(self, record_id: str, stage: Stage) -> None:
        """A seller wins or loses an opportunity."""
        ...

    def delete(self, record_id: str) -> None:
        """A seller deletes an opportunity."""
        ...

    def columns(self, record_id: str) -> CrmRow:
        """Return what the CRM holds."""
        ...

    def accounts(self) -> int:
        """Return how many accounts there are."""
        ...

    def expire_cursors(self) -> None:
        """Let the feed forget every cursor that it handed out."""
        ...

    def plug_in(self, logic: Callable[[CrmRow], CrmRow]) -> None:
        """Add logic of the customer's own, which changes rows that the app writes."""
        ...

    def refuse_writes(self, text: str) -> None:
        """Let the customer's logic refuse every write of the app, with a text."""
        ...

    def refuse_closing(self, text: str) -> None:
        """Let the customer's logic refuse to close opportunities."""
        ...

    def hide(self, word: str) -> None:
        """Take the right to read a column from the app's user."""
        ...

    def unique_of_account(self) -> str:
        """Make a column of the customer's own unique among accounts; returns its name."""
        ...

    def break_down(self, outage: Outage) -> None:
        """Let the service fail."""
        ...

    def heal(self) -> None:
        """Let it work again."""
        ...

    def requests(self) -> int:
        """Return how many HTTP requests were made, or would have been."""
        ...


class FakeStage:
    """The fake."""

    dialect = DYNAMICS
    pages = 3
    asked: float = ASKED

    def __init__(self) -> None:
        self.tape = Tape()
        self.fake = FakeCrm(self.tape, FakeClock(), Random(0), page=self.pages)
        self.port: Records = self.fake

    def pass_time(self) -> None:
        """Its versions are numbers."""

    def wait(self, seconds: float) -> None:
        """It remembers nothing that time would make old."""

    def nobody(self) -> str:
        return str(uuid.uuid4())

    def add_account(self, **words: object) -> str:
        return self.fake.add_account(**{DYNAMICS.account.get(word, word): value for word, value in words.items()})

    def add_deal(self, **words: object) -> str:
        return self.fake.add_deal(**_parents(words))

    def add_user(self, first: str, last: str, mail: str, *, active: bool = True) -> str:
        return self.fake.add_user(firstname=first, lastname=last, internalemailaddress=mail, isdisabled=not active)

    def add_contact(self, account_id: str, first: str, last: str, mail: str | None) -> str:
        person = {"firstname": first, "lastname": last, "emailaddress1": mail}
        return self.fake.add_contact(**person, parentcustomerid=account_id)

    def involve(self, record_id: str, *, users: tuple[str, ...] = (), contacts: tuple[str, ...] = ()) -> None:
        self.fake.connections.setdefault(record_id, []).extend((*users, *contacts))

    def contacts(self) -> int:
        return len(self.fake.contacts)

    def refuse_contacts(self, text: str) -> None:
        self.fake.refused_contacts = text

    def forbid_owning(self, user_id: str) -> None:
        self.fake.unfit_owners.add(user_id)

    def edit(self, record_id: str, **words: object) -> None:
        self.fake.edit(record_id, **DYNAMICS.columns(words))

    def edit_beside(self, record_id: str, **words: object) -> None:
        row, tables = self.fake.row(record_id), (self.fake.accounts, self.fake.contacts, self.fake.users)
        ids = (row["parentaccountid"], row["parentcontactid"], row["ownerid"])
        for word, value in words.items():
            place, column = DYNAMICS.beside(word)
            tables[place][str(ids[place])][column] = value

    def close(self, record_id: str, stage: Stage) -> None:
        self.fake.close(record_id, stage)

    def delete(self, record_id: str) -> None:
        self.fake.delete(record_id)

    def columns(self, record_id: str) -> CrmRow:
        return self.fake.row(record_id)

    def accounts(self) -> int:
        return len(self.fake.accounts)

    def expire_cursors(self) -> None:
        self.fake.expire_cursors()

    def plug_in(self, logic: Callable[[CrmRow], CrmRow]) -> None:
        self.fake.logic.append(logic)

    def refuse_writes(self, text: str) -> None:
        self.fake.refused_writes = text

    def refuse_closing(self, text: str) -> None:
        self.fake.refused_closing = text

    def hide(self, word: str) -> None:
        self.fake.hidden.add(DYNAMICS.record[word])

    def unique_of_account(self) -> str:
        self.fake.unique_of_account = "accountnumber"
        return "accountnumber"

    def break_down(self, outage: Outage) -> None:
        break_fake(self.tape, "crm", outage)

    def heal(self) -> None:
        self.tape.faults.clear()

    def requests(self) -> int:
        return len(self.tape.steps)


class DataverseStage:
    """The real client, over TLS, against a new simulated environment in a running world."""

    dialect = DYNAMICS
    asked: float = ASKED

    def __init__(self, vendors: Vendors, *, cosell_columns: bool = True) -> None:
        self.vendors = vendors
        self.clock = impatient_clock()
        self.simulator = DataverseSimulator(vendors.entra, vendors.clock, cosell_columns=cosell_columns)
        self.server = vendors.add(f"dataverse-{uuid.uuid4()}", self.simulator)
        url = self.server.url
        self.simulator.resource = url
        self.simulator.add_application_user(CLIENT_ID)
        vendors.entra.register_resource(url)
        self.app = App(load_settings({**vendors.settings(), **_settings(vendors, url)}), self.clock)
        self.app.ledger = MemoryLedger()
        self.port: Records = self.app.tasks.of("dynamics365").records
        self.pages = FakeStage.pages
        # Currencies and a token are fetched once per process; they are no cost of the call that is measured.
        self.port.read(self.add_deal())
        self.delete(next(iter(self.simulator.rows("opportunity")))["opportunityid"])  # type: ignore[arg-type]

    def pass_time(self) -> None:
        """Its versions are numbers."""

    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def nobody(self) -> str:
        return str(uuid.uuid4())

    def add_account(self, **words: object) -> str:
        ready = {"customer": "Contoso Outdoor & Sons", "postal_code": "BS1 3AE", **words}
        columns = {DYNAMICS.account.get(word, word): each for word, each in ready.items()}
        return self.simulator.seller.create_account(**columns)

    def add_deal(self, **words: object) -> str:
        columns = _parents(words)
        contact = {"firstname": "Olive", "lastname": "Marsh", "emailaddress1": "olive@contoso.example"}
        parents = (
            {}
            if "parentaccountid" in columns
            else {
                "parentaccountid": self.add_account(city="Bristol"),
                "parentcontactid": self.simulator.seller.create_contact(**contact, telephone1="+441170000000"),
            }
        )
        ready = {
            "name": "Contoso store analytics",
            "estimatedvalue": Decimal(42000),
            "transactioncurrencyid": "GBP",
            "estimatedclosedate": date(2027, 6, 30),
            "description": "Stores want one view of their stock.",
            "cosell_products": SOLUTION,
            "cosell_syncwithpartnercenter": True,
            **parents,
            **columns,
        }
        return self.simulator.seller.create_opportunity(**self._with_currency(ready))

    def add_user(self, first: str, last: str, mail: str, *, active: bool = True) -> str:
        person = {"firstname": first, "lastname": last, "fullname": f"{first} {last}", "isdisabled": not active}
        return self.simulator.environment.seed("systemuser", {**person, "internalemailaddress": mail})

    def add_contact(self, account_id: str, first: str, last: str, mail: str | None) -> str:
        person = {"firstname": first, "lastname": last, "emailaddress1": mail}
        return self.simulator.seller.create_contact(**person, parentcustomerid=account_id)

    def involve(self, record_id: str, *, users: tuple[str, ...] = (), contacts: tuple[str, ...] = ()) -> None:
        ends = [("systemuser", each) for each in users] + [("contact", each) for each in contacts]
        for table, each in ends:
            here, there = Reference("opportunity", record_id), Reference(table, each)
            for one, other in ((here, there), (there, here)):  # The platform makes its twin.
                self.simulator.environment.seed("connection", {"record1id": one, "record2id": other, "statecode": 0})

    def contacts(self) -> int:
        return len(self.simulator.rows("contact"))

    def refuse_contacts(self, text: str) -> None:
        self.simulator.refuse_writes("contact", text)

    def forbid_owning(self, user_id: str) -> None:
        self.simulator.environment.rules.without_roles.add(user_id)

    def edit(self, record_id: str, **words: object) -> None:
        columns = self._with_currency(DYNAMICS.columns(words))
        self.simulator.seller.edit(record_id, table="opportunity", **columns)

    def edit_beside(self, record_id: str, **words: object) -> None:
        row = self.simulator.row("opportunity", record_id)
        ids = (row["parentaccountid"], row["parentcontactid"], row["ownerid"])
        for word, value in words.items():
            place, column = DYNAMICS.beside(word)
            table = ("account", "contact", "systemuser")[place]
            self.simulator.seller.edit(str(ids[place]), table=table, **{column: value})

    def close(self, record_id: str, stage: Stage) -> None:
        (self.simulator.seller.win if stage is Stage.WON else self.simulator.seller.lose)(record_id)

    def delete(self, record_id: str) -> None:
        self.simulator.seller.delete(record_id)

    def columns(self, record_id: str) -> CrmRow:
        row = self.simulator.row("opportunity", record_id)
        codes = {each["transactioncurrencyid"]: each["isocurrencycode"] for each in self._currencies()}
        return {**row, "transactioncurrencyid": codes[row["transactioncurrencyid"]]}

    def accounts(self) -> int:
        return len(self.simulator.rows("account"))

    def expire_cursors(self) -> None:
        environment = self.simulator.environment
        self.add_account()  # A token is void when it is older than the newest version.
        environment.void_tokens(environment.table("opportunity"))

    def plug_in(self, logic: Callable[[CrmRow], CrmRow]) -> None:
        def hook(table: str, _row_id: str, row: CrmRow) -> Mapping[str, object] | None:
            return logic(row) if table == "opportunity" else None

        self.simulator.after_write(hook, asynchronous=False)

    def refuse_writes(self, text: str) -> None:
        self.simulator.refuse_writes("opportunity", text)

    def refuse_closing(self, text: str) -> None:
        self.simulator.refuse_closing(text)

    def hide(self, word: str) -> None:
        self.simulator.secure_column("opportunity", DYNAMICS.record[word])

    def unique_of_account(self) -> str:
        self.simulator.add_key("account", "accountnumber")
        return "accountnumber"

    def break_down(self, outage: Outage) -> None:
        break_server(self.server, outage)

    def heal(self) -> None:
        self.server.faults.clear()
        self.clock.sleep(60)

    def requests(self) -> int:
        return self.server.log.count()

    def _currencies(self) -> list[CrmRow]:
        return self.simulator.rows("transactioncurrency")

    def _with_currency(self, columns: CrmRow) -> CrmRow:
        code = columns.get("transactioncurrencyid")
        ids = {each["isocurrencycode"]: each["transactioncurrencyid"] for each in self._currencies()}
        return {**columns, "transactioncurrencyid": ids[code]} if code else columns


def _parents(words: CrmRow) -> CrmRow:
    """Return the columns for words; a record without a customer has no account and no contact."""
    columns = DYNAMICS.columns({word: value for word, value in words.items() if word != "customer"})
    return {**columns, "parentaccountid": None} if "customer" in words else columns


def _settings(vendors: Vendors, url: str) -> dict[str, str]:
    return {
        "CRM": "dynamics365",
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "DYNAMICS_URL": url,
        "DYNAMICS_TENANT_ID": vendors.entra.tenant_id,
        "DYNAMICS_CLIENT_ID": CLIENT_ID,
        "DYNAMICS_CLIENT_SECRET": CLIENT_SECRET,
    }
