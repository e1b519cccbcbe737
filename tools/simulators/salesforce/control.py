"""People in the simulated CRM: a seller who creates, edits, wins, loses, deletes and fetches back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from tools.simulators.salesforce.fields import SObjectType
from tools.simulators.salesforce.org import Caller, Org
from tools.simulators.salesforce.records import Record, Values
from tools.simulators.salesforce.schema import LEAD_STATUSES
from tools.simulators.salesforce.values import to_stored
from tools.simulators.salesforce.writes import Writer

Handler = Callable[[dict[str, str], dict[str, object]], object]


@dataclass
class Seller:
    """A person who works in the org's own pages.

    Columns are given by API name, with Python values (Decimal, date) or JSON's. The platform's checks apply; a refusal
    is raised as RefusedError. What a person writes surfaces after the quirk `commit_delay`.
    """

    org: Org
    lock: threading.RLock
    user_id: str

    def create(self, table: str, /, **columns: object) -> str:
        """Create a record of any type; returns its id."""
        with self.lock:
            sobject = self.org.objects[table.lower()]
            return self._writer().create(sobject, self._changes(sobject, columns)).id

    def create_opportunity(self, /, **columns: object) -> str:
        """Create an opportunity; it is in stage Prospecting and closes in 2027 unless that is given. Returns its id."""
        return self.create("Opportunity", **{"StageName": "Prospecting", "CloseDate": "2027-12-31"} | columns)

    def create_lead(self, /, **columns: object) -> str:
        """Create a lead; returns its id."""
        return self.create("Lead", **columns)

    def convert(self, lead_id: str, *, opportunity: bool = True) -> str:
        """Convert a lead to an account, a contact and, where it is wanted, an opportunity, whose id is returned."""
        with self.lock:
            lead = self._live(lead_id)
            held = lead.values
            made = {"ConvertedAccountId": self.create_account(Name=held["Company"])}
            person = {name: held.get(name) for name in ("FirstName", "LastName", "Email", "Phone")}
            made["ConvertedContactId"] = self.create_contact(AccountId=made["ConvertedAccountId"], **person)
            if opportunity:
                name, account = f"{held['Company']}-", made["ConvertedAccountId"]
                made["ConvertedOpportunityId"] = self.create_opportunity(Name=name, AccountId=account)
            self._writer().update(lead, {**made, "IsConverted": True, "Status": LEAD_STATUSES[2]})
            return made.get("ConvertedOpportunityId", "")

    def create_account(self, /, **columns: object) -> str:
        """Create an account; returns its id."""
        return self.create("Account", **columns)

    def create_contact(self, /, **columns: object) -> str:
        """Create a contact; returns its id."""
        return self.create("Contact", **columns)

    def set_primary_contact(self, opportunity_id: str, contact_id: str, *, role: str = "Decision Maker") -> str:
        """Make a contact the primary one of an opportunity; returns the contact role's id."""
        columns = {"OpportunityId": opportunity_id, "ContactId": contact_id, "Role": role, "IsPrimary": True}
        return self.create("OpportunityContactRole", **columns)

    def edit(self, record_id: str, /, *, table: str = "Opportunity", **columns: object) -> None:
        """Change columns of a record."""
        self.edit_all([record_id], table=table, **columns)

    def edit_all(self, record_ids: Iterable[str], /, *, table: str = "Opportunity", **columns: object) -> None:
        """Change columns of many records at once; all carry the same SystemModstamp, as after a mass update."""
        with self.lock:
            sobject, stamp = self.org.objects[table.lower()], self.org.stamp()
            changes = self._changes(sobject, columns)
            for record_id in record_ids:
                self._writer().update(self._live(record_id), changes, stamp=stamp)

    def win(self, opportunity_id: str) -> None:
        """Close an opportunity as won: nothing but another stage."""
        self.edit(opportunity_id, StageName="Closed Won")

    def lose(self, opportunity_id: str) -> None:
        """Close an opportunity as lost."""
        self.edit(opportunity_id, StageName="Closed Lost")

    def reopen(self, opportunity_id: str, stage: str = "Qualification") -> None:
        """Open a closed opportunity again."""
        self.edit(opportunity_id, StageName=stage)

    def clone(self, record_id: str, *, without: Collection[str] = ()) -> str:
        """Copy the columns of an opportunity that can be given at create into a new one; returns its id.

        Records beside it, such as contact roles, stay where they are.
        """
        with self.lock:
            held = self._live(record_id)
            sobject = self.org.objects[held.sobject.lower()]
            copied = {name: value for name, value in held.values.items() if sobject.fields[name].createable}
            return (
                self._writer()
                .create(sobject, {name: value for name, value in copied.items() if name not in without})
                .id
            )

    def add_product_lines(self, opportunity_id: str, amount: Decimal) -> None:
        """Give an opportunity products: from now on they make up its amount."""
        with self.lock:
            changes = {"HasOpportunityLineItem": True, "Amount": amount}
            self._writer().update(self._live(opportunity_id), changes)

    def delete(self, record_id: str) -> None:
        """Move a record to the recycle bin."""
        with self.lock:
            self._writer().delete(self._live(record_id))

    def merge(self, loser_id: str, winner_id: str) -> None:
        """Merge two accounts, contacts or leads: what hangs on the loser moves, and the loser is deleted."""
        with self.lock:
            loser, winner = self._live(loser_id), self._live(winner_id)
            sobject = self.org.objects[loser.sobject.lower()]
            for relationship in sobject.children:
                for child in list(self.org.live(relationship.child)):
                    if child.values.get(relationship.field) == loser.id:
                        self._writer().update(child, {relationship.field: winner.id})
            self._writer().merge_away(loser, winner.id)

    def undelete(self, record_id: str) -> None:
        """Take a record out of the recycle bin."""
        with self.lock:
            record = self.org.store.newest(record_id)
            if record is None or not record.is_deleted:
                raise KeyError(f"{record_id} is not in the recycle bin")
            self._writer().undelete(record)

    def row(self, table: str, record_id: str) -> dict[str, object]:
        """Return a record's columns, null ones as None, deleted ones too. KeyError when it does not exist."""
        with self.lock:
            record = self.org.store.newest(record_id)
            if record is None:
                raise KeyError(f"{table} {record_id}")
            return _plain(self.org.objects[table.lower()], record)

    def rows(self, table: str) -> list[dict[str, object]]:
        """Return every record of a type that is not deleted, in the order of creation."""
        with self.lock:
            sobject = self.org.objects[table.lower()]
            records = self.org.store.all_newest(sobject.name)
            return [_plain(sobject, record) for record in records if not record.is_deleted]

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers of the HTTP control API, by method and path pattern."""
        path = "/crm/opportunities"
        return {
            ("GET", path): lambda _path, _body: _sendable(self.rows("Opportunity")),
            ("POST", path): lambda _path, body: {"id": self.create_opportunity(**body)},
            ("GET", f"{path}/{{id}}"): lambda path, _body: _sendable(self.row("Opportunity", path["id"])),
            ("PATCH", f"{path}/{{id}}"): self._edit_route,
            ("DELETE", f"{path}/{{id}}"): lambda path, _body: self.delete(path["id"]),
            ("POST", f"{path}/{{id}}/undelete"): lambda path, _body: self.undelete(path["id"]),
            ("POST", f"{path}/{{id}}/win"): lambda path, _body: self.win(path["id"]),
            ("POST", f"{path}/{{id}}/lose"): lambda path, _body: self.lose(path["id"]),
            ("POST", f"{path}/{{id}}/reopen"): lambda path, _body: self.reopen(path["id"]),
            ("POST", f"{path}/{{id}}/clone"): lambda path, body: {"id": self.clone(path["id"], **body)},
            ("GET", "/crm/leads"): lambda _path, _body: _sendable(self.rows("Lead")),
            ("POST", "/crm/leads/{id}/qualify"): lambda path, _body: {"id": self.convert(path["id"])},
            ("POST", "/crm/leads/{id}/disqualify"): lambda path, _body: self.edit(
                path["id"], table="Lead", Status=LEAD_STATUSES[3]
            ),
        }

    def _edit_route(self, path: dict[str, str], body: dict[str, object]) -> object:
        self.edit(path["id"], **body)  # type: ignore[arg-type]
        return _sendable(self.row("Opportunity", path["id"]))

    def _live(self, record_id: str) -> Record:
        record = self.org.store.newest(record_id)
        if record is None or record.is_deleted:
            raise KeyError(f"no record {record_id}")
        return record

    def _writer(self) -> Writer:
        return Writer(self.org, Caller(self.user_id, customizer=True, person=True), run_hooks=False)

    def _changes(self, sobject: SObjectType, columns: dict[str, object]) -> Values:
        fields = sobject.fields
        return {name: to_stored(sobject, fields[name], _wire_value(value)) for name, value in columns.items()}


def _wire_value(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value


def _plain(sobject: SObjectType, record: Record) -> dict[str, object]:
    return {name: record.values.get(name) for name in sobject.fields}


def _sendable(value: object) -> object:
    """Return a copy that JSON can hold: Decimals become numbers."""
    if isinstance(value, dict):
        return {name: _sendable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_sendable(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value
