"""People at the forms of Dynamics 365 in memory: sellers and administrators, who may do more than the app."""

from __future__ import annotations

from random import Random

from shared.clock import Clock
from shared.lifecycle import Stage
from tests.support.fakes import crm_rules as rules
from tests.support.fakes.crm_rows import CrmRows
from tests.support.fakes.crm_rules import OPEN, SYNC, CrmRow
from tests.support.fakes.partner_center import SOLUTION
from tests.support.fakes.tape import Tape

APP_USER = "a9900000-0000-4000-8000-000000000001"


class CrmPeople(CrmRows):
    """The CRM's users, and what they enter."""

    def __init__(self, tape: Tape, clock: Clock, chance: Random, page: int = 1000) -> None:
        super().__init__(tape, clock, chance, page)
        self.seller = self.add_user(firstname="Sam", lastname="Seller", mobilephone="+14255550101")
        self.app_user = APP_USER
        app = {"firstname": "App", "lastname": "User", "mobilephone": "+14255550109"}
        self.users[APP_USER] = {**app, "internalemailaddress": "app@partner.example", "address1_telephone1": None}

    def add_user(self, **columns: object) -> str:
        """Add a user of the CRM; returns its id."""
        mail = f"{columns.get('firstname')}@partner.example".lower()
        return self._add(self.users, {"internalemailaddress": mail, "address1_telephone1": None, **columns})

    def add_account(self, **columns: object) -> str:
        """Add a customer; returns its id."""
        address = {f"address1_{part}": None for part in ("line2", "stateorprovince")}
        ready: CrmRow = {
            "name": "Contoso Outdoor & Sons",
            "address1_line1": "1 Market Street",
            "address1_city": "Bristol",
            "address1_postalcode": "BS1 3AE",
            "address1_country": "United Kingdom",
        }
        return self._add(self.accounts, {**address, **ready, **columns})

    def add_contact(self, **columns: object) -> str:
        """Add a customer's contact; returns its id."""
        ready = {"firstname": "Olive", "lastname": "Marsh", "emailaddress1": "olive@contoso.example"}
        return self._add(self.contacts, {**ready, "telephone1": "+441170000000", **columns})

    def add_deal(self, **columns: object) -> str:
        """A seller enters an opportunity that is ready to be shared, and switches the sync on; returns its id."""
        ready: CrmRow = {
            "name": "Contoso store analytics",
            "estimatedvalue": 42000,
            "transactioncurrencyid": "GBP",
            "estimatedclosedate": "2027-06-30",
            "description": "Stores want one view of their stock.",
            "cosell_products": SOLUTION,
            SYNC: True,
            "parentaccountid": None,
            "parentcontactid": None,
            "ownerid": self.seller,
        }
        if "parentaccountid" not in columns:
            ready |= {"parentaccountid": self.add_account(), "parentcontactid": self.add_contact()}
        ready["customerid"] = columns.get("parentaccountid", ready["parentaccountid"])
        return self._insert(ready | columns, by_app=False)

    def enter(self, **columns: object) -> str:
        """A seller, or the CRM itself, makes a record of just these columns; returns its id."""
        return self._insert(columns, by_app=False)

    def edit(self, record_id: str, **columns: object) -> None:
        """A seller changes columns. Raises DataError for a closed row."""
        held = self._held(record_id)
        if held.columns["statecode"] != 0 and self.closed_rows_are_read_only:
            raise rules.refuse("it is closed")
        self._store(record_id, held.columns | self.rules.stored(columns), by_app=False)

    def close(self, record_id: str, stage: Stage) -> None:
        """A seller wins or loses the deal."""
        state: CrmRow = {"statecode": 1, "statuscode": 3} if stage is Stage.WON else {"statecode": 2, "statuscode": 4}
        self._store(record_id, self._held(record_id).columns | state, by_app=False)

    def reopen(self, record_id: str) -> None:
        """A seller opens a closed deal again."""
        self._store(record_id, self._held(record_id).columns | OPEN, by_app=False)

    def delete(self, record_id: str) -> None:
        """A seller deletes the deal."""
        del self._rows[record_id]
        self._version += 1
        self._deleted[record_id] = self._version

    def restore(self, record_id: str, columns: CrmRow) -> None:
        """An administrator brings a deleted deal back."""
        self._deleted.pop(record_id, None)
        self._store(record_id, columns, by_app=False)

    def clone(self, record_id: str, **columns: object) -> str:
        """A seller copies a deal with everything in it, but for what is changed."""
        return self._insert({**self.row(record_id), **OPEN, **columns}, by_app=False)

    def merge(self, loser_id: str, winner_id: str, *, keep: tuple[str, ...] = ()) -> None:
        """A seller merges two deals: the loser is gone, and its columns `keep` go to the winner."""
        lost = {name: self.row(loser_id)[name] for name in keep}
        self.delete(loser_id)
        self.merged[loser_id] = winner_id
        self._store(winner_id, self._held(winner_id).columns | lost, by_app=False)

    def expire_cursors(self) -> None:
        """Forget every cursor handed out so far, and which rows were deleted."""
        self._version += 1
        self._oldest_cursor = self._version
        self._deleted.clear()
