"""An administrator's desk: a simulated world, a new CRM in it, and the app's settings for both."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from shared.bootstrap import App
from shared.ledger import drawers
from shared.ledger.memory import MemoryLedger
from shared.ledger.model import DueKind
from shared.mapping.loading import BUILT_IN
from shared.settings import load_settings
from tools.admin.options import Options
from tools.cli import provision
from tools.simulators.clock import SimulatorClock
from tools.simulators.dataverse import DataverseSimulator
from tools.simulators.dataverse.columns import Column
from tools.simulators.dataverse.columns import Kind as DataverseKind
from tools.simulators.salesforce import SalesforceSimulator
from tools.simulators.salesforce.fields import Field
from tools.simulators.salesforce.schema import text
from tools.simulators.salesforce.seeding import INTEGRATION_USER
from tools.simulators.server import SimulatorServer
from tools.simulators.vendors import CLIENT_ID, CLIENT_SECRET, Vendors

NO_STORAGE = "UseDevelopmentStorage=true"
SALESFORCE_APP, ADMINISTRATOR = ("3MVG9.app", "the-apps-own-secret"), ("3MVG9.admin", "an-administrators-secret")


class WorldTime:
    """The app's clock in step with the simulated vendors': to sleep is to move them all."""

    def __init__(self, clock: SimulatorClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.advance(timedelta(seconds=seconds))


class Desk:
    """One CRM. `storage` is a connection string; without one the ledger is in memory."""

    name: str
    """The CRM's, as in the setting."""
    prefix: tuple[str, str]
    """Text of the mapping file that gives the product's columns other names when it is replaced."""
    money: tuple[str, str]
    """A standard column, and the same misspelt."""
    products: str
    server: SimulatorServer
    options = Options()

    def __init__(self, vendors: Vendors, *, storage: str | None = None) -> None:
        self.vendors = vendors
        self._storage = storage

    def settings(self, **changes: str) -> dict[str, str]:
        """Return the app settings, some of them changed."""
        return {
            **self.vendors.settings(),
            "AzureWebJobsStorage": self._storage or NO_STORAGE,
            # A queue, and a ledger's token, of this desk's own.
            "SYNC_QUEUE": f"deals-{uuid.uuid4()}",
            "CRM_POLL_SCHEDULE": "0 * * * * *",
            "RECONCILE_SCHEDULE": "0 */10 * * * *",
            "ALERT_WEBHOOK_URL": "https://chat.example/hook",
            "CRM": self.name,
            **self.sign_in(),
            **changes,
        }

    def sign_in(self) -> dict[str, str]:
        """Return the settings that sign the app in to the CRM."""
        raise NotImplementedError

    def app(self, **changes: str) -> App:
        """Return the app with these settings."""
        app = App(load_settings(self.settings(**changes)), WorldTime(self.vendors.clock))
        if self._storage is None:
            app.ledger = MemoryLedger()
        return app

    def forget(self) -> None:
        """Empty what other desks left in the storage that they share."""
        ledger = self.app().ledger
        told = (
            drawers.crm_cursor(self.name),
            drawers.text("token", "partner_center"),
            drawers.text("webhook", "last-event"),
        )
        raised = [drawers.text("alert", key) for key in self.app().alerts.raised()]
        for drawer in (*told, *raised):
            ledger.drawers.clear(drawer, ledger.drawers.read(drawer))
        agenda = ledger.of(self.name).agenda
        for due in list(agenda.all(DueKind.PARKED)):
            agenda.drop(due.kind, due.key)

    def administrator(self, **changes: str) -> App:
        """Return the app as an administrator signs in to provision."""
        return self.app(**changes)

    def provision(self, *, apply: bool, **changes: str) -> int:
        """Run the command."""
        return provision.run(self.administrator(**changes), self.name, self.options, apply=apply)

    def posts(self) -> int:
        """Return how many writes the CRM was asked for, the sign-in aside."""
        return sum(each.method != "GET" and "oauth2" not in each.path for each in self.server.log.entries)

    def custom(self) -> list[str]:
        """Return the names of the columns that somebody added."""
        raise NotImplementedError

    def add_wrong_type(self) -> None:
        """Add the column for the visibility as text of ten characters."""
        raise NotImplementedError

    def demote(self) -> None:
        """Take away the administrator's right to create columns."""
        raise NotImplementedError

    def with_edits(self, directory: Path, *edits: tuple[str, str]) -> dict[str, str]:
        """Return the setting for a mapping file that differs from the built-in one."""
        name = f"{self.name}.yaml"
        content = (BUILT_IN / name).read_text(encoding="utf-8")
        for old, new in edits:
            assert old in content
            content = content.replace(old, new)
        (directory / name).write_text(content, encoding="utf-8")
        return {"MAPPING_DIR": str(directory)}


