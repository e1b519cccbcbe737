"""The fake and the real client of Dynamics 365, each with a seller at the CRM's forms."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from random import Random
from typing import Protocol

from shared.bootstrap import App
from shared.crm.port import Crm
from shared.ledger.memory import MemoryLedger
from shared.lifecycle import Stage
from shared.settings import load_settings
from tests.contract.stages.outages import Outage, break_fake, break_server, impatient_clock
from tests.fakes.clock import FakeClock
from tests.fakes.crm import FakeCrm
from tests.fakes.partner_center import SOLUTION
from tests.fakes.tape import Tape
from tools.simulators.dataverse import DataverseSimulator
from tools.simulators.world import CLIENT_ID, CLIENT_SECRET, World

Row = dict[str, object]


class CrmStage(Protocol):
    """A port, and what happens around it."""

    port: Crm
    pages: int
    """How many rows a page of the change feed holds."""

    def add_account(self, **columns: object) -> str:
        """Add a customer."""
        ...

    def add_deal(self, **columns: object) -> str:
        """A seller enters an opportunity with account, contact and owner."""
        ...

    def edit(self, record_id: str, **columns: object) -> None:
        """A seller changes an opportunity."""
        ...

    def close(self, record_id: str, stage: Stage) -> None:
        """A seller wins or loses an opportunity."""
        ...

    def delete(self, record_id: str) -> None:
        """A seller deletes an opportunity."""
        ...

    def columns(self, record_id: str) -> Row:
        """Return what the CRM holds."""
        ...

    def accounts(self) -> int:
        """Return how many accounts there are."""
        ...

    def expire_cursors(self) -> None:
        """Let the feed forget every cursor that it handed out."""
        ...

    def plug_in(self, logic: Callable[[Row], Row]) -> None:
        """Add logic of the customer's own, which changes rows that the app writes."""
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

    pages = 3

    def __init__(self) -> None:
        self.tape = Tape()
        self.fake = FakeCrm(self.tape, FakeClock(), Random(0), page=self.pages)
        self.port: Crm = self.fake

    def add_account(self, **columns: object) -> str:
        return self.fake.add_account(**columns)

    def add_deal(self, **columns: object) -> str:
        return self.fake.add_deal(**columns)

    def edit(self, record_id: str, **columns: object) -> None:
        self.fake.edit(record_id, **columns)

    def close(self, record_id: str, stage: Stage) -> None:
        self.fake.close(record_id, stage)

    def delete(self, record_id: str) -> None:
        self.fake.delete(record_id)

    def columns(self, record_id: str) -> Row:
        return self.fake.row(record_id)

    def accounts(self) -> int:
        return len(self.fake.accounts)

    def expire_cursors(self) -> None:
        self.fake.expire_cursors()

    def plug_in(self, logic: Callable[[Row], Row]) -> None:
        self.fake.logic.append(logic)

    def break_down(self, outage: Outage) -> None:
        break_fake(self.tape, "crm", outage)

    def heal(self) -> None:
        self.tape.faults.clear()

    def requests(self) -> int:
        return len(self.tape.steps)


class ClientStage:
    """The real client, over TLS, against a new simulated environment in a running world."""

    def __init__(self, world: World, *, cosell_columns: bool = True) -> None:
        self.world = world
        self.clock = impatient_clock()
        self.simulator = DataverseSimulator(world.entra, world.clock, cosell_columns=cosell_columns)
        self.server = world.add(f"dataverse-{uuid.uuid4()}", self.simulator)
        url = self.server.url
        self.simulator.resource = url
        self.simulator.add_application_user(CLIENT_ID)
        world.entra.register_resource(url)
        app = App(load_settings({**world.settings(), **_settings(world, url)}), self.clock)
        app.ledger = MemoryLedger()
        self.port: Crm = app.ports["dynamics365"].crm
        self.pages = 1000
        # Currencies and a token are fetched once per process; they are no cost of the call that is measured.
        self.port.read(self.add_deal())
        self.delete(next(iter(self.simulator.rows("opportunity")))["opportunityid"])  # type: ignore[arg-type]

    def add_account(self, **columns: object) -> str:
        ready = {"name": "Contoso Outdoor & Sons", "address1_postalcode": "BS1 3AE", **columns}
        return self.simulator.seller.create_account(**ready)

    def add_deal(self, **columns: object) -> str:
        contact = {"firstname": "Olive", "lastname": "Marsh", "emailaddress1": "olive@contoso.example"}
        parents = (
            {}
            if "parentaccountid" in columns
            else {
                "parentaccountid": self.add_account(address1_city="Bristol"),
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

    def edit(self, record_id: str, **columns: object) -> None:
        self.simulator.seller.edit(record_id, table="opportunity", **self._with_currency(columns))

    def close(self, record_id: str, stage: Stage) -> None:
        (self.simulator.seller.win if stage is Stage.WON else self.simulator.seller.lose)(record_id)

    def delete(self, record_id: str) -> None:
        self.simulator.seller.delete(record_id)

    def columns(self, record_id: str) -> Row:
        row = self.simulator.row("opportunity", record_id)
        codes = {each["transactioncurrencyid"]: each["isocurrencycode"] for each in self._currencies()}
        return {**row, "transactioncurrencyid": codes[row["transactioncurrencyid"]]}

    def accounts(self) -> int:
        return len(self.simulator.rows("account"))

    def expire_cursors(self) -> None:
        environment = self.simulator.environment
        self.add_account()  # A token is void when it is older than the newest version.
        environment.void_tokens(environment.table("opportunity"))

    def plug_in(self, logic: Callable[[Row], Row]) -> None:
        def hook(table: str, _row_id: str, row: Row) -> Mapping[str, object] | None:
            return logic(row) if table == "opportunity" else None

        self.simulator.after_write(hook, asynchronous=False)

    def break_down(self, outage: Outage) -> None:
        break_server(self.server, outage)

    def heal(self) -> None:
        self.server.faults.clear()
        self.clock.sleep(60)

    def requests(self) -> int:
        return self.server.log.count()

    def _currencies(self) -> list[Row]:
        return self.simulator.rows("transactioncurrency")

    def _with_currency(self, columns: Row) -> Row:
        code = columns.get("transactioncurrencyid")
        ids = {each["isocurrencycode"]: each["transactioncurrencyid"] for each in self._currencies()}
        return {**columns, "transactioncurrencyid": ids[code]} if code else columns


def _settings(world: World, url: str) -> dict[str, str]:
    return {
        "CRM": "dynamics365",
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "DYNAMICS_URL": url,
        "DYNAMICS_TENANT_ID": world.entra.tenant_id,
        "DYNAMICS_CLIENT_ID": CLIENT_ID,
        "DYNAMICS_CLIENT_SECRET": CLIENT_SECRET,
    }
