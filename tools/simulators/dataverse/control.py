"""People in the simulated CRM: a seller who creates, edits, wins, loses and deletes, and the rows everybody needs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from tools.simulators.dataverse.actions import LOST, WON, close_opportunity, qualify_lead
from tools.simulators.dataverse.columns import Column, Kind, Table
from tools.simulators.dataverse.environment import ORGANIZATION_ID, Caller, Environment
from tools.simulators.dataverse.rows import Reference, Row, Values
from tools.simulators.dataverse.values import checked
from tools.simulators.dataverse.writes import Writer

SELLER_ID = "5e11e400-0000-4000-8000-000000000001"
ADMIN_ID = "5e11e400-0000-4000-8000-000000000002"
USD_ID, EUR_ID, GBP_ID = (f"c0000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))

Handler = Callable[[dict[str, str], dict[str, object]], object]

_CURRENCIES = (
    (USD_ID, "USD", "US Dollar", "$", "1"),
    (EUR_ID, "EUR", "Euro", "€", "0.92"),
    (GBP_ID, "GBP", "Pound Sterling", "£", "0.79"),
)
_PEOPLE = ((SELLER_ID, "Sam", "Seller", "+14255550101"), (ADMIN_ID, "Ada", "Admin", None))


def seed_environment(environment: Environment) -> str:
    """Create organization, currencies (US dollar is the base) and people; returns the seller's id."""
    for currency_id, code, name, symbol, rate in _CURRENCIES:
        environment.seed(
            "transactioncurrency",
            {
                "transactioncurrencyid": currency_id,
                "isocurrencycode": code,
                "currencyname": name,
                "currencysymbol": symbol,
                "currencyprecision": 2,
                "exchangerate": Decimal(rate),
                "statecode": 0,
                "statuscode": 1,
            },
        )
    for user_id, first, last, phone in _PEOPLE:
        mail = f"{first}.{last}@partner.example".lower()
        person: Values = {"firstname": first, "lastname": last, "fullname": f"{first} {last}", "domainname": mail}
        person |= {"systemuserid": user_id, "internalemailaddress": mail, "isdisabled": False}
        environment.seed("systemuser", person | ({"mobilephone": phone} if phone else {}))
    organization: Values = {"organizationid": ORGANIZATION_ID, "name": "Partner", "expirechangetrackingindays": 7}
    organization |= {"languagecode": 1033, "pricingdecimalprecision": 2, "expiresubscriptionsindays": 90}
    organization["basecurrencyid"] = Reference("transactioncurrency", USD_ID)
    environment.seed("organization", organization)
    return SELLER_ID