class DynamicsDesk(Desk):
    """An environment of Dataverse."""

    name = "dynamics365"
    prefix = ("cosell_", "msft_")
    money = ("estimatedvalue", "estimatedvalu")
    products = "cosell_products"

    def __init__(self, vendors: Vendors, *, storage: str | None = None) -> None:
        super().__init__(vendors, storage=storage)
        self.crm = DataverseSimulator(vendors.entra, vendors.clock, cosell_columns=False)
        self.server = vendors.add(f"dataverse-{uuid.uuid4()}", self.crm)
        self.crm.resource = self.server.url
        self.crm.add_application_user(CLIENT_ID)
        vendors.entra.register_resource(self.server.url)

    def sign_in(self) -> dict[str, str]:
        return {
            "DYNAMICS_URL": self.server.url,
            "DYNAMICS_TENANT_ID": self.vendors.entra.tenant_id,
            "DYNAMICS_CLIENT_ID": CLIENT_ID,
            "DYNAMICS_CLIENT_SECRET": CLIENT_SECRET,
        }

    def columns(self) -> Mapping[str, Column]:
        """Return the columns of an opportunity that somebody added."""
        columns = self.crm.environment.table("opportunity").columns.values()
        return {column.name: column for column in columns if column.custom}

    def custom(self) -> list[str]:
        return sorted(self.columns())

    def add_wrong_type(self) -> None:
        table = self.crm.environment.table("opportunity")
        wrong = Column("cosell_referralvisibility", DataverseKind.STRING, "x", max_length=10)
        table.add_column(wrong, self.vendors.clock.now())

    def demote(self) -> None:
        self.crm.add_application_user(CLIENT_ID, customizer=False)


class SalesforceDesk(Desk):
    """An org of Salesforce. Its app has a user of its own, who may not customize anything."""

    name = "salesforce"
    prefix = ("__c", "_MS__c")
    money = ("Amount", "Amoun")
    products = "Products__c"
    options = Options(user=INTEGRATION_USER)

    def __init__(self, vendors: Vendors, *, storage: str | None = None, multi_currency: bool = True) -> None:
        super().__init__(vendors, storage=storage)
        self.crm = SalesforceSimulator(vendors.clock, cosell_columns=False, multi_currency=multi_currency)
        self.server = vendors.add(f"salesforce-{uuid.uuid4()}", self.crm)
        self.user_id = self.crm.add_connected_app(*SALESFORCE_APP)
        self.demote(customizer=True)

    def sign_in(self) -> dict[str, str]:
        return {
            "SALESFORCE_URL": self.server.url,
            "SALESFORCE_CLIENT_ID": SALESFORCE_APP[0],
            "SALESFORCE_CLIENT_SECRET": SALESFORCE_APP[1],
        }

    def administrator(self, **changes: str) -> App:
        client_id, secret = ADMINISTRATOR
        return self.app(SALESFORCE_CLIENT_ID=client_id, SALESFORCE_CLIENT_SECRET=secret, **changes)

    def fields(self) -> Mapping[str, Field]:
        """Return the fields of an opportunity that somebody added."""
        return {name: each for name, each in self.crm.org.objects["opportunity"].fields.items() if each.custom}

    def custom(self) -> list[str]:
        return sorted(self.fields())

    def add(self, field: Field) -> None:
        """Add a field that nobody was granted yet."""
        object.__setattr__(field, "custom", True)
        self.crm.org.objects["opportunity"].add(field)

    def add_wrong_type(self) -> None:
        self.add(text("Referral_Visibility__c", 10))

    def demote(self, *, customizer: bool = False) -> None:
        self.crm.add_connected_app(*ADMINISTRATOR, username="ada.admin@partner.example", customizer=customizer)


DESKS: Mapping[str, Callable[[Vendors], Desk]] = {"dynamics365": DynamicsDesk, "salesforce": SalesforceDesk}