@dataclass
class Seller:
    """A person who works in the CRM's own forms.

    Columns are given by logical name, with Python values (Decimal, date) or JSON's; lookups by the other row's id.
    The platform's checks apply; a refusal is raised as RefusedError.
    """

    environment: Environment
    lock: threading.RLock
    user_id: str

    def create(self, table: str, /, **columns: object) -> str:
        """Create a row of any table; returns its id."""
        with self.lock:
            definition = self.environment.table(table)
            return self._writer().create(definition, self._changes(definition, columns)).id

    def create_opportunity(self, /, **columns: object) -> str:
        """Create an opportunity; returns its id."""
        return self.create("opportunity", **columns)

    def create_lead(self, /, **columns: object) -> str:
        """Create a lead; returns its id."""
        return self.create("lead", **columns)

    def qualify(self, lead_id: str, *, opportunity: bool = True) -> str:
        """Qualify a lead to an account, a contact and, where it is wanted, an opportunity, whose id is returned."""
        body: dict[str, object] = {"CreateAccount": True, "CreateContact": True, "CreateOpportunity": opportunity}
        body |= {"OpportunityCurrencyId": None, "OpportunityCustomerId": None, "SourceCampaignId": None, "Status": 3}
        with self.lock:
            made = qualify_lead(self.environment, self._writer(), self.environment.row("lead", lead_id), body)
        return next((row.id for row in made if row.table == "opportunity"), "")

    def disqualify(self, lead_id: str) -> None:
        """Disqualify a lead, with the status reason Lost."""
        self.edit(lead_id, table="lead", statecode=2)

    def create_account(self, /, **columns: object) -> str:
        """Create an account; returns its id."""
        return self.create("account", **columns)

    def create_contact(self, /, **columns: object) -> str:
        """Create a contact; returns its id."""
        return self.create("contact", **columns)

    def edit(self, row_id: str, /, *, table: str = "opportunity", **columns: object) -> None:
        """Change columns of a row."""
        with self.lock:
            definition = self.environment.table(table)
            self._writer().update(self.environment.row(table, row_id), self._changes(definition, columns))

    def win(self, opportunity_id: str, *, actual_revenue: Decimal | None = None) -> None:
        """Close an opportunity as won."""
        self._close(opportunity_id, WON, -1, actual_revenue)

    def lose(self, opportunity_id: str, status: int = -1) -> None:
        """Close an opportunity as lost: 4 Canceled (the default), 5 Out-Sold."""
        self._close(opportunity_id, LOST, status, None)

    def reopen(self, opportunity_id: str) -> None:
        """Open a closed opportunity again."""
        self.edit(opportunity_id, statecode=0)

    def clone(self, row_id: str, *, table: str = "opportunity", without: Collection[str] = ()) -> str:
        """Copy the columns of a row that are valid for create into a new one, which is open; returns its id."""
        with self.lock:
            definition = self.environment.table(table)
            left_out = {definition.primary_id, "statecode", "statuscode", *without}
            held = self.environment.row(table, row_id).values
            copied = {name: value for name, value in held.items() if definition.columns[name].creatable}
            changes = {name: value for name, value in copied.items() if name not in left_out}
            return self._writer().create(definition, changes).id

    def delete(self, row_id: str, *, table: str = "opportunity") -> None:
        """Delete a row."""
        with self.lock:
            self._writer().delete(self.environment.row(table, row_id))

    def merge(self, loser_id: str, winner_id: str, *, table: str = "account") -> None:
        """Merge two accounts, contacts or leads: the loser stays, out of use, and names the winner."""
        with self.lock:
            loser = self.environment.row(table, loser_id)
            winner = self.environment.row(table, winner_id)
            closed = {"statecode": 2, "statuscode": 4} if table == "lead" else {"statecode": 1, "statuscode": 2}
            outcome = {"merged": True, "masterid": Reference(table, winner.id), **closed}
            self._writer().replace(loser, loser.values | outcome)
            for child in self.environment.store.all("opportunity"):
                moved = {
                    name: Reference(table, winner.id)
                    for name, value in child.values.items()
                    if value == Reference(table, loser.id)
                }
                if moved:
                    self._writer().replace(child, child.values | moved)

    def row(self, table: str, row_id: str) -> dict[str, object]:
        """Return a row's columns by logical name; lookups as plain ids. KeyError when it does not exist."""
        with self.lock:
            row = self.environment.store.find(table, row_id.lower())
            if row is None:
                raise KeyError(f"{table} {row_id}")
            return _plain(self.environment.table(table), row)

    def rows(self, table: str) -> list[dict[str, object]]:
        """Return every row of a table, in the order of creation."""
        with self.lock:
            definition = self.environment.table(table)
            return [_plain(definition, row) for row in self.environment.store.all(table)]

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers of the HTTP control API, by method and path pattern."""
        path = "/crm/opportunities"
        return {
            ("GET", path): lambda _path, _body: _sendable(self.rows("opportunity")),
            ("POST", path): lambda _path, body: {"id": self.create_opportunity(**body)},
            ("GET", f"{path}/{{id}}"): lambda path, _body: _sendable(self.row("opportunity", path["id"])),
            ("PATCH", f"{path}/{{id}}"): self._edit_route,
            ("DELETE", f"{path}/{{id}}"): lambda path, _body: self.delete(path["id"]),
            ("POST", f"{path}/{{id}}/win"): lambda path, _body: self.win(path["id"]),
            ("POST", f"{path}/{{id}}/lose"): self._lose_route,
            ("POST", f"{path}/{{id}}/reopen"): lambda path, _body: self.reopen(path["id"]),
            ("POST", f"{path}/{{id}}/clone"): lambda path, body: {"id": self.clone(path["id"], **body)},
            ("GET", "/crm/leads"): lambda _path, _body: _sendable(self.rows("lead")),
            ("POST", "/crm/leads/{id}/qualify"): lambda path, _body: {"id": self.qualify(path["id"])},
            ("POST", "/crm/leads/{id}/disqualify"): lambda path, _body: self.disqualify(path["id"]),
        }

    def _edit_route(self, path: dict[str, str], body: dict[str, object]) -> object:
        self.edit(path["id"], **body)  # type: ignore[arg-type]
        return _sendable(self.row("opportunity", path["id"]))

    def _lose_route(self, path: dict[str, str], body: dict[str, object]) -> object:
        status = body.get("status", -1)
        self.lose(path["id"], status if isinstance(status, int) else -1)
        return _sendable(self.row("opportunity", path["id"]))

    def _writer(self) -> Writer:
        return Writer(self.environment, Caller(self.user_id), run_hooks=False)

    def _close(self, opportunity_id: str, state: int, status: int, revenue: Decimal | None) -> None:
        activity: dict[str, object] = {
            "subject": "Closed",
            "opportunityid@odata.bind": f"/opportunities({opportunity_id})",
        }
        if revenue is not None:
            activity["actualrevenue"] = revenue
        with self.lock:
            body: dict[str, object] = {"Status": status, "OpportunityClose": activity}
            close_opportunity(self.environment, self._writer(), state, body)

    def _changes(self, table: Table, columns: dict[str, object]) -> Values:
        return {name: self._stored(table, name, value) for name, value in columns.items()}

    def _stored(self, table: Table, name: str, value: object) -> object:
        column = table.columns[name]
        if value is None:
            return None
        if column.is_lookup:
            return self._reference(column, str(value))
        return checked(table.name, column, _wire_value(column, value), self.environment.quirks.money_rounding)

    def _reference(self, column: Column, row_id: str) -> Reference:
        for _, target in column.navigations:
            if self.environment.store.find(target, row_id.lower()):
                return Reference(target, row_id.lower())
        raise KeyError(f"no row {row_id} for {column.name}")


def _wire_value(column: Column, value: object) -> object:
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat() if column.is_date_only else f"{value.isoformat()}T00:00:00Z"
    if isinstance(value, str) and column.kind is Kind.MONEY:
        return Decimal(value)
    return value


def _plain(table: Table, row: Row) -> dict[str, object]:
    values = {name: row.values.get(name) for name in table.columns}
    plain = {name: value.id if isinstance(value, Reference) else value for name, value in values.items()}
    return plain | {"@odata.etag": row.etag, "versionnumber": row.version}


def _sendable(value: object) -> object:
    """Return a copy that JSON can hold: Decimals become numbers."""
    if isinstance(value, dict):
        return {name: _sendable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_sendable(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value
